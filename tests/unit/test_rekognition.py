"""Rekognition: faces, what is refused, and its errors as ours."""

import io

import numpy as np
import pytest
from PIL import Image

from booth.aws import rekognition
from booth.errors import InternalError, ServiceUnavailable
from booth.pixels import encoding, intake
from booth.run import Run, Status, Step
from tests.support.service_errors import ERRORS

BOX = {"Left": 0.1, "Top": 0.1, "Width": 0.2, "Height": 0.3}
IMAGE = encoding.encode_png(np.full((120, 160, 3), 128, np.uint8))


def test_faces_are_found(models):
    models.set("rekognition", canned={"faces": 7})
    assert len(rekognition.detect_faces(IMAGE)) == 7


@pytest.mark.parametrize(("fault", "error"), ERRORS)
def test_errors_of_rekognition(models, fault, error):
    models.set("rekognition", faults=[fault])
    with pytest.raises(error):
        rekognition.detect_faces(IMAGE)


MANGLED = pytest.mark.strange_answers("no answer of Rekognition's is like that, so they are taken for mangled ones")


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"BoundingBox": {"Left": 0.1}},
        {"BoundingBox": BOX, "Landmarks": [{"Type": "nose"}]},
        pytest.param(None, marks=MANGLED),
        pytest.param({"BoundingBox": BOX | {"Left": "0.1"}}, marks=MANGLED),
        pytest.param({"BoundingBox": BOX, "Confidence": "high"}, marks=MANGLED),
    ],
    ids=["no box", "half a box", "half a landmark", "null", "text for a number", "text for how sure it is"],
)
def test_an_answer_with_a_face_that_is_nowhere_is_none(models, detail):
    models.set("rekognition", canned={"faces": [{"BoundingBox": BOX, "Confidence": 99.0}, detail]})
    with pytest.raises(ServiceUnavailable):
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


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_pages_jpeg_is_sent_as_it_lies_and_any_other_photo_as_it_is_made(monkeypatch, kind):
    import detect_faces

    out, sent = io.BytesIO(), []
    Image.new("RGB", (1600, 1200), "teal").save(out, kind)
    monkeypatch.setenv("MODERATION_THRESHOLD", "50")
    monkeypatch.setenv("PICTURE_SIDE", "1024")
    monkeypatch.setattr(rekognition, "detect_faces", lambda image: sent.append(image) or [])
    monkeypatch.setattr(rekognition, "is_refused", lambda image, _: sent.append(image) or False)
    monkeypatch.setattr(detect_faces.work, "write_photo", lambda *_: b"")
    monkeypatch.setattr(detect_faces.publishing, "publish_copy", lambda *_: None)
    run = Run("r", Status.RUNNING, Step.DETECT, 1)

    assert detect_faces.detect(run, out.getvalue()) == ([], (1024, 768))

    made = intake.as_it_lies(out.getvalue()) if kind == "JPEG" else intake.normalise(out.getvalue()).detection
    assert sent == [made, made]
