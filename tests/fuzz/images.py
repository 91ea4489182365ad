"""Images, whole and mutated, each made from a seed and a number: `make(seed, number)` gives the same file every time.

A file begins as a valid JPEG, PNG, WebP or HEIC of one of the modes and with any of the metadata that cameras and
programs write. What is done to it then is in `MUTATIONS`.
"""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from booth.errors import PhotoError
from booth.pixels import intake
from tests.fuzz import tags
from tests.fuzz.workers import Outcome
from tests.support.heic import clap, coded, heic, imir, irot, telephone

PHOTOS = Path(__file__).parents[1] / "photos"
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
HEICS = ("quarters", "alpha", "depth10", "turned")
KEYED = ("RGB with a key", "L with a key", "I;16 with a key")
"""PNGs whose white is transparent, told by its number."""
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
"""Of the corners of every picture, row by row: they show which way is up."""

Parts = list[tuple[bytes, bytes]]
"""What a file consists of: each part's name (marker, type) and its payload."""


@dataclass(frozen=True)
class File:
    format: str
    mutation: str
    data: bytes
    mode: str
    """Pillow's mode in which it was saved, or what is special about it."""


def quarters(width: int, height: int) -> Image.Image:
    """Red, green / blue, white, with noise in the middle, so that there is something to compress."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = COLOURS[:2]
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = COLOURS[2:]
    middle = pixels[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3]
    middle[:] = np.random.default_rng(0).integers(0, 256, middle.shape, np.uint8)
    return Image.fromarray(pixels)


UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""The transposition (a number of Image.Transpose) with which a picture is stored that an orientation turns upright."""


def valid(kind: str, rng: random.Random) -> tuple[bytes, str]:
    """A file that every program opens, and its mode."""
    if kind == "HEIF":
        name = rng.choice((*HEICS, "telephone"))
        return telephone() if name == "telephone" else (PHOTOS / f"{name}.heic").read_bytes(), "RGB"
    width = rng.randrange(80, 400)
    picture = quarters(width, rng.randrange(max(80, width // 3), min(400, width * 3)))
    options: dict = {}
    if rng.random() < 0.6:
        orientation = rng.randrange(1, 9)
        if orientation in UNDO:
            picture = picture.transpose(Image.Transpose(UNDO[orientation]))
        exif = Image.Exif()
        exif[0x0112], exif[0x010E], exif[0x0132] = orientation, "somebody's name", "2026:11:25 10:00:00"
        options["exif"] = exif
    if rng.random() < 0.5:
        options["icc_profile"] = _srgb()
    mode = "RGB"
    if kind == "JPEG":
        mode = rng.choice(("RGB", "RGB", "L", "CMYK", "YCbCr"))
        options |= {"quality": 90, "progressive": rng.random() < 0.5, "subsampling": rng.choice((0, 1, 2))}
        options |= {"comment": b"secret", "restart_marker_rows": rng.choice((0, 1))}
    if kind == "PNG":
        mode = rng.choice(("RGB", "RGBA", "P", "1", "L", "LA", "I;16", "P with transparency", "animated", *KEYED))
    if kind == "WEBP":
        mode = rng.choice(("RGB", "RGBA", "animated"))
        options |= {"lossless": rng.random() < 0.5, "quality": 90, "method": 0, "xmp": b"<x:xmpmeta/>"}
    if "icc_profile" in options and mode not in ("RGB", "RGBA", "P", "P with transparency", "animated", "YCbCr"):
        del options["icc_profile"]  # nobody gives a profile for RGB to anything else
    return _saved(_in_mode(picture, mode, options), kind, **options), mode


def _in_mode(picture: Image.Image, mode: str, options: dict) -> Image.Image:
    """The picture in a mode of `valid`, which may add to the encoder's options."""
    if mode == "animated":
        options |= {"save_all": True, "append_images": [Image.new("RGB", picture.size)] * 2, "duration": 100}
    elif mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257)
    elif mode == "P with transparency":
        y, x = np.argwhere((np.asarray(picture) == 255).all(axis=2))[0].tolist()
        picture = picture.quantize(200)
        options["transparency"] = picture.getpixel((x, y))
    elif mode in KEYED:
        mode = mode.partition(" ")[0]
        picture = _in_mode(picture, mode, options)
        options["transparency"] = {"RGB": (255, 255, 255), "L": 255, "I;16": 65_535}[mode]
    else:
        picture = picture.convert(mode)
    return picture


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@cache
def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


# Files as parts


def split(kind: str, data: bytes) -> Parts:
    """The parts of a whole file, so that `join` gives the file again."""
    return {"JPEG": _segments, "PNG": _chunks, "WEBP": _riff, "HEIF": _boxes}[kind](data)


def join(kind: str, parts: Parts) -> bytes:
    """A file of these parts, with right lengths and checksums."""
    if kind == "JPEG":
        whole = (name + (struct.pack(">H", len(payload) + 2) + payload if name else payload) for name, payload in parts)
        return b"\xff\xd8" + b"".join(whole)
    if kind == "PNG":
        whole = (
            struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))
            for name, payload in parts
        )
        return b"\x89PNG\r\n\x1a\n" + b"".join(whole)
    if kind == "WEBP":
        whole = (name + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2) for name, payload in parts)
        body = b"WEBP" + b"".join(whole)
        return b"RIFF" + struct.pack("<I", len(body)) + body
    return b"".join(struct.pack(">I", len(payload) + 8) + name + payload for name, payload in parts)


