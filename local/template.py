"""Reads a SAM template for the local mode: what runs, under which names, with which environment and routes.

Only what such an application needs is understood, in the meaning CloudFormation and SAM give it. Everything else is
refused by name, so that the local application never silently differs from the deployed one. Resources and
properties which have no meaning on one machine (roles, log groups, the CDN, alarms) are listed below and left out.

Sources: "Intrinsic function reference" of CloudFormation, "AWS SAM resources and properties".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local.account import ACCOUNT
from local.lambdas.function import Function

# Of these types nothing exists locally; a Ref or GetAtt to one must be given by `attributes`.
_LEFT_OUT_TYPES = (
    "AWS::ApplicationAutoScaling::",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFront::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::Lambda::Permission",
    "AWS::Logs::",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::",
    "AWS::SQS::",
    "AWS::Serverless::LayerVersion",
    "AWS::WAFv2::",
)
_FUNCTION_USED = {
    *("CodeUri", "Environment", "Events", "FunctionName", "Handler", "MemorySize", "Timeout"),
    *("EventInvokeConfig", "Layers", "Policies", "ReservedConcurrentExecutions"),
}
_FUNCTION_LEFT_OUT = {
    *("Architectures", "DeadLetterQueue", "Description", "EphemeralStorage", "LoggingConfig"),
    *("Role", "Runtime", "RuntimeManagementConfig", "Tags", "Tracing"),
}
_BUCKET_USED = {"BucketName", "CorsConfiguration", "NotificationConfiguration", "VersioningConfiguration"}
_BUCKET_LEFT_OUT = {
    *("BucketEncryption", "LifecycleConfiguration", "LoggingConfiguration", "OwnershipControls"),
    *("PublicAccessBlockConfiguration", "Tags"),
}
_TABLE_CREATED = {
    *("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema", "LocalSecondaryIndexes"),
    *("ProvisionedThroughput",),
}
_TABLE_LEFT_OUT = {
    *("DeletionProtectionEnabled", "OnDemandThroughput", "PointInTimeRecoverySpecification"),
    *("SSESpecification", "TableClass", "Tags"),
}
_MACHINE_USED = {"Definition", "DefinitionSubstitutions", "DefinitionUri", "Name", "Type"}
_MACHINE_LEFT_OUT = {"Logging", "Policies", "Role", "Tags", "Tracing"}
_NO_VALUE = object()
_RATE_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class TemplateError(ValueError):
    """The template holds something that is wrong or that the local mode does not know; the message names it."""


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API: method in capitals (or ANY), path as in the template, function's logical id."""

    method: str
    path: str
    function: str


@dataclass(frozen=True)
class Schedule:
    """A schedule of a function (logical id). `seconds` is None for cron; `input` is the event's JSON text."""

    function: str
    expression: str
    seconds: int | None
    input: str | None


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule: the pattern as a dict, and the function (logical id) that gets the events."""

    function: str
    pattern: dict


@dataclass(frozen=True)
class Bucket:
    """A bucket; `cors` holds rules in the form that boto3's put_bucket_cors takes."""

    name: str
    versioned: bool
    eventbridge: bool
    cors: list[dict]


@dataclass(frozen=True)
class Table:
    """A DynamoDB table: arguments for boto3's create_table (TableName included), TTL attribute if one is on."""

    name: str
    create: dict
    ttl_attribute: str | None


@dataclass(frozen=True)
class SsmParameter:
    """A parameter of Systems Manager: name, type (String, StringList) and value."""

    name: str
    type: str
    value: str


@dataclass(frozen=True)
class Secret:
    """A secret of Secrets Manager whose value is JSON: what is given, and the key whose value is made at random.

    `value` is the whole text of one that is none, and then nothing is generated.
    """

    name: str
    given: dict[str, str]
    generated: str
    value: str = ""


