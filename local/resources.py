"""Creates the resources that a template describes in the emulated account, as CloudFormation does."""

import json
import secrets
from collections.abc import Callable, Iterable
from typing import Any

from local.account import ACCOUNT
from local.template.application import Application


def create_resources(stack: Application, client: Callable[[str], Any]) -> None:
    """Create buckets, tables, parameters, secrets and state machines; functions are the Lambda host's.

    `client` gives a boto3 client for a service's name.
    """
    s3, dynamodb, ssm = client("s3"), client("dynamodb"), client("ssm")
    for bucket in stack.buckets.values():
        s3.create_bucket(Bucket=bucket.name)
        if bucket.versioned:
            s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
        if bucket.cors:
            s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": bucket.cors})
        if bucket.eventbridge:
            s3.put_bucket_notification_configuration(
                Bucket=bucket.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
            )
    for table in stack.tables.values():
        dynamodb.create_table(**table.create)
    for parameter in stack.ssm_parameters.values():
        # The CDN's address is https on AWS; this machine has no certificate.
        value = parameter.value.replace("https://127.0.0.1", "http://127.0.0.1")
        ssm.put_parameter(Name=parameter.name, Type=parameter.type, Value=value)
    create_secrets(stack.secrets, stack, client)
    for machine in stack.state_machines.values():
        client("stepfunctions").create_state_machine(
            name=machine.name,
            definition=json.dumps(machine.definition),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/{machine.name}",
        )


def create_secrets(names: Iterable[str], stack: Application, client: Callable[[str], Any]) -> None:
    """Create these of its secrets (logical ids); what is generated of one in JSON is 32 random bytes."""
    for secret in (stack.secrets[name] for name in names):
        value = secret.value or json.dumps(secret.given | {secret.generated: secrets.token_urlsafe(32)})
        client("secretsmanager").create_secret(Name=secret.name, SecretString=value)
