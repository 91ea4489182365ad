"""Rekognition: DetectFaces and DetectModerationLabels."""

from typing import Any

from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.errors import ServiceUnavailable

# The moderation labels for which a photo is refused, of Rekognition's first two levels ("Label Categories" in its
# guide, model 7). Others are usual at a party: drinks, swimwear, a kiss, a bare back, a toy pistol.
_REFUSED = {"Explicit", "Obstructed Intimate Parts", "Graphic Violence", "Visually Disturbing", "Hate Symbols"}


def detect_faces(image: bytes, attempts: int = 2) -> list[dict[str, Any]]:
    """DetectFaces' `FaceDetails` of a JPEG or PNG of at most 5 MB: the 100 largest faces, default attributes.

    Coordinates are ratios of the image's width and height.

    Args:
        attempts: as `clients.client`.
    """
    with aws_errors():
        answer = connect(attempts).detect_faces(Image={"Bytes": image}, Attributes=["DEFAULT"])
    details = _listed(answer, "FaceDetails")
    if not all(_is_whole(detail) for detail in details):
        raise ServiceUnavailable("Rekognition answered with a face that is nowhere")
    return details


def _is_whole(detail: dict[str, Any]) -> bool:
    """Whether a FaceDetail says where the face is."""
    has_box = {"Left", "Top", "Width", "Height"} <= detail.get("BoundingBox", {}).keys()
    return has_box and all({"Type", "X", "Y"} <= mark.keys() for mark in detail.get("Landmarks", []))


def is_refused(image: bytes, threshold: float) -> bool:
    """Whether a JPEG or PNG of at most 5 MB has a moderation label of `_REFUSED`.

    Args:
        threshold: MinConfidence, 0 to 100.
    """
    with aws_errors():
        answer = connect().detect_moderation_labels(Image={"Bytes": image}, MinConfidence=threshold)
    labels = _listed(answer, "ModerationLabels")
    # Each label is listed with its parents.
    return not _REFUSED.isdisjoint(label.get("Name") for label in labels)


def connect(attempts: int = 2):
    """The client, made once. Each attempt takes at most 7 s."""
    return client("rekognition", attempts=attempts)


def _listed(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The answer's list of this name. Raises ServiceUnavailable if it has none."""
    if not isinstance(answer.get(name), list):
        raise ServiceUnavailable(f"Rekognition answered without {name}")
    return answer[name]
