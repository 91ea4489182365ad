"""Smoke test of a live endpoint: sends a photo as the application does and checks the mask, the head and the person.

    python -m sam_model.check photo-booth-sam-dev

Exit status 0 and a line with figures if mask and head cover the face and not the background, else 1 and the reason. The
endpoint may be any that has the wire format; with SAM_PROTOCOL=classic the request has one box only. One without a
matte passes, and is told so: its pictures keep the face alone.
AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME names another service to send it to, such as the local stand-in.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from botocore.exceptions import ClientError

from booth.aws import sam
from booth.errors import BoothError, NoMatte, ServiceUnavailable, Throttled
from booth.keep import MORE, Keep
from booth.pixels import encoding
from booth.pixels.geometry import Crop, Face
from deploy import account

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "tests" / "photos" / "astronaut.jpg"
WIDTH, HEIGHT = 512, 512
# The one face in it, as a detector finds it: pixels of the photo.
BOX = (182.0, 58.0, 271.0, 178.0)
LANDMARKS = {
    "eyeLeft": (203.0, 101.0),
    "eyeRight": (247.0, 104.0),
    "nose": (223.0, 126.0),
    "mouthLeft": (203.0, 142.0),
    "mouthRight": (241.0, 145.0),
}
MIN_FACE = 0.8  # share of the ellipse in the box that the mask covers; models differ at the forehead and the jaw
MIN_HEAD = 0.95
WHOLE = 255  # of an alpha: the photo's pixel as it is
MAX_BACKGROUND = 0.02  # share that it covers of the pixels farther from the box than half its size
ATTEMPTS = 3  # as many as the state machine's: the first call of a serverless endpoint may time out


class CheckError(RuntimeError):
    """The endpoint gives no mask, or a wrong one; the message says why."""


def check(endpoint: str) -> str:
    """Asks `endpoint` for the mask of the photo's face; returns one line with the shares covered and the seconds.

    Raises:
        CheckError: there is no mask, or it isn't one of this face.
    """
    os.environ["SAM_ENDPOINT"] = endpoint
    faces, photo = [Face(BOX, LANDMARKS)], PHOTO.read_bytes()
    crop = sam.request_for(Crop((0, 0, WIDTH, HEIGHT), (0,)), faces, photo)
    mask, seconds = _ask(lambda: sam.segment(crop), endpoint)
    figures = _figures("mask of the face", mask, MIN_FACE)
    works = f"{endpoint} works: {figures}, {seconds:.2f} s"
    whole = sam.request_for_more(MORE, faces, (WIDTH, HEIGHT), photo)
    try:
        (found, _), seconds = _ask(lambda: sam.alphas(whole, MORE), endpoint)
    except NoMatte:
        return f"{works}. It has no matte: pictures keep the face alone."
    head, person = (encoding.decode_alpha(found[keep]) for keep in (Keep.HEAD, Keep.PERSON))
    _figures("head", head == WHOLE, MIN_HEAD)
    if (person < head).any():
        raise CheckError("That is no person: the head is not all in it.")
    return f"{works}; head and person, {seconds:.2f} s."


def _figures(what: str, kept: np.ndarray, least: float) -> str:
    """Which shares `kept`, bool, covers. Raises `CheckError` if it is another than the photo's face."""
    if kept.shape != (HEIGHT, WIDTH):
        raise CheckError(f"The {what} is {kept.shape[1]}x{kept.shape[0]} pixels; the photo is {WIDTH}x{HEIGHT}.")
    face, background = kept[_face()].mean(), kept[_background()].mean()
    figures = f"{face:.1%} of the face is covered and {background:.1%} of the background"
    if face < least or background > MAX_BACKGROUND:
        raise CheckError(
            f"That is no {what}: {figures}; at least {least:.0%} and at most {MAX_BACKGROUND:.0%} are "
            "wanted. In a mask the face must be black (0) and the rest white (255), in an alpha the other way."
        )
    return figures


def _ask(call: Callable[[], Any], endpoint: str) -> tuple[Any, float]:
    """The call's answer and the seconds of the attempt that returned it. Raises `NoMatte` or `CheckError`."""
    for attempt in range(1, ATTEMPTS + 1):
        started = time.monotonic()
        try:
            return call(), time.monotonic() - started
        except NoMatte:
            raise
        except BoothError as error:
            retryable = isinstance(error, Throttled | ServiceUnavailable)
            cause = error.__cause__  # AWS's error, if there is one
            reason = cause if isinstance(cause, ClientError) else f"{type(error).__name__}: {error}"
            if not retryable or attempt == ATTEMPTS:
                raise CheckError(f"{endpoint} gave no mask. {reason}") from error
            print(f"Attempt {attempt}: {reason}", file=sys.stderr)
    raise AssertionError("the last attempt returns or raises")


def _face() -> np.ndarray:
    """The ellipse in the face's box: bool (height, width)."""
    left, top, right, bottom = BOX
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    across = (x + 0.5 - (left + right) / 2) / ((right - left) / 2)
    down = (y + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
    return across**2 + down**2 <= 1


def _background() -> np.ndarray:
    """The pixels farther from the box than half its size, on each side: bool (height, width)."""
    left, top, right, bottom = (round(side) for side in BOX)
    across, down = (right - left) // 2, (bottom - top) // 2
    background = np.ones((HEIGHT, WIDTH), bool)
    background[max(0, top - down) : bottom + down, max(0, left - across) : right + across] = False
    return background


def main(arguments: list[str] | None = None) -> int:
    """Checks the endpoint of the command line; exit status 0 if it works."""
    parser = argparse.ArgumentParser(prog="python -m sam_model.check")
    parser.add_argument("endpoint", help="the endpoint's name")
    options = parser.parse_args(arguments)
    try:
        account.require()
        print(check(options.endpoint))
    except (CheckError, account.AccountError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
