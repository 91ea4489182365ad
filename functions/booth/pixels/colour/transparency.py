"""Transparency, however a file tells it, becomes an alpha channel, and what is transparent becomes white.

A PNG may name a colour that is transparent, its key, in place of an alpha channel (tRNS; PNG, third edition, 11.3.1.1).
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile

_ROWS = 256
"""That are worked on at a time."""
_DEPTHS = {"1": 1, "L;2": 2, "L;4": 4, "I;16B": 16, "RGB;16B": 16}
"""Bits by the names that Pillow has for a PNG's layout of pixels; others have 8."""
_TRANSPARENCIES = {0: (2, 2), 2: (6, 6), 3: (1, 256)}
"""Least and greatest length of a tRNS, by a PNG's colour type."""


@dataclass(frozen=True)
class Key:
    """The transparent colour of a grey or RGB image."""

    numbers: tuple[int, ...]
    """In the file's bits."""
    depth: int
    low: Image.Image | None = None
    """The lower bytes of RGB of 16 bits, of which Pillow decodes the higher ones."""


def is_possible(length: int, colour_type: int) -> bool:
    """Whether the tRNS of a PNG of this type may have so many bytes."""
    least, most = _TRANSPARENCIES.get(colour_type, (0, -1))
    return least <= length <= most


def key_of(image: ImageFile.ImageFile) -> Key | None:
    """The key of an image that is opened but not loaded yet. (A palette's transparency Pillow knows about.)"""
    told = image.info.get("transparency")
    if told is None or image.format != "PNG" or image.mode == "P":
        return None
    layout = str(image.tile[0].args) if image.tile else ""
    depth = _DEPTHS.get(layout, 8)
    numbers = (1 if told else 0,) if image.mode == "1" else told if isinstance(told, tuple) else (told,)
    low = _low_bytes(image) if layout == "RGB;16B" else None
    # Of the key's 16 bits those beyond the image's depth don't count.
    return Key(tuple(number & (1 << depth) - 1 for number in numbers), depth, low)


def _low_bytes(image: ImageFile.ImageFile) -> Image.Image | None:
    if not image.fp:
        return None
    place = image.fp.tell()
    image.fp.seek(0)
    low = Image.open(io.BytesIO(image.fp.read()), formats=["PNG"])
    image.fp.seek(place)
    low.tile = [each._replace(args="RGB;16L") for each in low.tile]  # as if the bytes came the other way round
    low.load()
    return low


def eight_bit(image: Image.Image, key: Key | None) -> Image.Image:
    """The loaded image in a mode that Pillow resizes with a filter: palettes as RGB or RGBA, 16 bits as 8, a key as an
    alpha channel."""
    if image.mode == "1":
        image = image.convert("L")
    if key and key.depth < 16:
        # As Pillow decodes it: the least number as 0, the greatest as 255.
        numbers = tuple(number * 255 // ((1 << key.depth) - 1) for number in key.numbers)
        image.info["transparency"] = numbers if image.mode == "RGB" else numbers[0]
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    alpha = _alpha(image, key) if key else None
    if image.mode == "I;16":
        image = _high_bytes(image)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if alpha:
        image.info = {}  # the key is no more
        image.putalpha(alpha)
    return image


def opaque(image: Image.Image, white: int) -> Image.Image:
    """Composites an image with an alpha channel on white, whose number is `white`."""
    if image.mode not in ("RGBA", "LA", "La", "RGBa"):
        return image
    image = image.convert(image.mode.upper())
    colours = image.convert(image.mode[:-1])
    flat = Image.new(colours.mode, image.size, (white,) * len(colours.getbands()))
    flat.paste(colours, mask=image.getchannel("A"))
    return flat


def _high_bytes(image: Image.Image) -> Image.Image:
    """Grey of 16 bits in 8, rounded."""
    small = Image.new("L", image.size)
    for band in _bands(image):
        numbers = np.asarray(image.crop(band)).astype(np.uint32)
        small.paste(Image.fromarray(((numbers * 255 + 32_767) // 65_535).astype(np.uint8)), band)
    return small


def _alpha(image: Image.Image, key: Key) -> Image.Image:
    """L: 0 where an image of 16 bits is of the key's colour, else 255."""
    parts = [(image, key.numbers)]
    if key.low:
        parts = [(image, [number >> 8 for number in key.numbers]), (key.low, [number & 255 for number in key.numbers])]
    alpha = Image.new("L", image.size)
    for band in _bands(image):
        shape = band[3] - band[1], image.width
        differs = np.zeros(shape, bool)
        for part, numbers in parts:
            differs |= (np.asarray(part.crop(band)).reshape(*shape, -1) != numbers).any(axis=2)
        alpha.paste(Image.fromarray(differs.astype(np.uint8) * np.uint8(255)), band)
    return alpha


def _bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    for top in range(0, image.height, _ROWS):
        yield 0, top, image.width, min(top + _ROWS, image.height)
