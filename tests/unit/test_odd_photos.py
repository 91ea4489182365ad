"""Odd photos in the pixel modules: many faces, faces at borders, narrow photos."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from booth.aws import sam
from booth.pixels import encoding, geometry, masks
from local.standins.sagemaker import MAX_BODY
from sam_model.serving import protocol
from tests.odd_photos.checks import broken_promises
from tests.support import kept_faces

MARKS = {"eyeLeft": (0.3, 0.4), "eyeRight": (0.7, 0.4), "nose": (0.5, 0.58)}


def face(left, top, width, height):
    return geometry.Face(
        (left, top, left + width, top + height),
        {name: (left + x * width, top + y * height) for name, (x, y) in MARKS.items()},
    )


def test_the_largest_request_fits_the_endpoint_and_holds_a_hundred_faces():
    """The largest photo, of noise, with as many faces as Rekognition finds, so close that they are one crop."""
    side = 1408
    photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    faces = [face(x * 140.0, y * 140.0, 100, 120) for x in range(10) for y in range(10)]
    [crop] = geometry.crops_around(faces, side, side)
    request = sam.request_for(crop, faces, encoding.encode_jpeg(photo))
    assert len(request) < MAX_BODY
    asked = protocol.read_request(protocol.read_fields(request, "application/json"))
    assert len(asked.prompts) == 100


@given(
    st.sampled_from([(256, 1024), (1024, 256), (1024, 1024), (1024, 700)]),
    st.lists(st.tuples(*[st.floats(-0.4, 1.1)] * 2, *[st.floats(0.02, 0.9)] * 2), min_size=1, max_size=12),
    st.booleans(),
)
@settings(max_examples=30)
def test_kept_pixels_are_the_photos_wherever_the_faces_lie(size, boxes, is_heard):
    width, height = size
    photo = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    details = [
        {
            "BoundingBox": {"Left": l, "Top": t, "Width": w, "Height": h},
            "Landmarks": [{"Type": name, "X": l + x * w, "Y": t + y * h} for name, (x, y) in MARKS.items()],
        }
        for l, t, w, h in boxes
    ]
    faces = geometry.faces_from_rekognition(details, width, height)
    crops = geometry.crops_around(faces, width, height)
    found = [np.ones((c.box[3] - c.box[1], c.box[2] - c.box[0]), bool) if is_heard else None for c in crops]
    keep, _ = masks.keep_mask(width, height, faces, crops, found)
    assert list(broken_promises(kept_faces.Case(photo, faces, keep))) == []
