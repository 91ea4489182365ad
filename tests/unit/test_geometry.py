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
