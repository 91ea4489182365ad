"""Odd photos, composed of the two licensed portraits, and `make odd-photos`: all of them through the whole application.

For each is checked what design invariant 5 promises: all landmarks and 95 % of the ellipse in the box of every face
that the detector finds lie in the kept region, and the kept pixels are the photo's, bit-exact before the JPEG encoder
and nearly so in the picture that a visitor gets. Prints a table; the pictures are in out/odd/.
"""

import argparse
import io
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "functions"))  # as in Lambda

from benchmarks import seam  # noqa: E402
from booth.pixels import (  # noqa: E402
    encoding,
    masks,
)
from booth.pixels.seam import Seam  # noqa: E402
from client.booth import Booth  # noqa: E402
from local.app import App  # noqa: E402

HEADS = {"astronaut": (130, 0, 330, 230), "hopper": (116, 40, 416, 400)}
"""Where in the portraits the head is."""
WALL = (150, 145, 140)
LOSS = 3.0
"""In dB: so much farther from the photo than the photo's own JPEG may the faces in a picture be. The blocks of 8 x 8
pixels at their edges hold something else. Faces a pixel aside are some 20 dB farther."""


@cache
def portrait(name: str) -> Image.Image:
    with Image.open(ROOT / "tests" / "photos" / f"{name}.jpg") as image:
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


def broken_promises(case: seam.Case) -> Iterator[str]:
    """What of invariant 5 does not hold before the encoder."""
    height, width = case.keep.shape
    for number, face in enumerate(case.faces):
        outline = masks.ellipse(case.keep.shape, (0, 0), face.box)
        if (case.keep & outline).sum() < masks.ENOUGH * outline.sum():
            yield f"less than 95 % of face {number} is kept"
        spots = [(int(x), int(y)) for x, y in face.landmarks.values() if 0 <= x < width and 0 <= y < height]
        if not all(case.keep[y, x] for x, y in spots):
            yield f"a landmark of face {number} is not kept"
    painted = np.broadcast_to(np.uint8(90), case.photo.shape)
    if not np.array_equal(Seam(case.photo, case.keep).blend(painted)[case.keep], case.photo[case.keep]):
        yield "kept pixels are not the photo's"


def ellipses(case: seam.Case) -> np.ndarray:
    """Where every picture shows the photo, whether Segment Anything was heard or not: bool, the photo's H x W."""
    parts = [masks.ellipse(case.keep.shape, (0, 0), face.box) & case.keep for face in case.faces]
    return np.logical_or.reduce(parts)


def psnr(picture: np.ndarray, case: seam.Case) -> float:
    """How near the picture is to the photo in the faces, in dB."""
    inside = ellipses(case)
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((picture[inside].astype(float) - case.photo[inside]) ** 2))))


def memory_of(function: str) -> int:
    """Greatest resident memory so far of a function's processes, in MB, as Linux tells it."""
    peaks = [0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{function}.handler".encode() in (process / "cmdline").read_bytes():
                [line] = [l for l in (process / "status").read_text().splitlines() if l.startswith("VmHWM")]
                peaks.append(int(line.split()[1]) // 1024)
        except (OSError, ValueError):  # it has just ended
            pass
    return max(peaks)


class Trial:
    """The running application, and what one photo in it came to."""

    def __init__(self, app: App):
        self.app = app
        self.steps, self.table = app.client("stepfunctions"), app.client("dynamodb")
        self.models = seam.Models()

    def send(self, name: str, out: Path) -> tuple[dict[str, object], list[str]]:
        """The photo through the application; a row of figures, and what is wrong."""
        file = out / f"{name.replace(' ', '_').replace(':', '_').replace(',', '')}.jpg"
        file.write_bytes(PHOTOS[name]())
        case = self.models(file.read_bytes())
        wrong = list(broken_promises(case))
        started = time.monotonic()
        result = Booth(self.app.url, show=lambda _: None).send(file, out)
        row: dict[str, object] = {"photo": name, "size": "x".join(map(str, Image.open(file).size))}
        row |= {"faces": len(case.faces), "kept": f"{case.keep.mean():.0%}", "ended": result["status"]}
        requests = [len(each) for each in self.models.requests(case.photo, case.faces)]
        row |= {"crops": len(requests), "largest request": f"{max(requests, default=0) // 1000} kB"}
        near = []
        for url in json.loads(result["url_generated"]):
            with urllib.request.urlopen(url) as answer:
                near.append(psnr(encoding.decode(answer.read()), case))
        best = psnr(encoding.decode(encoding.encode_jpeg(case.photo)), case)
        row |= {"PSNR": f"{min(near, default=0):.1f} of {best:.1f}"} | self._run(result)
        row |= {"s": f"{time.monotonic() - started:.0f}", "memory": f"{memory_of('detect_faces')} MB"}
        if result["status"] != "SUCCEEDED":
            wrong.append(f"it ended {result['status']}: {result['error']}")
        if near and min(near) < best - LOSS:
            wrong.append(f"the faces in a picture are not the photo's: {min(near):.1f} dB, not {best:.1f}")
        return row, wrong

    def _run(self, result: dict) -> dict[str, object]:
        """Of the last execution: faces kept by the ellipse, and the sizes of its state and record in bytes."""
        machine = self.app.stack.state_machines["PhotoMachine"].arn
        newest = max(self.steps.list_executions(stateMachineArn=machine)["executions"], key=lambda e: e["startDate"])
        pages = self.steps.get_paginator("get_execution_history").paginate(executionArn=newest["executionArn"])
        sizes = [len(json.dumps(event, default=str)) for page in pages for event in page["events"]]
        key = {"pk": {"S": f"run#{newest['name']}"}}
        record = self.table.get_item(TableName=self.app.stack.tables["Table"].name, Key=key)["Item"]
        by_ellipse = int(record.get("faces_by_ellipse", {"N": "0"})["N"])
        return {"by ellipse": by_ellipse, "state": max(sizes), "events": len(sizes), "record": len(json.dumps(record))}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.odd_photos", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PHOTOS), help=", ".join(PHOTOS))
    given = parser.parse_args()
    if unknown := set(given.names) - PHOTOS.keys():
        parser.error(f"no such photo: {', '.join(sorted(unknown))}")
    out = ROOT / "out" / "odd"
    out.mkdir(parents=True, exist_ok=True)
    good = True
    with App(port=0) as app:
        trial = Trial(app)
        for number, name in enumerate(given.names):
            row, wrong = trial.send(name, out)
            if not number:
                print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
            print("| " + " | ".join(map(str, row.values())) + " |", flush=True)
            for each in wrong:
                print(f"{name}: {each}", file=sys.stderr)
            good &= not wrong
    return not good


if __name__ == "__main__":
    sys.exit(main())
