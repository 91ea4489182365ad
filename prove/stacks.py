"""The two stacks of `make prove`: deployed, destroyed, and what is left over of them."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from booth.aws.errors import code_of
from deploy import stack
from prove import step
from prove.state import GONE, State
from prove.step import Context, Failure

TAG = "photo-booth-prove"
"""Key of the tag that everything has that is made; its value is the proof's id."""
DELETED = "DELETE_COMPLETE"
NEW = "REVIEW_IN_PROGRESS"
"""It has a change set that was never executed, and no resource."""
BROKEN = (NEW, "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED")
"""What can't be deployed to: it has to be deleted first."""
SETTLE_SECONDS, SETTLE_PAUSE_SECONDS = 30 * 60, 10.0
"""Timeout and interval of the wait for what CloudFormation still does with a stack."""


def find(name: str) -> dict[str, Any] | None:
    """A stack as DescribeStacks tells it, by name or id; None if there is none. Raises ClientError."""
    try:
        [found] = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if code_of(error) == "ValidationError":  # "Stack with id ... does not exist"
            return None
        raise
    return None if found["StackStatus"] == DELETED else found


def find_own(state: State, name: str) -> dict[str, Any] | None:
    """A stack that this proof has made; None if there is none. Raises Failure if somebody else made it."""
    found = find(name)
    if found is None:
        return None
    tagged = _proof_of(found) == state.id
    # Before its change set is executed it has neither tags nor resources.
    is_own = tagged or (name in state.begun and found["StackStatus"] == NEW)
    if is_own:
        state.begun[name] = found["StackId"]
        state.made = sorted({*state.made, found["StackId"]})
        return found
    raise Failure(
        f"There is a stack {name} that this proof did not make, so nothing is done: if it may go, delete it by "
        f"CONFIRM={name} .venv/bin/python -m deploy destroy {name}"
    )


def deploy(context: Context, environment: str) -> str:
    """Deploys a stack with the settings of an environment of samconfig.toml. What can't be deployed to goes first."""
    name, state = step.name_of(environment), context.state
    found = _settled(context, find_own(state, name))
    if found and found["StackStatus"] in BROKEN:
        context.say(f"{name} is {found['StackStatus']}: it is deleted, and deployed anew")
        _delete(context, name)
    if not state.begun and not find(stack.SAM_STACK):
        state.shared_was_there = False
    if name not in state.standing:
        state.begun[name] = ""
    state.save()
    options = ["--stack-name", name, "--s3-prefix", name, "--tags", f"{TAG}={state.id}"]
    options += ["--region", context.region, "--no-confirm-changeset", "--no-progressbar"]
    try:
        stack.deploy(environment, state.overrides, options)
    except stack.StackError as error:
        raise Failure(" ".join([str(error), *reasons(name)])) from error
    finally:
        remember(state, name)
    made = find_own(state, name)
    if made is None or not made["StackStatus"].endswith("_COMPLETE") or "ROLLBACK" in made["StackStatus"]:
        raise Failure(" ".join([f"{name} is {made['StackStatus'] if made else 'not there'}.", *reasons(name)]))
    resources = [each for each in _resources(made["StackId"]) if each["ResourceStatus"] != DELETED]
    step.deployed.cache_clear()
    return f"{name} is {made['StackStatus']}, with {len(resources)} resources"


def _settled(context: Context, found: dict[str, Any] | None) -> dict[str, Any] | None:
    """The stack when what CloudFormation does with it has come to an end. Raises Failure if it doesn't."""
    until, before = time.monotonic() + SETTLE_SECONDS, ""
    while found and (status := found["StackStatus"]).endswith("_IN_PROGRESS") and status != NEW:
        if time.monotonic() > until:
            raise Failure(f"{found['StackName']} is {status}, after {SETTLE_SECONDS // 60} minutes")
        if status != before:
            context.say(f"{found['StackName']} is {status}; waiting")
        before = status
        time.sleep(SETTLE_PAUSE_SECONDS)
        found = find(found["StackId"])
    return found


