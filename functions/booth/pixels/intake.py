"""Makes an uploaded file safe and uniform: one frame, upright, sRGB, no metadata, a known size."""

import io
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageCms

from booth.errors import PhotoTooLarge, PhotoTooNarrow, PhotoTooSmall, UnreadablePhoto, UnsupportedPhoto

MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 60_000_000
"""Above the 50 megapixels of today's phones; 180 MB when decoded."""
MIN_SIDE = 80
"""Rekognition takes no smaller image."""
MAX_SCANS = 100
"""Of a JPEG. Progressive ones have some ten; each costs a pass over all pixels, however few bytes it has."""
MAX_SCANNED_PIXELS = 1_000_000_000
"""The same in pixels, all passes together: 16 over the largest photo, 80 over one of 12 megapixels. The costliest kind,
arithmetic-coded, takes some 3 ms a megapixel."""
MAX_ASPECT = 4.0
"""Longer to shorter side; what the image models take."""
PHOTO_SIDE = 1024
"""Longer side of the normalised photo if nothing else is asked for: the image models' standard size."""
DETECTION_SIDE = 1920
"""Longer side that a large photo is made for the faces to be looked for; Rekognition finds them from 40 px at it."""
DETECTION_LIMIT = 2048
"""Up to this side it is left as it is: what most cameras take is decoded to 2000 to 2048 pixels, and making that a
little smaller costs more than all else that is done before Rekognition is asked (docs/decisions/0012-encodings.md)."""

Image.MAX_IMAGE_PIXELS = None  # MAX_PIXELS is checked below, before anything is decoded

_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
"""What begins a segment of a JPEG; inside the scans' data there is none."""
_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segment with the picture's size, SOF0 to SOF15 (ITU-T T.81, table B.1)."""
_MAX_PARTS = 50_000
"""Segments of a JPEG, chunks of a PNG: Pillow reads them one by one, and the smallest IDAT chunks in use have 4 kB."""
_MAX_JUNK = 65_536
"""Bytes between two segments of a JPEG's head, where there should be none: Pillow skips them one by one."""

# An error in here is a defect of the file, whatever the decoder calls it. Our own errors and MemoryError pass.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, ArithmeticError)
_DECODER_ERRORS += (AttributeError, RuntimeError, NotImplementedError, struct.error, Image.DecompressionBombError)

_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF's Orientation (CIPA DC-008, tag 0x0112)."""


@dataclass(frozen=True)
class Intake:
    detection: bytes
    """The picture as a JPEG, longer side at most DETECTION_LIMIT, below Rekognition's 5 MB whatever it shows. Faces are
    found in the photo's own colours as well, so these are not turned into sRGB for it."""
    size: tuple[int, int]
    """Width and height of `photo`."""
    decoded: Image.Image
    """The picture, upright and opaque, up to about twice DETECTION_SIDE."""

    @cached_property
    def photo(self) -> Image.Image:
        """RGB (sRGB), its longer side as asked for (smaller photos are enlarged). Made when it is first asked for, so
        that the faces can be looked for meanwhile. Raises UnreadablePhoto."""
        with _defects_of_the_file():
            scaled = self.decoded.resize(self.size, Image.Resampling.LANCZOS, reducing_gap=1.5)
            return _rgb(scaled, self.decoded.info.get("icc_profile"))


@contextmanager
def _defects_of_the_file() -> Iterator[None]:
    try:
        yield
    except _DECODER_ERRORS as error:
        raise UnreadablePhoto(type(error).__name__) from error