def _segments(data: bytes) -> Parts:
    parts, at = [], 2
    while data[at + 1] != 0xDA:
        length = struct.unpack_from(">H", data, at + 2)[0]
        parts.append((data[at : at + 2], data[at + 4 : at + 2 + length]))
        at += 2 + length
    return [*parts, (b"", data[at:])]  # the scans


def _chunks(data: bytes) -> Parts:
    parts, at = [], 8
    while at < len(data):
        length = struct.unpack_from(">I", data, at)[0]
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return parts


def _riff(data: bytes) -> Parts:
    parts, at = [], 12
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 4)[0]
        parts.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return parts


def _boxes(data: bytes) -> Parts:
    parts, at = [], 0
    while at < len(data):
        length = struct.unpack_from(">I", data, at)[0]
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + length]))
        at += length
    return parts


# What is done to them. Each takes (format, data, rng) and gives data.


def as_it_is(kind: str, data: bytes, rng: random.Random) -> bytes:
    return data


def metadata(kind: str, data: bytes, rng: random.Random) -> bytes:
    """Nonsense in EXIF, ICC, XMP and text blocks of a whole file: the picture is as good as before."""
    parts = split(kind, data)
    if kind == "JPEG":
        heads = [
            b"Exif\0\0",
            b"ICC_PROFILE\0",
            b"ICC_PROFILE\0\1\1",
            b"http://ns.adobe.com/xap/1.0/\0",
            b"MPF\0",
            b"JFIF\0",
        ]
        new = [
            (bytes([0xFF, 0xE0 + rng.choice((0, 1, 2, 13))]), rng.choice(heads) + nonsense(rng)),
            (b"\xff\xed", b"Photoshop 3.0\0" + nonsense(rng)),
            (b"\xff\xfe", nonsense(rng)),
        ]
        return join(kind, [*parts[:1], *rng.sample(new, rng.randrange(1, 4)), *parts[1:]])
    if kind == "PNG":
        names = (b"eXIf", b"iCCP", b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"dSIG")
        profile = b"icc\0\0" + zlib.compress(nonsense(rng))
        new = [(rng.choice(names), nonsense(rng)), (b"iCCP", profile), (b"eXIf", b"II*\0" + nonsense(rng))]
        raw = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  9\n" + nonsense(rng).hex().encode())
        new += [(b"zTXt", raw), (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + nonsense(rng))]
        at = rng.choice((1, len(parts) - 1))  # before the pixels, or after them
        parts = [part for part in parts if part[0] not in (b"eXIf", b"iCCP")]
        return join(kind, [*parts[:at], *rng.sample(new, rng.randrange(1, 4)), *parts[at:]])
    if kind == "WEBP":
        if parts[0][0] == b"VP8X":
            parts = [
                (name, nonsense(rng) if name in (b"EXIF", b"ICCP", b"XMP ") else payload) for name, payload in parts
            ]
        return join(kind, parts)
    # Offsets in a HEIC count from its beginning, so nothing may move. `turned.heic` holds EXIF in its mdat.
    data = bytearray((PHOTOS / "turned.heic").read_bytes())
    start = data.rindex(rng.choice((b"MM\0*", b"acsp")))
    for at in rng.sample(range(start, start + 24), rng.randrange(1, 24)):
        data[at] = rng.randrange(256)
    return bytes(data)


