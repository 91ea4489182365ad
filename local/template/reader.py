"""Reads a template's resources: the types and properties that are known, and those that mean nothing locally."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.lambdas.function import Function
from local.template.application import (
    Application,
    Bucket,
    Route,
    Rule,
    Schedule,
    Secret,
    SsmParameter,
    StateMachine,
    Table,
)
from local.template.document import TemplateError, refuse_unknown
from local.template.intrinsics import NO_VALUE, Template, as_text, secret_value

# Of these types nothing exists locally; a Ref or GetAtt to one must be given by `attributes`.
_LEFT_OUT_TYPES = (
    "AWS::ApplicationAutoScaling::",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFront::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::Lambda::Permission",
    "AWS::Logs::",
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
_RATE_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


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
        region: AWS Region for pseudo parameters and ARNs. The account is `local.account.ACCOUNT`.
        parameters: values in place of the template's defaults.
        attributes: values of Ref and GetAtt that only a deployment knows, by "LogicalId" or "LogicalId.Attribute".

    Raises:
        TemplateError: something is wrong with the template, unknown here, or has no value locally.
    """
    return _Reader(Template(path, stack, region, parameters or {}, attributes or {})).application()


class _Reader:
    """Takes a template's resources over into an application, each by its type."""

    def __init__(self, template: Template):
        self._template = template
        self._application = Application()

    def application(self) -> Application:
        readers = {
            "AWS::DynamoDB::Table": self._table,
            "AWS::IAM::Policy": self._policy,
            "AWS::S3::Bucket": self._bucket,
            "AWS::S3::BucketPolicy": self._bucket_policy,
            "AWS::SSM::Parameter": self._ssm_parameter,
            "AWS::SecretsManager::Secret": self._secret,
            "AWS::Serverless::Function": self._function,
            "AWS::Serverless::HttpApi": lambda logical_id, properties: None,
            "AWS::Serverless::StateMachine": self._state_machine,
        }
        for logical_id, resource in self._template.resources.items():
            kind = resource["Type"]
            if kind in readers:
                readers[kind](logical_id, resource.get("Properties", {}))
            elif not kind.startswith(_LEFT_OUT_TYPES):
                raise TemplateError(f"{logical_id}: the local mode does not know the type {kind}")
        return self._application

    def _function(self, logical_id: str, own: dict) -> None:
        common = self._template.document.get("Globals", {}).get("Function", {})
        properties = {**common, **own}
        refuse_unknown(logical_id, properties, _FUNCTION_USED | _FUNCTION_LEFT_OUT)
        variables = {
            **common.get("Environment", {}).get("Variables", {}),
            **own.get("Environment", {}).get("Variables", {}),
        }
        get = self._getter(logical_id, properties)
        self._application.functions[logical_id] = Function(
            name=self._template.ref(logical_id),
            handler=get("Handler"),
            code=self._template.folder / get("CodeUri"),
            environment={name: as_text(value) for name, value in self._template.resolve(variables).items()},
            timeout=float(get("Timeout", 3)),
            memory_mb=int(get("MemorySize", 128)),
            retries=int(get("EventInvokeConfig", {}).get("MaximumRetryAttempts", Function.retries)),
            event_age=float(get("EventInvokeConfig", {}).get("MaximumEventAgeInSeconds", Function.event_age)),
            concurrency=int(get("ReservedConcurrentExecutions", Function.concurrency)),
            layers=tuple(self._template.resolve([*common.get("Layers", []), *own.get("Layers", [])])),
        )
        statements = self._application.policies.setdefault(logical_id, [])
        for policy in get("Policies", []):
            statements.extend(_statements(logical_id, policy))
        for name, event in properties.get("Events", {}).items():
            self._event(f"{logical_id}.{name}", logical_id, event)

    def _policy(self, logical_id: str, properties: dict) -> None:
        """A policy beside the roles that SAM makes: that of the function `X` is called `XRole`."""
        refuse_unknown(logical_id, properties, {"PolicyDocument", "PolicyName", "Roles"})
        document = self._getter(logical_id, properties)("PolicyDocument")
        for role in properties["Roles"]:
            function = role.get("Ref", "").removesuffix("Role")
            if self._template.resources.get(function, {}).get("Type") != "AWS::Serverless::Function":
                raise TemplateError(f"{logical_id}: the local mode does not know the role {role}")
            self._application.policies.setdefault(function, []).extend(_statements(logical_id, document))

    def _event(self, where: str, function: str, event: dict) -> None:
        kind, properties = event["Type"], event.get("Properties", {})
        get = self._getter(where, properties)
        if kind == "HttpApi":
            refuse_unknown(where, properties, {"ApiId", "Method", "Path", "RouteSettings"})
            self._application.routes.append(Route(get("Method").upper(), get("Path"), function))
        elif kind in ("Schedule", "ScheduleV2"):
            expression = "Schedule" if kind == "Schedule" else "ScheduleExpression"
            known = {expression, "DeadLetterConfig", "Description", "Enabled", "FlexibleTimeWindow", "Input", "Name"}
            known |= {"OmitName", "PermissionsBoundary", "RetryPolicy", "RoleArn", "State"}
            refuse_unknown(where, properties, known)
            if get("State", "ENABLED") == "ENABLED" and as_text(get("Enabled", "true")) == "true":
                text = get(expression)
                schedule = Schedule(function, text, _rate_seconds(where, text), get("Input", None))
                self._application.schedules.append(schedule)
        elif kind == "EventBridgeRule":
            refuse_unknown(where, properties, {"DeadLetterConfig", "Pattern", "RetryPolicy", "RuleName"})
            self._application.rules.append(Rule(function, get("Pattern")))
        else:
            raise TemplateError(f"{where}: the local mode does not know events of type {kind}")

    def _bucket(self, logical_id: str, properties: dict) -> None:
        refuse_unknown(logical_id, properties, _BUCKET_USED | _BUCKET_LEFT_OUT)
        get = self._getter(logical_id, properties)
        notifications = get("NotificationConfiguration", {})
        refuse_unknown(f"{logical_id}.NotificationConfiguration", notifications, {"EventBridgeConfiguration"})
        eventbridge = notifications.get("EventBridgeConfiguration", {"EventBridgeEnabled": "false"})
        self._application.buckets[logical_id] = Bucket(
            name=self._template.ref(logical_id),
            versioned=get("VersioningConfiguration", {}).get("Status") == "Enabled",
            eventbridge=as_text(eventbridge.get("EventBridgeEnabled", "true")) == "true",
            cors=[_boto_cors_rule(logical_id, rule) for rule in get("CorsConfiguration", {}).get("CorsRules", [])],
        )

    def _bucket_policy(self, logical_id: str, properties: dict) -> None:
        """Of a bucket's policy what it denies the CDN; the rest of it means nothing locally."""
        for statement in self._getter(logical_id, properties)("PolicyDocument")["Statement"]:
            if statement["Effect"] == "Deny" and statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}:
                self._application.denied_to_cdn.append(
                    {name: value for name, value in statement.items() if name != "Principal"}
                )

    def _table(self, logical_id: str, properties: dict) -> None:
        used = {"TableName", "TimeToLiveSpecification"}
        refuse_unknown(logical_id, properties, used | _TABLE_CREATED | _TABLE_LEFT_OUT)
        name = self._template.ref(logical_id)
        create = self._template.resolve({key: value for key, value in properties.items() if key in _TABLE_CREATED})
        ttl = self._template.resolve(properties.get("TimeToLiveSpecification", {}))
        enabled = as_text(ttl.get("Enabled", "false")) == "true"
        self._application.tables[logical_id] = Table(
            name, {"TableName": name, **create}, ttl["AttributeName"] if enabled else None
        )

    def _ssm_parameter(self, logical_id: str, properties: dict) -> None:
        refuse_unknown(logical_id, properties, {"Description", "Name", "Tags", "Tier", "Type", "Value"})
        get = self._getter(logical_id, properties)
        self._application.ssm_parameters[logical_id] = SsmParameter(
            self._template.ref(logical_id), get("Type"), as_text(get("Value"))
        )

    def _secret(self, logical_id: str, properties: dict) -> None:
        refuse_unknown(logical_id, properties, {"Description", "GenerateSecretString", "Name", "Tags"})
        generate = self._getter(logical_id, properties)("GenerateSecretString")
        if "GenerateStringKey" not in generate:
            refuse_unknown(logical_id, generate, {"ExcludePunctuation", "PasswordLength"})
            value = secret_value(self._template.ref(logical_id))
            self._application.secrets[logical_id] = Secret(self._template.name(logical_id), {}, "", value)
            return
        used = {"GenerateStringKey", "SecretStringTemplate"}
        refuse_unknown(logical_id, generate, used | {"ExcludePunctuation", "PasswordLength"})
        self._application.secrets[logical_id] = Secret(
            self._template.name(logical_id), json.loads(generate["SecretStringTemplate"]), generate["GenerateStringKey"]
        )

    def _state_machine(self, logical_id: str, properties: dict) -> None:
        refuse_unknown(logical_id, properties, _MACHINE_USED | _MACHINE_LEFT_OUT)
        get = self._getter(logical_id, properties)
        if "Definition" in properties:
            text = json.dumps(get("Definition"))
        else:
            text = (self._template.folder / get("DefinitionUri")).read_text(encoding="utf-8")
        values = get("DefinitionSubstitutions", {})

        def substitute(match: re.Match) -> str:
            if match[1] not in values:
                raise TemplateError(f"{logical_id}: the definition's ${{{match[1]}}} has no substitution")
            return as_text(values[match[1]])

        try:
            definition = json.loads(re.sub(r"\$\{(\w+)\}", substitute, text))
        except json.JSONDecodeError as error:
            raise TemplateError(f"{logical_id}: the definition is not JSON: {error}") from error
        self._application.state_machines[logical_id] = StateMachine(
            name=self._template.name(logical_id),
            arn=self._template.ref(logical_id),
            type=get("Type", "STANDARD"),
            definition=definition,
            timeout=definition.get("TimeoutSeconds"),
        )

    def _getter(self, where: str, properties: dict) -> Callable:
        """A function that gives resolved properties; one without default must be there."""
        missing = object()

        def get(name: str, default: Any = missing) -> Any:
            value = self._template.resolve(properties[name]) if name in properties else NO_VALUE
            if value is NO_VALUE and default is missing:
                raise TemplateError(f"{where}: {name} is missing")
            return default if value is NO_VALUE else value

        return get


