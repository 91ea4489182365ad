"""The protocol of a codec, an image model's wire format. `booth.painting.bedrock` makes the call."""

import base64
from dataclasses import dataclass
from typing import Any, Protocol

from booth.pixels.sizes import Sizes
from booth.scenes import Prompt


@dataclass(frozen=True)
class Style:
    """Parameters that the operator chose; a model that has no such parameter ignores it."""

    quality: str
    """"standard" or "premium"."""
    cfg_scale: float
    """How closely the prompt is followed, 1.1 to 10 (parameter `ImageCfgScale`)."""


class Codec(Protocol):
    """Builds a model's requests and reads its answers."""

    @property
    def sizes(self) -> Sizes:
        """The sizes of photo and mask that the model takes."""
        ...

    @property
    def least_alpha(self) -> int:
        """The alpha (1 to 255) from which on a pixel is kept in the model's mask."""
        ...

    def request(self, photo: bytes, mask: bytes, prompt: Prompt, seed: int, style: Style) -> dict[str, Any]:
        """InvokeModel's body for painting the prompt where the mask is white and keeping the photo where it is black.

        Args:
            photo: JPEG, of a size that `sizes` allows.
            mask: 8-bit greyscale PNG of the same size, 0 and 255 only.
            seed: any number from 0; reduced to the model's range.
        """
        ...

    def picture(self, answer: dict[str, Any]) -> bytes:
        """The picture in InvokeModel's answer (parsed JSON), encoded as the model sent it.

        Raises:
            ContentBlocked: a content filter refused prompt or photo.
            OutputBlocked: a content filter refused the result; another seed may pass.
            ServiceUnavailable: the model failed, as it says.
            UnknownAnswer: it has no picture, and what it says is not known.
        """
        ...


def encoded(data: bytes) -> str:
    """The data in base64, as text."""
    return base64.b64encode(data).decode()


def first_image(answer: dict[str, Any]) -> bytes | None:
    """The first of the answer's `images`, decoded from base64; None if it has none, or an empty one."""
    try:
        return base64.b64decode(answer["images"][0], validate=True) or None
    except (KeyError, IndexError, TypeError, ValueError):
        return None