def appended(kind: str, data: bytes, rng: random.Random) -> bytes:
    """What telephones and transfers put behind a photo: a film, another picture, zeros, text."""
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + rng.randbytes(rng.randrange(5000))
    if kind == "HEIF":
        film = struct.pack(">I", len(film) + 8) + b"mpvd" + film
    behind = (film, _saved(quarters(90, 80), "JPEG"), bytes(rng.randrange(1, 5000)), b"\r\n--boundary--\r\n")
    return data + rng.choice(behind)


def unended(kind: str, data: bytes, rng: random.Random) -> bytes:
    """The end is missing, of which no pixel is a part; or what stands behind the photo is cut off."""
    if kind == "JPEG":
        return data[: -rng.choice((1, 2))] + b"\xff" * rng.choice((0, 0, 1, 3))
    if kind == "PNG":
        return data[: -rng.randrange(1, 13)]  # IEND
    whole = appended(kind, data, rng)
    return whole[: rng.randrange(len(data), len(whole) + 1)]


def cropped(kind: str, data: bytes, rng: random.Random) -> bytes:
    """A HEIC with a clean aperture around its middle, among transformations that together change nothing."""
    photo = coded(rng.choice(("quarters", "depth10")))
    aperture = clap(rng.randrange(120, 500), 1, rng.randrange(120, 400), 1, 0, 1, 0, 1)
    steps = rng.choice(([], [irot(2), imir(0), imir(1)], [irot(1), irot(3)], [imir(1), imir(1)]))
    steps.insert(rng.randrange(len(steps) + 1) if steps != [irot(1), irot(3)] else 0, aperture)
    return heic(photo.with_properties(*steps), brand=rng.choice((b"heic", b"mif1", b"MiHE")))


