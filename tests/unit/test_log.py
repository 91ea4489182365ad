"""What the functions log: at DEBUG each call's and each invocation's time, and never what was asked for."""

import io
import json
import logging

import pytest
from botocore.exceptions import ClientError

from booth import handlers, log
from booth.aws import clients, errors
from booth.errors import InternalError, ServiceUnavailable
from booth.runs import uploads


class Context:
    """What Lambda hands a handler."""

    function_name = "photo-booth-unit"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:photo-booth-unit"
    aws_request_id = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def lines():
    """Gives the lines logged so far."""
    stream = io.StringIO()
    told = logging.StreamHandler(stream)
    told.setFormatter(log.logger.registered_formatter)
    log.logger.addHandler(told)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.logger._logger.removeHandler(told)


@pytest.fixture
def debug(lines):
    before = log.logger.log_level
    log.logger.setLevel("DEBUG")
    yield lines
    log.logger.setLevel(before)


def issue_and_fail(event):
    uploads.issue(
        event["run"], "photo/Marked-Name.jpg", picture_id="a", scenes=[], content_type="image/jpeg", consent=None
    )
    clients.client("dynamodb").delete_table(TableName="no-such-table")


def test_each_call_is_a_line_with_its_time_and_nothing_of_what_was_asked(dynamodb, debug):
    with pytest.raises(InternalError):
        handlers.step(issue_and_fail)({"run": "the-run"}, Context())
    calls = [line for line in debug() if line["message"] == "aws_call"]
    assert [line["call"] for line in calls] == ["dynamodb.TransactWriteItems", "dynamodb.DeleteTable"]
    assert all(line["ms"] > 0 and line["run"] == "the-run" for line in calls)
    [handled] = [line for line in debug() if line["message"] == "handled"]
    assert handled["ms"] >= sum(line["ms"] for line in calls) - 1
    assert handled["function_request_id"] == Context.aws_request_id
    assert "Marked-Name" not in json.dumps(calls) + json.dumps(handled)


@pytest.mark.starts
def test_a_call_that_nobody_answers_is_a_line_too(environment, debug):
    environment.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
    with pytest.raises(ServiceUnavailable), errors.aws_errors():
        clients.client("ssm", attempts=1).get_parameter(Name="/marked-name")
    [line] = debug()
    assert line["call"] == "ssm.GetParameter"
    assert "marked-name" not in json.dumps(line)


def test_without_debug_there_is_no_such_line(dynamodb, lines):
    clients.client("dynamodb").list_tables()
    with pytest.raises(ClientError):
        clients.client("dynamodb").describe_table(TableName="no-such-table")
    assert lines() == []


def test_clients_are_made_at_the_start_in_lambda_and_when_needed_elsewhere(environment):
    made = []
    clients.at_init(lambda: made.append("client"))
    assert made == []
    environment.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    clients.at_init(lambda: made.append("client"))
    assert made == ["client"]
