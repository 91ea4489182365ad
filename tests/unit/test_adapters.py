"""Rekognition and the SAM endpoint over their wire protocols: right answers, AWS's errors, nonsense."""

import base64
import json

import numpy as np
import pytest
from werkzeug.wrappers import Response

from booth.aws import rekognition, sam
from booth.errors import AccessDenied, InternalError, ServiceUnavailable, Throttled, TimedOut, kind_of
from booth.pixels import encoding
from booth.pixels.geometry import Crop, Face
from tests.support.serving import serving

IMAGE = encoding.encode_png(np.full((120, 160, 3), 128, np.uint8))
FACES = [
    Face((30.0, 30.0, 60.0, 70.0), {"nose": (45.0, 50.0)}),
    Face((100.0, 30.0, 130.0, 70.0), {"nose": (400.0, 0.0)}),
]
CROP = Crop((0, 0, 160, 120), (0, 1))

ERRORS = [
    ({"status": 400, "type": "ThrottlingException", "message": "slow down"}, Throttled),
    ({"status": 500, "type": "InternalServerError", "message": "oh"}, ServiceUnavailable),
    ({"status": 400, "type": "AccessDeniedException", "message": "no"}, AccessDenied),
    ({"kind": "reset"}, ServiceUnavailable),
    ({"kind": "malformed"}, ServiceUnavailable),
]


def test_faces_are_found(models):
    models.set("rekognition", canned={"faces": 7})
    assert len(rekognition.detect_faces(IMAGE)) == 7


@pytest.mark.parametrize(("fault", "error"), ERRORS)
def test_errors_of_rekognition(models, fault, error):
    models.set("rekognition", faults=[fault])
    with pytest.raises(error):
        rekognition.detect_faces(IMAGE)


@pytest.mark.parametrize(("fault", "error"), ERRORS)
def test_errors_of_moderation(models, fault, error):
    models.set("rekognition", faults=[fault])
    with pytest.raises(error):
        rekognition.is_refused(IMAGE, 50)


@pytest.mark.parametrize(
    ("labels", "refused"),
    [
        ({}, False),
        ({"Explicit": 70.0}, True),
        ({"Explicit": 69.9}, False),
        ({"Alcohol": 99.0, "Graphic Violence": 71.0}, True),
        ({"Alcohol": 99.0, "Kissing on the Lips": 99.0, "Violence": 99.0, "Weapons": 99.0}, False),
    ],
)
def test_what_is_refused_from_a_threshold_of_70(models, labels, refused):
    models.set("rekognition", canned={"labels": labels})
    assert rekognition.is_refused(IMAGE, 70.0) is refused


def test_an_image_that_rekognition_does_not_take_is_our_defect(models):
    fault = {"status": 400, "type": "InvalidImageFormatException", "message": "Request has invalid image format."}
    models.set("rekognition", faults=[fault])
    with pytest.raises(InternalError):
        rekognition.detect_faces(IMAGE)


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


@pytest.mark.starts
@pytest.mark.parametrize("damage", [IMAGE[:40], IMAGE[:33] + b"\0\0\0\4" + IMAGE[37:]], ids=["cut off", "wrong length"])
def test_a_mask_that_is_broken_is_passing_trouble(environment, damage):
    answer = Response(json.dumps({"mask_image": base64.b64encode(damage).decode()}))
    environment.setenv("SAM_ENDPOINT", "sam")
    environment.setenv("SAM_PROTOCOL", "extended")
    with serving(answer) as url:
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        with pytest.raises(ServiceUnavailable, match="no mask"):
            sam.segment(sam.request_for(CROP, FACES, IMAGE))


def test_names_of_errors_that_step_functions_reports():
    assert kind_of("States.Timeout") is TimedOut
    for lost in ("Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.TooManyRequestsException"):
        assert kind_of(lost) is ServiceUnavailable
    for ours in (Throttled, AccessDenied):
        assert kind_of(ours.__name__) is ours
    for defect in ("KeyError", "Conflict", "", "States.Runtime"):
        assert kind_of(defect) is InternalError
