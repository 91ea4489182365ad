"""What a function can't be told by its environment."""

import os
from functools import cache

from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, TransformParameterError

from booth.aws import client
from booth.errors import ServiceUnavailable

# Powertools' own clients would wait for a minute, longer than API Gateway does.
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
    try:
        tokens = _secrets().get(secret, transform="json", max_age=60)
    except (GetParameterError, TransformParameterError) as error:
        raise ServiceUnavailable(f"the booths' tokens can't be read: {type(error).__name__}") from None
    if not isinstance(tokens, dict) or not all(isinstance(each, str) for each in tokens.values()):
        raise ServiceUnavailable("the booths' tokens are not texts by booth")
    return tokens


def _parameter(variable: str) -> str:
    try:
        return _ssm().get(os.environ[variable], max_age=300)
    except GetParameterError as error:
        raise ServiceUnavailable("a parameter of the stack can't be read") from error


@cache
def _ssm() -> parameters.SSMProvider:
    return parameters.SSMProvider(boto3_client=client("ssm", **_LIMITS))


@cache
def _secrets() -> parameters.SecretsProvider:
    return parameters.SecretsProvider(boto3_client=client("secretsmanager", **_LIMITS))
