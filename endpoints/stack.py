"""Creates, updates, switches and removes the SageMaker endpoint of endpoint.yaml, as one CloudFormation stack.

The stack and its endpoint are called photo-booth-sam-<environment>. Credentials and Region are boto3's own. AWS's
SageMaker SDK finds the container's image and waits for the endpoint (sdk.py).
"""

import hashlib
import os
import subprocess
import tomllib
import zoneinfo
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "sam_model"
SDK_PYTHON = ROOT / ".tools" / "sagemaker" / "bin" / "python"
SERVERLESS = "serverless"
CAPABILITIES = ["CAPABILITY_IAM"]  # the template makes the container's role and the schedule's


class DeployError(RuntimeError):
    """The deployment failed; the message says why and what to do."""


def settings(environment: str, overrides: list[str]) -> dict[str, str]:
    """The template's parameters for an environment of endpoint.toml, with `overrides` of the form Name=value on top.

    Raises:
        DeployError: an unknown environment, one without InstanceType or with capitals, or an override without a name.
    """
    if environment != environment.lower():
        raise DeployError(f"{environment} has capitals: SageMaker's ARNs have none, and the schedule's role names one.")
    tables = tomllib.loads((HERE / "endpoint.toml").read_text(encoding="utf-8"))
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


def sdk(command: str, region: str, subject: str) -> str:
    """The output of a command of sdk.py. AWS's SDK conflicts with our packages and so has a Python of its own.

    Raises:
        DeployError: the command failed, for the reason it gives, or the SDK isn't installed.
    """
    if not SDK_PYTHON.exists():
        raise DeployError("AWS's SageMaker SDK isn't installed: run make tools.")
    done = subprocess.run(
        [SDK_PYTHON, "-m", "endpoints.sdk", command, region, subject],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DeployError(done.stdout.strip() or f"AWS's SageMaker SDK failed ({command} {subject}).")
    return done.stdout.strip()


class Stack:
    """The endpoint's CloudFormation stack, which need not exist yet."""

    def __init__(self, name: str):
        self.name = name
        self._cloudformation = boto3.client("cloudformation")
        self.region = self._cloudformation.meta.region_name

    def deploy(self, parameters: dict[str, str], archive: Path) -> None:
        """Creates the stack or updates it to `parameters` and the model in `archive`.

        A running endpoint stays in service. The model's key has its SHA-256, so the same model again changes nothing,
        and another one makes a new endpoint configuration, to which SageMaker moves the traffic.

        Raises:
            DeployError: CloudFormation failed, or the change is one that needs `switch` first.
        """
        template = (HERE / "endpoint.yaml").read_text(encoding="utf-8")
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
            raise DeployError(f"{self.name} is {self._description()['StackStatus']}: run make sam-destroy, then again.")
        self._prepare_instance_change(parameters["InstanceType"])
        key = _upload(archive, bucket)
        self._update(
            "the endpoint is brought up; five to twenty minutes",
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
                f"{self.name} runs on {before}, which SageMaker can't change into {wanted}. Run make sam-off first."
            )
        if now["MinInstances"] != now["MaxInstances"]:
            self._update_parameters("scaling is switched off", {"MaxInstances": now["MinInstances"]})

    def _update_parameters(self, purpose: str, values: dict[str, str]) -> None:
        """Updates some parameters; the template and the other parameters stay."""
        description = self._description()
        if not description:
            raise DeployError(f"There is no stack {self.name}: run make sam-deploy.")
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
            self._cloudformation.get_waiter(event).wait(StackName=self.name)
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


def _upload(archive: Path, bucket: str) -> str:
    """Uploads the archive under a key with its SHA-256, unless it is there already; returns the key."""
    with archive.open("rb") as file:
        key = f"model/{hashlib.file_digest(file, 'sha256').hexdigest()}/model.tar.gz"
    s3 = boto3.client("s3")
    if not s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"]:
        print(f"{archive.name} ({archive.stat().st_size / 1e6:.0f} MB) goes to s3://{bucket}/{key}", flush=True)
        s3.upload_file(str(archive), bucket, key)
    return key
