"""Shares Lambda's concurrent executions, which an account has per Region, between polls, sweeps, crops and pictures.

A new account has 10 for all its functions together; a call beyond them is throttled (429). So the concurrency of the
state machine's Maps and the number of long polls follow from LAMBDA_CONCURRENCY.
docs/decisions/0015-concurrency.md explains the numbers.
"""

import os

NEW_ACCOUNT = 10
"""Concurrent executions of a new AWS account; the default of the parameter LambdaConcurrency."""

MOST_AT_ONCE = 10
"""Highest MaxConcurrency of a Map: a photo has as many crops (`geometry.MAX_CROPS`), and five pictures at most."""

LONG_POLLS = 8
"""Long polls of one run at the same time: the pad's and those of a group's phones."""

BESIDE_VISITORS = 4
"""Executions left free: two overlapping sweeps of up to two minutes, and two short calls of API or `start`."""


def at_once(executions: int | None = None) -> int:
    """MaxConcurrency of the Maps over crops and pictures, at least 1: what is left beside the visitor's long poll.

    Args:
        executions: the account's concurrent executions; by default LAMBDA_CONCURRENCY.
    """
    executions = _allowed() if executions is None else executions
    return max(1, min(MOST_AT_ONCE, executions - BESIDE_VISITORS - 1))


def beside_a_run(executions: int | None = None) -> int:
    """How many executions are left beside a visitor's long poll and a step at work; 0 where there is no room.

    Args:
        executions: the account's concurrent executions; by default LAMBDA_CONCURRENCY.
    """
    executions = _allowed() if executions is None else executions
    return max(0, executions - BESIDE_VISITORS - 2)


def long_polls() -> int:
    """How many long polls of one run may begin within the same LONG_POLL_SECONDS, at least 1.

    Each takes an execution as long as it waits. In a new account this is 1, the pad's; phones get Retry-After.
    """
    return max(1, min(LONG_POLLS, _allowed() // 10))


def _allowed() -> int:
    return int(os.environ.get("LAMBDA_CONCURRENCY", NEW_ACCOUNT))


def visitors(executions: int, busiest: int) -> int:
    """How many visitors at once are served without a throttled call; each also has a long poll.

    Args:
        executions: the account's concurrent executions.
        busiest: crops or pictures of each visitor, whichever are more.
    """
    return max(0, executions - BESIDE_VISITORS) // (1 + min(busiest, at_once(executions)))
