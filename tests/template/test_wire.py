"""AWS's calls as its own models have them: each error that a call can meet here, the sample events, and the judges.

That each call of a visit is right is seen where it is made: `tests/conftest.py` has the exchanges of every test judged.
"""

import base64
import contextlib
import copy
import dataclasses
import io
import json
import re
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from local.account import REGION
from local.app import ROOT
from local.edge import http_event
from local.emulator import cloudfront
from local.emulator.services import Emulator, forget_all
from local.faults import KINDS_OF_IMAGE_MODELS, KINDS_OF_PAINTER, Faults, Gate
from local.http_server import Handler
from local.lambdas.host import LambdaHost
from local.lambdas.results import InvokeResult, error, refusal, throttled
from local.s3.front import S3Front
from local.standins import server
from local.standins.process import StandinsProcess
from local.template.application import Schedule
from local.template.reader import load
from tests.faults.application import PARAMETERS
from tests.faults.calls import rows_of
from tests.faults.kinds import UNKNOWN
from tests.support.events import EVENTS
from tests.support.fakes import control_plane
from tests.support.fakes.cloudformation import CloudFormation
from tests.support.judges.events import event_problems
from tests.support.judges.exceptions import EXCEPTIONS, is_excepted
from tests.support.judges.exchanges import Exchange
from tests.support.judges.watch import STANDINS_SAID, WATCH, exchange_of
from tests.support.judges.wire import problems
from tests.support.serving import serving

KEY, OPERATOR, SECRET = "AKIAEXAMPLE", "AKIAOPERATOR", "secret"
"""A function's key, whose calls meet faults, and the operator's."""
CREDENTIALS = {"region_name": REGION, "aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
MODELS = ("rekognition", "sagemaker-runtime", "bedrock-runtime")
INVOCATIONS = "/2015-03-31/functions/"
FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:photo-booth-admit"
EXECUTION = f"arn:aws:states:{REGION}:123456789012:execution:photo:1b671a64"
MACHINE = f"arn:aws:states:{REGION}:123456789012:stateMachine:photo"
CDN = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"}
ITEM = {"TableName": "table", "Key": {"pk": {"S": "run#1"}}}
OBJECT = {"Bucket": "uploads", "Key": "photo/a.jpg"}
HIDDEN = {"Key": "hidden", "Value": "true"}
CHANGED = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"N": "1"}}}
QUERY = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "run#1"}}}
PATHS = {"Paths": {"Quantity": 1, "Items": ["/photo/a.jpeg"]}, "CallerReference": "1"}


def png(mode, side=64):
    file = io.BytesIO()
    Image.new(mode, (side, side), "white").save(file, "PNG")
    return file.getvalue()


def picture(*how):
    return base64.b64encode(png(*how)).decode()


OUTPAINTING = {"text": "a sky", "image": picture("RGB"), "maskImage": picture("RGB")}
TITAN = {"taskType": "OUTPAINTING", "outPaintingParams": OUTPAINTING}
PAINTING = {"image": picture("RGB", 256), "mask": picture("L", 256), "prompt": "a sky", "seed": 1}
FACES = {"Image": {"Bytes": png("RGB", 96)}}
INVOKE = {"EndpointName": "paint", "ContentType": "application/json", "Body": json.dumps(PAINTING)}
CALLS = {
    "dynamodb:GetItem": ("dynamodb", "get_item", ITEM),
    "dynamodb:PutItem": ("dynamodb", "put_item", {"TableName": "table", "Item": {"pk": {"S": "run#2"}}}),
    "dynamodb:UpdateItem": ("dynamodb", "update_item", ITEM | CHANGED),
    "dynamodb:Query": ("dynamodb", "query", {"TableName": "table"} | QUERY),
    "s3:GetObject": ("s3", "get_object", OBJECT),
    "s3:GetObject (HEAD)": ("s3", "head_object", OBJECT),
    "s3:GetObjectVersion": ("s3", "get_object", OBJECT | {"VersionId": "1"}),
    "s3:PutObject": ("s3", "put_object", OBJECT | {"Body": b"photo"}),
    "s3:PutObjectTagging": ("s3", "put_object_tagging", OBJECT | {"Tagging": {"TagSet": [HIDDEN]}}),
    "s3:DeleteObjectTagging": ("s3", "delete_object_tagging", OBJECT),
    "s3:DeleteObject": ("s3", "delete_object", OBJECT),
    "s3:DeleteObjectVersion": ("s3", "delete_objects", {"Bucket": "uploads", "Delete": {"Objects": [
        {"Key": "photo/a.jpg", "VersionId": "1"}]}}),
    "s3:ListBucket": ("s3", "list_objects_v2", {"Bucket": "uploads"}),
    "s3:ListBucketVersions": ("s3", "list_object_versions", {"Bucket": "uploads"}),
    "states:StartExecution": ("stepfunctions", "start_execution", {"stateMachineArn": MACHINE, "input": "{}"}),
    "states:DescribeExecution": ("stepfunctions", "describe_execution", {"executionArn": EXECUTION}),
    "states:StopExecution": ("stepfunctions", "stop_execution", {"executionArn": EXECUTION}),
    "events:PutEvents": ("events", "put_events", {"Entries": [
        {"Source": "photo-booth", "DetailType": "PhotoFinished", "Detail": "{}"}]}),
    "ssm:GetParameter": ("ssm", "get_parameter", {"Name": "/booth/cdn"}),
    "secretsmanager:GetSecretValue": ("secretsmanager", "get_secret_value", {"SecretId": "tokens"}),
    "cloudfront:CreateInvalidation": ("cloudfront", "create_invalidation", {
        "DistributionId": "E1", "InvalidationBatch": PATHS}),
    "lambda:InvokeFunction": ("lambda", "invoke", {"FunctionName": FUNCTION, "Payload": "{}"}),
    "rekognition:DetectFaces": ("rekognition", "detect_faces", FACES),
    "rekognition:DetectModerationLabels": ("rekognition", "detect_moderation_labels", FACES),
    "sagemaker:InvokeEndpoint": ("sagemaker-runtime", "invoke_endpoint", INVOKE),
    "bedrock:InvokeModel": ("bedrock-runtime", "invoke_model", {
        "modelId": "amazon.titan-image-generator-v2:0", "body": json.dumps(TITAN)}),
}  # fmt: skip
"""A call of each action that the functions may take, and the state machine; another word behind it for a second one."""


