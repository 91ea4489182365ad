"""The patterns of EventBridge's rules: whether the events that they wait for are AWS's, with the fields that they name.

The list is EventBridge's schema registry, in the npm package @aws-cdk/aws-service-spec (tools/package.json). What it
lacks stands in `MORE` with its page.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader

from tests.support.judges.metrics import published_schema

FRAME = {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
""" "AWS service event metadata" in EventBridge's User Guide."""

MORE = {
    # "CloudFormation EventBridge detail reference" in CloudFormation's User Guide
    ("aws.cloudformation", "CloudFormation Stack Status Change"): {
        "stack-id": {},
        "status-details": {"status": {}, "status-reason": {}},
        "client-request-token": {},
    },
}
STATUSES = ("aws.cloudformation", "cloudformation", "StackStatus")
"""Whose field `status` has the words of which enum of botocore's model."""

RATE = r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)"
""" "Rate expressions" in EventBridge's User Guide: "If the value is equal to 1, then the unit must be singular"."""
CRON = r"cron\(\S+( \S+){5}\)"


@cache
def published() -> dict[tuple[str, str], dict]:
    """The fields of AWS's events, as nested dictionaries, by source and detail-type."""
    schema = published_schema()
    types = {each["$id"]: each["properties"] for each in schema["eventTypeDefinition"]["entities"]}

    def fields(kind: Mapping[str, Any]) -> dict:
        if kind["type"] in ("array", "map"):
            return fields(kind["element"])
        properties = types[kind["reference"]["$ref"]] if kind["type"] == "ref" else {}
        return {name: fields(each["type"]) for name, each in properties.items()}

    found = dict(MORE)
    for event in schema["event"]["entities"]:
        root = {"type": "ref", "reference": event["rootProperty"]}
        if event["source"] in ("aws.s3", "aws.cloudformation"):  # some others' refer to themselves
            found[event["source"], event["detailType"]] = fields(root)
    return found


def pattern_problems(pattern: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a pattern, a sentence for each."""
    yield from (f"{name} is no part of an event" for name in pattern.keys() - FRAME)
    for source in pattern.get("source", [""]):
        for kind in pattern.get("detail-type", [""]):
            if (source, kind) in published():
                yield from _detail(pattern.get("detail", {}), published()[source, kind], "detail")
            else:
                yield f"there is no event {kind!r} of {source!r}"
    if STATUSES[0] in pattern.get("source", []):
        words = Loader().load_service_model(STATUSES[1], "service-2")["shapes"][STATUSES[2]]["enum"]
        asked = pattern.get("detail", {}).get("status-details", {}).get("status", [])
        yield from (f"there is no status {each}" for each in asked if each not in words)


def _detail(pattern: Mapping[str, Any], known: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, asked in pattern.items():
        if name not in known:
            yield f"{where} has no {name}"
        elif isinstance(asked, dict):
            yield from _detail(asked, known[name], f"{where}.{name}")
        elif not isinstance(asked, list):
            yield f"{where}.{name} is asked for {asked!r}, which is no list"


def schedule_problems(expression: str) -> Iterator[str]:
    """What is wrong with a schedule's expression."""
    if not re.fullmatch(f"{RATE}|{CRON}", expression):
        yield f"{expression} is neither a rate nor six fields of cron"
