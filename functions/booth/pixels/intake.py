"""Makes an uploaded file safe and uniform: one frame, upright, sRGB, no metadata, a known size."""

import io
from dataclasses import dataclass

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
    photo: Image.Image
    """RGB, its longer side as asked for (smaller photos are enlarged)."""
    detection: bytes
    """The same picture as a JPEG, longer side at most DETECTION_SIDE, below Rekognition's 5 MB whatever it shows."""


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
    try:
        image = Image.open(io.BytesIO(data), formats=[kind])
        _check_size(*image.size)
        upright = _decode(image)
    except _DECODER_ERRORS as error:
        raise UnreadablePhoto(type(error).__name__) from error
    photo = upright.resize(_fit(upright.size, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    detection = io.BytesIO()
    (upright if max(upright.size) > side else photo).save(detection, "JPEG", quality=90)
    return Intake(photo, detection.getvalue())


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
    if max(image.size) > DETECTION_SIDE:
        target = _fit(image.size, DETECTION_SIDE)
        # A JPEG decoder can leave out detail that would be thrown away: 4 to 8 times faster, and far less memory.
        image.draft(None, target)
        image.load()
        image = _eight_bit(image).resize(target, Image.Resampling.LANCZOS, reducing_gap=2.0)
    else:
        image.load()
        image = _eight_bit(image)
    return _rgb(ImageOps.exif_transpose(image), profile)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Only modes that can be resized smoothly: palettes resolved, 16 bits reduced to 8."""
    if image.mode.startswith("I"):
        small = Image.fromarray((np.asarray(image, np.float32) / 257).clip(0, 255).astype(np.uint8))
        small.info = image.info
        return small
    if image.mode in ("1", "P", "PA"):
        return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode == "L" and "transparency" in image.info:
        return image.convert("LA")
    return image


def _rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode in ("RGBA", "LA", "La", "RGBa"):
        image = image.convert("RGBA")
        flat = Image.new("RGBA", image.size, "white")
        flat.alpha_composite(image)
        image = flat.convert("RGB")
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
