"""A stack of the application: deploying it, uploading its page, smoke tests, deleting it."""

import mimetypes
import os
import shlex
import subprocess
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError

from booth import tokens
from booth.aws.event import KEY as EVENT
from booth.errors import BoothError, kind_of
from booth.run import Run, Status
from booth.runs import store, uploads
from client.booth import Booth, Paused, VisitError, shortfall
from deploy.build import ROOT, SAM
from deploy.preview import with_preview
from operate.parameters import ParameterError, problems, read_parameters

WEB = ROOT / "web"
PAGES = {"staff.html": "staff", "wall.html": "wall"}
"""Files of web/ that are called otherwise in the page's bucket, and there have the address /<name>."""
SAM_STACK = "aws-sam-cli-managed-default"
"""The stack with the bucket that `sam deploy` puts packages into; all applications of the account share it."""


PROBE = "versioning-probe"
"""Key of an object that is put into the uploads bucket to see if it gets a version ID; not an upload's, so it starts
no run."""
VERSIONING_SECONDS, VERSIONING_PAUSE_SECONDS = 20 * 60, 15
"""Timeout and interval of that: S3 says that it may take 15 minutes until versioning is in effect."""

OPEN_SECONDS = 10 * 60
"""Timeout for a new booth's first answer: until its DNS name resolves and the distribution has reached the edges."""
EVENT_SECONDS = 120
"""Timeout for S3's event: it takes seconds, with a rule that has just been created perhaps a minute."""
END_SECONDS = 20 * 60
"""Timeout for a run's end, with the longest wait for turns (functions/booth/limits.py)."""


class StackError(Exception):
    """There is no such stack, or an operation on it failed; the text says why."""


def sam_deploy_command(environment: str, given: list[str], more: list[str] | None = None) -> list[str]:
    """The `sam deploy` command for an environment of samconfig.toml.

    --parameter-overrides replaces samconfig.toml's, so all parameters are named. LambdaConcurrency is the account's,
    unless it is set.

    Args:
        given: parameters that take precedence over samconfig.toml's, "Name=value".
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
    """In quotes if it has spaces, at which sam splits; a value that is quoted already stays."""
    return f'"{value}"' if " " in value and value[0] not in "\"'" else value


def lambda_concurrency(region: str | None = None) -> int:
    """The account's unreserved concurrent executions in the Region."""
    limit = boto3.client("lambda", region_name=region).get_account_settings()["AccountLimit"]
    return limit["UnreservedConcurrentExecutions"]


def deploy(environment: str, given: list[str], more: list[str] | None = None) -> None:
    """Runs `sam deploy` for an environment of samconfig.toml. Raises StackError if that failed, or can't be right.

    The arguments are those of `sam_deploy_command`.
    """
    try:
        wrong = problems(read_parameters(environment, given))
    except ParameterError as error:
        raise StackError(str(error)) from error
    if wrong:
        raise StackError("\n".join(wrong))
    if subprocess.run(sam_deploy_command(environment, given, more), cwd=ROOT, check=False).returncode:
        raise StackError("sam has not deployed it; the reason is above.")


def outputs(stack: str) -> dict[str, str]:
    """The stack's outputs by name. Raises StackError if there is no such stack."""
    try:
        [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        raise StackError(error.response["Error"]["Message"]) from error
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def wait_for_versioning(bucket: str, show: Callable[[str], None]) -> None:
    """Waits until objects in a bucket get a version ID. Raises StackError after VERSIONING_SECONDS.

    A photo without one is processed as well, but a second photo with its key would overwrite it.
    """
    s3, until = boto3.client("s3"), time.monotonic() + VERSIONING_SECONDS
    try:
        while "VersionId" not in s3.put_object(Bucket=bucket, Key=PROBE, Body=b""):
            left = until - time.monotonic()
            if left <= 0:
                raise StackError(
                    f"{bucket} gives no versions, after {VERSIONING_SECONDS // 60} minutes of asking, so the page was "
                    f"not put there. Is its versioning on (aws s3api get-bucket-versioning --bucket {bucket})?"
                )
            show(f"{bucket} gives no versions yet, which takes S3 up to 15 minutes; waiting {left / 60:.0f} more")
            time.sleep(VERSIONING_PAUSE_SECONDS)
    finally:
        empty(bucket, PROBE)


def refuse_pending_change_set(stack: str) -> None:
    """Raises StackError if a change set was not executed: `sam deploy` exits with 0 if its question is answered no."""
    pages = boto3.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=stack)
    for each in (each for page in pages for each in page["Summaries"]):
        if each["ExecutionStatus"] == "AVAILABLE":
            raise StackError(
                f"The change set {each['ChangeSetName']} of {stack} was not executed, so nothing was deployed. Deploy "
                f"again, or aws cloudformation delete-change-set --change-set-name {each['ChangeSetId']}"
            )


