"""Puts the kept pixels back into what the image model made, and encodes the result."""

import io

import numpy as np
from PIL import Image, ImageFile, ImageFilter

SEAM = 2.5
"""Sigma in pixels of the seam outside the kept region, in which photo and generated picture are blended."""

JPEG_QUALITY = 95

# A progressive JPEG is encoded into one buffer. Pillow's guess of its size is too small for noise at 4:4:4.
ImageFile.MAXBLOCK = 6 * 1024 * 1024

# https://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia: the kept faces are a photo,
# the rest is generated.
AI_MARK = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    b" Iptc4xmpExt:DigitalSourceType="
    b'"http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"/>'
    b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def composite(photo: np.ndarray, generated: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The generated picture with the photo's kept pixels put back, bit-exact.

    Args:
        photo, generated: uint8, H x W x 3, of the same size.
        keep: bool, H x W.

    Outside the kept region the photo fades out within a few pixels (about 2 * SEAM).
    """
    soft = Image.fromarray(np.where(keep, np.uint8(255), np.uint8(0))).filter(ImageFilter.GaussianBlur(SEAM))
    # A blurred straight edge is one half on the edge: twice that is 1 inside, and falls to 0 outside.
    alpha = np.minimum(np.asarray(soft, np.uint16) * 2, 255).astype(np.uint8)
    alpha[keep] = 255
    result = generated.copy()
    result[keep] = photo[keep]
    seam = (alpha > 0) & ~keep
    weight = alpha[seam, None].astype(np.float32) / 255
    result[seam] = np.rint(photo[seam] * weight + generated[seam] * (1 - weight)).astype(np.uint8)
    return result


def encode_jpeg(pixels: np.ndarray, xmp: bytes | None = None) -> bytes:
    """A progressive sRGB JPEG at high quality with full colour resolution (4:4:4), no metadata but `xmp`."""
    out = io.BytesIO()
    more = {"xmp": xmp} if xmp else {}
    Image.fromarray(pixels).save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0, progressive=True, **more)
    return out.getvalue()


def encode_png(pixels: np.ndarray) -> bytes:
    """A PNG, quickly: uint8 H x W x 3, or H x W for a mask."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def decode(data: bytes) -> np.ndarray:
    """uint8 H x W x 3 of an image of our own or a model's making. Raises OSError if it is none."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
