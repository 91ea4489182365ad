"""Waiting for something to become true."""

import time
from collections.abc import Callable


def await_true(condition: Callable[[], object], seconds: float = 60) -> None:
    """Waits for a condition. Raises AssertionError."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited in vain for {condition}"
        time.sleep(0.05)
