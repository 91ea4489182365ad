"""What a template describes."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.account import ACCOUNT, REGION
from local.lambdas.function import Function


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

    def event(self, stack: str) -> Any:
        """What Scheduler hands the function of a stack now: the input, or its own event, whose detail is a text."""
        if self.input is not None:
            return json.loads(self.input)
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "region": REGION,
            "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{stack}-{self.function.lower()}"],
            "detail": "{}",
        }


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
    denied_to_cdn: list[dict] = field(default_factory=list)
    """Statements of the buckets' policies by which the CDN may not read objects, without their principal."""
    tables: dict[str, Table] = field(default_factory=dict)
    ssm_parameters: dict[str, SsmParameter] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    state_machines: dict[str, StateMachine] = field(default_factory=dict)
