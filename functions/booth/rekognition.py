"""Rekognition DetectFaces."""

from typing import Any

from booth.aws import aws_errors, client
from booth.errors import ServiceUnavailable


def detect_faces(image: bytes) -> list[dict[str, Any]]:
    """`FaceDetails` of a JPEG or PNG of at most 5 MB: the 100 largest faces, default attributes only."""
    with aws_errors():
        answer = client("rekognition", attempts=2).detect_faces(Image={"Bytes": image}, Attributes=["DEFAULT"])
    details = answer.get("FaceDetails")
    if not isinstance(details, list):
        raise ServiceUnavailable("DetectFaces answered without FaceDetails")
    return details
