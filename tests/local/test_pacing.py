"""Pacing through the whole application: what a photo is told while it waits, and what it gets."""

import json

import pytest

from booth import limits
from tests.support.booth import await_status
from tests.support.pacing import INPAINT, TITAN, called, called_before_admission
from tests.support.photos import photo
from tests.support.waiting import await_true


@pytest.fixture
def full(quick):
    """A booth whose one Region takes three pictures a minute."""
    quick.redeploy(ImageModels=f"{TITAN}@us-east-1=3,{INPAINT}@us-east-1=3")
    return quick


def queued(booth, seconds):
    """An upload that waits for its turn, since the Region was asked for three so many seconds ago."""
    uploaded = booth.upload()
    called_before_admission(booth, -seconds, lambda: booth.put(uploaded, photo()))
    return uploaded


def await_queued(booth, uploaded):
    """The first answer of /photo that tells a waiting time."""
    answers = []
    await_true(lambda: answers.append(booth.ask(uploaded, request_id(uploaded))[1]) or answers[-1]["waiting_seconds"])
    return answers[-1]


def request_id(uploaded):
    return "of-" + uploaded["Key"].removeprefix("photo/").removesuffix(".jpg")


def test_a_photo_that_finds_the_quota_used_up_is_told_its_time_and_then_painted(full):
    uploaded = queued(full, 45)
    told = await_queued(full, uploaded)
    assert (told["status"], told["step"], told["error"]) == ("QUEUED", "wait", None)
    assert told["waiting_seconds"] <= 17
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
    uploaded = queued(full, 0)
    await_queued(full, uploaded)
    run = full.record(uploaded)["run"]
    status, _ = full.delete(request_id(uploaded), bucket=uploaded["Bucket"], key=uploaded["Key"])
    assert status == 200
    await_true(lambda: full.executions(run)[0]["status"] != "RUNNING")
    assert full.ask(uploaded, request_id(uploaded))[0] == 404


def test_an_execution_that_dies_while_it_waits_is_settled_by_sweep(full):
    uploaded = queued(full, 0)
    await_queued(full, uploaded)
    [execution] = full.executions(full.record(uploaded)["run"])
    full.steps.stop_execution(executionArn=execution["executionArn"])
    full.age(uploaded, 62 + limits.CHECK_SECONDS)
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
