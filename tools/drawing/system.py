"""What the drawing shows: resources of template.yaml and states of its state machine, with who calls and uses what."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local.account import REGION
from local.template.application import Application
from local.template.document import Loader
from local.template.intrinsics import Template
from local.template.reader import load

STACK = "booth"
ATTRIBUTES = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"}

FUNCTION, MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"
API, CDN = "AWS::Serverless::HttpApi", "AWS::CloudFront::Distribution"
BUCKET, TABLE, QUEUE = "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue"
NESTED, ALARM = "AWS::CloudFormation::Stack", "AWS::CloudWatch::Alarm"
DRAWN = {FUNCTION, MACHINE, API, CDN, BUCKET, TABLE, QUEUE, NESTED}
WATCHING = {
    "AWS::CloudWatch::Dashboard": "dashboard",
    "AWS::Budgets::Budget": "budget",
    "AWS::SNS::Topic": "mail",
}
LEFT_OUT = {
    "AWS::CloudFront::CachePolicy",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::OriginRequestPolicy",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::IAM::Policy",
    "AWS::Logs::LogGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::LayerVersion",
}
"""Settings of what is drawn."""
MODELS = ("rekognition", "sagemaker", "bedrock")
"""IAM's prefixes of the services that have the models."""


class CanNotDraw(Exception):
    """Template or state machine have something for which the drawing has no place."""


@dataclass(frozen=True)
class Function:
    """A Lambda function. `uses` holds the resources on which it has rights, `models` the services that it may call."""

    name: str
    uses: tuple[str, ...]
    models: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """A state on the way from StartAt to the end."""

    name: str
    caption: str
    """The state's comment up to its first comma, colon or semicolon."""
    function: str
    """Logical id of the function that is called, inside a Map too."""
    is_map: bool
    inside: tuple[str, ...]
    """A Map's own states in order."""
    ends: tuple[str, ...]
    """Where a Choice after the state leads to."""
    fallbacks: tuple[str, ...]
    """States that only an error leads to."""
    fails_to: str
    """The state on the way to which an error leads; "" for none."""
    other_functions: tuple[str, ...] = ()
    """Logical ids of the functions that a Map calls besides."""


@dataclass(frozen=True)
class Kept:
    """A resource that is no function: name, type, and the lines under its name."""

    name: str
    type: str
    notes: tuple[str, ...]


@dataclass
class System:
    """All that is drawn; functions by what calls them."""

    routes: list[tuple[str, Function]] = field(default_factory=list)
    """"POST /upload" and the like."""
    events: list[tuple[str, str, Function]] = field(default_factory=list)
    """The event's name, the bucket that it is of, the function."""
    schedules: list[tuple[str, Function]] = field(default_factory=list)
    """"every minute" and the like."""
    steps: list[Step] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
    models: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By service: the model ids of the policies, or the actions."""
    paths: list[tuple[str, str]] = field(default_factory=list)
    """The CDN's paths and the resource that each leads to."""
    machine: str = ""
    kept: dict[str, Kept] = field(default_factory=dict)


def read(folder: Path) -> System:
    """The system of the template in `folder`. Raises CanNotDraw, TemplateError."""
    template = Template(folder / "template.yaml", STACK, REGION, {}, ATTRIBUTES)
    application = load(folder / "template.yaml", stack=STACK, region=REGION, attributes=ATTRIBUTES)
    resources = template.document["Resources"]
    unknown = {each["Type"] for each in resources.values()} - DRAWN - LEFT_OUT
    if unknown:
        raise CanNotDraw(f"there is no place for {', '.join(sorted(unknown))}")
    system = System()
    system.functions = {name: _function(name, template, application) for name in application.functions}
    [(system.machine, machine)] = application.state_machines.items()
    arns = {template.get_att([name, "Arn"]): name for name in application.functions}
    system.steps = steps_of(machine.definition, arns)
    for name, resource in resources.items():
        if resource["Type"] in (BUCKET, TABLE, QUEUE, NESTED):
            system.kept[name] = Kept(name, resource["Type"], _notes(folder, resource))
        elif resource["Type"] == CDN:
            system.paths = _paths(resource["Properties"]["DistributionConfig"], resources)
    _add_callers(system, application)
    system.models = {
        service: names
        for service in MODELS
        if (names := _model_names(service, [each for all_ in application.policies.values() for each in all_]))
    }
    return system


