"""Validates and normalises an uploaded file: one frame, upright, sRGB, without metadata, scaled to a given size."""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from PIL import Image, ImageFile

from booth.errors import PhotoTooLarge, PhotoTooNarrow, PhotoTooSmall, UnreadablePhoto, UnsupportedPhoto
from booth.pixels import heif, jpeg
from booth.pixels.colour import tags, transparency
from booth.pixels.encoding import DECODER_ERRORS

MAX_BYTES = 32 * 1024 * 1024
"""Of the uploaded file."""
MAX_PIXELS = 60_000_000
"""Above the 50 megapixels of today's phones; 180 MB when decoded."""
MIN_SIDE = 80
"""Rekognition's limit for both sides."""
MAX_ASPECT = 4.0
"""Longer to shorter side. Amazon's image models take no more."""
PHOTO_SIDE = 1024
"""Default of the normalised photo's longer side: the image models' standard size."""
MAX_SENT_BYTES = 5 * 1024 * 1024
"""Rekognition's limit for an image in a request."""
DETECTION_SIDE = 1920
"""Longer side to which a photo above DETECTION_LIMIT is scaled for Rekognition, which finds faces from 40 px there."""
DETECTION_LIMIT = 2048
"""Up to this longer side it is not scaled: most cameras' photos are decoded to 2000 to 2048 pixels, and scaling those
takes longer than everything else before Rekognition is called (docs/decisions/0012-encodings.md)."""

T = TypeVar("T")

Image.MAX_IMAGE_PIXELS = None  # _check_size does it, by the header

_HEVC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_ANY_CODEC = frozenset((b"mif1", b"mif2", b"msf1"))
_AV1 = frozenset((b"avif", b"avis"))
"""Brands of HEIF files (ISO/IEC 23008-12, annexes B and C; AVIF 1.1, section 6). `heif.still` looks into the file."""
_MAX_CHUNKS = 50_000
"""Of a PNG, which Pillow reads one by one; the smallest usual IDAT chunks have 4 kB. Or of a WebP."""

_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that makes an image upright, by EXIF's Orientation (CIPA DC-008, tag 0x0112)."""


@dataclass(frozen=True)
class Intake:
    """A validated upload: the normalised photo, and a JPEG of it for Rekognition."""

    size: tuple[int, int]
    """Width and height of `photo`."""
    decoded: Image.Image
    """The decoded image, upright and opaque, longer side up to about twice DETECTION_SIDE. In the file's colours:
    its info has as `told` what the file tells of them."""

    @cached_property
    def detection(self) -> bytes:
        """JPEG for Rekognition: longer side at most DETECTION_LIMIT, below 5 MB even for noise. In the colour space of
        the file's profile, since face detection doesn't need sRGB; CMYK, and what is told by figures, in sRGB. Raises
        UnreadablePhoto."""
        with _decoder_errors_as_ours():
            return _detection(self.decoded, max(self.size))

    @cached_property
    def photo(self) -> Image.Image:
        """The normalised photo: RGB, sRGB, of `size`. Computed at the first access, so that Rekognition can be called
        before. Raises UnreadablePhoto."""
        with _decoder_errors_as_ours():
            scaled = self.decoded.resize(self.size, Image.Resampling.LANCZOS, reducing_gap=1.5)
            return tags.to_srgb(scaled, self.decoded.info["told"])


@contextmanager
def _decoder_errors_as_ours() -> Iterator[None]:
    """Raises UnreadablePhoto for an exception of a decoder."""
    try:
        yield
    except DECODER_ERRORS as error:
        raise UnreadablePhoto(type(error).__name__) from error


