"""The S3 event as entry point: as AWS documents it, for photos of any name, late, again, and for what is no upload."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import start
import upload
from booth import clock, keys
from booth.aws import counters, objects
from booth.errors import BadRequest, PhotoNotFound
from booth.event import Event
from booth.http import contract
from booth.lifecycle import budget, starting
from booth.log import logger
from booth.run import Status
from booth.runs import store, uploads
from tests.support.events import upload_event

CONTEXT = SimpleNamespace(
    function_name="start", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:start", aws_request_id="request"
)

# EventBridge gives a Key as it is, neither percent-encoded nor with plus signs for spaces as S3's own notifications do.
NAMES = {
    "spaces": "my photo  of us.jpg",
    "plus": "1+1=2.jpg",
    "percent": "100%.jpg",
    "percent-encoded": "a%20b%2Bc.jpg",
    "korean": "우리 사진.jpg",
    "decomposed korean": "우리.jpg",
    "emoji": "🎉👨‍👩‍👧.jpg",  # with joiners
    "right to left": "\u202egpj.\u202c\u200f사진.jpg",
    "255 characters": "x" * 251 + ".jpg",
    "255 korean characters": "가" * 251 + ".jpg",
    "1,018 bytes": "🎉" * 254 + "é",
    "encoded path": "..%2f..%2fwork%2fmask.png",
    "encoded zero": "a%00.jpg",
    "dots": "...",
    "like a picture": "Photo_x_1.jpeg",
    "markup": "<Key>&amp;'\".jpg",
    "asterisk": "*",
    "hash and question": "a?versionId=x#b.jpg",
}

# No name of an upload: what is under it was not put through a URL of ours, or is a picture.
NO_UPLOADS = [
    "photo/photo_x_1.jpeg",
    "photo/photo_",
    "photo/a/b.jpg",
    "photo/../work/run/mask.png",
    "photo//a.jpg",
    "/photo/a.jpg",
    "photo/",
    "photo",
    "Photo/a.jpg",
    "work/run/mask.png",
]


def upload_request(filename):
    return contract.upload_request({"type": "photo", "filename": filename, "contentType": "image/jpeg"}, set(), False)


@pytest.fixture
def one_day(environment):
    """No midnight passes."""
    today = budget.today()
    environment.setattr(budget, "today", lambda: today)


def issued(key):
    """A Key given by /upload."""
    assert uploads.issue(key[-40:], key, picture_id=key[-40:], scenes=[], content_type="image/jpeg", consent=None)
    return key


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_an_event_names_the_photo_as_the_visitor_did(account, name):
    key = keys.documented_key(upload_request(name).filename)
    assert key == f"photo/{name}"
    version = account.put(issued(key))
    for _ in range(2):
        start.handler(upload_event(key, version), CONTEXT)
    run = uploads.find_by_upload(key)
    assert (run.key, run.version, run.status, run.step) == (key, version, Status.QUEUED, "queue")
    assert account.executions() == [run.id]
    # What is removed in the end is this photo and no other.
    other = account.put(key + "x")
    objects.delete_upload(key)
    assert account.versions(key) == {other}


@pytest.mark.parametrize("entry_point", ["event", "poll"])
def test_a_photo_that_was_put_before_versioning_held_is_taken_as_version_null(account, environment, entry_point):
    account.clients["s3"].create_bucket(Bucket="new")
    environment.setenv("UPLOADS_BUCKET", "new")
    key = issued("photo/new.jpg")
    assert "VersionId" not in account.clients["s3"].put_object(Bucket="new", Key=key, Body=b"photo")
    event = upload_event(key, None)
    del event["detail"]["object"]["version-id"]
    if entry_point == "event":
        start.handler(event, CONTEXT)
    else:
        starting.start_if_uploaded(uploads.find_by_upload(key))
    run = uploads.find_by_upload(key)
    assert (run.version, account.executions()) == ("null", [run.id])
    assert objects.read_upload(key, run.version, limit=5) == b"photo"
    objects.delete_upload(key)
    with pytest.raises(PhotoNotFound):
        objects.read_upload(key, run.version, limit=5)


@pytest.mark.parametrize("key", NO_UPLOADS)
def test_an_event_of_what_is_no_upload_starts_nothing(account, key):
    start.handler(upload_event(key, "version"), CONTEXT)
    assert uploads.find_by_upload(key) is None
    assert account.executions() == []


PATHS = ["", ".", "..", "../a.jpg", "/a.jpg", "a/b.jpg", "..\\a.jpg"]
NO_TEXT = ["a\0.jpg", "a\r\n.jpg", "\x7f", "\ud800.jpg", "\uffff.jpg", "\ufffe"]


@pytest.mark.parametrize("name", [*PATHS, *NO_TEXT, "x" * 256], ids=ascii)
def test_names_that_no_file_has_are_refused(name):
    with pytest.raises(BadRequest):
        upload_request(name)


@pytest.mark.parametrize("name", ["photo_x_1.jpeg", "photo_", "🎉" * 255], ids=ascii)
def test_names_that_can_not_be_given_get_another_key(account, name):
    """A picture's name, and one that S3 has no room for."""
    request = upload_request(name)
    assert keys.documented_key(name) is None
    assert re.fullmatch(r"photo/[0-9a-f-]{36}\.jpg", upload.issue_key(request, Event()))


