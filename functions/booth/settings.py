"""What a function can't be told by its environment."""

import os

from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from booth.errors import ServiceUnavailable


def cdn() -> str:
    """Base URL of the CDN, from SSM. In the environment it would make the stack a cycle: API, functions, CDN, API."""
    try:
        return parameters.get_parameter(os.environ["CDN_PARAMETER"], max_age=300)
    except GetParameterError as error:
        raise ServiceUnavailable("the CDN's address can't be read") from error
