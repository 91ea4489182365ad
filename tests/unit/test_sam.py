"""The SAM endpoint: requests in both protocols, and its errors as ours."""

import base64
import json
import struct
import zlib

import numpy as np
import pytest
from werkzeug.wrappers import Response

from booth.aws import sam
from booth.errors import ServiceUnavailable
from booth.pixels import encoding
from booth.pixels.geometry import Crop, Face
from tests.support.service_errors import ERRORS
from tests.support.serving import serving

IMAGE = encoding.encode_png(np.full((120, 160, 3), 128, np.uint8))
FACES = [
    Face((30.0, 30.0, 60.0, 70.0), {"nose": (45.0, 50.0)}),
    Face((100.0, 30.0, 130.0, 70.0), {"nose": (400.0, 0.0)}),
]
CROP = Crop((0, 0, 160, 120), (0, 1))


def test_the_request_holds_boxes_and_the_landmarks_inside_the_crop():
    request = json.loads(sam.request_for(Crop((20, 10, 140, 110), (0, 1)), FACES, IMAGE))
    assert request["input_boxes"] == [[10.0, 20.0, 40.0, 60.0], [80.0, 20.0, 110.0, 60.0]]
    assert request["input_points"] == [[[25.0, 40.0]], []]


@pytest.mark.parametrize(("protocol", "calls"), [("extended", 1), ("classic", 2)])
def test_one_mask_for_all_faces_in_both_protocols(models, environment, protocol, calls):
    environment.setenv("SAM_PROTOCOL", protocol)
    before = models.calls("sagemaker")
    mask = sam.segment(sam.request_for(CROP, FACES, IMAGE))
    assert models.calls("sagemaker") - before == calls
    assert mask.shape == (120, 160)
    assert mask[50, 45]
    assert mask[50, 115]
    assert not mask[5, 5]


@pytest.mark.parametrize(
    ("fault", "error"),
    [*ERRORS, ({"status": 424, "type": "ModelError", "message": "worker died"}, ServiceUnavailable)],
)
def test_errors_of_the_endpoint(models, fault, error):
    models.set("sagemaker", faults=[fault])
    with pytest.raises(error):
        sam.segment(sam.request_for(CROP, FACES, IMAGE))


def mask_image(png):
    return json.dumps({"mask_image": base64.b64encode(png).decode()}).encode()


def enlarged(png, side):
    """A PNG whose header says side x side."""
    header = png[12:16] + struct.pack(">II", side, side) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


@pytest.mark.starts
@pytest.mark.parametrize(
    "answer",
    [
        *map(mask_image, [b"", IMAGE[:40], IMAGE[:33] + b"\0\0\0\4" + IMAGE[37:], enlarged(IMAGE, 60_000)]),
        b"[" * 100_000,
        b"null",
        b"{}",
        b'{"mask_image": 7}',
    ],
    ids=["empty", "cut off", "wrong length", "a bomb", "deep", "null", "another", "a number"],
)
def test_what_is_no_mask_is_passing_trouble(environment, answer):
    answer = Response(answer)
    environment.setenv("SAM_ENDPOINT", "sam")
    environment.setenv("SAM_PROTOCOL", "extended")
    with serving(answer) as url:
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        with pytest.raises(ServiceUnavailable, match="no mask"):
            sam.segment(sam.request_for(CROP, FACES, IMAGE))
