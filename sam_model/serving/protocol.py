"""The endpoint's wire format: checks and decodes requests, encodes answers.

Request (application/json); all coordinates are pixels of the image as it is sent, EXIF orientation not applied:

    {"encode_image": "<base64 JPEG, PNG or WebP>", "input_box": [left, top, right, bottom]}
    {"encode_image": "...", "input_boxes": [[l, t, r, b], ...], "input_points": [[[x, y], ...], ...]}

``input_points`` is optional: one list for each box, possibly empty, of points that belong to the object (landmarks
of the face). The image is encoded once, each prompt is decoded by itself, and the answer is the union of the masks:

    {"mask_image": "<base64 PNG>"}        RGB, of the image's size; black = face, white = the rest

Instead of the masks of faces, a request may ask for the alpha of heads and whole people:

    {"encode_image": "...", "keep": ["head", "person"], "seconds": 9.0,
     "faces": [{"box": [l, t, r, b], "landmarks": {"eyeLeft": [x, y], "eyeRight": ..., "nose": ..., ...}}, ...]}

``keep`` names one or both. A face may lack landmarks, and they may lie outside the image; the names are Rekognition's.
``seconds`` is optional: heads that Segment Anything has not been asked for by then are cut out of the matte near the
face, and counted.

    {"alpha_images": {"head": "<base64 PNG>", "person": "..."}, "heads_by_matte": 0}        grey, of the image's size

A request that can't be served is answered with HTTP 400, 406, 413 or 415 (422 for ``keep`` where the endpoint has no
matte), a failure of the model with 500, and

    {"code": 400, "message": "Box 0 lies outside the image."}
"""

import base64
import binascii
import io
import json
from dataclasses import dataclass

import numpy as np
from PIL import Image

MAX_PIXELS = 4096 * 4096  # decoded 50 MB; the encoder sees 1024x1024, so more pixels bring nothing
MAX_PROMPTS = 100  # as many faces as one DetectFaces call can return
MAX_POINTS = 64  # for each prompt; detectors give 5 to 30 landmarks


class BadRequest(ValueError):
    """The request can't be served as it is; ``status_code`` is the HTTP status (4xx) that says so."""

    def __init__(self, message: str, status_code: int = 400):
        super().__init__(message)
        self.status_code = status_code


@dataclass(frozen=True)
class Prompt:
    """One object to segment, in pixels of the sent image.

    ``box``: float32 (4,) left, top, right, bottom, clipped to the image. ``points``: float32 (n, 2) x, y.
    """

    box: np.ndarray
    points: np.ndarray


@dataclass(frozen=True)
class Request:
    """A checked request: ``pixels`` uint8 (height, width, 3) RGB, and at least one prompt."""

    pixels: np.ndarray
    prompts: list[Prompt]


def read_fields(body: bytes | str, content_type: str | None) -> dict:
    """Return the fields of a request's JSON object. Raises `BadRequest`."""
    if _media_type(content_type) != "application/json":
        raise BadRequest(f"Content type {content_type!r} is not supported; send application/json.", 415)
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):  # also bytes that are no UTF-8, and a hundred thousand brackets
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(fields, dict):
        raise BadRequest("The body must be a JSON object.")
    return fields


def read_request(fields: dict) -> Request:
    """Check and decode a request for the masks of faces. Raises `BadRequest`."""
    pixels = decode_image(fields.get("encode_image"))
    return Request(pixels, _read_prompts(fields, width=pixels.shape[1], height=pixels.shape[0]))


def check_accept(accept: str) -> None:
    """Raise `BadRequest` (406) if the caller accepts no JSON."""
    kinds = {_media_type(kind) for kind in accept.split(",")}
    if not kinds & {"application/json", "application/*", "*/*", ""}:
        raise BadRequest(f"The answer can't be had as {accept!r}; accept application/json.", 406)


def write_answer(mask: np.ndarray) -> str:
    """Return the answer's JSON text for ``mask``: bool (height, width), True on the faces."""
    image = Image.fromarray(np.where(mask, np.uint8(0), np.uint8(255))).convert("RGB")
    return json.dumps({"mask_image": _base64_png(image)})


