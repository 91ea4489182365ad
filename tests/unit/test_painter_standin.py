"""The painter's endpoint of the stand-ins: its wire format, and each answer and fault that it can be told."""

import base64
import io
import json
import urllib.request

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError, ResponseStreamingError
from PIL import Image

from local.faults import KINDS_OF_PAINTER
from local.standins import painter, sagemaker, server
from tests.support.serving import serving

pytestmark = pytest.mark.starts

SAM, PAINT = "booth-sam", "booth-paint"
SIZE = 320, 256


def scenes(order):
    """A painter that takes no time: the seed and the prompt decide on the colour."""
    colour = np.full((*order.kept.shape, 3), (order.seeds[0] % 256, len(order.text), 9), np.uint8)
    return [np.where(order.kept[..., None], order.photo, colour)]


@pytest.fixture(scope="module")
def address():
    loaders = {
        "sagemaker": lambda: lambda request: sagemaker.canned(request, SAM),
        "painter": lambda: lambda request: painter.serve(request, PAINT, painter.Scenes(scenes)),
    }
    with serving(server.StandIns(loaders, SAM, PAINT)) as url:
        yield url


@pytest.fixture(autouse=True)
def behave_normally(address):
    yield
    for service in ("painter", "sagemaker"):
        control(address, service, method="DELETE")


def control(address, service="painter", settings=None, method="PUT"):
    body = None if settings is None else json.dumps(settings).encode()
    request = urllib.request.Request(f"{address}/standins/{service}", body, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def encoded(pixels, form="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, compress_level=1)  # of a PNG; a JPEG has none
    return base64.b64encode(file.getvalue()).decode()


PHOTO = np.asarray(Image.effect_noise(SIZE, 90).convert("RGB"))
MASK = np.full(SIZE[::-1], 255, np.uint8)
MASK[100:200, 60:180] = 0
GOOD = {"image": encoded(PHOTO), "mask": encoded(MASK), "prompt": "a sky", "seed": 77}


def invoke(address, fields=GOOD, endpoint=PAINT, read_timeout=20):
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
    )
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    answer = client.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
    return json.loads(answer["Body"].read())


def picture_of(answer):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["image"]))))


def refusal(address, *arguments, **more):
    """The error with which the call fails: code, and the container's status and sentence if it is a ModelError."""
    with pytest.raises(ClientError) as caught:
        invoke(address, *arguments, **more)
    found = caught.value.response
    if "OriginalMessage" in found:
        return found["Error"]["Code"], found["OriginalStatusCode"], json.loads(found["OriginalMessage"])["error"]
    return found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Message"]


def test_it_paints_where_the_mask_is_white_and_answers_a_picture_of_the_photos_size(address):
    answer = invoke(address)
    assert answer.keys() == {"image", "seconds"} and answer["seconds"] >= 0
    picture = picture_of(answer)
    assert (picture[MASK == 0] == PHOTO[MASK == 0]).all()
    assert (picture[MASK == 255] == (77, 5, 9)).all()


def test_a_canned_picture_keeps_the_black_of_the_mask(address):
    control(address, settings={"canned": {}})
    picture = picture_of(invoke(address))
    assert (picture[MASK == 0] == PHOTO[MASK == 0]).all()
    assert (picture[MASK == 255] == server.FLAT_COLOUR).all()


@pytest.mark.parametrize("canned", [None, {}], ids=["painted", "canned"])
@pytest.mark.parametrize(
    "fields",
    [
        b"no json",
        b"[]",
        {"prompt": "a sky"},
        GOOD | {"negative": "people"},
        GOOD | {"prompt": ""},
        GOOD | {"prompt": "x" * 2001},
        GOOD | {"seed": -1},
        GOOD | {"seed": 2**32},
        GOOD | {"seed": 1.0},
        GOOD | {"image": "?"},
        GOOD | {"image": GOOD["image"][:4000]},
        GOOD | {"mask": encoded(MASK[:-16])},
        GOOD | {"mask": encoded(MASK, "JPEG")},
        GOOD | {"mask": GOOD["image"]},
        GOOD | {"mask": encoded(np.zeros_like(MASK))},
        GOOD | {"image": encoded(PHOTO[:, :-8]), "mask": encoded(MASK[:, :-8])},
        GOOD | {"image": encoded(PHOTO[:240]), "mask": encoded(MASK[:240])},
        GOOD
        | {
            "image": encoded(np.zeros((1040, 1024, 3), np.uint8)),
            "mask": encoded(np.full((1040, 1024), 255, np.uint8)),
        },
    ],
)
def test_what_the_serving_code_refuses_is_a_model_error_with_a_sentence(address, canned, fields):
    control(address, settings={"canned": canned})
    code, status, sentence = refusal(address, fields)
    assert (code, status) in (("ModelError", 400), ("ModelError", 413))
    assert sentence.endswith(".")


def test_each_endpoint_has_its_own_answers_and_behaviour(address):
    control(address, "sagemaker", {"faults": [{"kind": "broken"}]})
    assert invoke(address)["image"]
    assert refusal(address, endpoint=SAM)[0] == "InternalFailure"
    said = "Endpoint another of account 123456789012 not found."
    control(address, "sagemaker", method="DELETE")
    assert refusal(address, endpoint="another") == ("ValidationError", 400, said)
    assert control(address, method="GET")["calls"] == 1


WORDS = {
    "busy": ("ModelError", 429),
    "restarting": ("ModelError", 503),
    "failed": ("ModelError", 500),
    "refused": ("ModelError", 400),
    "off": ("ValidationError", 400),
    "throttled": ("ThrottlingException", 400),
    "broken": ("InternalFailure", 500),
    "denied": ("AccessDeniedException", 403),
}


@pytest.mark.parametrize("kind", WORDS)
def test_it_can_be_told_to_refuse(address, kind):
    control(address, settings={"faults": [{"kind": kind, "times": 1}]})
    code, status, sentence = refusal(address)
    assert (code, status) == WORDS[kind]
    assert sentence
    if kind == "off":
        assert sentence == f"Endpoint {PAINT} of account 123456789012 not found."
    assert invoke(address)["image"]  # the next call is answered


def test_it_can_be_told_to_answer_late_half_or_not_at_all(address):
    faults = [
        {"kind": kind, "times": 1, "match": f"*endpoint/{PAINT}"}
        for kind in ("reset", "cut", "malformed", "no-picture")
    ]
    control(address, settings={"faults": [*faults, {"kind": "hang", "seconds": 60}]})
    with pytest.raises(ConnectionClosedError):
        invoke(address)
    with pytest.raises(ResponseStreamingError):
        invoke(address)
    with pytest.raises(ValueError, match="column 1"):
        invoke(address)
    assert invoke(address) == {}
    with pytest.raises(ReadTimeoutError):
        invoke(address, read_timeout=0.2)
    control(address, method="DELETE")
    assert invoke(address)["image"]


def test_an_invented_person_stands_where_nothing_is_kept(address):
    usual = picture_of(invoke(address))
    control(address, settings={"faults": [{"kind": "invented-person"}]})
    picture = picture_of(invoke(address))
    assert (picture[MASK == 0] == PHOTO[MASK == 0]).all()
    assert (picture != usual).any()


def test_every_kind_of_its_own_is_played_here():
    assert KINDS_OF_PAINTER.keys() - {"no-picture", "invented-person"} <= WORDS.keys()


def test_a_latency_holds_an_answer_until_the_settings_change(address):
    control(address, settings={"latency": 3599})
    with pytest.raises(ReadTimeoutError):
        invoke(address, read_timeout=0.2)
    control(address, method="DELETE")
    assert invoke(address)["image"]
