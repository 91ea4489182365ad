"""Smoke test of a painter's live endpoint: has it paint three pictures of a photo, and looks at them.

    python -m paint_model.check photo-booth-paint-dev [--wait SECONDS]

Exit status 0 and a line with figures if what had to stay is as in the photo and what was to be painted isn't, else 1
and the reason. The wire format is that of paint_model/serving/protocol.py. A new instance answers 503 until it has
loaded its model and painted once: --wait says for how long that is asked again.
AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME names another service to send it to, such as the local stand-in.
"""

import argparse
import base64
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from PIL import Image, UnidentifiedImageError

from deploy import account

PHOTO = Path(__file__).resolve().parent.parent / "tests" / "photos" / "astronaut.jpg"
PROMPT = "A sunny beach with palm trees and a blue sky, photograph"
KEPT = (112, 16, 336, 304)  # left, top, right, bottom: head and collar, on the grid of 16 pixels that masks are read by
MARGIN = 16  # pixels on each side of the mask's edge that are not looked at: models blend there
SEEDS = (1, 2, 3)  # as many as a photo's pictures
# Distances are means over pixels and channels, of 255. Every model decodes all of the picture anew, which costs a few.
MAX_KEPT = 16
MIN_PAINTED = 16
MIN_SPREAD = 8  # the standard deviation over the painted pixels: less is one colour
WAIT_SECONDS = 60
PAUSE_SECONDS = 5
READ_SECONDS = 60  # SageMaker's own limit of a request
PASSING = ("ThrottlingException", "ServiceUnavailable", "ServiceUnavailableException", "InternalFailure")
PASSING += ("InternalDependencyException", "ModelNotReadyException")


class CheckError(RuntimeError):
    """The endpoint gives no picture, or a wrong one; the message says why."""


def check(endpoint: str, wait: float) -> str:
    """Has `endpoint` paint the photo; returns one line with distances and seconds. Raises `CheckError`.

    Args:
        wait: seconds for which an answer that may pass (busy, being started, a broken connection) is asked again.
    """
    with Image.open(PHOTO) as file:
        photo = np.asarray(file.convert("RGB")).astype(float)
    until, found, taken = time.monotonic() + wait, [], []
    for seed in SEEDS:
        answer, seconds = _ask(endpoint, _body(photo.shape, seed), until)
        found.append(_look(_decode(answer), photo))
        taken.append(seconds)
    kept, painted = (sum(each) / len(found) for each in zip(*found, strict=True))
    pace = 60 / max(taken)
    pictures = f"{pace:.2f}" if pace < 1 else f"{int(pace)}"
    return (
        f"{endpoint} works: what stays is {kept:.1f} of 255 from the photo, what is painted {painted:.1f}; "
        f"{', '.join(f'{each:.1f}' for each in taken)} s a picture. That is endpoint={pictures} in ImageModels, by the "
        "minute and instance."
    )


def _body(shape: tuple[int, ...], seed: int) -> bytes:
    """A request: the photo, with all but KEPT to be painted."""
    mask = np.full(shape[:2], 255, np.uint8)
    left, top, right, bottom = KEPT
    mask[top:bottom, left:right] = 0
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    images = {"image": PHOTO.read_bytes(), "mask": file.getvalue()}
    encoded = {name: base64.b64encode(content).decode() for name, content in images.items()}
    return json.dumps(encoded | {"prompt": PROMPT, "seed": seed}).encode()


def _ask(endpoint: str, body: bytes, until: float) -> tuple[bytes, float]:
    """The endpoint's answer and the seconds of the request that got it. Raises `CheckError`."""
    config = Config(read_timeout=READ_SECONDS, retries={"total_max_attempts": 1})
    runtime: Any = boto3.client("sagemaker-runtime", config=config)
    told = ""
    while True:
        started = time.monotonic()
        try:
            answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
            return answer["Body"].read(), time.monotonic() - started
        except (ClientError, BotoCoreError) as error:
            reason = str(error)
            if not _passes(error) or time.monotonic() >= until:
                raise CheckError(f"{endpoint} gave no picture. {reason}") from error
        if reason != told:
            print(f"{reason} Asked again ...", file=sys.stderr, flush=True)
            told = reason
        time.sleep(PAUSE_SECONDS)


def _passes(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if not isinstance(error, ClientError):
        return isinstance(error, HTTPClientError)  # no connection, or a broken one
    if error.response["Error"]["Code"] == "ModelError":
        return error.response.get("OriginalStatusCode") in (429, 503)
    return error.response["Error"]["Code"] in PASSING


def _decode(answer: bytes) -> np.ndarray:
    """The picture of an answer: float (height, width, 3). Raises `CheckError`."""
    try:
        file = io.BytesIO(base64.b64decode(json.loads(answer)["image"], validate=True))
        with Image.open(file) as picture:
            if picture.format not in ("PNG", "JPEG") or picture.mode != "RGB":
                raise CheckError(f"The picture is {picture.format} {picture.mode}; RGB in PNG or JPEG is wanted.")
            return np.asarray(picture).astype(float)
    except (ValueError, LookupError, TypeError, UnidentifiedImageError, OSError) as problem:
        raise CheckError(f"The answer holds no picture: {problem!r}") from problem


def _look(picture: np.ndarray, photo: np.ndarray) -> tuple[float, float]:
    """How far the picture is from the photo where it had to stay, and where it was painted. Raises `CheckError`."""
    if picture.shape != photo.shape:
        sizes = [f"{each.shape[1]}x{each.shape[0]}" for each in (picture, photo)]
        raise CheckError(f"The picture is {sizes[0]} pixels; the photo is {sizes[1]}.")
    left, top, right, bottom = KEPT
    inside, outside = np.zeros(photo.shape[:2], bool), np.ones(photo.shape[:2], bool)
    inside[top + MARGIN : bottom - MARGIN, left + MARGIN : right - MARGIN] = True
    outside[top - MARGIN : bottom + MARGIN, left - MARGIN : right + MARGIN] = False
    distance = np.abs(picture - photo)
    kept, painted = distance[inside].mean(), distance[outside].mean()
    if picture[outside].std(axis=0).max() < MIN_SPREAD:
        raise CheckError("What was to be painted is of one colour.")
    if kept > MAX_KEPT:
        raise CheckError(
            f"What had to stay is {kept:.1f} of 255 from the photo, more than {MAX_KEPT}. In a mask what is painted is "
            "white (255), what stays black (0)."
        )
    if painted < MIN_PAINTED:
        raise CheckError(f"What was to be painted is {painted:.1f} of 255 from the photo, less than {MIN_PAINTED}.")
    return kept, painted


def main(arguments: list[str] | None = None) -> int:
    """Checks the endpoint of the command line; exit status 0 if it works."""
    parser = argparse.ArgumentParser(prog="python -m paint_model.check")
    parser.add_argument("endpoint", help="the endpoint's name")
    parser.add_argument("--wait", type=float, default=WAIT_SECONDS, help="seconds; 60 unless told")
    options = parser.parse_args(arguments)
    try:
        account.require()
        print(check(options.endpoint, options.wait))
    except (CheckError, account.AccountError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
