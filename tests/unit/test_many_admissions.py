"""Very many runs are admitted in the same second: each gets its turns, or is told that the queue is full."""

from collections import Counter

import pytest

from booth import clock, limits
from booth.errors import QueueFull
from booth.painting import admission
from booth.run import WINDOW_MS
from tests.support.crowds import crowd, put_running

INPAINT = "us.stability.stable-image-inpaint-v1:0"
CHAIN = ",".join(f"{INPAINT}@{region}" for region in ("us-east-1", "us-west-2"))
PLACES = 2 * 20 * (limits.QUEUE_SECONDS * 1000 // WINDOW_MS + 1)
"""Turns within QUEUE_SECONDS: two Regions of 20 slots, each used once in WINDOW_MS, the first time at once."""


def admitted(name):
    try:
        return sorted((turn.candidate, turn.slot, turn.at) for turn in admission.admit(name, [1, 2, 3]).turns.values())
    except QueueFull:
        return []


@pytest.mark.parametrize("count", [PLACES // 3, PLACES // 3 + 100])
def test_of_many_runs_in_a_second_each_gets_its_turns_or_is_told_that_the_queue_is_full(count):
    names = [f"run-{number}" for number in range(count)]
    with crowd(CHAIN) as (time, items, dice):
        for name in names:
            put_running(items, name)
        given = time.run([(dice.random(), lambda name=name: admitted(name)) for name in names])
        now = clock.now_ms()
    assert [each for each in given if isinstance(each, Exception)] == []
    turns = [turn for each in given for turn in each]
    assert all(count == 1 for count in Counter(turns).values()), "a turn is given once"
    assert len(turns) == min(3 * count, PLACES), "no place is left empty while somebody is refused"
    assert max(at for _, _, at in turns) <= now + limits.QUEUE_SECONDS * 1000
