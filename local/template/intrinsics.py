"""A template's parameters, conditions and intrinsic functions, in the meaning CloudFormation gives them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.account import ACCOUNT
from local.template.document import TemplateError, read, refuse_unknown

NO_VALUE = object()
"""What a Ref to AWS::NoValue gives."""


class Template:
    """A template with values for its parameters, as if it were deployed: works out its intrinsic functions.

    Args:
        path: the template's file.
        stack: the stack's name.
        region: AWS Region for pseudo parameters and ARNs.
        parameters: values in place of the template's defaults.
        attributes: values of Ref and GetAtt that only a deployment knows, by "LogicalId" or "LogicalId.Attribute".

    Attributes:
        document: the template as it is in the file.
        folder: where it lies.
        pseudo: the values of the pseudo parameters.
        resources: those whose conditions are met, by logical id.

    Everything here raises TemplateError for what is wrong with the template, unknown here, or has no value locally.
    """

    def __init__(
        self,
        path: Path,
        stack: str,
        region: str,
        parameters: Mapping[str, str],
        attributes: Mapping[str, str],
    ):
        self.folder = Path(path).resolve().parent
        self._stack = stack
        self._region = region
        self._attributes = attributes
        self.document = read(Path(path))
        self._parameters = self._read_parameters(parameters)
        self.pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackName": stack,
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{stack}/local",
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self.ref,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self.get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }
        self.resources = {
            logical_id: resource
            for logical_id, resource in self.document["Resources"].items()
            if "Condition" not in resource or self._condition(resource["Condition"])
        }

    def _read_parameters(self, given: Mapping[str, str]) -> dict[str, str | list[str]]:
        declared = self.document.get("Parameters", {})
        refuse_unknown("Parameters", given, set(declared))
        values = {}
        for name, parameter in declared.items():
            if name in given:
                value = as_text(given[name])
            elif "Default" in parameter and not parameter["Type"].startswith("AWS::SSM::"):
                value = as_text(parameter["Default"])
            else:
                raise TemplateError(f"the parameter {name} has no value")
            allowed = [as_text(item) for item in parameter.get("AllowedValues", [])]
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
            if condition not in self.document.get("Conditions", {}):
                raise TemplateError(f"there is no condition {condition}")
            return self._condition(self.document["Conditions"][condition])
        [(name, value)] = condition.items()
        if name == "Condition":
            return self._condition(value)
        if name == "Fn::Equals":
            left, right = (self.resolve(item) for item in value)
            return as_text(left) == as_text(right)
        if name == "Fn::Not":
            return not self._condition(value[0])
        if name in ("Fn::And", "Fn::Or"):
            return (all if name == "Fn::And" else any)(self._condition(item) for item in value)
        raise TemplateError(f"the local mode does not know the condition function {name}")

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function worked out; what is AWS::NoValue vanishes from its container."""
        if isinstance(value, list):
            items = (self.resolve(item) for item in value)
            return [item for item in items if item is not NO_VALUE]
        if isinstance(value, dict):
            if len(value) == 1:
                [(name, argument)] = value.items()
                if name in self._functions:
                    return self._functions[name](argument)
                if str(name).startswith("Fn::"):
                    raise TemplateError(f"the local mode does not know {name}")
            items = {name: self.resolve(item) for name, item in value.items()}
            return {name: item for name, item in items.items() if item is not NO_VALUE}
        if isinstance(value, str) and "{{resolve:" in value:
            raise TemplateError(f"the local mode does not know dynamic references: {value}")
        return value

    def name(self, logical_id: str) -> str:
        """The resource's physical name: the template's, or one made of stack and logical id."""
        resource = self.resources[logical_id]
        kind = {
            "AWS::DynamoDB::Table": "TableName",
            "AWS::S3::Bucket": "BucketName",
            "AWS::Serverless::Function": "FunctionName",
        }.get(resource["Type"], "Name")
        name = self.resolve(resource.get("Properties", {}).get(kind, NO_VALUE))
        return f"{self._stack}-{logical_id}".lower() if name is NO_VALUE else name

    def ref(self, name: str) -> Any:
        """The value of Ref: of a parameter; of a resource, its name or, as on AWS, its ARN."""
        for known in (self.pseudo, self._attributes, self._parameters):
            if name in known:
                return known[name]
        kind = self.resources.get(name, {}).get("Type")
        if kind == "AWS::Serverless::StateMachine":
            return self.get_att([name, "Arn"])
        if kind == "AWS::SecretsManager::Secret":  # AWS's ends in six random characters; without them it is taken, too
            return f"arn:aws:secretsmanager:{self._region}:{ACCOUNT}:secret:{self.name(name)}"
        if kind == "AWS::Serverless::LayerVersion":
            return name
        if kind in (
            "AWS::DynamoDB::Table",
            "AWS::S3::Bucket",
            "AWS::SSM::Parameter",
            "AWS::Serverless::Function",
        ):
            return self.name(name)
        raise TemplateError(f"Ref {name} has no value locally")

    def get_att(self, argument: list[str] | str) -> str:
        """The value of GetAtt: `LogicalId.Attribute`, or the two in a list."""
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        logical_id, attribute = parts[0], as_text(self.resolve(parts[1]))
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
        pattern = known.get((self.resources.get(logical_id, {}).get("Type"), attribute))
        if pattern is None:
            raise TemplateError(f"GetAtt {whole} has no value locally")
        return pattern.format(name=self.name(logical_id))

    def _if(self, argument: list) -> Any:
        condition, when_true, when_false = argument
        return self.resolve(when_true if self._condition(condition) else when_false)

    def _join(self, argument: list) -> str:
        separator, items = argument
        return separator.join(as_text(item) for item in self.resolve(items))

    def _select(self, argument: list) -> Any:
        index, items = self.resolve(argument)
        return items[int(index)]

    def _split(self, argument: list) -> list[str]:
        separator, text = self.resolve(argument)
        return text.split(separator)

    def _find_in_map(self, argument: list) -> Any:
        mapping, first, second = self.resolve(argument)
        try:
            return self.document["Mappings"][mapping][first][second]
        except KeyError as error:
            raise TemplateError(f"Fn::FindInMap {mapping}, {first}, {second}: nothing is there") from error

    def _sub(self, argument: str | list) -> str:
        text, extra = (argument, {}) if isinstance(argument, str) else argument

        def substitute(match: re.Match) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in extra:
                return as_text(self.resolve(extra[name]))
            return as_text(self.get_att(name) if "." in name else self.ref(name))

        return self._dynamic(re.sub(r"\$\{([^}]+)\}", substitute, text))

    def _dynamic(self, text: str) -> str:
        """The text, or the value of the template's own secret that it is a dynamic reference to."""
        if "{{resolve:" not in text:
            return text
        secret = re.fullmatch(r"\{\{resolve:secretsmanager:([\w-]+|arn:[\w:/-]+)\}\}", text)
        if not secret:
            raise TemplateError(f"the local mode does not know dynamic references: {text}")
        return secret_value(secret[1])


def secret_value(name: str) -> str:
    """What is generated for a secret that is one text: a hash of its name, which nobody on this machine would guess."""
    return hashlib.sha256(name.encode()).hexdigest()


def as_text(value: Any) -> str:
    """A scalar as CloudFormation passes it: a boolean as `true` or `false`. Raises TemplateError for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TemplateError(f"a text was expected, not {value!r}")
