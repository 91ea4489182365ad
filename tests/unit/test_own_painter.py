"""A picture by the painter of one's own: its call, its answers, and what the chain does when it is off or busy."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from werkzeug.wrappers import Request, Response

from booth import clock
from booth.errors import InternalError, ModelsUnavailable, ServiceUnavailable, Throttled, TurnLost
from booth.painting import admission, pacing, paint, records, sagemaker
from booth.painting.codecs.codec import Style
from booth.painting.codecs.own import PAINTER
from booth.pixels import encoding
from booth.scenes import Prompt, catalogue
from paint_model.serving.protocol import read_request
from tests.support.serving import serving

INPAINT = "us.stability.stable-image-inpaint-v1:0"
PROMPT = Prompt("people under a blue sky", "text")
PHOTO = np.full((683, 1024, 3), 90, np.uint8)
KEEP = np.arange(683 * 1024).reshape(683, 1024) % 1024 < 512


@pytest.fixture
def chain(models, dynamodb, environment):
    """The endpoint, then Stability's model in two Regions; returns how to set another chain."""

    def use(text):
        environment.setenv("IMAGE_MODELS", text)

    use(f"endpoint=12,{INPAINT}@us-east-1,{INPAINT}@us-west-2")
    environment.setenv("PAINT_ENDPOINT", "paint")
    environment.setenv("PAINT_REGION", "ap-northeast-2")
    environment.setenv("IMAGE_QUALITY", "premium")
    environment.setenv("IMAGE_CFG_SCALE", "8")
    environment.setattr(paint, "THROTTLE_PAUSES", (0, 0, 0))
    return use


def painted(first=0, photo=PHOTO, keep=KEEP, again=False):
    """A picture by the chain from its `first` candidate on, and who has painted it."""
    jpeg, mask = encoding.encode_for_model(photo), encoding.encode_mask_for_model(keep)
    return paint.paint(jpeg, lambda _: mask, PROMPT, 7, admission.chain()[first:], again)


def living_now():
    return [str(each) for each in pacing.available(records.pace(), admission.chain(), clock.now_ms())]


# Codec


@pytest.mark.parametrize("scene", catalogue().values(), ids=lambda scene: scene.id)
def test_every_scene_makes_a_request_that_the_painter_takes(scene):
    photo, mask = np.full((256, 512, 3), 90, np.uint8), np.arange(256 * 512).reshape(256, 512) % 512 < 200
    body = PAINTER.request(
        encoding.encode_for_model(photo),
        encoding.encode_mask_for_model(mask),
        Prompt(scene.prompt + " " * 3000, scene.negative),
        2**32 + 5,
        Style("premium", 8.0),
    )
    asked = read_request(json.dumps(body).encode(), "application/json")
    assert asked.prompt.strip() == scene.prompt and asked.seed == 5
    assert (asked.mask == ~mask).all()


# The call


