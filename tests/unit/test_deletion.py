"""A deletion: what goes, what stays, and when `sweep` checks again."""

import uuid

import pytest

from booth import keys, limits
from booth.aws import clients, executions, objects
from booth.errors import StillRemoving
from booth.lifecycle import deletion
from booth.painting import admission
from booth.run import MAX_PICTURES, Open, Status
from booth.runs import store, uploads
from tests.support.fakes.s3 import PAGE, FakeS3
from tests.support.invalidations import connect_cdn
from tests.support.runs import NOW


@pytest.fixture
def booth(account, environment, moment):
    """The account with a CDN, see `connect_cdn`."""
    connect_cdn(account, environment)
    environment.setenv("IMAGE_MODELS", "amazon.titan-image-generator-v2:0@us-east-1=2")
    return account


@pytest.fixture
def many(booth, environment):
    """S3 with many versions of an upload, of which one deletion removes a page."""
    fake = FakeS3()
    environment.setenv("AWS_ENDPOINT_URL_S3", fake.url)
    environment.setattr(limits, "REMOVING_SECONDS", 0)
    clients.client.cache_clear()
    yield fake
    fake.close()


def issued():
    """An upload that waits for its photo."""
    run, key = str(uuid.uuid4()), f"photo/{uuid.uuid4()}.jpg"
    assert uploads.issue(run, key, picture_id=run, scenes=[], content_type="image/jpeg", consent=None)
    return store.get(run)


def came_by_itself():
    """A photo that was put without /upload: there was no presigned URL."""
    return uploads.register(str(uuid.uuid4()), f"photo/{uuid.uuid4()}.jpg", picture_id=str(uuid.uuid4()))


def claimed(run=None):
    run = run or issued()
    return store.claim(run.id, "v0")


def shown(run):
    """All Keys that a visitor may have been shown."""
    return [run.key, *(keys.picture_key(run.picture_id, number) for number in range(1, MAX_PICTURES + 1))]


def results(booth):
    return sorted(each["Key"] for each in booth.clients["s3"].list_objects_v2(Bucket="results").get("Contents", []))


def test_everything_of_the_visit_goes_and_nothing_of_another(booth):
    run, other = claimed(), claimed()
    for each in (run, other):
        booth.put(each.key)
        booth.put(each.key)
        executions.start(each.id)
        for key in shown(each):
            objects.put_result(key, b"jpeg")
        objects.write(keys.work_key(each.id, "mask.png"), b"png", "image/png")
    deletion.delete(run)
    assert booth.versions(run.key) == set()
    assert len(booth.versions(other.key)) == 2
    assert results(booth) == sorted([*shown(other), keys.work_key(other.id, "mask.png")])
    assert executions.is_running(run.id) is False
    assert executions.is_running(other.id)
    assert store.get(run.id).status == Status.DELETED
    assert store.get(other.id).status == Status.QUEUED
    assert booth.invalidated() == {f"{run.id}-1": [keys.address(key) for key in shown(run)]}


def test_the_turns_that_it_waited_for_are_given_to_others(booth):
    run = store.enter(claimed().id, "merge")
    run = admission.admit(run.id, [1, 2, 3, 4, 5])
    deletion.delete(run)
    assert {turn.at > NOW for turn in run.turns.values()} == {True, False}
    assert store.get(run.id).turns == {}


def test_a_visit_whose_photo_never_came_has_nothing_that_a_cdn_could_show(booth):
    run = issued()
    lying = booth.put(run.key)
    deletion.delete(run)
    assert lying not in booth.versions(run.key)
    assert booth.invalidated() == {}


def test_a_deletion_is_checked_when_no_step_can_write_and_when_no_photo_can_come_any_more(booth, moment):
    run = claimed()
    deletion.delete(run)
    run = store.get(run.id)
    assert (run.due, run.erased, run.open) == (NOW + 120_000, True, Open.WAITING)
    # The moment itself is the last at which a step may write, and the next check comes after it.
    moment.now = run.due
    assert deletion.erase(run)
    assert booth.invalidated().keys() == {f"{run.id}-1", f"{run.id}-2"}
    run = store.get(run.id)
    assert (run.due, run.open) == (NOW + 300_000 + 600_000, Open.WAITING)
    moment.now = run.due
    assert deletion.erase(run)
    run = store.get(run.id)
    assert (run.key, run.open, run.due) == ("", "", 0)
    assert booth.invalidated().keys() == {f"{run.id}-1", f"{run.id}-2"}


