"""Very many runs are admitted in the same second: each gets its turns, or is told that the queue is full.

Nothing here waits: the runs share a clock of their own, on which one of them at a time is awake.
"""

import heapq
import itertools
import random
import re
import threading
from collections import Counter

import pytest
from botocore.exceptions import ClientError

from booth import clock, limits
from booth.aws import table
from booth.errors import QueueFull
from booth.painting import admission
from booth.run import WINDOW_MS, Status

INPAINT = "us.stability.stable-image-inpaint-v1:0"
CHAIN = ",".join(f"{INPAINT}@{region}" for region in ("us-east-1", "us-west-2", "us-east-2"))
PLACES = 3 * 20 * (limits.QUEUE_SECONDS * 1000 // WINDOW_MS + 1)
"""Turns within QUEUE_SECONDS: three Regions of 20 slots, each used once in WINDOW_MS, the first time at once."""


class Clock:
    """Time that passes only while every thread of `run` sleeps."""

    def __init__(self):
        self.now = 1_800_000_000.0
        self._sleeping, self._order = [], itertools.count()
        self._asleep = threading.Semaphore(0)

    def sleep(self, seconds):
        wake = threading.Semaphore(0)
        heapq.heappush(self._sleeping, (self.now + seconds, next(self._order), wake))
        self._asleep.release()
        wake.acquire()

    def run(self, jobs):
        """Runs each (delay in seconds, function); gives their results in order, an error as a result too."""
        results = [None] * len(jobs)

        def work(number, delay, job):
            self.sleep(delay)
            try:
                results[number] = job()
            except Exception as error:
                results[number] = error
            self._asleep.release()

        threads = [threading.Thread(target=work, args=(number, *job), daemon=True) for number, job in enumerate(jobs)]
        for thread in threads:
            thread.start()
            self._asleep.acquire()
        while self._sleeping:
            self.now, _, wake = heapq.heappop(self._sleeping)
            wake.release()
            self._asleep.acquire()
        return results


class Table:
    """DynamoDB as far as admission needs it: whoever meets a transaction that is under way is told of a conflict.

    That is AWS's "Transaction conflict handling in DynamoDB" (Developer Guide, "Managing complex workflows with
    transactions"): a write beside a transaction on the same item is rejected at once; a GetItem is answered.
    """

    def __init__(self, clock, dice):
        self.items, self._writing = {}, set()
        self._clock, self._dice = clock, dice

    def get_item(self, *, Key, **_):
        self._clock.sleep(self._dice.uniform(0.003, 0.010))
        item = self.items.get(Key["pk"]["S"])
        return {"Item": dict(item)} if item else {}

    def update_item(self, **update):
        self._clock.sleep(self._dice.uniform(0.004, 0.012))
        if update["Key"]["pk"]["S"] in self._writing:
            raise ClientError({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")
        if not self._holds(update):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")
        self._apply(update)
        return {}

    def transact_write_items(self, *, TransactItems):
        updates = [each["Update"] for each in TransactItems]
        self._clock.sleep(self._dice.uniform(0.002, 0.006))
        names = {update["Key"]["pk"]["S"] for update in updates}
        if names & self._writing:
            self._cancel("TransactionConflict")
        self._writing |= names
        self._clock.sleep(self._dice.uniform(0.004, 0.012))
        self._writing -= names
        if not all(map(self._holds, updates)):
            self._cancel("ConditionalCheckFailed")
        for update in updates:
            self._apply(update)
        return {}

    def _cancel(self, code):
        answer = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": code}]}
        raise ClientError(answer, "TransactWriteItems")

    def _holds(self, update):
        item = self.items.get(update["Key"]["pk"]["S"], {})
        names, values = update.get("ExpressionAttributeNames", {}), update["ExpressionAttributeValues"]
        for part in update["ConditionExpression"].split(" AND "):
            if match := re.fullmatch(r"attribute_not_exists\(#?(\w+)\)", part):
                held = match[1] not in item
            else:
                name, value = re.fullmatch(r"(#\w+) = (:\w+)", part).groups()
                held = item.get(names[name]) == values[value]
            if not held:
                return False
        return True

    def _apply(self, update):
        names, values = update["ExpressionAttributeNames"], update["ExpressionAttributeValues"]
        item = self.items.setdefault(update["Key"]["pk"]["S"], dict(update["Key"]))
        for part in update["UpdateExpression"].removeprefix("SET ").split(", "):
            name, value = part.split(" = ")
            item[names[name]] = values[value]


@pytest.fixture
def fake_clock(monkeypatch):
    fake = Clock()
    monkeypatch.setattr(admission.time, "sleep", fake.sleep)
    monkeypatch.setattr(admission.time, "monotonic", lambda: fake.now)
    monkeypatch.setattr(clock, "now_ms", lambda: int(fake.now * 1000))
    monkeypatch.setattr(admission, "gather", lambda *calls: [call() for call in calls])
    return fake


@pytest.fixture
def dice():
    return random.Random(7)


@pytest.fixture
def fake_table(fake_clock, dice, monkeypatch):
    fake = Table(fake_clock, dice)
    monkeypatch.setattr(table, "connect", lambda: fake)
    monkeypatch.setattr(table, "table_name", lambda: "table")
    monkeypatch.setattr(admission.random, "random", dice.random)
    monkeypatch.setenv("IMAGE_MODELS", CHAIN)
    return fake


def running(fake_table, name):
    """A run that has come as far as painting."""
    now = clock.now_ms()
    fields = {"run": name, "status": Status.RUNNING, "step": "merge", "version": "v", "created": now, "claimed": now}
    fields |= {"deadline": now + limits.RUN_SECONDS * 1000, "expires": now // 1000 + 86_400}
    fake_table.items[f"run#{name}"] = {key: table.to_item(value) for key, value in fields.items()}


def admitted(name):
    try:
        return sorted((turn.candidate, turn.slot, turn.at) for turn in admission.admit(name, [1, 2, 3]).turns.values())
    except QueueFull:
        return []


@pytest.mark.parametrize("count", [300, 1000])
def test_of_many_runs_in_a_second_each_gets_its_turns_or_is_told_that_the_queue_is_full(
    fake_clock, dice, fake_table, count
):
    names = [f"run-{number}" for number in range(count)]
    for name in names:
        running(fake_table, name)
    given = fake_clock.run([(dice.random(), lambda name=name: admitted(name)) for name in names])
    assert [each for each in given if isinstance(each, Exception)] == []
    turns = [turn for each in given for turn in each]
    assert all(count == 1 for count in Counter(turns).values()), "a turn is given once"
    assert len(turns) == min(3 * count, PLACES), "no place is left empty while somebody is refused"
    assert max(at for _, _, at in turns) <= clock.now_ms() + limits.QUEUE_SECONDS * 1000
