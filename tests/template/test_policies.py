"""Every policy of the three templates, and every call that the functions make, before AWS's reference.

The judge is `tests.support.judges.reference`. Planted faults show that it can say no, and in which words.
"""

import copy
import json
import re
from functools import cache
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from local import iam
from tests.support.judges.calls import operations
from tests.support.judges.principals import MORE, faults_of_principal, published, services_of
from tests.support.judges.reference import ALL_RESOURCES, FORMS, GLOBAL_KEYS, action, faults_of, faults_of_call
from tests.support.stacks import AT, REGION, RESOURCE_TYPES, SCHEDULED, stacks, statements_of
from tests.support.templates import ROOT, read

CHOICES = ("application", "application with everything", "monitoring")
CHOICES += tuple(f"{kind} endpoint{how}" for kind in ("sam", "paint") for how in ("", " on schedule"))


@pytest.fixture(scope="module")
def deployed(transformed):
    return stacks(transformed)


@pytest.fixture(scope="module")
def statements(deployed):
    """The statements of each choice, by where they stand; two policies of one resource in one list."""
    found = {}
    for choice, resources in deployed.items():
        for where, statement in statements_of(resources):
            found.setdefault(choice, {}).setdefault(where, []).append(statement)
    return found


@pytest.mark.parametrize("choice", CHOICES)
def test_the_reference_has_nothing_against_a_policy(statements, choice):
    for where, several in statements[choice].items():
        for statement in several:
            assert not [*faults_of(statement), *faults_of_principal(statement)], (where, statement)


def written_actions(value):
    """Every action that a template's text names, whatever the conditions around it."""
    if isinstance(value, dict):
        if "Effect" in value:
            yield from iam.as_list(value["Action"])
        for item in value.values():
            yield from written_actions(item)
    elif isinstance(value, list):
        for item in value:
            yield from written_actions(item)


def test_no_statement_and_no_resource_is_left_out(deployed, statements, transformed):
    documents = {
        "application": json.loads(transformed.read_text()),
        "monitoring": read(ROOT / "monitoring.yaml"),
        "sam": read(ROOT / "sam_model" / "endpoint.yaml"),
        "paint": read(ROOT / "paint_model" / "endpoint.yaml"),
    }
    for name, document in documents.items():
        choices = [choice for choice in CHOICES if choice.startswith(name)]
        assert {logical_id for choice in choices for logical_id in deployed[choice]} == document["Resources"].keys()
        judged = [one for choice in choices for several in statements[choice].values() for one in several]
        assert set(written_actions(document)) <= {each for one in judged for each in iam.as_list(one["Action"])}


def test_no_exception_is_left_over(statements):
    """Where all resources are named and the reference knows some, `ALL_RESOURCES` says why; and it says no more."""
    on_all = {
        name
        for choice in statements.values()
        for several in choice.values()
        for one in several
        if one.get("Resource") == "*"
        for name in iam.as_list(one["Action"])
        if action(name)["resourceTypes"]
    }
    assert {name if name in ALL_RESOURCES else name.split(":")[0] for name in on_all} == ALL_RESOURCES.keys()


def test_no_key_and_no_principal_is_known_in_vain(statements):
    """Of those of which AWS has no list that a machine reads."""
    several = [one for choice in statements.values() for where in choice.values() for one in where]
    keys = {key.lower() for one in several for own in one.get("Condition", {}).values() for key in own}
    assert FORMS.keys() <= GLOBAL_KEYS.keys() <= keys
    assert {service for one in several for service in services_of(one)} - published() >= MORE


# Faults planted into copies of what is deployed: choice, where, the change, which of its statements if not the first,
# what the judge says.


ROLE = r"arn:aws:iam::\d{12}:role/(\w+)"


def _set(**parts):
    return lambda statement: statement.update(parts)


def _on(operator, key, value):
    return _set(Condition={operator: {key: value}})


def _for(service):
    return _set(Principal={"Service": service})


