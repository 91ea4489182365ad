"""AWS's services as principals of policies: whether a name is one, and whether it is the one that a statement is for.

AWS publishes no list. Its managed policies name services in conditions (iam:PassedToService, iam:AWSServiceName,
aws:CalledVia and others), and moto has a copy of them all; what they lack stands in `MORE` with its page.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from local.iam import as_list

MORE = {"logging.s3.amazonaws.com"}
""" "Enabling Amazon S3 server access logging" in S3's User Guide: "the logging service principal"."""

CALLED_OTHERWISE = {"apigateway": "execute-api"}
"""How the ARNs begin of what a service acts for, where not with its own name."""


@cache
def published() -> frozenset[str]:
    """The services' names that AWS's managed policies have in conditions."""
    return frozenset(_services(json.loads(aws_managed_policies_data), False))


def _services(value: Any, is_condition: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _services(each, is_condition or name == "Condition")
    elif isinstance(value, list):
        for each in value:
            yield from _services(each, is_condition)
    elif is_condition and re.fullmatch(r"[\w.-]+\.amazonaws\.com", str(value)):
        yield value


def services_of(statement: Mapping[str, Any]) -> list[str]:
    """The services that a statement is for."""
    principal = statement.get("Principal", {})
    return as_list(principal.get("Service", [])) if isinstance(principal, dict) else []


def faults_of_principal(statement: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with whom a statement is for; a sentence for each fault."""
    principal = statement.get("Principal", {})
    if principal == "*":
        if statement["Effect"] == "Allow":
            yield "it allows everybody"
    elif principal and principal.keys() != {"Service"}:
        yield f"it is for {', '.join(principal)}, and ours are for services"
    sources = {
        str(value).split(":")[2]
        for keys in statement.get("Condition", {}).values()
        for key, values in keys.items()
        if key.lower() == "aws:sourcearn"
        for value in as_list(values)
    }
    for service in services_of(statement):
        own = service.partition(".")[0]
        if service not in published() | MORE:
            yield f"{service} is no service"
        elif sources - {own, CALLED_OTHERWISE.get(own)}:
            yield f"{service} does not act for {', '.join(sorted(sources))}"
