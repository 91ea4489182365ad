"""A picture by the chain of candidates: who is asked, what each answer means, and what is told of it."""

import base64
import io
import json
import logging
import struct
import zlib

import numpy as np
import pytest
from werkzeug.wrappers import Response

from booth import clock
from booth.errors import (
    ContentBlocked,
    InternalError,
    ModelsUnavailable,
    OutputBlocked,
    ServiceUnavailable,
    Throttled,
    TurnLost,
)
from booth.painting import admission, pacing, paint, records
from booth.painting.models import MODELS
from booth.pixels import encoding
from booth.runs import figures
from booth.scenes import Prompt
from tests.support.serving import serving

TITAN = "amazon.titan-image-generator-v2:0"
NOVA = "amazon.nova-canvas-v1:0"
INPAINT = "us.stability.stable-image-inpaint-v1:0"
PROMPT = Prompt("people under a blue sky", "text")
PHOTO = np.full((96, 128, 3), 90, np.uint8)
KEEP = np.zeros((96, 128), bool)
KEEP[:, :64] = True


@pytest.fixture
def chain(models, dynamodb, environment):
    """Two Regions of Titan, then two of Stability's model; returns how to set another one."""

    def use(text):
        environment.setenv("IMAGE_MODELS", text)

    use(f"{TITAN}@us-east-1,{TITAN}@us-west-2,{INPAINT}@us-east-1,{INPAINT}@us-west-2")
    environment.setenv("IMAGE_QUALITY", "premium")
    environment.setenv("IMAGE_CFG_SCALE", "8")
    environment.setattr(paint, "THROTTLE_PAUSES", (0, 0, 0))
    return use


def painted(first=0, photo=PHOTO, keep=KEEP):
    """A picture by the chain from its `first` candidate on."""
    jpeg, mask = encoding.encode_for_model(photo), encoding.encode_mask_for_model(keep)
    picture, _ = paint.paint(jpeg, lambda _: mask, PROMPT, 7, admission.chain()[first:])
    return picture


def fault(status, kind, message="no", **more):
    return {"status": status, "type": kind, "message": message} | more


# Who is asked


def test_a_picture_comes_back_with_the_kept_region(chain):
    picture = painted()
    assert picture.shape == PHOTO.shape
    assert (picture[:, :64] == 90).all()
    assert (picture[:, 64:] != 90).all()


def test_the_first_candidate_is_asked(chain, models):
    for first, name in enumerate(map(str, admission.chain())):
        # Only the candidate whose turn it is answers.
        others = [f"*:{each.region}:*/{each.model}" for each in admission.chain() if str(each) != name]
        models.set("bedrock", faults=[{"kind": "throttled", "match": each} for each in others])
        assert painted(first).shape == PHOTO.shape


def test_one_call_per_attempt_when_it_fails(chain, models):
    for kind in (fault(500, "InternalServerException"), {"kind": "reset"}):
        models.set("bedrock", faults=[kind])
        before = models.calls("bedrock")
        with pytest.raises(ServiceUnavailable):
            painted()
        assert models.calls("bedrock") - before == 1


def test_a_throttled_call_is_made_again_while_that_takes_seconds(chain, models):
    models.set("bedrock", faults=[fault(429, "ThrottlingException", times=3)])
    assert painted().shape == PHOTO.shape
    models.set("bedrock", faults=[fault(429, "ThrottlingException")])
    before = models.calls("bedrock")
    with pytest.raises(Throttled):
        painted()
    assert models.calls("bedrock") - before == 4
    assert figures.read(figures.today()).throttled.keys() == {f"{TITAN}@us-east-1"}


def living_now():
    return pacing.available(records.pace(), admission.chain(), clock.now_ms())


@pytest.mark.parametrize(
    "refusal",
    [
        {"kind": "retired"},
        {"kind": "legacy"},
        {"kind": "denied"},
        {"kind": "unpaid"},
        fault(400, "ValidationException", "The provided model identifier is invalid."),
        fault(400, "ValidationException", "Operation not allowed"),
        fault(400, "ValidationException", "Invocation of model ID x with on-demand throughput isn't supported."),
        fault(403, "AccessDeniedException", "User: x is not authorized to perform: bedrock:InvokeModel on resource: x"),
    ],
    ids=lambda refusal: refusal.get("kind", refusal.get("message")),
)
def test_a_candidate_that_is_gone_costs_the_turn_and_is_remembered_by_all(chain, models, refusal):
    models.set("bedrock", faults=[refusal | {"match": f"*{TITAN}"}])
    before = models.calls("bedrock")
    with pytest.raises(TurnLost):
        painted()
    assert models.calls("bedrock") - before == 1
    assert [str(each) for each in living_now()] == [str(each) for each in admission.chain()[1:]]