def test_what_a_killed_step_has_written_goes_at_the_next_check(booth, moment):
    run = claimed()
    deletion.delete(run)
    run = store.get(run.id)
    booth.put(run.key)
    objects.put_result(keys.picture_key(run.picture_id, 5), b"jpeg")
    moment.now = run.due
    assert deletion.erase(run) is True
    assert booth.versions(run.key) == set()
    assert results(booth) == []


def test_a_photo_that_came_without_a_presigned_url_needs_no_check_for_a_late_one(booth, moment):
    run = claimed(came_by_itself())
    deletion.delete(run)
    run = store.get(run.id)
    assert run.due == NOW + 120_000
    moment.now = run.due
    assert deletion.erase(run)
    assert (store.get(run.id).key, store.get(run.id).open) == ("", "")


def test_a_deletion_that_was_done_is_done(booth):
    run = claimed()
    deletion.delete(run)
    late = booth.put(run.key)
    before = store.get(run.id)
    deletion.delete(before)
    assert booth.versions(run.key) == {late}  # left to the check that is scheduled
    assert store.get(run.id) == before


def test_a_cdn_that_can_not_be_told_is_told_by_sweep_a_minute_later(booth):
    booth.fill_queue()
    run = claimed()
    booth.put(run.key)
    deletion.delete(run)
    assert booth.versions(run.key) == set()
    run = store.get(run.id)
    assert (run.due, run.open, run.erased) == (NOW + 60_000, Open.WAITING, False)


def test_of_many_versions_the_visitor_hears_that_some_are_left_and_sweep_goes_on_in_a_moment(many, moment):
    run = claimed()
    many.put(run.key, 2 * PAGE + 1)
    with pytest.raises(StillRemoving):
        deletion.delete(run)
    run = store.get(run.id)
    assert many.left(run.key) == PAGE + 1
    assert (run.due, run.open, run.erased) == (NOW + 2000, Open.WAITING, False)
    moment.now = run.due
    assert deletion.erase(run) is False
    run = store.get(run.id)
    assert (run.due, run.erased) == (NOW + 4000, False)
    assert deletion.erase(run) is True
    assert many.left(run.key) == 0
    assert (store.get(run.id).due, store.get(run.id).erased) == (NOW + 120_000, True)


def test_many_versions_are_not_forgotten_though_the_cdn_can_not_be_told_either(many, booth):
    booth.fill_queue()
    run = claimed()
    many.put(run.key, 2 * PAGE)
    with pytest.raises(StillRemoving):
        deletion.delete(run)
    assert (store.get(run.id).due, store.get(run.id).erased) == (NOW + 2000, False)


def forgotten(moment):
    """A visit that was deleted long ago."""
    run = issued()
    deletion.delete(run)
    moment.now = NOW + 900_000
    assert deletion.erase(store.get(run.id))
    moment.now = NOW
    return run


def test_what_was_put_since_a_visit_was_forgotten_goes_if_the_caller_names_its_key(booth, moment):
    run = forgotten(moment)
    assert store.get(run.id).key == ""
    late, other = booth.put(run.key), booth.put("photo/another.jpg")
    deletion.delete(store.get(run.id))
    assert booth.versions(run.key) >= {late}
    deletion.delete(uploads.find_by_upload(run.key))
    assert booth.versions(run.key) == set()
    assert booth.versions("photo/another.jpg") == {other}


def test_the_caller_hears_if_something_is_left_of_what_was_put_since(many, moment):
    run = forgotten(moment)
    many.put(run.key, PAGE + 1)
    with pytest.raises(StillRemoving):
        deletion.delete(uploads.find_by_upload(run.key))
    deletion.delete(uploads.find_by_upload(run.key))
    assert many.left(run.key) == 0