def _statements(where: str, policy: Any) -> list[dict]:
    """The statements of a policy that is written out; SAM's policy templates and managed policies are refused."""
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise TemplateError(f"{where}: the local mode knows policies with statements only, not {policy}")
    return policy["Statement"]


def _rate_seconds(where: str, expression: str) -> int | None:
    """The seconds of a rate expression; None for cron. Raises TemplateError."""
    if expression.startswith("cron("):
        return None
    match = re.fullmatch(r"rate\((\d+) (second|minute|hour|day)s?\)", expression)
    if not match:
        raise TemplateError(f"{where}: the local mode does not know the schedule {expression}")
    return int(match[1]) * _RATE_UNITS[match[2]]


def _boto_cors_rule(where: str, rule: dict) -> dict:
    """CloudFormation's CORS rule in the form that boto3's put_bucket_cors takes."""
    names = {
        "AllowedHeaders": "AllowedHeaders",
        "AllowedMethods": "AllowedMethods",
        "AllowedOrigins": "AllowedOrigins",
        "ExposedHeaders": "ExposeHeaders",
        "Id": "ID",
        "MaxAge": "MaxAgeSeconds",
    }
    refuse_unknown(f"{where}.CorsConfiguration", rule, set(names))
    return {names[name]: int(value) if name == "MaxAge" else value for name, value in rule.items()}
