"""What a codec is: an image model's wire format. It knows nothing of AWS; `booth.painting.bedrock` makes the call."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Protocol

from booth.errors import ServiceUnavailable
from booth.pixels.sizes import Sizes
from booth.scenes import Prompt


@dataclass(frozen=True)
class Style:
    """What the operator chose; a model without such a choice ignores it."""

    quality: str
    """"standard" or "premium"."""
    cfg_scale: float
    """How closely the prompt is followed, 1.1 to 10."""


class Codec(Protocol):
    """One model's requests and answers."""

    sizes: Sizes
    """The sizes of photo and mask that it takes."""

    def request(self, photo: bytes, mask: bytes, prompt: Prompt, seed: int, style: Style) -> dict[str, Any]:
        """InvokeModel's body: the prompt painted where the mask is white, the photo kept where it is black.

        `photo` is a JPEG and `mask` a PNG of black (0) and white (255), both of one size that `sizes` allows;
        `seed` is any number from 0.
        """
        ...

    def picture(self, answer: dict[str, Any]) -> bytes:
        """The picture in InvokeModel's answer, encoded as the model sent it.

        Raises:
            ContentBlocked: prompt or photo were refused by a content filter.
            OutputBlocked: the result was; another seed may do.
            ServiceUnavailable: there is no picture in it.
        """
        ...


def encoded(data: bytes) -> str:
    """base64, as all these formats carry pictures."""
    return base64.b64encode(data).decode()


def first_image(answer: dict[str, Any]) -> bytes:
    """The first of the answer's `images`, decoded from base64. Raises ServiceUnavailable."""
    try:
        return base64.b64decode(answer["images"][0], validate=True)
    except (KeyError, IndexError, TypeError, ValueError, binascii.Error) as error:
        raise ServiceUnavailable("the model answered without an image") from error