def physical_id(stack: str, logical_id: str) -> str:
    """The physical id of a resource of the stack."""
    found = boto3.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    return found["StackResourceDetail"]["PhysicalResourceId"]


def upload_page(stack: str, show: Callable[[str], None]) -> int:
    """Uploads web/ to the page's bucket, deletes objects that web/ no longer has, and invalidates the CDN's cache.

    What staff have set stays. Before that, waits until the uploads bucket is versioned. Browsers revalidate each file;
    the CDN caches it for up to a day. Returns the number of files. Raises StackError.
    """
    known = outputs(stack)
    refuse_pending_change_set(stack)
    wait_for_versioning(known["UploadsBucketName"], show)
    bucket, s3 = known["PageBucketName"], boto3.client("s3")
    paths = {file.relative_to(WEB).as_posix(): file for file in sorted(WEB.rglob("*")) if file.is_file()}
    files = {PAGES.get(path, path): file for path, file in paths.items()}
    # index.html last, so that it never names a file that isn't there yet.
    for key, file in sorted(files.items(), key=lambda item: item[0] == "index.html"):
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=with_preview(WEB, known["BoothUrl"]) if key == "index.html" else file.read_bytes(),
            ContentType=mimetypes.guess_type(file.name)[0] or "application/octet-stream",
            CacheControl="max-age=0, s-maxage=86400",
        )
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for old in {each["Key"] for each in page.get("Contents", [])} - files.keys() - {EVENT}:
            s3.delete_object(Bucket=bucket, Key=old)
    boto3.client("cloudfront").create_invalidation(
        DistributionId=known["CdnId"],
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())},
    )
    return len(files)


def booth_token(stack: str) -> str:
    """A booth's token; empty where none is needed (parameter Access). Raises StackError if there is no valid one."""
    return next((found[0] for found in booth_tokens(stack).values()), "")


def booth_tokens(stack: str) -> dict[str, list[str]]:
    """The tokens of each booth that has one, oldest first; empty where none is needed (parameter Access).

    Raises:
        StackError: there is no valid one.
    """
    secret = outputs(stack).get("BoothTokensSecret")
    return _tokens_in(secret) if secret else {}


def _tokens_in(secret: str) -> dict[str, list[str]]:
    """The tokens of a secret by name, oldest first. Raises StackError if there is none, or one that isn't valid."""
    text = _secret_text(secret)
    if problems := tokens.problems(text):
        raise StackError(f"the secret {secret}: {'; '.join(problems)}")
    found = {name: each for name, each in tokens.read(text).items() if each}
    if not found:
        raise StackError(f"the secret {secret}: nobody has a token")
    return found


def _secret_text(secret: str) -> str:
    """The secret's text. Raises StackError if it was deleted, or never had one."""
    secrets = boto3.client("secretsmanager")
    try:
        return secrets.get_secret_value(SecretId=secret)["SecretString"]
    except (secrets.exceptions.ResourceNotFoundException, secrets.exceptions.InvalidRequestException) as error:
        raise StackError(f"the secret {secret} can't be read: {error.response['Error']['Message']}") from error


def pairing_codes(stack: str) -> dict[str, str]:
    """Of each booth the link that pairs a pad with its newest token, as a QR code for a terminal: lines of blocks.

    Raises:
        StackError: the stack's booths need no token, or there is no valid one.
    """
    found, url = booth_tokens(stack), outputs(stack)["BoothUrl"]
    if not found:
        raise StackError(f"{stack} takes photos without a token (Access=open): no pad has to be paired")
    return {booth: _qr_code(f"{url}/#pair={each[-1]}") for booth, each in found.items()}


SECRETS = {"staff": "StaffTokenSecret", "wall": "WallTokenSecret"}
"""Outputs with the secrets of the pages that have a token of their own, by the page's name."""


def page_codes(stack: str, page: str) -> dict[str, tuple[str, str]]:
    """By name of its tokens: a page's link with the newest one, and the same as a QR code for a terminal.

    Raises StackError if there is no valid token.

    Args:
        page: one of SECRETS.
    """
    known = outputs(stack)
    if SECRETS[page] not in known:
        raise StackError(f"{stack} is of a release without this page, {page}: make deploy")
    links = {
        name: f"{known['BoothUrl']}/{page}#token={each[-1]}" for name, each in _tokens_in(known[SECRETS[page]]).items()
    }
    return {name: (link, _qr_code(link)) for name, link in links.items()}