class Wires:
    """The services that a function asks, each answering with faults if told so; `seen` is what went over the wire."""

    def __init__(self, urls, faults, standins):
        self._urls, self._faults, self._standins = urls, faults, standins
        self._clients = {}
        self.seen = []
        self.invoked = InvokeResult(200, {"x-amzn-RequestId": "1", "X-Amz-Executed-Version": "$LATEST"}, b"{}")

    def lambdas(self, environ, start_response):
        result = self.invoked
        answer = Response(result.body, result.status, result.headers, content_type="application/json")
        return answer(environ, start_response)

    def client(self, service, key=OPERATOR):
        if (service, key) not in self._clients:
            self._clients[service, key] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=self._urls["models" if service in MODELS else "s3" if service == "s3" else ""],
                aws_access_key_id=key,
                aws_secret_access_key=SECRET,
                config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
            )
        return self._clients[service, key]

    def call(self, action, fault=None, own=None, **more):
        """The exchange of a call. `fault` is one of any call; `own` is one that its stand-in is told."""
        service, operation, arguments = CALLS[action]
        if service == "s3":
            put = self.client("s3").put_object(**OBJECT, Body=b"photo")
            if "VersionId" in arguments:
                arguments = arguments | {"VersionId": put["VersionId"]}
        if operation == "stop_execution":
            self.start()
        for faults in (self._faults, self._standins.faults):
            faults.set([fault] if fault else [])
        if service in MODELS:
            for name in ("painter", "sagemaker") if service == "sagemaker-runtime" else (service.partition("-")[0],):
                self._standins.behaviours[name].set({"canned": {}, "faults": [own] if own else []})
                own = None
        self.seen.clear()
        with contextlib.suppress(ClientError):
            getattr(self.client(service, KEY), operation)(**arguments | more)
        # An earlier test's server may still have been at an answer to somebody else.
        [exchange] = [each for each in self.seen if KEY in each.sent.get("authorization", "")]
        return exchange

    def start(self):
        """An execution that waits, and those before it are gone."""
        steps = self.client("stepfunctions")
        with contextlib.suppress(ClientError):
            steps.start_execution(stateMachineArn=MACHINE, name="1b671a64", input="{}")

    def furnish(self):
        """What the calls are for."""
        self.client("s3").create_bucket(Bucket="uploads")
        self.client("s3").put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
        key = {"AttributeName": "pk"}
        self.client("dynamodb").create_table(
            TableName="table",
            AttributeDefinitions=[key | {"AttributeType": "S"}],
            KeySchema=[key | {"KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.client("dynamodb").put_item(TableName="table", Item=ITEM["Key"] | {"n": {"N": "5"}})
        waiting = {"StartAt": "Paint", "States": {"Paint": {"Type": "Wait", "Seconds": 600, "End": True}}}
        role = "arn:aws:iam::123456789012:role/photo"
        self.client("stepfunctions").create_state_machine(name="photo", definition=json.dumps(waiting), roleArn=role)
        self.client("ssm").put_parameter(Name="/booth/cdn", Value="cdn.example", Type="String")
        self.client("secretsmanager").create_secret(Name="tokens", SecretString="{}")
        CALLS["cloudfront:CreateInvalidation"][2]["DistributionId"] = cloudfront.create_distribution()


@pytest.fixture(scope="module")
def wires():
    names = {KEY: "Finish"}
    faults, standins = Faults(names), server.StandIns(dict.fromkeys(server.CANNED, lambda: None), "sam", "paint")
    standins.faults.names = standins.authority.names = names
    front = S3Front({KEY: SECRET, OPERATOR: SECRET}, region=REGION, on_created=lambda event: None)
    emulator = Emulator({INVOCATIONS: lambda environ, start: made.lambdas(environ, start)})
    with (
        pytest.MonkeyPatch.context() as patch,
        serving(Gate(emulator, faults)) as url,
        serving(Gate(front, faults)) as s3,
        serving(standins) as models,
    ):
        made = Wires({"": url, "s3": s3, "models": models}, faults, standins)
        patch.setenv("MOTO_PORT", url.rpartition(":")[2])  # the interpreter of state machines reads it
        made.furnish()
        made.start()
        answer = Handler.answer

        def seeing(handler, request):
            response = answer(handler, request)
            made.seen.append(exchange_of(request, response))
            return response

        patch.setattr(Handler, "answer", seeing)
        yield made
    forget_all()


# The fault matrix


def test_every_action_of_the_matrix_has_a_call_here():
    stack = load(ROOT / "template.yaml", stack="wire", region=REGION, parameters=PARAMETERS, attributes=CDN)
    assert {row.action for row in rows_of(stack)} == {action.partition(" ")[0] for action in CALLS}


@pytest.mark.parametrize("kind", ["throttled", "broken", "denied"])
@pytest.mark.parametrize("action", CALLS)
def test_each_error_of_the_matrix_is_one_that_the_operation_has(wires, action, kind):
    exchange = wires.call(action, {"kind": kind})

    assert exchange.status >= 400
    assert problems(exchange) == []


@pytest.mark.parametrize("kind", ["throttled", "broken", "denied"])
@pytest.mark.parametrize("action", [action for action, call in CALLS.items() if call[0] in MODELS])
def test_each_error_of_a_stand_in_is_one_that_the_operation_has(wires, action, kind):
    exchange = wires.call(action, own={"kind": kind})

    assert exchange.status >= 400
    assert problems(exchange) == []


@pytest.mark.parametrize("action", ["bedrock:InvokeModel", "sagemaker:InvokeEndpoint"])
def test_a_refusal_in_unknown_words_has_a_code_that_the_operation_has(wires, action):
    assert problems(wires.call(action, UNKNOWN)) == []


@pytest.mark.parametrize(
    ("action", "kind"),
    [("bedrock:InvokeModel", kind) for kind in KINDS_OF_IMAGE_MODELS]
    + [("sagemaker:InvokeEndpoint", kind) for kind in KINDS_OF_PAINTER],
)
def test_what_only_a_model_says_is_an_answer_that_the_operation_has(wires, action, kind):
    assert problems(wires.call(action, own={"kind": kind})) == []


@pytest.mark.parametrize("action", CALLS)
def test_what_a_service_answers_is_as_its_model_says(wires, action):
    exchange = wires.call(action)

    assert exchange.status < 300, exchange.body
    assert problems(exchange) == []


ABSENT = {
    "dynamodb:GetItem": {"TableName": "nowhere"},
    "dynamodb:UpdateItem": {"ConditionExpression": "attribute_not_exists(pk)"},
    "s3:GetObject": {"Key": "photo/nothing.jpg"},
    "s3:GetObject (HEAD)": {"Key": "photo/nothing.jpg"},
    "s3:GetObjectVersion": {"VersionId": "nothing"},
    "s3:PutObject": {"IfNoneMatch": "*"},
    "s3:ListBucket": {"Bucket": "nowhere"},
    "states:StartExecution": {"stateMachineArn": MACHINE + "-nothing"},
    "states:DescribeExecution": {"executionArn": EXECUTION + "-nothing"},
    "states:StopExecution": {"executionArn": EXECUTION + "-nothing"},
    "ssm:GetParameter": {"Name": "/nothing"},
    "secretsmanager:GetSecretValue": {"SecretId": "nothing"},
    "cloudfront:CreateInvalidation": {"DistributionId": "ENOTHING"},
    "rekognition:DetectModerationLabels": {"Image": {"Bytes": b"no picture"}},
    "sagemaker:InvokeEndpoint": {"EndpointName": "nothing"},
    "bedrock:InvokeModel": {"modelId": "amazon.nothing-v1:0"},
}
"""Calls for what is not there, or is there already."""


@pytest.mark.parametrize("action", ABSENT)
def test_what_a_service_refuses_by_itself_is_an_error_that_the_operation_has(wires, action):
    exchange = wires.call(action, **ABSENT[action])

    assert exchange.status >= 400
    assert problems(exchange) == []


@pytest.mark.parametrize("result", [
    throttled("ConcurrentInvocationLimitExceeded"),
    refusal(404, "ResourceNotFoundException", "Function not found: x"),
    refusal(413, "RequestTooLargeException", "too large"),
    refusal(400, "InvalidRequestContentException", "Could not parse request body into json"),
    refusal(500, "ServiceException", "closing"),
    InvokeResult(200, {"X-Amz-Function-Error": "Unhandled"}, error("Runtime.ExitError", "killed")),
    InvokeResult(202, {"x-amzn-RequestId": "1"}, b""),
], ids=lambda result: str(result.status))  # fmt: skip
def test_what_lambda_refuses_is_an_error_of_invoke(wires, monkeypatch, result):
    monkeypatch.setattr(wires, "invoked", result)
    assert problems(wires.call("lambda:InvokeFunction")) == []


# The operator's programs


MODEL, PROFILE = control_plane.INPAINT, f"us.{control_plane.INPAINT}"
ASKED = [
    ("bedrock", "get_foundation_model", {"modelIdentifier": MODEL}),
    ("bedrock", "get_foundation_model", {"modelIdentifier": "nothing"}),
    ("bedrock", "get_foundation_model_availability", {"modelId": MODEL}),
    ("bedrock", "get_inference_profile", {"inferenceProfileIdentifier": PROFILE}),
    ("service-quotas", "list_service_quotas", {"ServiceCode": "bedrock"}),
    ("lambda", "get_account_settings", {}),
    ("sagemaker", "describe_endpoint", {"EndpointName": "sam"}),
    ("sagemaker", "describe_endpoint", {"EndpointName": "nothing"}),
]
"""What `make preflight` asks."""
GIVEN = {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/sam:1", "InstanceType": "ml.c7i.xlarge"}
FIRST = [{"ParameterKey": name, "ParameterValue": value} for name, value in GIVEN.items()]
SWITCHED = [{"ParameterKey": "Running", "ParameterValue": "false"}]
SWITCHED += [{"ParameterKey": name, "UsePreviousValue": True} for name in GIVEN]
IAM = {"Capabilities": ["CAPABILITY_IAM"]}
STACKS = [
    ("create_stack", {"TemplateBody": (ROOT / "sam_model" / "endpoint.yaml").read_text(), "Parameters": FIRST}),
    ("describe_stacks", {}),
    ("update_stack", {"UsePreviousTemplate": True, "Parameters": SWITCHED} | IAM),
    ("update_stack", {"UsePreviousTemplate": True}),
    ("describe_stack_events", {}),
    ("delete_stack", {}),
    ("describe_stacks", {}),
]
"""What `make sam-deploy`, `sam-off` and `sam-destroy` ask of CloudFormation, in this order; refusals among it."""


@pytest.mark.parametrize("denied", [False, True])
@pytest.mark.parametrize(("service", "operation", "arguments"), ASKED)
def test_what_preflight_asks_is_answered_as_its_model_says(wires, service, operation, arguments, denied):
    plane = control_plane.ControlPlane()
    wires.seen.clear()
    with serving(plane.wsgi) as url:
        client = boto3.client(service, endpoint_url=url, **CREDENTIALS)
        plane.denied = {client.meta.method_to_api_mapping[operation]} if denied else set()
        with contextlib.suppress(ClientError):
            getattr(client, operation)(**arguments)
    [exchange] = wires.seen
    assert [sentence for sentence in problems(exchange) if not is_excepted(sentence)] == []


@pytest.fixture(scope="module")
def deployed(wires, tmp_path_factory):
    """The exchanges of `STACKS`."""
    with pytest.MonkeyPatch.context() as patch, serving(CloudFormation(tmp_path_factory.mktemp("stack"))) as url:
        patch.setattr(boto3, "client", lambda service: wires.client(service))  # the fake's own, for its bucket
        client = boto3.Session().client("cloudformation", endpoint_url=url, **CREDENTIALS)
        wires.seen.clear()
        for operation, arguments in STACKS:
            with contextlib.suppress(ClientError):
                getattr(client, operation)(StackName="photo-booth-sam-dev", **arguments)
    return [exchange for exchange in wires.seen if exchange.service == "cloudformation"]


def test_what_a_deployment_asks_of_cloudformation_is_answered_as_its_model_says(deployed):
    assert [exchange.status for exchange in deployed] == [200, 200, 200, 400, 200, 200, 400]
    assert [sentence for exchange in deployed for sentence in problems(exchange)] == []


# The judge of the wire can say no


def with_json(change):
    def changed(exchange):
        value = json.loads(exchange.body)
        change(value)
        return dataclasses.replace(exchange, body=json.dumps(value).encode())

    return changed


def with_header(name, value):
    return lambda exchange: dataclasses.replace(exchange, headers=exchange.headers | {name: value})


def without_header(name):
    return lambda exchange: dataclasses.replace(
        exchange, headers={each: value for each, value in exchange.headers.items() if each != name}
    )


def with_bytes(old, new):
    def changed(exchange):
        assert old in exchange.body
        return dataclasses.replace(exchange, body=exchange.body.replace(old, new))

    return changed


def with_status(status):
    return lambda exchange: dataclasses.replace(exchange, status=status)


def asking(**changes):
    """Another request; text in `path`, `query`, `request`, or `sent` headers beside the ones that are there."""

    def changed(exchange):
        changes_now = changes | ({"sent": exchange.sent | changes["sent"]} if "sent" in changes else {})
        return dataclasses.replace(exchange, **changes_now)

    return changed


def asking_json(change):
    def changed(exchange):
        value = json.loads(exchange.request)
        change(value)
        return dataclasses.replace(exchange, request=json.dumps(value).encode())

    return changed


def asking_text(old, new):
    def changed(exchange):
        assert old.encode() in exchange.request
        return dataclasses.replace(exchange, request=exchange.request.replace(old.encode(), new.encode()))

    return changed


FACE = "rekognition:DetectFaces"
PLANTED = {
    # Answers
    "a member that the shape does not have": (
        FACE, None, with_json(lambda v: v.update(Faces=[])), "has Faces, which DetectFacesResponse does not"),
    "a required member is missing": (
        "states:StartExecution", None, with_json(lambda v: v.pop("startDate")), "has no startDate"),
    "a value of another type": (
        FACE, None, with_json(lambda v: v["FaceDetails"][0].update(Confidence="99.8")), "is a text, no float"),
    "a value outside of its range": (
        FACE, None, with_json(lambda v: v["FaceDetails"][0].update(Confidence=100.5)), "outside of 0 to 100"),
    "a value that the enum does not have": (
        FACE, None, with_json(lambda v: v["FaceDetails"][0]["Landmarks"][0].update(Type="eye")), "enum LandmarkType"),
    "null in place of nothing": (
        FACE, None, with_json(lambda v: v.update(OrientationCorrection=None)), "OrientationCorrection is null"),
    "a time in another format": (
        "states:StartExecution", None, with_json(lambda v: v.update(startDate="2026-11-28T10:00:00Z")),
        "startDate is a text, no timestamp"),
    "a text that the pattern does not match": (
        "events:PutEvents", None, with_json(lambda v: v["Entries"].append({"EventId": 5})), "EventId is a number"),
    "a text that is too long": (
        "states:StartExecution", None, with_json(lambda v: v.update(executionArn="a" * 300)),
        "executionArn has so many characters: 300"),
    "another content type": (
        "dynamodb:Query", None, with_header("content-type", "application/x-amz-json-1.1"), "Content-Type is"),
    "no JSON": ("dynamodb:Query", None, with_bytes(b"{", b"["), "is no JSON"),
    "another status": ("s3:DeleteObject", None, with_status(200), "answers 200: the model says 204"),
    "a header that the operation does not have": (
        "s3:PutObject", None, with_header("x-amz-storage", "GLACIER"), "the header x-amz-storage is none"),
    "a header in another format": (
        "s3:GetObject", None, with_header("last-modified", "2026-11-28T10:00:00Z"), "form rfc822"),
    "a required header is missing": (
        "bedrock:InvokeModel", None, without_header("content-type"), "Content-Type is missing, which InvokeModelResp"),
    "a required header is empty": (
        "bedrock:InvokeModel", None, with_header("content-type", ""), "Content-Type is missing, which InvokeModelResp"),
    "an element that the shape does not have": (
        "s3:ListBucket", None, with_bytes(b"</Key>", b"</Key><Colour>red</Colour>"), "has Colour"),
    "a time in XML in another format": (
        "s3:ListBucket", None, with_bytes(b"<LastModified>", b"<LastModified>Sat, "), "form iso8601"),
    "a number in XML that is none": ("s3:ListBucket", None, with_bytes(b"<Size>", b"<Size>x"), "no long"),
    "no XML": ("s3:ListBucket", None, with_bytes(b"</", b"<"), "no XML"),
    "a body where there is no output": ("s3:DeleteObject", None, asking(body=b"<Done/>"), "has a body"),
    # Errors
    "an error that the operation does not have": (
        FACE, "throttled", with_bytes(b"ThrottlingException", b"TooManyFaces"), "is none of DetectFaces's"),
    "an error of another operation of the service": (
        FACE, "throttled", with_bytes(b"Throttling", b"ResourceNotFound"), "is none of DetectFaces's"),
    "an error that S3 does not have": (
        "s3:GetObject", "throttled", with_bytes(b"SlowDown", b"SlowDownPlease"), "is none of GetObject's"),
    "an error with another status": (
        "bedrock:InvokeModel", "throttled", with_status(400), "comes with status 400, and the model says 429"),
    "an error of JSON without its type": (
        FACE, "throttled", with_json(lambda v: v.pop("__type")), "can't be read: no __type"),
    "an error of REST without its header": (
        "lambda:InvokeFunction", "throttled", without_header("x-amzn-errortype"), "has no header x-amzn-ErrorType"),
    "an error in JSON where it is XML": (
        "s3:GetObject", "throttled", asking(body=b'{"__type": "SlowDown"}'), "the body of the error can't be read"),
    "an error of S3's in another frame": (
        "cloudfront:CreateInvalidation", "throttled", with_bytes(b"ErrorResponse", b"Errors"), "it begins with Errors"),
    "an error of XML without an id": (
        "s3:PutObject", "broken", with_bytes(b"RequestId", b"Request"), "the error has no RequestId"),
    "an error that blames the other side": (
        "cloudfront:CreateInvalidation", "broken", with_bytes(b"Receiver", b"Sender"), "it is Receiver"),
    "an error with a member of its own": (
        "lambda:InvokeFunction", "throttled", with_json(lambda v: v.update(Retry=5)), "the error has Retry"),
    "a body in answer to a HEAD": ("s3:GetObject (HEAD)", "denied", asking(body=b"no"), "HEAD has a body"),
    # Requests
    "a member that the input does not have": (
        "dynamodb:Query", None, asking_json(lambda v: v.update(Prefix="a")), "asks: the request has Prefix"),
    "an input without what is required": (
        "dynamodb:Query", None, asking_json(lambda v: v.pop("TableName")), "asks: the request has no TableName"),
    "an input with a value that the enum does not have": (
        "dynamodb:Query", None, asking_json(lambda v: v.update(Select="EVERYTHING")), "not in the enum Select"),
    "an input that is too long": (
        FACE, None, asking_json(lambda v: v.update(Attributes=["ALL" * 200])), "not in the enum Attribute"),
    "an argument that the operation does not have": (
        "s3:ListBucket", None, asking(query="list-type=2&colour=red"), "the argument colour is none"),
    "an argument of another type": (
        "s3:ListBucket", None, asking(query="list-type=2&max-keys=many"), "'many', no integer"),
    "a header of a request that the operation does not have": (
        "s3:PutObject", None, asking(sent={"x-amz-colour": "red"}), "the header x-amz-colour is none"),
    "a header that is too long": (
        "sagemaker:InvokeEndpoint", None, asking(sent={"x-amzn-sagemaker-inference-id": "1" * 65}), "characters: 65"),
    "a name in the path that the pattern does not match": (
        "sagemaker:InvokeEndpoint", None, asking(path="/endpoints/pai_nt/invocations"), "does not match the pattern"),
    "an operation that the service does not have": (
        FACE, None, asking(sent={"x-amz-target": "RekognitionService.FindFaces"}), "no operation is called by"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_the_judge_of_the_wire_catches(wires, name):
    action, kind, plant, said = PLANTED[name]
    exchange = wires.call(action, {"kind": kind} if kind else None)
    assert problems(exchange) == []

    found = problems(plant(exchange))
    assert any(said in sentence for sentence in found), found


def test_the_judge_reads_a_service_by_the_protocol_that_botocore_speaks(wires):
    """CloudWatch and the tagging API have CBOR first in their models, and botocore asks them in JSON."""
    wires.seen.clear()
    wires.client("cloudwatch").describe_alarms()
    wires.client("resourcegroupstaggingapi").get_resources()
    for exchange, member in zip(wires.seen, ("MetricAlarms", "ResourceTagMappingList"), strict=True):
        assert problems(exchange) == []
        [said] = problems(with_json(lambda v, member=member: v.update({member: "none"}))(exchange))
        assert said.endswith(f"the answer.{member} is a text, no list")


PLANTED_IN_STACKS = {
    "a status that there is not": (1, with_bytes(b"CREATE_COMPLETE", b"CREATED"), "not in the enum StackStatus"),
    "a stack without its time": (1, with_bytes(b"CreationTime", b"CreatedAt"), "has no CreationTime"),
    "a time without a zone": (1, with_bytes(b"+00:00", b""), "not a time in the form iso8601"),
    "items of another name": (1, with_bytes(b"member>", b"item>"), "its items are called member"),
    "an answer without an id": (
        1,
        with_bytes(b"ResponseMetadata", b"Metadata"),
        "no ResponseMetadata with a RequestId",
    ),
    "another result": (1, with_bytes(b"DescribeStacksResult", b"Result"), "in place of DescribeStacksResult"),
    "a result where there is none": (5, with_bytes(b"<Resp", b"<DeleteStackResult/><Resp"), "in place of nothing"),
    "a parameter without its number": (0, asking_text("member.1.", "member.one."), "numbered from 1"),
    "a parameter of another name": (
        0,
        asking_text("ParameterValue", "Content"),
        "has Content, which Parameter does not",
    ),
    "another version": (1, asking_text("Version=2010-05-15", "Version=2010"), "the Version is not 2010-05-15"),
    "an action that there is not": (1, asking_text("DescribeStacks", "ShowStacks"), "no operation is called by"),
    "an error that blames the service": (6, with_bytes(b"Sender", b"Receiver"), "with status 400 it is Sender"),
}


@pytest.mark.parametrize("name", PLANTED_IN_STACKS)
def test_the_judge_of_the_wire_catches_in_a_service_that_is_asked_by_forms(deployed, name):
    number, plant, said = PLANTED_IN_STACKS[name]
    found = problems(plant(deployed[number]))
    assert any(said in sentence for sentence in found), found


def test_a_test_is_told_of_what_a_server_answered_in_it_and_once():
    wrong = Response('{"Faces": []}', content_type="application/x-amz-json-1.1")
    with serving(wrong) as url:
        client = boto3.client("rekognition", endpoint_url=url, **CREDENTIALS)
        for _ in range(2):
            client.detect_faces(Image={"Bytes": b"x"})
    said = "rekognition DetectFaces answers 200: the answer has Faces, which DetectFacesResponse does not"
    assert WATCH.take() == [said]


@pytest.mark.parametrize(("body", "strange"), [("{}", False), ('{"Smiles": []}', True)])
def test_a_test_is_told_if_it_needs_no_mark_for_strange_answers(monkeypatch, body, strange):
    monkeypatch.setattr(WATCH, "rests", True)
    with serving(Response(body, content_type="application/x-amz-json-1.1")) as url:
        boto3.client("rekognition", endpoint_url=url, **CREDENTIALS).detect_faces(Image={"Bytes": b"x"})
    assert WATCH.strange is strange
    assert WATCH.take() == []


def test_a_test_is_told_of_what_the_stand_ins_process_answered_in_it():
    assert StandinsProcess.module == "tests.support.judges.standins"
    STANDINS_SAID.write_text("bedrock-runtime InvokeModel answers 200: ...\n")
    assert WATCH.take() == ["bedrock-runtime InvokeModel answers 200: ..."]
    assert WATCH.take() == []


def test_a_test_is_told_of_an_event_that_a_function_was_given_in_it():
    host = LambdaHost([], region=REGION, log=print)
    host.invoke("sweep", json.dumps(EVENTS["sweep"] | {"detail": {}}).encode())
    host.close()
    [said] = WATCH.take()
    assert said.startswith("event aws.scheduler: detail is no text")


def test_each_exception_is_something_that_the_judge_still_says(wires):
    wires.seen.clear()
    wires.client("dynamodb").describe_table(TableName="table")
    wires.client("logs").describe_log_groups()
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=A/20261128/us-east-1/bedrock/aws4_request"}
    model = {"modelId": "a", "modelArn": "b", "modelName": "Titan Image Generator G1 v2"}
    told = json.dumps({"modelDetails": model}).encode()
    wires.seen.append(Exchange("GET", "/foundation-models/a", "", signed, b"", 200, {}, told))
    said = [sentence for exchange in wires.seen for sentence in problems(exchange)]
    assert {pattern for pattern in EXCEPTIONS for sentence in said if re.fullmatch(pattern, sentence)} == {*EXCEPTIONS}


# Events


def test_the_sample_events_are_as_aws_makes_them():
    """Of steps there is no word of AWS's: what they are given is the state machine's own."""
    judged = {name for name, event in EVENTS.items() if "detail-type" in event or "routeKey" in event}
    by_api = {"upload", "paint_again", "photo", "delete_photo", "list_scenes", "steer", "staff", "hide_photo"}
    by_api |= {"wall", "leave_wall", "staff_wall", "decide_picture"}
    assert judged == {"start", "sweep", "purge"} | by_api
    assert {name: found for name, event in EVENTS.items() if (found := event_problems(event))} == {}


def test_s3_tells_of_a_new_object_as_aws_makes_it(wires):
    """What the front makes is judged where a function is given it, too."""
    told = threading.Event()
    events = []
    front = S3Front({KEY: SECRET}, region=REGION, on_created=lambda event: (events.append(event), told.set()))
    s3 = wires.client("s3")
    s3.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    with serving(front) as url:
        client = boto3.client("s3", endpoint_url=url, **CREDENTIALS)
        client.put_object(**OBJECT, Body=b"photo")
        assert told.wait(20)
    assert event_problems(events[0]) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "/upload", "method": "POST", "json": {"type": "photo"}},
        {"path": "/upload", "method": "POST", "data": b"\xff\xd8", "content_type": "image/jpeg"},
        {"path": "/scenes", "method": "GET"},
        {"path": "/scenes", "method": "GET", "query_string": "language=ko&a=1&a=2"},
    ],
    ids=["json", "bytes", "nothing", "query"],
)
def test_the_http_api_hands_on_a_call_as_aws_makes_it(asked):
    request = Request(EnvironBuilder(**asked).get_environ())
    query = request.query_string.decode()
    event = http_event(request, request.get_data(), dict(request.headers), "203.0.113.7", query)
    assert event_problems(event) == []


def test_a_schedule_tells_its_function_as_aws_does():
    assert event_problems(Schedule("Sweep", "rate(1 minute)", 60, None).event("photo-booth")) == []


def without(*path):
    def changed(event):
        for name in path[:-1]:
            event = event[name]
        del event[path[-1]]

    return changed


def putting(value, *path):
    def changed(event):
        for name in path[:-1]:
            event = event[name]
        event[path[-1]] = value

    return changed


PLANTED_EVENTS = {
    "S3 without the sequencer": ("start", without("detail", "object", "sequencer"), "'sequencer' is a required"),
    "S3 with eTag": ("start", putting("1", "detail", "object", "eTag"), "'eTag' was unexpected"),
    "S3 with a size in text": ("start", putting("5", "detail", "object", "size"), "'5' is not of type 'number'"),
    "S3 with a field more": ("start", putting("x", "detail", "owner"), "'owner' was unexpected"),
    "a frame without account": ("start", without("account"), "account: Field required"),
    "a frame with a field more": ("sweep", putting("x", "trigger"), "trigger is none of EventBridgeModel's"),
    "a time with milliseconds": ("start", putting("2026-11-22T10:00:00.000Z", "time"), "not in the form"),
    "a detail of Scheduler's that is no text": ("sweep", putting({}, "detail"), "detail is no text"),
    "a call without the route": ("photo", without("requestContext", "routeKey"), "routeKey: Field required"),
    "a call with a field more": ("photo", putting("x", "requestContext", "path"), "path is none of RequestContextV2's"),
    "a call with a header in capitals": ("photo", putting("x", "headers", "X-Booth"), "not in small letters"),
    "a call with a number for a header": ("photo", putting(5, "headers", "age"), "headers.age: Input should be"),
    "a call with the time in text": ("photo", putting("1795341600000", "requestContext", "timeEpoch"), "timeEpoch is"),
    "a call whose query is nowhere": ("photo", putting("a=1", "rawQueryString"), "if there is a query"),
    "a call of another method": (
        "photo",
        putting("FETCH", "requestContext", "http", "method"),
        "Input should be 'DELETE'",
    ),
    "a call without a body that is encoded": ("list_scenes", putting(True, "isBase64Encoded"), "called encoded"),
}


@pytest.mark.parametrize("name", PLANTED_EVENTS)
def test_the_judge_of_events_catches(name):
    sample, plant, said = PLANTED_EVENTS[name]
    event = copy.deepcopy(EVENTS[sample])
    plant(event)
    assert any(said in sentence for sentence in event_problems(event)), event_problems(event)
