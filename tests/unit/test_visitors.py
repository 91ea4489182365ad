"""Whose faces are visitors': by confidence, by size against the largest, by size against the photo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booth.pixels import geometry
from booth.pixels.visitors import SHARE_OF_LARGEST, SHARE_OF_PHOTO, SURE, visitors_of

WIDTH, HEIGHT = 1600, 1200


def detail(left, top, width, height, confidence=99.9):
    """A FaceDetail; lengths in pixels of the photo."""
    box = {"Left": left / WIDTH, "Top": top / HEIGHT, "Width": width / WIDTH, "Height": height / HEIGHT}
    return {"BoundingBox": box, "Confidence": confidence, "Landmarks": []}


def faces(*heights, confidence=99.9):
    """FaceDetails of these heights."""
    return [detail(100, 100, height * 0.75, height, confidence) for height in heights]


def heights_of(details, size=(WIDTH, HEIGHT)):
    return [round(face.box[3] - face.box[1]) for face in visitors_of(details, *size)]


def test_what_rekognition_takes_for_a_face_at_54_percent_is_no_visitor():
    """An answer of DetectFaces as another booth's operators reported it."""
    answer = [
        {"BoundingBox": {"Left": 0.36, "Top": 0.33, "Width": 0.26, "Height": 0.45}, "Confidence": 99.99},
        {"BoundingBox": {"Left": 0.85, "Top": 0.06, "Width": 0.05, "Height": 0.08}, "Confidence": 54.2},
    ]
    assert len(visitors_of(answer, 1024, 768)) == 1
    assert len(visitors_of(answer[1:], 1024, 768)) == 0


@pytest.mark.parametrize("confidence,visitors", [(50, 0), (79.99, 0), (80, 1), (100, 1)])
def test_a_visitors_face_is_sure(confidence, visitors):
    assert len(visitors_of(faces(300, confidence=confidence), WIDTH, HEIGHT)) == visitors


def test_a_face_without_confidence_counts_as_sure():
    assert len(visitors_of([{"BoundingBox": faces(300)[0]["BoundingBox"]}], WIDTH, HEIGHT)) == 1


@pytest.mark.parametrize("number", [1, 2, 3, 10, 30, 100])
def test_a_row_of_equally_small_people_is_a_group(number):
    assert len(visitors_of(faces(*[30] * number), WIDTH, HEIGHT)) == number


@pytest.mark.parametrize("number", [1, 2, 3, 10, 30, 99])
def test_a_crowd_far_behind_one_visitor_is_not(number):
    assert heights_of(faces(*[40] * number, 400)) == [400]


@pytest.mark.parametrize("visitors", [1, 2, 5, 30])
def test_a_crowd_far_behind_a_group_is_not_and_the_group_is(visitors):
    group = [200 + 4 * number for number in range(visitors)]
    assert heights_of(faces(*group, *[45] * 60)) == group


@pytest.mark.parametrize(
    "heights",
    [(300, 280, 310, 150), (400, 390, 240, 230, 235), (300, 120), (90, 60, 50, 40, 30, 28)],
    ids=["a child among adults", "a second row", "a child in the second row", "a large group, from near to far"],
)
def test_whoever_is_not_much_smaller_than_the_largest_stays(heights):
    assert heights_of(faces(*heights)) == list(heights)


@pytest.mark.parametrize("largest,least", [(300, 90), (1000, 120)], ids=["of the largest", "of the photo"])
def test_the_line_is_where_it_is_told_to_be(largest, least):
    assert heights_of(faces(largest, least + 1, least - 1)) == [largest, least + 1]


def test_a_small_poster_behind_a_visitor_goes_and_a_large_one_takes_no_visitor_away():
    assert heights_of(faces(400, 100)) == [400]
    assert heights_of(faces(1000, 130, 125)) == [1000, 130, 125]


def test_a_large_face_that_is_not_sure_takes_no_visitor_away():
    assert heights_of(faces(1000, confidence=60) + faces(90, 80)) == [90, 80]


