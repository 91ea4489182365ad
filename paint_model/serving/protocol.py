"""The endpoint's wire format: checks and decodes requests, encodes answers.

Request (application/json), one picture each:

    {"image": "<base64 JPEG or PNG>", "mask": "<base64 PNG>", "prompt": "a beach ...", "seed": 7}

``image``: RGB; both sides multiples of 16 from 256 to 2048, at most 1024 x 1024 pixels. ``mask``: grey with 8 bits, of
the same size; 255 is painted, 0 kept, and at least one pixel is painted. ``prompt``: 1 to 2000 characters. ``seed``:
0 to 2^32 - 1. The same request gives the same picture on the same machine. Answer:

    {"image": "<base64 PNG>", "seconds": 3.8}        RGB, of the request's size; how long it was painted

Kept pixels have gone through the model's encoder and come back nearly, not exactly, as they were. An answer has at most
4.2 MB: 3.1 MB of pixels that don't compress, in base64. What isn't answered so is answered with a status and

    {"error": "seed must be a whole number from 0 to 4294967295."}

400, 406, 413 and 415: the request is wrong. 429: others wait already. 503: the painter is being started, has too little
memory or took too long. 500: a defect.
"""

import base64
import binascii
import io
import json
from dataclasses import dataclass

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None  # _check_size does it, by the header

BLOCK = 16
"""Pixels of the squares that FLUX.2 decides by: sides are multiples of it."""
SIDES = (256, 2048)
MAX_PIXELS = 1024 * 1024  # klein shrinks what is larger by itself
MAX_PROMPT = 2000  # characters; klein reads 512 tokens
MAX_SEED = 2**32 - 1
MAX_BODY = 6_500_000
"""Bytes of a request: multi-model-server takes 6,553,500 and answers more with 413 itself."""
PAINTED = 128
"""From this value of the mask on a pixel is painted."""
FIELDS = {"image", "mask", "prompt", "seed"}


class BadRequest(ValueError):
    """The request can't be served as it is; ``status_code`` is the HTTP status (4xx) that says so."""

    def __init__(self, message: str, status_code: int = 400):
        super().__init__(message)
        self.status_code = status_code


class Busy(RuntimeError):
    """As many as may wait are waiting, or the answer would come too late: 429. The same request may be sent again."""

    status_code = 429


class Unavailable(RuntimeError):
    """The painter can't paint now: 503. The same request may be sent again."""

    status_code = 503


@dataclass(frozen=True)
class Request:
    """A checked request: ``pixels`` uint8 (height, width, 3) RGB; ``mask`` bool (height, width), True is painted."""

    pixels: np.ndarray
    mask: np.ndarray
    prompt: str
    seed: int


def read_request(body: bytes | str, content_type: str | None) -> Request:
    """Check and decode a request. Raises `BadRequest`."""
    fields = _read_fields(body, content_type)
    prompt, seed = fields["prompt"], fields["seed"]
    if not isinstance(prompt, str) or not 1 <= len(prompt) <= MAX_PROMPT:
        raise BadRequest(f"prompt must be a text of 1 to {MAX_PROMPT} characters.")
    try:
        prompt.encode()
    except UnicodeEncodeError:  # half a pair of surrogates, which JSON can write and no tokenizer reads
        raise BadRequest("prompt is not valid Unicode.") from None
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        raise BadRequest(f"seed must be a whole number from 0 to {MAX_SEED}.")
    pixels = _decode("image", fields["image"], ("JPEG", "PNG"), "RGB")
    mask = _decode("mask", fields["mask"], ("PNG",), "L")
    if mask.shape != pixels.shape[:2]:
        raise BadRequest("image and mask must be of one size.")
    painted = mask >= PAINTED
    if not painted.any():
        raise BadRequest("mask has nothing to paint: at least one pixel must be 255.")
    return Request(pixels, painted, prompt, seed)


def check_accept(accept: str | None) -> None:
    """Raise `BadRequest` (406) if the caller accepts no JSON."""
    kinds = {_media_type(kind) for kind in (accept or "").split(",")}
    if not kinds & {"application/json", "application/*", "*/*", ""}:
        raise BadRequest("The answer can be had as application/json only.", 406)


def write_answer(pixels: np.ndarray, seconds: float) -> str:
    """Return the answer's JSON text for ``pixels``, uint8 (height, width, 3)."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)  # higher levels gain little and take a second
    return json.dumps({"image": base64.b64encode(file.getvalue()).decode(), "seconds": round(seconds, 3)})


def _read_fields(body: bytes | str, content_type: str | None) -> dict:
    if _media_type(content_type) != "application/json":
        raise BadRequest("Send the request as application/json.", 415)
    if len(body) > MAX_BODY:
        raise BadRequest(f"The request has {len(body)} bytes; at most {MAX_BODY} are accepted.", 413)
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):  # also bytes that are no UTF-8, and a hundred thousand brackets
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(fields, dict) or fields.keys() != FIELDS:
        raise BadRequest("The body must be a JSON object of image, mask, prompt and seed.")
    return fields


def _media_type(header: str | None) -> str:
    return (header or "").split(";")[0].strip().lower()


def _decode(name: str, encoded: object, formats: tuple[str, ...], mode: str) -> np.ndarray:
    """Decode a field to uint8: (height, width, 3) for mode "RGB", (height, width) for "L". Raises `BadRequest`."""
    if not isinstance(encoded, str):
        raise BadRequest(f"{name} must be a picture as base64 text.")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(f"{name} is not base64.") from None
    what = f"{name} is not a whole {' or '.join(formats)} picture."
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            _check_size(name, *image.size)  # before anything is unpacked
            if image.mode != mode:
                raise BadRequest(f"{name} must be {'RGB' if mode == 'RGB' else 'grey'} with 8 bits.")
            return np.array(image)
    except BadRequest:
        raise
    except Exception:  # Pillow promises no class of error for foreign, broken and truncated files
        raise BadRequest(what) from None


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BadRequest(f"{name} has {width}x{height} pixels; at most {MAX_PIXELS} are accepted.", 413)
    low, high = SIDES
    if any(side % BLOCK or not low <= side <= high for side in (width, height)):
        raise BadRequest(
            f"{name} has {width}x{height} pixels; sides must be multiples of {BLOCK} from {low} to {high}."
        )
