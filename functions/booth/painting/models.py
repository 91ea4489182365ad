"""The image models that are supported, each with its codec (wire format), and Bedrock's with their quotas and prices.

To add one of Bedrock's: a codec in `codecs/` if its wire format is new, a line in MODELS, and its ARN in template.yaml.
"""

from dataclasses import dataclass

from booth.painting.codecs import nova, own, stability, titan
from booth.painting.codecs.codec import Codec

ENDPOINT = "endpoint"
"""The painter of one's own (parameter `PaintEndpoint`), as ImageModels names it."""
ENDPOINT_PICTURES_A_MINUTE = 12
"""What one instance of it is taken to paint unless ImageModels says another number: a picture in 5 s."""


@dataclass(frozen=True)
class Model:
    """One image model of Bedrock."""

    requests_a_minute: int
    """AWS's default quota per account and Region; a new account's may be lower. Source: "Amazon Bedrock endpoints and
    quotas", https://docs.aws.amazon.com/general/latest/gr/bedrock.html."""
    codec: Codec
    name: str
    """As tables of prices have it."""
    dollars: float
    """Price of a picture of about a megapixel, US dollars, us-east-1, on demand. Collected on 2026-11-22 from third
    parties' copies of AWS's price lists; Titan's and Nova's are not confirmed, and past their end of life. An endpoint
    of one's own costs by the hour."""


MODELS = {
    "amazon.titan-image-generator-v1": Model(60, titan.TITAN, "Titan", 0.01),
    "amazon.titan-image-generator-v2:0": Model(60, titan.TITAN, "Titan", 0.01),
    "amazon.nova-canvas-v1:0": Model(100, nova.NOVA_CANVAS, "Nova Canvas", 0.04),
    "us.stability.stable-image-inpaint-v1:0": Model(20, stability.INPAINT, "Stability inpaint", 0.07),
}
"""By model id or inference profile, InvokeModel's `modelId`."""


def codec_of(model: str) -> Codec:
    """The codec of a model of Bedrock's, or of ENDPOINT."""
    return own.PAINTER if model == ENDPOINT else MODELS[model].codec
