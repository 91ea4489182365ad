"""What a file tells of its colours, and the way from there to sRGB: littlecms for profiles, a `Space` for figures."""

import io
import struct
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress

import numpy as np
from PIL import Image, ImageCms

from booth.pixels.colour.spaces import BT709, D65, SRGB, Point, Primaries, Space, Transfer

Told = tuple[bytes | Space, ...]
"""ICC profiles and spaces, best first; empty: sRGB."""

_MAX_PROFILE = 4 * 1024 * 1024
"""Bytes of a PNG's unpacked profile. A longer one is cut, which makes it unusable."""

_C = (0.310, 0.316)
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_SMPTE_C = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_PRIMARIES: dict[int, Primaries] = {
    1: BT709,
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: (*_SMPTE_C, D65),
    7: (*_SMPTE_C, D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: (*_P3, (0.314, 0.351)),
    12: (*_P3, D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
"""By ColourPrimaries (Rec. ITU-T H.273, table 2)."""
_TRANSFERS: dict[int, Transfer] = {
    **dict.fromkeys((1, 6, 7, 11, 12, 13, 14, 15), "sRGB"),  # a photo's curve, whatever its encoder wrote (decision 21)
    4: 2.2,
    5: 2.8,
    8: 1.0,
    16: "PQ",
    18: "HLG",
}
"""By TransferCharacteristics (Rec. ITU-T H.273, table 3)."""
_UNSPECIFIED = 2

_ADOBE_RGB = Space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65), 563 / 256)
"""Adobe RGB (1998) Color Image Encoding, version 2005-05, 4.3.1."""

_PNG_CHUNKS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_SRGB_GAMMA = 0.45455
"""gAMA of sRGB, for programs that know no better (PNG, third edition, 11.3.2.5)."""
_GAMMA_TOLERANCE = 0.05
"""Part of a gamma up to which libpng takes two for the same (PNG_GAMMA_THRESHOLD_FIXED, pngpriv.h)."""
_GAMMAS = 0.2, 2.0
"""Others than between these are nonsense."""
_XY_TOLERANCE = 0.002
_LEAST_TRIANGLE = 0.02
"""Area between a space's primaries; BT.709's has 0.112."""


def told(image: Image.Image, png: Mapping[bytes, bytes], by_exif: Told) -> Told:
    """What the file of the opened image tells.

    Args:
        png: a PNG's chunks, by `png_chunks`; empty for other formats.
        by_exif: `by_exif` of the image's EXIF.
    """
    if image.format == "PNG":
        return _by_png(png) + by_exif
    profile = image.info.get("icc_profile")
    coded = image.info.get("nclx_profile") or {}  # of a HEIC; pi-heif gives it where there is no profile
    return (
        (_by_profile(profile) if profile else ())
        + _by_codes(coded.get("color_primaries"), coded.get("transfer_characteristics"))
        + by_exif
    )


def png_chunks(chunks: Iterable[bytes]) -> dict[bytes, bytes]:
    """The content of the chunks that tell colours, by name: the first whole one of each before the pixels.

    Args:
        chunks: in their order, each with its length, name and checksum.
    """
    found: dict[bytes, bytes] = {}
    for chunk in chunks:
        name = chunk[4:8]
        if name == b"IDAT":
            break
        if name in _PNG_CHUNKS and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:]):
            found.setdefault(name, chunk[8:-4])
    return found


def by_exif(exif: Image.Exif) -> Told:
    """Adobe RGB, if EXIF says so: ColorSpace 2, which some cameras write, or as DCF 2.0 has it (CIPA DC-009),
    uncalibrated with the interoperability index R03."""
    space = exif.get_ifd(0x8769).get(0xA001)
    if space == 2 or (space == 0xFFFF and str(exif.get_ifd(0xA005).get(1)).startswith("R03")):
        return (_ADOBE_RGB,)
    return ()


def _by_png(chunks: Mapping[bytes, bytes]) -> Told:
    """In the order of PNG, third edition, 4.3, table of colour chunk priority."""
    found: Told = ()
    codes = chunks.get(b"cICP", b"")
    if len(codes) == 4 and codes[2] == 0:  # the matrix of RGB, the only one for PNG (11.3.2.6)
        found += _by_codes(codes[0], codes[1], codes[3] != 0)
    if b"iCCP" in chunks:
        name, _, packed = chunks[b"iCCP"].partition(b"\0")
        found += _by_codes(9, 16) if name == b"ITUR_2100_PQ_FULL" else ()  # W3C Note png-hdr-pq, 2017
        with suppress(zlib.error):  # a profile that can't be unpacked tells nothing
            found += _by_profile(zlib.decompressobj().decompress(packed[1:], _MAX_PROFILE))
    if b"sRGB" in chunks:
        found += (SRGB,)
    return found + _by_gamma(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b""))


