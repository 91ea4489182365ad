"""A picture in which the model has invented people is painted once more, and nothing of it fails the picture."""

import base64
import io
import json
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from werkzeug.wrappers import Request, Response

from booth import clock, limits
from booth.aws import clients
from booth.lifecycle import ending
from booth.painting import records, repainting
from booth.pixels import encoding
from booth.run import Turn
from booth.runs import store
from tests.support.painting import KEEP, PIXELS, admit_run, paint
from tests.support.serving import serving

TITAN = "amazon.titan-image-generator-v2:0@us-east-1"
FIRST, SECOND = 60, 140
"""Grey of what the model paints at its first and second call."""


def refused(status, kind, message):
    headers = {"x-amzn-errortype": kind}
    return Response(json.dumps({"message": message}), status, headers, content_type="application/json")


BUSY = refused(429, "ThrottlingException", "Too many requests")
BROKEN = refused(500, "InternalServerException", "broken")
BLOCKED = Response(
    json.dumps({"images": [], "error": "All of the generated images have been blocked by our content filters."})
)
UNKNOWN = Response(json.dumps({"images": [], "error": "Something about this picture."}))


def details(*heights, confidences=()):
    """DetectFaces' answer with faces of these heights, sure unless `confidences` are given."""
    boxes = [{"Left": 0.1, "Top": 0.1, "Width": height * 0.5, "Height": height} for height in heights]
    sure = confidences or [99.0] * len(heights)
    return {"FaceDetails": [{"BoundingBox": box, "Confidence": each} for box, each in zip(boxes, sure, strict=True)]}


class Services:
    """An image model, and Rekognition: what they were asked, and what they answer."""

    def __init__(self):
        self.painted: list[dict] = []
        self.looked_at: list[bytes] = []
        self.faces: dict | Response = details(0.4)
        self.second: Response | None = None
        """What the model answers to the second call in place of a picture."""

    def __call__(self, environ, start_response):
        request = Request(environ)
        respond = self.rekognition if "X-Amz-Target" in request.headers else self.model
        return respond(request)(environ, start_response)

    def model(self, request):
        self.painted.append(json.loads(request.get_data()))
        if len(self.painted) > 1 and self.second:
            return self.second
        file = io.BytesIO()
        grey = (FIRST, SECOND)[len(self.painted) - 1]
        Image.new("RGB", (128, 96), (grey, grey, grey)).save(file, "PNG")
        return Response(json.dumps({"images": [base64.b64encode(file.getvalue()).decode()]}))

    def rekognition(self, request):
        self.looked_at.append(base64.b64decode(json.loads(request.get_data())["Image"]["Bytes"]))
        if isinstance(self.faces, Response):
            return self.faces
        return Response(json.dumps(self.faces), content_type="application/x-amz-json-1.1")


@pytest.fixture
def services(dynamodb, environment):
    """A run with one visitor, admitted, with its files in an emulated S3; invented people are painted over."""
    services = Services()
    environment.setenv("REPAINT_INVENTED_PEOPLE", "true")
    admit_run(environment, f"{TITAN}=3")
    store.set_faces("r", 1, 0)
    with serving(services) as url:
        for service in ("BEDROCK_RUNTIME", "REKOGNITION"):
            environment.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        yield services


def published():
    """The grey that the model painted in the picture that was published, which is the only one."""
    key = store.get("r").pictures["p1"]["key"]
    data = clients.client("s3").get_object(Bucket="results", Key=key)["Body"].read()
    found = clients.client("s3").list_objects_v2(Bucket="results", Prefix="photo/")["Contents"]
    assert [each["Key"] for each in found] == [key]
    return round(encoding.decode(data)[48, 110].mean())


def seeds(services):
    return [request["imageGenerationConfig"]["seed"] for request in services.painted]


def test_one_with_an_invented_person_is_painted_once_more_with_another_seed(services, counts):
    services.faces = details(0.4, 0.3)
    paint()
    first, second = services.painted
    assert first["outPaintingParams"] == second["outPaintingParams"]
    assert len(set(seeds(services))) == 2
    assert published() == pytest.approx(SECOND, abs=2)
    assert counts() == {"PeopleInvented": 1, "PaintedAgain": 1, "ModelsUnavailable": 0}


def test_what_is_counted_is_the_picture_that_would_be_published(services):
    paint()
    [picture] = map(encoding.decode, services.looked_at)
    assert picture[48, 110].mean() == pytest.approx(FIRST, abs=2)
    assert np.abs(picture[KEEP].astype(int) - PIXELS[KEEP]).mean() < 6, "with the kept pixels"


