"""Rekognition: DetectFaces and DetectModerationLabels."""

from typing import Any

from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.errors import ServiceUnavailable
from booth.wall import REFUSED_LABELS


def detect_faces(image: bytes, attempts: int = 2) -> list[dict[str, Any]]:
    """DetectFaces' `FaceDetails` of a JPEG or PNG of at most 5 MB: the 100 largest faces, default attributes.

    Coordinates are ratios of the image's width and height.

    Args:
        attempts: as `clients.client`.
    """
    with aws_errors():
        answer = connect(attempts).detect_faces(Image={"Bytes": image}, Attributes=["DEFAULT"])
    details = _listed(answer, "FaceDetails")
    if not all(detail and _is_whole(detail) for detail in details):
        raise ServiceUnavailable("Rekognition answered with a face that is nowhere")
    return details


def _is_whole(detail: dict[str, Any]) -> bool:
    """Whether a FaceDetail says in numbers where the face is, and how sure it is."""
    marks = detail.get("Landmarks", [])
    box = detail.get("BoundingBox", {})
    numbers = [box.get(name) for name in ("Left", "Top", "Width", "Height")]
    numbers += [mark.get(name) for mark in marks for name in ("X", "Y")]
    numbers.append(detail.get("Confidence", 100.0))
    return all(isinstance(each, (int, float)) for each in numbers) and all("Type" in mark for mark in marks)


def is_refused(image: bytes, threshold: float) -> bool:
    """Whether a JPEG or PNG of at most 5 MB has a moderation label of REFUSED_LABELS.

    Args:
        threshold: confidence, percent.
    """
    return not REFUSED_LABELS.isdisjoint(moderation_labels(image, threshold))


def moderation_labels(image: bytes, least: float) -> dict[str, float]:
    """Confidence (percent) by name of DetectModerationLabels' `ModerationLabels` for a JPEG or PNG of at most 5 MB.

    Each label is there with its parents.

    Args:
        least: MinConfidence, 0 to 100.
    """
    with aws_errors():
        answer = connect().detect_moderation_labels(Image={"Bytes": image}, MinConfidence=least)
    labels = _listed(answer, "ModerationLabels")
    if not all(label and _is_scored(label) for label in labels):
        raise ServiceUnavailable("Rekognition answered with a label without a score")
    return {label["Name"]: float(label["Confidence"]) for label in labels}


def _is_scored(label: dict[str, Any]) -> bool:
    return isinstance(label.get("Name"), str) and isinstance(label.get("Confidence"), (int, float))


def connect(attempts: int = 2):
    """The client, made once. Each attempt takes at most 7 s."""
    return client("rekognition", attempts=attempts)


def _listed(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The answer's list of this name. Raises ServiceUnavailable if it has none."""
    if not isinstance(answer.get(name), list):
        raise ServiceUnavailable(f"Rekognition answered without {name}")
    return answer[name]