def test_an_event_that_comes_when_its_record_has_expired_finds_nothing_to_start(account, environment):
    """Later than anything AWS allows itself: the Key was another photo's once, and this one goes."""
    key = issued("photo/old.jpg")
    version = account.put(key)
    later = clock.now_ms() + store.RETENTION_SECONDS * 1000 + 1000
    environment.setattr(clock, "now_ms", lambda: later)
    start.handler(upload_event(key, version), CONTEXT)
    assert account.executions() == []
    assert account.versions(key) == set()


@pytest.mark.parametrize("late", ["first", "again", "another version"])
def test_an_event_that_comes_after_the_end_changes_nothing(account, late):
    """Minutes late: the run was given up, or has been through."""
    key = issued("photo/late.jpg")
    version = account.put(key)
    if late != "first":
        start.handler(upload_event(key, version), CONTEXT)
    run = uploads.find_by_upload(key)
    assert store.end(run, Status.FAILED, "PhotoNeverArrived" if late == "first" else "TimedOut", {})
    ended, started = store.get(run.id), account.executions()
    lying = account.put(key) if late == "another version" else version
    start.handler(upload_event(key, lying), CONTEXT)
    assert store.get(run.id) == ended
    assert account.executions() == started
    # A version that no run will process is not kept; the run's own goes with it.
    assert account.versions(key) == ({version} if late != "first" else set())


def knock(pool, photos):
    """The event of every photo by four entry points, all at the same time."""
    events = [upload_event(key, version) for key, version in photos * 4]
    for _ in pool.map(lambda event: start.handler(event, CONTEXT), events):
        pass


def test_the_days_photos_are_counted_once_whatever_doors_they_come_through(account, environment, one_day):
    environment.setenv("PHOTOS_PER_DAY", "20")  # beyond what eight entry points at once count before they give it back
    photos = [(key, account.put(key)) for key in (issued(f"photo/{number}.jpg") for number in range(8))]
    runs = [uploads.find_by_upload(key).id for key, _ in photos]
    with ThreadPoolExecutor(8) as pool:
        knock(pool, photos[:3])
        assert counters.value(budget.today()) == 3
        assert account.executions() == sorted(runs[:3])
        environment.setenv("PHOTOS_PER_DAY", "5")
        knock(pool, photos[3:])
    # Two that bring the last photo at once may refuse it, and its count is given back; more than five never go.
    ended = [store.get(run) for run in runs[3:] if store.get(run).is_ended]
    assert len(ended) >= 3
    assert {(run.status, run.error) for run in ended} == {(Status.FAILED, "BudgetSpent")}
    assert account.executions() == sorted(set(runs) - {run.id for run in ended})
    assert counters.value(budget.today()) == len(account.executions())
    # What was refused lies there for another try.
    assert {run.version for run in ended} <= {version for _, version in photos}
    assert all(account.versions(run.key) == {run.version} for run in ended)


def test_a_photo_that_was_put_without_upload_gets_a_run_with_names_that_nobody_guesses(account):
    version = account.put("photo/by itself.jpg")
    run = starting.photo_arrived("photo/by itself.jpg", version)
    assert (run.key, run.version, run.status) == ("photo/by itself.jpg", version, Status.QUEUED)
    assert {str(uuid.UUID(name)) for name in (run.id, run.picture_id)} == {run.id, run.picture_id}
    assert run.id != run.picture_id
    assert account.executions() == [run.id]


def test_a_photo_of_a_record_that_has_expired_goes_and_no_other_one(account, environment):
    key = issued("photo/old.jpg")
    version, other = account.put(key), account.put(key)
    later = clock.now_ms() + store.RETENTION_SECONDS * 1000 + 1000
    environment.setattr(clock, "now_ms", lambda: later)
    assert starting.photo_arrived(key, version) is None
    assert account.versions(key) == {other}


def test_whoever_calls_gets_the_claimed_run_and_its_log_lines_carry_its_id(account):
    key = issued("photo/a.jpg")
    version = account.put(key)
    run = starting.start(uploads.find_by_upload(key), version)
    assert run == store.get(run.id)
    assert (run.version, run.step) == (version, "queue")
    assert logger.thread_safe_get_current_keys()["run"] == run.id


