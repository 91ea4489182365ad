"""Creates, updates, switches and removes a SageMaker endpoint, as the one CloudFormation stack of its endpoint.yaml.

The stack and its endpoint are called photo-booth-<kind>-<environment>. Credentials and Region are boto3's own. AWS's
SageMaker SDK finds the container's image and waits for the endpoint (sdk.py).
"""

import os
import subprocess
import tomllib
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError

ROOT = Path(__file__).resolve().parent.parent
SDK_PYTHON = ROOT / ".tools" / "sagemaker" / "bin" / "python"
SERVERLESS = "serverless"
CAPABILITIES = ["CAPABILITY_IAM"]  # the template makes the container's role and the schedule's
# CloudFormation's operations may take two hours: provisioning, two timeouts of half an hour, traffic, ten minutes more.
WAIT = {"Delay": 30, "MaxAttempts": 240}


class DeployError(RuntimeError):
    """The deployment failed; the message says why and what to do."""


@dataclass(frozen=True)
class Kind:
    """One of the project's endpoints."""

    name: str
    """In the stack's name, and in the make targets: make <name>-deploy."""
    folder: Path
    """With endpoint.yaml, the template, and endpoint.toml, its parameters by environment."""


def settings(kind: Kind, environment: str, overrides: list[str]) -> dict[str, str]:
    """The template's parameters for an environment of endpoint.toml, with `overrides` of the form Name=value on top.

    Raises:
        DeployError: an unknown environment, one without InstanceType or with capitals, or an override without a name.
    """
    if environment != environment.lower():
        raise DeployError(f"{environment} has capitals: SageMaker's ARNs have none, and the schedule's role names one.")
    tables = tomllib.loads((kind.folder / "endpoint.toml").read_text(encoding="utf-8"))
    if environment not in tables:
        raise DeployError(f"There is no environment {environment} in endpoint.toml, only {', '.join(tables)}.")
    values = {name: str(value) for name, value in tables[environment].items()}
    for override in overrides:
        name, equals, value = override.partition("=")
        if not name or not equals:
            raise DeployError(f"{override} is not of the form Parameter=value.")
        values[name] = value
    if "InstanceType" not in values:
        raise DeployError(f"InstanceType is missing for {environment}.")
    return {"TimeZone": local_time_zone()} | values


def local_time_zone() -> str:
    """This machine's time zone as the IANA names it, such as Asia/Seoul; UTC where it has no such name."""
    zone = os.environ.get("TZ", "").removeprefix(":") or os.path.realpath("/etc/localtime").rpartition("/zoneinfo/")[2]
    return zone if zone in zoneinfo.available_timezones() else "UTC"