def test_why_a_candidate_is_gone_is_told(chain, models):
    told = logging.StreamHandler(io.StringIO())
    told.setFormatter(paint.logger.registered_formatter)
    paint.logger.addHandler(told)
    models.set("bedrock", faults=[{"kind": "retired", "match": f"*{TITAN}"}])
    with pytest.raises(TurnLost):
        painted()
    paint.logger._logger.removeHandler(told)
    [line] = [json.loads(line) for line in told.stream.getvalue().splitlines() if "is gone" in line]
    assert line["candidate"] == f"{TITAN}@us-east-1"
    assert "reached the end of its life" in line["reason"]


UNKNOWN = [
    fault(403, "AccessDeniedException", "Something about this picture."),
    fault(403, "AccessDeniedException", ""),
    fault(404, "ResourceNotFoundException", "Something about this picture."),
    fault(400, "ValidationException", "Something about this picture."),
    fault(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    fault(400, "ANewException", "Something about this picture."),
    {"kind": "unheard-of"},
    {"kind": "no-picture"},
]


@pytest.mark.parametrize("answer", UNKNOWN, ids=lambda answer: answer.get("kind", answer.get("type")))
def test_an_answer_that_is_not_known_says_nothing_of_the_candidate_and_is_told(chain, models, answer, caplog):
    models.set("bedrock", faults=[answer | {"match": f"*{TITAN}"}])
    before = models.calls("bedrock")
    with pytest.raises(paint.PassedOver) as passed:
        painted()
    assert passed.value.candidate == admission.chain()[0]
    assert models.calls("bedrock") - before == 1, "the next candidate has a turn of its own"
    assert living_now() == admission.chain()
    [line] = [each for each in caplog.records if each.message == "an answer that is not known"]
    assert line.candidate == f"{TITAN}@us-east-1"
    assert answer.get("type", "") in line.answer


def test_the_log_quotes_no_prompt_and_no_photo_of_an_answer_that_does(chain, models, caplog):
    said = "Malformed input request: #/outPaintingParams/image: iVBORw0KGgoAAAANSUhEUg of Ann Smith is not valid"
    models.set("bedrock", faults=[fault(400, "ValidationException", said, match=f"*{TITAN}")])
    painted()
    models.set(
        "bedrock", faults=[fault(400, "ValidationException", said.removeprefix("Malformed "), match=f"*{TITAN}")]
    )
    with pytest.raises(paint.PassedOver):
        painted()
    told = [getattr(each, "reason", getattr(each, "answer", "")) for each in caplog.records]
    assert told[0].startswith("ValidationException: Malformed input request outPaintingParams image ...")
    assert told[1].startswith("ValidationException: input request outPaintingParams image ...")
    for quoted in ("iVBOR", "Ann", "Smith"):
        assert quoted not in "".join(told)


def test_when_the_last_one_is_gone_the_picture_fails_and_the_next_one_asks_them_all_again(chain, models):
    models.set("bedrock", faults=[{"kind": "denied"}])
    for first in range(3):
        with pytest.raises(TurnLost):
            painted(first)
    with pytest.raises(ModelsUnavailable):
        painted(3)
    assert living_now() == admission.chain()


def test_a_candidate_that_goes_is_counted_once_however_often_it_is_asked_again(chain, models, environment, counts):
    models.set("bedrock", faults=[{"kind": "retired", "match": f"*:us-east-1:*{TITAN}"}])
    now = clock.now_ms()
    for quarter in range(3):
        environment.setattr(clock, "now_ms", lambda quarter=quarter: now + quarter * (admission.ASK_AGAIN_MS + 1))
        assert len(living_now()) == 4, "it is asked again"
        with pytest.raises(TurnLost):
            painted()
        assert counts() == ({} if quarter else {"CandidateGone": 1})
    models.set("bedrock", faults=[{"kind": "retired", "match": f"*{TITAN}"}])
    with pytest.raises(TurnLost):
        painted(1)
    assert counts() == {"CandidateGone": 1}, "another one"


def test_that_none_is_left_is_counted_by_each_picture_and_their_going_once(chain, models, counts):
    models.set("bedrock", faults=[{"kind": "denied"}])
    for visit in range(2):
        for first, error in enumerate([TurnLost, TurnLost, TurnLost, ModelsUnavailable]):
            with pytest.raises(error):
                painted(first)
        assert counts() == {"ModelsUnavailable": 1} | ({} if visit else {"CandidateGone": 4})


def test_a_request_that_one_model_refuses_is_taken_to_the_next(chain, models):
    said = (
        "Malformed input request: #/x: extraneous key [x] is not permitted, please reformat your input and try again."
    )
    models.set("bedrock", faults=[fault(400, "ValidationException", said, match=f"*{TITAN}")])
    before = models.calls("bedrock")
    assert painted().shape == PHOTO.shape
    assert models.calls("bedrock") - before == 2, "its other Region would say the same"
    assert living_now() == admission.chain(), "it is about the request: nothing is remembered of the candidate"
    models.set("bedrock", faults=[fault(400, "ValidationException", said)])
    with pytest.raises(InternalError):
        painted()


@pytest.mark.parametrize(
    ("status", "name", "error"),
    [
        (429, "ThrottlingException", Throttled),
        (429, "ModelNotReadyException", Throttled),
        (400, "ServiceQuotaExceededException", Throttled),
        (408, "ModelTimeoutException", ServiceUnavailable),
        (424, "ModelErrorException", ServiceUnavailable),
        (500, "InternalServerException", ServiceUnavailable),
        (503, "ServiceUnavailableException", ServiceUnavailable),
    ],
)
def test_each_error_of_invoke_model_has_its_type(chain, models, status, name, error):
    models.set("bedrock", faults=[fault(status, name)])
    with pytest.raises(error):
        painted()


def test_garbage_in_place_of_json(chain, models):
    models.set("bedrock", faults=[{"kind": "malformed"}])
    with pytest.raises(ServiceUnavailable):
        painted()


# Content filters, in all the ways they answer


@pytest.mark.parametrize("model", [TITAN, NOVA, INPAINT])
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("filtered-prompt", ContentBlocked),
        ("filtered-input", ContentBlocked),
        ("filtered-output", OutputBlocked),
        ("inference-error", ServiceUnavailable),
    ],
)
def test_filters_and_failures_of_each_model(chain, models, model, kind, error):
    chain(f"{model}@us-east-1")
    models.set("bedrock", faults=[{"kind": kind}])
    with pytest.raises(error):
        painted()


