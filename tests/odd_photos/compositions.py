"""Odd photos, composed of the two licensed portraits."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageOps

from booth.pixels import geometry
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


def before(visitors: list[tuple[int, int, int]], columns: int, rows: int, height: int) -> Image.Image:
    """Visitors before a crowd, which fills the photo wherever they leave room.

    Args:
        visitors: left, top and height of each one's head, in a photo of 2048 x 1536.
        columns, rows: of the crowd.
        height: of its heads.
    """
    image = Image.new("RGB", (2048, 1536), WALL)
    near = [(head(number, tall), x, y) for number, (x, y, tall) in enumerate(visitors)]
    taken = [(x - 60, y - 60, x + face.width + 60, y + face.height + 60) for face, x, y in near]
    for number in range(columns * rows):
        face = head(number + number // columns, height)
        x = round((number % columns + 0.5) * image.width / columns) - face.width // 2
        y = round((number // columns + 0.5) * image.height / rows) - height // 2
        if not any(geometry.overlap((x, y, x + face.width, y + height), each) for each in taken):
            image.paste(face, (x, y))
    for face, x, y in near:
        image.paste(face, (x, y))
    return image


def of_heights(*heads: tuple[int, int, int]) -> Image.Image:
    """Heads in a photo of 1600 x 1200, each with its left, top and height."""
    image = Image.new("RGB", (1600, 1200), WALL)
    for number, (x, y, height) in enumerate(heads):
        image.paste(head(number, height), (x, y))
    return image


def two_rows() -> Image.Image:
    """Three heads, and two farther away above them."""
    return of_heights(*((80 + 490 * n, 560, 560) for n in range(3)), *((380 + 500 * n, 120, 330) for n in range(2)))


def poster(height: int) -> Image.Image:
    """The astronaut, and behind her a grey portrait in a frame, its head of this height."""
    image = of_heights((560, 300, 850))
    face = ImageOps.expand(ImageOps.grayscale(head(1, height)).convert("RGB"), max(4, height // 12), (60, 45, 30))
    image.paste(face, (60, 60))
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


@dataclass(frozen=True)
class Composition:
    """An odd photo."""

    visitors: int
    """How many of its faces are visitors'."""
    make: Callable[[], bytes]
    """Makes a JPEG."""


PHOTOS = {
    "1 face": Composition(1, lambda: jpeg(crowd(1, 1, 0.6))),
    "3 faces": Composition(3, lambda: jpeg(crowd(3, 1, 0.9))),
    "10 faces": Composition(10, lambda: jpeg(crowd(5, 2, 0.9))),
    "30 faces": Composition(30, lambda: jpeg(crowd(6, 5, 0.8))),
    "100 faces, close": Composition(100, lambda: jpeg(crowd(10, 10, 0.95))),
    "100 faces, apart": Composition(100, lambda: jpeg(crowd(10, 10, 0.55))),
    "a row of small faces": Composition(12, lambda: jpeg(of_heights(*((20 + 131 * n, 480, 120) for n in range(12))))),
    "a child among adults": Composition(3, lambda: jpeg(of_heights((80, 200, 620), (640, 700, 330), (1030, 220, 620)))),
    "a second row": Composition(5, lambda: jpeg(two_rows())),
    "one before a crowd": Composition(1, lambda: jpeg(before([(740, 896, 640)], 14, 9, 105))),
    "two before a crowd": Composition(2, lambda: jpeg(before([(620, 1016, 520), (1010, 1076, 460)], 18, 10, 90))),
    "before a poster": Composition(1, lambda: jpeg(poster(150))),
    "before a large poster": Composition(2, lambda: jpeg(of_heights((60, 20, 1150), (1250, 850, 300)))),
    "cut by the borders": Composition(5, lambda: jpeg(at_borders())),
    "tiny": Composition(1, lambda: jpeg(crowd(1, 1, 0.05))),
    "overlapping": Composition(3, lambda: jpeg(overlapping())),
    "glasses": Composition(1, lambda: jpeg(with_glasses())),
    "printed on a shirt": Composition(2, lambda: jpeg(on_a_shirt())),
    "turned away": Composition(1, lambda: jpeg(turned_away())),
    "4:1": Composition(1, lambda: jpeg(ribbon(2000, 500))),
    "1:4": Composition(1, lambda: jpeg(ribbon(500, 2000))),
    "80 pixels": Composition(1, lambda: jpeg(head(1, 96).crop((0, 8, 80, 88)))),
    "50 megapixels": Composition(5, lambda: huge(6)),
}
