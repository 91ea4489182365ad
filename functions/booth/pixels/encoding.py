"""Encodes and decodes pictures and masks.

Which encoding goes where, and what the others cost: docs/decisions/0012-encodings.md.
"""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFile

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


# Which encoding goes where, and what the others cost: docs/decisions/0012-encodings.md.


def encode_jpeg(pixels: np.ndarray, xmp: bytes | None = None) -> bytes:
    """A picture for visitors: a progressive sRGB JPEG at high quality, in full colour resolution (4:4:4).

    No metadata but `xmp`.
    """
    more = {"xmp": xmp} if xmp else {}
    return _saved(Image.fromarray(pixels), "JPEG", quality=JPEG_QUALITY, subsampling=0, progressive=True, **more)


def encode_for_model(pixels: np.ndarray) -> bytes:
    """For models, and the copy of the photo: the same pixels as `encode_jpeg` gives, somewhat larger, much sooner."""
    return _saved(Image.fromarray(pixels), "JPEG", quality=JPEG_QUALITY, subsampling=0)


def encode_exact(pixels: np.ndarray) -> bytes:
    """A WebP without loss of uint8 H x W x 3, neither side above 16,383."""
    return _saved(Image.fromarray(pixels), "WEBP", lossless=True, quality=0, method=0)


def encode_png(pixels: np.ndarray) -> bytes:
    """A PNG, quickly: uint8 H x W x 3, or H x W."""
    return _saved(Image.fromarray(pixels), "PNG", compress_level=1)


def encode_mask(keep: np.ndarray) -> bytes:
    """A PNG of one bit a pixel of bool H x W: black where it is true, as in all masks of the pipeline."""
    return _saved(Image.fromarray(~keep), "PNG", compress_level=1)


def encode_mask_for_model(keep: np.ndarray) -> bytes:
    """The same mask with 8 bits a pixel and no grey, which some models refuse."""
    return encode_png(np.where(keep, np.uint8(0), np.uint8(255)))


def decode_mask(data: bytes) -> np.ndarray:
    """Bool H x W: true where the image is dark. Raises OSError if it is none."""
    return _decoded(data, "L") < 128


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height of an image of our own making, told from its head."""
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def decode(data: bytes) -> np.ndarray:
    """uint8 H x W x 3 of an image of our own or a model's making. Raises OSError if it is none."""
    return _decoded(data, "RGB")


def _decoded(data: bytes, mode: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert(mode))
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow's other words for a broken file
        raise OSError("the image is broken") from error
