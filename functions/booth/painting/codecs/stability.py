"""Stability AI's Stable Image Inpaint on Bedrock.

https://docs.aws.amazon.com/bedrock/latest/userguide/stable-image-services.html: black in the mask is kept, white is
painted anew, as with Amazon's models. Filters answer with HTTP 200 and a reason in `finish_reasons`. It knows neither
quality nor cfgScale.
"""

from typing import Any

from booth.painting import answers
from booth.painting.codecs.codec import Style, encoded, first_image
from booth.pixels.sizes import Sizes
from booth.scenes import Prompt

MAX_TEXT = 10_000
"""Longest prompt and negative prompt, in characters."""
SEEDS = 4_294_967_294
"""Seeds are 1 to this; 0 means a random one."""


class Inpaint:
    """The codec of stable-image-inpaint."""

    sizes = Sizes(min_side=64, max_side=9_437_184 // 64, max_pixels=9_437_184, max_aspect=2.5)
    # A latent of such models covers 8 x 8 pixels, so more wall stays than the mask says (docs/decisions/0026-alpha.md).
    least_alpha = 242

    def request(self, photo: bytes, mask: bytes, prompt: Prompt, seed: int, style: Style) -> dict[str, Any]:
        body = {
            "prompt": prompt.text[:MAX_TEXT],
            "image": encoded(photo),
            "mask": encoded(mask),
            # The default, 5 pixels, would dilate the generated region into the faces.
            "grow_mask": 0,
            "seed": seed % SEEDS + 1,
            "output_format": "png",
        }
        if prompt.negative:
            body["negative_prompt"] = prompt.negative[:MAX_TEXT]
        return body

    def picture(self, answer: dict[str, Any]) -> bytes:
        reasons = answer.get("finish_reasons")
        reason = reasons[0] if isinstance(reasons, list) and reasons else reasons or None
        if reason is not None:
            raise answers.of_sentence(reason)
        if image := first_image(answer):
            return image
        raise answers.of_sentence(None)


INPAINT = Inpaint()