def _delete(context: Context, name: str) -> None:
    """Deletes a stack and all its data. Raises Failure with CloudFormation's reasons."""
    try:
        stack.destroy(name, context.say)
    except stack.StackError as error:
        raise Failure(" ".join([str(error), *reasons(name, "DELETE_FAILED")])) from error


def remember(state: State, name: str) -> None:
    """Keeps the ids of a stack and of those nested in it, by which they can be asked for when they are deleted."""
    try:
        found = find_own(state, name)
        nested = [] if found is None else _nested(found["StackId"])
        state.made = sorted({*state.made, *nested})
        state.save()
    except (ClientError, BotoCoreError, Failure, OSError):
        return  # the call that comes next says why


def _nested(stack_id: str) -> list[str]:
    """Ids of the stacks that a stack has made."""
    return [
        each["PhysicalResourceId"]
        for each in _resources(stack_id)
        if each["ResourceType"] == "AWS::CloudFormation::Stack" and each.get("PhysicalResourceId")
    ]


def _resources(stack_id: str) -> list[dict[str, Any]]:
    """A stack's resources, those that are deleted included; none if CloudFormation knows no such stack any more."""
    try:
        pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_id)
        return [each for page in pages for each in page["StackResourceSummaries"]]
    except ClientError as error:
        if code_of(error) == "ValidationError":
            return []
        raise


def reasons(name: str, status: str = "_FAILED") -> list[str]:
    """Why CloudFormation could not make or delete a stack: the first reasons that it gives, a nested stack's included.

    Args:
        status: how the status of the events ends that tell it.
    """
    found = find(name)
    if found is None:
        return []
    told = []
    for stack_id in [found["StackId"], *_nested(found["StackId"])]:
        pages = boto3.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack_id)
        events = [each for page in pages for each in page["StackEvents"]]
        told += [
            f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', 'no reason')}"
            for each in reversed(events)
            if each["ResourceStatus"].endswith(status) and "cancelled" not in each.get("ResourceStatusReason", "")
        ]
    return told[:3]


def open_page(context: Context, environment: str) -> str:
    """Uploads the page when the stack is ready for visitors."""
    count = stack.upload_page(step.name_of(environment), context.say)
    return f"{count} files"


def destroy(context: Context, environment: str) -> str:
    """Deletes a stack and all its data, if it is this proof's."""
    name, state = step.name_of(environment), context.state
    if name not in state.begun:
        return f"{name} was never begun"
    remember(state, name)
    found = _settled(context, find_own(state, name))
    step.deployed.cache_clear()
    if found:
        _delete(context, name)
    elif find(stack.SAM_STACK):
        stack.empty(stack.outputs(stack.SAM_STACK)["SourceBucket"], f"{name}/")
    state.begun[name] = GONE
    return f"{name} is gone" if found else f"{name} does not stand"


def left_over(state: State) -> Iterator[tuple[str, str]]:
    """What is left of this proof's stacks: what it is, and the command that removes it; see `left_by_tag`, too."""
    for name in state.begun:
        if found := find(name):
            yield f"stack {name} ({found['StackStatus']})", f"aws cloudformation delete-stack --stack-name {name}"
    for stack_id in state.made:
        for each in _resources(stack_id):
            if each["ResourceStatus"] == "DELETE_SKIPPED":
                what = f"{each['ResourceType']} {each.get('PhysicalResourceId', each['LogicalResourceId'])}"
                yield f"{what}, which CloudFormation kept", "the console of its service"
    yield from _left_buckets(state)
    for name in state.begun:
        yield from _left_by_name(state, name)
    yield from _left_packages(state)


def _left_buckets(state: State) -> Iterator[tuple[str, str]]:
    """The template's buckets here: two names are made of the stack's id, the others of its name."""
    ids = [stack_id.rpartition("/")[2] for stack_id in state.made]
    # The names of another Region's proof are the same. S3 tells a Region's buckets at its own endpoint alone.
    client = boto3.client("s3", config=Config(s3={"us_east_1_regional_endpoint": "regional"}))
    for page in client.get_paginator("list_buckets").paginate(BucketRegion=client.meta.region_name):
        for bucket in (each["Name"] for each in page["Buckets"]):
            if bucket.startswith(tuple(f"{name}-" for name in state.begun)) or any(
                bucket.endswith(each) for each in ids
            ):
                yield f"bucket {bucket}", f"aws s3 rb --force s3://{bucket}"


