"""A photo that is kept for further runs: who gets one, how many, and when the photo goes. In an emulated account."""

import json
import threading
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest

import paint_again as function
from booth import limits
from booth.aws import objects, table
from booth.errors import Conflict, Deleted, PhotoNotKept, ServiceUnavailable
from booth.event import USUAL_AGAIN, Event, Pause
from booth.lifecycle import deletion, ending, starting, sweeping
from booth.run import Status
from booth.runs import again, open_runs, store, uploads
from tests.support.events import sample_event

CONTEXT = SimpleNamespace(
    function_name="paint_again",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:paint_again",
    aws_request_id="r",
)
CONSENT = {"policy": "1", "language": "ko", "time": "2026-11-28T12:00:00Z", "wall": True}
HOUR = limits.AGAIN_SECONDS * 1000


@pytest.fixture
def booth(account, environment, moment):
    """The account, and what makes visits in it; staff have set `booth.event`."""
    steered = SimpleNamespace(event=Event())
    environment.setattr(function, "current_event", lambda: steered.event)
    environment.setattr(deletion.cdn, "invalidate", lambda *_: None)
    for name, value in {"BOOTH_TOKENS": "", "CDN_KEY": "", "PHOTOS_PER_MINUTE": "0", "PHOTOS_PER_CALLER": "0"}.items():
        environment.setenv(name, value)
    return SimpleNamespace(account=account, moment=moment, steered=steered, environment=environment)


def begun(booth, kept=True):
    """A visit that was claimed: its run and its requestId."""
    run_id, request_id, key = str(uuid.uuid4()), str(uuid.uuid4()), f"photo/{uuid.uuid4()}.jpg"
    more = {"content_type": "image/png", "consent": CONSENT, "keep": "head", "kept": kept}
    assert uploads.issue(run_id, key, picture_id=run_id, scenes=["beach"], **more)
    uploads.bind(store.get(run_id), request_id)
    starting.start(store.get(run_id), put(booth, key))
    return store.get(run_id), request_id


def put(booth, key):
    s3 = booth.account.clients["s3"]
    return s3.put_object(Bucket="uploads", Key=key, Body=b"photo", ContentType="image/png")["VersionId"]


def ended(booth, kept=True, error=""):
    """A visit whose run has ended, with a picture unless by an error."""
    run, request_id = begun(booth, kept)
    store.enter(run.id, "generate")
    if not error:
        given = {"p1": {"scene": "beach", "state": "DONE", "key": "photo/1.jpg"}}
        store._update_running(run.id, "SET #pictures = :pictures", {"pictures": given})
    return ending.settle(store.get(run.id), error), request_id


