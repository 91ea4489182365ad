"""What a function can't be told by its environment."""

import os

from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from booth.errors import ServiceUnavailable


def cdn() -> str:
    """Base URL of the CDN, from SSM. In the environment it would make the stack a cycle: API, functions, CDN, API."""
    return _parameter("CDN_PARAMETER")


def distribution() -> str:
    """Id of the CDN's distribution, from SSM for the same reason."""
    return _parameter("DISTRIBUTION_PARAMETER")


def _parameter(variable: str) -> str:
    try:
        return parameters.get_parameter(os.environ[variable], max_age=300)
    except GetParameterError as error:
        raise ServiceUnavailable("a parameter of the stack can't be read") from error
