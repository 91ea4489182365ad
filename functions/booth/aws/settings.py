"""What a function can't be told by its environment.

The CDN's host and id lie in SSM. `sweep` copies them into the table every minute, and functions look there first: one
that starts while SSM throttles the account finds them all the same. Where a reading fails for the moment, what was read
before is believed a while longer.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from booth import tokens
from booth.aws import table
from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.errors import BoothError, ServiceUnavailable, Throttled
from booth.log import logger

_PARAMETER_SECONDS = 300
_PARAMETER_STALE_SECONDS = 86_400
"""How long the CDN's host and id are believed when they can't be read anew. They change with the distribution only."""
_SECRET_SECONDS = 60
_SECRET_STALE_SECONDS = 600
"""The same of the booths' tokens: a token that was taken out must not stay good for long."""
_AGAIN_SECONDS = 10
"""How long after a reading that failed the next one is tried."""

# Well within API Gateway's 30 s.
_LIMITS = {"read_timeout": 2, "attempts": 2}


@dataclass(frozen=True)
class _Known:
    """A text that was read, in time.monotonic()'s seconds: when, and when it is to be read anew."""

    text: str
    read: float
    again: float


_known: dict[str, _Known] = {}


def cdn() -> str:
    """Base URL of the CDN. In the environment it would make the stack a cycle: API, functions, CDN, API."""
    return _parameter("CDN_PARAMETER")


def distribution() -> str:
    """Id of the CDN's distribution, which can't be in the environment for the same reason."""
    return _parameter("DISTRIBUTION_PARAMETER")


def copy_to_table() -> None:
    """Copies the CDN's host and id from SSM into the table; what can't be copied now stays as it was."""
    try:
        for variable in ("CDN_PARAMETER", "DISTRIBUTION_PARAMETER"):
            value = _ask_ssm(os.environ[variable])
            if setting(os.environ[variable]) != value:
                keep_setting(os.environ[variable], value)
    except BoothError as error:
        logger.error("a setting could not be copied", error=type(error).__name__, reason=str(error))


def booth_tokens(secret: str) -> dict[str, list[str]]:
    """The booths' tokens by booth, from Secrets Manager; read again every minute, so that a rotation takes effect.

    What can't be a token is told to the log and counts for nothing. Raises ServiceUnavailable.
    """

    def read() -> str:
        with aws_errors():
            text = client("secretsmanager", **table._LIMITS).get_secret_value(SecretId=secret)["SecretString"]
        for problem in tokens.problems(text):
            logger.error("a booth's token can't be used", problem=problem)
        return text

    try:
        return tokens.read(_remembered(secret, _SECRET_SECONDS, _SECRET_STALE_SECONDS, read))
    except ValueError as error:  # it does not quote the text, which is secret
        raise ServiceUnavailable(str(error)) from None


def _parameter(variable: str) -> str:
    """From the table; from SSM as long as `sweep` has not copied it there yet."""
    name = os.environ[variable]
    return _remembered(name, _PARAMETER_SECONDS, _PARAMETER_STALE_SECONDS, lambda: setting(name) or _ask_ssm(name))


def _ask_ssm(name: str) -> str:
    with aws_errors():
        return client("ssm", **table._LIMITS).get_parameter(Name=name)["Parameter"]["Value"]


def _remembered(name: str, seconds: int, stale_seconds: int, read: Callable[[], str]) -> str:
    """The text under this name, read anew after so many seconds; if that fails for the moment, the one before.

    Raises ServiceUnavailable: it can't be read, and there is none that is younger than `stale_seconds`.
    """
    known, now = _known.get(name), time.monotonic()
    if known and now < known.again:
        return known.text
    try:
        known = _Known(read(), now, now + seconds)
    except BoothError as error:
        is_passing = isinstance(error, Throttled | ServiceUnavailable)
        if not (known and is_passing and now < known.read + stale_seconds):
            raise ServiceUnavailable(f"a setting can't be read: {error}") from error
        logger.warning("a setting can't be read anew", error=type(error).__name__, reason=str(error))
        known = replace(known, again=now + _AGAIN_SECONDS)
    _known[name] = known
    return known.text


def setting(name: str) -> str | None:
    """What was last kept under the name of an SSM parameter; None if nothing was."""
    item = table.get(table.key_of("setting", name))
    return item["value"]["S"] if item else None


def keep_setting(name: str, value: str) -> None:
    """Keeps what SSM holds under a parameter's name."""
    table.write(
        "update_item",
        TableName=table.table_name(),
        Key=table.key_of("setting", name),
        UpdateExpression="SET #value = :value",
        ExpressionAttributeNames={"#value": "value"},
        ExpressionAttributeValues=table.attribute_values({"value": value}),
    )
