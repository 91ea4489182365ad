"""An emulated AWS account for unit tests: the template's table, buckets and state machine."""

import json
from functools import cache, lru_cache

import boto3

from local.account import REGION
from local.app import ROOT
from local.template.application import Application
from local.template.reader import load


@cache
def template() -> Application:
    """template.yaml, read as the stack `unit`."""
    attributes = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"}
    return load(ROOT / "template.yaml", stack="unit", region=REGION, attributes=attributes)


@lru_cache(maxsize=3)
def _client(service: str, url: str):
    return boto3.client(service, endpoint_url=url)


class Account:
    """An emulated account with the booth's table, buckets and state machine, whose executions only wait.

    `clients` are the operator's, by service.
    """

    def __init__(self, url, template):
        self.template = template
        self.clients = {name: _client(name, url) for name in ("s3", "dynamodb", "stepfunctions")}
        self.clients["dynamodb"].create_table(**template.tables["Table"].create)
        self.clients["s3"].create_bucket(Bucket="uploads")
        versioning = {"Status": "Enabled"}
        self.clients["s3"].put_bucket_versioning(Bucket="uploads", VersioningConfiguration=versioning)
        waiting = {"StartAt": "Paint", "States": {"Paint": {"Type": "Wait", "Seconds": 600, "End": True}}}
        made = self.clients["stepfunctions"].create_state_machine(
            name="photo", definition=json.dumps(waiting), roleArn="arn:aws:iam::123456789012:role/photo"
        )
        self.machine = made["stateMachineArn"]

    def put(self, key, data=b"photo"):
        """PUTs a photo; gives its version."""
        return self.clients["s3"].put_object(Bucket="uploads", Key=key, Body=data)["VersionId"]

    def versions(self, key):
        found = self.clients["s3"].list_object_versions(Bucket="uploads", Prefix=key)
        return {each["VersionId"] for each in found.get("Versions", [])}

    def executions(self):
        pages = self.clients["stepfunctions"].get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        return sorted(each["name"] for page in pages for each in page["executions"])
