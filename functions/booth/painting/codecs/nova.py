"""Amazon Nova Canvas: Titan's wire format with limits of its own.

https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html and image-gen-access.html: sides of
320 to 4096 pixels, less than 4,194,304 pixels, 1:4 to 4:1; the photo opaque (a JPEG is), the mask pure black and white;
no width and height for OUTPAINTING, whose answer has the input's size.
"""

from booth.painting.codecs.titan import Outpainting
from booth.pixels.sizes import Sizes

# AWS documents two ranges of seeds; the smaller one lies in both.
NOVA_CANVAS = Outpainting(
    Sizes(min_side=320, max_side=4096, max_pixels=4_194_303, max_aspect=4.0), max_text=1024, seeds=858_993_460
)
