"""Calls that wait for AWS, made at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_AT_ONCE = 10
"""At most; as many connections as the SDK keeps to one service."""


def gather(*calls: Callable[[], Any]) -> list[Any]:
    """Makes several calls; gives the results in order. Raises what the first of them raised.

    A step's first look at its run and what it reads are independent. The look stands first, so that a run that has
    ended is told as such, and not as the files that are gone with it.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda call: call(), calls))
