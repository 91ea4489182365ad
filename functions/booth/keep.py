"""What a picture keeps of the people in the photo. Nothing here calls AWS.

A picture keeps what its visitor chose, else what its scene says, else the stack's parameter `Keep`.
"""

import os
from enum import StrEnum


class Keep(StrEnum):
    """From the least to the most: each keeps what the one before keeps."""

    FACE = "face"
    HEAD = "head"
    """The face, hair, glasses, headwear."""
    PERSON = "person"
    """Whole people: only the background is new."""


MORE = (Keep.HEAD, Keep.PERSON)
"""What is more than the face: the SAM endpoint gives its alpha, if it has a matte."""


def of_stack() -> Keep:
    """What the stack's pictures keep, by KEEP."""
    return Keep(os.environ.get("KEEP", Keep.FACE))


def wanted(chosen: str, of_scene: str | None) -> Keep:
    """What a picture is to keep.

    Args:
        chosen: what the visitor chose; "" for nothing.
        of_scene: what the picture's scene says; None for nothing.
    """
    return Keep(chosen or of_scene or of_stack())
