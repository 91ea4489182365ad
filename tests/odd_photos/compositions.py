"""Odd photos, composed of the two licensed portraits."""

import io
from functools import cache

from PIL import Image, ImageDraw, ImageOps

from tests.support import photos

HEADS = {"astronaut": (130, 0, 330, 230), "hopper": (116, 40, 416, 400)}
"""Where in the portraits the head is."""


WALL = (150, 145, 140)


@cache
def portrait(name: str) -> Image.Image:
    with Image.open(photos.PHOTOS / f"{name}.jpg") as image:
        return image.convert("RGB")


def head(number: int, height: int) -> Image.Image:
    """One of the two heads, every other time mirrored."""
    name = ("astronaut", "hopper")[number % 2]
    image = portrait(name).crop(HEADS[name])
    image = ImageOps.mirror(image) if number // 2 % 2 else image
    return image.resize((round(image.width * height / image.height), height), Image.Resampling.LANCZOS)


def crowd(columns: int, rows: int, share: float, side: int = 2048) -> Image.Image:
    """So many heads in a grid, each of `share` of its cell's height."""
    cell = side // max(columns, rows)
    image = Image.new("RGB", (columns * cell, rows * cell), WALL)
    for number in range(columns * rows):
        face = head(number + number // columns, round(cell * share))
        x, y = number % columns * cell + (cell - face.width) // 2, number // columns * cell + (cell - face.height) // 2
        image.paste(face, (x, y))
    return image


def at_borders() -> Image.Image:
    """Four faces, each cut by another border of the photo, and one in a corner."""
    image = Image.new("RGB", (1600, 1200), WALL)
    for number, (x, y) in enumerate([(-90, 420), (1390, 420), (620, -110), (600, 1010), (1380, 960)]):
        image.paste(head(number, 400), (x, y))
    return image


def overlapping() -> Image.Image:
    """Three heads, each before a part of the last."""
    image = Image.new("RGB", (1400, 1000), WALL)
    for number, x in enumerate((150, 400, 650)):
        image.paste(head(number, 600), (x, 200))
    return image


def with_glasses() -> Image.Image:
    """Dark glasses over the astronaut's eyes, wider than her face."""
    image = portrait("astronaut").copy()
    draw = ImageDraw.Draw(image, "RGBA")
    for x in (204, 248):
        draw.ellipse((x - 19, 86, x + 19, 122), fill=(20, 20, 30, 190), outline=(10, 10, 10), width=4)
    draw.line((222, 100, 230, 100), fill=(10, 10, 10), width=4)
    draw.line((186, 100, 172, 96), fill=(10, 10, 10), width=4)
    draw.line((266, 100, 282, 98), fill=(10, 10, 10), width=4)
    return image


def on_a_shirt() -> Image.Image:
    """A faded face printed on the astronaut's suit."""
    image = portrait("astronaut").resize((1024, 1024), Image.Resampling.LANCZOS)
    print_ = ImageOps.autocontrast(ImageOps.grayscale(head(1, 200)), cutoff=2).convert("RGB")
    faded = Image.blend(print_, Image.new("RGB", print_.size, (235, 120, 60)), 0.35)
    image.paste(faded, (330, 700))
    return image


def turned_away() -> Image.Image:
    """Not a real profile, of which there is none with a licence: a face seen from the side as far as a squeeze goes."""
    face = head(0, 700)
    width, height = face.size
    quad = (0, 0, 0, height, width, height * 0.92, width, height * 0.08)
    seen = face.transform(face.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC).resize(
        (width * 55 // 100, height)
    )
    image = Image.new("RGB", (1200, 900), WALL)
    image.paste(seen, (430, 100))
    return image


def ribbon(width: int, height: int) -> Image.Image:
    """One head in a photo as narrow as may be."""
    image = Image.new("RGB", (width, height), WALL)
    face = head(1, min(width, height) * 9 // 10)
    image.paste(face, ((width - face.width) // 2, (height - face.height) // 2))
    return image


def huge(orientation: int) -> bytes:
    """The group at 50 megapixels, stored lying."""
    image = portrait("group").resize((8160, 6120), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return jpeg(image.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else image, exif=exif)


def jpeg(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92, **options)
    return file.getvalue()


PHOTOS = {
    "1 face": lambda: jpeg(crowd(1, 1, 0.6)),
    "3 faces": lambda: jpeg(crowd(3, 1, 0.9)),
    "10 faces": lambda: jpeg(crowd(5, 2, 0.9)),
    "30 faces": lambda: jpeg(crowd(6, 5, 0.8)),
    "100 faces, close": lambda: jpeg(crowd(10, 10, 0.95)),
    "100 faces, apart": lambda: jpeg(crowd(10, 10, 0.55)),
    "cut by the borders": lambda: jpeg(at_borders()),
    "tiny": lambda: jpeg(crowd(1, 1, 0.05)),
    "overlapping": lambda: jpeg(overlapping()),
    "glasses": lambda: jpeg(with_glasses()),
    "printed on a shirt": lambda: jpeg(on_a_shirt()),
    "turned away": lambda: jpeg(turned_away()),
    "4:1": lambda: jpeg(ribbon(2000, 500)),
    "1:4": lambda: jpeg(ribbon(500, 2000)),
    "80 pixels": lambda: jpeg(head(1, 96).crop((0, 8, 80, 88))),
    "50 megapixels": lambda: huge(6),
}
"""Each makes a JPEG."""