def ask(request_id, **fields):
    """POST /again; gives status and answer."""
    body = {"requestId": request_id} | fields
    if "done" not in fields:
        body = {"newRequestId": str(uuid.uuid4())} | body
    answer = function.handler(sample_event("PaintAgain") | {"body": json.dumps(body)}, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def code(answer):
    return answer[0], answer[1]["error"]["code"]


def photos(booth, run):
    return booth.account.versions(run.key)


# A further run


def test_a_further_run_is_one_of_its_own_with_a_copy_of_the_photo(booth):
    first, request_id = ended(booth)
    booth.steered.event = Event(photos_per_day=7)
    status, answer = ask(request_id, newRequestId=(new := str(uuid.uuid4())), scenes=["neon", "reef"], keep="person")
    assert (status, answer["requestId"], answer["left"]) == (200, new, USUAL_AGAIN - 1)
    run = uploads.find_by_request(new)
    assert run == uploads.find_by_upload(answer["key"])
    assert (run.scenes, run.keep, run.per_day, run.kept) == (("neon", "reef"), "person", 7, False)
    assert run.key != first.key
    assert run.picture_id not in (first.picture_id, run.id)
    assert json.loads(store.consent_of(run.id)) == CONSENT
    head = booth.account.clients["s3"].get_object(Bucket="uploads", Key=run.key)
    assert (head["Body"].read(), head["ContentType"]) == (b"photo", "image/png")
    starting.photo_arrived(run.key, head["VersionId"])
    assert run.id in booth.account.executions()
    assert photos(booth, first), "there may be another"


def test_what_was_put_under_the_key_since_is_not_what_is_painted_again(booth):
    first, request_id = ended(booth)
    booth.account.put(first.key, b"another photo")
    _, answer = ask(request_id)
    assert booth.account.clients["s3"].get_object(Bucket="uploads", Key=answer["key"])["Body"].read() == b"photo"


def test_a_call_that_is_repeated_begins_nothing_more(booth):
    first, request_id = ended(booth)
    new = str(uuid.uuid4())
    answers = [ask(request_id, newRequestId=new, scenes=["neon"]) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    run = uploads.find_by_request(new)
    assert len(photos(booth, run)) == 1
    assert store.get(first.id).again == 1
    starting.start(run, *photos(booth, run))
    deletion.delete(store.get(run.id))
    assert code(ask(request_id, newRequestId=new)) == (404, "Deleted")
    assert not photos(booth, run)


@pytest.mark.parametrize("dies", ["copy_upload", "newest_version"])
def test_a_call_that_died_before_the_copy_is_made_good_by_the_next_and_counts_once(booth, dies):
    first, request_id = ended(booth)
    new = str(uuid.uuid4())
    with booth.environment.context() as patched:
        patched.setattr(objects, dies, raise_(ServiceUnavailable("killed")))
        assert code(ask(request_id, newRequestId=new)) == (503, "ServiceUnavailable")
    run = uploads.find_by_request(new)
    assert not photos(booth, run)
    assert ask(request_id, newRequestId=new)[0] == 200
    assert len(photos(booth, run)) == 1
    assert store.get(first.id).again == 1


def raise_(error):
    def fail(*_, **__):
        raise error

    return fail


def test_a_call_that_died_and_is_never_repeated_leaves_nothing(booth):
    _, request_id = ended(booth)
    new = str(uuid.uuid4())
    with booth.environment.context() as patched:
        patched.setattr(objects, "copy_upload", raise_(ServiceUnavailable("killed")))
        ask(request_id, newRequestId=new)
    booth.moment.now += (limits.URL_SECONDS + limits.LATE_UPLOAD_SECONDS) * 1000
    run = uploads.find_by_request(new)
    sweeping.handle(run)
    assert store.get(run.id).error == "PhotoNeverArrived"


def test_of_calls_at_once_as_many_begin_as_may(booth):
    first, request_id = ended(booth)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(request_id))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] * USUAL_AGAIN + [409] * (5 - USUAL_AGAIN)
    assert store.get(first.id).again == USUAL_AGAIN


def test_the_same_call_twice_at_once_begins_one(booth):
    first, request_id = ended(booth)
    new = str(uuid.uuid4())
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(request_id, newRequestId=new))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(status, answer["key"]) for status, answer in answers} == {(200, uploads.find_by_request(new).key)}
    assert store.get(first.id).again == 1


def test_the_operators_limit_holds_at_once_and_none_keeps_no_photo(booth):
    _, request_id = ended(booth)
    assert ask(request_id)[0] == 200
    booth.steered.event = Event(again=1)
    assert code(ask(request_id)) == (409, "PhotoNotKept")
    booth.steered.event = Event(again=0)
    assert code(ask(ended(booth)[1])) == (409, "PhotoNotKept")


# Who gets none


def test_without_having_asked_under_way_too_late_and_deleted_there_is_none(booth):
    assert code(ask(ended(booth, kept=False)[1])) == (409, "PhotoNotKept")
    assert code(ask(begun(booth)[1])) == (409, "Conflict")
    first, request_id = ended(booth)
    booth.moment.now = first.claimed + HOUR
    assert code(ask(request_id)) == (409, "PhotoNotKept")
    first, request_id = ended(booth)
    deletion.delete(first)
    assert code(ask(request_id)) == (404, "Deleted")
    assert code(ask(str(uuid.uuid4()))) == (404, "NotFound")
    first, request_id = ended(booth)
    store.set_hidden(first.id, True)
    assert code(ask(request_id)) == (404, "Hidden")


