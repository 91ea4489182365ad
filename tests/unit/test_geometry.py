"""Boxes and crops: outside the photo, at its borders, overlapping, 1 to 100 faces."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from booth import concurrency
from booth.pixels import geometry
from booth.pixels.geometry import Face

SIZES = st.tuples(st.integers(80, 1200), st.integers(80, 1200))
RATIOS = st.floats(-0.5, 1.5)
DETAILS = st.lists(
    st.builds(
        lambda left, top, width, height: {
            "BoundingBox": {"Left": left, "Top": top, "Width": width, "Height": height},
            "Landmarks": [{"Type": "nose", "X": left + width / 2, "Y": top + height / 2}],
        },
        RATIOS,
        RATIOS,
        st.floats(0, 1.2),
        st.floats(0, 1.2),
    ),
    min_size=1,
    max_size=100,
)


@given(SIZES, DETAILS)
@settings(max_examples=200)
def test_crops_hold_every_face_lie_in_the_photo_and_share_no_pixel(size, details):
    width, height = size
    faces = geometry.faces_from_rekognition(details, width, height)
    crops = geometry.crops_around(faces, width, height)
    assert len(crops) <= geometry.MAX_CROPS
    assert sorted(index for crop in crops for index in crop.faces) == list(range(len(faces)))
    covered = np.zeros((height, width), np.uint8)
    for crop in crops:
        l, t, r, b = crop.box
        assert 0 <= l < r <= width
        assert 0 <= t < b <= height
        covered[t:b, l:r] += 1
        for index in crop.faces:
            fl, ft, fr, fb = geometry.clip(geometry.grow(faces[index].box, geometry.CONTEXT), width, height)
            assert l <= fl
            assert t <= ft
            assert fr <= r
            assert fb <= b
    assert covered.max(initial=0) <= 1


@given(SIZES, DETAILS)
def test_faces_without_area_in_the_photo_are_left_out_and_no_others(size, details):
    width, height = size
    faces = geometry.faces_from_rekognition(details, width, height)
    for face in faces:
        l, t, r, b = geometry.clip(face.box, width, height)
        assert r - l >= 1
        assert b - t >= 1
    inside = [
        each
        for each in (detail["BoundingBox"] for detail in details)
        if each["Left"] >= 0 and each["Top"] >= 0 and each["Left"] + each["Width"] <= 1
        if each["Top"] + each["Height"] <= 1 and each["Width"] * width >= 1.01 and each["Height"] * height >= 1.01
    ]
    assert len(faces) >= len(inside)


@given(SIZES, DETAILS)
def test_json_keeps_faces_and_crops(size, details):
    faces = geometry.faces_from_rekognition(details, *size)
    crops = geometry.crops_around(faces, *size)
    assert geometry.faces_from_json(json.loads(json.dumps(geometry.faces_to_json(faces)))) == faces
    assert geometry.crops_from_json(json.loads(json.dumps(geometry.crops_to_json(crops)))) == crops


def test_two_far_faces_get_two_crops_and_two_near_ones_share_one():
    def at(x):
        return Face((x, 100.0, x + 50.0, 160.0), {})

    assert [crop.faces for crop in geometry.crops_around([at(100.0), at(700.0)], 1000, 400)] == [(0,), (1,)]
    assert [crop.faces for crop in geometry.crops_around([at(100.0), at(160.0)], 1000, 400)] == [(0, 1)]


def test_a_crop_that_joins_two_others_takes_both():
    """The third face touches the crops of the first and the second, which don't touch each other."""
    faces = [Face((0.0, 0.0, 40.0, 40.0), {}), Face((120.0, 0.0, 160.0, 40.0), {}), Face((60.0, 0.0, 100.0, 40.0), {})]
    assert [crop.faces for crop in geometry.crops_around(faces, 400, 100)] == [(0, 1, 2)]


