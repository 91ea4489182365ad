"""Staff steer the event: what pads and visitors meet then."""

import json
import time

from tests.support.booth import ask_for_upload
from tests.support.photos import photo

REASON = {"en": "We are back after the speech.", "ko": "연설이 끝나면 다시 엽니다."}


def test_a_paused_booth_takes_no_photo_says_why_and_ends_what_is_under_way(quick, steered):
    before = quick.upload(scenes=["sky"])
    quick.put(before, photo())
    assert steered(paused={"until": 0, "reason": REASON}, copies=1) == (200, {"version": 1})
    status, headers, body = ask_for_upload(quick)
    error = body["error"]
    assert (status, error["code"], error["message"]) == (503, "Paused", REASON["en"])
    assert (error["reason"], error["until"]) == (REASON, 0)
    assert int(headers["Retry-After"]) <= 120, "pads of the release before give up at more"
    # A pad is paired by an upload without a body: it is told what is wrong with that, as ever.
    assert json.loads(quick.post("/upload", {})[2]["body"])["error"]["code"] == "BadRequest"
    assert quick.await_end(before)["status"] == "SUCCEEDED"
    # Pads read it past every cache, by its ETag.
    status, headers, event = quick.http("GET", f"{quick.url}/event.json")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "application/json", "no-cache")
    assert event == {"version": 1, "paused": {"until": 0, "reason": REASON}, "copies": 1}
    again = quick.http("GET", f"{quick.url}/event.json", headers={"If-None-Match": headers["ETag"]})
    assert again[0] == 304

    assert steered(paused={"until": int(time.time()) - 1, "reason": REASON}) == (200, {"version": 2})
    assert ask_for_upload(quick)[0] == 200, "the pause is over"


def test_a_lowered_budget_holds_at_the_upload_and_at_the_claim_and_every_photo_before_counts(quick, steered):
    quick.forget_everything()
    quick.process(photo(), scenes=["sky"])  # the local mode has no budget, and counts all the same
    assert steered(photosPerDay=2)[0] == 200
    first, second = (quick.upload(scenes=["sky"]) for _ in range(2))
    quick.put(first, photo())
    assert quick.await_end(first)["status"] == "SUCCEEDED"
    quick.put(second, photo())
    result = quick.await_end(second)
    assert (result["status"], result["error"]["code"]) == ("FAILED", "BudgetSpent")
    status, _, body = ask_for_upload(quick)
    assert (status, body["error"]["code"]) == (429, "TooManyPhotos")
    assert steered()[0] == 200
    assert quick.process(photo(), scenes=["sky"])[1]["status"] == "SUCCEEDED", "as deployed again"
    quick.forget_everything()


def test_scenes_that_are_not_offered_are_not_painted(quick, steered):
    assert steered(scenes=["neon", "reef"])[0] == 200
    scenes = lambda **fields: [each["scene"] for each in quick.process(photo(), **fields)[1]["pictures"]]
    assert scenes() == ["neon", "reef"]
    assert scenes(scenes=["sky", "reef"]) == ["reef"]


def test_settings_by_a_version_that_is_not_there_and_wrong_ones_are_refused(quick, steered):
    assert steered(copies=1)[0] == 200
    status, answer = steered(version=0, copies=2)
    assert (status, answer["error"]["code"]) == (409, "Conflict")
    status, answer = steered(title={"en": "Photo Booth", "ko": ""})
    assert (status, answer["error"]["field"]) == (400, "title.ko")
    assert quick.http("GET", f"{quick.url}/event.json")[2] == {"version": 1, "copies": 1}