def _qr_code(text: str) -> str:
    """A QR code of half blocks, dark on white whatever the terminal's colours, with the margin that readers need."""
    import numpy as np
    import zxingcpp

    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    dark = np.pad(np.array(code.to_image(scale=1, add_quiet_zones=False)) == 0, 4)
    dark = np.pad(dark, ((0, len(dark) % 2), (0, 0)))
    rows = zip(dark[::2], dark[1::2], strict=True)
    lines = ["".join(" ▀▄█"[above + 2 * below] for above, below in zip(*row, strict=True)) for row in rows]
    return "\n".join(f"\x1b[30;107m{line}\x1b[0m" for line in lines)


def consent() -> dict[str, Any]:
    """A visitor's consent, for POST /upload."""
    return {"policy": "smoke test", "language": "en", "time": datetime.now(UTC).isoformat(), "wall": False}


def smoke(
    url: str, token: str, photo: Path, out: Path, show: Callable[[str], None], scenes: Sequence[str] = ()
) -> None:
    """Sends a photo to the booth at `url`, as a visitor does who gives consent, and saves its pictures to `out`.

    Args:
        scenes: ids from GET /scenes; none for the default ones.

    Raises:
        Paused: the booth takes no photo at present.
        StackError: a picture is missing, or the booth doesn't answer within OPEN_SECONDS.
    """
    out.mkdir(parents=True, exist_ok=True)
    booth = Booth(url, token, show, retry_until=time.monotonic() + OPEN_SECONDS)
    try:
        wanted = len(scenes or booth.catalogue()["default"])
        result = booth.send(photo, out, consent=consent(), **({"scenes": [*scenes]} if scenes else {}))
    except Paused:
        raise
    except VisitError as error:
        raise StackError(f"the photo did not get through: {error}") from error
    if problem := shortfall(result, wanted):
        raise StackError(f"the photo {problem}")


def smoke_event(bucket: str, table: str, photo: Path, show: Callable[[str], None]) -> None:
    """Puts a photo into the uploads bucket, without POST /upload or polls, and waits for its end in the table.

    So nothing but S3's event can start its run: without a record, `sweep` doesn't know of it.

    Raises:
        StackError: the event did not come, or the run did not succeed.
    """
    os.environ["TABLE"] = table
    key = f"photo/{uuid.uuid4()}{photo.suffix}"
    kind = mimetypes.guess_type(photo.name)[0] or "image/jpeg"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=photo.read_bytes(), ContentType=kind)
    show("a second photo lies in the uploads bucket; nobody but S3's event tells of it")
    run = _poll(lambda: uploads.find_by_upload(key), EVENT_SECONDS)
    if run is None:
        empty(bucket, key)
        raise StackError(
            f"no event of S3's came for a photo in {bucket} within {EVENT_SECONDS} s. Visitors' photos would "
            "start late, those of other systems never. Check that EventBridge is on for the bucket (aws s3api "
            f"get-bucket-notification-configuration --bucket {bucket}), that the stack's rule is enabled and has the "
            "function Start as its target, and what lies in the queue LostCalls and in the log of Start."
        )
    show("its event came; waiting for its end")
    run_id = run.id
    run = _poll(lambda: found if (found := store.get(run_id)).is_ended else None, END_SECONDS)
    if run is None:
        raise StackError(f"the second photo did not end within {END_SECONDS // 60} minutes; the log of Sweep says why")
    if run.status != Status.SUCCEEDED:
        raise StackError(f"the second photo ended {run.status}: {kind_of(run.error).message if run.error else ''}")


def _poll(read: Callable[[], Run | None], seconds: float) -> Run | None:
    """Calls `read` once a second until it returns a run; None after this many seconds. Raises StackError."""
    until = time.monotonic() + seconds
    try:
        while not (found := read()) and time.monotonic() < until:
            time.sleep(1)
    except BoothError as error:
        raise StackError(f"the table could not be read: {type(error).__name__} {error}") from error
    return found


def destroy(stack: str, show: Callable[[str], None]) -> None:
    """Deletes the stack, the objects in its buckets, and its packages. Raises StackError if something is left.

    S3 and CloudFront deliver access logs late, so the logs' bucket may get new objects while the stack is deleted.
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
    """Names of the stack's buckets that have not been deleted yet."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in (each for page in pages for each in page["StackResourceSummaries"]):
        if resource["ResourceType"] == "AWS::S3::Bucket" and resource["ResourceStatus"] != "DELETE_COMPLETE":
            yield resource["PhysicalResourceId"]


def empty(bucket: str, prefix: str = "") -> None:
    """Deletes all versions and delete markers in a bucket, or under a prefix. Raises StackError if one is left."""
    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                raise StackError(f"S3 did not delete everything in {bucket}: {errors[0].get('Code')}")
