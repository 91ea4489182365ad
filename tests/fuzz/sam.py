"""Requests to the SAM endpoint, right and wrong ones, each made from a seed and a number, through `transform_fn`.

The model is a tiny export (`tests.support.tiny_sam`): what is attacked is all that lies before and behind it.
"""

import base64
import io
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from local.standins import sagemaker
from sam_model import inference
from sam_model.serving.people import People
from tests.fuzz import images
from tests.fuzz.workers import Outcome
from tests.support import tiny_sam

NUMBERS = (
    0, -0.0, 1, -1, 0.5, 79, 120, 121, 1e9, -1e9, 1e-30, 1e30, -1e30, 2**31, 2**63, 10**40, float("nan"), float("inf"),
    float("-inf"),
)  # fmt: skip
OTHERS = (None, True, False, "", "12", "NaN", [], {}, [[]], {"x": 1}, "\ud800", [None] * 4)
TYPES = ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/json", "image/jpeg", "", None)
ACCEPTS = ("application/json", "*/*", "", "application/*;q=0.1", "image/png", "text/html, */*", ",,;")


@dataclass(frozen=True)
class Sent:
    what: str
    data: bytes
    content_type: str | None
    accept: str
    size: tuple[int, int] | None
    """Of the image, if it is a good one."""


def make(seed: int, number: int) -> Sent:
    """The request of this number."""
    rng = random.Random(f"{seed}/{number}")
    what = ("right", "image", "numbers", "shape", "many", "body", "headers")[number % 7]
    size = rng.randrange(1, 200), rng.randrange(1, 200)
    fields = {"encode_image": _image(size)} | (_prompts(rng, size) if rng.random() < 0.5 else _faces(rng, size))
    content_type, accept = TYPES[0], ACCEPTS[0]
    known: tuple[int, int] | None = size
    if what == "image":
        fields["encode_image"], known = _bad_image(rng), None
    elif what == "numbers":
        for _ in range(rng.randrange(1, 4)):
            _set_somewhere(fields, rng.choice(NUMBERS + OTHERS), rng)
    elif what == "shape":
        _misshape(fields, rng)
        known = size if fields.get("encode_image") == _image(size) else None
    elif what == "many":
        count = rng.choice((1, 99, 100, 101, 5000))
        fields = _many(rng, size, count, keep="keep" in fields)
    elif what == "headers":
        content_type, accept = rng.choice(TYPES), rng.choice(ACCEPTS)
    body = json.dumps(fields).encode()
    if what == "body":
        body, known = _bad_body(body, rng), None
    return Sent(what, body, content_type, accept, known)


@cache
def _image(size: tuple[int, int]) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _box(rng: random.Random, size: tuple[int, int]) -> list[float]:
    (l, r), (t, b) = (sorted((rng.uniform(-0.2, 1.2) * side, rng.uniform(-0.2, 1.2) * side)) for side in size)
    if rng.random() < 0.2:
        r = l + 10 ** rng.uniform(-6, 0)  # next to nothing
    return [l, t, r, b]


def _prompts(rng: random.Random, size: tuple[int, int]) -> dict:
    if rng.random() < 0.3:
        return {"input_box": _box(rng, size)}
    count = rng.randrange(1, 5)
    points = [[[rng.uniform(-50, 250), rng.uniform(-50, 250)] for _ in range(rng.randrange(6))] for _ in range(count)]
    return {"input_boxes": [_box(rng, size) for _ in range(count)], "input_points": points}


def _faces(rng: random.Random, size: tuple[int, int]) -> dict:
    """The fields of a request for heads and people."""
    keep = rng.choice((["head"], ["person"], ["head", "person"], ["person", "head"]))
    fields = {"keep": keep, "faces": [_face(rng, size) for _ in range(rng.randrange(1, 4))]}
    return fields | ({"seconds": rng.choice((0, 0.001, 9.0, 1e6))} if rng.random() < 0.5 else {})


def _face(rng: random.Random, size: tuple[int, int]) -> dict:
    left, top, right, bottom = box = _box(rng, size)
    names = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight", "chinBottom")
    return {"box": box, "landmarks": {name: [rng.uniform(left, right), rng.uniform(top, bottom)] for name in names}}