def test_a_hundred_small_faces_get_as_many_crops_as_are_segmented_at_once():
    width = height = 1024
    faces = [
        Face((x * 102 + 40.0, y * 102 + 40.0, x * 102 + 64.0, y * 102 + 70.0), {}) for x in range(10) for y in range(10)
    ]
    crops = geometry.crops_around(faces, width, height)
    assert len(crops) == geometry.MAX_CROPS
    assert max(len(crop.faces) for crop in crops) < 40
    assert concurrency.MOST_AT_ONCE == geometry.MAX_CROPS


def test_eleven_faces_apart_share_where_it_costs_least():
    faces = [Face((x * 92.0 + 30, 30.0, x * 92.0 + 50, 50.0), {}) for x in range(10)] + [
        Face((908.0, 30.0, 928.0, 50.0), {})
    ]
    crops = geometry.crops_around(faces, 1024, 1024)
    assert sorted(len(crop.faces) for crop in crops) == [1] * 9 + [2]
    assert (9, 10) in [crop.faces for crop in crops]


def detail(left, top, width, height, **more):
    return {"BoundingBox": {"Left": left, "Top": top, "Width": width, "Height": height}, **more}


def test_faces_and_landmarks_are_in_pixels_of_the_photo():
    marks = [{"Type": "nose", "X": 0.25, "Y": 0.75}, {"Type": "eyeLeft", "X": 0.5, "Y": 0.125}]
    faces = geometry.faces_from_rekognition(
        [detail(0.25, 0.125, 0.5, 0.25, Landmarks=marks), detail(-0.25, -0.5, 1.0, 1.0)], 800, 400
    )
    assert faces == [
        Face((200.0, 50.0, 600.0, 150.0), {"nose": (200.0, 300.0), "eyeLeft": (400.0, 50.0)}),
        Face((-200.0, -200.0, 600.0, 200.0), {}),
    ]


def test_a_face_needs_a_pixel_of_width_and_of_height_in_the_photo():
    pixel = 1 / 128
    kept = [detail(0, 0, pixel, 0.5), detail(0, 0, 0.5, pixel), detail(-0.5, 0.5, 0.5 + pixel, pixel)]
    dropped = [detail(0, 0, pixel * 0.99, 0.5), detail(0, 0, 0.5, pixel * 0.99), detail(1, 0, 0.5, 0.5)]
    assert len(geometry.faces_from_rekognition(kept, 128, 128)) == 3
    assert geometry.faces_from_rekognition(dropped, 128, 128) == []
    # One that is left out doesn't end the list.
    assert len(geometry.faces_from_rekognition([*dropped, *kept], 128, 128)) == 3


def test_a_box_grows_by_its_own_width_and_height():
    assert geometry.grow((10, 20, 14, 30), 0.5) == (8, 15, 16, 35)
    assert geometry.grow((10, 20, 14, 30), -0.25) == (11, 22.5, 13, 27.5)


def test_a_box_is_clipped_at_each_side():
    assert geometry.clip((-3, -4, 12, 9), 10, 8) == (0, 0, 10, 8)
    assert geometry.clip((2, 3, 4, 5), 10, 8) == (2, 3, 4, 5)
    assert geometry.clip((12, 9, 15, 11), 10, 8) == (10, 8, 10, 8)
    assert geometry.clip((-9, -7, -2, -1), 10, 8) == (0, 0, 0, 0)


def test_a_box_of_whole_pixels_is_the_smallest_around_it_and_never_empty():
    assert geometry.whole_pixels((1.2, 2.7, 3.1, 4.0), 10, 8) == (1, 2, 4, 4)
    assert geometry.whole_pixels((-5, -5, 20, 20), 10, 8) == (0, 0, 10, 8)
    assert geometry.whole_pixels((2.0, 3.0, 2.0, 3.0), 10, 8) == (2, 3, 3, 4)
    assert geometry.whole_pixels((12, 9, 15, 11), 10, 8) == (9, 7, 10, 8)
    assert geometry.whole_pixels((-9, -9, -2, -2), 10, 8) == (0, 0, 1, 1)


