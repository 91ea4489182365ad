"""Who comes at the same instant: events, polls, uploads and `sweep`, in every order that a trial can think of.

Against the emulated DynamoDB, Step Functions and S3, each visitor and each event in a thread of its own. Four schedules
say when the next AWS call of each goes out (see `Director`). TRIALS is how many trials there are in all; `make races`
does a thousand.
"""

import json
import os
import random
import threading
import uuid
from contextvars import ContextVar
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse

import photo as photo_function
import upload as upload_function
from booth import clock, limits
from booth.aws import clients, executions, objects, table
from booth.errors import ApiError, Conflict, RunEnded
from booth.event import Event
from booth.http.contract import PhotoRequest, UploadRequest
from booth.lifecycle import starting, sweeping
from booth.log import metrics
from booth.run import Status
from booth.runs import uploads

TRIALS = int(os.environ.get("TRIALS", "32"))
CALLS = 7
"""As many AWS calls does an actor make, or a few less."""

SCHEDULES = ("together", "lockstep", "at random", "one stalls")


class Director:
    """Holds each actor's AWS calls back, so that they meet in many ways.

    together    the first calls of all go out at once
    lockstep    no call goes out before each of the others is about to make one, too, or is done
    at random   each call waits up to 4 ms; one in ten of the transactions meets another one first, and is told so
    one stalls  one actor stops before one of its calls until all the others are done: each before each, in turn
    """

    def __init__(self, number, actors):
        self.schedule, self.dice = SCHEDULES[number % len(SCHEDULES)], random.Random(number)
        self.changed = threading.Condition()
        self.alive, self.waiting, self.round = actors, 0, 0
        calls, number = divmod(number // len(SCHEDULES), actors)
        self.stalls_at = (number, calls % CALLS)
        self.actor = ContextVar[SimpleNamespace | None]("actor", default=None)  # what `gather` does is its caller's

    def act(self, number, action):
        """Runs an actor; gives its result, or the API's error that it was answered with."""
        self.actor.set(SimpleNamespace(number=number, calls=0))
        try:
            return action()
        except (ApiError, RunEnded) as answer:
            return answer
        finally:
            self.actor.set(None)
            with self.changed:
                self.alive -= 1
                self._go_on()

    def before_call(self, request, **_):
        if (actor := self.actor.get()) is None:
            return None
        number, calls = actor.number, actor.calls
        actor.calls += 1
        if self.schedule == "lockstep" or (self.schedule == "together" and calls == 0):
            self._meet()
        elif self.schedule == "at random":
            threading.Event().wait(self.dice.random() * 0.004)
            if request.headers.get("X-Amz-Target", b"").endswith(b"TransactWriteItems") and self.dice.random() < 0.1:
                return transaction_conflict(request)
        elif self.schedule == "one stalls" and (number, calls) == self.stalls_at:
            with self.changed:
                assert self.changed.wait_for(lambda: self.alive == 1, 20)
        return None

    def dawdle(self):
        threading.Event().wait(self.dice.random() * 0.02)

    def _meet(self):
        with self.changed:
            self.waiting += 1
            seen = self.round
            self._go_on()
            assert self.changed.wait_for(lambda: self.round != seen, 20)

    def _go_on(self):
        if self.waiting and self.waiting >= self.alive:
            self.waiting, self.round = 0, self.round + 1
        self.changed.notify_all()


def transaction_conflict(request):
    """What DynamoDB says of a transaction that meets another one on the same item."""
    reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]
    body = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": reasons}
    raw = type("Raw", (), {"stream": lambda self, **_: iter([json.dumps(body).encode()])})()
    return AWSResponse(request.url, 400, {"Content-Type": "application/x-amz-json-1.0"}, raw)


class World:
    """The account, and the trial that is under way there."""

    def __init__(self, account):
        self.account = account
        self.put, self.versions = account.put, account.versions
        self.director = None
        self.expected = set()
        """Names of all executions there ought to be."""
        self.stopped = set()

    def upload(self, filename=None):
        """POST /upload; gives the Key."""
        filename = filename or f"{uuid.uuid4()}.jpg"
        return upload_function.issue_key(UploadRequest(filename, "image/jpeg", "", [], None), Event())

    def event(self, key, version):
        return lambda: starting.photo_arrived(key, version)

    def ask(self, key, request_id):
        request = PhotoRequest(request_id, key, "", 0, None)
        return lambda: photo_function.find_run(request)

    def sweep(self, key):
        return lambda: sweeping.handle(uploads.find_by_upload(key)) or "looked"

    def stop_executions(self):
        for run in self.expected - self.stopped:
            executions.stop(run)
        self.stopped |= self.expected

    def assert_one_run(self, key, *versions, seen=()):
        """The photo of this Key has one run, which has pinned one of the versions once, and one execution.

        Whoever came in by an entry point has seen it so (`seen`).
        """
        run = uploads.find_by_upload(key)
        assert {(each.id, each.version, each.claimed) for each in seen} <= {(run.id, run.version, run.claimed)}
        assert (run.status, run.step) == (Status.QUEUED, "queue")
        assert run.version in versions and run.deadline == run.claimed + limits.RUN_SECONDS * 1000
        assert self.versions(key) == set(versions), "what was not processed goes with the run, not before"
        self.expected.add(run.id)
        assert executions.is_running(run.id)
        return run


@pytest.fixture
def world(account):
    world = World(account)
    for client in (clients.client("dynamodb", **table._LIMITS), clients.client("stepfunctions"), objects.s3()):
        client.meta.events.register(
            "before-send", lambda request, **_: world.director and world.director.before_call(request)
        )
    return world


# Each crowd gives its actors and a check of what they were answered, which are called in the same order.