def test_a_turned_head_is_as_large_as_it_is_high():
    turned = detail(500, 100, 40, 120)
    assert len(visitors_of([*faces(400), turned], WIDTH, HEIGHT)) == 2


def test_a_face_that_the_border_cuts_counts_whole():
    cut = detail(-60, 100, 90, 125)
    assert len(visitors_of([*faces(400), cut], WIDTH, HEIGHT)) == 2


def test_a_face_outside_the_photo_is_no_visitor_and_makes_no_other_small():
    outside = detail(WIDTH, 0, 900, 900)
    assert heights_of([outside, *faces(100)]) == [100]


SIZES = st.tuples(st.integers(80, 1408), st.integers(80, 1408))
DETAILS = st.lists(
    st.builds(
        lambda left, top, width, height, confidence: {
            "BoundingBox": {"Left": left, "Top": top, "Width": width, "Height": height},
            "Confidence": confidence,
        },
        st.floats(-0.02, 0.9),
        st.floats(-0.02, 0.9),
        st.floats(0.05, 0.9),
        st.floats(0.05, 0.9),
        st.floats(50, 100),
    ),
    max_size=100,
)
"""Each with more than a pixel in the photo."""


def visitors_among(details, size):
    """The FaceDetails of the visitors."""
    found = visitors_of(details, *size)
    return [each for each in details if is_sure(each) and geometry.faces_from_rekognition([each], *size)[0] in found]


def is_sure(detail):
    return detail["Confidence"] >= SURE


def length_of(detail, size):
    box = detail["BoundingBox"]
    return max(box["Width"] * size[0], box["Height"] * size[1])


@given(SIZES, DETAILS, st.randoms())
def test_the_order_of_the_faces_does_not_matter(size, details, random):
    shuffled = visitors_of(random.sample(details, len(details)), *size)
    assert sorted(face.box for face in shuffled) == sorted(face.box for face in visitors_of(details, *size))


@given(SIZES, DETAILS, st.sampled_from([2, 4, 8]))
def test_the_photos_resolution_does_not_matter(size, details, scale):
    larger = (size[0] * scale, size[1] * scale)
    assert visitors_among(details, larger) == visitors_among(details, size)


@given(SIZES, DETAILS)
def test_if_a_face_is_sure_the_largest_such_one_is_a_visitors(size, details):
    sure = [each for each in details if is_sure(each)]
    found = visitors_among(details, size)
    assert bool(found) == bool(sure)
    if sure:
        assert max(sure, key=lambda each: length_of(each, size)) in found


@given(SIZES, DETAILS)
def test_whoever_is_larger_than_a_visitor_and_sure_is_one_too(size, details):
    found = visitors_among(details, size)
    left_out = [each for each in details if is_sure(each) and each not in found]
    if found and left_out:
        assert max(length_of(each, size) for each in left_out) < min(length_of(each, size) for each in found)


@given(SIZES, DETAILS)
def test_without_those_who_are_no_visitors_the_others_stay_the_same(size, details):
    found = visitors_among(details, size)
    assert visitors_among(found, size) == found


@given(SIZES, DETAILS)
def test_nobody_near_the_largest_or_large_in_the_photo_is_left_out(size, details):
    sure = [each for each in details if is_sure(each)]
    found = visitors_among(details, size)
    for each in sure:
        near = length_of(each, size) > 1.001 * SHARE_OF_LARGEST * max(length_of(other, size) for other in sure)
        assert each in found or not (near or length_of(each, size) > 1.001 * SHARE_OF_PHOTO * min(size))


@given(SIZES, DETAILS, st.floats(80, 100))
def test_a_surer_face_is_not_less_of_a_visitors(size, details, confidence):
    found = visitors_among(details, size)
    surer = [each | {"Confidence": confidence} if each in found else each for each in details]
    assert visitors_of(surer, *size) == visitors_of(details, *size)
