"""Which of the faces in a photo are visitors': those are kept and counted, all others are painted over.

A visitor's face is one that DetectFaces is sure of, and that is not small: against the largest such face, or against
the photo. So a row of equally small people are all visitors, and a crowd far behind somebody is not.
docs/decisions/0020-who-is-a-visitor.md has the reasons and the figures.
"""

from typing import Any

from booth.pixels import geometry
from booth.pixels.geometry import Face

SURE = 80.0
"""Least `Confidence` of a visitor's face, 0 to 100."""

SHARE_OF_LARGEST = 0.3
"""A face this large against the largest sure one is a visitor's: a child in the third row still is."""

SHARE_OF_PHOTO = 1 / 10
"""So is one this large against the photo's shorter side, whatever the largest one is: that may be a poster."""


def visitors_of(details: list[dict[str, Any]], width: int, height: int) -> list[Face]:
    """The visitors' faces, in pixels of a width x height photo and in the order of DetectFaces' `FaceDetails`.

    Empty only if no face is sure. DetectFaces always gives `Confidence`; a face without it counts as sure.
    """
    sure = [detail for detail in details if detail.get("Confidence", 100.0) >= SURE]
    faces = geometry.faces_from_rekognition(sure, width, height)
    largest = max((size_of(face) for face in faces), default=0.0)
    least = min(SHARE_OF_LARGEST * largest, SHARE_OF_PHOTO * min(width, height))
    return [face for face in faces if size_of(face) >= least]


def size_of(face: Face) -> float:
    """The longer side of a face's box in pixels: a turned head is narrower, not lower."""
    l, t, r, b = face.box
    return max(r - l, b - t)