def nonsense(rng: random.Random) -> bytes:
    """What may stand in a block of metadata: a shaken TIFF or ICC structure, or no structure at all."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8769] = rng.randrange(0, 20), "x" * rng.randrange(40), {0x9000: b"0232"}
    choice = rng.randrange(4)
    if choice == 0:
        return rng.randbytes(rng.randrange(0, 200))
    block = bytearray(exif.tobytes() if choice == 1 else exif.tobytes()[6:] if choice == 2 else _srgb())
    for _ in range(rng.randrange(0, 12)):
        block[rng.randrange(len(block))] = rng.randrange(256)
    return bytes(block[: rng.randrange(1, len(block) + 1)] if rng.random() < 0.3 else block)


def colours(kind: str, data: bytes, rng: random.Random) -> bytes:
    """Colours and transparency that are told by any tags. White stays white."""
    if kind == "HEIF":
        return tags.heic(rng)
    parts = split(kind, data)
    if kind == "JPEG":
        return join(kind, tags.jpeg(data, parts, rng))
    return join(kind, tags.png(parts, rng) if kind == "PNG" else tags.webp(parts, rng))


def truncated(kind: str, data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def bits(kind: str, data: bytes, rng: random.Random) -> bytes:
    return _shaken(data, rng, len(data))


def head(kind: str, data: bytes, rng: random.Random) -> bytes:
    """Bits of the first bytes only, where a file says what it is."""
    return _shaken(data, rng, min(len(data), 400))


def _shaken(data: bytes, rng: random.Random, end: int) -> bytes:
    new = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20, 100))):
        new[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(new)


def ranges(kind: str, data: bytes, rng: random.Random) -> bytes:
    """A range is overwritten, removed, doubled, or moved."""
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((1, 4, 50, 1000, 5000)))
    new = rng.choice(
        (rng.randbytes(end - start), bytes(end - start), b"\xff" * (end - start), b"", data[start:end] * 3)
    )
    at = rng.choice((start, rng.randrange(len(data))))
    return data[:at] + new + data[at + end - start if at == start else at :]


def structure(kind: str, data: bytes, rng: random.Random) -> bytes:
    """Parts go, come twice, change places or hold something else; lengths and checksums fit."""
    parts = split(kind, data)
    for _ in range(rng.randrange(1, 4)):
        at, other = rng.randrange(len(parts)), rng.randrange(len(parts))
        name, payload = parts[at]
        match rng.randrange(6):
            case 0 if len(parts) > 1:
                del parts[at]
            case 1:
                parts.insert(other, parts[at])
            case 2:
                parts[at], parts[other] = parts[other], parts[at]
            case 3:
                parts[at] = name, rng.randbytes(min(len(payload), 4000))
            case 4:
                parts[at] = name, payload[: rng.randrange(len(payload) + 1)]
            case _:
                parts[at] = name, _shaken(payload, rng, len(payload)) if payload else b"\0"
    return join(kind, parts)


def lengths(kind: str, data: bytes, rng: random.Random) -> bytes:
    """A whole number of the file says something else: most are lengths and offsets."""
    new = bytearray(data)
    size = rng.choice((1, 2, 4))
    at = rng.randrange(min(len(data), 500) - size)
    value = rng.choice((0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 8))
    new[at : at + size] = (value % 256**size).to_bytes(size, rng.choice(("big", "little")))
    return bytes(new)


SIDES = (0, 1, 79, 80, 81, 5000, 7745, 7747, 15_000, 16_383, 30_000, 65_535, 2**24, 2**31 - 1, 2**32 - 1)


def bomb(kind: str, data: bytes, rng: random.Random) -> bytes:
    """The head tells another size than the pixels have, up to the greatest that fits."""
    width, height = rng.choice(SIDES), rng.choice(SIDES)
    if rng.random() < 0.3:
        height = width
    parts = split(kind, data)
    for at, (name, payload) in enumerate(parts):
        if kind == "JPEG" and name in (b"\xff\xc0", b"\xff\xc2"):
            parts[at] = name, payload[:1] + struct.pack(">HH", height % 65536, width % 65536) + payload[5:]
        elif kind == "PNG" and name == b"IHDR":
            parts[at] = name, struct.pack(">II", width, height) + payload[8:]
        elif kind == "WEBP" and name == b"VP8X":
            small = struct.pack("<I", width % 2**24)[:3] + struct.pack("<I", height % 2**24)[:3]
            parts[at] = name, payload[:4] + small + payload[10:]
        elif kind == "WEBP" and name in (b"VP8 ", b"VP8L"):
            start, size = (6, struct.pack("<HH", width % 2**14, height % 2**14)) if name == b"VP8 " else (
                1, struct.pack("<I", width % 2**14 | (height % 2**14) << 14))  # fmt: skip
            parts[at] = name, payload[:start] + size + payload[start + 4 :]
        elif kind == "HEIF" and name == b"meta":
            place = payload.index(b"ispe") + 8
            parts[at] = name, payload[:place] + struct.pack(">II", width, height) + payload[place + 8 :]
    return join(kind, parts)


def large(kind: str, data: bytes, rng: random.Random) -> bytes:
    """A PNG of up to 60 megapixels, any colour type, in some hundred kilobytes."""
    depth, colour, channels = rng.choice(
        ((8, 2, 3), (16, 2, 3), (16, 6, 4), (8, 6, 4), (16, 0, 1), (1, 0, 1), (8, 4, 2))
    )
    width, height = rng.choice(((7745, 7745), (7746, 7746), (3870, 15_480), (8000, 6000), (10_000, 7000)))
    row = bytes([0]) + bytes(-(-width * channels * depth // 8))
    packer = zlib.compressobj(1)
    pixels = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, rng.choice((0, 0, 1)))
    return join("PNG", [(b"IHDR", head), (b"IDAT", pixels), (b"IEND", b"")])


def other_type(kind: str, data: bytes, rng: random.Random) -> bytes:
    """Something else under the name of a photo, or behind a photo's first bytes."""
    picture = Image.new("RGB", (120, 90), "silver")
    others = [
        _saved(picture, each) for each in ("GIF", "BMP", "TIFF", "ICO", "PPM", "PCX", "SGI", "TGA", "DDS", "JPEG2000")
    ]
    others += [
        b"",
        bytes(1000),
        b"This is no photo.\n" * 50,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
    ]
    others += [b"PK\3\4" + rng.randbytes(300), b"\x7fELF" + rng.randbytes(300), rng.randbytes(rng.randrange(2000))]
    other = rng.choice(others)
    signatures = (b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x24\0\0\0WEBPVP8 ")
    signatures += (
        b"RIFF\xff\xff\xff\xffWEBPVP8X",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x14ftypmif1\0\0\0\0",
        data,
    )
    return rng.choice(signatures) + other


MUTATIONS = {
    as_it_is: 8, metadata: 20, colours: 12, truncated: 12, bits: 12, head: 10, ranges: 10, structure: 14, lengths: 8,
    bomb: 8, other_type: 5, large: 0.2, appended: 6, unended: 6, cropped: 6,
}  # fmt: skip
"""How often each is done, in parts."""
SAME = ("as_it_is", "appended", "unended", "cropped")
"""After these the picture is the same."""
HARMLESS = (*SAME, "metadata", "colours")
"""After these a file holds as good a picture as before, and has to be taken."""


def make(seed: int, number: int) -> File:
    """The file of this number; numbers go round the formats."""
    rng = random.Random(f"{seed}/{number}")
    kind = FORMATS[number % len(FORMATS)]
    mutation = rng.choices(list(MUTATIONS), list(MUTATIONS.values()))[0]
    if mutation is cropped:
        kind = "HEIF"
    data, mode = valid(kind, rng)
    return File(kind, mutation.__name__, mutation(kind, data, rng), mode)


# What comes of it


def attempt(seed: int, number: int) -> Outcome:
    """The file of this number through the intake."""
    file = make(seed, number)
    kind = f"{file.format} {file.mutation}"
    try:
        taken = intake.normalise(file.data)
    except PhotoError as error:
        fault = "a whole photo was refused" if file.mutation in HARMLESS else ""
        return Outcome(kind, type(error).__name__, fault)
    return Outcome(kind, "accepted", "; ".join(faults(taken, file)))


def faults(taken: intake.Intake, file: File) -> Iterator[str]:
    """What is wrong with an accepted photo."""
    photo = taken.photo
    if photo.mode != "RGB" or photo.info or max(photo.size) != intake.PHOTO_SIDE:
        yield f"the photo is {photo.mode} {photo.size} {list(photo.info)}"
    if max(photo.size) > intake.MAX_ASPECT * (min(photo.size) + 1):
        yield f"the photo is too narrow: {photo.size}"
    with Image.open(io.BytesIO(taken.detection)) as copy:
        marks = set(copy.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        if (copy.format, copy.mode) != ("JPEG", "RGB") or marks or max(copy.size) > intake.DETECTION_LIMIT:
            yield f"the copy for detection is {copy.format} {copy.mode} {copy.size} with {marks}"
    if file.mutation == "colours" and file.format != "HEIF":
        white = photo.getpixel((photo.width * 7 // 8, photo.height * 7 // 8))
        if min(white) < 225:
            yield f"white has become {white}"
    if file.mutation in SAME:
        mode = "L" if file.mode.partition(" ")[0] in ("1", "L", "LA", "I;16") else "RGB"
        pixels = np.asarray(photo.convert(mode), int).reshape(photo.height, photo.width, -1)
        wanted = np.asarray(quarters(80, 80).convert(mode), int).reshape(80, 80, -1)
        for y, x in (1, 1), (1, 7), (7, 1), (7, 7):
            there = pixels[y * photo.height // 8, x * photo.width // 8]
            is_dithered = file.mode == "1" and (y, x) != (7, 7)
            if not is_dithered and np.abs(there - wanted[10 * y, 10 * x]).max() > 40:
                yield f"at {x}/8, {y}/8 of the photo is {there}, not {wanted[10 * y, 10 * x]}"
