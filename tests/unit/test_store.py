"""The table's promises: each write once, whoever else writes at the same time."""

import threading
import uuid

import pytest

from booth import limits
from booth.errors import Conflict, RunEnded, Throttled, TimedOut


def issue(store, key="photo/a.jpg", picture_id=""):
    run, picture_id = str(uuid.uuid4()), picture_id or str(uuid.uuid4())
    given = store.issue(run, key, picture_id=picture_id, scenes=[], content_type="image/jpeg", consent=None)
    return run if given else None


def at_once(count, action):
    """Runs action(number) in threads at the same instant; gives the results in order."""
    results, gate = [None] * count, threading.Barrier(count)

    def go(number):
        gate.wait()
        results[number] = action(number)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_key_is_given_once(table):
    runs = at_once(8, lambda _: issue(table, "photo/same.jpg"))
    assert len([run for run in runs if run]) == 1
    assert table.find_by_upload("photo/same.jpg").run in runs


def test_an_id_is_given_once(table):
    assert issue(table, "photo/1.jpg", "mine")
    with pytest.raises(Conflict):
        issue(table, "photo/2.jpg", "mine")
    # The Key of the refused upload was not used up.
    assert issue(table, "photo/2.jpg", "other")


def test_the_first_claim_wins(table):
    run = issue(table)
    claims = at_once(8, lambda number: table.claim(run, f"version-{number}"))
    [claimed] = [claim for claim in claims if claim]
    assert table.get(run) == claimed


def test_a_claim_or_a_refusal_wins(table):
    run = issue(table)

    def claim_or_refuse(number):
        version = f"version-{number}"
        return table.refuse(run, version, "BudgetSpent") if number % 2 else bool(table.claim(run, version))

    [number] = [number for number, won in enumerate(at_once(8, claim_or_refuse)) if won]
    found = table.get(run)
    assert found.version == f"version-{number}"
    assert (found.status, found.error) == (("FAILED", "BudgetSpent") if number % 2 else ("QUEUED", ""))


def test_a_photo_without_upload_is_adopted_once(table):
    found = at_once(8, lambda number: table.adopt(f"run-{number}", "photo/foreign.jpg", f"id-{number}"))
    assert len({run.run for run in found}) == 1


def test_a_request_id_and_an_upload_are_bound_once(table):
    first, second = (table.get(issue(table, f"photo/{number}.jpg")) for number in range(2))
    assert table.bind(first, "request").request == table.hashed("request")
    assert table.bind(table.get(first.run), "request").run == first.run
    with pytest.raises(Conflict):
        table.bind(second, "request")
    with pytest.raises(Conflict):
        table.bind(table.get(first.run), "another")
    assert table.find_by_request("another") is None
    assert table.get(second.run).request == ""


def test_binding_at_the_same_instant(table):
    run = table.get(issue(table))

    def bind(number):
        try:
            return table.bind(run, f"request-{number % 2}").request
        except Conflict:
            return None

    bound = {request for request in at_once(8, bind) if request}
    assert bound == {table.get(run.run).request}


def test_a_refused_id_leaves_the_request_unbound(table):
    issue(table, "photo/1.jpg", "taken")
    run = table.get(issue(table, "photo/2.jpg"))
    with pytest.raises(Conflict):
        table.bind(run, "request", "taken")
    assert table.find_by_request("request") is None
    assert table.bind(run, "request", "free").picture_id == "free"


def ids_taken(table):
    """How many ids have been taken for good."""
    items = table.connect().scan(TableName=table._table())["Items"]
    return sum(item["pk"]["S"].startswith("id#") for item in items)


def test_an_upload_is_named_once_and_takes_no_further_id(table):
    run = issue(table)
    assert table.bind(table.get(run), "request", "first").picture_id == "first"
    taken = ids_taken(table)
    for name in ("second", "third"):
        with pytest.raises(Conflict):
            table.bind(table.get(run), "request", name)
    assert ids_taken(table) == taken
    # The same again is no other name; the others are free for somebody else.
    assert table.bind(table.get(run), "request", "first").picture_id == "first"
    assert issue(table, "photo/other.jpg", "second")


def test_names_given_at_the_same_instant_are_one(table):
    run = table.get(issue(table))

    def name(number):
        try:
            return table.bind(run, "request", f"name-{number}").picture_id
        except Conflict:
            return None

    [named] = [name for name in at_once(8, name) if name]
    assert table.get(run.run).picture_id == named
    assert ids_taken(table) == 2, "the random one and the caller's"


def test_what_was_made_of_an_id_is_taken_with_it(table):
    """So who has seen a picture's name can't have it, nor its beginning; and the caller may say its id again."""
    run = str(uuid.uuid4())
    given = {"scenes": [], "content_type": "image/jpeg", "consent": None}
    assert table.issue(run, "photo/a.jpg", picture_id="7-random", given="7", **given)
    for seen in ("7", "7-random"):
        with pytest.raises(Conflict):
            issue(table, "photo/b.jpg", seen)
    assert table.bind(table.get(run), "request", "7", "7-other").picture_id == "7-random"
    assert table.bind(table.get(run), "request", "8", "8-random").picture_id == "8-random"
    with pytest.raises(Conflict):
        table.bind(table.get(run), "request", "9", "9-random")