def test_the_second_one_is_taken_whatever_it_shows(services):
    services.faces = details(0.4, 0.3, 0.3)
    paint()
    assert (len(services.painted), len(services.looked_at)) == (2, 1)


@pytest.mark.parametrize(
    "faces",
    [details(0.4), details(), details(0.4, *[0.05] * 30), details(0.4, 0.4, confidences=(99, 60))],
    ids=["as many", "none", "a painted crowd far behind", "one that is not sure"],
)
def test_one_with_no_more_visitors_than_the_photo_is_painted_once(services, faces, counts):
    services.faces = faces
    paint()
    assert len(services.painted) == 1
    assert counts() == {"ModelsUnavailable": 0}


def test_nothing_is_counted_unless_it_is_wanted(services, environment):
    environment.setenv("REPAINT_INVENTED_PEOPLE", "false")
    services.faces = details(0.4, 0.3)
    paint()
    assert (len(services.painted), services.looked_at) == (1, [])


@pytest.mark.parametrize(
    "status,body",
    [
        (400, b'{"__type": "ThrottlingException", "message": "slow down"}'),
        (400, b'{"__type": "AccessDeniedException", "message": "no"}'),
        (500, b'{"__type": "InternalServerError", "message": "broken"}'),
        pytest.param(200, b"garbage", marks=pytest.mark.strange_answers("mangled on its way")),
        (200, b"{}"),
        (200, b'{"FaceDetails": [{"Confidence": 99}]}'),
    ],
)
def test_a_count_that_fails_fails_no_picture(services, counts, status, body):
    services.faces = Response(body, status, content_type="application/x-amz-json-1.1")
    paint()
    assert published() == pytest.approx(FIRST, abs=2)
    assert (len(services.painted), len(services.looked_at)) == (1, 1), "there may be no time for a second question"
    assert counts() == {"PeopleNotCounted": 1, "ModelsUnavailable": 0}


@pytest.mark.parametrize("second", [BUSY, BROKEN, BLOCKED, UNKNOWN], ids=["throttled", "broken", "blocked", "unknown"])
def test_a_second_painting_that_fails_leaves_the_first_one(services, counts, second):
    services.faces, services.second = details(0.4, 0.3), second
    paint()
    assert published() == pytest.approx(FIRST, abs=2)
    assert len(services.painted) == 2
    assert "PaintedAgain" not in counts()


def test_the_second_painting_takes_a_slot_of_the_quota(services):
    services.faces = details(0.4, 0.3)
    paint()
    [(name, times)] = records.pace().slots.items()
    assert len(times) == 2
    assert all(records.slot_last_used(Turn(name, slot, 0)) for slot in (0, 1))


def test_when_the_quota_is_used_up_the_first_one_is_published(services, environment):
    environment.setenv("IMAGE_MODELS", f"{TITAN}=1")
    services.faces = details(0.4, 0.3)
    paint()
    assert published() == pytest.approx(FIRST, abs=2)
    assert len(services.painted) == 1


def test_when_the_functions_time_is_short_the_first_one_is_published_uncounted(services, environment):
    environment.setattr(limits, "LATEST_REPAINT_CHECK_SECONDS", 0)
    services.faces = details(0.4, 0.3)
    paint()
    assert (len(services.painted), services.looked_at) == (1, [])
    assert published() == pytest.approx(FIRST, abs=2)


def test_no_second_painting_begins_later_than_a_first_one_may(services):
    run = store.get("r")
    turn = run.turns[1]
    assert repainting.is_due(run, 1, time.monotonic())
    late = replace(turn, at=clock.now_ms() - limits.LATEST_PAINTING_SECONDS * 1000 - 1)
    assert not repainting.is_due(replace(run, turns={1: late}), 1, time.monotonic())


def test_a_retry_is_painted_once_more_too(services):
    services.faces = details(0.4, 0.3)
    paint(attempt=1)
    assert len(services.painted) == 2
    assert published() == pytest.approx(SECOND, abs=2)


def test_a_run_that_ends_meanwhile_publishes_neither(services):
    services.faces = details(0.4, 0.3)
    ask = services.rekognition

    def end_then_answer(request):
        ending.end(store.get("r"), "States.Timeout")
        return ask(request)

    services.rekognition = end_then_answer
    with pytest.raises(Exception, match="ended"):
        paint()
    assert "Contents" not in clients.client("s3").list_objects_v2(Bucket="results", Prefix="photo/")