def _left_by_name(state: State, stack_name: str) -> Iterator[tuple[str, str]]:
    """What no tag shows: log groups, alarms and roles, whose names have the stack's."""
    pages = boto3.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePattern=stack_name)
    for name in (each["logGroupName"] for page in pages for each in page["logGroups"]):
        yield f"log group {name}", f"aws logs delete-log-group --log-group-name {name}"
    pages = boto3.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack_name}-")
    for name in (each["AlarmName"] for page in pages for each in page["MetricAlarms"]):
        yield f"alarm {name}", f"aws cloudwatch delete-alarms --alarm-names {name}"
    client = boto3.client("iam")
    for name in (each["RoleName"] for page in client.get_paginator("list_roles").paginate() for each in page["Roles"]):
        # All Regions' roles are listed, those of a proof in another one included.
        if name.startswith(f"{stack_name}-") and _proof_of(client.list_role_tags(RoleName=name)) in ("", state.id):
            yield f"role {name}", f"aws iam delete-role --role-name {name} (its policies first)"


def _proof_of(tagged: Any) -> str:
    """The id of the proof that has made a thing, by its tags; empty if none says so."""
    return {each["Key"]: each["Value"] for each in tagged.get("Tags", [])}.get(TAG, "")


def left_by_tag(state: State) -> Iterator[tuple[str, str]]:
    """Whatever has the proof's tag, in the stacks' Region and in us-east-1, where the CDN's resources are listed."""
    tags = [{"Key": TAG, "Values": [state.id]}]
    regions = dict.fromkeys([boto3.Session().region_name or "us-east-1", "us-east-1"])
    for region in regions:
        client = boto3.client("resourcegroupstaggingapi", region_name=region)
        for page in client.get_paginator("get_resources").paginate(TagFilters=tags):
            for arn in (each["ResourceARN"] for each in page["ResourceTagMappingList"]):
                yield f"{arn} in {region}", "the console of its service"


def _left_packages(state: State) -> Iterator[tuple[str, str]]:
    """Packages in the bucket of `sam deploy`; the bucket itself, if it was not there before."""
    shared = find(stack.SAM_STACK)
    if shared is None:
        return
    bucket = stack.outputs(stack.SAM_STACK)["SourceBucket"]
    for name in state.begun:
        found = boto3.client("s3").list_object_versions(Bucket=bucket, Prefix=f"{name}/", MaxKeys=1)
        if found.get("Versions") or found.get("DeleteMarkers"):
            yield f"packages in s3://{bucket}/{name}/", f"aws s3 rm --recursive s3://{bucket}/{name}/"
    if not state.shared_was_there:
        remove = f"aws cloudformation delete-stack --stack-name {stack.SAM_STACK}"
        yield f"stack {stack.SAM_STACK} with the bucket of `sam deploy`, which was not there before", remove


def remove_shared(context: Context) -> None:
    """Deletes the bucket of `sam deploy` if it was not there before and nobody else has put anything there since."""
    if context.state.shared_was_there or not find(stack.SAM_STACK):
        return
    bucket = stack.outputs(stack.SAM_STACK)["SourceBucket"]
    for name in context.state.begun:
        stack.empty(bucket, f"{name}/")
    found = boto3.client("s3").list_object_versions(Bucket=bucket, MaxKeys=1)
    if found.get("Versions") or found.get("DeleteMarkers"):
        context.state.shared_was_there = True  # it is others' as well by now
        return
    client = boto3.client("cloudformation")
    context.say(f"deleting {stack.SAM_STACK}, which was not there before")
    client.delete_stack(StackName=stack.SAM_STACK)
    client.get_waiter("stack_delete_complete").wait(
        StackName=stack.SAM_STACK, WaiterConfig={"Delay": 5, "MaxAttempts": 120}
    )