def write_alphas(images: dict[str, np.ndarray], heads_by_matte: int) -> str:
    """Return the answer's JSON text for ``images``: uint8 (height, width) by mode."""
    encoded = {mode: _base64_png(Image.fromarray(alpha)) for mode, alpha in images.items()}
    return json.dumps({"alpha_images": encoded, "heads_by_matte": heads_by_matte})


def _base64_png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # flat areas: higher levels take longer and gain next to nothing
    return base64.b64encode(file.getvalue()).decode()


def _media_type(header: str | None) -> str:
    return (header or "").split(";")[0].strip().lower()


def decode_image(encoded: object) -> np.ndarray:
    """Decode ``encode_image`` to uint8 (height, width, 3) RGB. Raises `BadRequest`."""
    if not isinstance(encoded, str) or not encoded:
        raise BadRequest("encode_image is missing: send the image as base64 text.")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("encode_image is not base64.") from None
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadRequest(
                    f"The image has {image.width}x{image.height} pixels; at most {MAX_PIXELS} are accepted.", 413
                )
            return np.asarray(image.convert("RGB"))
    except Image.DecompressionBombError:
        raise BadRequest(f"The image has too many pixels; at most {MAX_PIXELS} are accepted.", 413) from None
    except BadRequest:
        raise
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for foreign, broken and truncated files
        raise BadRequest("encode_image is not a whole JPEG, PNG or WebP image.") from None


def _read_prompts(fields: dict, width: int, height: int) -> list[Prompt]:
    """Read input_box or input_boxes, and input_points. Raises `BadRequest`."""
    if ("input_box" in fields) == ("input_boxes" in fields):
        raise BadRequest("Send either input_box or input_boxes.")
    boxes = [fields["input_box"]] if "input_box" in fields else fields["input_boxes"]
    if not isinstance(boxes, list) or not boxes:
        raise BadRequest("input_boxes must be a list of at least one box.")
    if len(boxes) > MAX_PROMPTS:
        raise BadRequest(f"{len(boxes)} boxes were sent; at most {MAX_PROMPTS} are accepted.")
    points = fields.get("input_points", [[] for _ in boxes])
    if not isinstance(points, list) or len(points) != len(boxes):
        raise BadRequest(f"input_points must hold one list for each of the {len(boxes)} boxes.")
    limits = np.array([width, height], np.float32)
    return [
        Prompt(read_box(box, number, limits), _read_points(of_box, number, limits))
        for number, (box, of_box) in enumerate(zip(boxes, points, strict=True))
    ]


def read_box(value: object, number: int, limits: np.ndarray) -> np.ndarray:
    """Read one box and clip it to the image (``limits``: width, height): detectors' boxes may extend beyond it."""
    corners = numbers(value, 4)
    if corners is None:
        raise BadRequest(f"Box {number} must be four finite numbers: left, top, right, bottom.")
    start, end = corners.reshape(2, 2)
    if not (start < end).all():
        raise BadRequest(f"Box {number} is empty: left must be less than right, and top less than bottom.")
    start, end = np.clip(start, 0, limits), np.clip(end, 0, limits)
    if not (start < end).all():
        raise BadRequest(f"Box {number} lies outside the image.")
    return np.concatenate([start, end])


def _read_points(value: object, number: int, limits: np.ndarray) -> np.ndarray:
    """Read one box's points, float32 (n, 2). Points outside the image are left out: the model sees nothing there."""
    if not isinstance(value, list) or len(value) > MAX_POINTS:
        raise BadRequest(f"The points of box {number} must be a list of at most {MAX_POINTS} points.")
    points = [numbers(point, 2) for point in value]
    if any(point is None for point in points):
        raise BadRequest(f"Each point of box {number} must be two finite numbers: x, y.")
    array = np.array(points, np.float32).reshape(-1, 2)
    return array[((array >= 0) & (array < limits)).all(axis=1)]


def numbers(value: object, count: int) -> np.ndarray | None:
    """Return ``value`` as float32 (count,), or None if it is anything but that many finite numbers."""
    if not isinstance(value, list) or len(value) != count or any(type(item) not in (int, float) for item in value):
        return None
    if not all(abs(item) < 1e9 for item in value):  # false for NaN and the infinities as well
        return None
    return np.array(value, np.float32)
