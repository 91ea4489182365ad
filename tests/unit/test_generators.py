"""The chain of candidates, and Titan's codec against the stand-in that checks it as AWS would."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from booth import generators
from booth.errors import ContentBlocked, ModelsUnavailable, ServiceUnavailable, Throttled
from booth.generators import Candidate, in_turn, parse_chain, titan
from booth.pixels import composite
from booth.scenes import Scene, catalogue

TITAN = "amazon.titan-image-generator-v2:0"
OLD = "amazon.titan-image-generator-v1"
SCENE = Scene("s", "S", "people under a blue sky", "text", None)
PHOTO = composite.encode_png(np.full((96, 128, 3), 90, np.uint8))
MASK = composite.encode_png(np.where(np.arange(128) < 64, 0, 255).astype(np.uint8)[None].repeat(96, 0))


@pytest.fixture
def chain(models, environment):
    """Two Regions of one model, then another model."""
    environment.setenv("IMAGE_MODELS", f"{TITAN}@us-east-1,{TITAN}@us-west-2,{OLD}@us-east-1")
    generators._gone.clear()
    generators._chain.cache_clear()
    yield
    generators._gone.clear()
    generators._chain.cache_clear()


def paint(attempt=0, picture=1):
    return generators.paint(PHOTO, MASK, SCENE, 7, picture, attempt)


def fault(status, kind, message="no", **more):
    return {"status": status, "type": kind, "message": message} | more


def test_pictures_rotate_over_the_regions_of_a_model_and_only_then_go_to_the_next():
    chain = tuple(parse_chain(f"{TITAN}@a,{TITAN}@b,{TITAN}@c,{OLD}@a,{OLD}@b"))
    order = [[f"{each.model[-3:]}@{each.region}" for each in in_turn(chain, picture)] for picture in (1, 2, 3)]
    assert order[0] == ["2:0@b", "2:0@c", "2:0@a", "-v1@b", "-v1@a"]
    assert order[1] == ["2:0@c", "2:0@a", "2:0@b", "-v1@a", "-v1@b"]
    assert order[2] == ["2:0@a", "2:0@b", "2:0@c", "-v1@b", "-v1@a"]


@pytest.mark.parametrize("text", ["", "titan@us-east-1", TITAN, f"{TITAN}@us-east-1,"])
def test_a_bad_chain_is_refused(text):
    with pytest.raises(ValueError, match="model@region"):
        parse_chain(text)


def test_a_picture_comes_back_with_the_kept_region(chain):
    picture = composite.decode(paint())
    assert picture.shape == (96, 128, 3)
    assert (picture[:, :64] == 90).all()
    assert (picture[:, 64:] != 90).all()


def test_each_attempt_takes_the_next_candidate_and_then_begins_anew(chain, models):
    models.set("bedrock", faults=[fault(429, "ThrottlingException", match=OLD)])
    outcomes = []
    for attempt in range(6):
        try:
            outcomes.append(composite.decode(paint(attempt)).shape)
        except Throttled:
            outcomes.append(None)
    painted = (96, 128, 3)
    assert outcomes == [painted, painted, None] * 2


def test_one_call_per_attempt_when_it_is_slow_or_throttled(chain, models):
    for kind in (fault(429, "ThrottlingException"), fault(500, "InternalServerException"), {"kind": "reset"}):
        models.set("bedrock", faults=[kind])
        before = models.calls("bedrock")
        with pytest.raises((Throttled, ServiceUnavailable)):
            paint()
        assert models.calls("bedrock") - before == 1


@pytest.mark.parametrize(
    "refusal",
    [
        fault(404, "ResourceNotFoundException", "This model version has reached the end of its life."),
        fault(403, "AccessDeniedException"),
        fault(400, "ValidationException", "The provided model identifier is invalid."),
    ],
)
def test_a_candidate_that_is_gone_is_passed_over_at_once_and_remembered(chain, models, refusal):
    models.set("bedrock", faults=[refusal | {"match": TITAN}])
    before = models.calls("bedrock")
    assert composite.decode(paint()).shape == (96, 128, 3)
    assert models.calls("bedrock") - before == 3
    paint()
    assert models.calls("bedrock") - before == 4
    assert generators._gone == {Candidate(TITAN, "us-east-1"), Candidate(TITAN, "us-west-2")}


def test_when_all_are_gone_the_next_picture_asks_again(chain, models):
    models.set("bedrock", faults=[fault(403, "AccessDeniedException", times=3)])
    with pytest.raises(ModelsUnavailable):
        paint()
    assert composite.decode(paint()).shape == (96, 128, 3)


def test_content_filters_are_final_however_they_arrive(chain, models):
    models.set("bedrock", faults=[fault(400, "ValidationException", "This was blocked by our content filters. Sorry.")])
    with pytest.raises(ContentBlocked):
        paint()
    with pytest.raises(ContentBlocked):
        titan.image({"images": [], "error": "All of the generated images have been blocked by our content filters."})


@pytest.mark.parametrize("answer", [{}, {"images": []}, {"images": None}, {"images": ["?"]}, {"images": [3]}])
def test_an_answer_without_a_picture_is_passing_trouble(answer):
    with pytest.raises(ServiceUnavailable):
        titan.image(answer)


def test_garbage_in_place_of_json(chain, models):
    models.set("bedrock", faults=[{"kind": "malformed"}])
    with pytest.raises(ServiceUnavailable):
        paint()


@pytest.mark.parametrize("scene", catalogue().values(), ids=lambda scene: scene.id)
def test_every_scene_makes_a_request_that_titan_takes(scene):
    """The stand-in checks requests against Titan's schema and limits."""
    import json

    from local.standins.bedrock import Bedrock

    body = titan.request(PHOTO, MASK, scene, 2**32 - 1)
    builder = EnvironBuilder(path=f"/model/{TITAN}/invoke", method="POST", data=json.dumps(body))
    answer = Bedrock()(Request(builder.get_environ()))
    assert answer.status_code == 200, answer.get_data()
    picture = Image.open(io.BytesIO(base64.b64decode(json.loads(answer.get_data())["images"][0])))
    assert picture.size == (128, 96)
