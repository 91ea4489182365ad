"""Segment Anything's figures: `make bench-sam`. Prints tables in Markdown.

Encoder, decoder and whole requests (JSON in, JSON out, by way of `inference.transform_fn`) for 1, 3 and 10 faces; one
request for n faces against n requests; crops against the whole photo; heads and people (ARGS=--heads: these alone).
Peak memory is that of a process of its own for each number of faces. Times are processor time of all threads, medians
of several rounds, in which the things compared take turns: so what else the machine does matters little. On idle cores
a request takes that time divided by somewhat less than their number.
"""

import argparse
import base64
import io
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image

from sam_model import inference
from sam_model.serving.people import People
from sam_model.serving.protocol import Prompt
from sam_model.serving.segment_anything import points_of

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "models" / "sam"
# The face of tests/photos/hopper.jpg: box, landmarks; and the part of the photo around it that is tiled.
FACE = ([175, 131, 357, 336], [[221, 199], [305, 192], [266, 238], [236, 279], [305, 272]])
HEAD = (116, 40, 416, 400)
WIDTH, HEIGHT = 1600, 1200
GROUPS = {1: (1, 1), 3: (3, 1), 10: (5, 2)}  # faces: columns and rows
PEOPLE = {1: (1, 1), 2: (2, 1), 5: (5, 1), 10: (5, 2)}  # the same
AT_ONCE = 5
NAMES = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")


class NoContext:
    """Stands for the serving toolkit's context: the requests here are good, so no status may be set."""

    def set_response_status(self, code: int, phrase: str) -> None:
        raise RuntimeError(f"{code} {phrase}")


