"""Whose token opens which route, through the CDN and past it: each kind of token against each route of the template."""

import json
import uuid

import pytest

from tests.support.tokens import bearer, made_token

NOBODY = "nobody-has-this-request-id"
STAFFS, WALLS = "StaffTokenNeeded", "WallTokenNeeded"


def routes(place):
    """(method, path, body, code for who may not): each route, with a body that says more than that to who may. "booth":
    where tokens are needed a booth's; "": anybody may.

    Args:
        place: bucket and key of an upload.
    """
    known = place | {"requestId": NOBODY}
    return [
        ("POST", "/upload", {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}, "booth"),
        ("GET", "/scenes", None, ""),
        ("POST", "/photo", known, "booth"),
        ("POST", "/photo", {"requestId": NOBODY}, ""),
        ("DELETE", "/photo", known, "booth"),
        ("DELETE", "/photo", {"requestId": NOBODY}, ""),
        ("POST", "/again", {"requestId": NOBODY, "newRequestId": str(uuid.uuid4())}, "booth"),
        ("POST", "/again", {"requestId": NOBODY, "done": True}, ""),
        ("DELETE", "/wall/pictures", known, "booth"),
        ("DELETE", "/wall/pictures", {"requestId": NOBODY}, ""),
        ("GET", "/wall/pictures", None, WALLS),
        ("GET", "/staff/today", None, STAFFS),
        ("PUT", "/staff/settings", {"version": 7}, STAFFS),
        ("POST", "/staff/hide", {"requestId": NOBODY, "hidden": True}, STAFFS),
        ("DELETE", "/staff/photo", {"visit": NOBODY}, STAFFS),
        ("GET", "/staff/wall", None, STAFFS),
        ("POST", "/staff/wall", {"visit": NOBODY, "picture": 1, "state": "shown"}, STAFFS),
    ]


@pytest.mark.parametrize("access", ["open", "token"])
def test_each_kind_of_token_opens_its_own_routes_and_no_other(quick, access):
    quick.redeploy(Access=access)
    booth = quick.token = made_token(quick) if access == "token" else "b" * 43
    uploaded, visitor = quick.upload(), str(uuid.uuid4())
    assert quick.ask(uploaded, visitor)[0] == 202
    run = quick.record(uploaded)["run"]
    staff, wall = quick.app.staff_token, quick.app.wall_token
    tokens = {"booth": booth, "staff": staff, "wall": wall, "none": "", "visitor": visitor, "run": run}
    tokens |= {"short of staff's": staff[:-1], "short of the wall's": wall[:-1]}
    table = routes({"bucket": uploaded["Bucket"], "key": uploaded["Key"]})
    assert {(method, path) for method, path, *_ in table} == {
        (each.method, each.path) for each in quick.app.stack.routes
    }

    opened = {STAFFS: {"staff"}, WALLS: {"wall"}, "": {*tokens}}
    opened["booth"] = {"booth"} if access == "token" else {*tokens}
    for url in (quick.url, quick.app.api_url):
        for method, path, body, needed in table:
            for name, token in tokens.items():
                answer = quick.http(method, url + path, body and json.dumps(body).encode(), bearer(token))
                is_refused = answer[0] in (401, 403)
                assert is_refused is (name not in opened[needed]), (access, method, path, body, name, answer)
                if is_refused:
                    code = "BoothTokenNeeded" if needed == "booth" else needed
                    assert (answer[0], code_of(answer[2])) == (401, code), (method, path, name)
    assert quick.ask(uploaded, visitor)[0] == 202, "nobody's call has harmed it"


def code_of(answer):
    return (json.loads(answer["body"]) if "body" in answer else answer)["error"]["code"]


def test_no_path_below_those_with_a_token_is_a_file_of_the_page(quick):
    for path in ("/staff/", "/staff/nothing", "/wall/", "/wall/nothing"):
        assert quick.http("GET", quick.url + path)[0] == 404
