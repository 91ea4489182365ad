"""Bounding boxes of faces, and the crops around them that are sent to Segment Anything."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""

CONTEXT = 0.5
"""A crop's margin around a face's box on each side, in box sizes: SAM needs hair and neck as context."""

MAX_CROPS = 10
"""As many as are segmented at once (the Map's highest MaxConcurrency). A hundred small faces in crops of their own
would take Segment Anything longer than the run has; in a common crop they are smaller in its input."""


@dataclass(frozen=True)
class Face:
    """A detected face, in pixels of the normalised photo."""

    box: Box
    """Rekognition's BoundingBox; it may extend beyond the photo."""
    landmarks: dict[str, tuple[float, float]]
    """(x, y) by Rekognition's landmark type: eyeLeft, eyeRight, nose, mouthLeft, mouthRight, ..."""


@dataclass(frozen=True)
class Crop:
    """A part of the normalised photo that is segmented in one request."""

    box: tuple[int, int, int, int]
    """In whole pixels, within the photo."""
    faces: tuple[int, ...]
    """Indexes of the faces whose boxes, grown by CONTEXT, lie in it. Empty: the whole photo, see `whole_photo`."""


def faces_from_rekognition(details: list[dict[str, Any]], width: int, height: int) -> list[Face]:
    """Faces in pixels of a width x height photo, from DetectFaces' `FaceDetails` (ratios of the image's size).

    Faces with less than a pixel of width or height within the photo are left out.
    """
    faces = []
    for detail in details:
        ratio = detail["BoundingBox"]
        left, top = ratio["Left"] * width, ratio["Top"] * height
        box = (left, top, left + ratio["Width"] * width, top + ratio["Height"] * height)
        l, t, r, b = clip(box, width, height)
        if r - l < 1 or b - t < 1:
            continue
        landmarks = {mark["Type"]: (mark["X"] * width, mark["Y"] * height) for mark in detail.get("Landmarks", [])}
        faces.append(Face(box, landmarks))
    return faces


def grow(box: Box, share: float) -> Box:
    """The box, extended on each side by `share` of its width and height; a negative share shrinks it."""
    l, t, r, b = box
    dx, dy = (r - l) * share, (b - t) * share
    return l - dx, t - dy, r + dx, b + dy


def clip(box: Box, width: int, height: int) -> Box:
    """The intersection of the box and a width x height image; may be empty."""
    l, t, r, b = box
    return (min(max(l, 0), width), min(max(t, 0), height), min(max(r, 0), width), min(max(b, 0), height))


def whole_pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The smallest box of whole pixels around the clipped box; at least one pixel."""
    l, t, r, b = clip(box, width, height)
    left, top = min(int(l), width - 1), min(int(t), height - 1)
    return left, top, max(left + 1, -int(-r // 1)), max(top + 1, -int(-b // 1))


def overlap(a: Box, b: Box) -> bool:
    """Whether the intersection of two boxes has an area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def crops_around(faces: list[Face], width: int, height: int) -> list[Crop]:
    """At most MAX_CROPS crops of a width x height photo that contain every face with its margin (CONTEXT).

    No two crops overlap, so no pixel is encoded twice.
    """
    crops: list[Crop] = []
    for index, face in enumerate(faces):
        crops = _merged(crops, Crop(whole_pixels(grow(face.box, CONTEXT), width, height), (index,)))
    while len(crops) > MAX_CROPS:
        pair = _closest_pair(crops)
        crops = _merged([crop for crop in crops if crop not in pair], _union(pair))
    return crops


def whole_photo(width: int, height: int) -> Crop:
    """The crop that stands for a whole photo of width x height, of which heads and people are wanted, not faces."""
    return Crop((0, 0, width, height), ())


def _merged(crops: list[Crop], new: Crop) -> list[Crop]:
    """The crops and a new one, merged with those that it overlaps, until none overlap."""
    while joined := [crop for crop in crops if overlap(crop.box, new.box)]:
        crops = [crop for crop in crops if crop not in joined]
        new = _union([new, *joined])
    return [*crops, new]


def _union(crops: list[Crop]) -> Crop:
    """The crop with the bounding box of these crops, and their faces."""
    lefts, tops, rights, bottoms = zip(*(crop.box for crop in crops), strict=True)
    box = (min(lefts), min(tops), max(rights), max(bottoms))
    return Crop(box, tuple(sorted(index for crop in crops for index in crop.faces)))


def _closest_pair(crops: list[Crop]) -> list[Crop]:
    """The two crops whose common bounding box adds the least area to theirs."""
    boxes = np.array([crop.box for crop in crops])
    starts = np.minimum(boxes[:, None, :2], boxes[None, :, :2])
    ends = np.maximum(boxes[:, None, 2:], boxes[None, :, 2:])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    added = (ends - starts).prod(axis=2) - areas[:, None] - areas
    np.fill_diagonal(added, added.max() + 1)
    return [crops[k] for k in np.unravel_index(added.argmin(), added.shape)]


def faces_to_json(faces: list[Face]) -> list[dict[str, Any]]:
    """The faces as JSON values."""
    return [asdict(face) for face in faces]


def faces_from_json(value: list[dict[str, Any]]) -> list[Face]:
    """The faces of `faces_to_json`'s values."""
    return [
        Face(tuple(each["box"]), {name: tuple(point) for name, point in each["landmarks"].items()}) for each in value
    ]


def crops_to_json(crops: list[Crop]) -> list[dict[str, Any]]:
    """The crops as JSON values."""
    return [asdict(crop) for crop in crops]


def crops_from_json(value: list[dict[str, Any]]) -> list[Crop]:
    """The crops of `crops_to_json`'s values."""
    return [Crop(tuple(each["box"]), tuple(each["faces"])) for each in value]
