"""Faults at the wire: the services' own words, as their clients read them, and whose calls they meet."""

import json
import subprocess
import sys
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError, ResponseStreamingError
from werkzeug.wrappers import Request, Response

from local import http_server
from local.faults import Faults, Gate
from tests.support.credentials import FAKE_CREDENTIALS
from tests.support.serving import serving

pytestmark = pytest.mark.starts

BATCH = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "once"}
ENTRY = {"Source": "a", "DetailType": "b", "Detail": "{}"}
CALLS = {
    "dynamodb": lambda aws: aws.get_item(TableName="table", Key={"pk": {"S": "run#1"}}),
    "s3": lambda aws: aws.get_object(Bucket="bucket", Key="photo/a.jpg"),
    "stepfunctions": lambda aws: aws.start_execution(stateMachineArn="arn:aws:states:us-east-1:1:stateMachine:m"),
    "events": lambda aws: aws.put_events(Entries=[ENTRY]),
    "ssm": lambda aws: aws.get_parameter(Name="/a"),
    "secretsmanager": lambda aws: aws.get_secret_value(SecretId="a"),
    "cloudfront": lambda aws: aws.create_invalidation(DistributionId="E1", InvalidationBatch=BATCH),
    "rekognition": lambda aws: aws.detect_faces(Image={"Bytes": b"x"}),
    "sagemaker-runtime": lambda aws: aws.invoke_endpoint(EndpointName="sam", Body=b"{}"),
    "bedrock-runtime": lambda aws: aws.invoke_model(modelId="model", body=b"{}"),
}


@Request.application
def nothing(request):
    """What is behind the gate: no service, but its answers have the form of one."""
    return Response(b"{}", content_type=request.content_type or "application/json")


@pytest.fixture
def wire(environment):
    """Faults of the function F, in front of an application that answers everything with {}."""
    faults = Faults({FAKE_CREDENTIALS["AWS_ACCESS_KEY_ID"]: "F"})
    with serving(Gate(nothing, faults)) as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        faults.url = url
        yield faults


def once(service):
    config = Config(retries={"total_max_attempts": 1}, read_timeout=1, s3={"addressing_style": "path"})
    return boto3.client(service, config=config)


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("kind", ["throttled", "broken", "denied"])
def test_the_services_own_words(wire, service, kind):
    wire.set([{"kind": kind, "match": "F *"}])
    with pytest.raises(ClientError) as raised:
        CALLS[service](once(service))
    error = raised.value.response
    families = {"throttled": ("Throttling", "SlowDown"), "broken": ("Internal",), "denied": ("AccessDenied",)}
    assert error["Error"]["Code"].startswith(families[kind])
    assert (error["ResponseMetadata"]["HTTPStatusCode"] >= 500) is (
        kind == "broken" or error["Error"]["Code"] == "SlowDown"
    )


@pytest.mark.parametrize(("kind", "error"), [("reset", ConnectionClosedError), ("hang", ReadTimeoutError)])
def test_a_wire_that_breaks(wire, kind, error):
    wire.set([{"kind": kind, "match": "*"} | ({"seconds": 3} if kind == "hang" else {})])
    with pytest.raises(error):
        CALLS["dynamodb"](once("dynamodb"))


@pytest.mark.parametrize(("kind", "length"), [("malformed", "2"), ("cut", "2")])
def test_an_answer_that_is_none(wire, kind, length):
    wire.set([{"kind": kind, "match": "*"}])
    answer = CALLS["dynamodb"](once("dynamodb"))  # the SDK does not mind: booth/aws/clients.py does
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-length"] == length
    with pytest.raises(ResponseStreamingError if kind == "cut" else ValueError):
        json.loads(CALLS["s3"](once("s3"))["Body"].read())


def outcomes_of(calls):
    outcomes = []
    for _ in range(calls):
        try:
            CALLS["dynamodb"](once("dynamodb"))
            outcomes.append("well")
        except ClientError:
            outcomes.append("failed")
    return outcomes


def test_whom_a_fault_meets_and_how_often(wire):
    wire.set([{"kind": "broken", "match": "F dynamodb:GetItem *table/tab*", "times": 1, "skip": 1}])
    outcomes = outcomes_of(3)
    CALLS["ssm"](once("ssm"))
    assert outcomes == ["well", "failed", "well"]
    record = wire.record()
    assert record["struck"] == {"broken F dynamodb:GetItem *table/tab*": 1}
    assert sorted(record["calls"].values()) == [1, 3]
    with urllib.request.urlopen(wire.url) as answer:  # nobody's call
        assert answer.read() == b"{}"
    with pytest.raises(ValueError):
        wire.set([{"kind": "tired", "match": "*"}])


def test_a_share_of_the_calls_at_the_wire(wire):
    wire.set([{"kind": "throttled", "match": "F dynamodb:*", "share": 0.5}])
    assert 10 < outcomes_of(40).count("failed") < 30


def test_an_error_of_any_name_at_the_wire(wire):
    wire.set([{"status": 400, "type": "ResourceNotFoundException", "message": "no table"}])
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*no table"):
        CALLS["dynamodb"](once("dynamodb"))


@pytest.mark.parametrize("kind", ["killed before", "killed after"])
def test_the_calling_process_is_killed_and_no_other(wire, kind):
    wire.set([{"kind": kind, "match": "*", "times": 1}])
    call = (
        "import boto3; boto3.client('dynamodb').get_item(TableName='table', Key={'pk': {'S': 'run#1'}}); print('well')"
    )
    runs = [subprocess.run([sys.executable, "-c", call], capture_output=True, check=False) for _ in range(2)]
    assert [run.returncode for run in runs] == [-9, 0]


CONNECT = """
import socket, sys
host, port, to = "127.0.0.1", int(sys.argv[1]), int(sys.argv[2])
one = socket.socket()
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
one.bind((host, port))
one.connect((host, to))
print("connected", flush=True)
one.sendall(sys.stdin.buffer.read())
one.recv(1)
"""


def test_a_process_that_uses_the_same_port_towards_another_server_lives(wire):
    wire.set([{"kind": "killed before", "match": "F s3:GetObject *"}])
    scope = f"AWS4-HMAC-SHA256 Credential={FAKE_CREDENTIALS['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/s3/aws4_request"
    call = f"GET /bucket/key HTTP/1.1\r\nHost: s3\r\nAuthorization: {scope}\r\n\r\n".encode()
    with http_server.listen(0) as shared, http_server.listen(0) as elsewhere:
        port, other = shared.getsockname()[1], elsewhere.getsockname()[1]
        shared.close()
        command = [sys.executable, "-c", CONNECT, str(port)]
        with subprocess.Popen([*command, str(other)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bystander:
            try:
                assert bystander.stdout.readline() == b"connected\n"
                to = wire.url.rpartition(":")[2]
                caller = subprocess.run([*command, to], input=call, capture_output=True, check=False)
                assert caller.returncode == -9, caller
                assert bystander.poll() is None
            finally:
                bystander.kill()
