"""Smoke test of a live endpoint: sends a photo as the application does and looks at the mask.

    python -m sam_model.check photo-booth-sam-dev

Exit status 0 and a line with figures if the face is covered and the background is not, else 1 and the reason. The
endpoint may be any that speaks the wire format; SAM_PROTOCOL=classic asks with one box only. With
AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME it asks the local stand-in.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "functions"))  # the application's own client, as Lambda finds it

from booth.aws import sam  # noqa: E402
from booth.errors import (  # noqa: E402
    BoothError,
    ServiceUnavailable,
    Throttled,
)
from booth.pixels.geometry import (  # noqa: E402
    Crop,
    Face,
)

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
COVERED = 0.8  # of the ellipse in the box; the rest is a matter of taste at forehead and jaw
SPILLED = 0.02  # of what lies farther from the box than half its size
ATTEMPTS = 3  # as often as the state machine asks: the first call of a serverless endpoint may come to nothing


class CheckError(RuntimeError):
    """The endpoint does not do its work; the message says what is wrong."""


def check(endpoint: str) -> str:
    """Asks `endpoint` for the mask of the photo's face, and says in one line how good it is and how long it took.

    Raises:
        CheckError: no mask came, or not one of this face.
    """
    os.environ["SAM_ENDPOINT"] = endpoint
    request = sam.request_for(Crop((0, 0, WIDTH, HEIGHT), (0,)), [Face(BOX, LANDMARKS)], PHOTO.read_bytes())
    mask, seconds = _ask(request, endpoint)
    if mask.shape != (HEIGHT, WIDTH):
        raise CheckError(f"The mask is {mask.shape[1]}x{mask.shape[0]} pixels; the photo is {WIDTH}x{HEIGHT}.")
    covered, spilled = mask[_ellipse()].mean(), mask[_far()].mean()
    figures = f"{covered:.1%} of the face is covered and {spilled:.1%} of the background"
    if covered < COVERED or spilled > SPILLED:
        raise CheckError(
            f"That is no mask of the face: {figures}; at least {COVERED:.0%} and at most {SPILLED:.0%} are wanted. "
            "The face must be black (0) and the rest white (255)."
        )
    return f"{endpoint} works: {figures}, {seconds:.2f} s."


def _ask(request: bytes, endpoint: str) -> tuple[np.ndarray, float]:
    """The mask, bool (height, width), True = face, and the seconds of the call that brought it."""
    for attempt in range(1, ATTEMPTS + 1):
        started = time.monotonic()
        try:
            return sam.segment(request), time.monotonic() - started
        except BoothError as error:
            passing = isinstance(error, Throttled | ServiceUnavailable)
            said = error.__cause__  # what AWS said, if it was AWS that refused
            reason = said if isinstance(said, ClientError) else f"{type(error).__name__}: {error}"
            if not passing or attempt == ATTEMPTS:
                raise CheckError(f"{endpoint} gave no mask. {reason}") from error
            print(f"Attempt {attempt}: {reason}", file=sys.stderr)
    raise AssertionError("the last attempt returns or raises")


def _ellipse() -> np.ndarray:
    """The ellipse in the face's box: bool (height, width)."""
    left, top, right, bottom = BOX
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    across = (x + 0.5 - (left + right) / 2) / ((right - left) / 2)
    down = (y + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
    return across**2 + down**2 <= 1


def _far() -> np.ndarray:
    """What lies farther from the box than half its size, on each side: bool (height, width)."""
    left, top, right, bottom = (round(side) for side in BOX)
    across, down = (right - left) // 2, (bottom - top) // 2
    far = np.ones((HEIGHT, WIDTH), bool)
    far[max(0, top - down) : bottom + down, max(0, left - across) : right + across] = False
    return far


def main(arguments: list[str] | None = None) -> int:
    """Checks the endpoint of the command line; exit status 0 if it works."""
    parser = argparse.ArgumentParser(prog="python -m sam_model.check")
    parser.add_argument("endpoint", help="the endpoint's name")
    options = parser.parse_args(arguments)
    try:
        print(check(options.endpoint))
    except CheckError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
