"""The image models that are supported, each with its codec (wire format), and Bedrock's with their quotas.

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


MODELS = {
    "amazon.titan-image-generator-v1": Model(60, titan.TITAN),
    "amazon.titan-image-generator-v2:0": Model(60, titan.TITAN),
    "amazon.nova-canvas-v1:0": Model(100, nova.NOVA_CANVAS),
    "us.stability.stable-image-inpaint-v1:0": Model(20, stability.INPAINT),
}
"""By model id or inference profile, InvokeModel's `modelId`."""


def codec_of(model: str) -> Codec:
    """The codec of a model of Bedrock's, or of ENDPOINT."""
    return own.PAINTER if model == ENDPOINT else MODELS[model].codec