def sniff(data: bytes) -> str:
    """Pillow's name of the file's real format, whatever its name says. Raises UnsupportedPhoto."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"):
        return "HEIF"
    raise UnsupportedPhoto("unknown file signature")


def normalise(data: bytes, side: int = PHOTO_SIDE) -> Intake:
    """Decodes an upload; `side` is the longer side of the photo it gives, at most DETECTION_SIDE.

    Raises:
        UnsupportedPhoto, UnreadablePhoto, PhotoTooLarge, PhotoTooSmall, PhotoTooNarrow.
    """
    kind = sniff(data)
    if kind == "HEIF":
        # Its decoder weighs several MB and is rarely needed.
        import pi_heif

        pi_heif.register_heif_opener()
    with _defects_of_the_file():
        decoded = _read(kind, data)
        return Intake(_detection(decoded, side), _fit(decoded.size, side), decoded)


def _read(kind: str, data: bytes) -> Image.Image:
    if kind == "JPEG":
        _check_segments(data)
    if kind == "PNG":
        _check_chunks(data)
    try:
        return _decode(Image.open(io.BytesIO(data), formats=[kind]))
    except _DECODER_ERRORS:
        if kind != "PNG":
            raise
        # Pillow refuses a PNG for a broken text or profile as well, and its pixels may be whole.
        return _decode(Image.open(io.BytesIO(_pixel_chunks(data)), formats=[kind]))


def _check_segments(jpeg: bytes) -> None:
    """Refuses a JPEG on which a decoder would spend minutes. What follows the first picture may be a film."""
    scans, pixels, at = 0, 0, 2
    for _ in range(_MAX_PARTS):
        found = _MARKER.search(jpeg, at)
        if not scans and (found.start() if found else len(jpeg)) - at > _MAX_JUNK:
            raise UnreadablePhoto("no segments")
        if not found or found[1] == b"\xd9":
            return
        scans += found[1] == b"\xda"
        if found[1][0] in _FRAME:
            height, width = struct.unpack(">HH", jpeg[found.end() + 3 : found.end() + 7])
            pixels = max(pixels, min(width * height, MAX_PIXELS))
        if scans > MAX_SCANS or scans * pixels > MAX_SCANNED_PIXELS:
            raise UnreadablePhoto("too many scans")
        at = found.end() + int.from_bytes(jpeg[found.end() : found.end() + 2])  # beyond its segment
    raise UnreadablePhoto("too many segments")


def _check_chunks(png: bytes) -> None:
    """Refuses a PNG on which a decoder would spend minutes."""
    for number, _ in enumerate(_chunks(png)):
        if number > _MAX_PARTS:
            raise UnreadablePhoto("too many chunks")


def _pixel_chunks(png: bytes) -> bytes:
    """The PNG with those chunks alone that make its pixels: a name that begins small may be left out, but for tRNS."""
    return png[:8] + b"".join(chunk for chunk in _chunks(png) if chunk[4:5].isupper() or chunk[4:8] == b"tRNS")


def _chunks(png: bytes) -> Iterator[bytes]:
    at = 8
    while at + 12 <= len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4])
        yield png[at:end]
        at = end


def _check_size(width: int, height: int) -> None:
    # From the header, before a single pixel is decoded: this is what stops decompression bombs.
    if width * height > MAX_PIXELS:
        raise PhotoTooLarge("too many pixels")
    if min(width, height) < MIN_SIDE:
        raise PhotoTooSmall("a side is too short")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoTooNarrow("aspect")


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _decode(image: Image.Image) -> Image.Image:
    _check_size(*image.size)
    profile = image.info.get("icc_profile")
    # A JPEG decoder can leave out detail that would be thrown away: 4 to 8 times faster, and far less memory.
    image.draft(None, _fit(image.size, DETECTION_SIDE))
    image.load()
    turn = _TO_UPRIGHT.get(_orientation(image))
    image = _eight_bit(image)
    if (times := max(image.size) // DETECTION_SIDE) > 1:
        image = image.reduce(times)  # the others' detail goes here, by a mean
    image = _opaque(image if turn is None else image.transpose(turn))
    image.info = {"icc_profile": profile} if profile else {}
    return image


def _orientation(image: Image.Image) -> object:
    """EXIF's Orientation; 1 where there is none, and where EXIF can't be read: that costs the turn, not the photo."""
    try:
        return image.getexif().get(0x0112, 1)
    except _DECODER_ERRORS:
        return 1


def _eight_bit(image: Image.Image) -> Image.Image:
    """Only modes that can be resized smoothly: palettes resolved, 16 bits reduced to 8."""
    if image.mode.startswith("I"):
        small = Image.fromarray((np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8))
        small.info = image.info
        return small
    if image.mode in ("1", "P", "PA"):
        return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode == "L" and "transparency" in image.info:
        return image.convert("LA")
    return image


def _opaque(image: Image.Image) -> Image.Image:
    """Transparent parts become white."""
    if image.mode not in ("RGBA", "LA", "La", "RGBa"):
        return image
    flat = Image.new("RGBA", image.size, "white")
    flat.alpha_composite(image.convert("RGBA"))
    return flat.convert("RGB")


def _detection(decoded: Image.Image, side: int) -> bytes:
    longer, scaled = max(decoded.size), decoded
    if longer > DETECTION_LIMIT:
        scaled = decoded.resize(_fit(decoded.size, DETECTION_SIDE), Image.Resampling.HAMMING)  # twice as fast
    elif longer < side:
        scaled = decoded.resize(_fit(decoded.size, side), Image.Resampling.LANCZOS)
    profile = decoded.info.get("icc_profile") if decoded.mode == "CMYK" else None  # its inks are no colours yet
    out = io.BytesIO()
    _rgb(scaled, profile).save(out, "JPEG", quality=90)
    return out.getvalue()


def _rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and image.mode in ("RGB", "L", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            # A broken or foreign profile costs some colour, not the photo.
            pass
    image = image.convert("RGB")
    image.info = {}
    return image