@dataclass(frozen=True)
class StateMachine:
    """A state machine; `definition` is its Amazon States Language after all substitutions, `timeout` in seconds."""

    name: str
    arn: str
    type: str
    definition: dict
    timeout: int | None


@dataclass
class Application:
    """What a template describes, by logical id where a thing has one."""

    functions: dict[str, Function] = field(default_factory=dict)
    policies: dict[str, list[dict]] = field(default_factory=dict)
    """The statements of each function's role."""
    routes: list[Route] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    ssm_parameters: dict[str, SsmParameter] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    state_machines: dict[str, StateMachine] = field(default_factory=dict)


def load(
    path: Path,
    *,
    stack: str,
    region: str,
    parameters: Mapping[str, str] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> Application:
    """Read the template at `path` as if it were deployed as `stack` to `region`.

    Args:
        path: the template; CodeUri and DefinitionUri are relative to its folder.
        stack: the stack's name, which goes into the names that the template leaves open.
        region: AWS Region for pseudo parameters and ARNs. The account is 123456789012.
        parameters: values in place of the template's defaults.
        attributes: values of Ref and GetAtt that only a deployment knows, by "LogicalId" or "LogicalId.Attribute".

    Raises:
        TemplateError: something is wrong with the template, unknown here, or has no value locally.
    """
    return _Reader(path, stack, region, parameters or {}, attributes or {}).application()


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # libyaml's, where it is: ten times as fast
    """YAML with CloudFormation's short tags, without YAML's dates, without silent duplicates."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise TemplateError(f"{key} is given twice near line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _construct_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _construct_tag)


def default_of(path: Path, parameter: str) -> str:
    """The default of a template's parameter."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)["Parameters"][parameter]["Default"]


class _Reader:
    def __init__(
        self,
        path: Path,
        stack: str,
        region: str,
        parameters: Mapping[str, str],
        attributes: Mapping[str, str],
    ):
        self._folder = Path(path).resolve().parent
        self._stack = stack
        self._region = region
        self._attributes = attributes
        self._template = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
        self._parameters = self._read_parameters(parameters)
        self._pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackName": stack,
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{stack}/local",
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }
        self._resources = {
            logical_id: resource
            for logical_id, resource in self._template["Resources"].items()
            if "Condition" not in resource or self._condition(resource["Condition"])
        }

    def application(self) -> Application:
        readers = {
            "AWS::DynamoDB::Table": self._table,
            "AWS::IAM::Policy": self._policy,
            "AWS::S3::Bucket": self._bucket,
            "AWS::SSM::Parameter": self._ssm_parameter,
            "AWS::SecretsManager::Secret": self._secret,
            "AWS::Serverless::Function": self._function,
            "AWS::Serverless::HttpApi": lambda application, logical_id, properties: None,
            "AWS::Serverless::StateMachine": self._state_machine,
        }
        application = Application()
        for logical_id, resource in self._resources.items():
            kind = resource["Type"]
            if kind in readers:
                readers[kind](application, logical_id, resource.get("Properties", {}))
            elif not kind.startswith(_LEFT_OUT_TYPES):
                raise TemplateError(f"{logical_id}: the local mode does not know the type {kind}")
        return application

    # Resources

    def _function(self, application: Application, logical_id: str, own: dict) -> None:
        common = self._template.get("Globals", {}).get("Function", {})
        properties = {**common, **own}
        _refuse_unknown(logical_id, properties, _FUNCTION_USED | _FUNCTION_LEFT_OUT)
        variables = {
            **common.get("Environment", {}).get("Variables", {}),
            **own.get("Environment", {}).get("Variables", {}),
        }
        get = self._getter(logical_id, properties)
        application.functions[logical_id] = Function(
            name=self._ref(logical_id),
            handler=get("Handler"),
            code=self._folder / get("CodeUri"),
            environment={name: _text(value) for name, value in self._resolve(variables).items()},
            timeout=float(get("Timeout", 3)),
            memory_mb=int(get("MemorySize", 128)),
            retries=int(get("EventInvokeConfig", {}).get("MaximumRetryAttempts", Function.retries)),
            event_age=float(get("EventInvokeConfig", {}).get("MaximumEventAgeInSeconds", Function.event_age)),
            concurrency=int(get("ReservedConcurrentExecutions", Function.concurrency)),
            layers=tuple(self._resolve([*common.get("Layers", []), *own.get("Layers", [])])),
        )
        statements = application.policies.setdefault(logical_id, [])
        for policy in get("Policies", []):
            statements.extend(_statements(logical_id, policy))
        for name, event in properties.get("Events", {}).items():
            self._event(application, f"{logical_id}.{name}", logical_id, event)

    def _policy(self, application: Application, logical_id: str, properties: dict) -> None:
        """A policy beside the roles that SAM makes: that of the function `X` is called `XRole`."""
        _refuse_unknown(logical_id, properties, {"PolicyDocument", "PolicyName", "Roles"})
        document = self._getter(logical_id, properties)("PolicyDocument")
        for role in properties["Roles"]:
            function = role.get("Ref", "").removesuffix("Role")
            if self._resources.get(function, {}).get("Type") != "AWS::Serverless::Function":
                raise TemplateError(f"{logical_id}: the local mode does not know the role {role}")
            application.policies.setdefault(function, []).extend(_statements(logical_id, document))

    def _event(self, application: Application, where: str, function: str, event: dict) -> None:
        kind, properties = event["Type"], event.get("Properties", {})
        get = self._getter(where, properties)
        if kind == "HttpApi":
            _refuse_unknown(where, properties, {"ApiId", "Method", "Path", "RouteSettings"})
            application.routes.append(Route(get("Method").upper(), get("Path"), function))
        elif kind in ("Schedule", "ScheduleV2"):
            expression = "Schedule" if kind == "Schedule" else "ScheduleExpression"
            known = {expression, "DeadLetterConfig", "Description", "Enabled", "FlexibleTimeWindow", "Input", "Name"}
            known |= {"OmitName", "PermissionsBoundary", "RetryPolicy", "RoleArn", "State"}
            _refuse_unknown(where, properties, known)
            if get("State", "ENABLED") == "ENABLED" and _text(get("Enabled", "true")) == "true":
                text = get(expression)
                schedule = Schedule(function, text, _rate_seconds(where, text), get("Input", None))
                application.schedules.append(schedule)
        elif kind == "EventBridgeRule":
            _refuse_unknown(where, properties, {"DeadLetterConfig", "Pattern", "RetryPolicy", "RuleName"})
            application.rules.append(Rule(function, get("Pattern")))
        else:
            raise TemplateError(f"{where}: the local mode does not know events of type {kind}")

    def _bucket(self, application: Application, logical_id: str, properties: dict) -> None:
        _refuse_unknown(logical_id, properties, _BUCKET_USED | _BUCKET_LEFT_OUT)
        get = self._getter(logical_id, properties)
        notifications = get("NotificationConfiguration", {})
        _refuse_unknown(f"{logical_id}.NotificationConfiguration", notifications, {"EventBridgeConfiguration"})
        eventbridge = notifications.get("EventBridgeConfiguration", {"EventBridgeEnabled": "false"})
        application.buckets[logical_id] = Bucket(
            name=self._ref(logical_id),
            versioned=get("VersioningConfiguration", {}).get("Status") == "Enabled",
            eventbridge=_text(eventbridge.get("EventBridgeEnabled", "true")) == "true",
            cors=[_boto_cors_rule(logical_id, rule) for rule in get("CorsConfiguration", {}).get("CorsRules", [])],
        )

    def _table(self, application: Application, logical_id: str, properties: dict) -> None:
        used = {"TableName", "TimeToLiveSpecification"}
        _refuse_unknown(logical_id, properties, used | _TABLE_CREATED | _TABLE_LEFT_OUT)
        name = self._ref(logical_id)
        create = self._resolve({key: value for key, value in properties.items() if key in _TABLE_CREATED})
        ttl = self._resolve(properties.get("TimeToLiveSpecification", {}))
        enabled = _text(ttl.get("Enabled", "false")) == "true"
        application.tables[logical_id] = Table(
            name, {"TableName": name, **create}, ttl["AttributeName"] if enabled else None
        )

    def _ssm_parameter(self, application: Application, logical_id: str, properties: dict) -> None:
        _refuse_unknown(logical_id, properties, {"Description", "Name", "Tags", "Tier", "Type", "Value"})
        get = self._getter(logical_id, properties)
        application.ssm_parameters[logical_id] = SsmParameter(self._ref(logical_id), get("Type"), _text(get("Value")))

    def _secret(self, application: Application, logical_id: str, properties: dict) -> None:
        _refuse_unknown(logical_id, properties, {"Description", "GenerateSecretString", "Name", "Tags"})
        generate = self._getter(logical_id, properties)("GenerateSecretString")
        if "GenerateStringKey" not in generate:
            _refuse_unknown(logical_id, generate, {"ExcludePunctuation", "PasswordLength"})
            name = self._ref(logical_id)
            application.secrets[logical_id] = Secret(name, {}, "", _made_up(name))
            return
        used = {"GenerateStringKey", "SecretStringTemplate"}
        _refuse_unknown(logical_id, generate, used | {"ExcludePunctuation", "PasswordLength"})
        application.secrets[logical_id] = Secret(
            self._ref(logical_id), json.loads(generate["SecretStringTemplate"]), generate["GenerateStringKey"]
        )

    def _state_machine(self, application: Application, logical_id: str, properties: dict) -> None:
        _refuse_unknown(logical_id, properties, _MACHINE_USED | _MACHINE_LEFT_OUT)
        get = self._getter(logical_id, properties)
        if "Definition" in properties:
            text = json.dumps(get("Definition"))
        else:
            text = (self._folder / get("DefinitionUri")).read_text(encoding="utf-8")
        values = get("DefinitionSubstitutions", {})

        def substitute(match: re.Match) -> str:
            if match[1] not in values:
                raise TemplateError(f"{logical_id}: the definition's ${{{match[1]}}} has no substitution")
            return _text(values[match[1]])

        try:
            definition = json.loads(re.sub(r"\$\{(\w+)\}", substitute, text))
        except json.JSONDecodeError as error:
            raise TemplateError(f"{logical_id}: the definition is not JSON: {error}") from error
        application.state_machines[logical_id] = StateMachine(
            name=self._name(logical_id),
            arn=self._ref(logical_id),
            type=get("Type", "STANDARD"),
            definition=definition,
            timeout=definition.get("TimeoutSeconds"),
        )

    def _getter(self, where: str, properties: dict) -> Callable:
        """A function that gives resolved properties; one without default must be there."""
        missing = object()

        def get(name: str, default: Any = missing) -> Any:
            value = self._resolve(properties[name]) if name in properties else _NO_VALUE
            if value is _NO_VALUE and default is missing:
                raise TemplateError(f"{where}: {name} is missing")
            return default if value is _NO_VALUE else value

        return get

    # Parameters, conditions, intrinsic functions

    def _read_parameters(self, given: Mapping[str, str]) -> dict[str, str | list[str]]:
        declared = self._template.get("Parameters", {})
        _refuse_unknown("Parameters", given, set(declared))
        values = {}
        for name, parameter in declared.items():
            if name in given:
                value = _text(given[name])
            elif "Default" in parameter and not parameter["Type"].startswith("AWS::SSM::"):
                value = _text(parameter["Default"])
            else:
                raise TemplateError(f"the parameter {name} has no value")
            allowed = [_text(item) for item in parameter.get("AllowedValues", [])]
            if allowed and value not in allowed:
                raise TemplateError(f"the parameter {name} must be one of {', '.join(allowed)}")
            if not re.fullmatch(parameter.get("AllowedPattern", "(?s:.*)"), value):
                raise TemplateError(f"the parameter {name} does not match {parameter['AllowedPattern']}")
            is_list = parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<")
            values[name] = [item.strip() for item in value.split(",")] if is_list else value
        return values

    def _condition(self, condition: str | dict) -> bool:
        """The truth of a named condition or of a condition's expression."""
        if isinstance(condition, str):
            if condition not in self._template.get("Conditions", {}):
                raise TemplateError(f"there is no condition {condition}")
            return self._condition(self._template["Conditions"][condition])
        [(name, value)] = condition.items()
        if name == "Condition":
            return self._condition(value)
        if name == "Fn::Equals":
            left, right = (self._resolve(item) for item in value)
            return _text(left) == _text(right)
        if name == "Fn::Not":
            return not self._condition(value[0])
        if name in ("Fn::And", "Fn::Or"):
            return (all if name == "Fn::And" else any)(self._condition(item) for item in value)
        raise TemplateError(f"the local mode does not know the condition function {name}")

    def _resolve(self, value: Any) -> Any:
        """The value with every intrinsic function worked out; what is AWS::NoValue vanishes from its container."""
        if isinstance(value, list):
            items = (self._resolve(item) for item in value)
            return [item for item in items if item is not _NO_VALUE]
        if isinstance(value, dict):
            if len(value) == 1:
                [(name, argument)] = value.items()
                if name in self._functions:
                    return self._functions[name](argument)
                if str(name).startswith("Fn::"):
                    raise TemplateError(f"the local mode does not know {name}")
            items = {name: self._resolve(item) for name, item in value.items()}
            return {name: item for name, item in items.items() if item is not _NO_VALUE}
        if isinstance(value, str) and "{{resolve:" in value:
            raise TemplateError(f"the local mode does not know dynamic references: {value}")
        return value

    def _name(self, logical_id: str) -> str:
        """The resource's physical name: the template's, or one made of stack and logical id."""
        resource = self._resources[logical_id]
        kind = {
            "AWS::DynamoDB::Table": "TableName",
            "AWS::S3::Bucket": "BucketName",
            "AWS::Serverless::Function": "FunctionName",
        }.get(resource["Type"], "Name")
        name = self._resolve(resource.get("Properties", {}).get(kind, _NO_VALUE))
        return f"{self._stack}-{logical_id}".lower() if name is _NO_VALUE else name

    def _ref(self, name: str) -> Any:
        for known in (self._pseudo, self._attributes, self._parameters):
            if name in known:
                return known[name]
        kind = self._resources.get(name, {}).get("Type")
        if kind == "AWS::Serverless::StateMachine":
            return self._get_att([name, "Arn"])
        if kind == "AWS::Serverless::LayerVersion":
            return name
        if kind in (
            "AWS::DynamoDB::Table",
            "AWS::S3::Bucket",
            "AWS::SSM::Parameter",
            "AWS::SecretsManager::Secret",
            "AWS::Serverless::Function",
        ):
            return self._name(name)
        raise TemplateError(f"Ref {name} has no value locally")

    def _get_att(self, argument: list[str] | str) -> str:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        logical_id, attribute = parts[0], _text(self._resolve(parts[1]))
        whole = f"{logical_id}.{attribute}"
        if whole in self._attributes:
            return self._attributes[whole]
        place = f"{self._region}:{ACCOUNT}"
        known = {
            ("AWS::DynamoDB::Table", "Arn"): f"arn:aws:dynamodb:{place}:table/{{name}}",
            ("AWS::S3::Bucket", "Arn"): "arn:aws:s3:::{name}",
            ("AWS::S3::Bucket", "DomainName"): "{name}.s3.amazonaws.com",
            ("AWS::S3::Bucket", "RegionalDomainName"): f"{{name}}.s3.{self._region}.amazonaws.com",
            ("AWS::Serverless::Function", "Arn"): f"arn:aws:lambda:{place}:function:{{name}}",
            ("AWS::Serverless::StateMachine", "Arn"): f"arn:aws:states:{place}:stateMachine:{{name}}",
            ("AWS::Serverless::StateMachine", "Name"): "{name}",
        }
        pattern = known.get((self._resources.get(logical_id, {}).get("Type"), attribute))
        if pattern is None:
            raise TemplateError(f"GetAtt {whole} has no value locally")
        return pattern.format(name=self._name(logical_id))

    def _if(self, argument: list) -> Any:
        condition, when_true, when_false = argument
        return self._resolve(when_true if self._condition(condition) else when_false)

    def _join(self, argument: list) -> str:
        separator, items = argument
        return separator.join(_text(item) for item in self._resolve(items))

    def _select(self, argument: list) -> Any:
        index, items = self._resolve(argument)
        return items[int(index)]

    def _split(self, argument: list) -> list[str]:
        separator, text = self._resolve(argument)
        return text.split(separator)

    def _find_in_map(self, argument: list) -> Any:
        mapping, first, second = self._resolve(argument)
        try:
            return self._template["Mappings"][mapping][first][second]
        except KeyError as error:
            raise TemplateError(f"Fn::FindInMap {mapping}, {first}, {second}: nothing is there") from error

    def _sub(self, argument: str | list) -> str:
        text, extra = (argument, {}) if isinstance(argument, str) else argument

        def substitute(match: re.Match) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in extra:
                return _text(self._resolve(extra[name]))
            return _text(self._get_att(name) if "." in name else self._ref(name))

        return self._dynamic(re.sub(r"\$\{([^}]+)\}", substitute, text))

    def _dynamic(self, text: str) -> str:
        """The text, or the value of the template's own secret that it is a dynamic reference to."""
        if "{{resolve:" not in text:
            return text
        secret = re.fullmatch(r"\{\{resolve:secretsmanager:([\w-]+|arn:[\w:/-]+)\}\}", text)
        if not secret:
            raise TemplateError(f"the local mode does not know dynamic references: {text}")
        return _made_up(secret[1])


