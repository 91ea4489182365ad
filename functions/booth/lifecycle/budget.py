"""Limits of the number of photos: per caller and minute, per booth and minute, and per day for all together.

The day's is the deployment's, and staff can lower it: the smaller one counts.
"""

import os
import time

from booth.aws import counters
from booth.errors import TooManyPhotos

_DAY = 86_400
_NO_LIMIT = 10**9
_KEEP = 3600  # seconds that a counter's item is kept after its minute or day


def count_upload(booth: str, caller: str, steered: int = 0) -> None:
    """Counts an upload against the limits per minute: of this booth, and of the caller unless that is "".

    Raises TooManyPhotos: a limit is reached, or the day's budget is spent (which only `spend` counts).

    Args:
        steered: the day's budget that staff have set; 0 for none.
    """
    now = int(time.time())
    day, per_minute = per_day(steered), _limit("PHOTOS_PER_MINUTE")
    # Only read here: photos are counted when they are claimed.
    if day and counters.value(today()) >= day:
        raise TooManyPhotos("All photos of today have been taken. Please come back tomorrow.", _DAY - now % _DAY)
    minute = now - now % 60
    per_caller = _limit("PHOTOS_PER_CALLER")
    # First, so that one caller can't use up the limit of all.
    if caller and per_caller and not counters.increment(f"{caller} {minute}", per_caller, expires=minute + _KEEP):
        raise TooManyPhotos("That was a little fast. Please wait a moment.", minute + 60 - now)
    if per_minute and not counters.increment(f"{booth} {minute}", per_minute, expires=minute + 60 + _KEEP):
        raise TooManyPhotos("That was a little fast. Please wait a moment.", minute + 60 - now)


def per_day(steered: int) -> int:
    """The day's budget, the smaller of the deployment's and what staff have set (0: nothing); 0 for none."""
    return min((limit for limit in (_limit("PHOTOS_PER_DAY"), steered) if limit), default=0)


def spend(day: str, steered: int = 0) -> bool:
    """Counts a photo against the day's budget; False, uncounted, if that is spent.

    Counted without a budget, too: staff may set one in the middle of a day.

    Args:
        day: as `today` names it.
        steered: the budget that staff had set when the upload was issued; 0 for none.
    """
    return counters.increment(day, per_day(steered) or _NO_LIMIT, expires=int(time.time()) + _DAY + _KEEP)


def refund(day: str) -> None:
    """Undoes a `spend`: another call had counted this photo."""
    counters.decrement(day)


def spent() -> int:
    """How many photos of today are claimed, whether or not there is a budget."""
    return counters.value(today())


def today() -> str:
    """Name of today's counter; days begin at midnight UTC."""
    return f"day {int(time.time()) // _DAY}"


def _limit(name: str) -> int:
    """A number of photos from the environment; 0 means no limit."""
    return int(os.environ[name])