def test_a_record_from_before_ids_were_kept_apart_is_bound_by_its_id(table):
    run = issue(table, picture_id="mine")
    assert table.get(run).given == ""
    taken = ids_taken(table)
    assert table.bind(table.get(run), "request", "mine", "mine-random").picture_id == "mine"
    assert ids_taken(table) == taken


def test_the_id_counts_only_before_the_start(table):
    run = issue(table)
    table.claim(run, "v")
    assert table.bind(table.get(run), "request", "late").picture_id not in ("", "late")
    assert issue(table, "photo/other.jpg", "late")


def test_steps_of_a_run(table):
    run = issue(table)
    with pytest.raises(TimedOut):  # not admitted yet
        table.enter(run, "detect")
    table.claim(run, "v")
    assert table.enter(run, "detect").status == table.RUNNING
    table.publish_copy(run, "photo/a.jpg", ["sky", "forest"])
    table.publish_picture(run, 1, "photo/photo_id_1.jpeg")
    table.publish_copy(run, "photo/a.jpg", ["sky", "forest"])  # a second attempt undoes nothing
    table.note_faces(run, 3, 1)
    running = table.get(run)
    assert (running.original, running.faces) == ("photo/a.jpg", 3)
    assert running.pictures["p2"] == {"scene": "forest", "state": "WAITING"}
    assert running.pictures["p1"] == {"scene": "sky", "state": "DONE", "key": "photo/photo_id_1.jpeg"}
    assert table.end(running, table.SUCCEEDED, "", running.pictures)
    assert not table.end(running, table.FAILED, "TimedOut", {})
    ended = table.get(run)
    assert (ended.status, ended.error) == (table.SUCCEEDED, "")
    for late in (
        lambda: table.enter(run, "generate"),
        lambda: table.note_faces(run, 3, 0),
        lambda: table.publish_copy(run, "photo/a.jpg", ["sky"]),
        lambda: table.publish_picture(run, 1, "photo/other.jpeg"),
    ):
        with pytest.raises(RunEnded):
            late()
    assert table.get(run) == ended


def test_a_run_ends_only_as_it_was_seen(table):
    """What is published between reading a run and ending it is not lost."""
    run = issue(table)
    waiting = table.get(run)
    table.claim(run, "v")
    assert not table.end(waiting, table.FAILED, "PhotoNeverArrived", {})
    table.enter(run, "detect")
    table.publish_copy(run, "photo/a.jpg", ["sky"])
    seen = table.get(run)
    table.publish_picture(run, 1, "photo/photo_id_1.jpeg")
    assert not table.end(seen, table.FAILED, "TimedOut", seen.pictures)
    assert table.get(run).status == table.RUNNING
    assert table.end(table.get(run), table.SUCCEEDED, "", table.get(run).pictures)


def test_an_id_that_was_made_up_is_given_once_as_well(table):
    """The id is in the pictures' URLs: whoever sees it must not get at them."""
    first = table.get(issue(table, "photo/1.jpg"))
    foreign = table.adopt(str(uuid.uuid4()), "photo/2.jpg", str(uuid.uuid4()))
    for taken in (first.picture_id, foreign.picture_id):
        with pytest.raises(Conflict):
            issue(table, "photo/3.jpg", taken)


def test_writes_that_keep_meeting_others_are_tried_again_later(table, monkeypatch):
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": "TransactionConflictException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}

    class Busy:
        def update_item(self, **_):
            raise ClientError(answer, "UpdateItem")

    monkeypatch.setattr(table, "client", lambda *_, **__: Busy())
    with pytest.raises(Throttled):
        table.close("run")


def test_the_next_step_is_marked_by_this_one_and_by_no_late_attempt_at_it(table):
    run = issue(table)
    table.claim(run, "v")
    table.enter(run, "crop")
    table.hand_on(run, "crop", then="segment")
    assert table.get(run).step == "segment"
    table.enter(run, "merge")
    table.hand_on(run, "crop", then="segment")
    assert table.get(run).step == "merge"
    table.end(table.get(run), table.FAILED, "NoFaceFound", {})
    for late in (lambda: table.hand_on(run, "merge", then="generate"), lambda: table.check(run)):
        with pytest.raises(RunEnded):
            late()


def test_a_step_after_the_deadline(table, monkeypatch):
    run = issue(table)
    table.claim(run, "v")
    table.enter(run, "crop")
    later = table.now_ms() + limits.RUN_SECONDS * 1000
    monkeypatch.setattr(table, "now_ms", lambda: later)
    for late in (
        lambda: table.enter(run, "generate"),
        lambda: table.hand_on(run, "crop", then="segment"),
        lambda: table.check(run),
    ):
        with pytest.raises(TimedOut):
            late()