def _made_up(secret: str) -> str:
    """The value of a secret that is one text: told from its name, for on this machine there is nobody to guess it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _statements(where: str, policy: Any) -> list[dict]:
    """The statements of a policy that is written out; SAM's policy templates and managed policies are refused."""
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise TemplateError(f"{where}: the local mode knows policies with statements only, not {policy}")
    return policy["Statement"]


def _refuse_unknown(where: str, given: Mapping, known: set[str]) -> None:
    for name in given:
        if name not in known:
            raise TemplateError(f"{where}: the local mode does not know {name}")


def _text(value: Any) -> str:
    """A scalar as CloudFormation hands it on."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TemplateError(f"a text was expected, not {value!r}")


def _rate_seconds(where: str, expression: str) -> int | None:
    if expression.startswith("cron("):
        return None
    match = re.fullmatch(r"rate\((\d+) (second|minute|hour|day)s?\)", expression)
    if not match:
        raise TemplateError(f"{where}: the local mode does not know the schedule {expression}")
    return int(match[1]) * _RATE_UNITS[match[2]]


def _boto_cors_rule(where: str, rule: dict) -> dict:
    names = {
        "AllowedHeaders": "AllowedHeaders",
        "AllowedMethods": "AllowedMethods",
        "AllowedOrigins": "AllowedOrigins",
        "ExposedHeaders": "ExposeHeaders",
        "Id": "ID",
        "MaxAge": "MaxAgeSeconds",
    }
    _refuse_unknown(f"{where}.CorsConfiguration", rule, set(names))
    return {names[name]: int(value) if name == "MaxAge" else value for name, value in rule.items()}
