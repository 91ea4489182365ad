"""Decorator of the API's handlers: answers every exception with an HTTP status, a code and a message."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from booth.errors import ApiError, BoothError, InternalError, NotFound, RunEnded, ServiceUnavailable, Throttled
from booth.handlers import entry
from booth.log import logger

Event = dict[str, Any]
Answer = dict[str, Any]


class Shape(Protocol):
    """Builds an error's answer from HTTP status, code, message, and further fields of the error."""

    def __call__(self, status: int, code: str, message: str, details: Mapping[str, Any] = ..., /) -> Answer: ...


def endpoint(shape: Shape) -> Callable[[Callable[[Event], Answer]], Callable]:
    """Makes a handler from a function of an API Gateway event (payload format 2.0).

    ApiErrors are answered with their status, Throttled and ServiceUnavailable with 503, anything else with 500.

    Args:
        shape: builds the error's answer.
    """

    def decorate(respond: Callable[[Event], Answer]) -> Callable[[Event, object], Answer]:
        @entry
        @functools.wraps(respond)
        def handler(event: Event, context: object) -> Answer:
            try:
                return respond(event)
            except ApiError as error:
                answer = shape(error.status, type(error).__name__, error.message, error.details)
                return answer | {"headers": {**answer["headers"], **error.headers}}
            except RunEnded:
                return shape(404, NotFound.__name__, "Nothing is known under this key any more.")
            except (Throttled, ServiceUnavailable) as error:
                logger.warning("a call to AWS failed", error=type(error).__name__, reason=str(error))
                return shape(503, type(error).__name__, error.message)
            except Exception:
                # A defect: logged with its traceback; the visitor gets one sentence.
                logger.exception("the request failed")
                return shape(500, InternalError.__name__, BoothError.message)

        return handler

    return decorate