def test_nobody_gets_a_run_under_somebody_elses_request(booth):
    (_, mine), (other, others) = ended(booth), ended(booth)
    assert code(ask(mine, newRequestId=others)) == (409, "Conflict")
    new = str(uuid.uuid4())
    ask(others, newRequestId=new)
    assert code(ask(mine, newRequestId=new)) == (409, "Conflict")
    assert code(ask("short", newRequestId=str(uuid.uuid4()))) == (400, "BadRequest")
    assert code(ask(mine, newRequestId="short")) == (400, "BadRequest")
    assert code(ask("short", bucket="uploads", key=other.key)) == (404, "NotFound")
    assert ask(others, bucket="uploads", key=other.key)[0] == 200


def test_a_photo_that_can_not_be_used_is_not_kept_and_one_that_failed_otherwise_gets_another_run(booth):
    first, request_id = ended(booth, error="NoFaceFound")
    assert not photos(booth, first)
    assert code(ask(request_id)) == (409, "PhotoNotKept")
    first, request_id = ended(booth, error="ServiceUnavailable")
    assert ask(request_id)[0] == 200


def test_a_paused_booth_and_a_spent_budget_begin_none_and_count_none(booth):
    first, request_id = ended(booth)
    booth.steered.event = Event(pause=Pause(0, {"en": "Lunch"}))
    assert code(ask(request_id)) == (503, "Paused")
    assert ask(request_id, done=True)[0] == 200, "leaving is always possible"
    first, request_id = ended(booth)
    booth.steered.event = Event(photos_per_day=1)
    assert code(ask(request_id)) == (429, "TooManyPhotos")
    booth.steered.event = Event()
    booth.environment.setenv("PHOTOS_PER_MINUTE", "1")
    assert ask(request_id)[0] == 200
    assert code(ask(request_id)) == (429, "TooManyPhotos")
    assert store.get(first.id).again == 1


def test_with_tokens_only_a_booth_begins_one_and_a_phone_can_leave(booth):
    first, request_id = ended(booth)
    booth.environment.setenv("BOOTH_TOKENS", "arn:secret")
    booth.environment.setattr("booth.aws.settings.tokens_in", lambda _: {"booth": ["t" * 43]})
    assert code(ask(request_id)) == (401, "BoothTokenNeeded")
    assert code(ask(request_id, bucket="uploads", key=first.key, done=True)) == (401, "BoothTokenNeeded")
    assert photos(booth, first)
    assert ask(request_id, done=True)[0] == 200
    assert not photos(booth, first)


def test_what_is_not_offered_is_not_painted_and_what_is_no_request_is_refused(booth):
    _, request_id = ended(booth)
    booth.steered.event = Event(scenes=("neon", "reef"))
    _, answer = ask(request_id, scenes=["sky", "reef"])
    assert uploads.find_by_upload(answer["key"]).scenes == ("reef",)
    for wrong in ({"scenes": ["atlantis"]}, {"keep": "hat"}, {"done": 1}, {"newRequestId": 7}):
        assert code(ask(request_id, **wrong)) == (400, "BadRequest")


# When the photo goes


def test_the_photo_is_kept_for_an_hour_after_the_claim_and_sweep_removes_it(booth):
    first, _ = ended(booth)
    assert store.get(first.id).due == first.claimed + HOUR
    booth.moment.now = first.claimed + HOUR - 1
    ending.clean(store.get(first.id))
    assert photos(booth, first)
    booth.moment.now += 1
    assert handled(first)
    assert not photos(booth, first)
    assert store.get(first.id).open == ""


def handled(run):
    """Whether sweep has found the run in its index, and has handled it."""
    due = store.get(run.id).due
    found = [each for kind in "12" for each in open_runs.due_before(due + 1, kind, 100) if each == (due, run.id)]
    return bool(found) and sweeping.handle_due(run.id, due)


def test_one_that_leaves_takes_the_photo_along(booth):
    first, request_id = ended(booth)
    assert ask(request_id, done=True) == (200, {"requestId": request_id, "left": 0})
    assert not photos(booth, first)
    assert code(ask(request_id)) == (409, "PhotoNotKept")
    assert ask(request_id, done=True)[0] == 200
    assert handled(first)
    assert store.get(first.id).status == Status.SUCCEEDED


