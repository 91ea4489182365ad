"""What has to be there before what, whichever conditions hold."""

import itertools

import pytest

from tests.support.templates import ROOT, resolved

CHOICES = {
    "application": {
        "AccessLogDays": ["0", "7"],
        "Access": ["open", "token"],
        "PageOrigins": ["", "https://booth.example"],
        "SamEndpointArn": ["", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/sam"],
    },
    "sam": {
        "ModelKey": ["", "model/1/model.tar.gz"],
        "ImageUri": ["image"],
        "InstanceType": ["ml.c7i.xlarge", "serverless"],
        "Running": ["true", "false"],
        "QuietMinutes": ["0", "60"],
        "StopSchedule": ["", "rate(1 day)"],
        "AlarmTopicArn": ["", "arn:aws:sns:us-east-1:123456789012:ops"],
    },
    "paint": {
        "ModelKey": ["", "model/1/"],
        "ImageUri": ["image"],
        "InstanceType": ["ml.g5.xlarge"],
        "MaxInstances": ["1", "2"],
        "Running": ["true", "false"],
        "QuietMinutes": ["0", "60"],
        "StopSchedule": ["", "rate(1 day)"],
        "AlarmTopicArn": ["", "arn:aws:sns:us-east-1:123456789012:ops"],
    },
}


@pytest.mark.parametrize("template", CHOICES)
def test_nothing_refers_to_or_depends_on_what_is_not_created(template, transformed):
    """Of a resource whose condition is false CloudFormation creates nothing that depends on it, by its reference."""
    path = transformed if template == "application" else ROOT / f"{template}_model" / "endpoint.yaml"
    for values in itertools.product(*CHOICES[template].values()):
        assert resolved(path, "booth", "us-east-1", **dict(zip(CHOICES[template], values, strict=True)))


def test_a_bucket_that_writes_a_log_waits_for_the_policy_that_lets_it(transformed):
    resources = resolved(transformed, "booth", "us-east-1", AccessLogDays="7")
    [policy] = [
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::S3::BucketPolicy" and "logging.s3.amazonaws.com" in str(each)
    ]
    logging = [
        each
        for each in resources.values()
        if "DestinationBucketName" in str(each["Properties"].get("LoggingConfiguration"))
    ]

    assert len(logging) == 3
    for bucket in logging:
        target = resources[policy]["Properties"]["Bucket"]
        assert bucket["Properties"]["LoggingConfiguration"]["DestinationBucketName"] == target
        assert policy in bucket["After"]


def test_without_access_logs_the_buckets_are_there_all_the_same(transformed):
    resources = resolved(transformed, "booth", "us-east-1", AccessLogDays="0")

    assert {"UploadsBucket", "ResultsBucket", "PageBucket"} <= resources.keys()
    assert "LogsBucketPolicy" not in resources


def test_logs_that_aws_delivers_lie_under_vendedlogs(transformed):
    """Others each add to the account's CloudWatch Logs resource policy, which holds 5120 characters."""
    resources = resolved(transformed, "booth", "us-east-1")
    for name, group in resources.items():
        if group["Type"] != "AWS::Logs::LogGroup":
            continue
        writers = {each["Type"] for each in resources.values() if name in each["After"]}
        assert writers, name
        if writers != {"AWS::Lambda::Function"}:
            assert group["Properties"].get("LogGroupName", "").startswith("/aws/vendedlogs/"), writers
