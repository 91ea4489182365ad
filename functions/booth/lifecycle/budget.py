"""How many photos may be taken, for each one costs money: per caller, per booth and minute, and per day in all."""

import os
import time

from booth.aws import counters
from booth.errors import TooManyPhotos

_DAY = 86_400
_KEPT = 3600  # a counter outlives its time by this many seconds


def count_upload(booth: str, caller: str) -> None:
    """Counts an upload of this booth, and of the caller unless that is empty.

    Raises TooManyPhotos, if one of them asks too fast or the day's photos are taken.
    """
    now = int(time.time())
    per_day, per_minute = _limit("PHOTOS_PER_DAY"), _limit("PHOTOS_PER_MINUTE")
    # A look only: what counts is the claim of a photo that has come.
    if per_day and counters.value(today()) >= per_day:
        raise TooManyPhotos("All photos of today have been taken. Please come back tomorrow.", _DAY - now % _DAY)
    minute = now - now % 60
    per_caller = _limit("PHOTOS_PER_CALLER")
    # First, so that one caller does not use up what is for all.
    if caller and per_caller and not counters.increment(f"{caller} {minute}", per_caller, expires=minute + _KEPT):
        raise TooManyPhotos("That was a little fast. Please wait a moment.", minute + 60 - now)
    if per_minute and not counters.increment(f"{booth} {minute}", per_minute, expires=minute + 60 + _KEPT):
        raise TooManyPhotos("That was a little fast. Please wait a moment.", minute + 60 - now)


def spend(day: str) -> bool:
    """Counts a photo that has come against the day's budget, however it came; False if that is spent."""
    per_day = _limit("PHOTOS_PER_DAY")
    return not per_day or counters.increment(day, per_day, expires=int(time.time()) + _DAY + _KEPT)


def refund(day: str) -> None:
    """Takes back what `spend` counted: this photo had been counted already."""
    if _limit("PHOTOS_PER_DAY"):
        counters.decrement(day)


def today() -> str:
    """Name of the day's counter; days begin at midnight UTC."""
    return f"day {int(time.time()) // _DAY}"


def _limit(name: str) -> int:
    """A number of photos from the environment; 0 means no limit."""
    return int(os.environ[name])
