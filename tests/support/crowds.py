"""Very many runs that are admitted at once, on a clock of their own: nothing here waits."""

import heapq
import itertools
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from botocore.exceptions import ClientError

from booth import clock, limits
from booth.aws import table
from booth.painting import admission
from booth.run import Status


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
        self.transactions = Counter()
        """How many were written, and how many were cancelled."""
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
        self.transactions["written"] += 1
        return {}

    def _cancel(self, code):
        self.transactions["cancelled"] += 1
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


@contextmanager
def crowd(chain: str, seed: int = 7) -> Iterator[tuple[Clock, Table, random.Random]]:
    """A clock and a table on which admission runs meanwhile, and the dice. `chain`: IMAGE_MODELS."""
    dice, fake = random.Random(seed), Clock()
    items = Table(fake, dice)
    with ExitStack() as stack:
        for target, name, value in (
            (admission.time, "sleep", fake.sleep),
            (admission.time, "monotonic", lambda: fake.now),
            (admission.random, "random", dice.random),
            (admission, "gather", lambda *calls: [call() for call in calls]),
            (clock, "now_ms", lambda: int(fake.now * 1000)),
            (table, "connect", lambda: items),
            (table, "table_name", lambda: "table"),
        ):
            stack.enter_context(patch.object(target, name, value))
        stack.enter_context(patch.dict("os.environ", IMAGE_MODELS=chain))
        yield fake, items, dice


def put_running(items: Table, name: str) -> None:
    """Writes a run that has come as far as painting."""
    now = clock.now_ms()
    fields = {"run": name, "status": Status.RUNNING, "step": "merge", "version": "v", "created": now, "claimed": now}
    fields |= {"deadline": now + limits.RUN_SECONDS * 1000, "expires": now // 1000 + 86_400}
    items.items[f"run#{name}"] = {key: table.to_item(value) for key, value in fields.items()}