TABLE = f"arn:aws:dynamodb:{AT}:table/Table"
PLANTED = {
    "an action that is none": (
        ("application", "AdmitRole AdmitRolePolicy0", _set(Action=["dynamodb:GetItems"])),
        "there is no action dynamodb:GetItems",
    ),
    "an operation for an action": (
        ("application", "PurgeRole PurgeRolePolicy0", _set(Action="s3:ListObjectVersions")),
        "there is no action s3:ListObjectVersions",
    ),
    "an action of another service's name": (
        ("application", "PhotoMachineRole PhotoMachineRolePolicy0", _set(Action="stepfunctions:StartExecution")),
        "there is no action stepfunctions:StartExecution",
    ),
    "an action of many": (
        ("application", "AdmitRole AdmitRolePolicy0", _set(Action="dynamodb:*Item")),
        "dynamodb:*Item allows",
    ),
    "an object's action on a bucket": (
        ("application", "PurgeRole PurgeRolePolicy0", _set(Action="s3:DeleteObjectVersion", Resource="arn:aws:s3:::b")),
        "s3:DeleteObjectVersion is not about arn:aws:s3:::b, but about",
    ),
    "a bucket's action on objects": (
        ("application", "PurgeRole PurgeRolePolicy0", _set(Resource="arn:aws:s3:::b/*")),
        "s3:ListBucketVersions is not about arn:aws:s3:::b/*",
    ),
    "a bucket with a Region": (
        ("application", "PurgeRole PurgeRolePolicy0", _set(Resource=f"arn:aws:s3:{AT}:b")),
        "none of the actions is about",
    ),
    "a resource beside those that count": (
        (
            "application",
            "AdmitRole AdmitRolePolicy0",
            _set(Resource=[TABLE, f"arn:aws:dynamodb:{AT}:tables/Table"]),
        ),
        f"none of the actions is about arn:aws:dynamodb:{AT}:tables/Table",
    ),
    "a part of a table that is no index": (
        (
            "application",
            "SweepRole SweepRolePolicy0",
            _set(Action="dynamodb:Query", Resource=f"{TABLE}/indices/open"),
        ),
        "dynamodb:Query is not about",
    ),
    "all resources": (
        ("application", "AdmitRole AdmitRolePolicy0", _set(Resource="*")),
        "dynamodb:GetItem is for all resources, where it knows table",
    ),
    "a resource where there is none": (
        (
            "application",
            "DetectFacesRole DetectFacesRolePolicy0",
            _set(Action="rekognition:DetectFaces", Resource=TABLE),
        ),
        "rekognition:DetectFaces knows no resource",
    ),
    "a key of another service": (
        ("sam endpoint", "Role serve", _on("StringLike", "cloudwatch:namespace", "/aws/sagemaker/*")),
        "cloudwatch:namespace is no condition key of s3:GetObject",
    ),
    "a key that is none": (
        ("application", "ResultsBucketPolicy PolicyDocument", _on("Bool", "aws:SecureTransports", False)),
        "aws:SecureTransports is no condition key",
    ),
    "an operator of another type": (
        ("application", "ResultsBucketPolicy PolicyDocument", _on("StringEquals", "aws:SecureTransport", "false")),
        "StringEquals does not compare aws:SecureTransport, which is of type Bool",
    ),
    "an operator for ARNs on an account": (
        ("monitoring", "TopicPolicy PolicyDocument", _on("ArnLike", "aws:SourceAccount", "123456789012")),
        "ArnLike does not compare aws:SourceAccount",
    ),
    "an ARN of no shape": (
        ("application", "StartPhotoPutPermission", _on("ArnLike", "aws:SourceArn", f"arn:aws:events:{AT}:rules/put")),
        f"arn:aws:events:{AT}:rules/put is no ARN of events",
    ),
    "a trust that lets nobody in": (
        ("sam endpoint", "Role AssumeRolePolicyDocument", _set(Action="sts:AssumeRoles")),
        "there is no action sts:AssumeRoles",
    ),
    "an ARN without its account": (
        ("application", "AdmitRole AdmitRolePolicy0", _set(Resource=f"arn:aws:dynamodb:{REGION}::table/Table")),
        "dynamodb:GetItem is not about",
    ),
    "a Region that there is not": (
        ("application", "AdmitRole AdmitRolePolicy0", _set(Resource=TABLE.replace(REGION, "us-east-3"))),
        "there is no Region us-east-3",
    ),
    "an account of eleven digits": (
        (
            "application",
            "AdmitRole AdmitRolePolicy0",
            _set(Resource=f"arn:aws:dynamodb:{REGION}:12345678901:table/Table"),
        ),
        "12345678901 is no account",
    ),
    "a value that is neither true nor false": (
        ("application", "ResultsBucketPolicy PolicyDocument", _on("Bool", "aws:SecureTransport", "no")),
        "no is no value of aws:SecureTransport",
    ),
    "a Region for an account": (
        ("monitoring", "TopicPolicy PolicyDocument", _on("StringEquals", "aws:SourceAccount", REGION)),
        "us-east-1 is no value of aws:SourceAccount",
    ),
    "a principal that is no service": (
        ("sam endpoint", "Role AssumeRolePolicyDocument", _for("sagemaker.amazon.com")),
        "sagemaker.amazon.com is no service",
    ),
    "a principal of another service": (
        ("application", "ResultsBucketPolicy PolicyDocument", _for("events.amazonaws.com"), 1),
        "events.amazonaws.com does not act for cloudfront",
    ),
    "everybody": (
        ("application", "ResultsBucketPolicy PolicyDocument", _set(Principal="*"), 1),
        "it allows everybody",
    ),
    "another account": (
        ("application", "ResultsBucketPolicy PolicyDocument", _set(Principal={"AWS": "123456789012"}), 1),
        "it is for AWS, and ours are for services",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_the_judge_finds_a_planted_fault(statements, fault):
    (choice, where, plant, *number), words = PLANTED[fault]
    statement = copy.deepcopy(statements[choice][where][sum(number)])
    assert not [*faults_of(statement), *faults_of_principal(statement)]
    plant(statement)
    said = [*faults_of(statement), *faults_of_principal(statement)]

    assert [each for each in said if each.startswith(words)], said


def roles_of(resources):
    """(the role's logical id, the service that takes it) of each resource that works with a role of its stack."""
    for resource in resources.values():
        if resource["Type"] in RESOURCE_TYPES and resource["Type"] != "AWS::IAM::Role":
            service = f"{RESOURCE_TYPES[resource['Type']][0]}.amazonaws.com"
            yield from ((each, service) for each in re.findall(ROLE, json.dumps(resource["Properties"])))


def strangers_of(resources):
    """The roles that the service which works with them may not take, or that others may take too."""
    takers = {}
    for role, service in roles_of(resources):
        takers.setdefault(role, set()).add(service)
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            trusted = {
                each
                for one in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
                for each in services_of(one)
            }
            if trusted != takers.get(name):
                yield name


@pytest.mark.parametrize("choice", CHOICES)
def test_a_role_may_be_taken_by_the_service_that_works_with_it_and_by_no_other(deployed, choice):
    assert not list(strangers_of(deployed[choice]))


def test_a_role_for_another_service_is_found(deployed):
    resources = copy.deepcopy(deployed["sam endpoint on schedule"])
    resources["SchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0] |= {
        "Principal": {"Service": ["events.amazonaws.com"]}
    }

    assert list(strangers_of(resources)) == ["SchedulerRole"]


def test_the_managed_policies_are_aws_own(transformed):
    """By moto's copy of IAM's list."""
    text = (ROOT / ".venv").resolve().glob("lib/*/site-packages/moto/iam/aws_managed_policies.py")
    known = next(text).read_text(encoding="utf-8")
    found = {
        each.partition("policy/")[2] for each in strings(json.loads(transformed.read_text())) if ":policy/" in each
    }
    assert found == {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
    assert not [each for each in found if f'"{each.rpartition("/")[2]}":' not in known]


def strings(value):
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)
    else:
        yield str(value)


def role_of(resources, arn):
    """The statements of a role, by its ARN."""
    role = resources[arn.rpartition("/")[2]]["Properties"]
    return [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]


def calls_of_a_schedule(target):
    """What a schedule's target has its role do: "Templated targets" and "Universal targets" in Scheduler's guide."""
    universal = re.fullmatch("arn:aws:scheduler:::aws-sdk:([a-z]+):([a-zA-Z]+)", target["Arn"])
    if universal is None:
        return [iam.Call("lambda:InvokeFunction", target["Arn"])]
    service, operation = universal[1], universal[2][0].upper() + universal[2][1:]
    given, shape = json.loads(target["Input"]), ServiceModel(sdk(service)).operation_model(operation).input_shape
    assert not ParamValidator().validate(given, shape).has_errors()
    assert not given.keys() - shape.members.keys()
    return [iam.Call(f"{service}:{operation}", f"arn:aws:cloudformation:{AT}:stack/{given['StackName']}/1")]


@pytest.mark.parametrize("choice", CHOICES)
def test_what_runs_by_itself_may_call_what_it_calls(deployed, choice):
    """Schedules and the state machine by their roles, the rule by the function's own policy."""
    resources = deployed[choice]
    for resource in resources.values():
        properties, calls, role = resource["Properties"], [], ""
        if resource["Type"] == "AWS::Scheduler::Schedule":
            role, calls = properties["Target"]["RoleArn"], calls_of_a_schedule(properties["Target"])
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            role, functions = properties["RoleArn"], properties["DefinitionSubstitutions"].values()
            calls = [iam.Call("lambda:InvokeFunction", each) for each in functions]
        assert not [
            each for each in calls if list(faults_of_call(each)) or not iam.allows(role_of(resources, role), each)
        ]
        if resource["Type"] == "AWS::Events::Rule":
            own = [one for _, one in statements_of(resources) if "events.amazonaws" in str(one.get("Principal"))]
            permitted = {one["Resource"] for one in own} | {SCHEDULED["AlarmTopicArn"]}  # the topic is somebody else's
            assert {target["Arn"] for target in properties["Targets"]} <= permitted


# The functions' calls. No package carries AWS's list of operations and the actions that each needs, so a call's action
# is one of its own name in the reference, or the operation's own documentation, in botocore, says which.

OBJECT = {"Bucket": "results", "Key": "work/1"}
ITEM = {"TableName": "booth", "Key": {"pk": {"S": "run#1"}}}
MACHINE = f"arn:aws:states:{AT}:stateMachine:booth"
EXECUTION = f"arn:aws:states:{AT}:execution:booth:1"
PUT = {"TableName": "booth", "Item": ITEM["Key"]}
DELETED = {"Objects": [{"Key": "a"}, {"Key": "b", "VersionId": "1"}]}
TOKEN = {"CallerReference": "1", "Paths": {"Quantity": 1, "Items": ["/photo/*"]}}
PARTS = [{"Put": PUT}, {"Update": ITEM | {"UpdateExpression": "SET a = b"}}]
CALLS = {
    ("bedrock-runtime", "InvokeModel"): {"modelId": "amazon.titan-image-generator-v2:0", "body": b"{}"},
    ("cloudfront", "CreateInvalidation"): {"DistributionId": "E1", "InvalidationBatch": TOKEN},
    ("dynamodb", "GetItem"): ITEM,
    ("dynamodb", "Query"): {"TableName": "booth", "IndexName": "open", "KeyConditionExpression": "a = b"},
    ("dynamodb", "TransactWriteItems"): {"TransactItems": PARTS},
    ("dynamodb", "UpdateItem"): ITEM,
    ("events", "PutEvents"): {"Entries": [{"Source": "booth", "DetailType": "a", "Detail": "{}"}]},
    ("lambda", "Invoke"): {"FunctionName": f"arn:aws:lambda:{AT}:function:booth", "InvocationType": "Event"},
    ("rekognition", "DetectFaces"): {"Image": {"Bytes": b"jpeg"}},
    ("rekognition", "DetectModerationLabels"): {"Image": {"Bytes": b"jpeg"}},
    ("s3", "CopyObject", "CopySource"): OBJECT | {"CopySource": OBJECT | {"VersionId": "1"}},
    ("s3", "DeleteObjectTagging"): OBJECT,
    ("s3", "DeleteObjects"): {"Bucket": "uploads", "Delete": DELETED},
    ("s3", "GetObject"): OBJECT,
    ("s3", "GetObject", "VersionId"): OBJECT | {"VersionId": "1"},
    ("s3", "HeadObject"): OBJECT,
    ("s3", "ListObjectVersions"): {"Bucket": "uploads"},
    ("s3", "ListObjectsV2"): {"Bucket": "results"},
    ("s3", "PutObject"): OBJECT,
    ("s3", "PutObjectTagging"): OBJECT | {"Tagging": {"TagSet": [{"Key": "hidden", "Value": "true"}]}},
    ("sagemaker-runtime", "InvokeEndpoint"): {"EndpointName": "Sam", "Body": b"{}"},
    ("secretsmanager", "GetSecretValue"): {"SecretId": f"arn:aws:secretsmanager:{AT}:secret:booth"},
    ("ssm", "GetParameter"): {"Name": "/booth/cdn"},
    ("stepfunctions", "DescribeExecution"): {"executionArn": EXECUTION},
    ("stepfunctions", "StartExecution"): {"stateMachineArn": MACHINE},
    ("stepfunctions", "StopExecution"): {"executionArn": EXECUTION},
}
"""A request of each operation that the functions call. Which parameter changes the action is the third word."""

OTHERWISE = {  # where an action isn't called like its operation: what it needs
    ("lambda", "Invoke"): {"lambda:InvokeFunction"},
    # Of a version GetObjectVersion stands in the place of GetObject, as for GetObject itself.
    ("s3", "CopyObject", "CopySource"): {"s3:PutObject", "s3:GetObjectVersion"},
    ("s3", "DeleteObjects"): {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    ("s3", "GetObject", "VersionId"): {"s3:GetObjectVersion"},
    ("s3", "HeadObject"): {"s3:GetObject"},
    ("s3", "ListObjectVersions"): {"s3:ListBucketVersions"},
    ("s3", "ListObjectsV2"): {"s3:ListBucket"},
    # "Using IAM with DynamoDB transactions": Put, Update and Delete need the rights of PutItem, UpdateItem, DeleteItem.
    ("dynamodb", "TransactWriteItems"): {"dynamodb:PutItem", "dynamodb:UpdateItem"},
}
TOLD_BY_A_PAGE = {
    ("dynamodb", "TransactWriteItems"),
    ("s3", "CopyObject", "CopySource"),
}  # the rest by the operation's documentation
ALSO_NEEDED = {"s3:ListBucket"}  # so that S3 answers 404, not 403, for what isn't there: HeadObject's documentation

MODELS = Loader()


def sdk(service):
    return MODELS.load_service_model(service, "service-2")


class _Seen(Exception):
    pass


def asked(service, operation, parameters):
    """What the local mode takes a request for: the calls that its stand-in for IAM would judge."""
    made = boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        endpoint_url="http://127.0.0.1:9",
        config=Config(s3={"addressing_style": "path"}),
    )

    def see(request, **_):
        raise _Seen(request)

    made.meta.events.register("before-send", see)
    try:
        getattr(made, xform_name(operation))(**parameters)
    except _Seen as seen:
        [sent] = seen.args
    url, body = urlsplit(sent.url), sent.body or b""
    text = body if isinstance(body, bytes) else body.read() if hasattr(body, "read") else body.encode()
    headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in sent.headers.items()}
    builder = EnvironBuilder(url.path, query_string=url.query, method=sent.method, headers=headers, data=text)
    request = Request(builder.get_environ())
    return iam.s3_calls(request, text) if service == "s3" else iam.calls_of(request, text, REGION)


HANDLERS = {  # by function: its module
    name: each["Properties"]["Handler"].partition(".")[0]
    for name, each in read(ROOT / "template.yaml")["Resources"].items()
    if each["Type"] == "AWS::Serverless::Function"
}


def test_every_operation_that_the_functions_call_is_looked_at():
    called = {each for module in HANDLERS.values() for each in operations(module)}
    assert called == {(service, operation) for service, operation, *_ in CALLS}


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_the_local_mode_judges_a_call_by_the_actions_that_aws_asks_for(call):
    service, operation, *_ = call
    own = sdk(service)["metadata"]
    prefix = own.get("signingName", own["endpointPrefix"])
    needed = OTHERWISE.get(call, {f"{prefix}:{operation}"})
    calls = asked(service, operation, CALLS[call])

    assert {each.action for each in calls} == needed
    for each in calls:
        assert not list(faults_of_call(each))
    if call in OTHERWISE and call not in TOLD_BY_A_PAGE:
        told = sdk(service)["operations"][operation]["documentation"]
        assert not [name for name in needed if f">{name}</" not in told]  # as code, or a link


@cache
def ways(service, operation):
    """The actions that a call of an operation may need: which of them, its parameters say."""
    needed = [asked(*call[:2], given) for call, given in CALLS.items() if call[:2] == (service, operation)]
    return {each.action for calls in needed for each in calls}


def faults_of_rights(module, allowed):
    """What is wrong with the actions that a function's role allows, by the calls that its code can make."""
    called, needed = operations(module), set()
    for call in sorted(called):
        needed |= ways(*call) | (ALSO_NEEDED if call[1] in ("GetObject", "HeadObject") else set())
        if not ways(*call) & allowed:
            yield f"it calls {call[1]}, and its role does not allow {' or '.join(sorted(ways(*call)))}"
    yield from (f"its role allows {name}, and it calls nothing that needs it" for name in sorted(allowed - needed))


@pytest.fixture(scope="module")
def rights(deployed):
    """The actions that the functions' roles allow where all is chosen, by function."""
    resources, found = deployed["application with everything"], {}
    for name in HANDLERS:
        role = f"{name}Role"
        own = {key: each for key, each in resources.items() if role in (key, *each["Properties"].get("Roles", ()))}
        allowed = {action for _, one in statements_of(own) for action in iam.as_list(one["Action"])}
        found[name] = allowed - {"sts:AssumeRole", "sqs:SendMessage"}  # the latter SAM's own, for the dead-letter queue
    return found


@pytest.mark.parametrize("function", HANDLERS)
def test_a_functions_role_allows_what_its_calls_need_and_nothing_else(rights, function):
    """Which resources they are for, whole runs show (tests/local/test_least_privilege.py)."""
    assert not list(faults_of_rights(HANDLERS[function], rights[function]))


@pytest.mark.parametrize(
    ("function", "lacks", "more", "words"),
    [
        ("Finish", "events:PutEvents", "", "it calls PutEvents, and its role does not allow events:PutEvents"),
        ("SegmentCrop", "s3:GetObject", "", "it calls GetObject, and its role does not allow s3:GetObject or s3:GetO"),
        ("SegmentCrop", "", "dynamodb:PutItem", "its role allows dynamodb:PutItem, and it calls nothing"),
        ("Purge", "", "s3:ListBucket", "its role allows s3:ListBucket, and it calls nothing"),
        ("ListScenes", "", "dynamodb:GetItem", "its role allows dynamodb:GetItem, and it calls nothing"),
    ],
)
def test_a_planted_right_is_found(rights, function, lacks, more, words):
    [said] = faults_of_rights(HANDLERS[function], (rights[function] - {lacks}) | ({more} - {""}))

    assert said.startswith(words)


WRONG_CALLS = {
    "no action": (iam.Call("s3:HeadObject", "arn:aws:s3:::b/k"), "there is no action s3:HeadObject"),
    "another resource": (iam.Call("s3:ListBucket", "arn:aws:s3:::b/k"), "s3:ListBucket is not about arn:aws:s3:::b/k"),
    "a resource where there is none": (iam.Call("rekognition:DetectFaces", TABLE), "rekognition:DetectFaces knows no"),
    "an unknown request": (iam.Call("unknown:s3 PUT", "*"), "there is no action unknown:s3 PUT"),
    "another service's key": (
        iam.Call("s3:GetObject", "arn:aws:s3:::b/k", (("bedrock:InferenceProfileArn", "a"),)),
        "bedrock:InferenceProfileArn is no condition key of s3:GetObject",
    ),
}


@pytest.mark.parametrize("fault", WRONG_CALLS)
def test_the_judge_finds_a_call_that_aws_would_not_know(fault):
    call, words = WRONG_CALLS[fault]

    assert [each for each in faults_of_call(call) if each.startswith(words)]
