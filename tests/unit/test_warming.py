"""Warming: which functions /upload has Lambda start, when, and that whatever goes wrong with it is nobody's trouble."""

import importlib
import json
import threading
from pathlib import Path
from urllib.parse import unquote

import pytest
from werkzeug.wrappers import Response

from booth import clock, warming
from booth.handlers import WARM, entry
from booth.warming import EVERY_SECONDS, Round

FUNCTIONS = [f"arn:aws:lambda:us-east-1:123456789012:function:booth-{name}" for name in "abcdefg"]
HANDLERS = sorted(each.stem for each in (Path(__file__).parents[2] / "functions").glob("*.py"))


class Context:
    function_name, memory_limit_in_mb, aws_request_id = "function", 512, "request"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"


@pytest.fixture
def booth(aws, monkeypatch):
    """Lambda takes every event; a round was never begun, and now is when the test says."""
    aws.answer = lambda request: Response("", 202)
    aws.now = 1_800_000_000_000
    monkeypatch.setattr(clock, "now_ms", lambda: aws.now)
    monkeypatch.setattr(warming, "_round", Round())
    monkeypatch.setattr(warming, "GRACE_SECONDS", 60)
    monkeypatch.setenv("WARMED", " ".join(FUNCTIONS))
    monkeypatch.setenv("LAMBDA_CONCURRENCY", "1000")
    return aws


def upload():
    with warming.ahead():
        pass


def called(aws):
    """The functions that were called since the last look."""
    requests, aws.requests = aws.requests, []
    paths = [unquote(each.path).removesuffix("/invocations").rpartition("/functions/") for each in requests]
    assert {version for version, _, _ in paths} <= {"/2015-03-31"}
    return [function for _, _, function in paths]


def test_each_function_is_called_as_an_event_in_order_while_upload_works(booth):
    with warming.ahead():
        pass
    for request in booth.requests:
        assert (request.method, request.headers["X-Amz-Invocation-Type"]) == ("POST", "Event")
        assert json.loads(request.get_data()) == WARM
    assert called(booth) == FUNCTIONS


def test_it_happens_once_in_five_minutes(booth):
    upload()
    called(booth)
    booth.now += EVERY_SECONDS * 1000 - 1
    upload()
    assert called(booth) == []
    booth.now += 1
    upload()
    assert called(booth) == FUNCTIONS


def test_a_small_account_warms_what_it_has_room_for_and_the_rest_with_the_next_calls(booth, monkeypatch):
    monkeypatch.setenv("LAMBDA_CONCURRENCY", "10")
    calls = []
    for _ in range(3):
        upload()
        calls.append(called(booth))
    assert calls == [FUNCTIONS[:4], FUNCTIONS[4:], []]
    booth.now += EVERY_SECONDS * 1000
    upload()
    assert called(booth) == FUNCTIONS[:4]


@pytest.mark.parametrize(
    ("warmed", "executions"), [("", "1000"), (" ".join(FUNCTIONS), "6"), (" ".join(FUNCTIONS), "1")]
)
def test_nothing_is_called_where_nothing_is_named_or_there_is_no_room(booth, monkeypatch, warmed, executions):
    monkeypatch.setenv("WARMED", warmed)
    monkeypatch.setenv("LAMBDA_CONCURRENCY", executions)
    upload()
    assert called(booth) == []


@pytest.mark.strange_answers("a Lambda that fails")
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_call_that_is_refused_is_the_last_one_of_its_round(booth, status):
    booth.answer = lambda request: Response("{}", status, headers={"x-amzn-ErrorType": "Refused"})
    upload()
    assert called(booth) == FUNCTIONS[:1]
    upload()
    assert called(booth) == []


def test_what_upload_raises_goes_out_and_the_functions_are_warmed_all_the_same(booth):
    with pytest.raises(KeyError), warming.ahead():
        raise KeyError("contract")
    assert called(booth) == FUNCTIONS


def test_a_lambda_that_does_not_answer_keeps_nobody_waiting(booth, monkeypatch):
    answer, asked = threading.Event(), threading.Event()

    def silent(request):
        asked.set()
        answer.wait(30)
        return Response("", 202)

    booth.answer = silent
    monkeypatch.setattr(warming, "GRACE_SECONDS", 0)
    with warming.ahead():
        assert asked.wait(30)
    [thread] = [each for each in threading.enumerate() if each.name == "warming"]
    answer.set()
    thread.join()
    assert called(booth)[0] == FUNCTIONS[0]


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("module", HANDLERS)
def test_every_function_answers_the_event_before_any_work(booth, monkeypatch, module):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "PhotoBooth")
    assert importlib.import_module(module).handler(dict(WARM), Context()) is None
    assert booth.requests == []


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("event", [{}, {"warm": False}, {"warm": True, "run": "run"}, {"run": "run"}, None])
def test_an_event_of_any_other_shape_is_work(booth, event):
    assert entry(lambda given, context: ("worked", given))(event, Context()) == ("worked", event)
