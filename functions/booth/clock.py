"""Times are epoch milliseconds, as the table holds them."""

import time


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def seconds_until(moment: int) -> int:
    """Whole seconds, rounded up, from now to a moment (epoch ms); 0 if it has passed."""
    return max(0, -((now_ms() - moment) // 1000))
