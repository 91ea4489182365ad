"""What the roles of the endpoints' templates allow, beside what AWS says that is needed.

The schedule's role updates the stack, and CloudFormation's registry names the rights that a type's handlers need; the
schemas are those that cfn-lint carries.
"""

import json
import re

import pytest

from local import iam
from tests.support.templates import ROOT, resolved, schema_of

STACK, REGION = "photo-booth-prod", "us-east-1"
AT = f"{REGION}:123456789012"
OPTIONS = {"ModelKey": "model/1/", "ImageUri": "image"}
KINDS = ("sam", "paint")
OPTIONS |= {"MaxInstances": "6", "QuietMinutes": "60", "StopSchedule": "rate(1 day)"}
NOT_OURS = {  # of the registry's lists, which cover every use of a type
    "application-autoscaling:PutScheduledAction",  # our target has no ScheduledActions
    "lambda:DeleteProvisionedConcurrencyConfig",
    "lambda:GetProvisionedConcurrencyConfig",
    "lambda:PutProvisionedConcurrencyConfig",
}
LINKED = (
    "arn:aws:iam::123456789012:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
ITS_ALARM = f"arn:aws:cloudwatch:{AT}:alarm:TargetTracking-endpoint/{STACK}/variant/AllTraffic-AlarmHigh-0ab1"
ARNS = {  # of what a handler acts on, by type; by action where that is something else
    "AWS::ApplicationAutoScaling::ScalableTarget": f"arn:aws:application-autoscaling:{AT}:scalable-target/0ab1",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "*",
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{AT}:alarm:{STACK}-slow",
    "AWS::SageMaker::Endpoint": f"arn:aws:sagemaker:{AT}:endpoint/{STACK}",
    "AWS::SageMaker::EndpointConfig": f"arn:aws:sagemaker:{AT}:endpoint-config/endpointconfig-0ab1",
    "cloudwatch:DescribeAlarms": "*",
    "cloudwatch:GetMetricData": "*",
    "iam:CreateServiceLinkedRole": LINKED,
    "iam:PassRole": LINKED,
}


def endpoint(kind, running="true", instance="ml.g5.xlarge"):
    options = OPTIONS | {"InstanceType": instance, "Running": running}
    return resolved(ROOT / f"{kind}_model" / "endpoint.yaml", STACK, REGION, **options)


def statements(role):
    return [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]


def permissions(kind, *handlers):
    registered = schema_of(kind)["handlers"]
    return {action for name in handlers for action in registered[name]["permissions"]} - NOT_OURS


def arn(kind, action):
    if kind.startswith("AWS::ApplicationAutoScaling") and action in (
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DeleteAlarms",
    ):
        return ITS_ALARM
    return ARNS.get(action) or ARNS[kind]


@pytest.mark.parametrize(
    ("kind", "instance"), [("sam", "ml.c7i.xlarge"), ("sam", "serverless"), ("paint", "ml.g5.xlarge")]
)
def test_the_schedule_may_do_what_cloudformation_does_when_the_endpoint_comes_and_goes(kind, instance):
    on, off = endpoint(kind, "true", instance), endpoint(kind, "false", instance)
    moving = {name: on[name]["Type"] for name in on.keys() - off.keys()}
    told = json.dumps([on[name]["Properties"] for name in moving])  # and it reads what these refer to
    still = {name: off[name]["Type"] for name in re.findall(rf":stack/{STACK}/[^/]+/(\w+)", told) if name in off}
    needed = {(kind, each) for kind in moving.values() for each in permissions(kind, "create", "read", "delete")}
    needed |= {(kind, each) for kind in still.values() for each in permissions(kind, "read")}
    own = statements(off["SchedulerRole"]["Properties"])

    assert "AWS::SageMaker::Endpoint" in moving.values()
    assert "AWS::SageMaker::EndpointConfig" in still.values()
    assert not {(kind, each) for kind, each in needed if not iam.allows(own, iam.Call(each, arn(kind, each)))}


@pytest.mark.parametrize("kind", KINDS)
def test_the_schedule_may_act_on_no_other_endpoint_or_alarm(kind):
    own = statements(endpoint(kind)["SchedulerRole"]["Properties"])

    for resource in ("AWS::SageMaker::Endpoint", "AWS::CloudWatch::Alarm"):
        for action in permissions(resource, "create", "read", "delete") - {"cloudwatch:DescribeAlarms"}:
            assert not iam.allows(own, iam.Call(action, ARNS[resource].replace(STACK, "another")))


@pytest.mark.parametrize("kind", KINDS)
def test_the_container_may_do_what_sagemakers_guide_asks_of_a_models_role(kind):
    """ "CreateModel API: Execution Role Permissions"."""
    log = f"arn:aws:logs:{AT}:log-group:arn:aws:cloudformation:{AT}:stack"
    needed = {
        "cloudwatch:PutMetricData": "*",
        "ecr:BatchCheckLayerAvailability": f"arn:aws:ecr:{REGION}:763104351884:repository/any",
        "ecr:BatchGetImage": f"arn:aws:ecr:{REGION}:763104351884:repository/any",
        "ecr:GetAuthorizationToken": "*",
        "ecr:GetDownloadUrlForLayer": f"arn:aws:ecr:{REGION}:763104351884:repository/any",
        "logs:CreateLogGroup": log,
        "logs:CreateLogStream": log,
        "logs:DescribeLogStreams": log,
        "logs:PutLogEvents": log,
        "s3:GetObject": "",
    }
    allowed = {}
    for statement in statements(endpoint(kind)["Role"]["Properties"]):
        for action in iam.as_list(statement["Action"]):
            allowed.setdefault(action, []).extend(iam.as_list(statement["Resource"]))

    assert needed.keys() <= allowed.keys()
    for action, resource in needed.items():
        assert any(each.startswith(resource) or iam.matches(each, resource) for each in allowed[action]), action


@pytest.mark.parametrize("kind", KINDS)
def test_sagemaker_takes_the_role_as_its_guide_says_and_for_this_account_alone(kind):
    [trust] = endpoint(kind)["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"] == {"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:{AT}:*"}}


@pytest.mark.parametrize(
    ("name", "given", "may"),
    [
        ("photo-booth-sam-dev", "", True),
        ("OurSam", "", False),
        ("OurSam", f"arn:aws:sagemaker:{AT}:endpoint/oursam", True),
        ("OurSam", f"arn:aws:sagemaker:{AT}:endpoint/another", False),
    ],
)
def test_the_booth_may_call_an_endpoint_by_its_arn_which_has_no_capitals(transformed, name, given, may):
    booth = resolved(transformed, "booth", REGION, SamEndpoint=name, SamEndpointArn=given)
    call = iam.Call("sagemaker:InvokeEndpoint", f"arn:aws:sagemaker:{AT}:endpoint/{name.lower()}")

    assert booth["SegmentCrop"]["Properties"]["Environment"]["Variables"]["SAM_ENDPOINT"] == name
    assert iam.allows(statements(booth["SegmentCropRole"]["Properties"]), call) is may