SORRY = "This request has been blocked by our content filters. "


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (SORRY + "Please adjust your input image to submit a new request.", ContentBlocked),
        (SORRY + "Our filters automatically flagged this prompt because it may conflict our AUP.", ContentBlocked),
        (SORRY + "because the generated image(s) may conflict our AUP. please try again", OutputBlocked),
    ],
)
@pytest.mark.parametrize("name", ["ValidationException", "AccessDeniedException"])
def test_filters_that_come_as_exceptions(chain, models, name, text, error):
    models.set("bedrock", faults=[fault(400, name, text)])
    with pytest.raises(error):
        painted()
    assert living_now() == admission.chain()


def png(width, height):
    return encoding.encode_png(np.zeros((height, width, 3), np.uint8))


def bomb():
    """A PNG whose header says 60,000 x 60,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


BODIES = {
    "no image": b"no image",
    "cut": png(128, 96)[:60],
    "another aspect": png(96, 128),
    "one pixel": png(1, 1),
    "four times as wide": png(512, 384),
    "a bomb": bomb(),
    "another format": b"GIF89a" + bytes(20),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 128 96\n",
}


@pytest.fixture
def says(chain, environment):
    """Sets what the model answers with HTTP 200: bytes."""
    body = []
    with serving(lambda environ, start: Response(body[-1])(environ, start)) as url:
        environment.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)
        yield body.append


@pytest.mark.parametrize("picture", BODIES.values(), ids=BODIES)
def test_what_is_no_picture_of_the_photo_is_an_answer_that_is_not_known(says, picture):
    says(json.dumps({"images": [base64.b64encode(picture).decode()]}).encode())
    with pytest.raises(paint.PassedOver):
        painted()


@pytest.mark.parametrize("size", [(128, 96), (64, 48), (256, 192), (130, 96)])
def test_a_picture_of_about_the_photos_shape_is_taken(says, size):
    says(json.dumps({"images": [base64.b64encode(png(*size)).decode()]}).encode())
    assert painted().shape == PHOTO.shape


@pytest.mark.parametrize("body", [b"[]", b"null", b'"sorry"', b'{"outputs": []}'])
def test_json_that_is_not_the_models_is_an_answer_that_is_not_known(says, body):
    says(body)
    with pytest.raises(paint.PassedOver):
        painted()


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[" * 100_000])
def test_what_is_no_json_may_have_been_mangled_on_its_way(says, body):
    says(body)
    with pytest.raises(ServiceUnavailable):
        painted()


# Against the models' own rules

SHAPES = [(1024, 1024), (768, 1024), (256, 1024), (1024, 256), (1408, 352), (768, 192), (410, 1024), (409, 1024)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_model_takes_every_photo_and_the_faces_stay_where_they_are(chain, models, model, shape):
    chain(f"{model}@us-east-1")
    height, width = shape
    photo = np.random.default_rng(1).integers(60, 90, (height, width, 3), np.uint8)
    keep = np.zeros(shape, bool)
    keep[height // 3 : height // 2, width // 4 : width // 2] = True
    photo[keep] = (200, 150, 120)
    picture = painted(photo=photo, keep=keep)
    assert picture.shape == photo.shape
    alike = np.abs(picture.astype(int) - photo).max(2) < 12
    # At the edge between noise and face a JPEG's blocks show for 8 pixels; Stability's canvas may be scaled too.
    assert alike[height // 3 + 9 : height // 2 - 9, width // 4 + 9 : width // 2 - 9].all()
    outside = np.ones(shape, bool)
    outside[height // 3 - 3 : height // 2 + 3, width // 4 - 3 : width // 2 + 3] = False
    assert not alike[outside].any()
