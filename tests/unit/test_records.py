"""What each write leaves in the table, to the attribute, and when it leaves everything as it was."""

import uuid
from dataclasses import replace

import pytest
from boto3.dynamodb.types import TypeDeserializer

from booth import clock
from booth.aws import table
from booth.errors import Conflict, RunEnded, TimedOut
from booth.run import Open, Run, Status, Step, Turn
from booth.runs import open_runs, store, uploads
from booth.scenes import Scene

NOW = 1_800_000_000_000
KEY = "photo/a.jpg"
WEEK = 604_800
CONSENT = {"policy": "7", "language": "en", "time": "2026-11-22", "wall": True}
SKY = Scene("sky", {}, "{people} at the sky", "dark", "#000000", 7)
SEA = Scene("sea", {}, "{people} at the sea", "", "#000000")


class Now:
    value = NOW


@pytest.fixture
def now(dynamodb, environment):
    """The functions' clock, which stands still until it is put forward."""
    now = Now()
    environment.setattr(clock, "now_ms", lambda: now.value)
    environment.setattr(store, "RETENTION_SECONDS", WEEK)
    return now


def plain(item):
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def everything():
    """All records of the table, by what their keys begin with."""
    found = {}
    for item in table.connect().scan(TableName=table.table_name())["Items"]:
        kind, _, name = item["pk"]["S"].partition("#")
        found.setdefault(kind, {})[name] = {key: value for key, value in plain(item).items() if key != "pk"}
    return found


def record(run_id):
    return everything()["run"][run_id]


def issue(key=KEY, picture_id="", **fields):
    """The id of a run that waits for its photo."""
    run_id = str(uuid.uuid4())
    fields = {"scenes": [], "content_type": "image/jpeg", "consent": None} | fields
    assert uploads.issue(run_id, key, picture_id=picture_id or run_id, **fields)
    return run_id


def claimed():
    run_id = issue()
    store.claim(run_id, "v")
    return run_id


def running():
    run_id = claimed()
    store.enter(run_id, Step.DETECT)
    return run_id


def ended():
    run_id = running()
    assert store.end(store.get(run_id), Status.FAILED, "TimedOut", {})
    return run_id


def deleted():
    run_id = issue()
    store.mark_deleted(run_id, due=5)
    return run_id


def changed_by(run_id, write):
    """What a write changes in a run's record: new values, None where the attribute goes."""
    before = record(run_id)
    write()
    after = record(run_id)
    gone = dict.fromkeys(before.keys() - after.keys())
    return {name: value for name, value in after.items() if before.get(name) != value} | gone


def assert_refused(run_id, write, *errors):
    before = record(run_id)
    if errors:
        with pytest.raises(errors):
            write()
    else:
        assert not write()
    assert record(run_id) == before


# Uploads


def test_an_issued_upload(now):
    run_id = issue(picture_id="anna-1234", given="anna", scenes=["sky", "sea"], consent=CONSENT)
    found = everything()
    assert found.keys() == {"upload", "id", "run"}
    assert found["upload"] == {table.hashed(KEY): {"run": run_id}}
    assert found["id"] == {table.hashed("anna"): {"run": run_id}, table.hashed("anna-1234"): {"run": run_id}}
    assert found["run"] == {
        run_id: {
            "run": run_id,
            "key": KEY,
            "status": "QUEUED",
            "step": "upload",
            "created": NOW,
            "open": "2",
            "due": NOW + 60_000,
            "expires": NOW // 1000 + WEEK,
            "picture_id": "anna-1234",
            "content_type": "image/jpeg",
            "given": table.hashed("anna"),
            "upload_until": NOW + 300_000,
            "scenes": ["sky", "sea"],
            "consent": '{"policy": "7", "language": "en", "time": "2026-11-22", "wall": true}',
            "wall": {},
        }
    }


