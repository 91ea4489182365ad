"""What every handler has around it."""

import functools
import time
from collections.abc import Callable
from typing import Any

from booth import log
from booth.errors import BoothError, InternalError


def entry(work: Callable[[Any, object], Any]) -> Callable[[Any, object], Any]:
    """What every handler is: context on its log lines, its metrics written out, and at DEBUG how long it took."""

    @log.logger.inject_lambda_context(clear_state=True)
    @log.metrics.log_metrics
    @functools.wraps(work)
    def handler(event: Any, context: object) -> Any:
        began = time.monotonic()
        try:
            return work(event, context)
        finally:
            log.logger.debug("handled", ms=round((time.monotonic() - began) * 1000, 1))

    return handler


def step(work: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any], object], dict[str, Any]]:
    """Makes a step of the state machine out of a function of its event: the handler that Lambda calls.

    The run's id is on every log line. An error that is none of ours is a defect: it is logged whole, but the state
    machine is told its kind only, for its history lives 90 days and an error's text may quote anything.
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