def _add_callers(system: System, application: Application) -> None:
    for route in application.routes:
        system.routes.append((f"{route.method} {route.path}", system.functions[route.function]))
    for rule in application.rules:
        names = set(rule.pattern["detail"]["bucket"]["name"])
        [bucket] = [name for name, each in application.buckets.items() if each.name in names]
        system.events.append((rule.pattern["detail-type"][0], bucket, system.functions[rule.function]))
    for schedule in application.schedules:
        label = re.sub(r"rate\((?:1 )?(.+)\)", r"every \1", schedule.expression)
        system.schedules.append((label, system.functions[schedule.function]))
    called = {each[-1].name for calls in (system.routes, system.events, system.schedules) for each in calls}
    forgotten = system.functions.keys() - called - {step.function for step in system.steps}
    forgotten -= {name for step in system.steps for name in step.other_functions}
    if forgotten:
        raise CanNotDraw(f"nothing calls {', '.join(sorted(forgotten))}")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _function(name: str, template: Template, application: Application) -> Function:
    statements = application.policies.get(name, [])
    rights = [arn for each in statements for arn in _as_list(each["Resource"])]
    actions = [action for each in statements for action in _as_list(each["Action"])]
    patterns = {
        **{each: f"arn:aws:s3:::{re.escape(bucket.name)}(/.*)?" for each, bucket in application.buckets.items()},
        **{each: f".*:table/{re.escape(table.name)}(/.*)?" for each, table in application.tables.items()},
        **{each: f".*:{re.escape(machine.name)}(:.*)?" for each, machine in application.state_machines.items()},
    }
    uses = [each for each, pattern in patterns.items() if any(re.fullmatch(pattern, arn) for arn in rights)]
    uses += names_in(template.resources[name]["Properties"].get("DeadLetterQueue", {}))
    models = [service for service in MODELS if any(action.startswith(f"{service}:") for action in actions)]
    return Function(name, tuple(uses), tuple(models))


