"""Names of errors, ours and Step Functions', as our classes."""

import boto3
import pytest
from botocore.config import Config
from werkzeug.wrappers import Response

from booth.aws.errors import aws_errors
from booth.errors import AccessDenied, BoothError, InternalError, ServiceUnavailable, Throttled, TimedOut, kind_of
from tests.support.serving import serving

STRANGE = [b"[]", b"5", b"null", b'"oops"', b'{"__type": []}', b'{"code": {}}', b'{"code": 5}', b'{"__type": 5}',
           "<!DOCTYPE html>\xe9".encode("latin-1"), '{"a": 1}'.encode("utf-16"), b"[" * 100_000]  # fmt: skip


ERRORS = [(status, body) for status in (400, 404, 503) for body in STRANGE]


def detect_faces(client):
    client.detect_faces(Image={"Bytes": b"x"})


def invoke_model(client):
    client.invoke_model(modelId="x", body=b"{}")


@pytest.mark.starts
@pytest.mark.strange_answers("as proxies, and services in trouble, send them")
@pytest.mark.parametrize(
    ("service", "call", "answers"),
    [
        ("rekognition", detect_faces, [*ERRORS, *((200, body) for body in STRANGE if body[:1] != b"{")]),
        ("bedrock-runtime", invoke_model, ERRORS),  # a picture's answer is not botocore's to read
    ],
)
def test_an_answer_that_botocore_can_not_read_is_a_typed_error(service, call, answers):
    """As proxies, and services in trouble, send them."""
    for status, body in answers:
        with serving(Response(body, status, content_type="application/json")) as url:
            client = boto3.client(
                service,
                region_name="us-east-1",
                endpoint_url=url,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}),
            )
            with pytest.raises(BoothError), aws_errors():
                call(client)


def test_names_of_errors_that_step_functions_reports():
    assert kind_of("States.Timeout") is TimedOut
    for lost in ("Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.TooManyRequestsException"):
        assert kind_of(lost) is ServiceUnavailable
    for ours in (Throttled, AccessDenied):
        assert kind_of(ours.__name__) is ours
    for defect in ("KeyError", "Conflict", "", "States.Runtime"):
        assert kind_of(defect) is InternalError
