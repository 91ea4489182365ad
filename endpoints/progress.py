"""How far a transfer of many gigabytes is, told every few seconds."""

import sys
import threading
import time

SECONDS = 5


class Progress:
    """Counts the bytes of a transfer and prints a line every SECONDS; for several threads."""

    def __init__(self, what: str, total: int):
        self._what, self._total, self._done = what, total, 0
        self._started = self._told = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, count: int) -> None:
        """Counts bytes that were transferred."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told < SECONDS:
                return
            self._told = now
            speed = self._done / (now - self._started)
            left = max(0, self._total - self._done) / speed / 60 if speed > 0 else 0
            print(
                f"{self._what}: {self._done / 1e9:.2f} of {self._total / 1e9:.2f} GB, {speed / 1e6:.0f} MB/s, "
                f"{left:.0f} minutes left",
                file=sys.stderr,
                flush=True,
            )