def sdk(command: str, region: str, *subject: str) -> str:
    """The output of a command of sdk.py. AWS's SDK conflicts with our packages and so has a Python of its own.

    Raises:
        DeployError: the command failed, for the reason it gives, or the SDK isn't installed.
    """
    if not SDK_PYTHON.exists():
        raise DeployError("AWS's SageMaker SDK isn't installed: run make tools.")
    done = subprocess.run(
        [SDK_PYTHON, "-m", "endpoints.sdk", command, region, *subject],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DeployError(done.stdout.strip() or f"AWS's SageMaker SDK failed ({command} {' '.join(subject)}).")
    return done.stdout.strip()


class Stack:
    """The endpoint's CloudFormation stack, which need not exist yet."""

    def __init__(self, kind: Kind, environment: str):
        self.kind = kind
        self.name = f"photo-booth-{kind.name}-{environment}"
        self._cloudformation = boto3.client("cloudformation")
        self.region = self._cloudformation.meta.region_name

    def deploy(self, parameters: dict[str, str], upload: Callable[[str], str]) -> None:
        """Creates the stack or updates it to `parameters` and a model.

        A running endpoint stays in service. The model's key has its SHA-256, so the same model again changes nothing,
        and another one makes a new endpoint configuration, to which SageMaker moves the traffic.

        Args:
            upload: puts the model into the bucket of this name and returns its key, the parameter ModelKey.

        Raises:
            DeployError: CloudFormation failed, or the change is one that needs `switch` first.
        """
        template = (self.kind.folder / "endpoint.yaml").read_text(encoding="utf-8")
        if not self._description():
            self._cloudformation.create_stack(
                StackName=self.name,
                TemplateBody=template,
                Parameters=_parameters(parameters),
                Capabilities=CAPABILITIES,
            )
            self._wait("stack_create_complete", "the bucket is created")
        bucket = self.outputs().get("BucketName")
        if bucket is None:  # the very first creation failed, and such a stack can't be updated
            raise DeployError(
                f"{self.name} is {self._description()['StackStatus']}: run make {self.kind.name}-destroy, then again."
            )
        self._prepare_instance_change(parameters["InstanceType"])
        key = upload(bucket)
        self._update(
            "the endpoint is brought up; ten to thirty minutes",
            TemplateBody=template,
            Parameters=_parameters(parameters | {"ModelKey": key}),  # the rest gets its default, so Running is true
        )

    def switch(self, running: bool) -> None:
        """Creates or deletes the endpoint; the stack's other resources stay. Raises `DeployError`."""
        value = "true" if running else "false"
        self._update_parameters("the endpoint is created" if running else "the endpoint is deleted", {"Running": value})

    def wait(self) -> None:
        """Waits until the endpoint is InService, and prints its instances and image. Raises `DeployError`."""
        print(sdk("wait", self.region, self.name), flush=True)

    def destroy(self) -> None:
        """Deletes the stack, models included. Raises `DeployError`, also if there is no stack (in this Region)."""
        if not self._description():
            raise DeployError(f"There is no stack {self.name} here: nothing was deleted. Check account and Region.")
        bucket = self.outputs().get("BucketName")
        if bucket:  # CloudFormation deletes empty buckets only
            s3: Any = boto3.resource("s3")
            s3.Bucket(bucket).objects.delete()
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete", "the stack is deleted")

    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name; EndpointName is among them while the endpoint is there."""
        return {output["OutputKey"]: output["OutputValue"] for output in self._description().get("Outputs", [])}

    def _prepare_instance_change(self, wanted: str) -> None:
        """Switches scaling off for a change of the instance type, which SageMaker refuses for a variant that scales.

        See "Update endpoints that use auto scaling" in SageMaker's guide. The endpoint stays in service. From instances
        to serverless, or back, an endpoint can't be updated ("Serverless Inference"): raises DeployError.
        """
        now = {item["ParameterKey"]: item["ParameterValue"] for item in self._description()["Parameters"]}
        before = now["InstanceType"]
        if "EndpointName" not in self.outputs() or wanted == before:
            return
        if SERVERLESS in (before, wanted):
            raise DeployError(
                f"{self.name} runs on {before}, which SageMaker can't change into {wanted}. "
                f"Run make {self.kind.name}-off first."
            )
        if now["MinInstances"] != now["MaxInstances"]:
            self._update_parameters("scaling is switched off", {"MaxInstances": now["MinInstances"]})

    def _update_parameters(self, purpose: str, values: dict[str, str]) -> None:
        """Updates some parameters; the template and the other parameters stay."""
        description = self._description()
        if not description:
            raise DeployError(f"There is no stack {self.name}: run make {self.kind.name}-deploy.")
        kept = [item["ParameterKey"] for item in description["Parameters"] if item["ParameterKey"] not in values]
        self._update(
            purpose,
            UsePreviousTemplate=True,
            Parameters=_parameters(values) + [{"ParameterKey": name, "UsePreviousValue": True} for name in kept],
        )

    def _update(self, purpose: str, **change) -> None:
        try:
            self._cloudformation.update_stack(StackName=self.name, Capabilities=CAPABILITIES, **change)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            print(f"{self.name}: nothing has changed.")
            return
        self._wait("stack_update_complete", purpose)

    def _wait(self, event: str, purpose: str) -> None:
        print(f"{self.name}: {purpose} ...", flush=True)
        try:
            self._cloudformation.get_waiter(event).wait(StackName=self.name, WaiterConfig=WAIT)
        except WaiterError as error:
            raise DeployError(f"{self.name}: {purpose}: that failed. {self._failure_reason()}") from error

    def _failure_reason(self) -> str:
        """Why the last operation failed: its first failed event, and the endpoint's own failure reason."""
        failures = []
        for event in self._cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]:  # newest first
            if event["ResourceStatus"].endswith("_FAILED"):
                failures.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}")
            if event["LogicalResourceId"] == self.name and event.get("ResourceStatusReason") == "User Initiated":
                break
        reason = failures[-1] if failures else "CloudFormation gives no reason; look at the stack's events."
        endpoints = sdk("reason", self.region, self.name)
        return reason if not endpoints or endpoints in reason else f"{reason} The endpoint says: {endpoints}"

    def _description(self) -> dict:
        """CloudFormation's description of the stack; empty if there is none."""
        try:
            return self._cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":  # its answer for a stack that does not exist
                return {}
            raise


def _parameters(values: dict[str, str]) -> list[dict[str, str]]:
    """CloudFormation's list of parameters."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
