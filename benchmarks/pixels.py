"""What each step's pixel work takes: `make bench-pixels`. Prints tables in Markdown.

`normalise` for photos of 1 to 48 megapixels, and every other step, which sees the normalised photo only, for 1, 10 and
100 faces in it. Times are processor time on one core, medians. Memory is the most that a process of its own held
beyond what it held before the step, with the step's input already in it; it is given beside the photo's decoded size
(3 bytes a pixel: of the upload for `normalise`, of the normalised photo for the rest).
"""

import argparse
import ctypes
import gc
import io
import json
import os
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from benchmarks import machine
from booth.aws import sam
from booth.keep import MORE
from booth.painting.codecs import titan
from booth.pixels import (
    encoding,
    foreground,
    frames,
    geometry,
    intake,
    masks,
)
from booth.pixels.seam import Seam, soft_edge

ROOT = Path(__file__).parent.parent
SIZES = {1: (1156, 867), 4: (2304, 1728), 12: (4032, 3024), 48: (8064, 6048)}  # megapixels: width and height
SIDE = intake.PHOTO_SIDE
FACES = {1: (1, 0.38, 0.47), 10: (4, 0.09, 0.11), 100: (10, 0.03, 0.038)}
"""Number of faces: in how many columns they stand, half their width and height in parts of SIDE."""
MS, TIMES, FLOOR_MB = 150, 4, 60
"""The goals: milliseconds a step, times the photo's decoded size; for small photos FLOOR_MB in place of that."""


# The inputs


def picture(width: int, height: int) -> Image.Image:
    """A portrait at this size with a sensor's noise, so that it has as much to encode as a camera's photo."""
    with Image.open(ROOT / "tests" / "photos" / "astronaut.jpg") as portrait:
        scaled = np.asarray(portrait.convert("RGB").resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(0).normal(0, 4, (512, 512, 1)).round().astype(np.int16)
    noise = np.tile(noise, (height // 512 + 1, width // 512 + 1, 1))[:height, :width]
    return Image.fromarray((scaled + noise).clip(0, 255).astype(np.uint8))


def photo_file(kind: str, megapixels: int) -> bytes:
    """An upload of this format and size."""
    if kind == "HEIC":
        return tiled_heic(*(round(side / tile) for side, tile in zip(SIZES[megapixels], (400, 300), strict=True)))
    if kind == "WEBP":
        # libwebp encodes nothing this noisy at 48 megapixels.
        image = picture(1156, 867).resize(SIZES[megapixels], Image.Resampling.BICUBIC)
        return saved(image, kind, quality=80, method=0)
    options = {"JPEG": {"quality": 90}, "PNG": {"compress_level": 1}}
    return saved(picture(*SIZES[megapixels]), kind, **options[kind])


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def tiled_heic(columns: int, rows: int) -> bytes:
    """A HEIC of equal tiles, as telephones write them (ISO 23008-12, 6.6.2.3: derived image `grid`).

    Each tile is the test photo quarters.heic, 400 x 300 plain colours: it takes the memory of a photo but less time.
    """
    source = (ROOT / "tests" / "photos" / "quarters.heic").read_bytes()
    parts = dict(_boxes(source))
    inner = dict(_boxes(parts[b"meta"][4:]))
    properties = dict(_boxes(dict(_boxes(inner[b"iprp"]))[b"ipco"]))
    offset, _, _, length = struct.unpack_from(">IHII", inner[b"iloc"], len(inner[b"iloc"]) - 14)
    tiles = range(2, columns * rows + 2)
    size = struct.pack(">II", columns * 400, rows * 300)

    items = [_full(b"infe", 2, struct.pack(">HH4s", number, 0, b"hvc1") + b"\0") for number in tiles]
    items.insert(0, _full(b"infe", 2, struct.pack(">HH4s", 1, 0, b"grid") + b"\0"))
    listed = _full(b"iinf", 0, struct.pack(">H", len(items)) + b"".join(items))
    made_of = _box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *tiles))
    known = [_full(b"ispe", 0, size), *(_box(name, properties[name]) for name in (b"hvcC", b"ispe", b"colr"))]
    of_each = struct.pack(">HBB", 1, 1, 1) + b"".join(struct.pack(">HB3B", number, 3, 0x82, 3, 4) for number in tiles)
    shared = _box(b"ipco", b"".join(known)) + _full(b"ipma", 0, struct.pack(">I", len(items)) + of_each)
    grid = struct.pack(">4B", 0, 1, rows - 1, columns - 1) + size  # version, 32-bit size

    def meta(data_at: int) -> bytes:
        # Item 1 lies in `idat` (construction method 1), all tiles at the same place of the file.
        places = struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(grid))
        places += b"".join(struct.pack(">HHHHII", number, 0, 0, 1, data_at, length) for number in tiles)
        return _full(
            b"meta",
            0,
            _box(b"hdlr", inner[b"hdlr"])
            + _full(b"pitm", 0, struct.pack(">H", 1))
            + _full(b"iloc", 1, struct.pack(">HH", 0x4400, len(items)) + places)
            + listed
            + _full(b"iref", 0, made_of)
            + _box(b"iprp", shared)
            + _box(b"idat", grid),
        )

    head = _box(b"ftyp", parts[b"ftyp"])
    return head + meta(len(head) + len(meta(0)) + 8) + _box(b"mdat", source[offset : offset + length])


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _full(kind: bytes, version: int, content: bytes) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]) + content)