def test_expired_records_are_gone_before_ttl_sweeps_them_but_keys_and_ids_stay_used(table, monkeypatch):
    run = issue(table, "photo/old.jpg", "old")
    table.bind(table.get(run), "request")
    later = table.now_ms() + table.RETENTION_SECONDS * 1000 + 1000
    monkeypatch.setattr(table, "now_ms", lambda: later)
    assert table.find(run) is None
    assert table.find_by_upload("photo/old.jpg") is None
    assert table.find_by_request("request") is None
    assert issue(table, "photo/old.jpg") is None
    assert table.adopt("another", "photo/old.jpg", "another-id") is None
    with pytest.raises(Conflict):
        issue(table, "photo/new.jpg", "old")


def due_before(store, moment):
    return store.due_before(moment, store.WAITS, limit=100)


def everything_about(table, run):
    items = table.client("dynamodb", **table._LIMITS).scan(TableName=table._table())["Items"]
    return [item for item in items if item["run"]["S"] == run]


@pytest.mark.parametrize("moment", ["issued", "claimed", "running", "ended"])
def test_a_deleted_run_stays_deleted_and_in_the_end_has_no_names(table, moment):
    run = issue(table, "photo/anna.jpg", "anna-id")
    table.bind(table.get(run), "anna-request")
    if moment != "issued":
        table.claim(run, "v")
    if moment in ("running", "ended"):
        table.enter(run, "generate")
        table.publish_copy(run, "photo/anna.jpg", ["sky"])
    before = table.get(run)
    if moment == "ended":
        assert table.end(before, table.PARTIAL, "", before.pictures)

    deleted = table.mark_deleted(run, due=5000)

    assert (deleted.status, deleted.key, deleted.picture_id) == (table.DELETED, "photo/anna.jpg", "anna-id")
    assert table.mark_deleted(run, due=9000) == deleted
    assert due_before(table, 6000) == [(5000, run)]
    assert not table.end(before, table.FAILED, "TimedOut", before.pictures)
    assert table.claim(run, "late") is None
    for late in (
        lambda: table.enter(run, "generate"),
        lambda: table.publish_copy(run, "photo/anna.jpg", ["sky"]),
        lambda: table.publish_picture(run, 1, "photo/photo_anna-id_1.jpeg"),
    ):
        with pytest.raises(RunEnded):
            late()
    # Whoever cleans an ended run, with what was read before, leaves the deletion open.
    table.postpone(before, 1)
    table.close(run)
    assert due_before(table, 6000) == [(5000, run)]

    table.forget(run)

    assert "anna" not in str(everything_about(table, run))
    assert due_before(table, 1 << 50) == []
    assert table.find_by_request("anna-request").status == table.DELETED
    assert issue(table, "photo/anna.jpg") is None


def test_only_a_deleted_run_is_forgotten(table):
    run = issue(table, "photo/anna.jpg")
    table.forget(run)
    assert table.get(run).key == "photo/anna.jpg"


def test_a_counter_stops_at_its_limit(table):
    counts = at_once(8, lambda _: table.count_up("day 1", 3, expires=1))
    assert sorted(counts) == [False] * 5 + [True] * 3
    assert table.counted("day 1") == 3
    assert table.counted("day 2") == 0
    at_once(5, lambda _: table.count_down("day 1"))
    table.count_down("day 2")
    assert (table.counted("day 1"), table.counted("day 2")) == (0, 0)


def test_what_sweep_sees(table):
    early, late, ended = (issue(table, f"photo/{number}.jpg") for number in range(3))
    for run, due in ((early, 1000), (late, 3000), (ended, 2000)):
        table.postpone(table.get(run), due)
    table.close(ended)
    assert due_before(table, 2500) == [(1000, early)]
    assert due_before(table, 5000) == [(1000, early), (3000, late)]
    table.postpone(table.get(ended), 100)  # a closed run is not opened again
    assert due_before(table, 5000) == [(1000, early), (3000, late)]
    seen = table.get(early)
    table.postpone(seen, 4000)
    table.postpone(seen, 9000)  # the slower of two that saw it changes nothing
    assert due_before(table, 5000) == [(3000, late), (4000, early)]


def test_names_are_kept_as_hashes_where_the_record_outlives_the_data(table):
    run = issue(table, "photo/anna.jpg", "anna-id")
    table.bind(table.get(run), "anna-request")
    items = table.client("dynamodb", **table._LIMITS).scan(TableName=table._table())["Items"]
    for item in items:
        if not item["pk"]["S"].startswith("run#"):
            assert "anna" not in str(item)
    lasting = [item for item in items if "expires" not in item]
    assert {item["pk"]["S"].partition("#")[0] for item in lasting} == {"upload", "id"}