@pytest.mark.parametrize("shape", [(683, 1024), (1024, 1024), (256, 1024), (1408, 352), (1408, 1408), (192, 768)])
def test_every_photo_is_painted_and_the_kept_region_stays_where_it_is(chain, shape):
    height, width = shape
    photo = np.random.default_rng(1).integers(60, 90, (height, width, 3), np.uint8)
    keep = np.zeros(shape, bool)
    keep[height // 3 : height // 2, width // 4 : width // 2] = True
    photo[keep] = (200, 150, 120)
    picture, candidate = painted(photo=photo, keep=keep)
    assert (str(candidate), picture.shape) == ("endpoint@ap-northeast-2", photo.shape)
    alike = np.abs(picture.astype(int) - photo).max(2) < 12
    assert alike[height // 3 + 9 : height // 2 - 9, width // 4 + 9 : width // 2 - 9].all()
    outside = np.ones(shape, bool)
    outside[height // 3 - 3 : height // 2 + 3, width // 4 - 3 : width // 2 + 3] = False
    assert not alike[outside].any()


@pytest.mark.parametrize(
    ("fault", "error", "calls"),
    [
        ({"kind": "busy"}, Throttled, 4),
        ({"kind": "throttled"}, Throttled, 4),
        ({"kind": "restarting"}, ServiceUnavailable, 1),
        ({"kind": "failed"}, ServiceUnavailable, 1),
        ({"kind": "broken"}, ServiceUnavailable, 1),
        ({"kind": "reset"}, ServiceUnavailable, 1),
        ({"kind": "malformed"}, ServiceUnavailable, 1),
        ({"kind": "cut"}, ServiceUnavailable, 1),
        ({"kind": "no-picture"}, paint.PassedOver, 1),
        ({"kind": "error", "status": 400, "type": "ValidationError", "message": "What?"}, paint.PassedOver, 1),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_what_the_endpoint_answers_in_place_of_a_picture_has_its_type_and_leaves_it_in_the_chain(
    chain, models, fault, error, calls
):
    models.set("painter", faults=[fault])
    before = models.calls("painter"), models.calls("bedrock")
    with pytest.raises(error):
        painted()
    assert (models.calls("painter"), models.calls("bedrock")) == (before[0] + calls, before[1])
    assert living_now()[0] == "endpoint@ap-northeast-2"


def test_an_endpoint_that_hangs_is_given_up_in_time(chain, models, environment):
    environment.setattr(sagemaker, "MODEL_CALL_SECONDS", 1)
    models.set("painter", faults=[{"kind": "hang"}])
    with pytest.raises(ServiceUnavailable):
        sagemaker.invoke("ap-northeast-2", {}, 1)
    models.set("painter")


def test_a_busy_endpoint_is_asked_again_within_seconds_but_not_for_a_second_picture(chain, models):
    models.set("painter", faults=[{"kind": "busy", "times": 3}])
    assert painted()[0].shape == PHOTO.shape
    models.set("painter", faults=[{"kind": "busy", "times": 1}])
    with pytest.raises(Throttled):
        painted(again=True)


def test_a_request_that_the_painter_refuses_goes_to_the_next_model(chain, models):
    models.set("painter", faults=[{"kind": "refused"}])
    assert str(painted()[1]) == f"{INPAINT}@us-east-1"
    chain("endpoint")
    with pytest.raises(InternalError):
        painted()


@pytest.mark.parametrize(
    "refusal",
    [
        {"kind": "off"},
        {"kind": "error", "status": 403, "type": "AccessDeniedException"}
        | {"message": "User: x is not authorized to perform: sagemaker:InvokeEndpoint on resource: x"},
    ],
    ids=["off", "denied"],
)
def test_an_endpoint_that_is_off_or_denied_loses_its_turn_and_paints_again_after_a_while(
    chain, models, environment, refusal, counts
):
    models.set("painter", faults=[refusal])
    with pytest.raises(TurnLost):
        painted()
    assert living_now() == [f"{INPAINT}@us-east-1", f"{INPAINT}@us-west-2"]
    assert counts() == {"CandidateGone": 1}
    models.set("painter")
    later = clock.now_ms() + admission.ASK_AGAIN_MS + 1
    environment.setattr(clock, "now_ms", lambda: later)
    seen = records.pace()
    _, candidate = painted()
    admission.note_answered(candidate, seen)
    assert str(candidate) == "endpoint@ap-northeast-2"
    assert records.pace().gone == {}


def test_an_endpoint_alone_that_is_off_fails_the_picture_and_the_next_one_asks_it_again(chain, models):
    chain("endpoint")
    models.set("painter", faults=[{"kind": "off"}])
    with pytest.raises(ModelsUnavailable):
        painted()
    assert living_now() == ["endpoint@ap-northeast-2"]


def test_a_chain_that_names_an_endpoint_which_is_not_there_paints_by_the_others(chain, models, environment):
    environment.setenv("PAINT_ENDPOINT", "")
    before = models.calls("painter")
    with pytest.raises(TurnLost):
        painted()
    assert living_now() == [f"{INPAINT}@us-east-1", f"{INPAINT}@us-west-2"]
    assert models.calls("painter") == before


@pytest.fixture
def says(chain, environment):
    """Sets what the endpoint answers with HTTP 200, bytes, and gives the request that it got."""
    body, asked = [], []

    def answer(environ, start):
        asked.append(Request(environ))
        return Response(body[-1], content_type="application/json")(environ, start)

    with serving(answer) as url:
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        yield body.append, asked


def picture_of(width, height):
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", ServiceUnavailable),
        (b"<html>", ServiceUnavailable),
        (b"[]", paint.PassedOver),
        (b"{}", paint.PassedOver),
        (b'{"image": ""}', paint.PassedOver),
        (b'{"image": 7}', paint.PassedOver),
        (b'{"image": "aGFsZg=="}', paint.PassedOver),
        (json.dumps({"image": picture_of(688, 1024)}).encode(), paint.PassedOver),
    ],
)
def test_what_is_no_picture_of_the_photo_is_passing_trouble_or_not_known(says, body, error):
    says[0](body)
    with pytest.raises(error):
        painted()


def test_the_call_goes_to_the_endpoint_in_its_own_region_with_nothing_but_the_contracts_fields(says):
    say, asked = says
    say(json.dumps({"image": picture_of(1024, 688), "seconds": 4.0}).encode())
    painted()
    [request] = asked
    assert request.path == "/endpoints/paint/invocations"
    assert "/ap-northeast-2/sagemaker/aws4_request" in request.headers["Authorization"]
    assert request.headers["Content-Type"] == request.headers["Accept"] == "application/json"
