"""A deployed stack: its page, its first photo, and its end."""

import json
import mimetypes
import shlex
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import ClientError, WaiterError

from deploy.build import ROOT, SAM
from local import visit

WEB = ROOT / "web"
SAM_STACK = "aws-sam-cli-managed-default"
"""The stack with the bucket that `sam deploy` puts packages into; all applications of the account share it."""


class StackError(Exception):
    """The stack isn't there or can't be done with what was asked; the text says why."""


def sam_deploy(environment: str, given: list[str], more: list[str] | None = None) -> list[str]:
    """The command that deploys an environment of samconfig.toml, with its parameters and some `given` ("Name=value").

    --parameter-overrides replaces samconfig.toml's, so all are named. LambdaConcurrency is what AWS says of the
    account, unless somebody has said it.

    Args:
        more: further options of sam.
    """
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    parameters = config[environment]["deploy"]["parameters"]
    pairs = parameters.get("parameter_overrides", [])
    # As sam takes them from there: a list as it is; in one text, quotes keep spaces together.
    pairs = [*(shlex.split(pairs) if isinstance(pairs, str) else pairs), *given]
    if not any(pair.startswith("LambdaConcurrency=") for pair in pairs):
        pairs.append(f"LambdaConcurrency={lambda_concurrency(parameters.get('region'))}")
    pairs = [f"{name}={_quoted(value)}" for name, _, value in (pair.partition("=") for pair in pairs)]
    return [str(SAM), "deploy", "--config-env", environment, *(more or []), "--parameter-overrides", *pairs]


def _quoted(value: str) -> str:
    """For sam, which splits at spaces; a value that is quoted already stays."""
    return f'"{value}"' if " " in value and value[0] not in "\"'" else value


def lambda_concurrency(region: str | None = None) -> int:
    """How many executions the account allows at once in the Region, of functions that reserve none."""
    limit = boto3.client("lambda", region_name=region).get_account_settings()["AccountLimit"]
    return limit["UnreservedConcurrentExecutions"]


def deploy(environment: str, given: list[str]) -> None:
    """Deploys an environment with sam, which shows what it does, and asks. Raises StackError if that failed."""
    if subprocess.run(sam_deploy(environment, given), cwd=ROOT).returncode:
        raise StackError("sam has not deployed it; the reason is above.")


def outputs(stack: str) -> dict[str, str]:
    """The stack's outputs by name. Raises StackError if there is no such stack."""
    try:
        [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        raise StackError(error.response["Error"]["Message"]) from error
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def put_page(stack: str) -> int:
    """Puts web/ into the page's bucket, removes what is no longer in it, and has the CDN forget its copies.

    Returns how many files the page has. Browsers ask anew each time; the CDN keeps a file until the next deployment.
    """
    known = outputs(stack)
    bucket, s3 = known["PageBucketName"], boto3.client("s3")
    files = {file.relative_to(WEB).as_posix(): file for file in sorted(WEB.rglob("*")) if file.is_file()}
    # index.html last, so that it never names a file that isn't there yet.
    for key, file in sorted(files.items(), key=lambda item: item[0] == "index.html"):
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=file.read_bytes(),
            ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
            CacheControl="max-age=0, s-maxage=86400",
        )
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for old in {each["Key"] for each in page.get("Contents", [])} - files.keys():
            s3.delete_object(Bucket=bucket, Key=old)
    boto3.client("cloudfront").create_invalidation(
        DistributionId=known["CdnId"],
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())},
    )
    return len(files)


def token_of(stack: str) -> str:
    """A booth's token; empty where none is needed (parameter Access)."""
    if secret := outputs(stack).get("BoothTokensSecret"):
        tokens = boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        return next(token for tokens in json.loads(tokens).values() for token in tokens.split())
    return ""


def smoke(url: str, token: str, photo: Path, out: Path, show: Callable[[str], None]) -> None:
    """Sends a photo through the booth at `url`, as a visitor does who agrees to its use.

    Raises:
        StackError: a picture is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat()
    consent = {"policy": "smoke test", "language": "en", "time": now, "wall": False}
    try:
        result = visit.send(url, photo, out, show, token, consent=consent)
    except visit.VisitError as error:
        raise StackError(f"the photo did not get through: {error}") from error
    if result["status"] != "SUCCEEDED":
        reason = (result["error"] or {}).get("message", "")
        raise StackError(f"the photo ended {result['status']} {reason}")


def destroy(stack: str, show: Callable[[str], None]) -> None:
    """Deletes the stack, what its buckets hold, and its packages. Raises StackError if something stays.

    S3 and CloudFront deliver access logs late, so the logs' bucket may fill again while the stack is deleted.
    """
    outputs(stack)
    cloudformation = boto3.client("cloudformation")
    for _ in range(3):
        for bucket in buckets(stack):
            show(f"emptying {bucket}")
            empty(bucket)
        show(f"deleting {stack}; the CDN takes some minutes")
        cloudformation.delete_stack(StackName=stack)
        try:
            cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=stack, WaiterConfig={"Delay": 5, "MaxAttempts": 360}
            )
            break
        except WaiterError:
            show(f"not all of {stack} could be deleted; trying again")
    else:
        raise StackError(f"{stack} could not be deleted; its events in the console of CloudFormation say why")
    # samconfig.toml puts each stack's packages under its name.
    empty(outputs(SAM_STACK)["SourceBucket"], f"{stack}/")


def buckets(stack: str) -> Iterator[str]:
    """Names of the stack's buckets that are still there."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in (each for page in pages for each in page["StackResourceSummaries"]):
        if resource["ResourceType"] == "AWS::S3::Bucket" and resource["ResourceStatus"] != "DELETE_COMPLETE":
            yield resource["PhysicalResourceId"]


def empty(bucket: str, prefix: str = "") -> None:
    """Deletes every object of a bucket, or those under a prefix, in all versions."""
    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
