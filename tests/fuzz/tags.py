"""Files that tell their colours or their transparency in any of the ways there are, sense or nonsense."""

import io
import random

import numpy as np
from PIL import Image

from tests.support import colours

CODES = (0, 1, 2, 4, 5, 6, 8, 9, 11, 12, 13, 14, 16, 18, 22, 99, 255)
"""Of Rec. ITU-T H.273, among others."""
TRANSPARENCIES = {0: 2, 2: 6, 3: 256}
"""Bytes of a PNG's tRNS, by its colour type."""


def profile(rng: random.Random) -> bytes:
    """An ICC profile: for RGB, perhaps of HDR, for grey, for ink, or for nothing that a file may hold."""
    coded = b"cicp\0\0\0\0" + bytes((rng.choice(CODES), rng.choice(CODES), 0, 1))
    matrix = rng.choice((colours.SRGB, colours.P3, colours.ADOBE))
    gamma = rng.choice((1.0, 1.8, 2.2))
    made = (
        colours.rgb_profile(matrix, gamma),
        colours.rgb_profile(matrix, gamma, cicp=coded),
        colours.grey_profile(gamma),
        colours.ink_profile((100, 0, 0), [(60, -30, -30), (50, 60, 0), (90, 0, 80), (10, 0, 0)]),
        colours.icc(b"Lab ", {}),
    )
    return rng.choice(made)


def with_space(exif: Image.Exif, rng: random.Random) -> bytes:
    """EXIF that tells a colour space too."""
    told: dict = {0xA001: rng.choice((0, 1, 2, 65_533, 65_535))}
    if rng.random() < 0.5:
        told[0xA005] = {1: rng.choice(("R98", "R03", "THM", ""))}
    exif[0x8769] = told
    return exif.tobytes()


def chunks(rng: random.Random) -> list[tuple[bytes, bytes]]:
    """Of a PNG, before its pixels."""
    of_white = [31_270, 32_900] if rng.random() < 0.5 else [rng.randrange(100_000), rng.randrange(100_000)]
    chromaticities = [*of_white, *(rng.choice((0, 15_000, 33_000, 60_000, 2**31)) for _ in range(6))]
    gamma = rng.choice((0, 1, 22_727, 45_455, 55_556, 100_000, 2**31 - 1))
    codes = bytes((rng.choice(CODES), rng.choice(CODES), rng.choice((0, 0, 0, 9)), rng.choice((0, 1, 1, 1))))
    made = [
        colours.chunk(b"cICP", codes),
        colours.iccp(profile(rng)),
        colours.chunk(b"sRGB", bytes([rng.randrange(5)])),
        colours.gama(gamma),
        colours.chunk(b"cHRM", np.array(chromaticities, ">u4").tobytes()),
        colours.chunk(b"eXIf", with_space(Image.Exif(), rng)[6:]),
    ]
    return [(each[4:8], each[8:-4]) for each in rng.sample(made, rng.randrange(1, 4))]


def transparency(colour_type: int, rng: random.Random) -> list[tuple[bytes, bytes]]:
    """A PNG's tRNS; a third have the wrong length."""
    length = TRANSPARENCIES.get(colour_type, 0)
    return [(b"tRNS", rng.randbytes(rng.choice((length, length, rng.randrange(300)))))]


def png(parts: list[tuple[bytes, bytes]], rng: random.Random) -> list[tuple[bytes, bytes]]:
    """A PNG's chunks with others among them."""
    at = [name for name, _ in parts].index(b"IDAT")
    more = transparency(parts[0][1][9], rng) if rng.random() < 0.5 else []
    before = [part for part in parts[1:at] if not more or part[0] != b"tRNS"]
    turned = any(name == b"eXIf" for name, _ in parts)  # what is turned has to stay so
    first = [part for part in chunks(rng) if not turned or part[0] != b"eXIf"]
    return [parts[0], *first, *before, *more, *parts[at:]]


def jpeg(data: bytes, parts: list[tuple[bytes, bytes]], rng: random.Random) -> list[tuple[bytes, bytes]]:
    """A JPEG's segments with EXIF's colour space, and half of them with a profile."""
    with Image.open(io.BytesIO(data)) as image:
        exif = with_space(image.getexif(), rng)
    heads = (b"Exif\0", b"ICC_PROFILE\0")
    kept = [part for part in parts if not part[1].startswith(heads)]
    new = [(b"\xff\xe1", exif)]
    if rng.random() < 0.5:
        new.append((b"\xff\xe2", b"ICC_PROFILE\0\1\1" + profile(rng)))
    return [*kept[:1], *new, *kept[1:]]


def webp(parts: list[tuple[bytes, bytes]], rng: random.Random) -> list[tuple[bytes, bytes]]:
    """A WebP's chunks, with another profile if there is one."""
    return [(name, profile(rng) if name == b"ICCP" else payload) for name, payload in parts]


def heic(rng: random.Random) -> bytes:
    """A HEIC of other code points, perhaps with a profile."""
    return colours.heic(rng.choice(CODES), rng.choice(CODES), profile(rng) if rng.random() < 0.5 else None)
