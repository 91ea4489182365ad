"""What POST /photo holds, and what it answers at once: a long poll takes one of the account's executions."""

import json
import threading
import time
import uuid

import pytest

import photo
from booth import clock, concurrency, limits
from booth.aws import counters, table
from booth.http import long_polling
from booth.lifecycle import starting
from booth.painting import records
from booth.run import Status, Turn
from booth.runs import store, uploads
from tests.support.runs import issue


@pytest.fixture
def ask(dynamodb, environment):
    """POST /photo by the requestId alone; gives status, Retry-After in seconds (0: none) and answer."""
    given = {"BOOTH_TOKENS": "", "DOCUMENTED_KEYS": "true", "UPLOADS_BUCKET": "uploads", "LAMBDA_CONCURRENCY": "1000"}
    for name, value in given.items():
        environment.setenv(name, value)

    def ask(request_id, **fields):
        event = {"body": json.dumps({"requestId": request_id} | fields)}
        answer = photo.handler(event, Context())
        return answer["statusCode"], int(answer["headers"].get("retry-after", 0)), json.loads(answer["body"])

    return ask


class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "photo", 512, "arn", "1"


@pytest.fixture
def running(dynamodb):
    """Makes a run that Segment Anything is at work for; gives its id and its requestId."""

    def running():
        run, request_id = issue(f"photo/{uuid.uuid4()}.jpg"), str(uuid.uuid4())
        uploads.bind(store.get(run), request_id)
        store.claim(run, "1")
        store.enter(run, "segment")
        return run, request_id

    return running


def count_to(dynamodb, name, count):
    for _ in range(count):
        assert counters.increment(name, count, expires=2**33)


def counts(dynamodb):
    """What the table's counters stand at."""
    items = table.connect().scan(TableName=table.table_name())["Items"]
    return [int(item["count"]["N"]) for item in items if item["pk"]["S"].startswith("count#")]


def test_of_forty_who_ask_at_once_a_few_are_held_and_the_others_are_told_when_to_ask_again(dynamodb, running, ask):
    _, request_id = running()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(request_id, wait=2))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(status, answer["step"]) for status, _, answer in answers} == {(202, "segment")}
    told = [pause for _, pause, _ in answers if pause]
    # The forty may meet the end of one WAIT_SECONDS and the beginning of the next.
    assert 40 - 2 * concurrency.LONG_POLLS <= len(told) <= 40 - concurrency.LONG_POLLS
    assert set(told) == {limits.ASK_AGAIN_SECONDS}
    # Who has been answered takes no place any more.
    assert set(counts(dynamodb)) == {0}


def test_the_held_answers_of_one_run_are_not_those_of_another(dynamodb, running, ask, environment):
    (full, of_full), (_, of_other) = running(), running()
    environment.setattr(long_polling.time, "time", lambda: 1_000_000_019.9)
    count_to(dynamodb, f"held {full} 50000000", concurrency.LONG_POLLS)
    assert ask(of_full, wait=1)[1] == limits.ASK_AGAIN_SECONDS
    assert ask(of_other, wait=1)[1] == 0
    # Those that died while they held one are forgotten when their time is over.
    environment.setattr(long_polling.time, "time", lambda: 1_000_000_020.1)
    assert ask(of_full, wait=1)[1] == 0


def test_news_is_told_however_many_are_held_and_takes_no_place(dynamodb, running, ask):
    run, request_id = running()
    for moment in (0, 1, 2):
        count_to(
            dynamodb, f"held {run} {int(time.time()) // limits.LONG_POLL_SECONDS + moment}", concurrency.LONG_POLLS
        )
    seen = ask(request_id)[2]["progress"]
    store.enter(run, "merge")
    status, pause, answer = ask(request_id, wait=20, progress=seen)
    assert (status, pause, answer["step"]) == (202, 0, "merge")
    store.end(store.get(run), Status.FAILED, "TimedOut", {})
    assert ask(request_id, wait=20, progress=answer["progress"])[:2] == (200, 0)
    assert set(counts(dynamodb)) == {concurrency.LONG_POLLS}


@pytest.mark.parametrize(("turn", "wait", "pause"), [(100, 20, 20), (100, 1, 20), (15, 10, 15), (2, 2, 0)])
def test_nothing_is_held_that_can_not_bring_news_before_it_ends(dynamodb, running, ask, moment, turn, wait, pause):
    """A photo that waits for its turn longer than the caller would."""
    run, request_id = running()
    turns = {1: Turn("model@region", 0, moment.now + turn * 1000)}
    records.write_turns(store.get(run), turns, None)
    status, told, answer = ask(request_id, wait=wait)
    assert (status, told) == (202, pause)
    assert (answer["status"], answer["step"]) == ("QUEUED", "wait") or not pause
    assert counts(dynamodb) == ([] if pause else [0])


def test_a_photo_whose_url_has_expired_is_not_waited_for(dynamodb, ask, environment):
    environment.setattr(starting, "start_if_uploaded", lambda run: run)  # S3 is not asked here
    run, request_id = issue(f"photo/{uuid.uuid4()}.jpg"), str(uuid.uuid4())
    uploads.bind(store.get(run), request_id)
    assert ask(request_id, wait=1)[1] == 0
    later = clock.now_ms() + limits.URL_SECONDS * 1000
    environment.setattr(clock, "now_ms", lambda: later)
    assert ask(request_id, wait=1)[1] == limits.LONG_POLL_SECONDS


def test_without_wait_nobody_is_told_when_to_ask(dynamodb, running, ask):
    run, request_id = running()
    records.write_turns(store.get(run), {1: Turn("model@region", 0, clock.now_ms() + 100_000)}, None)
    assert ask(request_id)[:2] == (202, 0)
    assert counts(dynamodb) == []


@pytest.mark.parametrize(("executions", "held"), [("1", 1), ("10", 1), ("50", 5), ("1000", 8)])
def test_a_small_account_holds_fewer(environment, executions, held):
    environment.setenv("LAMBDA_CONCURRENCY", executions)
    assert concurrency.long_polls() == held
