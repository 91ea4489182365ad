"""The three templates' resources as they are deployed, each choice that a template offers made both ways, with ARNs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.account import ACCOUNT
from tests.support.judges.reference import arn_of
from tests.support.templates import ROOT, Resolver

REGION, OTHER = "us-east-1", "eu-west-1"
AT = f"{REGION}:{ACCOUNT}"
APPLICATION = {"LambdaConcurrency": "1000", "ModerationThreshold": "80"}
EVERYTHING = {
    "Access": "token",
    "ApiConcurrency": "400",
    "RepaintInventedPeople": "true",
    "PageOrigins": "https://page.example",
    "PaintEndpoint": "paint",
    "PaintRegion": OTHER,
    "SamEndpointArn": f"arn:aws:sagemaker:{AT}:endpoint/sam",
    "WebAclArn": f"arn:aws:wafv2:{AT}:global/webacl/booth/1",
}
ENDPOINT = {
    "ImageUri": "image",
    "InstanceType": "ml.g5.xlarge",
    "MaxInstances": "3",
    "ModelKey": "model/1/",
    "QuietMinutes": "60",
}
SCHEDULED = {
    "AlarmTopicArn": f"arn:aws:sns:{AT}:alarms",
    "KmsKeyArn": f"arn:aws:kms:{AT}:key/0ab1",
    "StartSchedule": "rate(1 day)",
    "StopSchedule": "rate(1 day)",
}

RESOURCE_TYPES = {  # of the Service Authorization Reference, for what a template makes
    "AWS::CloudFront::Distribution": ("cloudfront", "distribution"),
    "AWS::DynamoDB::Table": ("dynamodb", "table"),
    "AWS::Events::Rule": ("events", "rule-on-default-event-bus"),
    "AWS::IAM::Role": ("iam", "role"),
    "AWS::Lambda::Function": ("lambda", "function"),
    "AWS::Lambda::LayerVersion": ("lambda", "layerversion"),
    "AWS::Logs::LogGroup": ("logs", "log-group"),
    "AWS::S3::Bucket": ("s3", "bucket"),
    "AWS::SNS::Topic": ("sns", "topic"),
    "AWS::SQS::Queue": ("sqs", "queue"),
    "AWS::SageMaker::Model": ("sagemaker", "model"),
    "AWS::Scheduler::Schedule": ("scheduler", "schedule"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "secret"),
    "AWS::StepFunctions::StateMachine": ("states", "statemachine"),
}
BY_ARN = {  # what a Ref gives the ARN of, by the page "Return values" of each type
    "AWS::Lambda::LayerVersion",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
}


class _WithArns(Resolver):
    """What a resource's ARN is, is one in the reference's form; the rest is a name."""

    def _of(self, name: str, whole: str) -> str:
        super()._of(name, whole)
        kind, _, attribute = self.resources[name]["Type"], *whole.partition(".")[1:]
        if attribute.endswith("Arn") or (not attribute and kind in BY_ARN):
            return arn_of(*RESOURCE_TYPES[kind], name, REGION)
        return whole.replace(".", "-")


def _resources(path: Path, **parameters: str) -> dict[str, dict]:
    resolver = _WithArns(path, "booth", REGION, parameters)
    return {name: resolver.read(each) for name, each in resolver.resources.items()}


def stacks(transformed: Path) -> dict[str, dict[str, dict]]:
    """The resources of each template as each of several choices makes them, by a name for the choice."""
    plain = _resources(transformed, **APPLICATION, AccessLogDays="0")
    told = plain["Monitoring"]["Properties"]["Parameters"] | {"AlarmEmail": "a@example.org", "MonthlyBudgetUsd": "50"}
    found = {
        "application": plain,
        "application with everything": _resources(transformed, **APPLICATION, **EVERYTHING, AccessLogDays="7"),
        "monitoring": _resources(ROOT / "monitoring.yaml", **told),
    }
    for kind in ("sam", "paint"):
        path = ROOT / f"{kind}_model" / "endpoint.yaml"
        found[f"{kind} endpoint"] = _resources(path, **ENDPOINT)
        found[f"{kind} endpoint on schedule"] = _resources(path, **ENDPOINT, **SCHEDULED)
    return found


def statements_of(resources: Mapping[str, dict]) -> Iterator[tuple[str, dict]]:
    """Each statement of each policy, as (where it stands, itself): of roles, buckets, queues, topics, functions."""
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Permission":
            yield name, _permission(resource["Properties"])
        for part, statement in _under(resource["Properties"]):
            yield f"{name} {part}".strip(), statement


def _permission(properties: Mapping[str, Any]) -> dict:
    """The statement that Lambda adds to the function's policy: "AddPermission" in its reference."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": properties["Principal"]},
        "Action": properties["Action"],
        "Resource": arn_of("lambda", "function", properties["FunctionName"], REGION),
        "Condition": {"ArnLike": {"aws:SourceArn": properties["SourceArn"]}},
    }


def _under(value: Any) -> Iterator[tuple[str, dict]]:
    if isinstance(value, dict):
        if "Statement" in value:
            yield from (("", each) for each in value["Statement"])
            return
        label = str(value.get("PolicyName", ""))
        for key, item in value.items():
            for part, statement in _under(item):
                yield part or label or key, statement
    elif isinstance(value, list):
        for item in value:
            yield from _under(item)
