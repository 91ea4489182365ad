"""Keys: which a photo may lie under, what they are made of, and how the CDN names them."""

import uuid

import pytest

from booth import keys


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        ("photo/a.jpg", True),
        ("photo/x", True),
        ("photo/Photo_1", True),
        ("photo/photo", True),
        ("photo/" + "x" * 1018, True),
        ("photo/" + "x" * 1019, False),
        ("photo/" + "é" * 509, True),
        ("photo/" + "é" * 510, False),
        ("photo/", False),
        ("photo/photo_", False),
        ("photo/photo_a_1.jpeg", False),
        ("photo/a/b", False),
        ("work/a", False),
        ("a.jpg", False),
        ("", False),
    ],
)
def test_a_photo_lies_under_photo_and_is_not_named_like_a_picture(key, fits):
    assert keys.is_upload_key(key) is fits


def test_the_documented_key_is_the_file_name_under_photo_where_that_may_be():
    assert keys.documented_key("우리.jpg") == "photo/우리.jpg"
    assert keys.documented_key("photo_1") is None


@pytest.mark.parametrize(
    ("content_type", "ending"),
    [("jpeg", "jpg"), ("png", "png"), ("webp", "webp"), ("heic", "heic"), ("heif", "heif")],
)
def test_an_unguessable_key_is_a_uuid_with_the_types_ending(content_type, ending):
    made = [keys.unguessable_key(f"image/{content_type}") for _ in range(2)]
    assert made[0] != made[1]
    for key in made:
        name, _, end = key.removeprefix("photo/").rpartition(".")
        assert (key, str(uuid.UUID(name)), end) == (f"photo/{name}.{ending}", name, ending)


def test_pictures_are_named_by_a_uuid_where_the_caller_gave_no_id():
    names = {keys.picture_id("", documented) for documented in (True, False)}
    assert {str(uuid.UUID(name)) for name in names} == names
    assert len(names) == 2


def test_the_documented_name_of_a_picture():
    assert keys.picture_key("a-1", 3) == "photo/photo_a-1_3.jpeg"


def test_work_files_lie_under_their_run():
    assert keys.work_key("run", "mask.png") == "work/run/mask.png"
    assert keys.work_key("run", "") == "work/run/"


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("photo/a.jpg", "/photo/a.jpg"),
        ("photo/a~b.jpg", "/photo/a%7Eb.jpg"),
        ("photo/a b+c%20.jpg", "/photo/a%20b%2Bc%2520.jpg"),
        ("photo/é*.jpg", "/photo/%C3%A9%2A.jpg"),
    ],
)
def test_the_cdn_is_asked_for_percent_encoded_paths(key, path):
    assert keys.address(key) == path