def test_an_issued_upload_of_which_nothing_is_known(now):
    run_id = issue()
    assert everything()["id"] == {table.hashed(run_id): {"run": run_id}}
    assert not record(run_id).keys() & {"given", "scenes", "consent", "version", "claimed", "deadline"}
    assert store.get(run_id) == Run(
        run_id,
        Status.QUEUED,
        Step.UPLOAD,
        NOW,
        key=KEY,
        picture_id=run_id,
        content_type="image/jpeg",
        upload_until=NOW + 300_000,
        open=Open.WAITING,
        due=NOW + 60_000,
    )


def test_an_upload_whose_key_or_id_was_given_before_is_not_recorded(now):
    issue(picture_id="made-of-anna", given="anna")
    before = everything()
    fields = {"scenes": [], "content_type": "image/jpeg", "consent": None}
    assert uploads.issue("new", KEY, picture_id="new", **fields) is False
    for names in ({"picture_id": "anna"}, {"picture_id": "new", "given": "anna"}, {"picture_id": "made-of-anna"}):
        with pytest.raises(Conflict):
            uploads.issue("new", "photo/b.jpg", **names, **fields)
    assert everything() == before
    # An id that lies behind one of the caller's own is no conflict of the caller's: another one is made up.
    assert uploads.issue("new", "photo/b.jpg", picture_id="made-of-anna", given="ben", **fields) is False
    assert everything() == before


def test_a_photo_that_came_without_upload(now):
    run = uploads.register("run", KEY, "picture")
    assert run == Run("run", Status.QUEUED, Step.UPLOAD, NOW, key=KEY, picture_id="picture", open=Open.WAITING, due=NOW)
    assert everything() == {
        "upload": {table.hashed(KEY): {"run": "run"}},
        "id": {table.hashed("picture"): {"run": "run"}},
        "run": {
            "run": {
                "run": "run",
                "key": KEY,
                "status": "QUEUED",
                "step": "upload",
                "created": NOW,
                "open": "2",
                "due": NOW,
                "expires": NOW // 1000 + WEEK,
                "picture_id": "picture",
            }
        },
    }
    assert uploads.register("second", KEY, "other") == run
    assert everything().keys() == {"upload", "id", "run"}
    assert list(everything()["run"]) == ["run"]


def test_a_run_is_found_by_its_upload_and_its_request_id_and_by_no_other(now):
    run = store.get(issue())
    bound = uploads.bind(run, "request")
    assert uploads.find_by_upload(KEY) == uploads.find_by_request("request") == bound == store.get(run.id)
    for find, name in ((uploads.find_by_upload, "request"), (uploads.find_by_request, KEY)):
        assert find(name) is None
    store.mark_deleted(run.id, due=5)
    store.forget(run.id)
    assert uploads.find_by_upload(KEY).key == KEY
    assert uploads.find_by_request("request").key == ""


# Binding a requestId, and an id


