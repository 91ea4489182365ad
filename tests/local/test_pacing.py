"""Pacing through the whole application: what a photo is told while it waits, and what it gets."""

import json
import time

import pytest

from booth import limits
from tests.support.booth import await_status
from tests.support.pacing import INPAINT, TITAN, called
from tests.support.photos import photo
from tests.support.waiting import await_true


@pytest.fixture
def full(quick):
    """A booth whose one Region takes three pictures a minute, and was asked for three some 50 s ago."""
    quick.redeploy(ImageModels=f"{TITAN}@us-east-1=3,{INPAINT}@us-east-1=3")
    called(quick, -50)
    return quick


def await_queued(booth, uploaded, seconds=60):
    """The first answer of /photo that tells a waiting time."""
    until = time.monotonic() + seconds
    while not (answer := booth.ask(uploaded, request_id(uploaded))[1])["waiting_seconds"]:
        assert time.monotonic() < until, answer
        time.sleep(0.1)
    return answer


def request_id(uploaded):
    return "of-" + uploaded["Key"].removeprefix("photo/").removesuffix(".jpg")


def test_a_photo_that_finds_the_quota_used_up_is_told_its_time_and_then_painted(full):
    uploaded = full.upload()
    full.put(uploaded, photo())
    told = await_queued(full, uploaded)
    assert (told["status"], told["step"], told["error"]) == ("QUEUED", "wait", None)
    assert told["waiting_seconds"] <= 12
    assert told["url_original"], "the photo is shown while it waits"
    turn = min(int(each["at"]) for each in full.record(uploaded)["turns"].values())
    record = await_status(full, uploaded)
    assert record["status"] == "SUCCEEDED"
    assert record["claimed"] < turn < record["ended"]
    assert full.await_clean(uploaded) == []


def test_a_photo_whose_turn_would_come_too_late_fails_at_once_and_is_kept(full):
    called(full, limits.QUEUE_SECONDS)
    uploaded, result = full.process(photo())
    assert (result["status"], result["error"]["code"], result["waiting_seconds"]) == ("FAILED", "QueueFull", 0)
    kept = full.s3.list_object_versions(Bucket=uploaded["Bucket"], Prefix=uploaded["Key"])
    assert len(kept["Versions"]) == 1, "so that an operator can try it again"


def test_a_visit_that_waits_can_be_deleted(full):
    uploaded = full.upload()
    full.put(uploaded, photo())
    await_queued(full, uploaded)
    run = full.record(uploaded)["run"]
    status, _ = full.delete(request_id(uploaded), bucket=uploaded["Bucket"], key=uploaded["Key"])
    assert status == 200
    await_true(lambda: full.executions(run)[0]["status"] != "RUNNING", 10)
    assert full.ask(uploaded, request_id(uploaded))[0] == 404


def test_an_execution_that_dies_while_it_waits_is_settled_by_sweep(full):
    uploaded = full.upload()
    full.put(uploaded, photo())
    await_queued(full, uploaded)
    [execution] = full.executions(full.record(uploaded)["run"])
    full.steps.stop_execution(executionArn=execution["executionArn"])
    full.age(uploaded, 12 + limits.CHECK_SECONDS)
    full.sweep()
    record = await_status(full, uploaded)
    assert (record["status"], record["error"]) == ("FAILED", "InternalError")


def test_with_titan_gone_the_pictures_take_turns_at_the_next_model(full):
    full.stand_in("bedrock", canned={}, quota=3, faults=[{"kind": "retired", "match": "*titan*"}])
    full.forget_pace()
    _, result = full.process(photo())
    assert len(json.loads(result["url_generated"])) == 3
    uploaded = full.upload()
    full.put(uploaded, photo())
    assert await_queued(full, uploaded)["status"] == "QUEUED"
    assert {turn["candidate"] for turn in full.record(uploaded)["turns"].values()} == {f"{INPAINT}@us-east-1"}
    assert full.throttled("bedrock") == 0
