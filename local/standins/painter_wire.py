"""The wire format of the painter's endpoint: checks and decodes requests, encodes answers.

Request (application/json): ``{"image": base64 JPEG or PNG, "mask": base64 8-bit greyscale PNG, 255 = painted and 0 =
kept, "prompt": text, "seed": number}``; answer: ``{"image": base64 PNG, or JPEG where that is too large, "seconds":
float}``, of the image's size; errors: ``{"error": "<a sentence>"}`` with the HTTP status.
"""

import base64
import io
import json
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDES = 256, 2048
MAX_PIXELS = 1024 * 1024
BLOCK = 16  # pixels; sides are multiples of it
MAX_PROMPT = 2000  # characters
MAX_ANSWER = 5_000_000  # bytes


class BadRequest(ValueError):
    """The request can't be served as it is; ``status_code`` is the HTTP status (4xx) that says so."""

    def __init__(self, message: str, status_code: int = 400):
        super().__init__(message)
        self.status_code = status_code


@dataclass(frozen=True)
class Request:
    """A checked request: ``pixels`` uint8 HxWx3 RGB, ``mask`` bool HxW, True where it is painted."""

    pixels: np.ndarray
    mask: np.ndarray
    prompt: str
    seed: int


def read_request(body: bytes, content_type: str | None) -> Request:
    """Check and decode a request. Raises `BadRequest`."""
    if (content_type or "").split(";")[0].strip().lower() != "application/json":
        raise BadRequest(f"Content type {content_type!r} is not supported; send application/json.")
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(fields, dict) or fields.keys() != {"image", "mask", "prompt", "seed"}:
        raise BadRequest("The body must be an object with image, mask, prompt and seed.")
    prompt, seed = fields["prompt"], fields["seed"]
    if not isinstance(prompt, str) or not 1 <= len(prompt) <= MAX_PROMPT:
        raise BadRequest(f"The prompt must be a text of 1 to {MAX_PROMPT} characters.")
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise BadRequest("The seed must be a whole number from 0 to 4294967295.")
    photo, mask = _decoded(fields, "image", ("JPEG", "PNG")), _decoded(fields, "mask", ("PNG",))
    _check_size(photo.size)
    if mask.mode != "L" or mask.size != photo.size:
        raise BadRequest("The mask must be an 8-bit greyscale PNG of the image's size.")
    painted = np.asarray(mask) >= 128
    if not painted.any():
        raise BadRequest("The mask is all black: there is nothing to paint.")
    return Request(np.asarray(photo.convert("RGB")), painted, prompt, seed)


def _decoded(fields: dict, name: str, forms: tuple[str, ...]) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(fields[name], validate=True)), formats=forms)
        if picture.width * picture.height <= MAX_PIXELS:
            picture.load()
        return picture
    except (TypeError, ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        raise BadRequest(f"The {name} is no base64 of a whole {' or '.join(forms)}.") from None


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if any(side % BLOCK or not SIDES[0] <= side <= SIDES[1] for side in size) or width * height > MAX_PIXELS:
        raise BadRequest(
            f"The image has {width}x{height} pixels; its sides must be multiples of {BLOCK} from {SIDES[0]} to "
            f"{SIDES[1]}, and it may have {MAX_PIXELS} pixels."
        )


def write_answer(pixels: np.ndarray, seconds: float) -> str:
    """The answer's JSON text for a picture, uint8 HxWx3."""
    picture, file = Image.fromarray(pixels), io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    if file.tell() > MAX_ANSWER * 3 // 4 - 1000:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=95, subsampling=0)
    return json.dumps({"image": base64.b64encode(file.getvalue()).decode(), "seconds": seconds})
