"""The wall clock. Times are epoch milliseconds (UTC), as in the table's records."""

import time


def now_ms() -> int:
    """The current time."""
    return time.time_ns() // 1_000_000


def seconds_until(moment: int) -> int:
    """Whole seconds, rounded up, from now to a moment (epoch ms); 0 if it has passed."""
    return max(0, -((now_ms() - moment) // 1000))
