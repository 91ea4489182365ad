"""Settings that can't be environment variables: the CDN's host and id (SSM Parameter Store), the tokens of booths
and staff (Secrets Manager).

`sweep` copies the CDN's from SSM into the table every minute, and functions read the table: so they start while SSM
throttles the account. Values are cached per process; if a read fails with a transient error, the cached value is used
for a limited time longer. docs/decisions/0017-settings.md has the reasons.
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
"""Longest use of a cached CDN host or id while reads fail. They change with the distribution only."""
_SECRET_SECONDS = 60
_SECRET_STALE_SECONDS = 600
"""The same for tokens: a token that was removed must not stay valid for long."""
_AGAIN_SECONDS = 10
"""Pause after a failed read before the next one."""

# Well within API Gateway's 30 s.
_LIMITS = {"read_timeout": 2, "attempts": 2}


@dataclass(frozen=True)
class _Cached:
    """A cached value. `read`: when it was read; `again`: when it is read next. In seconds of time.monotonic()."""

    text: str
    read: float
    again: float


_cache: dict[str, _Cached] = {}


def cdn() -> str:
    """Base URL of the CDN, without a slash at the end. Raises ServiceUnavailable.

    As an environment variable it would make a circular dependency in the stack: API, functions, CDN, API.
    """
    return _parameter("CDN_PARAMETER")


def distribution() -> str:
    """Id of the CDN's distribution; no environment variable for the same reason. Raises ServiceUnavailable."""
    return _parameter("DISTRIBUTION_PARAMETER")


def copy_to_table() -> None:
    """Copies the CDN's host and id from SSM into the table. An error is logged, and the copy stays as it was."""
    try:
        for variable in ("CDN_PARAMETER", "DISTRIBUTION_PARAMETER"):
            value = _read_ssm(os.environ[variable])
            if read_setting(os.environ[variable]) != value:
                write_setting(os.environ[variable], value)
    except BoothError as error:
        logger.error("a setting could not be copied", error=type(error).__name__, reason=str(error))


def tokens_in(secret: str) -> dict[str, list[str]]:
    """The valid tokens of a secret by booth, or by name of staff, from Secrets Manager, cached for _SECRET_SECONDS.

    Problems of the secret are logged, without quoting it. Raises ServiceUnavailable.

    Args:
        secret: the secret's ARN.
    """

    def read() -> str:
        with aws_errors():
            text = client("secretsmanager", **_LIMITS).get_secret_value(SecretId=secret)["SecretString"]
        for problem in tokens.problems(text):
            logger.error("a token can't be used", problem=problem)
        return text

    try:
        return tokens.read(cached(secret, _SECRET_SECONDS, _SECRET_STALE_SECONDS, read))
    except ValueError as error:  # its text does not quote the secret
        raise ServiceUnavailable(str(error)) from None


def _parameter(variable: str) -> str:
    """The parameter's value from the table, or from SSM before `sweep`'s first copy."""
    name = os.environ[variable]
    return cached(name, _PARAMETER_SECONDS, _PARAMETER_STALE_SECONDS, lambda: read_setting(name) or _read_ssm(name))


def _read_ssm(name: str) -> str:
    with aws_errors():
        return client("ssm", **_LIMITS).get_parameter(Name=name)["Parameter"]["Value"]


def cached(name: str, seconds: int, stale_seconds: int, read: Callable[[], str]) -> str:
    """The cached value of this name, or a new one by `read` after `seconds`.

    If `read` fails with a transient error, the cached value is returned, and `read` is called again _AGAIN_SECONDS
    later. Raises ServiceUnavailable: it can't be read, and no cached value is younger than `stale_seconds`.
    """
    known, now = _cache.get(name), time.monotonic()
    if known and now < known.again:
        return known.text
    try:
        known = _Cached(read(), now, now + seconds)
    except BoothError as error:
        is_transient = isinstance(error, Throttled | ServiceUnavailable)
        if not (known and is_transient and now < known.read + stale_seconds):
            raise ServiceUnavailable(f"a setting can't be read: {error}") from error
        logger.warning("a setting can't be read anew", error=type(error).__name__, reason=str(error))
        known = replace(known, again=now + _AGAIN_SECONDS)
    _cache[name] = known
    return known.text


def read_setting(name: str) -> str | None:
    """The table's copy of an SSM parameter; None if there is none."""
    item = table.get(table.key_of("setting", name))
    return item["value"]["S"] if item else None


def write_setting(name: str, value: str) -> None:
    """Writes the table's copy of an SSM parameter."""
    table.write(
        "update_item",
        TableName=table.table_name(),
        Key=table.key_of("setting", name),
        UpdateExpression="SET #value = :value",
        ExpressionAttributeNames={"#value": "value"},
        ExpressionAttributeValues=table.attribute_values({"value": value}),
    )