def _by_gamma(gamma: bytes, chromaticities: bytes) -> Told:
    """By the contents of gAMA and cHRM: numbers times 100,000, of which nonsense tells nothing."""
    primaries, transfer = BT709, SRGB.transfer
    if len(chromaticities) == 32:
        white, red, green, blue = ((x / 1e5, y / 1e5) for x, y in struct.iter_unpack(">II", chromaticities))
        there = (red, green, blue, white)
        if _is_possible(there) and not np.allclose(there, BT709, rtol=0, atol=_XY_TOLERANCE):
            primaries = there
    if len(gamma) == 4:
        value = int.from_bytes(gamma) / 1e5
        is_srgb = abs(value - _SRGB_GAMMA) <= _GAMMA_TOLERANCE * _SRGB_GAMMA
        if not is_srgb and _GAMMAS[0] <= value <= _GAMMAS[1]:
            transfer = 1 / value
    space = Space(primaries, transfer)
    return () if space == SRGB else (space,)


def _is_possible(primaries: Primaries) -> bool:
    """Whether there are such colours, and white lies among them."""
    *corners, white = primaries
    areas = [_area(white, corners[at], corners[(at + 1) % 3]) for at in range(3)]
    is_within = min(areas) > 0 or max(areas) < 0
    return is_within and abs(sum(areas)) >= _LEAST_TRIANGLE and all(x + y <= 1 for x, y in primaries) and white[1] > 0


def _area(a: Point, b: Point, c: Point) -> float:
    """Of the triangle; negative clockwise."""
    return ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2


def _by_codes(primaries: int | None, transfer: int | None, is_full_range: bool = True) -> Told:
    """By code points of Rec. ITU-T H.273; nothing if they are unspecified, or not known here."""
    if primaries in (None, _UNSPECIFIED) and transfer in (None, _UNSPECIFIED):
        return ()
    colours = BT709 if primaries in (None, _UNSPECIFIED) else _PRIMARIES.get(primaries)
    curve = "sRGB" if transfer in (None, _UNSPECIFIED) else _TRANSFERS.get(transfer)
    return (Space(colours, curve, is_full_range),) if colours and curve else ()


def _by_profile(profile: bytes) -> Told:
    """The profile; before it the space of its cicp tag, if that is HDR, which curves of a profile can't say
    (ICC.1:2022, 9.2.17)."""
    table = profile[132 : 132 + 12 * min(int.from_bytes(profile[128:132]), 100)]
    for name, at, _ in struct.iter_unpack(">4sII", table[: len(table) // 12 * 12]):
        codes = profile[at + 8 : at + 12]
        if name == b"cicp" and len(codes) == 4:
            hdr = (each for each in _by_codes(codes[0], codes[1]) if isinstance(each, Space) and each.is_hdr)
            return (*hdr, profile)
    return (profile,)


# The way to sRGB


def is_foreign(image: Image.Image, found: Told) -> bool:
    """Whether even a detector needs `to_srgb`: ink, or figures, whose curve may be any; profiles have a photo's."""
    return image.mode == "CMYK" or any(isinstance(each, Space) and each != SRGB for each in found[:1])


def white(found: Told) -> int:
    """The number of white in an image (L or RGB)."""
    return found[0].white if found and isinstance(found[0], Space) else 255


def to_srgb(image: Image.Image, found: Told) -> Image.Image:
    """The image (L, RGB or CMYK) in sRGB, RGB, without metadata, by the first that can be used of what is told.

    A profile that can't be used costs colour, not the photo.
    """
    converted = None
    for each in found:
        converted = each.to_srgb(image) if isinstance(each, Space) else _through(each, image)
        if converted:
            break
    image = converted or image.convert("RGB")
    image.info = {}
    return image


def _through(profile: bytes, image: Image.Image) -> Image.Image | None:
    """The image in sRGB; None if the profile is broken, or not one for such an image."""
    kind = profile[16:20]  # the colour space (ICC.1:2022, 7.2.8)
    if kind == b"RGB " and image.mode == "L":
        image = image.convert("RGB")
    if kind == b"GRAY" and image.mode == "RGB" and _is_grey(image):
        image = image.convert("L")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return None


def _is_grey(image: Image.Image) -> bool:
    pixels = np.asarray(image)
    return bool((pixels == pixels[..., :1]).all())
