"""What a function can't be told by its environment."""

import json
import os
import time
from collections.abc import Callable

from booth.aws import aws_errors, client
from booth.errors import BoothError, ServiceUnavailable

_PARAMETER_SECONDS = 300
_SECRET_SECONDS = 60

_known: dict[str, tuple[float, str]] = {}  # by name: until when it is believed, in time.monotonic()'s seconds, and it

# Well within API Gateway's 30 s.
_LIMITS = {"read_timeout": 2, "attempts": 2}


def cdn() -> str:
    """Base URL of the CDN, from SSM. In the environment it would make the stack a cycle: API, functions, CDN, API."""
    return _parameter("CDN_PARAMETER")


def distribution() -> str:
    """Id of the CDN's distribution, from SSM for the same reason."""
    return _parameter("DISTRIBUTION_PARAMETER")


def booth_tokens(secret: str) -> dict[str, str]:
    """The booths' tokens by booth, from Secrets Manager; read again every minute, so that a rotation takes effect.

    A booth's tokens stand in one text, separated by spaces: while they are rotated, two are valid.
    """

    def read() -> str:
        return client("secretsmanager", **_LIMITS).get_secret_value(SecretId=secret)["SecretString"]

    try:
        tokens = json.loads(_remembered(secret, _SECRET_SECONDS, read))
    except (ValueError, KeyError):  # from None: the text is secret
        raise ServiceUnavailable("the booths' tokens are no JSON text") from None
    if not isinstance(tokens, dict) or not all(isinstance(each, str) for each in tokens.values()):
        raise ServiceUnavailable("the booths' tokens are not texts by booth")
    return tokens


def _parameter(variable: str) -> str:
    name = os.environ[variable]
    return _remembered(
        name, _PARAMETER_SECONDS, lambda: client("ssm", **_LIMITS).get_parameter(Name=name)["Parameter"]["Value"]
    )


def _remembered(name: str, seconds: int, read: Callable[[], str]) -> str:
    """The text under this name, read anew after so many seconds. Raises ServiceUnavailable."""
    until, value = _known.get(name, (0.0, ""))
    if time.monotonic() >= until:
        try:
            with aws_errors():
                value = read()
        except BoothError as error:
            raise ServiceUnavailable(f"a setting can't be read: {error}") from error
        _known[name] = time.monotonic() + seconds, value
    return value
