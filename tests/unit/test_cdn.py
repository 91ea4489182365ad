"""Deleted visits and the CDN: what it is told, how often, and when, within CloudFront's limits."""

import json
from types import SimpleNamespace

import pytest

import delete_photo
from booth import clock, keys, limits
from booth.aws import objects
from booth.http import contract
from booth.lifecycle import sweeping
from booth.run import MAX_PICTURES, Status
from booth.runs import store, uploads
from tests.support.invalidations import complete_all, connect_cdn
from tests.support.runs import shown
from tests.support.threads import at_once

CONTEXT = SimpleNamespace(
    function_name="delete", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:delete", aws_request_id="r"
)


@pytest.fixture
def booth(account, environment):
    """The account with a CDN, see `connect_cdn`."""
    distribution = connect_cdn(account, environment)
    environment.setenv("BOOTH_TOKENS", "")
    account.empty_queue = lambda: complete_all(distribution)
    account.clock = Clock(environment)
    return account


class Clock:
    """The functions' clock, which can be put forward."""

    def __init__(self, environment):
        self.ahead, now = 0, clock.now_ms
        environment.setattr(clock, "now_ms", lambda: now() + self.ahead)

    def pass_by(self, seconds):
        self.ahead += seconds * 1000


def delete(request_id):
    """DELETE /photo; gives the status."""
    answer = delete_photo.handler({"body": json.dumps({"requestId": request_id})}, CONTEXT)
    return answer["statusCode"]


def results(booth):
    return [each["Key"] for each in booth.clients["s3"].list_objects_v2(Bucket="results").get("Contents", [])]


def paths_of(answer):
    """The paths of the addresses that a visitor was given."""
    body = json.loads(answer["body"])
    return {url.removeprefix("https://cdn") for url in (body["url_original"], *json.loads(body["url_generated"]))}


def test_25_visitors_who_delete_at_once_all_get_200(booth):
    visits = [shown() for _ in range(25)]
    assert at_once(25, lambda number: delete(visits[number])) == [200] * 25
    assert len(booth.invalidated()) == 25
    assert results(booth) == []


def test_a_link_that_repeats_its_deletion_makes_one_invalidation(booth):
    request_id = shown()
    assert at_once(8, lambda _: delete(request_id)) == [200] * 8
    for _ in range(8):
        assert delete(request_id) == 200
    assert len(booth.invalidated()) == 1


def test_a_repeated_deletion_is_answered_from_the_record(booth):
    request_id = shown()
    assert delete(request_id) == 200
    objects.put_result(uploads.find_by_request(request_id).key, b"jpeg")
    assert delete(request_id) == 200
    assert len(results(booth)) == 1  # nothing was looked for


@pytest.mark.parametrize(
    "name", ["a.jpg", "my photo~1 (2)+3 & 4.jpg", "\uc6b0\ub9ac \uc0ac\uc9c4.jpg", "[a]{b}%7E*.jpg", "\U0001f389" * 254]
)
def test_what_the_cdn_forgets_is_what_the_visitor_was_given(booth, name):
    request_id = shown(f"photo/{name}")
    given = paths_of(contract.photo_answer(uploads.find_by_request(request_id), request_id, "https://cdn"))
    assert delete(request_id) == 200
    [(reference, paths)] = booth.invalidated().items()
    assert given < set(paths)
    assert len(paths) == 1 + MAX_PICTURES
    assert not [path for path in paths if path.endswith("*")]
    assert reference == f"{uploads.find_by_request(request_id).id}-1"


def test_both_moments_after_which_nothing_can_come_get_their_look(booth):
    """A step that was killed has written a picture: it is gone 120 s after the end, not minutes later."""
    request_id = shown()
    assert delete(request_id) == 200
    run = uploads.find_by_request(request_id)
    assert run.due == run.ended + limits.CLEAN_SECONDS * 1000 < run.upload_until
    objects.put_result(keys.picture_key(run.picture_id, 2), b"jpeg")
    booth.put(run.key)

    booth.clock.pass_by(limits.CLEAN_SECONDS)
    assert sweeping.handle_due(run.id, store.get(run.id).due)
    assert results(booth) == []
    first, second = (booth.invalidated()[f"{run.id}-{look}"] for look in (1, 2))
    assert first == second

    booth.put(run.key)
    seen = store.get(run.id)
    assert seen.due == run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000
    booth.clock.pass_by(limits.URL_SECONDS + limits.LATE_UPLOAD_SECONDS)
    assert sweeping.handle_due(run.id, store.get(run.id).due)
    assert booth.versions(run.key) == set()
    assert store.get(run.id).key == store.get(run.id).open == ""
    assert len(booth.invalidated()) == 2


def test_a_full_queue_is_taken_up_by_sweep(booth):
    """The visitor's photos are deleted; that the CDN may show a copy for five minutes is what the documents say."""
    booth.fill_queue()
    request_id = shown()
    assert delete(request_id) == 200
    assert results(booth) == []
    run = uploads.find_by_request(request_id)
    assert (run.status, list(booth.invalidated())) == (Status.DELETED, ["others"])

    booth.clock.pass_by(limits.DELETE_SECONDS)
    assert not sweeping.handle_due(run.id, store.get(run.id).due)  # it is still full
    booth.empty_queue()
    assert delete(request_id) == 200  # who asks again is not told from the record: not all is done
    assert booth.invalidated().keys() == {"others", f"{run.id}-1"}
    booth.clock.pass_by(limits.CLEAN_SECONDS)
    assert sweeping.handle_due(run.id, store.get(run.id).due)
    assert booth.invalidated().keys() == {"others", f"{run.id}-1", f"{run.id}-2"}


def test_a_visit_that_ended_long_ago_needs_one_look(booth):
    request_id = shown()
    run = uploads.find_by_request(request_id)
    assert store.end(run, Status.PARTIAL, "", run.pictures)
    booth.clock.pass_by(3600)
    assert delete(request_id) == 200
    assert list(booth.invalidated()) == [f"{run.id}-2"]
    assert store.get(run.id).key == ""


def test_a_tombstone_as_it_was_written_before_gets_its_last_look(booth):
    """Without `erased`, and due when nothing can come at all."""
    request_id = shown()
    run = uploads.find_by_request(request_id).id
    store.mark_deleted(run, due=store.get(run).upload_until + limits.LATE_UPLOAD_SECONDS * 1000)
    booth.clock.pass_by(limits.URL_SECONDS + limits.LATE_UPLOAD_SECONDS)
    assert sweeping.handle_due(run, store.get(run).due)
    assert results(booth) == []
    assert store.get(run).open == ""
