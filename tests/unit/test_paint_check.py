"""paint_model/check.py against the SageMaker stand-in with the scene painter, and against wrong answers."""

import base64
import io
import json
from functools import partial

import numpy as np
import pytest
from PIL import Image
from werkzeug.wrappers import Request, Response

from local.standins import painter, sagemaker, server
from local.standins.bedrock import BEDROCK
from paint_model import check
from tests.support.serving import serving

pytestmark = pytest.mark.starts

NAME = "photo-booth-paint-dev"


def asked(capsys, *options):
    """The exit status, and what was printed to standard output and standard error."""
    status = check.main([NAME, *options])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.fixture
def endpoint(environment, monkeypatch):
    """A function that serves a WSGI application as SageMaker's runtime while a test goes on."""
    monkeypatch.setattr(check, "PAUSE_SECONDS", 0)
    running = []

    def serve(application):
        context = serving(application)
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", context.__enter__())
        running.append(context)

    yield serve
    for context in running:
        context.__exit__(None, None, None)


def painted(change):
    """An endpoint whose picture is `change` of photo and mask: uint8 (height, width, 3), bool (height, width)."""

    def answer(environ, start_response):
        body = json.loads(Request(environ).get_data())
        photo, mask = (np.asarray(Image.open(io.BytesIO(base64.b64decode(body[key])))) for key in ("image", "mask"))
        assert (mask.shape, set(np.unique(mask)), set(body)) == (
            photo.shape[:2],
            {0, 255},
            {"image", "mask", "prompt", "seed"},
        )
        file = io.BytesIO()
        Image.fromarray(change(photo, mask == 255)).save(file, "PNG")
        text = json.dumps({"image": base64.b64encode(file.getvalue()).decode(), "seconds": 4.0})
        return Response(text, content_type="application/json")(environ, start_response)

    return answer


def noise(photo, where):
    """The photo with a chequered pattern in place of what is to be painted."""
    pattern = np.indices(where.shape).sum(axis=0)[..., None] // 16 % 2 * 200
    return np.where(where[..., None], pattern, photo).astype(np.uint8)


def test_the_stand_in_passes_with_its_scene_painter(endpoint, capsys):
    services = {"painter": lambda: partial(painter.serve, endpoint=NAME, model=painter.Scenes(BEDROCK.paint))}
    endpoint(server.StandIns(services, "sam", NAME))
    status, out, err = asked(capsys)
    assert (status, err) == (0, "")
    assert out.startswith(f"{NAME} works: what stays is ") and "in ImageModels" in out


def test_a_picture_as_asked_for_passes_and_the_pace_is_told(endpoint, capsys):
    endpoint(painted(noise))
    status, out, _ = asked(capsys)
    assert status == 0
    assert "what stays is 0.0 of 255 from the photo" in out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda photo, where: photo, "less than 16"),
        (lambda photo, where: noise(photo, ~where), "What had to stay is"),
        (lambda photo, where: np.where(where[..., None], 200, photo).astype(np.uint8), "one colour"),
        (lambda photo, where: noise(photo, where)[:256], "The picture is 512x256 pixels; the photo is 512x512"),
        (lambda photo, where: noise(photo, where)[..., 0], "PNG L"),
    ],
    ids=["unpainted", "mask the other way", "one colour", "another size", "grey"],
)
def test_another_picture_does_not(endpoint, capsys, change, reason):
    endpoint(painted(change))
    status, out, err = asked(capsys)
    assert (status, out) == (1, "")
    assert reason in err


@pytest.mark.parametrize(
    "text", ["no JSON", "{}", '{"image": "+"}', json.dumps({"image": base64.b64encode(b"no picture").decode()})]
)
def test_an_answer_without_a_picture_is_told(endpoint, capsys, text):
    endpoint(Response(text, content_type="application/json"))
    status, _, err = asked(capsys)
    assert status == 1
    assert err.startswith("The answer holds no picture: ")


def after(answers):
    """An endpoint that gives these answers, one a request, and then pictures."""
    waiting = list(answers)

    def answer(environ, start_response):
        return (waiting.pop(0) if waiting else painted(noise))(environ, start_response)

    return answer


def test_an_instance_that_is_being_started_or_busy_is_asked_again(endpoint, capsys):
    busy = [sagemaker.model_error(NAME, status, "wait") for status in (503, 503, 429)]
    endpoint(after([*busy, sagemaker.error(503, "ServiceUnavailable", "wait")]))
    status, out, err = asked(capsys)
    assert status == 0
    assert "works" in out
    assert err.count("Asked again") == 3  # each reason once


def test_what_lasts_longer_than_the_wait_is_told_with_its_reason(endpoint, capsys):
    endpoint(sagemaker.model_error(NAME, 503, "The painter is being started."))
    status, _, err = asked(capsys, "--wait", "0")
    assert status == 1
    assert "The painter is being started." in err


@pytest.mark.parametrize(
    "answer",
    [
        sagemaker.model_error(NAME, 500, "a defect"),
        sagemaker.model_error(NAME, 400, "wrong"),
        sagemaker.not_found(NAME),
    ],
)
def test_what_would_not_pass_is_not_asked_again(endpoint, capsys, answer):
    count = []

    def counting(environ, start_response):
        count.append(1)
        return answer(environ, start_response)

    endpoint(counting)
    status, _, err = asked(capsys)
    assert (status, len(count)) == (1, 1)
    assert err.startswith(f"{NAME} gave no picture. ")
