"""A histogram of durations in bins of equal ratio, of which quantiles can be told. Nothing here calls AWS."""

import math
from collections.abc import Mapping

RATIO = 1.1
"""Between the bounds of a bin. A quantile is told as its bin's geometric middle, so it is off by at most
sqrt(RATIO) - 1, which is 4.9 %."""
SHORTEST, LONGEST = 0.1, 86_400.0
"""Seconds; what is shorter or longer is counted in the first or last bin."""


def bin_of(seconds: float) -> int:
    """The bin's number; bin n holds from RATIO**n on, below RATIO**(n + 1) seconds. Negative below a second."""
    return math.floor(math.log(min(max(seconds, SHORTEST), LONGEST)) / math.log(RATIO))


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The quantile of nearest rank, seconds: the smallest duration that so large a share of all does not exceed.

    Args:
        counts: by bin.
        share: above 0, at most 1; 0.5 is the median, of an even number the lower one.

    Returns None if nothing was counted.
    """
    rank, seen = share * sum(counts.values()), 0
    for number in sorted(counts):
        seen += counts[number]
        if seen and seen >= rank:
            return RATIO ** (number + 0.5)
    return None
