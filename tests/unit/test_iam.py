"""The local mode's identity and access: which calls a request makes, and what statements say of them."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from local import iam
from local.iam import Authority, Call, PolicyError, allows, refused
from tests.support.serving import serving

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t"


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def signed(service, operation, **arguments):
    """The request that boto3 makes of an operation, and its calls."""
    session = boto3.Session("ASIAFUNCTION", "secret", region_name="us-west-2")
    client = session.client(service, config=Config(s3={"addressing_style": "path"}), endpoint_url="http://127.0.0.1:1")
    sent = []

    def take(request, **_):
        sent.append(request)
        raise InterruptedError

    client.meta.events.register("before-send", take)
    with pytest.raises(InterruptedError):
        getattr(client, operation)(**arguments)
    [request] = sent
    body = request.body.read() if hasattr(request.body, "read") else request.body or b""
    body = body.encode() if isinstance(body, str) else body
    headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
    headers.pop("Content-Length", None)
    path, _, query = request.url.removeprefix("http://127.0.0.1:1").partition("?")
    builder = EnvironBuilder(path=path, query_string=query, method=request.method, headers=headers, data=body)
    return Request(builder.get_environ()), body


def calls(service, operation, **arguments):
    request, body = signed(service, operation, **arguments)
    key, region = iam.caller_of(request)
    assert (key, region) == ("ASIAFUNCTION", "us-west-2")
    found = iam.s3_calls(request, body) if service == "s3" else iam.calls_of(request, body, region)
    return [(call.action, call.resource) for call in found]


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "expected"),
    [
        ("s3", "head_object", {"Bucket": "b", "Key": "photo/a b+한.jpg"},
         [("s3:GetObject", "arn:aws:s3:::b/photo/a b+한.jpg")]),
        ("s3", "get_object", {"Bucket": "b", "Key": "k", "VersionId": "v"},
         [("s3:GetObjectVersion", "arn:aws:s3:::b/k")]),
        ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x"}, [("s3:PutObject", "arn:aws:s3:::b/k")]),
        ("s3", "copy_object",
         {"Bucket": "b", "Key": "k", "CopySource": {"Bucket": "b", "Key": "a b+한", "VersionId": "v"}},
         [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObjectVersion", "arn:aws:s3:::b/a b+한")]),
        ("s3", "copy_object", {"Bucket": "b", "Key": "k", "CopySource": "c/k"},
         [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObject", "arn:aws:s3:::c/k")]),
        ("s3", "delete_object", {"Bucket": "b", "Key": "k"}, [("s3:DeleteObject", "arn:aws:s3:::b/k")]),
        ("s3", "delete_object", {"Bucket": "b", "Key": "k", "VersionId": "v"},
         [("s3:DeleteObjectVersion", "arn:aws:s3:::b/k")]),
        ("s3", "delete_objects",
         {"Bucket": "b", "Delete": {"Objects": [{"Key": "a&b"}, {"Key": "c", "VersionId": "v"}]}},
         [("s3:DeleteObject", "arn:aws:s3:::b/a&b"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/c")]),
        ("s3", "list_objects_v2", {"Bucket": "b", "Prefix": "p"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("s3", "list_object_versions", {"Bucket": "b"}, [("s3:ListBucketVersions", "arn:aws:s3:::b")]),
        ("dynamodb", "query", {"TableName": "t", "IndexName": "open"},
         [("dynamodb:Query", "arn:aws:dynamodb:us-west-2:123456789012:table/t/index/open")]),
        ("dynamodb", "transact_write_items",
         {"TransactItems": [{"Put": {"TableName": "t", "Item": {}}}, {"Delete": {"TableName": "u", "Key": {}}}]},
         [("dynamodb:PutItem", "arn:aws:dynamodb:us-west-2:123456789012:table/t"),
          ("dynamodb:DeleteItem", "arn:aws:dynamodb:us-west-2:123456789012:table/u")]),
        ("stepfunctions", "start_execution", {"stateMachineArn": "arn:m", "name": "n"},
         [("states:StartExecution", "arn:m")]),
        ("stepfunctions", "stop_execution", {"executionArn": "arn:e"}, [("states:StopExecution", "arn:e")]),
        ("ssm", "get_parameter", {"Name": "/stack/cdn"},
         [("ssm:GetParameter", "arn:aws:ssm:us-west-2:123456789012:parameter/stack/cdn")]),
        ("events", "put_events", {"Entries": [{"EventBusName": "default"}]},
         [("events:PutEvents", "arn:aws:events:us-west-2:123456789012:event-bus/default")]),
        ("secretsmanager", "get_secret_value", {"SecretId": "arn:s"}, [("secretsmanager:GetSecretValue", "arn:s")]),
        ("rekognition", "detect_faces", {"Image": {"Bytes": b"x"}}, [("rekognition:DetectFaces", "*")]),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "sam", "Body": b"x"},
         [("sagemaker:InvokeEndpoint", "arn:aws:sagemaker:us-west-2:123456789012:endpoint/sam")]),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "OurSam", "Body": b"x"},
         [("sagemaker:InvokeEndpoint", "arn:aws:sagemaker:us-west-2:123456789012:endpoint/oursam")]),
        ("bedrock-runtime", "invoke_model", {"modelId": "amazon.titan-image-generator-v2:0", "body": b"{}"},
         [("bedrock:InvokeModel", "arn:aws:bedrock:us-west-2::foundation-model/amazon.titan-image-generator-v2:0")]),
        ("bedrock-runtime", "invoke_model", {"modelId": "us.stability.x-v1:0", "body": b"{}"},
         [("bedrock:InvokeModel", "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.stability.x-v1:0"),
          ("bedrock:InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/stability.x-v1:0"),
          ("bedrock:InvokeModel", "arn:aws:bedrock:us-east-2::foundation-model/stability.x-v1:0"),
          ("bedrock:InvokeModel", "arn:aws:bedrock:us-west-2::foundation-model/stability.x-v1:0")]),
        ("cloudfront", "create_invalidation",
         {"DistributionId": "E1",
          "InvalidationBatch": {"Paths": {"Quantity": 1, "Items": ["/photo/a"]}, "CallerReference": "r"}},
         [("cloudfront:CreateInvalidation", "arn:aws:cloudfront::123456789012:distribution/E1")]),
    ],
)  # fmt: skip
def test_each_operation_is_the_actions_that_the_reference_names(service, operation, arguments, expected):
    if service == "cloudfront":  # signs for us-east-1, wherever it is called from
        request, body = signed(service, operation, **arguments)
        assert [(call.action, call.resource) for call in iam.calls_of(request, body, "us-west-2")] == expected
    else:
        assert calls(service, operation, **arguments) == expected


def test_a_call_that_is_not_in_the_table_is_refused_by_name():
    authority = Authority({"ASIAFUNCTION": [allow("dynamodb:*", "*")]}, {"ASIAFUNCTION": "Photo"})
    request, body = signed("dynamodb", "delete_table", TableName="t")
    message = authority.refusal("ASIAFUNCTION", iam.calls_of(request, body, "us-west-2"))
    assert "unknown:dynamodb DeleteTable" in message
    assert {call.action for _, call in authority.refused} == {"unknown:dynamodb DeleteTable"}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([allow("dynamodb:GetItem", TABLE)], True),
        ([allow(["dynamodb:PutItem", "dynamodb:Get*"], "arn:aws:dynamodb:*:*:table/?")], True),
        ([allow("DYNAMODB:getitem", "*")], True),
        ([allow("dynamodb:GetItem", TABLE.upper())], False),
        ([allow("dynamodb:GetItem", TABLE + "/index/*")], False),
        ([allow("dynamodb:PutItem", "*")], False),
        ([], False),
        ([allow("*", "*"), {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}], False),
        ([allow("*", "*", Condition={"StringEquals": {"some:Key": "x"}})], False),
    ],
)
def test_a_call_is_allowed_by_a_statement_that_speaks_of_it_and_none_that_denies_it(statements, allowed):
    assert allows(statements, Call("dynamodb:GetItem", TABLE)) is allowed


@pytest.mark.parametrize(
    ("operator", "pattern", "allowed"),
    [
        ("StringEquals", "arn:p/x", True),
        ("StringEquals", "arn:p/*", False),
        ("ArnLike", "arn:p/*", True),
        ("StringLike", "arn:q*", False),
    ],
)
def test_conditions_are_those_of_the_call(operator, pattern, allowed):
    statement = allow("*", "*", Condition={operator: {"bedrock:InferenceProfileArn": pattern}})
    call = Call("bedrock:InvokeModel", "arn", (("bedrock:InferenceProfileArn", "arn:p/x"),))
    assert allows([statement], call) is allowed


@pytest.mark.parametrize(
    "odd", [{"NotAction": "x"}, {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}], ids=["field", "operator"]
)
def test_what_is_not_understood_is_not_passed_over(odd):
    with pytest.raises(PolicyError):
        allows([allow("*", "*", **odd)], Call("a:B", "c"))


@pytest.mark.starts
@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code"),
    [
        ("dynamodb", "get_item", {"TableName": "t", "Key": {}}, "AccessDeniedException"),
        ("bedrock-runtime", "invoke_model", {"modelId": "m", "body": b"{}"}, "AccessDeniedException"),
        ("cloudfront", "create_invalidation", {"DistributionId": "E1", "InvalidationBatch": {
            "Paths": {"Quantity": 0}, "CallerReference": "r"}}, "AccessDenied"),
    ],
)  # fmt: skip
def test_a_refusal_is_worded_so_that_the_sdk_understands_it(service, operation, arguments, code):
    authority = Authority({"ASIAFUNCTION": []}, {"ASIAFUNCTION": "Photo"})
    session = boto3.Session("ASIAFUNCTION", "secret", region_name="us-east-1")
    with serving(lambda environ, start: refused(authority, Request(environ))(environ, start)) as url:
        client = session.client(service, endpoint_url=url)
        with pytest.raises(ClientError) as refusal:
            getattr(client, operation)(**arguments)
    assert refusal.value.response["Error"]["Code"] == code
    assert "PhotoRole" in refusal.value.response["Error"]["Message"]


def test_an_authority_survives_the_way_to_another_process():
    authority = Authority({"key": [allow("a:B", "c")]}, {"key": "Photo"})
    copy = Authority()
    copy.decide_like(authority.to_json())
    assert copy.refusal("key", [Call("a:B", "c")]) is None
    assert copy.refusal("key", [Call("a:B", "d")]) is not None
    assert json.loads(json.dumps(copy.record())) == {
        "made": [["Photo", "a:B", "c", []]],
        "refused": [["Photo", "a:B", "d", []]],
    }


def test_whoever_has_no_statements_may_do_everything():
    assert Authority().refusal("operator", [Call("a:B", "c")]) is None
