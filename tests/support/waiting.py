"""Waiting for something to become true."""

import time
from collections.abc import Callable

PATIENCE = 120
"""Seconds until what never comes is called so. No test depends on how fast the machine is: nothing waits for less."""


def await_true(condition: Callable[[], object]) -> None:
    """Waits for a condition, at which it looks less and less often. Raises AssertionError."""
    until, pause = time.monotonic() + PATIENCE, 0.05
    while not condition():
        assert time.monotonic() < until, f"waited in vain for {condition}"
        time.sleep(pause)
        pause = min(1.1 * pause, 0.5)
