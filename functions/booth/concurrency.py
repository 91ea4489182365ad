"""How many executions of Lambda functions the account allows at once in the Region, and what visitors take of them.

A new account allows 10, for all its functions together; what is beyond is refused (429). So a photo's crops and
pictures are made as many at once as there is room for.
"""

import os

NEW_ACCOUNT = 10
"""What AWS gives a new account, and the default of the parameter LambdaConcurrency."""

MOST_AT_ONCE = 10
"""Crops a photo has at most (`geometry.MAX_CROPS`). Pictures it has five at most."""

LONG_POLLS = 8
"""Answers about one run that are held: a pad's and the phones' of a group."""

BESIDE_VISITORS = 4
"""Two sweeps, each of which watches for up to two minutes, and two short calls: of the doors, of phones."""


def at_once(executions: int | None = None) -> int:
    """How many crops, or pictures, of a photo are made at once: as many as fit in beside its poll, which is held.

    Args:
        executions: allowed at once; by default what the stack was told (LAMBDA_CONCURRENCY).
    """
    executions = _allowed() if executions is None else executions
    return max(1, min(MOST_AT_ONCE, executions - BESIDE_VISITORS - 1))


def long_polls() -> int:
    """How many answers of POST /photo about one run are held that were asked for within the same WAIT_SECONDS.

    Each takes an execution all the time; in a new account the pad's alone is held, and phones are told to ask again.
    """
    return max(1, min(LONG_POLLS, _allowed() // 10))


def _allowed() -> int:
    return int(os.environ.get("LAMBDA_CONCURRENCY", NEW_ACCOUNT))


def visitors(executions: int, busiest: int) -> int:
    """How many visitors at once are served without a call being refused; each has a poll that is held.

    Args:
        busiest: how many crops, or pictures, each has: the larger number.
    """
    return max(0, executions - BESIDE_VISITORS) // (1 + min(busiest, at_once(executions)))