def sniff(data: bytes) -> str:
    """The file's format by its signature, as Pillow names it: JPEG, PNG, WEBP or HEIF. Raises UnsupportedPhoto."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(int.from_bytes(data[:4]), 256), 4))}
        if brands & _HEVC or (brands & _ANY_CODEC and not brands & _AV1):
            return "HEIF"
    raise UnsupportedPhoto("unknown file signature")


def normalise(data: bytes, side: int = PHOTO_SIDE) -> Intake:
    """Decodes an upload of at most MAX_BYTES.

    Args:
        side: longer side of the normalised photo, at most DETECTION_SIDE; smaller photos are enlarged.

    Raises:
        UnsupportedPhoto, UnreadablePhoto, PhotoTooLarge, PhotoTooSmall, PhotoTooNarrow.
    """
    kind = sniff(data)
    with _decoder_errors_as_ours():
        decoded = _read(kind, data)
        return Intake(_fit(decoded.size, side), decoded)


def as_it_lies(data: bytes, side: int = PHOTO_SIDE) -> bytes | None:
    """An upload without its metadata, if Rekognition may get it before it is decoded; else None: `Intake.detection`.

    It may if that shows the same: a baseline JPEG as cameras of pages make it, upright, neither larger than
    DETECTION_LIMIT nor smaller than `side`. Whether its pixels are whole is not known yet.
    """
    if not data.startswith(b"\xff\xd8\xff") or len(data) > MAX_SENT_BYTES or not (plain := jpeg.without_metadata(data)):
        return None
    sent, size = plain
    fits = side <= max(size) <= DETECTION_LIMIT and max(MIN_SIDE, max(size) / MAX_ASPECT) <= min(size)
    return sent if fits else None


def _read(kind: str, data: bytes) -> Image.Image:
    if kind == "JPEG":
        return _read_jpeg(data)
    if kind == "HEIF":
        return _read_heic(data)
    if kind == "PNG":
        _check_chunks(data)
    png = tags.png_chunks(_chunks(data)) if kind == "PNG" else {}
    try:
        return _decode(Image.open(io.BytesIO(data), formats=[kind]), png)
    except DECODER_ERRORS:
        # Pillow rejects a PNG also for a damaged text or profile chunk, and a WebP that is cut off in its metadata;
        # their pixels may be intact.
        rest = _pixel_chunks(data) if kind == "PNG" else _whole_chunks(data)
        return _decode(Image.open(io.BytesIO(rest), formats=[kind]), png)


def _read_jpeg(data: bytes) -> Image.Image:
    """The decoded JPEG. Raises UnreadablePhoto for one that ends in its pixels."""
    first, *others = jpeg.versions(data, MAX_PIXELS)
    decoded = _decode(Image.open(io.BytesIO(first), formats=["JPEG"]), {})
    if not others and _has_grey_corner(decoded):
        others = jpeg.versions(data, MAX_PIXELS, is_end_doubted=True)[1:]
    for each in others:
        if _decode(Image.open(io.BytesIO(each), formats=["JPEG"]), {}).tobytes() != decoded.tobytes():
            raise UnreadablePhoto("pixels are missing")
    return decoded


def _has_grey_corner(image: Image.Image) -> bool:
    """Whether a corner, two pixels wide and high, is of the grey with which a decoder fills in what is missing."""
    right, low = image.width - 2, image.height - 2
    greys = ((128, 128), ((128, 128),) * 3)  # of a grey and a colour image: lowest and highest of each band
    corners = (image.crop((x, y, x + 2, y + 2)) for x in (0, right) for y in (0, low))
    return any(corner.getextrema() in greys for corner in corners)


def _read_heic(data: bytes) -> Image.Image:
    """The decoded photo of a HEIC, within its clean aperture."""
    # Imported only when needed: it takes several MB of memory.
    import pi_heif

    pi_heif.register_heif_opener()
    still = heif.still(data)
    opened = Image.open(io.BytesIO(still.data), formats=["HEIF"])
    if sorted(opened.size) != sorted(still.size):  # of a damaged grid pi-heif gives a tile
        raise UnreadablePhoto("not the whole photo")
    return _decode(opened, {}, still.aperture)


def _check_chunks(png: bytes) -> None:
    """Raises UnreadablePhoto for a PNG that would take a decoder minutes."""
    for number, _ in enumerate(_chunks(png)):
        if number > _MAX_CHUNKS:
            raise UnreadablePhoto("too many chunks")


def _pixel_chunks(png: bytes) -> bytes:
    """The PNG's critical chunks, whose names begin in upper case, and of the others those that tell transparency and
    which way is up, if they are whole."""
    colour_type = png[25] if len(png) > 25 else 0
    return png[:8] + b"".join(chunk for chunk in _chunks(png) if chunk[4:5].isupper() or _is_needed(chunk, colour_type))


def _is_needed(chunk: bytes, colour_type: int) -> bool:
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
        return False
    return chunk[4:8] == b"eXIf" or (chunk[4:8] == b"tRNS" and transparency.is_possible(len(chunk) - 12, colour_type))


def _chunks(png: bytes) -> Iterator[bytes]:
    """Each chunk: length, name, data and CRC."""
    at = 8
    while at + 12 <= len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4])
        yield png[at:end]
        at = end


def _whole_chunks(webp: bytes) -> bytes:
    """The WebP up to its last whole chunk (RFC 9649, section 2.3)."""
    end = 12
    for _ in range(_MAX_CHUNKS):
        size = int.from_bytes(webp[end + 4 : end + 8], "little")
        if end + 8 + size > len(webp):
            break
        end += 8 + size + size % 2
    return b"RIFF" + (end - 8).to_bytes(4, "little") + webp[8:end]


def _check_size(decoded: tuple[int, int], aperture: heif.Box | None) -> None:
    # By the header, before anything is decoded: protects from decompression bombs.
    if decoded[0] * decoded[1] > MAX_PIXELS:
        raise PhotoTooLarge("too many pixels")
    l, t, r, b = aperture or (0, 0, *decoded)
    width, height = r - l, b - t
    if min(width, height) < MIN_SIDE:
        raise PhotoTooSmall("a side is too short")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoTooNarrow("aspect")


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size scaled so that its longer side is `side`."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _decode(opened: ImageFile.ImageFile, png: Mapping[bytes, bytes], aperture: heif.Box | None = None) -> Image.Image:
    """The opened image as `Intake.decoded` has it.

    Args:
        png: the chunks of a PNG that tell colours.
        aperture: what is cut out of a HEIC.
    """
    _check_size(opened.size, aperture)
    # A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size: 4 to 8 times faster, and far less memory.
    opened.draft(None, _fit(opened.size, DETECTION_SIDE))
    key = transparency.key_of(opened)
    opened.load()
    transposition = _TO_UPRIGHT.get(_exif(opened, _orientation, 1))
    told = tags.told(opened, png, _exif(opened, tags.by_exif, ()))
    image = transparency.eight_bit(opened.crop(aperture) if aperture else opened, key)
    if (factor := max(image.size) // DETECTION_SIDE) > 1:
        image = image.reduce(factor)  # other formats: a box filter
    image = image if transposition is None else image.transpose(transposition)
    image = transparency.opaque(image, tags.white(told))
    image.info = {"told": told}
    return image


def _orientation(exif: Image.Exif) -> Any:
    return exif.get(0x0112, 1)


def _exif(image: Image.Image, read: Callable[[Image.Exif], T], otherwise: T) -> T:
    """What `read` finds in EXIF; `otherwise` if EXIF can't be parsed, or would take long."""
    if len(image.info.get("exif") or b"") > jpeg.MAX_EXIF:
        return otherwise
    try:
        return read(image.getexif())
    except DECODER_ERRORS:
        return otherwise


def _detection(decoded: Image.Image, side: int) -> bytes:
    """`Intake.detection`; an image smaller than `side` is enlarged to it."""
    longer, scaled = max(decoded.size), decoded
    if longer > DETECTION_LIMIT:
        scaled = decoded.resize(_fit(decoded.size, DETECTION_SIDE), Image.Resampling.HAMMING)  # twice as fast
    elif longer < side:
        scaled = decoded.resize(_fit(decoded.size, side), Image.Resampling.LANCZOS)
    told = decoded.info["told"]
    out = io.BytesIO()
    tags.to_srgb(scaled, told if tags.is_foreign(decoded, told) else ()).save(out, "JPEG", quality=90)
    return out.getvalue()
