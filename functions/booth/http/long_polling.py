"""Long polling: `POST /photo` with `wait` is answered when the run has news, or when the time is over."""

import time

from booth import concurrency, limits
from booth.aws import counters
from booth.http import contract
from booth.http.contract import PhotoRequest
from booth.lifecycle import starting
from booth.run import Run, Step
from booth.runs import store

PAUSE_SECONDS = 0.3
"""Pause between two reads of the run's record."""
PAINTING_PAUSE_SECONDS = 0.1
"""The same while pictures are painted: each is shown sooner."""
READ_SHARE = 10
"""Back off: reads use at most 1/10 of the wait, and pause at most 1 s. So a slow table is read less often."""


def wait_for_news(run: Run, request: PhotoRequest) -> tuple[Run, int]:
    """The run once its progress differs from the request's (or from now), at the latest after `wait` seconds.

    The second value is 0, or the Retry-After in seconds of an answer that does not wait: no news can come within
    `wait`, or `concurrency.long_polls` of this run wait already. These are counted per LONG_POLL_SECONDS in which they
    began, so the count of functions that were killed expires with it.
    """
    seen = contract.progress(run) if request.progress is None else request.progress
    if has_news(run, seen):
        return run, 0
    if pause := contract.seconds_without_news(run, request.wait):
        return run, pause
    now = int(time.time())
    polls = f"held {run.id} {now // limits.LONG_POLL_SECONDS}"
    if not counters.increment(polls, concurrency.long_polls(), expires=now + 3 * limits.LONG_POLL_SECONDS):
        return run, limits.ASK_AGAIN_SECONDS
    try:
        return watch(run, seen, request.wait), 0
    finally:
        counters.decrement(polls)


def has_news(run: Run, seen: float) -> bool:
    """Whether the run has ended or its progress differs from `seen`."""
    return run.is_ended or contract.progress(run) != seen


def watch(run: Run, seen: float, seconds: int) -> Run:
    """Reads the run's record until it has news or `seconds` are over.

    After every third read `starting.start_if_uploaded` checks whether the photo has come without its event.
    """
    until = time.monotonic() + seconds
    reads, took = 0, 0.0
    while not has_news(run, seen) and time.monotonic() < until:
        pause = PAINTING_PAUSE_SECONDS if run.step == Step.GENERATE else PAUSE_SECONDS
        time.sleep(max(pause, min(took * (READ_SHARE - 1), 1)))
        began = time.monotonic()
        run, reads = store.get(run.id), reads + 1
        took = time.monotonic() - began
        if reads % 3 == 0:
            run = starting.start_if_uploaded(run)
    return run
