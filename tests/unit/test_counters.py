"""Counters with a limit, which many count up at the same time."""

from booth.aws import counters
from tests.support.threads import at_once


def test_a_counter_stops_at_its_limit(dynamodb):
    counts = at_once(8, lambda _: counters.increment("day 1", 3, expires=1))
    assert sorted(counts) == [False] * 5 + [True] * 3
    assert counters.value("day 1") == 3
    assert counters.value("day 2") == 0
    at_once(5, lambda _: counters.decrement("day 1"))
    counters.decrement("day 2")
    assert (counters.value("day 1"), counters.value("day 2")) == (0, 0)
