"""The same photo in other scenes: a visitor keeps it at the pad, has it painted again, and leaves."""

import json
import time
import uuid

from tests.support.photos import photo
from tests.support.tokens import made_token
from tests.support.waiting import await_true


def post(booth, body, token=""):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    status, _, answer = booth.http("POST", f"{booth.url}/again", json.dumps(body).encode(), headers)
    return status, answer


def test_a_kept_photo_is_painted_again_under_a_link_of_its_own_and_goes_with_its_visitor(quick):
    quick.redeploy(Access="token")
    quick.token = booths = made_token(quick)
    first, (mine, new) = quick.upload(scenes=["beach"], again=True), (str(uuid.uuid4()), str(uuid.uuid4()))
    quick.put(first, photo())
    assert quick.await_end(first, mine)["status"] == "SUCCEEDED"
    quick.await_idle("Finish")
    assert quick.versions(first), "it is kept"

    wanted = {"requestId": mine, "newRequestId": new, "scenes": ["neon", "reef"]}
    for token in ("", mine, quick.app.staff_token):
        assert post(quick, wanted, token)[0] == 401
    status, answer = post(quick, wanted, booths)
    assert (status, answer["requestId"], answer["left"]) == (200, new, 1)
    assert post(quick, wanted, booths) == (status, answer), "an answer that got lost"
    copied = first | {"Key": answer["key"]}
    result = quick.await_end(copied, new)
    assert (result["status"], [each["scene"] for each in result["pictures"]]) == ("SUCCEEDED", ["neon", "reef"])
    assert quick.record(copied)["picture_id"] != quick.record(first)["picture_id"]
    quick.await_idle("Finish")
    assert (quick.versions(copied), len(quick.versions(first))) == ([], 1)

    assert post(quick, {"requestId": mine, "done": True})[0] == 200
    assert not quick.versions(first)
    assert post(quick, wanted | {"newRequestId": str(uuid.uuid4())}, booths)[0] == 409
    for request_id in (mine, new):
        status, _, shown = quick.post("/photo", {"requestId": request_id})
        assert (status, shown["status"]) == (200, "SUCCEEDED"), "both links work"


def test_an_hour_after_the_claim_sweep_removes_what_nobody_came_back_for(quick):
    first = quick.upload(scenes=["beach"], again=True)
    quick.put(first, photo())
    quick.await_end(first)
    quick.await_idle("Finish")
    assert quick.versions(first)
    quick.age(first, 3600)
    quick.sweep()
    await_true(lambda: not quick.versions(first))
    assert int(quick.record(first)["claimed"]) <= (time.time() - 3590) * 1000
