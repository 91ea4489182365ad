"""Makes an uploaded file safe and uniform: one frame, upright, sRGB, no metadata, a known size."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageCms, ImageOps

from booth.errors import PhotoTooLarge, PhotoTooNarrow, PhotoTooSmall, UnreadablePhoto, UnsupportedPhoto

MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 60_000_000
"""Above the 50 megapixels of today's phones; 180 MB when decoded."""
MIN_SIDE = 80
"""Rekognition takes no smaller image."""
MAX_ASPECT = 4.0
"""Longer to shorter side; what the image models take."""
PHOTO_SIDE = 1024
"""Longer side of the normalised photo if nothing else is asked for: the image models' standard size."""
DETECTION_SIDE = 1920
"""Longer side of the copy in which faces are looked for; Rekognition finds faces from 40 px at this size."""

Image.MAX_IMAGE_PIXELS = None  # MAX_PIXELS is checked below, before anything is decoded

# An error in here is a defect of the file, whatever the decoder calls it. Our own errors and MemoryError pass.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, ArithmeticError)
_DECODER_ERRORS += (AttributeError, RuntimeError, NotImplementedError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Intake:
    detection: bytes
    """The picture as a JPEG, longer side at most DETECTION_SIDE, below Rekognition's 5 MB whatever it shows. Faces are
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
        image = Image.open(io.BytesIO(data), formats=[kind])
        _check_size(*image.size)
        decoded = _decode(image)
        return Intake(_detection(decoded, side), _fit(decoded.size, side), decoded)


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
    profile = image.info.get("icc_profile")
    # A JPEG decoder can leave out detail that would be thrown away: 4 to 8 times faster, and far less memory.
    image.draft(None, _fit(image.size, DETECTION_SIDE))
    image.load()
    image = _eight_bit(image)
    if (times := max(image.size) // DETECTION_SIDE) > 1:
        image = image.reduce(times)  # the others' detail goes here, by a mean
    ImageOps.exif_transpose(image, in_place=True)
    image = _opaque(image)
    image.info = {"icc_profile": profile} if profile else {}
    return image


def _eight_bit(image: Image.Image) -> Image.Image:
    """Only modes that can be resized smoothly: palettes resolved, 16 bits reduced to 8."""
    if image.mode.startswith("I"):
        small = Image.fromarray((np.asarray(image) // 257).clip(0, 255).astype(np.uint8))
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
    longer = max(side, min(max(decoded.size), DETECTION_SIDE))
    enlarged = longer > max(decoded.size)
    how = Image.Resampling.LANCZOS if enlarged else Image.Resampling.HAMMING  # twice as fast, for a smaller picture
    scaled = decoded.resize(_fit(decoded.size, longer), how)
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