def _many(rng: random.Random, size: tuple[int, int], count: int, keep: bool) -> dict:
    if keep:
        face = _face(rng, size)
        return {"encode_image": _image(size), "keep": ["head"], "faces": [face] * count, "seconds": 0.1}
    boxes, points = [_box(rng, size) for _ in range(count)], [[1, 1]] * rng.choice((0, 1, 63, 64, 65))
    return {"encode_image": _image(size), "input_boxes": boxes, "input_points": [points] * count}


def _set_somewhere(fields: dict, value: object, rng: random.Random) -> None:
    """Puts a value in place of a box, a face, a point, or one of their numbers."""
    place, key = fields, rng.choice([name for name in fields if name != "encode_image"])
    while isinstance(place[key], list | dict) and place[key] and rng.random() < 0.8:
        place = place[key]
        key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
    place[key] = value


def _misshape(fields: dict, rng: random.Random) -> None:
    """A field goes, comes twice in another shape, or holds something else."""
    match rng.randrange(5):
        case 0:
            del fields[rng.choice(list(fields))]
        case 1:
            fields[rng.choice(list(fields))] = rng.choice(OTHERS)
        case 2:
            fields |= {"input_box": [1, 1, 9, 9], "input_boxes": [[1, 1, 9, 9]]}
        case 3:
            fields["input_points"] = rng.choice(([], [[]] * 7, [[[1, 1, 1]]], [[[1]]], [[1, 1]], {"0": []}, "x"))
        case _:
            fields["more"] = "x" * rng.randrange(100_000)


def _bad_image(rng: random.Random) -> str:
    match rng.randrange(4):
        case 0:
            return rng.choice(("", "?", "aGVsbG8=", "data:image/png;base64,AAAA", "\ud800", "ü", " ", "A" * 1_000_001))
        case 1:  # a bomb: 16 to 3,600 megapixels
            side = rng.choice((4096, 4097, 20_000, 60_000))
            head = side.to_bytes(4) * 2 + b"\1\0\0\0\0"
            png = images.join("PNG", [(b"IHDR", head), (b"IDAT", b"x\x9c"), (b"IEND", b"")])
            return base64.b64encode(png).decode()
        case _:
            return base64.b64encode(images.make(rng.randrange(1000), rng.randrange(1000)).data).decode()


def _bad_body(body: bytes, rng: random.Random) -> bytes:
    bodies = (
        b"", b"null", b"[]", b"1", b'"x"', b"{", b"[" * 200_000, b'{"a":' * 200_000, b"9" * 6000, b"\xff\xfe{}", b"\0",
        b"NaN", rng.randbytes(100), body[: rng.randrange(len(body))], body.decode().encode("utf-16"),
        body.decode().encode("utf-32"), b"\xef\xbb\xbf" + body, body[:-1] + b',"input_box":[1e999,0,1,1]}',
        body[:-1] + b',"encode_image":"x"}',
    )  # fmt: skip
    return rng.choice(bodies)


@cache
def _model() -> People:
    with tempfile.TemporaryDirectory() as folder:
        return inference.model_fn(str(tiny_sam.export(Path(folder), qualities=[0.5], matte=True)))


def attempt(seed: int, number: int) -> Outcome:
    """The request of this number, answered: a mask of the image's size, or 4xx with a sentence."""
    sent = make(seed, number)
    context = sagemaker.Context()
    text = inference.transform_fn(_model(), sent.data, sent.content_type, sent.accept, context)
    return Outcome(sent.what, str(context.status), "; ".join(_faults(sent, context.status, json.loads(text))))


def _faults(sent: Sent, status: int, answer: dict) -> Iterator[str]:
    if status == 200:
        alphas = answer.get("alpha_images", {})
        for text in [*alphas.values(), *([answer["mask_image"]] if "mask_image" in answer else [])]:
            with Image.open(io.BytesIO(base64.b64decode(text))) as mask:
                if (mask.format, mask.mode) != ("PNG", "L" if alphas else "RGB") or sent.size not in (None, mask.size):
                    yield f"the mask is {mask.format} {mask.mode} {mask.size}, the image {sent.size}"
                if not alphas and not set(np.unique(np.asarray(mask))) <= {0, 255}:
                    yield "the mask is not black and white"
        if not alphas and "mask_image" not in answer:
            yield "the answer has neither a mask nor an alpha"
    elif status not in (400, 406, 413, 415):
        yield f"HTTP {status}"
    elif answer.keys() != {"code", "message"} or answer["code"] != status or not answer["message"].endswith("."):
        yield f"the answer is {answer}"
    elif "Traceback" in answer["message"] or len(answer["message"]) > 200:
        yield "the message is no sentence"