def people(count: int) -> list[geometry.Face]:
    """This many faces, which fill a photo of SIDE x SIDE."""
    columns, half_width, half_height = FACES[count]
    rows = -(-count // columns)
    faces = []
    for number in range(count):
        x, y = (number % columns + 0.5) * SIDE / columns, (number // columns + 0.5) * SIDE / rows
        dx, dy = half_width * SIDE, half_height * SIDE
        marks = {"eyeLeft": (-0.4, -0.2), "eyeRight": (0.4, -0.2), "nose": (0, 0.2)}
        marks |= {"mouthLeft": (-0.3, 0.6), "mouthRight": (0.3, 0.6)}
        at = {name: (x + mx * dx, y + my * dy) for name, (mx, my) in marks.items()}
        faces.append(geometry.Face((x - dx, y - dy, x + dx, y + dy), at))
    return faces


# The steps: each gives what the handler does to pixels, as a function of nothing


def detect(kind: str, megapixels: int) -> tuple[Callable, float]:
    """Until the faces can be looked for."""
    data, (width, height) = photo_file(kind, megapixels), SIZES[megapixels]
    return lambda: intake.as_it_lies(data) or intake.normalise(data).detection, width * height * 3 / 1e6


def normalise(kind: str, megapixels: int) -> tuple[Callable, float]:
    """The photo too."""
    data, (width, height) = photo_file(kind, megapixels), SIZES[megapixels]
    return lambda: intake.normalise(data).photo, width * height * 3 / 1e6


def keep_photo(faces: int) -> tuple[Callable, float]:
    """`detect_faces` while Rekognition looks: the work files; the copy that is shown is one of them."""
    photo = np.asarray(picture(SIDE, SIDE))
    encodings = encoding.encode_exact, encoding.encode_for_model
    return lambda: [encode(photo) for encode in encodings], photo.nbytes / 1e6


def crop(faces: int) -> tuple[Callable, float]:
    """`crop_faces`: reads the photo, makes the requests for Segment Anything."""
    found, data = people(faces), encoding.encode_for_model(np.asarray(picture(SIDE, SIDE)))

    def work() -> list[bytes]:
        photo = encoding.decode(data)
        requests = []
        for each in geometry.crops_around(found, SIDE, SIDE):
            l, t, r, b = each.box
            requests.append(sam.request_for(each, found, encoding.encode_for_model(photo[t:b, l:r])))
        return requests

    return work, SIDE * SIDE * 3 / 1e6


def _segmented(faces: int) -> tuple[list[geometry.Face], list[geometry.Crop], list[np.ndarray]]:
    found = people(faces)
    crops = geometry.crops_around(found, SIDE, SIDE)
    whole = np.zeros((SIDE, SIDE), bool)
    for face in found:
        whole |= masks.ellipse(whole.shape, (0, 0), geometry.grow(face.box, 0.05))
    return found, crops, [whole[t:b, l:r] for l, t, r, b in (each.box for each in crops)]


def segment(faces: int) -> tuple[Callable, float]:
    """`segment_crop`: the endpoint's PNG, RGB, into the work file."""
    _, _, found = _segmented(faces)
    answers = [saved(Image.fromarray(~mask).convert("RGB"), "PNG", compress_level=1) for mask in found]
    return lambda: [encoding.encode_mask(encoding.decode_mask(each)) for each in answers], SIDE * SIDE * 3 / 1e6


def merge(faces: int) -> tuple[Callable, float]:
    """`merge_masks`."""
    found, crops, segmented = _segmented(faces)
    files = [encoding.encode_mask(mask) for mask in segmented]

    def work() -> bytes:
        read = [encoding.decode_mask(each) for each in files]
        return encoding.encode_mask_for_model(masks.keep_mask(SIDE, SIDE, found, crops, read)[0])

    return work, SIDE * SIDE * 3 / 1e6


def merge_more(faces: int) -> tuple[Callable, float]:
    """`merge_masks` where heads and whole people are kept: what it does besides."""
    photo, keep = np.asarray(picture(SIDE, SIDE)), kept(faces)
    outlines = [Image.fromarray(keep).convert("L")]
    draw = ImageDraw.Draw(outlines[0])
    for face in people(faces):
        draw.ellipse(geometry.grow(face.box, 0.2), 255)
    outlines.append(outlines[0].copy())
    draw = ImageDraw.Draw(outlines[1])
    for face in people(faces):
        l, t, r, b = geometry.grow(face.box, 0.2)
        draw.ellipse((l - (r - l) / 4, (t + b) / 2, r + (r - l) / 4, 2 * b - t), 255)
    soft = [np.asarray(outline.filter(ImageFilter.GaussianBlur(SIDE / 1000))) for outline in outlines]
    webp, files = encoding.encode_exact(photo), [encoding.encode_png(alpha) for alpha in soft]

    def work() -> list[bytes]:
        found = {more: encoding.decode_alpha(png) for more, png in zip(MORE, files, strict=True)}
        photo, encoded = encoding.decode(webp), []
        for alpha in masks.alphas(soft_edge(keep), found).values():
            people = foreground.estimate(photo, alpha)
            encoded += [encoding.encode_png(alpha), encoding.encode_part(people, (alpha > 0) & (alpha < 255))]
        return encoded

    return work, photo.nbytes / 1e6


def kept(faces: int) -> np.ndarray:
    return masks.keep_mask(SIDE, SIDE, *_segmented(faces))[0]


def prepare(faces: int) -> tuple[Callable, float]:
    """`generate_image` while the model paints: what is put back into its picture."""
    photo = encoding.encode_exact(np.asarray(picture(SIDE, SIDE)))
    mask = encoding.encode_mask_for_model(kept(faces))
    return lambda: Seam(encoding.decode(photo), encoding.decode_mask(mask)), SIDE * SIDE * 3 / 1e6


def paint(faces: int) -> tuple[Callable, float]:
    """`generate_image` after it: the answer, a PNG, composed with the photo and encoded for visitors."""
    photo = np.asarray(picture(SIDE, SIDE))
    seam = Seam(photo, kept(faces))
    answer = encoding.encode_png((photo * 0.9).astype(np.uint8))  # darker: all of the colour match is at work

    def work() -> bytes:
        painted = frames.fit((SIDE, SIDE), titan.TITAN.sizes).restore(encoding.decode(answer))
        return encoding.encode_jpeg(seam.blend(painted), xmp=encoding.AI_MARK)

    return work, photo.nbytes / 1e6


BY_PHOTO = {"detect": detect, "normalise": normalise}
BY_FACES = {
    "keep photo": keep_photo,
    "crop": crop,
    "segment": segment,
    "merge": merge,
    "merge, head and person": merge_more,
    "prepare": prepare,
    "paint": paint,
}
PHOTOS = [("JPEG", 1), ("JPEG", 4), ("JPEG", 12), ("JPEG", 48), ("HEIC", 12), ("HEIC", 48), ("PNG", 12), ("PNG", 48)]
PHOTOS += [("WEBP", 12), ("WEBP", 48)]


# Measuring


def measure(name: str, *of: object, rounds: int) -> dict[str, float]:
    """Figures of one step, in a process of its own on one core."""
    command = [sys.executable, "-m", "benchmarks.pixels", "--rounds", str(rounds), "--step", json.dumps([name, *of])]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(done.stdout)


def measure_here(name: str, *of: object, rounds: int) -> dict[str, float]:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    work, decoded = (BY_PHOTO | BY_FACES)[name](*of)
    intake.normalise((ROOT / "tests" / "photos" / "quarters.heic").read_bytes()).photo.size  # noqa: B018  loads codecs
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what making the input has left behind would hide what the step takes
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak (proc(5))
    before = _status("VmRSS")
    work()
    megabytes = (_status("VmHWM") - before) / 1024
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1000)
    return {"ms": statistics.median(times), "mb": megabytes, "decoded": decoded}


def _status(name: str) -> int:
    """A figure of this process in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def row(step: str, of: str, found: dict[str, float]) -> str:
    limit = max(TIMES * found["decoded"], FLOOR_MB)
    good = "yes" if found["mb"] <= limit else "**no**"
    return f"| {step} | {of} | {found['ms']:.0f} | {found['mb']:.0f} | {found['decoded']:.0f} | {good} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pixels", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each step is timed")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(measure_here(*json.loads(arguments.step), rounds=arguments.rounds)))
        return
    print(machine.line())
    print(f"\n| step | of | ms | peak MB | decoded MB | peak within {TIMES} x, or {FLOOR_MB} MB |")
    print("|---|---|---|---|---|---|")
    for name in BY_PHOTO:
        for kind, megapixels in PHOTOS:
            print(
                row(name, f"{kind}, {megapixels} MP", measure(name, kind, megapixels, rounds=arguments.rounds)),
                flush=True,
            )
    for name in BY_FACES:
        for faces in FACES if name != "keep photo" else [1]:
            of = f"{faces} face{'s' * (faces > 1)}"
            print(row(name, of, measure(name, faces, rounds=arguments.rounds)), flush=True)


if __name__ == "__main__":
    main()
