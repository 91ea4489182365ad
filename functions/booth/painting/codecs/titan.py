"""Amazon Titan Image Generator v1 and v2: OUTPAINTING with a mask image.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-image.html: the mask is pure black where
the photo is kept and white where it is painted anew; input of at most 1408 pixels on the longer side; the answer has
the input's size.
"""

from dataclasses import dataclass
from typing import Any

from booth.painting import answers
from booth.painting.codecs.codec import Style, encoded, first_image
from booth.pixels.sizes import Sizes
from booth.scenes import Prompt


@dataclass(frozen=True)
class Outpainting:
    """The codec of Amazon's image models, task type OUTPAINTING; they differ in their limits only."""

    sizes: Sizes
    max_text: int
    """Longest prompt and negative prompt, in characters."""
    seeds: int
    """Seeds are 0 to this, exclusive."""
    # With PRECISE each kept pixel stays, with the wall that it holds (docs/decisions/0026-alpha.md).
    least_alpha: int = 192

    def request(self, photo: bytes, mask: bytes, prompt: Prompt, seed: int, style: Style) -> dict[str, Any]:
        painting = {
            "text": prompt.text[: self.max_text],
            "image": encoded(photo),
            "maskImage": encoded(mask),
            # DEFAULT may change kept pixels, PRECISE does not.
            "outPaintingMode": "PRECISE",
        }
        if prompt.negative:
            painting["negativeText"] = prompt.negative[: self.max_text]
        return {
            "taskType": "OUTPAINTING",
            "outPaintingParams": painting,
            "imageGenerationConfig": {
                "numberOfImages": 1,
                "quality": style.quality,
                "cfgScale": style.cfg_scale,
                "seed": seed % self.seeds,
            },
        }

    def picture(self, answer: dict[str, Any]) -> bytes:
        if image := first_image(answer):
            return image
        raise answers.of_sentence(answer.get("error"))


# The page gives no shortest side and no largest aspect; 1408 x 640 is the narrowest size it lists. Photos may be 4:1.
TITAN = Outpainting(
    Sizes(min_side=1, max_side=1408, max_pixels=1408 * 1408, max_aspect=4.0), max_text=512, seeds=2_147_483_647
)
