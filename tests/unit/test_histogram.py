"""Quantiles told from a histogram are as exact as it says."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booth.histogram import LONGEST, RATIO, SHORTEST, bin_of, quantile

SECONDS = st.lists(st.floats(SHORTEST, 1020), min_size=1, max_size=300)


def histogram(seconds):
    return Counter(map(bin_of, seconds))


@given(SECONDS, st.sampled_from([0.01, 0.5, 0.95, 1]))
def test_a_quantile_is_off_by_at_most_five_percent(seconds, share):
    nearest = sorted(seconds)[math.ceil(share * len(seconds)) - 1]
    assert abs(quantile(histogram(seconds), share) / nearest - 1) <= math.sqrt(RATIO) - 1 + 1e-9 < 0.05


@given(SECONDS, SECONDS)
def test_two_histograms_add_up_to_that_of_both(some, others):
    assert histogram(some) + histogram(others) == histogram([*some, *others])


@pytest.mark.parametrize(("seconds", "counted_as"), [(-5, SHORTEST), (0, SHORTEST), (1e9, LONGEST)])
def test_what_no_visit_takes_is_counted_in_the_first_or_last_bin(seconds, counted_as):
    assert bin_of(seconds) == bin_of(counted_as)


def test_of_nothing_there_is_no_quantile():
    assert quantile({}, 0.5) is None
    assert quantile({3: 0}, 0.5) is None