def group(faces: int, side: int) -> tuple[Image.Image, list, list]:
    """Return a WIDTH x HEIGHT photo with ``faces`` heads of ``side`` pixels width, their boxes and landmarks."""
    with Image.open(ROOT / "tests" / "photos" / "hopper.jpg") as photo:
        scale = side / (HEAD[2] - HEAD[0])
        head = photo.convert("RGB").crop(HEAD)
        head = head.resize((side, round(head.height * scale)), Image.Resampling.LANCZOS)
    image = Image.new("RGB", (WIDTH, HEIGHT), (150, 145, 140))
    columns, rows = GROUPS[faces]
    boxes, points = [], []
    for number in range(faces):
        x = round((number % columns + 0.5) * WIDTH / columns - head.width / 2)
        y = round((number // columns + 0.5) * HEIGHT / rows - head.height / 2)
        image.paste(head, (x, y))
        shift = np.array([x, y])
        boxes.append(((np.array(FACE[0]).reshape(2, 2) - HEAD[:2]) * scale + shift).ravel().tolist())
        points.append(((np.array(FACE[1]) - HEAD[:2]) * scale + shift).tolist())
    return image, boxes, points


def people(count: int) -> str:
    """Return the request for heads and people of a photo of 1024x683 with ``count`` people: its JSON text."""
    columns, rows = PEOPLE[count]
    image = Image.new("RGB", (1024, 683), (150, 145, 140))
    with Image.open(ROOT / "tests" / "photos" / "hopper.jpg") as photo:
        scale = min(1024 / columns / photo.width, 683 / rows / photo.height)
        one = photo.convert("RGB").resize((round(photo.width * scale), round(photo.height * scale)))
    faces = []
    for number in range(count):
        corner = np.array([number % columns * 1024 // columns, number // columns * 683 // rows])
        image.paste(one, tuple(corner.tolist()))
        box = (np.array(FACE[0]).reshape(2, 2) * scale + corner).ravel().tolist()
        marks = (np.array(FACE[1]) * scale + corner).tolist()
        faces.append({"box": box, "landmarks": dict(zip(NAMES, marks, strict=True))})
    return json.dumps({"encode_image": encoded(image), "keep": ["head", "person"], "faces": faces})


def body(image: Image.Image, boxes: list, points: list) -> str:
    """The request's JSON text."""
    return json.dumps({"encode_image": encoded(image), "input_boxes": boxes, "input_points": points})


def encoded(image: Image.Image) -> str:
    """The image as JPEG, in base64."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return base64.b64encode(file.getvalue()).decode()


def ask(model: People, text: str) -> np.ndarray:
    """Serve one request; the kept region, bool (height, width)."""
    answer = inference.transform_fn(model, text, "application/json", "application/json", NoContext())
    with Image.open(io.BytesIO(base64.b64decode(json.loads(answer)["mask_image"]))) as mask:
        return np.asarray(mask)[..., 0] == 0


def take_turns(rounds: int, tasks: dict) -> dict:
    """Run every task once in each round; the median processor seconds of each."""
    seconds = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_megabytes(faces: int, *more: str) -> float:
    """Peak resident memory of a process that serves one request for ``faces`` faces (none if 0: model only).

    With "--people 5" in ``more``: so many requests at once for heads and people.
    """
    command = [sys.executable, "-m", "benchmarks.sam", "--memory", str(faces), *more]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout)


def measure_memory(faces: int, at_once: int) -> None:
    model = inference.model_fn(str(MODEL))
    if at_once:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda text: keep(model, text), [people(faces)] * at_once))
    elif faces:
        ask(model, body(*group(faces, 280)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def times(model: People, rounds: int) -> None:
    pixels = np.asarray(group(1, 280)[0])
    prompt = Prompt(*(np.array(part, np.float32) for part in (FACE[0], FACE[1])))
    encoded = model.sam.encode(pixels)
    tasks = {
        "encoder": lambda: model.sam.encode(pixels),
        "decoder": lambda: model.sam.decode(encoded, *points_of(prompt)),
    }
    for faces in GROUPS:
        image, boxes, points = group(faces, 280)
        whole = body(image, boxes, points)
        single = [body(image, [box], [of_box]) for box, of_box in zip(boxes, points, strict=True)]
        tasks[f"{faces} in one"] = lambda whole=whole: ask(model, whole)
        if faces > 1:
            tasks[f"{faces} alone"] = lambda single=single: [ask(model, each) for each in single]
    found = take_turns(rounds, tasks)
    print(f"Encoder {found['encoder'] * 1000:.0f} ms, decoder {found['decoder'] * 1000:.0f} ms a prompt.\n")
    print("| faces | one request | one request a face | one face + (n - 1) decoders | ratio | peak memory |")
    print("|---|---|---|---|---|---|")
    for faces in GROUPS:
        one = found[f"{faces} in one"]
        alone = found.get(f"{faces} alone", one)
        ideal = found["1 in one"] + (faces - 1) * found["decoder"]
        print(
            f"| {faces} | {one * 1000:.0f} ms | {alone * 1000:.0f} ms | {ideal * 1000:.0f} ms "
            f"| {one / ideal:.2f} | {peak_megabytes(faces):.0f} MB |"
        )
    print(f"\nModel loaded and warmed, no request yet: {peak_megabytes(0):.0f} MB.\n")


def keep(model: People, text: str) -> None:
    """Serve one request for heads and people."""
    inference.transform_fn(model, text, "application/json", "application/json", NoContext())


def heads_and_people(model: People, rounds: int) -> None:
    pixels = np.zeros((683, 1024, 3), np.uint8)
    texts = {count: people(count) for count in PEOPLE}
    tasks = {str(count): lambda text=text: keep(model, text) for count, text in texts.items()}
    found = take_turns(rounds, tasks | {"matte": lambda: model.matte(pixels) if model.matte else None})
    print(f"Heads and people of a photo of 1024x683 pixels; the matte alone {found['matte'] * 1000:.0f} ms.\n")
    print(f"| faces | one request | peak memory | {AT_ONCE} requests at once: peak memory |")
    print("|---|---|---|---|")
    for count in PEOPLE:
        memory = [peak_megabytes(count, "--people", str(at_once)) for at_once in (1, AT_ONCE)]
        print(f"| {count} | {found[str(count)] * 1000:.0f} ms | {memory[0]:.0f} MB | {memory[1]:.0f} MB |")
    print()


def crops(model: People, rounds: int) -> None:
    """Ten small faces in the whole photo and each in a crop of three times its box.

    The reference is the mask of the same face at the photo's full resolution, brought down to its size here.
    """
    head = group(1, 800)
    ((left, top, right, bottom),) = head[1]
    fine = Image.fromarray(ask(model, body(*head))[round(top) : round(bottom), round(left) : round(right)])
    print("| face's box | whole photo: IoU | crop: IoU | whole photo, 10 faces | 10 crops |")
    print("|---|---|---|---|---|")
    for side in (40, 80, 160):
        image, boxes, points = group(10, side)
        pieces = [crop(image, box, of_box) for box, of_box in zip(boxes, points, strict=True)]
        text = body(image, boxes, points)
        requests = [body(piece, *prompt) for piece, _, prompt in pieces]
        masks = {}

        def whole(text=text, masks=masks) -> None:
            masks["whole"] = ask(model, text)

        def each(requests=requests, masks=masks) -> None:
            masks["crops"] = [ask(model, request) for request in requests]

        found = take_turns(rounds, {"whole": whole, "crops": each})
        scores = {"whole": [], "crops": []}
        for box, (_, (x, y), _), mask in zip(boxes, pieces, masks["crops"], strict=True):
            l, t, r, b = (round(edge) for edge in box)
            wanted = np.asarray(fine.resize((r - l, b - t)))
            scores["whole"].append(iou(masks["whole"][t:b, l:r], wanted))
            scores["crops"].append(iou(mask[t - y : b - y, l - x : r - x], wanted))
        width, height = (round(boxes[0][k + 2] - boxes[0][k]) for k in (0, 1))
        print(
            f"| {width}x{height} | {np.mean(scores['whole']):.3f} | {np.mean(scores['crops']):.3f} "
            f"| {found['whole'] * 1000:.0f} ms | {found['crops'] * 1000:.0f} ms |"
        )


def crop(image: Image.Image, box: list, points: list) -> tuple:
    """Cut out three times the box: the piece, its corner in the photo, and the prompt in the piece's coordinates."""
    l, t, r, b = box
    area = (
        max(0, round(2 * l - r)),
        max(0, round(2 * t - b)),
        min(image.width, round(2 * r - l)),
        min(image.height, round(2 * b - t)),
    )
    corner = np.array(area[:2])
    shifted = (np.array(box).reshape(2, 2) - corner).ravel().tolist()
    return image.crop(area), area[:2], ([shifted], [(np.array(points) - corner).tolist()])


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two bool masks of one shape."""
    return (a & b).sum() / (a | b).sum()


def machine() -> str:
    """The processor's name, how many of its cores may be used, and the day."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.machine()
    cores = len(os.sched_getaffinity(0))
    return f"{name}, {cores} cores, Python {platform.python_version()}, {date.today()}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sam", description="Measure Segment Anything.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is timed")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)  # a process of its own for one peak
    parser.add_argument("--people", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--heads", action="store_true", help="heads and people only")
    options = parser.parse_args()
    if options.memory is not None:
        return measure_memory(options.memory, options.people)
    print(machine() + f", load {os.getloadavg()[0]:.1f} at the start\n")
    model = inference.model_fn(str(MODEL))
    heads_and_people(model, options.rounds)
    if options.heads:
        return
    times(model, options.rounds)
    crops(model, rounds=1)  # twenty encodings a round, and what is compared differs tenfold


if __name__ == "__main__":
    main()
