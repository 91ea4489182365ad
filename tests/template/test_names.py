"""Names that the templates give: no other stack of the account has one of them, nor the same stack elsewhere.

Which properties are names is CloudFormation's own word, in the registry schemas that cfn-lint carries; how far a name
reaches and how long it may be is AWS's, in botocore's service models.
"""

import itertools
import re

import pytest
from botocore.loaders import Loader

from tests.support.stacks import stacks
from tests.support.templates import ROOT, resolved, schema_of

MODELS = Loader()
LONGEST = {
    "open application": 79,
    "application": 79,  # characters of a stack's name: BudgetName's 100 less the longest Region and what else is in it
    "monitoring": 79,
    "sam": 63,  # EndpointName's; the endpoint has the stack's name
    "paint": 63,
}
SHAPES = {  # what AWS's own service models call the names, for their lengths
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("application-autoscaling", "PolicyName"),
    "AWS::Budgets::Budget": ("budgets", "BudgetName"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "AlarmName"),
    "AWS::Lambda::LayerVersion": ("lambda", "LayerName"),
    "AWS::Logs::LogGroup": ("logs", "LogGroupName"),
    "AWS::SSM::Parameter": ("ssm", "PSParameterName"),
    "AWS::SageMaker::Endpoint": ("sagemaker", "EndpointName"),
}
LENGTHS = {  # and those of which the models don't tell it
    "AWS::CloudFront::CachePolicy": 64,  # of CloudFront's four the registry gives it for one, in words
    "AWS::CloudFront::OriginAccessControl": 64,
    "AWS::CloudFront::OriginRequestPolicy": 64,
    "AWS::CloudFront::ResponseHeadersPolicy": 64,
    "AWS::CloudWatch::Dashboard": 255,  # PutDashboard's reference page
    "AWS::S3::Bucket": 63,  # "General purpose bucket naming rules"
}


def model(service):
    return MODELS.load_service_model(service, "service-2")


def identities(kind):
    """Tuples of properties, each as a path, whose values two resources of a type can't share."""
    schema = schema_of(kind)
    own = set(schema.get("readOnlyProperties", []))
    whole = tuple(path for path in schema["primaryIdentifier"])
    found = [] if own & set(whole) else [whole]
    once = schema.get("createOnlyProperties", [])
    found += [(path,) for path in once if path.endswith("Name") and path not in {*whole, *own}]
    service, resource = kind.split("::")[1:]
    if service == "CloudFront" and f"{resource}AlreadyExists" in model("cloudfront")["shapes"]:
        found.append((f"/properties/{resource}Config/Name",))
    return [tuple(tuple(path.split("/")[2:]) for path in paths) for paths in found]


def reach(kind):
    """How far a name reaches: the partition, the account, or a Region of it."""
    if kind == "AWS::S3::Bucket":
        assert "within a partition" in model("s3")["operations"]["CreateBucket"]["documentation"]
        return "partition"
    if kind == "AWS::CloudWatch::Dashboard":
        assert "global, not region-specific" in model("cloudwatch")["operations"]["PutDashboard"]["documentation"]
        return "account"
    [aws, *_] = MODELS.load_data("endpoints")["partitions"]
    service = aws["services"].get(kind.split("::")[1].lower(), {})
    return "account" if service.get("isRegionalized") is False else "Region"


def at(properties, path):
    for key in path:
        properties = properties.get(key, {}) if isinstance(properties, dict) else {}
    return properties or None


def names(resources):
    """Logical id, type and value of everything that makes a resource another than the next one; generated ones not."""
    for logical_id, resource in resources.items():
        for paths in identities(resource["Type"]):
            value = tuple(at(resource["Properties"], path) for path in paths)
            if any(value):
                yield logical_id, resource["Type"], value