def test_a_leaving_that_died_is_finished_by_sweep(booth):
    first, request_id = ended(booth)
    with booth.environment.context() as patched:
        patched.setattr(objects, "delete_upload", raise_(ServiceUnavailable("killed")))
        assert ask(request_id, done=True)[0] == 503
    assert photos(booth, first)
    assert store.get(first.id).due == booth.moment.now
    assert handled(first)
    assert not photos(booth, first)


def test_one_that_leaves_while_it_is_painted_leaves_nothing_at_the_end(booth):
    first, request_id = begun(booth)
    assert ask(request_id, done=True)[0] == 200
    assert photos(booth, first), "it is being painted"
    store.enter(first.id, "generate")
    ending.settle(store.get(first.id), "ServiceUnavailable")
    assert not photos(booth, first), "nor is it kept for another try"


def test_one_that_leaves_while_finish_is_cleaning_leaves_nothing(booth):
    first, request_id = begun(booth)
    seen = ending.end(first, "ServiceUnavailable")
    with booth.environment.context() as patched:
        patched.setattr(ending.admission, "release_turns", lambda _: ask(request_id, done=True))
        ending.clean(seen)
    assert handled(first)
    assert not photos(booth, first)


def test_a_deletion_takes_the_photo_and_what_is_told_of_it(booth):
    first, request_id = ended(booth)
    ask(request_id)
    deletion.delete(store.get(first.id))
    assert not photos(booth, first)
    item = table.get(table.key_of("run", first.id))
    assert not item.keys() & {"kept", "again", "first", "consent"}


def test_a_deletion_while_a_further_run_is_recorded_or_copied_leaves_no_photo_of_the_first(booth):
    first, request_id = ended(booth)
    write = table.transact

    def deleted_meanwhile(*writes):
        deletion.delete(store.get(first.id))
        return write(*writes)

    new = str(uuid.uuid4())
    with booth.environment.context() as patched:
        patched.setattr(table, "transact", deleted_meanwhile)
        assert code(ask(request_id, newRequestId=new)) == (404, "Deleted")
    assert uploads.find_by_request(new) is None

    first, request_id = ended(booth)
    copy = objects.copy_upload

    def deleted_before_the_copy(*arguments):
        deletion.delete(store.get(first.id))
        return copy(*arguments)

    with booth.environment.context() as patched:
        patched.setattr(objects, "copy_upload", deleted_before_the_copy)
        assert code(ask(request_id, newRequestId=new)) == (409, "PhotoNotKept")
    run = uploads.find_by_request(new)
    assert not photos(booth, first)
    assert not photos(booth, run)


def test_a_further_run_that_failed_keeps_no_copy(booth):
    _, request_id = ended(booth)
    _, answer = ask(request_id)
    run = uploads.find_by_upload(answer["key"])
    starting.start(run, *photos(booth, run))
    store.enter(run.id, "generate")
    ending.settle(store.get(run.id), "ServiceUnavailable")
    assert not photos(booth, run), "the first visit's photo is there"


def test_a_record_of_the_release_before_ends_as_it_would_have(booth):
    for error, is_kept in (("", False), ("ServiceUnavailable", True), ("NoFaceFound", False)):
        first, request_id = ended(booth, kept=False, error=error)
        assert "kept" not in table.get(table.key_of("run", first.id))
        assert bool(photos(booth, first)) is is_kept
        assert ask(request_id, done=True)[0] == 200, "a page may say so of any visit"
        assert bool(photos(booth, first)) is is_kept


def test_a_record_that_has_changed_since_tells_why_there_is_no_run(booth):
    first, _ = ended(booth)
    more = {"scenes": [], "keep": "", "most": 2, "per_day": 0}
    for status, error in ((Status.RUNNING, Conflict), (Status.DELETED, Deleted)):
        assert isinstance(again._refusal(replace(first, status=status), 2), error)
    store.mark_deleted(first.id, due=0)
    with pytest.raises(Deleted):
        again.begin(first, str(uuid.uuid4()), **more)
    with pytest.raises(PhotoNotKept):
        again.begin(ended(booth, kept=False)[0], str(uuid.uuid4()), **more)