def test_a_caller_that_died_between_claim_and_start_loses_nothing(account):
    key = issued("photo/a.jpg")
    claimed = starting.claim(uploads.find_by_upload(key), account.put(key))
    assert account.executions() == []
    assert starting.start(claimed, claimed.version) == claimed
    assert account.executions() == [claimed.id]


def test_another_version_is_not_processed_it_is_counted_and_goes_with_the_run(account, counts):
    key = issued("photo/a.jpg")
    first = starting.photo_arrived(key, account.put(key))
    again = account.put(key)
    counts()
    run = starting.photo_arrived(key, again)
    assert (run.version, counts()) == (first.version, {"PhotoPutAgain": 1})
    assert account.versions(key) == {first.version, again}
    assert account.executions() == [run.id]
    starting.photo_arrived(key, first.version)
    assert "PhotoPutAgain" not in counts()


def test_a_run_that_is_under_way_is_not_started_again(account):
    key = issued("photo/a.jpg")
    version = account.put(key)
    claimed = starting.claim(uploads.find_by_upload(key), version)
    run = store.enter(claimed.id, "detect")
    assert starting.start(run, version) == run
    assert account.executions() == []


@pytest.mark.parametrize(("error", "stays"), [("TimedOut", True), ("NoFaceFound", False)])
def test_what_is_put_again_as_version_null_stays_as_long_as_the_runs_own_does(account, environment, error, stays):
    """Version null: before the bucket's versioning held. A photo that may be tried again is kept."""
    account.clients["s3"].create_bucket(Bucket="new")
    environment.setenv("UPLOADS_BUCKET", "new")
    key = issued("photo/new.jpg")
    account.clients["s3"].put_object(Bucket="new", Key=key, Body=b"photo")
    run = starting.photo_arrived(key, "null")
    assert store.end(run, Status.FAILED, error, {})
    assert starting.photo_arrived(key, "null") == store.get(run.id)
    assert ("Contents" in account.clients["s3"].list_objects_v2(Bucket="new")) == stays


def test_the_own_version_of_an_ended_run_is_left_to_its_cleaning(account):
    key = issued("photo/a.jpg")
    run = starting.photo_arrived(key, account.put(key))
    assert store.end(run, Status.FAILED, "NoFaceFound", {})
    starting.start(store.get(run.id), run.version)
    assert account.versions(key) == {run.version}
    starting.start(store.get(run.id), account.put(key))
    assert account.versions(key) == {run.version}


def test_a_poll_starts_what_lies_there_and_nothing_else(account):
    key = issued("photo/a.jpg")
    waiting = uploads.find_by_upload(key)
    account.put("photo/another.jpg")
    assert starting.start_if_uploaded(waiting) == waiting
    version = account.put(key)
    run = starting.start_if_uploaded(waiting)
    assert (run.version, account.executions()) == (version, [run.id])
    # Its version is pinned: what was put later is not what this run is about.
    account.put(key)
    assert starting.start_if_uploaded(run).version == version
    running = store.enter(run.id, "detect")
    account.clients["s3"].delete_object(Bucket="uploads", Key=key, VersionId=version)
    assert starting.start_if_uploaded(running) == running


def test_a_claimed_run_is_started_by_a_poll_though_its_photo_is_gone(account):
    key = issued("photo/a.jpg")
    claimed = starting.claim(uploads.find_by_upload(key), "gone")
    assert starting.start_if_uploaded(claimed) == claimed
    assert account.executions() == [claimed.id]


def test_a_photo_beyond_the_days_budget_is_refused_once_and_for_all(account, environment, one_day, counts):
    environment.setenv("PHOTOS_PER_DAY", "1")
    first, second = issued("photo/1.jpg"), issued("photo/2.jpg")
    taken = starting.photo_arrived(first, account.put(first))
    version = account.put(second)
    counts()
    refused = starting.photo_arrived(second, version)
    assert counts() == {"BudgetSpent": 1}
    assert (refused.status, refused.error, refused.version) == (Status.FAILED, "BudgetSpent", version)
    assert refused == store.get(refused.id)
    assert account.versions(second) == {version}
    # It is told as it stands, whoever asks, and counted once.
    assert starting.claim(refused, version) == refused
    assert counts() == {}
    assert account.executions() == [taken.id]


def test_a_second_claim_changes_nothing_and_gives_its_count_back(account, environment, one_day):
    environment.setenv("PHOTOS_PER_DAY", "9")
    run = uploads.find_by_upload(issued("photo/a.jpg"))
    claimed = starting.claim(run, "v1")
    assert starting.claim(run, "v2") == claimed == store.get(run.id)
    assert (claimed.version, counters.value(budget.today())) == ("v1", 1)