def event_and_poll(world):
    """The first poll comes with the event, and both come twice."""
    key = world.upload()
    version, request = world.put(key), str(uuid.uuid4())

    def check(answers):
        run = world.assert_one_run(key, version, seen=answers)
        assert run.request == table.hashed(request)

    return [world.event(key, version), world.ask(key, request)] * 2, check


def two_request_ids_for_one_upload(world):
    key = world.upload()
    version, requests = world.put(key), [str(uuid.uuid4()), str(uuid.uuid4())]

    def check(answers):
        run = world.assert_one_run(key, version)
        [bound] = [request for request in requests if uploads.find_by_request(request)]
        assert run.request == table.hashed(bound)
        for request, answer in zip(requests, answers[1:], strict=True):
            assert answer.id == run.id if request == bound else isinstance(answer, Conflict)

    return [world.event(key, version), *(world.ask(key, request) for request in requests)], check


def one_request_id_for_two_uploads(world):
    keys, request = [world.upload(), world.upload()], str(uuid.uuid4())
    versions = [world.put(key) for key in keys]

    def check(answers):
        bound = uploads.find_by_request(request)
        # The photo whose visitor has to take another requestId is processed all the same: its event sees to that.
        runs = [uploads.find_by_upload(key) for key in keys]
        world.expected |= {run.id for run in runs}
        for key, version, run, answer in zip(keys, versions, runs, answers[2:], strict=True):
            world.assert_one_run(key, version)
            is_bound = run.id == bound.id
            assert run.request == (table.hashed(request) if is_bound else "")
            assert answer.id == run.id if is_bound else isinstance(answer, Conflict)

    events = [world.event(key, version) for key, version in zip(keys, versions, strict=True)]
    return [*events, *(world.ask(key, request) for key in keys)], check


def one_documented_key_for_two_uploads(world):
    name = f"same {uuid.uuid4()}.jpg"

    def check(keys):
        assert len(set(keys)) == 3
        # A transaction that meets the other's may give neither of them the documented Key in this instant.
        assert sum(key == f"photo/{name}" for key in keys) <= 1
        for key in keys:
            version = world.put(key)
            world.event(key, version)()
            world.assert_one_run(key, version)

    return [lambda: world.upload(name)] * 3, check


def a_url_used_twice_with_its_events_in_the_wrong_order(world):
    key = world.upload()
    first, second = world.put(key), world.put(key)
    request = str(uuid.uuid4())

    def check(answers):
        run = world.assert_one_run(key, first, second, seen=answers)
        assert run.request == table.hashed(request)

    return [world.event(key, second), world.event(key, first), world.ask(key, request)], check


def a_photo_without_upload(world):
    """Put by another of the operator's systems: whoever comes first makes its record."""
    key, request = f"photo/other {uuid.uuid4()}.jpg", str(uuid.uuid4())
    version = world.put(key)

    def check(answers):
        run = world.assert_one_run(key, version, seen=answers)
        assert run.request == table.hashed(request)

    return [world.event(key, version), world.event(key, version), world.ask(key, request)], check


def event_poll_and_sweep(world):
    key = world.upload()
    version, request = world.put(key), str(uuid.uuid4())

    def check(_):
        run = world.assert_one_run(key, version)
        assert run.request == table.hashed(request)

    return [world.sweep(key), world.event(key, version), world.ask(key, request), world.sweep(key)], check


def a_photo_that_comes_as_its_time_is_over(world):
    """`sweep` gives the upload up in the instant in which the photo comes."""
    key = world.upload()
    request, versions = str(uuid.uuid4()), []
    end = clock.now_ms() - 1000
    world.account.clients["dynamodb"].update_item(
        TableName=table.table_name(),
        Key=table.key_of("run", uploads.find_by_upload(key).id),
        UpdateExpression="SET upload_until = :u",
        ExpressionAttributeValues={":u": {"N": str(end - limits.LATE_UPLOAD_SECONDS * 1000)}},
    )

    def come():
        world.director.dawdle()
        versions.append(world.put(key))
        return starting.photo_arrived(key, versions[0])

    def check(_):
        run = uploads.find_by_upload(key)
        if run.status == Status.QUEUED:
            world.assert_one_run(key, *versions)
        else:
            assert (run.status, run.error, run.version) == (Status.FAILED, "PhotoNeverArrived", "")
            assert executions.is_running(run.id) is None
            assert world.versions(key) == set()

    return [world.sweep(key), come, world.ask(key, request)], check


CROWDS = [
    event_and_poll,
    two_request_ids_for_one_upload,
    one_request_id_for_two_uploads,
    one_documented_key_for_two_uploads,
    a_url_used_twice_with_its_events_in_the_wrong_order,
    a_photo_without_upload,
    event_poll_and_sweep,
    a_photo_that_comes_as_its_time_is_over,
]


@pytest.mark.parametrize("crowd", CROWDS)
def test_whoever_comes_at_the_same_instant_a_photo_is_processed_once(world, crowd):
    for number in range(-(-TRIALS // len(CROWDS))):
        actors, check = crowd(world)
        answers = [None] * len(actors)
        world.director = director = Director(number, len(actors))

        def act(place, action, answers=answers, director=director):
            answers[place] = director.act(place, action)

        threads = [threading.Thread(target=act, args=each) for each in enumerate(actors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        world.director = None
        metrics.clear_metrics()
        assert all(answers), f"trial {number}, {director.schedule}: an actor failed"
        try:
            check(answers)
        except AssertionError as problem:
            raise AssertionError(f"trial {number}, {director.schedule}") from problem
        world.stop_executions()
    assert world.account.executions() == sorted(world.expected)
