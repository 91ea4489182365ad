"""Requests for the alpha of heads and whole people; see `protocol` for the wire format."""

import math
from dataclasses import dataclass

import numpy as np

from sam_model.serving.protocol import MAX_PROMPTS, BadRequest, decode_image, numbers, read_box

LANDMARKS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
MAX_SECONDS = 30.0
"""At most, also without ``seconds``: SageMaker gives an answer up after 60, and what was begun is ended first."""


@dataclass(frozen=True)
class Face:
    """A face in pixels of the image.

    ``box``: float32 (4,) left, top, right, bottom, within the image. ``landmarks``: float32 (2,) x, y by name.
    """

    box: np.ndarray
    landmarks: dict[str, np.ndarray]


@dataclass(frozen=True)
class KeepRequest:
    """A checked request.

    ``pixels``: uint8 (height, width, 3) RGB. ``keep``: "head", "person" or both. ``faces``: at least one. ``seconds``:
    after which no head is decoded any more.
    """

    pixels: np.ndarray
    keep: tuple[str, ...]
    faces: list[Face]
    seconds: float


def read_keep(fields: dict) -> KeepRequest:
    """Check and decode a request that has the field ``keep``. Raises `BadRequest`."""
    pixels = decode_image(fields.get("encode_image"))
    keep = fields["keep"]
    if not isinstance(keep, list) or keep not in (["head"], ["person"], ["head", "person"], ["person", "head"]):
        raise BadRequest('keep must be a list of "head", "person" or both, each once.')
    faces = fields.get("faces")
    if not isinstance(faces, list) or not faces:
        raise BadRequest("faces must be a list of at least one face.")
    if len(faces) > MAX_PROMPTS:
        raise BadRequest(f"{len(faces)} faces were sent; at most {MAX_PROMPTS} are accepted.")
    limits = np.array(pixels.shape[1::-1], np.float32)
    found = [_read_face(face, number, limits) for number, face in enumerate(faces)]
    return KeepRequest(pixels, tuple(keep), found, _read_seconds(fields.get("seconds", MAX_SECONDS)))


def _read_face(face: object, number: int, limits: np.ndarray) -> Face:
    if not isinstance(face, dict):
        raise BadRequest(f"Face {number} must be an object with box and landmarks.")
    landmarks = face.get("landmarks", {})
    if not isinstance(landmarks, dict):
        raise BadRequest(f"The landmarks of face {number} must be an object of points by name.")
    points = {name: numbers(point, 2) for name, point in landmarks.items() if name in LANDMARKS}
    found = {name: point for name, point in points.items() if point is not None}
    if len(found) < len(points):
        raise BadRequest(f"Each landmark of face {number} must be two finite numbers: x, y.")
    return Face(read_box(face.get("box"), number, limits), found)


def _read_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:  # false for NaN too
        raise BadRequest("seconds must be a finite number, 0 or more.")
    return float(min(value, MAX_SECONDS))