def test_boxes_that_share_a_side_or_a_corner_share_no_area():
    middle = (10, 10, 20, 20)
    beside = [(20, 10, 30, 20), (0, 10, 10, 20), (10, 20, 20, 30), (10, 0, 20, 10), (20, 20, 30, 30), (0, 0, 10, 10)]
    assert not [box for box in beside if geometry.overlap(middle, box)]
    sharing = [(19, 10, 30, 20), (0, 10, 11, 20), (10, 19, 20, 30), (10, 0, 20, 11), (12, 12, 13, 13), (0, 0, 99, 99)]
    assert [box for box in sharing if geometry.overlap(middle, box)] == sharing


def test_a_crop_reaches_half_a_face_beyond_it_on_each_side():
    [crop] = geometry.crops_around([Face((100.0, 100.0, 140.0, 160.0), {})], 400, 300)
    assert crop == geometry.Crop((80, 70, 160, 190), (0,))


def test_crops_that_share_pixels_become_the_one_around_both():
    faces = [Face((100.0, 100.0, 140.0, 160.0), {}), Face((30.0, 60.0, 70.0, 100.0), {})]
    assert geometry.crops_around(faces, 400, 300) == [geometry.Crop((10, 40, 160, 190), (0, 1))]
    apart = [Face((100.0, 100.0, 140.0, 160.0), {}), Face((20.0, 100.0, 60.0, 160.0), {})]
    assert [crop.box for crop in geometry.crops_around(apart, 400, 300)] == [(80, 70, 160, 190), (0, 70, 80, 190)]


def test_of_eleven_crops_those_two_become_one_around_which_it_has_least_to_add():
    """Areas decide: two large ones nearby add more than two small ones farther apart."""
    large = [Face((50.0 + 90 * x, 50.0, 90.0 + 90 * x, 290.0), {}) for x in range(9)]
    small = [Face((100.0, 900.0, 104.0, 904.0), {}), Face((112.0, 905.0, 116.0, 909.0), {})]
    crops = geometry.crops_around([*large, *small], 1000, 1000)
    assert crops[-1] == geometry.Crop((98, 898, 118, 911), (9, 10))
    assert [crop.faces for crop in crops] == [(n,) for n in range(9)] + [(9, 10)]


def test_two_large_crops_with_a_narrow_gap_have_less_to_add_than_two_small_ones_with_a_wide_gap():
    others = [Face((60.0 + 130 * x, 700.0, 110.0 + 130 * x, 750.0), {}) for x in range(7)]
    small = [Face((500.0, 500.0, 505.0, 505.0), {}), Face((530.0, 500.0, 535.0, 505.0), {})]
    large = [Face((100.0, 100.0, 150.0, 150.0), {}), Face((201.0, 100.0, 251.0, 150.0), {})]
    for faces in ([*others, *small, *large], [*large, *small, *others]):
        crops = geometry.crops_around(faces, 1000, 1000)
        assert crops[-1].box == (75, 75, 276, 175)
        assert sorted(len(crop.faces) for crop in crops) == [1] * 9 + [2]


def test_faces_one_above_the_other_share_a_crop_where_that_costs_least():
    faces = [Face((30.0, y * 92.0 + 30, 50.0, y * 92.0 + 50), {}) for y in range(10)]
    faces.append(Face((30.0, 908.0, 50.0, 928.0), {}))
    crops = geometry.crops_around(faces, 1024, 1024)
    assert [crop.faces for crop in crops] == [(n,) for n in range(9)] + [(9, 10)]
    assert crops[-1].box == (20, 848, 60, 938)


def test_json_names_what_it_holds():
    """A state machine that was started before a deployment hands them on after it."""
    face, crop = Face((1.0, 2.0, 3.0, 4.0), {"nose": (5.0, 6.0)}), geometry.Crop((1, 2, 3, 4), (0, 2))
    assert geometry.faces_to_json([face]) == [{"box": (1.0, 2.0, 3.0, 4.0), "landmarks": {"nose": (5.0, 6.0)}}]
    assert geometry.crops_to_json([crop]) == [{"box": (1, 2, 3, 4), "faces": (0, 2)}]
    assert geometry.faces_from_json([{"box": [1, 2, 3, 4], "landmarks": {"nose": [5, 6]}}]) == [face]
    assert geometry.crops_from_json([{"box": [1, 2, 3, 4], "faces": [0, 2]}]) == [crop]
