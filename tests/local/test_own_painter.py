"""A painter of one's own through the whole application: alone, before Bedrock, off and back again."""

import json
from itertools import pairwise

import pytest

from local.app import PAINT_ENDPOINT
from tests.support.application import SIDE
from tests.support.pacing import INPAINT
from tests.support.photos import photo

ENDPOINT = "endpoint@us-east-1"


@pytest.fixture
def owner(quick):
    """How to deploy a chain that names the endpoint; gives a booth whose pace knows nothing."""

    def deploy(chain):
        quick.stand_in("painter", canned={})
        quick.redeploy(ImageModels=chain, PaintEndpoint=PAINT_ENDPOINT)
        quick.forget_pace()
        return quick

    yield deploy
    quick.stand_in("painter", canned={})


def calls(booth):
    return booth.calls("painter"), booth.calls("bedrock")


def pictures(booth, uploaded, result):
    """How many pictures there are, each of the photo's size, and by whom each was to be painted."""
    sizes = [booth.picture(url).size for url in json.loads(result["url_generated"])]
    assert set(sizes) <= {(SIDE, SIDE * 3 // 4)}
    return len(sizes), {turn["candidate"] for turn in booth.record(uploaded)["turns"].values()}


def test_an_endpoint_alone_paints_a_visit_and_one_that_is_off_says_so(owner):
    booth = owner("endpoint=60x3")
    before = calls(booth)
    uploaded, result = booth.process(photo())
    assert (result["status"], *pictures(booth, uploaded, result)) == ("SUCCEEDED", 3, {ENDPOINT})
    assert calls(booth) == (before[0] + 3, before[1])

    booth.stand_in("painter", canned={}, faults=[{"kind": "off"}])
    _, result = booth.process(photo(), scenes=["sky"])
    assert (result["status"], result["error"]["code"]) == ("FAILED", "ModelsUnavailable")

    booth.stand_in("painter", canned={})
    uploaded, result = booth.process(photo(), scenes=["sky"])
    assert (result["status"], *pictures(booth, uploaded, result)) == ("SUCCEEDED", 1, {ENDPOINT})


def test_bedrock_paints_while_the_endpoint_is_off_and_the_endpoint_when_it_is_back(owner):
    booth = owner(f"endpoint=60x3,{INPAINT}@us-east-1=100000")
    booth.stand_in("painter", canned={}, faults=[{"kind": "off"}])
    uploaded, result = booth.process(photo(), scenes=["sky"])
    assert (result["status"], *pictures(booth, uploaded, result)) == ("SUCCEEDED", 1, {f"{INPAINT}@us-east-1"})

    booth.stand_in("painter", canned={})
    before = calls(booth)
    booth.process(photo(), scenes=["sky"])
    assert calls(booth) == (before[0], before[1] + 1), "for a quarter of an hour nobody asks the endpoint"

    booth.table.update_item(
        TableName=booth.table_name,
        Key={"pk": {"S": "pace"}},
        UpdateExpression="SET #gone.#endpoint = :now",
        ExpressionAttributeNames={"#gone": "gone", "#endpoint": ENDPOINT},
        ExpressionAttributeValues={":now": {"N": "1"}},
    )
    uploaded, result = booth.process(photo(), scenes=["sky"])
    assert (result["status"], *pictures(booth, uploaded, result)) == ("SUCCEEDED", 1, {ENDPOINT})


def test_what_the_endpoint_can_not_paint_is_left_to_bedrock_or_asked_again(owner):
    booth = owner(f"endpoint=60x3,{INPAINT}@us-east-1=100000")
    once = [{"kind": kind, "times": 1} for kind in ("busy", "failed", "no-picture", "refused")]
    booth.stand_in("painter", canned={}, faults=once)
    uploaded, result = booth.process(photo())
    assert (result["status"], pictures(booth, uploaded, result)[0]) == ("SUCCEEDED", 3)


def test_a_visitors_pictures_come_one_after_another_at_one_instance(owner):
    booth = owner("endpoint=60")
    uploaded, result = booth.process(photo())
    assert (result["status"], *pictures(booth, uploaded, result)) == ("SUCCEEDED", 3, {ENDPOINT})
    turns = sorted(booth.record(uploaded)["turns"].values(), key=lambda turn: turn["at"])
    assert {(int(turn["slot"]), int(turn["window"])) for turn in turns} == {(0, 1000)}
    assert all(later["at"] - earlier["at"] >= 1000 for earlier, later in pairwise(turns))