@pytest.fixture(scope="module", params=list(LONGEST))
def stack(request, transformed):
    """Gives the resources of a template, as a stack of this name has them in a Region, with all that is optional."""

    def application(name, region):
        return resolved(transformed, name, region, Access="token", AccessLogDays="7")

    def open_to_all(name, region):
        return resolved(transformed, name, region, Access="open", AccessLogDays="0")

    def monitoring(name, region):
        parent = application(name, region)["Monitoring"]["Properties"]["Parameters"]
        given = parent | {"AlarmEmail": "booth@example.org", "MonthlyBudgetUsd": "50"}
        return resolved(ROOT / "monitoring.yaml", f"{name}-Monitoring-1ABCDEFGHIJK", region, **given)

    def endpoint(name, region):
        options = {"ModelKey": "model/1/", "ImageUri": "image", "InstanceType": "ml.g5.xlarge", "MaxInstances": "3"}
        options |= {"QuietMinutes": "60"}
        options |= {"StartSchedule": "rate(1 day)", "StopSchedule": "rate(1 day)", "AlarmTopicArn": "arn:aws:sns:::t"}
        return resolved(ROOT / f"{request.param}_model" / "endpoint.yaml", name, region, **options)

    several = {"application": application, "open application": open_to_all, "monitoring": monitoring}
    made = several.get(request.param, endpoint)
    made.longest = LONGEST[request.param]
    return made


def test_two_stacks_in_one_account_and_region_share_no_name(stack):
    dev, prod = (list(names(stack(name, "us-east-1"))) for name in ("booth-dev", "booth-prod"))

    assert dev
    assert not [each for each, other in itertools.product(dev, prod) if each[1:] == other[1:]]


def test_the_same_stack_in_two_regions_shares_no_name_that_knows_no_regions(stack):
    seoul, oregon = (list(names(stack("booth-dev", region))) for region in ("ap-northeast-2", "us-west-2"))
    both = [each for each, other in itertools.product(seoul, oregon) if each[1:] == other[1:]]

    assert not [each for each in both if reach(each[1]) != "Region"]


def test_no_two_resources_of_a_stack_share_a_name(stack):
    found = [each[1:] for each in names(stack("booth-dev", "us-east-1"))]

    assert len(found) == len(set(found))


def test_no_name_is_too_long_for_aws_however_long_the_stacks(stack):
    for logical_id, kind, (name, *more) in names(stack("s" * stack.longest, "ap-northeast-2")):
        if more or ":stack/" in name:  # it is named by others, or by CloudFormation
            continue
        assert not list(faults_of_name(kind, name)), logical_id


def faults_of_name(kind, name):
    """What AWS's model of the name, and the registry's schema of its property, say against it."""
    service, shape = SHAPES.get(kind, (None, None))
    told = model(service)["shapes"][shape] if service else {"max": LENGTHS[kind]}
    if len(name) > told["max"]:
        yield f"{len(name)} characters, of {told['max']}"
    [own] = {path for paths in identities(kind) for path in paths}
    registered = schema_of(kind)["properties"][own[0]]
    for pattern in {told.get("pattern", ""), registered.get("pattern", "")} - {""}:
        # As Java and JavaScript write it: all that can be printed, and flags within.
        ours = pattern.replace(r"\p{Print}", "[ -~]").replace("(?i)", "")
        if not re.fullmatch(ours, name):
            yield f"it does not match {pattern}"


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("AWS::SageMaker::Endpoint", "photo_booth", "it does not match"),
        ("AWS::S3::Bucket", "Photo-Booth", "it does not match"),
        ("AWS::Logs::LogGroup", "/aws/photo booth", "it does not match"),
        ("AWS::Lambda::LayerVersion", "booth.common", "it does not match"),
        ("AWS::CloudFront::OriginRequestPolicy", "s" * 65, "65 characters, of 64"),
        ("AWS::CloudWatch::Alarm", "s" * 256, "256 characters, of 255"),
    ],
)
def test_a_planted_name_is_found(kind, name, words):
    assert [each for each in faults_of_name(kind, name) if each.startswith(words)]


def test_no_name_is_known_in_vain(transformed):
    kinds = {kind for several in stacks(transformed).values() for _, kind, _ in names(several)}
    assert SHAPES.keys() | LENGTHS.keys() <= kinds
    assert not SHAPES.keys() & LENGTHS.keys()


def test_what_knows_no_regions_is_told_from_what_does():
    kinds = ["IAM::Role", "Budgets::Budget", "CloudFront::CachePolicy", "CloudWatch::Dashboard", "CloudWatch::Alarm"]

    assert [reach(f"AWS::{kind}") for kind in kinds] == ["account", "account", "account", "account", "Region"]