def _model_names(service: str, statements: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The model ids that policies name, without maker, version and Region; else the actions."""
    own = [each for each in statements if str(_as_list(each["Action"])[0]).startswith(f"{service}:")]
    arns = [arn for each in own for arn in _as_list(each["Resource"])]
    ids = [match[1] for arn in arns if (match := re.search(r"foundation-model/[a-z]+\.(.+?)(-v\d.*)?$", arn))]
    actions = [action.partition(":")[2] for each in own for action in _as_list(each["Action"])]
    return tuple(dict.fromkeys(ids or actions))


def names_in(value: Any) -> Iterator[str]:
    """The logical ids that Ref, GetAtt and Sub name in a value."""
    if isinstance(value, list):
        for item in value:
            yield from names_in(item)
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "Ref":
                yield item
            elif name == "Fn::GetAtt":
                yield item.split(".")[0] if isinstance(item, str) else item[0]
            elif name == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", item if isinstance(item, str) else item[0])
            else:
                yield from names_in(item)


def _paths(config: dict[str, Any], resources: dict[str, Any]) -> list[tuple[str, str]]:
    """Paths of the CDN, those of one origin together, and the logical id of that origin; the default one is last."""
    origins = {}
    for origin in config["Origins"]:
        [origins[origin["Id"]]] = [name for name in names_in(origin["DomainName"]) if name in resources]
    found: dict[str, list[str]] = {}
    for behaviour in config.get("CacheBehaviors", []):
        found.setdefault(origins[behaviour["TargetOriginId"]], []).append(behaviour["PathPattern"])
    default = origins[config["DefaultCacheBehavior"]["TargetOriginId"]]
    return [*((" ".join(paths), origin) for origin, paths in found.items()), ("all else", default)]


def _notes(folder: Path, resource: dict[str, Any]) -> tuple[str, ...]:
    """What the resource is, and for how long it keeps things."""
    properties = resource.get("Properties", {})
    if resource["Type"] == BUCKET:
        versioned = properties.get("VersioningConfiguration", {}).get("Status") == "Enabled"
        rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
        ends = [
            f"{rule.get('Prefix', '')} {_days(rule['ExpirationInDays'])}"
            for rule in rules
            if "ExpirationInDays" in rule
        ]
        return ("S3, versioned" if versioned else "S3", *map(str.strip, ends))
    if resource["Type"] == QUEUE:
        return ("SQS", _days(properties["MessageRetentionPeriod"] // 86400))
    if resource["Type"] == TABLE:
        return ("DynamoDB",)
    nested = yaml.load((folder / properties["TemplateURL"]).read_text("utf-8"), Loader=Loader)
    types = [each["Type"] for each in nested["Resources"].values()]
    return (f"{types.count(ALARM)} alarms", ", ".join(name for kind, name in WATCHING.items() if kind in types))


def _days(number: Any) -> str:
    """A number of days, or the name of the parameter that has it."""
    if isinstance(number, dict):
        return number["Ref"]
    return f"{number} day{'s' * (number != 1)}"


def steps_of(definition: Mapping[str, Any], functions: Mapping[str, str]) -> list[Step]:
    """The states from StartAt on in their order; a Choice belongs to the state before it.

    Args:
        definition: the state machine.
        functions: the functions' logical ids by ARN.

    Raises:
        CanNotDraw: a state is of another kind, or nothing leads to it.
    """
    states = definition["States"]
    way = _way(definition)
    steps = [_step(name, states, way, functions) for name in way]
    drawn = {name for step in steps for name in (step.name, *step.ends, *step.fallbacks)}
    drawn |= {name for name, state in states.items() if state["Type"] == "Choice"}
    if states.keys() - drawn:
        raise CanNotDraw(f"there is no way to {', '.join(sorted(states.keys() - drawn))}")
    return steps


def _way(definition: Mapping[str, Any]) -> list[str]:
    """The names of the states from StartAt on, up to the last one or to a Choice, which is not in it."""
    way, name = [], definition["StartAt"]
    while name and name not in way and definition["States"][name]["Type"] != "Choice":
        way.append(name)
        name = definition["States"][name].get("Next", "")
    return way


def _way_in_map(definition: Mapping[str, Any]) -> list[str]:
    """The names of a Map's states from StartAt on; after a Choice its first way, with which the others meet again."""
    way, name = [], definition["StartAt"]
    while name and name not in way:
        way.append(name)
        state = definition["States"][name]
        name = state["Choices"][0]["Next"] if state["Type"] == "Choice" else state.get("Next", "")
    return way


def _step(name: str, states: Mapping[str, Any], way: list[str], functions: Mapping[str, str]) -> Step:
    state = states[name]
    if state["Type"] not in ("Task", "Map", "Wait", "Pass"):
        raise CanNotDraw(f"{name} is a {state['Type']}")
    next_ = states.get(state.get("Next", ""), {})
    ends = [each["Next"] for each in next_.get("Choices", [])] + [next_["Default"]] if "Default" in next_ else []
    caught = [each["Next"] for each in state.get("Catch", [])]
    inside, called, fallbacks = [], [state], [each for each in caught if each not in way]
    if state["Type"] == "Map":
        inner = state["ItemProcessor"]
        inside = _way_in_map(inner)
        called = [inner["States"][each] for each in inside]
        own = [each for each in inner["States"] if each not in inside]
        fallbacks += own
        called += [inner["States"][each] for each in own]
    arns = [each.get("Parameters", {}).get("FunctionName", "") for each in called]
    own_functions = [functions[arn] for arn in arns if arn in functions]
    return Step(
        name=name,
        caption=re.split("[,:;]", state.get("Comment", ""))[0],
        function=next(iter(own_functions), ""),
        is_map=state["Type"] == "Map",
        inside=tuple(inside),
        ends=tuple(ends),
        fallbacks=tuple(fallbacks),
        fails_to=next((each for each in caught if each in way), ""),
        other_functions=tuple(own_functions[1:]),
    )