def test_a_request_id_is_bound(now):
    run_id = issue()
    run = store.get(run_id)
    assert changed_by(run_id, lambda: uploads.bind(run, "request")) == {"request": table.hashed("request")}
    assert everything()["request"] == {table.hashed("request"): {"run": run_id, "expires": NOW // 1000 + WEEK}}
    assert everything()["id"].keys() == {table.hashed(run_id)}
    # Again, with what was read before and with what is there now.
    before = everything()
    for seen in (run, store.get(run_id)):
        assert uploads.bind(seen, "request") == store.get(run_id)
    assert everything() == before


@pytest.mark.parametrize("first", [True, False])
def test_an_id_is_taken_for_the_pictures(now, first):
    run_id = issue()
    if not first:
        uploads.bind(store.get(run_id), "request")
    run = store.get(run_id)
    changes = changed_by(run_id, lambda: uploads.bind(run, "request", given="anna", picture_id="anna-1234"))
    named = {"picture_id": "anna-1234", "given": table.hashed("anna"), "named": True}
    assert changes == named | ({"request": table.hashed("request")} if first else {})
    assert everything()["id"] == {table.hashed(name): {"run": run_id} for name in (run_id, "anna", "anna-1234")}
    # The same id again is no other one, whichever record the caller has read.
    before = everything()
    for seen in (run, store.get(run_id)):
        assert uploads.bind(seen, "request", given="anna", picture_id="anna-9999") == store.get(run_id)
    assert everything() == before


def test_an_id_that_is_shown_as_it_was_given(now):
    run_id = issue()
    bound = uploads.bind(store.get(run_id), "request", given="anna")
    assert (bound.picture_id, bound.given, bound.named) == ("anna", table.hashed("anna"), True)


def test_what_is_taken_by_another_is_refused_and_changes_nothing(now):
    other, run = issue("photo/b.jpg", picture_id="ben"), store.get(issue())
    uploads.bind(store.get(other), "bens")
    before = everything()
    for request_id, given in (("bens", ""), ("request", "ben"), ("bens", "ben")):
        with pytest.raises(Conflict):
            uploads.bind(run, request_id, given=given)
    assert everything() == before
    bound = uploads.bind(run, "request", given="anna")
    before = everything()
    for request_id, given in (("second", ""), ("second", "anna"), ("request", "another"), ("request", "ben")):
        for seen in (run, bound):
            with pytest.raises(Conflict):
                uploads.bind(seen, request_id, given=given)
    assert everything() == before


def test_the_refusal_says_what_is_taken(now):
    uploads.bind(store.get(issue("photo/b.jpg", picture_id="ben")), "bens")
    run = store.get(issue())
    for request_id, given, says in (("bens", "", "requestId"), ("bens", "anna", "requestId"), ("r", "ben", "This id")):
        with pytest.raises(Conflict, match=says):
            uploads.bind(run, request_id, given=given)


def test_an_id_comes_too_late_when_the_run_has_started(now):
    run_id = claimed()
    bound = uploads.bind(store.get(run_id), "request", given="late")
    assert (bound.request, bound.picture_id, bound.named) == (table.hashed("request"), run_id, False)
    assert everything()["id"].keys() == {table.hashed(run_id)}


def test_an_id_that_meets_the_start_is_left_and_the_request_id_is_bound_all_the_same(now):
    waiting = store.get(issue())
    store.claim(waiting.id, "v")
    bound = uploads.bind(waiting, "request", given="late")
    assert (bound.request, bound.picture_id, bound.version) == (table.hashed("request"), waiting.id, "v")


# The run


def test_a_claim(now):
    run_id = issue()
    now.value += 1000
    assert changed_by(run_id, lambda: store.claim(run_id, "v")) == {
        "version": "v",
        "step": "queue",
        "claimed": NOW + 1000,
        "deadline": NOW + 121_000,
        "open": "1",
        "due": NOW + 21_000,
    }
    assert_refused(run_id, lambda: store.claim(run_id, "w"))
    gone = issue("photo/b.jpg")
    assert store.claim(gone, "v") == store.get(gone)
    for make in (running, ended, deleted):
        table.connect().delete_item(TableName=table.table_name(), Key=table.key_of("upload", KEY))
        run_id = make()
        assert_refused(run_id, lambda run_id=run_id: store.claim(run_id, "w"))


def test_a_refusal(now):
    run_id = issue()
    open_runs.close(run_id)
    now.value += 1000
    assert changed_by(run_id, lambda: store.refuse(run_id, "v", "BudgetSpent")) == {
        "version": "v",
        "status": "FAILED",
        "error": "BudgetSpent",
        "step": "finish",
        "claimed": NOW + 1000,
        "ended": NOW + 1000,
        "open": "2",
        "due": NOW + 21_000,
    }
    assert store.refuse(issue("photo/b.jpg"), "v", "BudgetSpent") is True
    assert store.refuse(run_id, "w", "BudgetSpent") is False
    for make in (claimed, running, ended, deleted):
        table.connect().delete_item(TableName=table.table_name(), Key=table.key_of("upload", KEY))
        run_id = make()
        assert_refused(run_id, lambda run_id=run_id: store.refuse(run_id, "w", "BudgetSpent"))


def test_a_step_that_begins(now):
    run_id = claimed()
    changes = changed_by(run_id, lambda: store.enter(run_id, Step.DETECT))
    assert changes == {"status": "RUNNING", "step": "detect"}
    assert store.enter(run_id, Step.DETECT) == store.get(run_id)
    now.value = NOW + 119_999
    assert store.enter(run_id, Step.CROP).step == Step.CROP
    assert store.check(run_id) == store.get(run_id)
    now.value += 1
    for write in (
        lambda: store.enter(run_id, Step.MERGE),
        lambda: store.advance(run_id, Step.CROP, Step.SEGMENT),
        lambda: store.check(run_id),
    ):
        assert_refused(run_id, write, TimedOut)


def test_a_step_that_ends(now):
    run_id = running()
    assert changed_by(run_id, lambda: store.advance(run_id, Step.DETECT, Step.CROP)) == {"step": "crop"}
    assert_refused(run_id, lambda: store.advance(run_id, Step.DETECT, Step.MERGE))
    table.connect().delete_item(TableName=table.table_name(), Key=table.key_of("upload", KEY))
    waiting = claimed()  # nothing has begun
    assert_refused(waiting, lambda: store.advance(waiting, Step.QUEUE, Step.CROP))


def test_the_copy_and_what_will_be_painted(now):
    run_id = running()
    pictures = {
        "p1": {"scene": "sky", "state": "WAITING", "prompt": SKY.prompt, "negative": "dark", "seed": 7},
        "p2": {"scene": "sea", "state": "WAITING", "prompt": SEA.prompt, "negative": "", "seed": None},
    }
    changes = changed_by(run_id, lambda: store.publish_copy(run_id, KEY, [SKY, SEA]))
    assert changes == {"original": KEY, "pictures": pictures}
    changes = changed_by(run_id, lambda: store.publish_copy(run_id, "photo/b.jpg", [SEA], "head"))
    assert changes == {"original": "photo/b.jpg"}


@pytest.mark.parametrize(
    ("chosen", "of_stack", "keeps"),
    [
        ("", "face", [None, "head", None]),
        ("", "person", ["person", "head", None]),
        ("person", "face", ["person", "person", "person"]),
        ("face", "person", [None, None, None]),
    ],
)
def test_what_each_picture_is_to_keep(now, environment, chosen, of_stack, keeps):
    """Of a picture that keeps the face alone, the record says what it said before."""
    environment.setenv("KEEP", of_stack)
    run_id = issue(**({"keep": chosen} if chosen else {}))
    assert (store.get(run_id).keep, record(run_id).get("keep", "")) == (chosen, chosen)
    store.claim(run_id, "v")
    store.enter(run_id, Step.DETECT)
    catalogue = [SKY, replace(SEA, keep="head"), replace(SEA, keep="face")]
    store.publish_copy(run_id, KEY, catalogue, store.get(run_id).keep)
    pictures = record(run_id)["pictures"]
    assert [pictures[name].get("keep") for name in ("p1", "p2", "p3")] == keeps
    assert store.get(run_id).more == sorted({keep for keep in keeps if keep})


def test_faces_and_pictures(now):
    run_id = running()
    store.publish_copy(run_id, KEY, [SKY, SEA])
    assert changed_by(run_id, lambda: store.set_faces(run_id, 3, 1)) == {
        "faces": 3,
        "faces_by_ellipse": 1,
        "step": "wait",
    }
    assert changed_by(run_id, lambda: store.set_faces(run_id, 3, 1, ["head"])) == {"not_kept": ["head"]}
    assert store.get(run_id).not_kept == ("head",)
    before = record(run_id)["pictures"]
    assert changed_by(run_id, lambda: store.publish_picture(run_id, 2, "photo/p.jpeg")) == {
        "pictures": before | {"p2": before["p2"] | {"state": "DONE", "key": "photo/p.jpeg", "at": NOW}}
    }
    store.publish_picture(run_id, 1, "photo/q.jpeg", by="titan@us-east-1")
    assert record(run_id)["pictures"]["p1"]["by"] == "titan@us-east-1"


@pytest.mark.parametrize("make", [claimed, ended, deleted])
def test_nothing_is_published_of_a_run_that_does_not_run(now, make):
    run_id = make()
    for write in (
        lambda: store.publish_copy(run_id, KEY, [SKY]),
        lambda: store.set_faces(run_id, 3, 1),
        lambda: store.publish_picture(run_id, 1, KEY),
    ):
        assert_refused(run_id, write, RunEnded)


@pytest.mark.parametrize("make", [ended, deleted])
def test_nothing_begins_or_ends_in_a_run_that_has_ended(now, make):
    run_id = make()
    for write in (
        lambda: store.enter(run_id, Step.CROP),
        lambda: store.advance(run_id, Step.DETECT, Step.CROP),
        lambda: store.check(run_id),
    ):
        assert_refused(run_id, write, RunEnded)
    assert_refused(run_id, lambda: store.end(store.get(run_id), Status.SUCCEEDED, "", {}))


def test_an_end(now):
    run_id = running()
    store.publish_copy(run_id, KEY, [SKY])
    now.value += 9000
    pictures = {"p1": {"scene": "sky", "state": "DONE", "key": KEY}}
    run = store.get(run_id)
    assert changed_by(run_id, lambda: store.end(run, Status.PARTIAL, "", pictures)) == {
        "status": "PARTIAL",
        "error": "",
        "pictures": pictures,
        "ended": NOW + 9000,
        "step": "finish",
        "open": "2",
        "due": NOW + 29_000,
    }


def test_a_failed_run_shows_no_copy_and_is_cleaned_when_that_was_asked_for(now):
    run_id = running()
    store.publish_copy(run_id, KEY, [SKY])
    run = store.get(run_id)
    changes = changed_by(run_id, lambda: store.end(run, Status.FAILED, "TimedOut", {}, after=3))
    assert changes == {
        "status": "FAILED",
        "error": "TimedOut",
        "pictures": {},
        "ended": NOW,
        "step": "finish",
        "open": "2",
        "due": NOW + 3000,
        "original": None,
    }


def test_a_run_that_has_not_begun_can_end_and_one_that_has_moved_on_can_not(now):
    waiting = store.get(issue())
    store.claim(waiting.id, "v")
    assert_refused(waiting.id, lambda: store.end(waiting, Status.FAILED, "PhotoNeverArrived", {}))
    queued = store.get(waiting.id)
    store.enter(waiting.id, Step.DETECT)
    store.publish_copy(waiting.id, KEY, [SKY])
    assert_refused(waiting.id, lambda: store.end(queued, Status.FAILED, "TimedOut", {}))
    seen = store.get(waiting.id)
    store.publish_picture(waiting.id, 1, KEY)
    assert_refused(waiting.id, lambda: store.end(seen, Status.FAILED, "TimedOut", {}))
    assert store.end(store.get(waiting.id), Status.SUCCEEDED, "", {}) is True
    other = store.get(issue("photo/b.jpg"))
    assert store.end(other, Status.FAILED, "PhotoNeverArrived", {}) is True


def test_a_deletion_leaves_the_names_of_what_has_to_go(now):
    run_id = issue(scenes=["sky"], consent=CONSENT, keep="head")
    store.claim(run_id, "v")
    store.enter(run_id, Step.DETECT)
    store.publish_copy(run_id, KEY, [SKY])
    store.set_faces(run_id, 1, 1, ["head"])
    open_runs.lease(run_id, store.get(run_id).due)
    now.value += 5000
    changes = changed_by(run_id, lambda: store.mark_deleted(run_id, due=77))
    gone = (
        "version",
        "scenes",
        "keep",
        "not_kept",
        "content_type",
        "consent",
        "original",
        "pictures",
        "faces",
        "faces_by_ellipse",
        "tries",
        "wall",
    )
    assert changes == dict.fromkeys(gone) | {
        "status": "DELETED",
        "ended": NOW + 5000,
        "open": "2",
        "due": 77,
        "expires": NOW // 1000 + 5 + WEEK,
    }
    before = record(run_id)
    assert store.mark_deleted(run_id, due=99) == store.get(run_id)
    assert record(run_id) == before


def test_a_deletion_keeps_when_the_run_ended_and_not_why(now):
    run_id = ended()
    now.value += 5000
    changes = changed_by(run_id, lambda: store.mark_deleted(run_id, due=77))
    assert changes["error"] is None
    assert "ended" not in changes


def test_a_deletion_of_what_is_not_there_writes_nothing(now):
    with pytest.raises(RunEnded):
        store.mark_deleted("nobody", due=1)
    store.forget("nobody")
    store.mark_event_published("nobody")
    open_runs.close("nobody")
    open_runs.reschedule(Run("nobody", Status.QUEUED, Step.UPLOAD, 0), 5)
    assert open_runs.lease("nobody", 0) is None
    for write in (lambda: store.enter("nobody", Step.DETECT), lambda: store.check("nobody")):
        with pytest.raises(RunEnded):
            write()
    assert everything() == {}


def test_a_tombstone_has_no_names(now):
    run_id = issue(given="anna", picture_id="anna-1")
    uploads.bind(store.get(run_id), "request", given="berta", picture_id="berta-1")
    store.claim(run_id, "v")
    store.mark_event_published(run_id)
    table.connect().update_item(
        TableName=table.table_name(),
        Key=table.key_of("run", run_id),
        UpdateExpression="SET turns = :t, erased = :e, tries = :n",
        ExpressionAttributeValues=table.attribute_values({"t": {}, "e": True, "n": 1}),
    )
    store.mark_deleted(run_id, due=77)
    store.forget(run_id)
    assert record(run_id) == {
        "run": run_id,
        "status": "DELETED",
        "step": "queue",
        "created": NOW,
        "ended": NOW,
        "expires": NOW // 1000 + WEEK,
        "request": table.hashed("request"),
    }


@pytest.mark.parametrize("make", [issue, claimed, running, ended])
def test_only_a_deleted_run_is_forgotten(now, make):
    run_id = make()
    assert_refused(run_id, lambda: store.forget(run_id))


def test_that_the_end_was_published_is_noted_unless_the_run_is_deleted(now):
    run_id = ended()
    now.value += 1000
    assert changed_by(run_id, lambda: store.mark_event_published(run_id)) == {"told": NOW + 1000}
    store.mark_deleted(run_id, due=5)
    now.value += 1000
    assert_refused(run_id, lambda: store.mark_event_published(run_id))


def test_a_run_is_found_until_it_expires(now):
    run_id = issue()
    now.value = NOW + WEEK * 1000
    assert store.find(run_id) == store.get(run_id)
    now.value += 1
    assert store.find(run_id) is None
    with pytest.raises(RunEnded):
        store.get(run_id)


def test_a_record_is_read_as_it_is_written_and_what_is_unknown_in_it_is_left(now):
    item = table.key_of("run", "r") | table.attribute_values({})
    values = {
        "run": "r",
        "status": "RUNNING",
        "step": "wait",
        "created": 1,
        "expires": NOW,
        "scenes": ["sky", "sea"],
        "turns": {"p2": {"candidate": "model@region", "slot": 3, "at": 44}},
        "upload_until": 2,
        "claimed": 3,
        "deadline": 4,
        "ended": 5,
        "faces": 6,
        "due": 7,
        "tries": 8,
        "told": 9,
        "of_tomorrow": "x",
    }
    run = store.run_of(item | {name: table.to_item(value) for name, value in values.items()})
    assert run == Run(
        "r",
        Status.RUNNING,
        Step.WAIT,
        1,
        scenes=("sky", "sea"),
        turns={2: Turn("model@region", 3, 44)},
        upload_until=2,
        claimed=3,
        deadline=4,
        ended=5,
        faces=6,
        due=7,
        tries=8,
        told=9,
    )
    numbers = (run.created, run.upload_until, run.claimed, run.deadline, run.ended, run.faces, run.due, run.tries)
    assert {type(number) for number in (*numbers, run.told, run.turns[2].slot, run.turns[2].at)} == {int}
    assert (type(run.status), type(run.step)) == (Status, Step)


# Open runs


def test_open_runs_come_by_kind_in_the_order_of_their_times_and_not_too_many(now):
    runs = [issue(f"photo/{number}.jpg") for number in range(4)]
    for run_id, due in zip(runs, (30, 10, 20, 40), strict=True):
        open_runs.reschedule(store.get(run_id), due)
    store.claim(runs[1], "v")
    first, second, last = (30, runs[0]), (20, runs[2]), (40, runs[3])
    assert open_runs.due_before(41, Open.WAITING, limit=9) == [second, first, last]
    assert open_runs.due_before(40, Open.WAITING, limit=9) == [second, first]
    assert open_runs.due_before(41, Open.WAITING, limit=2) == [second, first]
    assert open_runs.due_before(NOW + 20_001, Open.ACTIVE, limit=9) == [(NOW + 20_000, runs[1])]


def set_record(run_id, **values):
    table.connect().update_item(
        TableName=table.table_name(),
        Key=table.key_of("run", run_id),
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues=table.attribute_values(values),
    )


@pytest.mark.parametrize(
    ("tries", "seconds"), [(0, 5), (1, 10), (2, 20), (6, 320), (7, 600), (10, 600), (11, 600), (99, 600)]
)
def test_a_lease_is_longer_after_each_check_that_did_not_end(now, tries, seconds):
    run_id = issue()
    set_record(run_id, tries=tries, due=5, upload_until=0)
    changes = changed_by(run_id, lambda: open_runs.lease(run_id, 5))
    assert changes == {"due": NOW + seconds * 1000, "tries": tries + 1}


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ({"deadline": NOW + 8000 + 3000}, 3),
        ({"deadline": NOW + 8000 + 9000}, 5),
        ({"deadline": NOW + 8000}, 5),  # that moment has passed
        ({"upload_until": NOW - 600_000 + 2000}, 2),
        ({"upload_until": NOW - 600_000}, 5),
        ({"upload_until": NOW - 600_000 + 2000, "deadline": NOW + 8000 + 1000}, 1),
    ],
)
def test_a_lease_ends_when_the_run_has_to(now, times, seconds):
    run_id = issue()
    set_record(run_id, due=5, **({"upload_until": 0} | times))
    leased = open_runs.lease(run_id, 5)
    assert leased == store.get(run_id)
    assert (leased.due, leased.tries) == (NOW + seconds * 1000, 1)


