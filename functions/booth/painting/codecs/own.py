"""The painter of one's own: the wire format of `paint_model/`, which runs FLUX.2 [klein] or SDXL inpainting.

Black in the mask is kept, white is painted. It knows no negative prompt, no quality and no cfgScale. What it refuses or
fails at comes with another HTTP status than 200, see `booth.painting.sagemaker`.
"""

import base64
from typing import Any

from booth.painting import answers
from booth.painting.codecs.codec import Style, encoded
from booth.pixels.sizes import Sizes
from booth.scenes import Prompt

MAX_TEXT = 2000
"""Longest prompt, in characters."""
SEEDS = 2**32
"""Seeds are 0 to this, exclusive."""


class Painter:
    """The codec of the endpoint."""

    # Klein paints in blocks of 16 x 16 and at most a megapixel; other sizes the endpoint refuses.
    sizes = Sizes(min_side=256, max_side=2048, max_pixels=1024 * 1024, max_aspect=4.0, multiple=16)
    # Klein's blocks leave no wall from 64 on, SDXL's cells of 8 x 8 from here on: docs/decisions/0028.
    least_alpha = 242

    def request(self, photo: bytes, mask: bytes, prompt: Prompt, seed: int, style: Style) -> dict[str, Any]:
        return {"image": encoded(photo), "mask": encoded(mask), "prompt": prompt.text[:MAX_TEXT], "seed": seed % SEEDS}

    def picture(self, answer: dict[str, Any]) -> bytes:
        try:
            if image := base64.b64decode(answer["image"], validate=True):
                return image
        except (KeyError, TypeError, ValueError):
            pass  # the same as none
        raise answers.of_sentence(None)


PAINTER = Painter()
