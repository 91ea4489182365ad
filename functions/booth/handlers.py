"""Decorators of the Lambda handlers: `entry` for every function, `step` for the state machine's."""

import functools
import time
from collections.abc import Callable
from typing import Any

from booth import log
from booth.errors import BoothError, InternalError

WARM = {"warm": True}
"""The event by which `booth.warming` has Lambda start a function. Nobody else can send it: what comes by API Gateway,
EventBridge, Scheduler and the state machine has other keys."""


def entry(work: Callable[[Any, object], Any]) -> Callable[[Any, object], Any]:
    """Makes a handler: log lines carry Lambda's context, metrics are flushed, its duration (ms) is logged at DEBUG.

    The event WARM is answered before any work, by None.
    """

    @log.logger.inject_lambda_context(clear_state=True)
    @log.metrics.log_metrics
    @functools.wraps(work)
    def handler(event: Any, context: object) -> Any:
        if event == WARM:
            return None
        began = time.monotonic()
        try:
            return work(event, context)
        finally:
            log.logger.debug("handled", ms=round((time.monotonic() - began) * 1000, 1))

    return handler


def step(work: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any], object], dict[str, Any]]:
    """Makes the handler of a state machine's Task from a function of its event.

    The run's id (`run` in the event) is on every log line. BoothErrors pass. Any other exception is a defect: it is
    logged with its traceback and raised as InternalError with its class name alone, because the execution's history is
    kept for 90 days and an exception's text may quote anything.
    """

    @entry
    @functools.wraps(work)
    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        log.logger.append_keys(run=event["run"])
        try:
            return work(event)
        except BoothError:
            raise
        except Exception as error:
            log.logger.exception("a defect")
            raise InternalError(type(error).__name__) from None

    return handler