def test_a_run_that_is_not_due_then_is_not_leased(now):
    run_id = issue()
    assert_refused(run_id, lambda: open_runs.lease(run_id, NOW + 59_999))
    open_runs.close(run_id)
    assert_refused(run_id, lambda: open_runs.lease(run_id, 0))


def test_an_expired_record_is_closed_and_that_of_a_deleted_visit_is_checked(now):
    run_id = issue()
    due = store.get(run_id).due
    now.value = NOW + WEEK * 1000
    assert open_runs.lease(run_id, due)
    due, now.value = int(record(run_id)["due"]), now.value + 1
    assert changed_by(run_id, lambda: open_runs.lease(run_id, due)) == {"open": None, "due": None}
    other = issue("photo/b.jpg")
    store.mark_deleted(other, due=5)
    set_record(other, expires=now.value // 1000 - 1)
    assert open_runs.lease(other, 5).id == other


def test_a_check_that_has_ended(now):
    run_id = issue()
    open_runs.lease(run_id, store.get(run_id).due)
    run = store.get(run_id)
    changes = changed_by(run_id, lambda: open_runs.reschedule(run, 99, erased=True, told=5))
    assert changes == {"due": 99, "erased": True, "told": 5, "tries": None}
    assert_refused(run_id, lambda: open_runs.reschedule(run, 100))  # due at another time since
    seen = store.get(run_id)
    store.claim(run_id, "v")
    set_record(run_id, due=99)
    store.enter(run_id, Step.DETECT)
    assert_refused(run_id, lambda: open_runs.reschedule(seen, 100))  # its status is another one since
    open_runs.close(run_id)
    set_record(run_id, due=99)
    assert_refused(run_id, lambda: open_runs.reschedule(store.get(run_id), 100))


def test_a_run_with_which_nothing_is_left_to_do(now):
    run_id = ended()
    assert changed_by(run_id, lambda: open_runs.close(run_id)) == {"open": None, "due": None}
    table.connect().delete_item(TableName=table.table_name(), Key=table.key_of("upload", KEY))
    other = deleted()
    assert_refused(other, lambda: open_runs.close(other))
