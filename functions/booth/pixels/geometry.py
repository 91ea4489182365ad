"""Faces, and the crops that hold them."""

from dataclasses import asdict, dataclass
from typing import Any

Box = tuple[float, float, float, float]

CONTEXT = 0.5
"""How far a crop reaches beyond a face's box on each side, in parts of the box's size: hair and neck for SAM to see."""


@dataclass(frozen=True)
class Face:
    box: Box
    """As Rekognition gives it, in pixels: it may overhang the photo."""
    landmarks: dict[str, tuple[float, float]]
    """By Rekognition's type (eyeLeft, eyeRight, nose, mouthLeft, mouthRight, ...): (x, y) in pixels."""


@dataclass(frozen=True)
class Crop:
    box: tuple[int, int, int, int]
    """Whole pixels, inside the photo."""
    faces: tuple[int, ...]
    """Indexes of the faces whose grown boxes lie in it."""


def faces_from_rekognition(details: list[dict[str, Any]], width: int, height: int) -> list[Face]:
    """Faces in pixels of a width x height photo, from DetectFaces' `FaceDetails` (ratios of the image's size).

    Faces that have no area inside the photo are left out.
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
    """The box, grown on each side by `share` of its width and height."""
    l, t, r, b = box
    dx, dy = (r - l) * share, (b - t) * share
    return l - dx, t - dy, r + dx, b + dy


def clip(box: Box, width: int, height: int) -> Box:
    """The part of the box that lies in a width x height image; may be empty."""
    l, t, r, b = box
    return (min(max(l, 0), width), min(max(t, 0), height), min(max(r, 0), width), min(max(b, 0), height))


def whole_pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The smallest box of whole pixels around the box's part inside the image; at least one pixel."""
    l, t, r, b = clip(box, width, height)
    left, top = min(int(l), width - 1), min(int(t), height - 1)
    return left, top, max(left + 1, -int(-r // 1)), max(top + 1, -int(-b // 1))


def overlap(a: Box, b: Box) -> bool:
    """Whether two boxes share area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def crops_around(faces: list[Face], width: int, height: int) -> list[Crop]:
    """Crops that hold every face with its surroundings. No two overlap: SAM never encodes a pixel twice."""
    crops: list[Crop] = []
    for index, face in enumerate(faces):
        new = Crop(whole_pixels(grow(face.box, CONTEXT), width, height), (index,))
        # Each join may make the crop touch another one.
        while joined := [crop for crop in crops if overlap(crop.box, new.box)]:
            crops = [crop for crop in crops if crop not in joined]
            group = [new, *joined]
            lefts, tops, rights, bottoms = zip(*(crop.box for crop in group), strict=True)
            box = (min(lefts), min(tops), max(rights), max(bottoms))
            new = Crop(box, tuple(sorted(index for crop in group for index in crop.faces)))
        crops.append(new)
    return crops


def faces_to_json(faces: list[Face]) -> list[dict[str, Any]]:
    return [asdict(face) for face in faces]


def faces_from_json(value: list[dict[str, Any]]) -> list[Face]:
    return [
        Face(tuple(each["box"]), {name: tuple(point) for name, point in each["landmarks"].items()}) for each in value
    ]


def crops_to_json(crops: list[Crop]) -> list[dict[str, Any]]:
    return [asdict(crop) for crop in crops]


def crops_from_json(value: list[dict[str, Any]]) -> list[Crop]:
    return [Crop(tuple(each["box"]), tuple(each["faces"])) for each in value]
