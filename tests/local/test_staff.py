"""Staff through the whole application: how the booth is doing, and a visit that is taken from view."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from booth.errors import NoFaceFound
from booth.http import access
from tests.support.photos import photo
from tests.support.tokens import OTHER
from tests.support.waiting import await_true


def forget_tokens(app):
    """A redeployment makes a new token, and functions that are warm know the old one."""
    for function in ("Staff", "HidePhoto"):
        app.restart(function)


@pytest.fixture(scope="module", autouse=True)
def after_other_tests(app):
    forget_tokens(app)


def staffs(booth, method, path, body=None, token=None):
    """A call of the staff page's; gives (status, answer)."""
    headers = {"Authorization": f"Bearer {booth.app.staff_token if token is None else token}"}
    data = json.dumps(body).encode() if body else None
    status, _, answer = booth.http(method, booth.url + path, data, headers | {"Content-Type": "application/json"})
    return status, answer


def today(booth, day=""):
    status, answer = staffs(booth, "GET", f"/staff/today{day and f'?day={day}'}")
    assert status == 200, answer
    return answer


def hide(booth, request_id, hidden=True):
    return staffs(booth, "POST", "/staff/hide", {"requestId": request_id, "hidden": hidden})


def number(answer, name, key, value, count):
    """Of a list in the answer the count of what has this name; 0 if it isn't there."""
    return next((each[count] for each in answer[name] if each[key] == value), 0)


def test_a_day_at_the_booth(quick):
    before = today(quick)
    quick.process(photo(), scenes=["sky", "beach"])
    quick.stand_in("rekognition", canned={"faces": 0})
    _, failed = quick.process(photo())
    assert failed["error"]["code"] == "NoFaceFound"
    # The result is shown before it is counted.
    await_true(lambda: today(quick)["visits"] == before["visits"] + 2)
    answer = today(quick)
    assert answer["ended"]["SUCCEEDED"] - before["ended"]["SUCCEEDED"] == 1
    assert answer["ended"]["FAILED"] - before["ended"]["FAILED"] == 1
    assert answer["pictures"] - before["pictures"] == 2
    for told, name, key, value, count, more in (
        ("scenes", "scenes", "id", "beach", "pictures", 1),
        ("failures", "failures", "code", "NoFaceFound", "count", 1),
    ):
        assert number(answer, name, key, value, count) - number(before, name, key, value, count) == more, told
    [no_face] = [each for each in answer["failures"] if each["code"] == "NoFaceFound"]
    assert (no_face["message"], no_face["advice"]) == (NoFaceFound.message, NoFaceFound.advice)
    painted = sum(each["pictures"] for each in answer["models"]) - sum(each["pictures"] for each in before["models"])
    assert painted == 2
    assert answer["models"][0]["state"] == "alive"
    assert answer["money"]["usd"] > before["money"]["usd"]
    assert 0 < answer["first"]["median"] <= answer["last"]["median"]
    assert answer["budget"]["photos"] - before["budget"]["photos"] == 2
    [pad] = [pad for pad in answer["pads"] if pad["name"] == access.OPEN]
    assert 0 <= answer["now"] - pad["seen"] < 120


def test_earlier_days(quick):
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    assert today(quick, yesterday)["waiting"] is None
    assert staffs(quick, "GET", "/staff/today?day=2020-01-01")[1]["error"]["code"] == "BadRequest"


def test_a_visit_is_taken_from_view_and_shown_again_and_its_visitor_can_delete_it(quick):
    request_id = str(uuid.uuid4())
    uploaded = quick.upload(scenes=["sky"])
    quick.put(uploaded, photo())
    result = quick.await_end(uploaded, request_id)
    urls = [result["url_original"], *json.loads(result["url_generated"])]
    asked = lambda: quick.post("/photo", {"requestId": request_id})
    shown = lambda: [quick.http("GET", url)[0] for url in urls]
    assert shown() == [200, 200]
    assert hide(quick, request_id) == (200, {"requestId": request_id, "hidden": True})
    status, _, answer = asked()
    assert (status, answer["error"]["code"]) == (404, "Hidden")
    assert shown() == [403, 403]
    assert hide(quick, request_id, hidden=False) == (200, {"requestId": request_id, "hidden": False})
    assert shown() == [200, 200]
    assert asked()[2] == result, "all of it is back"
    assert hide(quick, request_id)[0] == 200
    assert quick.delete(request_id)[0] == 200
    assert quick.results(uploaded["Key"]) == []
    assert asked()[2]["error"]["code"] == "Deleted"
    assert hide(quick, request_id)[1]["error"]["code"] == "Deleted"


def test_whom_nobody_knows_and_what_is_malformed(quick):
    assert hide(quick, str(uuid.uuid4()))[0] == 404
    assert staffs(quick, "POST", "/staff/hide", {"requestId": "a"})[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/staff/today", None), ("POST", "/staff/hide", {"requestId": "a" * 22, "hidden": True})],
)
def test_no_other_token_is_staffs(guarded, method, path, body):
    forget_tokens(guarded.app)
    for token in ("", OTHER, "a" * 43, guarded.app.staff_token[:-1]):
        status, answer = staffs(guarded, method, path, body, token)
        assert (status, answer["error"]["code"]) == (401, "StaffTokenNeeded")
    assert staffs(guarded, method, path, body)[0] != 401


def test_a_visit_that_is_being_painted_can_not_be_hidden(quick):
    forget_tokens(quick.app)
    uploaded, request_id = quick.upload(), str(uuid.uuid4())
    quick.ask(uploaded, request_id)
    assert hide(quick, request_id)[1]["error"]["code"] == "Conflict"
