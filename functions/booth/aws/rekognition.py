"""Rekognition: DetectFaces and DetectModerationLabels."""

from typing import Any

from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.errors import ServiceUnavailable

# The labels for which a photo is refused, of the first two levels of Rekognition's ("Label Categories" in its guide,
# model 7). Others belong to a party: drinks, swimwear, a kiss, a bare back, a toy pistol.
_REFUSED = {"Explicit", "Obstructed Intimate Parts", "Graphic Violence", "Visually Disturbing", "Hate Symbols"}


def detect_faces(image: bytes) -> list[dict[str, Any]]:
    """`FaceDetails` of a JPEG or PNG of at most 5 MB: the 100 largest faces, default attributes only."""
    with aws_errors():
        answer = connect().detect_faces(Image={"Bytes": image}, Attributes=["DEFAULT"])
    return _listed(answer, "FaceDetails")


def is_refused(image: bytes, threshold: float) -> bool:
    """Whether a JPEG or PNG of at most 5 MB shows, with a confidence of `threshold` (0..100), what is not painted."""
    with aws_errors():
        answer = connect().detect_moderation_labels(Image={"Bytes": image}, MinConfidence=threshold)
    labels = _listed(answer, "ModerationLabels")
    # A label comes with those above it.
    return not _REFUSED.isdisjoint(label.get("Name") for label in labels)


def connect():
    """The client, made once."""
    return client("rekognition", attempts=2)


def _listed(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    if not isinstance(answer.get(name), list):
        raise ServiceUnavailable(f"Rekognition answered without {name}")
    return answer[name]
