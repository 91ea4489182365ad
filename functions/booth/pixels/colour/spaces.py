"""RGB colour spaces that a file tells by figures instead of a profile, and the way from there to sRGB.

Light is linear, float32, with SDR's white as 1.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
from PIL import Image

REFERENCE_WHITE = 203.0
"""cd/m2 of HDR's reference white, which is SDR's white (Report ITU-R BT.2408-8, 2.1 and 5.1.2)."""
_HLG_PEAK = 1000.0
"""cd/m2 of the display that HLG is rendered for; its system gamma is 1.2 (Rec. ITU-R BT.2100-2, table 5)."""
_BAND = 1 << 17
"""Pixels that are converted at a time: some 10 MB."""

Point = tuple[float, float]
"""CIE 1931 x and y."""
Primaries = tuple[Point, Point, Point, Point]
"""Red, green, blue and white."""
Transfer = Literal["sRGB", "PQ", "HLG"] | float
"""How light is written as numbers; a float is the exponent of a power function."""

D65 = (0.3127, 0.3290)
BT709: Primaries = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), D65)


@dataclass(frozen=True)
class Space:
    """An RGB colour space of 8-bit images."""

    primaries: Primaries = BT709
    transfer: Transfer = "sRGB"
    is_full_range: bool = True
    """Else black is 16 and white 235."""

    @property
    def is_hdr(self) -> bool:
        return self.transfer in ("PQ", "HLG")

    @cached_property
    def white(self) -> int:
        """The least number whose grey is shown as white."""
        greys = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 3)
        return int(np.argmax(self._in_srgb(greys)[0, :, 1] == 255))

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """The image (L or RGB) in sRGB, RGB. Colours that sRGB has not are clipped; of light above white see `_dim`."""
        image = image.convert("RGB")
        if self == SRGB:
            return image
        pixels = np.asarray(image)
        converted = np.empty_like(pixels)
        rows = max(1, _BAND // image.width)
        for top in range(0, image.height, rows):
            converted[top : top + rows] = self._in_srgb(pixels[top : top + rows])
        return Image.fromarray(converted)

    def _in_srgb(self, pixels: np.ndarray) -> np.ndarray:
        """uint8, H x W x 3."""
        light = self._curve[pixels]
        if self.transfer == "HLG":
            # The display's light from the scene's: BT.2100-2, table 5, OOTF.
            luminance = light @ to_xyz(self.primaries)[1].astype(np.float32)
            light *= np.float32(_HLG_PEAK / REFERENCE_WHITE) * luminance[..., None] ** np.float32(0.2)
        # The matrix's rows add up to 1: counted from green, grey stays grey to the last bit.
        green = light[..., 1:2]
        light = green + (light - green) @ _to_bt709(self.primaries).T
        np.maximum(light, 0, out=light)
        if self.is_hdr:
            _dim(light)
        return _encoded()[(np.minimum(light, 1) * 65_535 + 0.5).astype(np.uint16)]

    @cached_property
    def _curve(self) -> np.ndarray:
        """float32, 256: light by number; for HLG the scene's, whose highest is 1."""
        codes = np.arange(256)
        numbers = codes / 255 if self.is_full_range else ((codes - 16) / 219).clip(0, 1)
        return _linear(numbers, self.transfer).astype(np.float32)


SRGB = Space()
"""IEC 61966-2-1. Also the space of an image whose file tells nothing."""


def _linear(numbers: np.ndarray, transfer: Transfer) -> np.ndarray:
    """Light by number, 0 to 1."""
    if transfer == "PQ":  # SMPTE ST 2084; BT.2100-2, table 4
        root = numbers ** (1 / (2523 / 4096 * 128))
        above = np.maximum(root - 3424 / 4096, 0)
        return 10_000 / REFERENCE_WHITE * (above / (2413 / 128 - 2392 / 128 * root)) ** (16_384 / 2610)
    if transfer == "HLG":  # BT.2100-2, table 5, inverse OETF
        a = 0.17883277
        b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
        return np.where(numbers <= 0.5, numbers**2 / 3, (np.exp((numbers - c) / a) + b) / 12)
    if transfer == "sRGB":  # IEC 61966-2-1
        return np.where(numbers <= 0.04045, numbers / 12.92, ((numbers + 0.055) / 1.055) ** 2.4)
    return numbers**transfer


def _dim(light: np.ndarray) -> None:
    """Brings light (H x W x 3, BT.709) above white below it, in place; what is below stays as it is.

    Such a colour becomes the mean of two: itself, divided by its largest part, which keeps its saturation; and itself,
    mixed with grey of its luminance until its largest part is 1, which keeps its luminance. Both keep its hue.
    (GamutMapScalar in libjxl's tone_mapping.h, with a saturation of 0.5.)
    """
    over = light.max(axis=-1) > 1
    colours = light[over]
    largest = colours.max(axis=-1, keepdims=True)
    grey = colours @ np.array([[0.2126], [0.7152], [0.0722]], np.float32)  # BT.709-6, item 3.2
    share = ((1 - grey) / np.maximum(largest - grey, 1e-6)).clip(0, 1)
    as_light = np.minimum(grey + (colours - grey) * share, 1)
    light[over] = (colours / largest + as_light) / 2


@cache
def _encoded() -> np.ndarray:
    """uint8, 65,536: sRGB's number by light."""
    light = np.arange(65_536) / 65_535
    numbers = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * numbers).astype(np.uint8)


@cache
def _to_bt709(primaries: Primaries) -> np.ndarray:
    """float32, 3 x 3: from light of these primaries to BT.709's; white becomes white (Bradford, ICC.1:2022, E)."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    there, here = (bradford @ _xyz(each[3]) for each in (primaries, BT709))
    adapted = np.linalg.inv(bradford) @ np.diag(here / there) @ bradford @ to_xyz(primaries)
    return (np.linalg.inv(to_xyz(BT709)) @ adapted).astype(np.float32)


def to_xyz(primaries: Primaries) -> np.ndarray:
    """float64, 3 x 3: from light to CIE XYZ, Y of white 1 (SMPTE RP 177)."""
    *colours, white = primaries
    columns = np.array([[x, y, 1 - x - y] for x, y in colours]).T
    return columns * np.linalg.solve(columns, _xyz(white))


def _xyz(white: Point) -> np.ndarray:
    x, y = white
    return np.array([x / y, 1, (1 - x - y) / y])
