"""The records of runs: each write once, whoever else writes at the same time, and nothing after the end."""

import pytest

from booth import clock, limits, scenes
from booth.aws import table
from booth.errors import Conflict, RunEnded, TimedOut
from booth.run import Open, Status
from booth.runs import open_runs, store, uploads
from tests.support.runs import issue
from tests.support.threads import at_once


def test_the_first_claim_wins(dynamodb):
    run = issue()
    claims = at_once(8, lambda number: store.claim(run, f"version-{number}"))
    [claimed] = [claim for claim in claims if claim]
    assert store.get(run) == claimed


def test_a_claim_or_a_refusal_wins(dynamodb):
    run = issue()

    def claim_or_refuse(number):
        version = f"version-{number}"
        return store.refuse(run, version, "BudgetSpent") if number % 2 else bool(store.claim(run, version))

    [number] = [number for number, won in enumerate(at_once(8, claim_or_refuse)) if won]
    found = store.get(run)
    assert found.version == f"version-{number}"
    assert (found.status, found.error) == (("FAILED", "BudgetSpent") if number % 2 else ("QUEUED", ""))


def test_steps_of_a_run(dynamodb):
    run = issue()
    with pytest.raises(TimedOut):  # not admitted yet
        store.enter(run, "detect")
    store.claim(run, "v")
    assert store.enter(run, "detect").status == Status.RUNNING
    store.publish_copy(run, "photo/a.jpg", scenes.chosen(("sky", "library")))
    store.publish_picture(run, 1, "photo/photo_id_1.jpeg")
    store.publish_copy(run, "photo/a.jpg", scenes.chosen(("sky", "library")))  # a second attempt undoes nothing
    store.set_faces(run, 3, 1)
    running = store.get(run)
    assert (running.original, running.faces) == ("photo/a.jpg", 3)
    library = scenes.catalogue()["library"]
    assert running.pictures["p2"] == {
        "scene": "library",
        "state": "WAITING",
        "prompt": library.prompt,
        "negative": library.negative,
        "seed": None,
    }
    assert running.pictures["p1"].items() >= {"scene": "sky", "state": "DONE", "key": "photo/photo_id_1.jpeg"}.items()
    assert store.end(running, Status.SUCCEEDED, "", running.pictures)
    assert not store.end(running, Status.FAILED, "TimedOut", {})
    ended = store.get(run)
    assert (ended.status, ended.error) == (Status.SUCCEEDED, "")
    for late in (
        lambda: store.enter(run, "generate"),
        lambda: store.set_faces(run, 3, 0),
        lambda: store.publish_copy(run, "photo/a.jpg", scenes.chosen(("sky",))),
        lambda: store.publish_picture(run, 1, "photo/other.jpeg"),
    ):
        with pytest.raises(RunEnded):
            late()
    assert store.get(run) == ended


def test_a_run_ends_only_as_it_was_seen(dynamodb):
    """What is published between reading a run and ending it is not lost."""
    run = issue()
    waiting = store.get(run)
    store.claim(run, "v")
    assert not store.end(waiting, Status.FAILED, "PhotoNeverArrived", {})
    store.enter(run, "detect")
    store.publish_copy(run, "photo/a.jpg", scenes.chosen(("sky",)))
    seen = store.get(run)
    store.publish_picture(run, 1, "photo/photo_id_1.jpeg")
    assert not store.end(seen, Status.FAILED, "TimedOut", seen.pictures)
    assert store.get(run).status == Status.RUNNING
    assert store.end(store.get(run), Status.SUCCEEDED, "", store.get(run).pictures)


def test_the_next_step_is_marked_by_this_one_and_by_no_late_attempt_at_it(dynamodb):
    run = issue()
    store.claim(run, "v")
    store.enter(run, "crop")
    store.advance(run, "crop", then="segment")
    assert store.get(run).step == "segment"
    store.enter(run, "merge")
    store.advance(run, "crop", then="segment")
    assert store.get(run).step == "merge"
    store.end(store.get(run), Status.FAILED, "NoFaceFound", {})
    for late in (lambda: store.advance(run, "merge", then="generate"), lambda: store.check(run)):
        with pytest.raises(RunEnded):
            late()


def test_a_step_after_the_deadline(dynamodb, monkeypatch):
    run = issue()
    store.claim(run, "v")
    store.enter(run, "crop")
    later = clock.now_ms() + limits.RUN_SECONDS * 1000
    monkeypatch.setattr(clock, "now_ms", lambda: later)
    for late in (
        lambda: store.enter(run, "generate"),
        lambda: store.advance(run, "crop", then="segment"),
        lambda: store.check(run),
    ):
        with pytest.raises(TimedOut):
            late()


def test_expired_records_are_gone_before_ttl_sweeps_them_but_keys_and_ids_stay_used(dynamodb, monkeypatch):
    run = issue("photo/old.jpg", "old")
    uploads.bind(store.get(run), "request")
    later = clock.now_ms() + store.RETENTION_SECONDS * 1000 + 1000
    monkeypatch.setattr(clock, "now_ms", lambda: later)
    assert store.find(run) is None
    assert uploads.find_by_upload("photo/old.jpg") is None
    assert uploads.find_by_request("request") is None
    assert issue("photo/old.jpg") is None
    assert uploads.register("another", "photo/old.jpg", "another-id") is None
    with pytest.raises(Conflict):
        issue("photo/new.jpg", "old")


def due_before(moment):
    return open_runs.due_before(moment, Open.WAITING, limit=100)


def everything_about(dynamodb, run):
    items = table.client("dynamodb", **table._LIMITS).scan(TableName=table.table_name())["Items"]
    return [item for item in items if item["run"]["S"] == run]


@pytest.mark.parametrize("moment", ["issued", "claimed", "running", "ended"])
def test_a_deleted_run_stays_deleted_and_in_the_end_has_no_names(dynamodb, moment):
    run = issue("photo/anna.jpg", "anna-id")
    uploads.bind(store.get(run), "anna-request")
    if moment != "issued":
        store.claim(run, "v")
    if moment in ("running", "ended"):
        store.enter(run, "generate")
        store.publish_copy(run, "photo/anna.jpg", scenes.chosen(("sky",)))
    before = store.get(run)
    if moment == "ended":
        assert store.end(before, Status.PARTIAL, "", before.pictures)

    deleted = store.mark_deleted(run, due=5000)

    assert (deleted.status, deleted.key, deleted.picture_id) == (Status.DELETED, "photo/anna.jpg", "anna-id")
    assert store.mark_deleted(run, due=9000) == deleted
    assert due_before(6000) == [(5000, run)]
    assert not store.end(before, Status.FAILED, "TimedOut", before.pictures)
    assert store.claim(run, "late") is None
    for late in (
        lambda: store.enter(run, "generate"),
        lambda: store.publish_copy(run, "photo/anna.jpg", scenes.chosen(("sky",))),
        lambda: store.publish_picture(run, 1, "photo/photo_anna-id_1.jpeg"),
    ):
        with pytest.raises(RunEnded):
            late()
    # Whoever cleans an ended run, with what was read before, leaves the deletion open.
    open_runs.reschedule(before, 1)
    open_runs.close(run)
    assert due_before(6000) == [(5000, run)]

    store.forget(run)

    assert "anna" not in str(everything_about(dynamodb, run))
    assert due_before(1 << 50) == []
    assert uploads.find_by_request("anna-request").status == Status.DELETED
    assert issue("photo/anna.jpg") is None


def test_only_a_deleted_run_is_forgotten(dynamodb):
    run = issue("photo/anna.jpg")
    store.forget(run)
    assert store.get(run).key == "photo/anna.jpg"
