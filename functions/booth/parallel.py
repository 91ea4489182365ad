"""Runs calls that wait for AWS in threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

_AT_ONCE = 10
"""Threads at most: botocore's default `max_pool_connections` of a client."""


def gather(*calls: Callable[[], Any]) -> list[Any]:
    """Makes several calls at the same time; returns their results in order. Raises what the first failing one raised.

    First in the order of the arguments, once all have returned. A step that reads its run's record and its files puts
    the record first: of a run that has ended it then raises RunEnded, not that the files are missing.

    Each call sees the caller's context variables, such as the run's id for the log.
    """
    contexts = [copy_context() for _ in calls]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda context, call: context.run(call), contexts, calls))
