"""Amazon Titan Image Generator v1 and v2: OUTPAINTING with a mask image.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-image.html: the mask is pure black where
the photo is kept and white where it is painted anew; input of at most 1408 pixels on the longer side; the answer has
the input's size.
"""

import base64
import binascii
from typing import Any

from booth.errors import ContentBlocked, ServiceUnavailable
from booth.scenes import Scene

MAX_TEXT = 512
SEEDS = 2_147_483_647
"""Seeds run from 0 to this, exclusive."""


def request(photo: bytes, mask: bytes, scene: Scene, seed: int) -> dict[str, Any]:
    """The body of InvokeModel; `photo` and `mask` are PNGs of the same size."""
    painting = {
        "text": scene.prompt[:MAX_TEXT],
        "image": base64.b64encode(photo).decode(),
        "maskImage": base64.b64encode(mask).decode(),
        # DEFAULT may paint over what is kept; PRECISE does not.
        "outPaintingMode": "PRECISE",
    }
    if scene.negative:
        painting["negativeText"] = scene.negative[:MAX_TEXT]
    return {
        "taskType": "OUTPAINTING",
        "outPaintingParams": painting,
        "imageGenerationConfig": {
            "numberOfImages": 1,
            "quality": "premium",
            "cfgScale": 8.0,
            "seed": seed % SEEDS,
        },
    }


def image(answer: dict[str, Any]) -> bytes:
    """The picture in InvokeModel's answer, encoded as the model sent it.

    Raises:
        ContentBlocked: the answer's `error` says that the picture was filtered.
        ServiceUnavailable: there is no picture in it.
    """
    images = answer.get("images") or []
    if not images:
        text = str(answer.get("error") or "")
        if "content filters" in text:
            raise ContentBlocked("the result was refused by the model's content filter")
        raise ServiceUnavailable("the model answered without an image")
    try:
        return base64.b64decode(images[0], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise ServiceUnavailable("the model's image is not base64") from error
