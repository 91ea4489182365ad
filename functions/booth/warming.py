"""Warming: POST /upload knows ahead which functions a photo needs, and has Lambda start them meanwhile.

It calls each function in WARMED as an event that `booth.handlers` answers before any work: what is left of it is an
environment that waits for the visitor's call. This happens at most once in EVERY_SECONDS for each environment of
`upload`, in whose memory that is kept: no record is written for it. A call that is refused warms as well, for the page
makes one when a visitor opens the camera. docs/decisions/0035-cold-starts.md has the figures.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from booth import clock, concurrency
from booth.aws.clients import client
from booth.handlers import WARM
from booth.log import logger

EVERY_SECONDS = 300
"""Lambda keeps an environment without calls for longer: 5 to 60 minutes are told, AWS promises nothing."""

GRACE_SECONDS = 0.5
"""How long an answer that is ready waits for calls that are still to be made: a frozen environment makes none."""


@dataclass
class Round:
    """What is left to be called of WARMED, in a round that began then (epoch ms)."""

    began: int = 0
    left: list[str] = field(default_factory=list)


_round = Round()


def _lambda():
    return client("lambda", read_timeout=1, attempts=1)


def connect() -> None:
    """Makes the client, where anything is to be warmed."""
    if os.environ.get("WARMED"):
        _lambda()


def _next() -> list[str]:
    """ARNs of the functions to call now, one for each environment: as many as an account has room for at once.

    WARMED has them in the order in which they are needed; the next call of /upload goes on where the account is small.
    """
    now = clock.now_ms()
    if now >= _round.began + EVERY_SECONDS * 1000:
        _round.began, _round.left = now, os.environ.get("WARMED", "").split()
    room = concurrency.beside_a_run()
    wanted, _round.left = _round.left[:room], _round.left[room:]
    return wanted


@contextmanager
def ahead() -> Iterator[None]:
    """Warms, if it is time to, while the caller works. Whatever fails costs GRACE_SECONDS at most."""
    wanted = _next()
    if not wanted:
        yield
        return
    calls = threading.Thread(target=_call, args=(wanted,), name="warming", daemon=True)
    calls.start()
    try:
        yield
    finally:
        calls.join(GRACE_SECONDS)


def _call(functions: list[str]) -> None:
    """Calls one after the other over one connection: handshakes would take the processor from the visitor."""
    try:
        for function in functions:
            _lambda().invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(WARM))
    except Exception as error:
        logger.warning("functions were not warmed", error=type(error).__name__)
