"""The event's wall through the whole application: how a visit comes on it, and each way off."""

import json
import uuid

import pytest

from booth import keys
from tests.local.test_staff import staffs
from tests.support.booth import CONSENT
from tests.support.photos import photo
from tests.support.tokens import bearer
from tests.support.waiting import await_true


@pytest.fixture(autouse=True)
def fresh(quick):
    """Functions that are warm since another test's deployment may know other tokens."""
    for function in ("Wall", "StaffWall", "DecidePicture", "DeletePhoto", "HidePhoto"):
        quick.app.restart(function)


def on_wall(booth, token=None):
    """The paths on the wall, which are all served."""
    token = booth.app.wall_token if token is None else token
    status, _, answer = booth.http("GET", f"{booth.url}/wall/pictures", None, bearer(token))
    assert status == 200, answer
    return [each["url"] for each in answer["pictures"]]


def visit(booth, wall, **fields):
    """A visit that has ended; gives its requestId and its run's id."""
    uploaded, request_id = booth.upload(consent=CONSENT | {"wall": wall}, **fields), str(uuid.uuid4())
    booth.put(uploaded, photo())
    booth.await_end(uploaded, request_id)
    return request_id, booth.record(uploaded)["run"]


def told(booth, request_id):
    return [each["wall"] for each in booth.post("/photo", {"requestId": request_id})[2]["pictures"]]


def off_wall(booth, request_id, **picture):
    body = json.dumps({"requestId": request_id} | picture).encode()
    status, _, answer = booth.http("DELETE", f"{booth.url}/wall/pictures", body, bearer(""))
    assert status == 200, answer
    return [each["wall"] for each in answer["pictures"]]


def test_a_visit_comes_on_the_wall_and_each_way_off(quick):
    served = lambda path: quick.http("GET", quick.url + path)[0]
    before = {*on_wall(quick)}
    news = lambda: [path for path in on_wall(quick) if path not in before]
    assert told(quick, visit(quick, wall=False, scenes=["sky"])[0]) == [None]
    assert news() == []

    request_id, run = visit(quick, wall=True, scenes=["sky", "beach", "forest"])
    copies = [keys.address(keys.wall_key(run, number)) for number in (1, 2, 3)]
    await_true(lambda: told(quick, request_id) == ["shown"] * 3)
    await_true(lambda: {*news()} == {*copies})
    assert {served(path) for path in copies} == {200}
    lists = staffs(quick, "GET", "/staff/wall")[1]
    assert {each["url"] for each in lists["shown"] if each["visit"] == run} == {*copies}

    # Staff hide one picture, and take it back.
    decide = lambda state: staffs(quick, "POST", "/staff/wall", {"visit": run, "picture": 1, "state": state})
    assert decide("hidden")[0] == 200
    assert ({*news()}, told(quick, request_id)) == ({*copies[1:]}, ["off", "shown", "shown"])
    assert decide("shown")[0] == 200
    assert {*news()} == {*copies}

    # They hide the whole visit, and show it again.
    for hidden, shown, status in ((True, set(), 403), (False, {*copies}, 200)):
        assert staffs(quick, "POST", "/staff/hide", {"visit": run, "hidden": hidden})[0] == 200
        assert ({*news()}, {served(path) for path in copies}) == (shown, {status})

    # Its visitor takes one off, for good.
    assert off_wall(quick, request_id, picture=1) == ["off", "shown", "shown"]
    assert ({*news()}, served(copies[0])) == ({*copies[1:]}, 403)
    assert copies[0].removeprefix("/") not in quick.results("")
    assert decide("shown")[1]["error"]["code"] == "Conflict"

    # It expires.
    quick.expire(run)
    assert news() == []

    # Another one is deleted, by staff.
    request_id, run = visit(quick, wall=True, scenes=["sky"])
    [copy] = [keys.address(keys.wall_key(run, 1))]
    await_true(lambda: news() == [copy])
    assert staffs(quick, "DELETE", "/staff/photo", {"visit": run}) == (200, {"visit": run, "status": "DELETED"})
    assert (news(), served(copy)) == ([], 403)
    assert [key for key in quick.results("") if copy.endswith(key)] == []
    assert quick.post("/photo", {"requestId": request_id})[2]["error"]["code"] == "Deleted"
