"""The S3 event as entry point: as AWS documents it, for photos of any name, late, again, and for what is no upload."""

import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import start
import upload
from booth import clock, keys
from booth.aws import counters, objects
from booth.errors import BadRequest, PhotoNotFound
from booth.http import contract
from booth.lifecycle import budget, starting
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
    assert re.fullmatch(r"photo/[0-9a-f-]{36}\.jpg", upload.issue_key(request))


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


def test_the_days_photos_are_counted_once_whatever_doors_they_come_through(account, environment):
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
