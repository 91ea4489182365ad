"""Long polling: an answer is held back until the run has news, or the time is over."""

import time

from booth import concurrency, limits
from booth.aws import counters
from booth.http import contract
from booth.http.contract import PhotoRequest
from booth.lifecycle import starting
from booth.run import Run, Step
from booth.runs import store

PAUSE_SECONDS = 0.3
"""Pause between two looks at the table while an answer is held."""
PAINTING_PAUSE_SECONDS = 0.1
"""The same while pictures are painted, which are waited for more eagerly."""
READ_SHARE = 10
"""A look takes at most one part in so many of the time, up to a pause of a second: a slow table is asked less."""


def wait_for_news(run: Run, request: PhotoRequest) -> tuple[Run, int]:
    """The run as soon as it is further than the client was shown (or than it is now), or after `wait` seconds.

    If the answer isn't held: also in how many seconds to ask again, else 0. Who holds one is counted by the time at
    which it began, so those that died are forgotten when it is over.
    """
    seen = contract.progress(run) if request.progress is None else request.progress
    if has_news(run, seen):
        return run, 0
    if pause := contract.seconds_without_news(run, request.wait):
        return run, pause
    now = int(time.time())
    held = f"held {run.id} {now // limits.LONG_POLL_SECONDS}"
    if not counters.increment(held, concurrency.long_polls(), expires=now + 3 * limits.LONG_POLL_SECONDS):
        return run, limits.ASK_AGAIN_SECONDS
    try:
        return watch(run, seen, request.wait), 0
    finally:
        counters.decrement(held)


def has_news(run: Run, seen: float) -> bool:
    """Whether the run has ended or stands elsewhere than the client has seen."""
    return run.is_ended or contract.progress(run) != seen


def watch(run: Run, seen: float, seconds: int) -> Run:
    """Looks at the run again and again, until it has news or the time is over."""
    until = time.monotonic() + seconds
    looks, took = 0, 0.0
    while not has_news(run, seen) and time.monotonic() < until:
        pause = PAINTING_PAUSE_SECONDS if run.step == Step.GENERATE else PAUSE_SECONDS
        time.sleep(max(pause, min(took * (READ_SHARE - 1), 1)))
        asked = time.monotonic()
        run, looks = store.get(run.id), looks + 1
        took = time.monotonic() - asked
        if looks % 3 == 0:
            run = starting.start_if_uploaded(run)
    return run
