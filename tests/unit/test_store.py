"""The table's promises: each write once, whoever else writes at the same time."""

import uuid

import pytest

from booth import clock, limits, scenes
from booth.aws import counters, table
from booth.errors import Conflict, RunEnded, Throttled, TimedOut
from booth.run import Open, Status
from booth.runs import open_runs, store, uploads
from tests.support.runs import issue
from tests.support.threads import at_once


def test_a_key_is_given_once(dynamodb):
    runs = at_once(8, lambda _: issue("photo/same.jpg"))
    assert len([run for run in runs if run]) == 1
    assert uploads.find_by_upload("photo/same.jpg").id in runs


def test_an_id_is_given_once(dynamodb):
    assert issue("photo/1.jpg", "mine")
    with pytest.raises(Conflict):
        issue("photo/2.jpg", "mine")
    # The Key of the refused upload was not used up.
    assert issue("photo/2.jpg", "other")


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


def test_a_photo_without_upload_is_adopted_once(dynamodb):
    found = at_once(8, lambda number: uploads.register(f"run-{number}", "photo/foreign.jpg", f"id-{number}"))
    assert len({run.id for run in found}) == 1


def test_a_request_id_and_an_upload_are_bound_once(dynamodb):
    first, second = (store.get(issue(f"photo/{number}.jpg")) for number in range(2))
    assert uploads.bind(first, "request").request == table.hashed("request")
    assert uploads.bind(store.get(first.id), "request").id == first.id
    with pytest.raises(Conflict):
        uploads.bind(second, "request")
    with pytest.raises(Conflict):
        uploads.bind(store.get(first.id), "another")
    assert uploads.find_by_request("another") is None
    assert store.get(second.id).request == ""


def test_binding_at_the_same_instant(dynamodb):
    run = store.get(issue())

    def bind(number):
        try:
            return uploads.bind(run, f"request-{number % 2}").request
        except Conflict:
            return None

    bound = {request for request in at_once(8, bind) if request}
    assert bound == {store.get(run.id).request}


def test_a_refused_id_leaves_the_request_unbound(dynamodb):
    issue("photo/1.jpg", "taken")
    run = store.get(issue("photo/2.jpg"))
    with pytest.raises(Conflict):
        uploads.bind(run, "request", "taken")
    assert uploads.find_by_request("request") is None
    assert uploads.bind(run, "request", "free").picture_id == "free"


def ids_taken(dynamodb):
    """How many ids have been taken for good."""
    items = table.connect().scan(TableName=table.table_name())["Items"]
    return sum(item["pk"]["S"].startswith("id#") for item in items)


def test_an_upload_is_named_once_and_takes_no_further_id(dynamodb):
    run = issue()
    assert uploads.bind(store.get(run), "request", "first").picture_id == "first"
    taken = ids_taken(dynamodb)
    for name in ("second", "third"):
        with pytest.raises(Conflict):
            uploads.bind(store.get(run), "request", name)
    assert ids_taken(dynamodb) == taken
    # The same again is no other name; the others are free for somebody else.
    assert uploads.bind(store.get(run), "request", "first").picture_id == "first"
    assert issue("photo/other.jpg", "second")


def test_names_given_at_the_same_instant_are_one(dynamodb):
    run = store.get(issue())

    def name(number):
        try:
            return uploads.bind(run, "request", f"name-{number}").picture_id
        except Conflict:
            return None

    [named] = [name for name in at_once(8, name) if name]
    assert store.get(run.id).picture_id == named
    assert ids_taken(dynamodb) == 2, "the random one and the caller's"


def test_what_was_made_of_an_id_is_taken_with_it(dynamodb):
    """So who has seen a picture's name can't have it, nor its beginning; and the caller may say its id again."""
    run = str(uuid.uuid4())
    given = {"scenes": [], "content_type": "image/jpeg", "consent": None}
    assert uploads.issue(run, "photo/a.jpg", picture_id="7-random", given="7", **given)
    for seen in ("7", "7-random"):
        with pytest.raises(Conflict):
            issue("photo/b.jpg", seen)
    assert uploads.bind(store.get(run), "request", "7", "7-other").picture_id == "7-random"
    assert uploads.bind(store.get(run), "request", "8", "8-random").picture_id == "8-random"
    with pytest.raises(Conflict):
        uploads.bind(store.get(run), "request", "9", "9-random")


def test_a_record_from_before_ids_were_kept_apart_is_bound_by_its_id(dynamodb):
    run = issue(picture_id="mine")
    assert store.get(run).given == ""
    taken = ids_taken(dynamodb)
    assert uploads.bind(store.get(run), "request", "mine", "mine-random").picture_id == "mine"
    assert ids_taken(dynamodb) == taken


def test_the_id_counts_only_before_the_start(dynamodb):
    run = issue()
    store.claim(run, "v")
    assert uploads.bind(store.get(run), "request", "late").picture_id not in ("", "late")
    assert issue("photo/other.jpg", "late")


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


def test_an_id_that_was_made_up_is_given_once_as_well(dynamodb):
    """The id is in the pictures' URLs: whoever sees it must not get at them."""
    first = store.get(issue("photo/1.jpg"))
    foreign = uploads.register(str(uuid.uuid4()), "photo/2.jpg", str(uuid.uuid4()))
    for taken in (first.picture_id, foreign.picture_id):
        with pytest.raises(Conflict):
            issue("photo/3.jpg", taken)


def test_writes_that_keep_meeting_others_are_tried_again_later(dynamodb, monkeypatch):
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": "TransactionConflictException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}

    class Busy:
        def update_item(self, **_):
            raise ClientError(answer, "UpdateItem")

    monkeypatch.setattr(table, "client", lambda *_, **__: Busy())
    with pytest.raises(Throttled):
        open_runs.close("run")


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


def test_a_counter_stops_at_its_limit(dynamodb):
    counts = at_once(8, lambda _: counters.increment("day 1", 3, expires=1))
    assert sorted(counts) == [False] * 5 + [True] * 3
    assert counters.value("day 1") == 3
    assert counters.value("day 2") == 0
    at_once(5, lambda _: counters.decrement("day 1"))
    counters.decrement("day 2")
    assert (counters.value("day 1"), counters.value("day 2")) == (0, 0)


def test_what_sweep_sees(dynamodb):
    early, late, ended = (issue(f"photo/{number}.jpg") for number in range(3))
    for run, due in ((early, 1000), (late, 3000), (ended, 2000)):
        open_runs.reschedule(store.get(run), due)
    open_runs.close(ended)
    assert due_before(2500) == [(1000, early)]
    assert due_before(5000) == [(1000, early), (3000, late)]
    open_runs.reschedule(store.get(ended), 100)  # a closed run is not opened again
    assert due_before(5000) == [(1000, early), (3000, late)]
    seen = store.get(early)
    open_runs.reschedule(seen, 4000)
    open_runs.reschedule(seen, 9000)  # the slower of two that saw it changes nothing
    assert due_before(5000) == [(3000, late), (4000, early)]


def test_names_are_kept_as_hashes_where_the_record_outlives_the_data(dynamodb):
    run = issue("photo/anna.jpg", "anna-id")
    uploads.bind(store.get(run), "anna-request")
    items = table.client("dynamodb", **table._LIMITS).scan(TableName=table.table_name())["Items"]
    for item in items:
        if not item["pk"]["S"].startswith("run#"):
            assert "anna" not in str(item)
    lasting = [item for item in items if "expires" not in item]
    assert {item["pk"]["S"].partition("#")[0] for item in lasting} == {"upload", "id"}
