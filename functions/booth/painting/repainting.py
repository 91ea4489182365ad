"""Paints a picture once more in which the model has invented people, if the parameter RepaintInventedPeople is true.

Nothing here fails a picture: without an answer, or without time, the first one is published. The second one is taken
whatever it shows, for one with invented people in it is rarely followed by a worse one.
docs/decisions/0020-who-is-a-visitor.md has the figures.
"""

import os
import time
from collections.abc import Callable

from booth import clock, limits
from booth.aws import rekognition
from booth.errors import BoothError
from booth.log import count, logger
from booth.painting import admission
from booth.painting.chain import Candidate
from booth.painting.paint import PassedOver
from booth.pixels import encoding
from booth.pixels.visitors import visitors_of
from booth.run import Run

_ATTEMPTS = 1
"""At a count: there may be no time for a second one."""


def is_wanted() -> bool:
    """Whether pictures with invented people are painted once more."""
    return os.environ.get("REPAINT_INVENTED_PEOPLE") == "true"


def connect() -> None:
    """Makes the client that counts faces, if it is wanted."""
    if is_wanted():
        rekognition.connect(_ATTEMPTS)


def is_due(run: Run, number: int, began: float) -> bool:
    """Whether it is wanted, and there is time to count a picture's faces and to paint it once more.

    Args:
        number: of the picture, from 1.
        began: when the function was invoked, by `time.monotonic`.
    """
    latest = run.turns[number].at + limits.LATEST_PAINTING_SECONDS * 1000
    in_time = time.monotonic() - began <= limits.LATEST_REPAINT_CHECK_SECONDS and clock.now_ms() <= latest
    return is_wanted() and in_time


def shows_invented_people(picture: bytes, visitors: int) -> bool:
    """Whether a finished picture (JPEG) shows more visitors' faces than the photo has.

    They count by the same rule as in the photo (`visitors_of`): a painted crowd far behind is a background.
    """
    try:
        faces = len(visitors_of(rekognition.detect_faces(picture, _ATTEMPTS), *encoding.size_of(picture)))
    except BoothError as error:
        count("PeopleNotCounted")
        logger.warning("the people in a picture could not be counted", error=type(error).__name__)
        return False
    if faces > visitors:
        count("PeopleInvented")
    return faces > visitors


def painted_again(run: Run, number: int, paint: Callable[[Candidate], bytes]) -> bytes | None:
    """What `paint` makes with a candidate that is free now; None if none is, or if that fails."""
    try:
        candidate = admission.free_candidate(run, number)
        if candidate is None:
            logger.info("no model is free to paint a picture once more")
            return None
        picture = paint(candidate)
    except (BoothError, PassedOver) as error:
        logger.warning("a picture could not be painted once more", error=type(error).__name__)
        return None
    count("PaintedAgain")
    return picture
