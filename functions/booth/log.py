"""One logger and one set of metrics for every function.

Powertools writes JSON lines and CloudWatch's embedded metrics. Each handler appends the run's id once it knows it.
"""

import functools
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from booth.errors import BoothError, InternalError

# Many calls have nothing to count.
warnings.filterwarnings("ignore", "No application metrics to publish*")

logger = Logger()
metrics = Metrics()


_counting = threading.Lock()


def count(name: str, value: int = 1) -> None:
    """Count something the operator watches."""
    with _counting:  # Powertools' metrics are not thread-safe
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def about(run: str) -> None:
    """From here on this thread's log lines carry this run's id."""
    logger.thread_safe_append_keys(run=run)


def entry(work: Callable[[Any, object], Any]) -> Callable[[Any, object], Any]:
    """What every handler is: context on its log lines, its metrics written out, and at DEBUG how long it took."""

    @logger.inject_lambda_context(clear_state=True)
    @metrics.log_metrics
    @functools.wraps(work)
    def handler(event: Any, context: object) -> Any:
        began = time.monotonic()
        try:
            return work(event, context)
        finally:
            logger.debug("handled", ms=round((time.monotonic() - began) * 1000, 1))

    return handler


def step(work: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any], object], dict[str, Any]]:
    """Makes a step of the state machine out of a function of its event: the handler that Lambda calls.

    The run's id is on every log line. An error that is none of ours is a defect: it is logged whole, but the state
    machine is told its kind only, for its history lives 90 days and an error's text may quote anything.
    """

    @entry
    @functools.wraps(work)
    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        logger.append_keys(run=event["run"])
        try:
            return work(event)
        except BoothError:
            raise
        except Exception as error:
            logger.exception("a defect")
            raise InternalError(type(error).__name__) from None

    return handler
