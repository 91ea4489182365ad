"""Whether SAM deploys the roles that are known here."""

import json
import re


def in_full(value):
    """The value with each `Fn::GetAtt` as SAM writes it."""
    if isinstance(value, list):
        return [in_full(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: item.split(".", 1) if name == "Fn::GetAtt" and isinstance(item, str) else in_full(item)
        for name, item in value.items()
    }


def test_the_deployed_roles_are_those_that_the_local_application_runs_under(transformed, template):
    """Beside the template's statements SAM gives a role only what logs, traces and its dead-letter queue need."""
    deployed = json.loads(transformed.read_text())["Resources"]
    sams_own = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        role = deployed[f"{name}Role"]["Properties"]
        documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
        written = [each for each in documents if "sqs:SendMessage" not in json.dumps(each)]
        assert written == in_full(resource["Properties"].get("Policies", []))
        managed = {re.search(r"policy/([\w/-]+)", json.dumps(arn))[1] for arn in role["ManagedPolicyArns"]}
        assert {name.rpartition("/")[2] for name in managed} <= sams_own
