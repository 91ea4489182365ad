"""Segment Anything as a SageMaker endpoint: the two functions that SageMaker's serving containers call.

The PyTorch container (sagemaker-pytorch-inference on TorchServe) and the Hugging Face container (multi-model-server)
load this file as ``code/inference.py``, call `model_fn` once in each worker and `transform_fn` for each request.

Stand-alone: numpy, Pillow and ONNX Runtime only. The model directory holds ``encoder.onnx`` (1x3xSxS float32 in,
image embedding out) and ``decoder.onnx`` with the interface of Segment Anything's official ONNX export, so any
member of the family drops in. What else the encoder gives, the decoder may take under the same name, as HQ-SAM's
takes ``interm_embeddings``.

Request (application/json); all coordinates are pixels of the image as it is sent, EXIF orientation not applied:

    {"encode_image": "<base64 JPEG, PNG or WebP>", "input_box": [left, top, right, bottom]}
    {"encode_image": "...", "input_boxes": [[l, t, r, b], ...], "input_points": [[[x, y], ...], ...]}

``input_points`` is optional: one list for each box, possibly empty, of points that belong to the object (landmarks
of the face). The image is encoded once, each prompt is decoded by itself, and the answer is the union of the masks:

    {"mask_image": "<base64 PNG>"}        RGB, of the image's size; black = face, white = the rest

A request that can't be served is answered with HTTP 400, 406, 413 or 415, a failure of the model with 500, and

    {"code": 400, "message": "Box 0 lies outside the image."}
"""

import base64
import binascii
import io
import json
import logging
import math
import os
import threading
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import numpy as np
from PIL import Image

# From 1.29 on ONNX Runtime reports its use to Microsoft; it looks at this when it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

MAX_PIXELS = 4096 * 4096  # decoded 50 MB; the encoder sees 1024x1024, so more pixels bring nothing
MAX_PROMPTS = 100  # as many faces as one DetectFaces call can return
MAX_POINTS = 64  # for each prompt; detectors give 5 to 30 landmarks
# A mask may leave its box by this share of the box's width and height on each side. Face boxes run from the
# forehead to the chin and cut the ears, the hairline and the tip of the chin; what lies farther out is hat, neck
# or a neighbour.
BOX_MARGIN = 0.25
# Outlines are smoothed over this share of the box's width: hair, stubble and shadow fray them more finely than that.
SMOOTH = 0.02
# Logits beyond this are as good as certain. Left as they are, the model's +15 here and -30 there would outvote each
# other where the outline is smoothed and enlarged.
CERTAIN = 4
# ImageNet statistics, with which every Segment Anything encoder was trained (RGB, 0..255).
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
BOX_CORNERS = [2, 3]  # the decoder's point labels: top left and bottom right corner of a box,
FOREGROUND = 1  # and a point on the object
DECODER_INPUTS = {
    "image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size",
}  # fmt: skip


logger = logging.getLogger(__name__)


class BadRequest(ValueError):
    """The request can't be served as it is; ``status_code`` is the HTTP status (4xx) that says so."""

    def __init__(self, message: str, status_code: int = 400):
        super().__init__(message)
        self.status_code = status_code


@dataclass(frozen=True)
class Prompt:
    """One object to segment, in pixels of the sent image.

    ``box``: float32 (4,) left, top, right, bottom, clamped to the image. ``points``: float32 (n, 2) x, y.
    """

    box: np.ndarray
    points: np.ndarray


@dataclass(frozen=True)
class Request:
    """A checked request: ``pixels`` uint8 (height, width, 3) RGB, and at least one prompt."""

    pixels: np.ndarray
    prompts: list[Prompt]


class SegmentAnything:
    """Encoder and decoder of one export. Several threads may call `masks` at the same time."""

    def __init__(self, model_dir: str | Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _threads()
        # Threads that wait for work would take cores from other workers: a sixth more processor time on busy ones.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        available = onnxruntime.get_available_providers()
        providers = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in available]
        self.encoder, self.decoder = (
            onnxruntime.InferenceSession(Path(model_dir) / name, options, providers)
            for name in ("encoder.onnx", "decoder.onnx")
        )
        # The provider that is there may still fail to start (a driver too old); ONNX Runtime then takes the next.
        logger.info("%s with %d threads", self.encoder.get_providers()[0], options.intra_op_num_threads)
        source = self.encoder.get_inputs()[0]
        if len(source.shape) != 4 or source.shape[1] != 3 or not isinstance(source.shape[3], int):
            raise ValueError(f"encoder.onnx takes {source.shape}; wanted is [batch, 3, size, size]")
        found = {value.name for value in self.decoder.get_inputs()}
        self.extras = [value.name for value in self.encoder.get_outputs()[1:] if value.name in found]
        if found != DECODER_INPUTS.union(self.extras):
            raise ValueError(f"decoder.onnx takes {sorted(found)}; wanted are {sorted(DECODER_INPUTS)}")
        self.input_name = source.name
        self.size = source.shape[3]
        # One encoding uses every core and some 500 MB. Two at once are no faster, only larger.
        self.encoding = threading.Lock()

    def masks(self, pixels: np.ndarray, prompts: list[Prompt]) -> np.ndarray:
        """Return the union of the prompts' masks, bool (height, width), for uint8 RGB ``pixels``."""
        height, width = pixels.shape[:2]
        scale = self.size / max(height, width)
        embeddings = self._encode(pixels, scale)
        union = np.zeros((height, width), bool)
        for prompt in prompts:
            left, top, right, bottom = reach = _reach(prompt.box, width, height)
            logits = self._decode(embeddings, prompt, scale, (height, width))
            union[top:bottom, left:right] |= _clean(logits, prompt, reach, len(logits) / max(height, width))
        return union

    def _encode(self, pixels: np.ndarray, scale: float) -> dict[str, np.ndarray]:
        """Embed the image: long side to the encoder's size, normalised, padded right and bottom with 0.

        Returns the embedding, float32 (1, c, size/16, size/16), and the extras, under the decoder's names for them.
        """
        height, width = pixels.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        resized = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR), np.float32)
        padded = np.zeros((1, 3, self.size, self.size), np.float32)
        padded[0, :, : size[1], : size[0]] = ((resized - MEAN) / STD).transpose(2, 0, 1)
        with self.encoding:
            embedding, *extras = self.encoder.run(
                [self.encoder.get_outputs()[0].name, *self.extras], {self.input_name: padded}
            )
        return {"image_embeddings": embedding, **dict(zip(self.extras, extras, strict=True))}

    def _decode(self, embeddings: dict[str, np.ndarray], prompt: Prompt, scale: float, shape: tuple) -> np.ndarray:
        """Return the best mask's logits for one prompt: float32 (s, s) over the padded square, > 0 inside.

        The decoder's low resolution masks (a quarter of the encoder's size) are taken: enlarging its logits to
        the photo for each prompt is the decoder's slowest step, and only the surroundings of the box are wanted.
        """
        points = np.concatenate([prompt.points, prompt.box.reshape(2, 2)]) * scale
        labels = [FOREGROUND] * len(prompt.points) + BOX_CORNERS
        earlier = (1, 1, *(4 * side for side in embeddings["image_embeddings"].shape[2:]))
        low, quality = self.decoder.run(
            ["low_res_masks", "iou_predictions"],
            {
                **embeddings,
                "point_coords": points[None].astype(np.float32),
                "point_labels": np.array([labels], np.float32),
                "mask_input": np.zeros(earlier, np.float32),
                "has_mask_input": np.zeros(1, np.float32),
                "orig_im_size": np.array(shape, np.float32),
            },
        )
        return low[0, int(quality[0].argmax())]


def model_fn(model_dir: str) -> SegmentAnything:
    """Load the export in ``model_dir`` and run it once, so that the first visitor doesn't wait for allocations.

    Raises ONNX Runtime's errors for missing or broken files and `ValueError` for a foreign interface.
    """
    _keep_bodies_as_bytes()
    model = SegmentAnything(model_dir)
    box = np.array([8, 8, 56, 56], np.float32)
    model.masks(np.zeros((64, 64, 3), np.uint8), [Prompt(box, np.zeros((0, 2), np.float32))])
    return model


def transform_fn(model: SegmentAnything, body: bytes | str, content_type: str | None, accept: str, context) -> str:
    """Answer one request: return the answer's JSON text and set its HTTP status in ``context`` unless it is 200.

    The status goes through the serving toolkit's ``context`` because none of them answers an exception well:
    sagemaker-inference appends the stack trace to its own error class's message and makes 500 of all others, the
    Hugging Face toolkit makes 400 of everything, a failing model included.
    """
    try:
        request = read_request(body, content_type)
        check_accept(accept)
        return write_answer(model.masks(request.pixels, request.prompts))
    except BadRequest as problem:
        status, message = problem.status_code, str(problem)
    except Exception:
        logger.exception("The model failed.")
        status, message = 500, "The model failed. The endpoint's log says why."
    context.set_response_status(status, HTTPStatus(status).phrase)
    return json.dumps({"code": status, "message": message})


def read_request(body: bytes | str, content_type: str | None) -> Request:
    """Check and decode a request in the format given at the top of this module. Raises `BadRequest`."""
    if _media_type(content_type) != "application/json":
        raise BadRequest(f"Content type {content_type!r} is not supported; send application/json.", 415)
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):  # also bytes that are no UTF-8, and a hundred thousand brackets
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(fields, dict):
        raise BadRequest("The body must be a JSON object.")
    pixels = _pixels(fields.get("encode_image"))
    return Request(pixels, _prompts(fields, width=pixels.shape[1], height=pixels.shape[0]))


def check_accept(accept: str) -> None:
    """Raise `BadRequest` (406) if the caller accepts no JSON."""
    kinds = {_media_type(kind) for kind in accept.split(",")}
    if not kinds & {"application/json", "application/*", "*/*", ""}:
        raise BadRequest(f"The answer can't be had as {accept!r}; accept application/json.", 406)


def write_answer(mask: np.ndarray) -> str:
    """Return the answer's JSON text for ``mask``: bool (height, width), True on the faces."""
    image = Image.fromarray(np.where(mask, np.uint8(0), np.uint8(255))).convert("RGB")
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # flat areas: higher levels take longer and gain next to nothing
    return json.dumps({"mask_image": base64.b64encode(file.getvalue()).decode()})


def _keep_bodies_as_bytes() -> None:
    """Have sagemaker-inference, if it is the toolkit, hand over JSON bodies as they came.

    It decodes them itself before it calls `transform_fn`, and answers a body that is no UTF-8 with its stack trace.
    """
    try:
        from sagemaker_inference.content_types import UTF8_TYPES
    except ImportError:
        return
    UTF8_TYPES[:] = [kind for kind in UTF8_TYPES if kind != "application/json"]


def _threads() -> int:
    """Return how many threads one inference may use: this worker's share of the cores.

    A container can be allowed fewer cores than the machine has. SAGEMAKER_TS_MAX_WORKERS says how many workers
    TorchServe starts, SAGEMAKER_MODEL_SERVER_WORKERS how many multi-model-server does; an entry point of AWS's PyTorch
    container sets the latter to the number of cores, whatever it was. 1 answers a visitor soonest, and more bring no
    more a second.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = os.environ.get("SAGEMAKER_TS_MAX_WORKERS") or os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1
    return max(1, cores // int(workers))


def _media_type(header: str | None) -> str:
    return (header or "").split(";")[0].strip().lower()


def _pixels(encoded: object) -> np.ndarray:
    """Decode ``encode_image`` to uint8 (height, width, 3) RGB."""
    if not isinstance(encoded, str) or not encoded:
        raise BadRequest("encode_image is missing: send the image as base64 text.")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("encode_image is not base64.") from None
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadRequest(
                    f"The image has {image.width}x{image.height} pixels; at most {MAX_PIXELS} are accepted.", 413
                )
            return np.asarray(image.convert("RGB"))
    except Image.DecompressionBombError:
        raise BadRequest(f"The image has too many pixels; at most {MAX_PIXELS} are accepted.", 413) from None
    except BadRequest:
        raise
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for foreign, broken and truncated files
        raise BadRequest("encode_image is not a whole JPEG, PNG or WebP image.") from None


def _prompts(fields: dict, width: int, height: int) -> list[Prompt]:
    """Read input_box or input_boxes, and input_points."""
    if ("input_box" in fields) == ("input_boxes" in fields):
        raise BadRequest("Send either input_box or input_boxes.")
    boxes = [fields["input_box"]] if "input_box" in fields else fields["input_boxes"]
    if not isinstance(boxes, list) or not boxes:
        raise BadRequest("input_boxes must be a list of at least one box.")
    if len(boxes) > MAX_PROMPTS:
        raise BadRequest(f"{len(boxes)} boxes were sent; at most {MAX_PROMPTS} are accepted.")
    points = fields.get("input_points", [[] for _ in boxes])
    if not isinstance(points, list) or len(points) != len(boxes):
        raise BadRequest(f"input_points must hold one list for each of the {len(boxes)} boxes.")
    limits = np.array([width, height], np.float32)
    return [
        Prompt(_box(box, number, limits), _points(of_box, number, limits))
        for number, (box, of_box) in enumerate(zip(boxes, points, strict=True))
    ]


def _box(value: object, number: int, limits: np.ndarray) -> np.ndarray:
    """Read one box and clamp it to the image, which detectors' boxes may overhang."""
    corners = _numbers(value, 4)
    if corners is None:
        raise BadRequest(f"Box {number} must be four finite numbers: left, top, right, bottom.")
    start, end = corners.reshape(2, 2)
    if not (start < end).all():
        raise BadRequest(f"Box {number} is empty: left must be less than right, and top less than bottom.")
    start, end = np.clip(start, 0, limits), np.clip(end, 0, limits)
    if not (start < end).all():
        raise BadRequest(f"Box {number} lies outside the image.")
    return np.concatenate([start, end])


def _points(value: object, number: int, limits: np.ndarray) -> np.ndarray:
    """Read one box's points. Points outside the image are left out: the model sees nothing there."""
    if not isinstance(value, list) or len(value) > MAX_POINTS:
        raise BadRequest(f"The points of box {number} must be a list of at most {MAX_POINTS} points.")
    points = [_numbers(point, 2) for point in value]
    if any(point is None for point in points):
        raise BadRequest(f"Each point of box {number} must be two finite numbers: x, y.")
    array = np.array(points, np.float32).reshape(-1, 2)
    return array[((array >= 0) & (array < limits)).all(axis=1)]


def _numbers(value: object, count: int) -> np.ndarray | None:
    """Return ``value`` as float32 (count,), or None if it is anything but that many finite numbers."""
    if not isinstance(value, list) or len(value) != count or any(type(item) not in (int, float) for item in value):
        return None
    if not all(abs(item) < 1e9 for item in value):  # false for NaN and the infinities as well
        return None
    return np.array(value, np.float32)


def _reach(box: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """Return where the mask of ``box`` may lie, in whole pixels: left, top, right, bottom."""
    left, top, right, bottom = (float(side) for side in box)
    across, down = BOX_MARGIN * (right - left), BOX_MARGIN * (bottom - top)
    return (
        max(0, math.floor(left - across)),
        max(0, math.floor(top - down)),
        min(width, math.ceil(right + across)),
        min(height, math.ceil(bottom + down)),
    )


def _clean(logits: np.ndarray, prompt: Prompt, reach: tuple, scale: float) -> np.ndarray:
    """Turn logits over the padded square into the prompt's mask within ``reach``: bool, of the reach's size.

    The outline is smoothed. Kept are the pieces under the prompt's points and the largest piece, with their holes
    filled; the rest is dropped. This is done on the logits' own grid (``scale`` cells for a pixel), where it takes a
    few milliseconds whatever the photo's size, and enlarged afterwards.
    """
    left, top, right, bottom = reach
    x0, y0 = math.floor(left * scale), math.floor(top * scale)
    x1, y1 = math.ceil(right * scale), math.ceil(bottom * scale)
    cells = _smooth(logits[y0:y1, x0:x1], max(0.5, SMOOTH * float(prompt.box[2] - prompt.box[0]) * scale))
    inside = cells > 0
    pieces = _pieces(inside)
    kept = np.zeros(pieces.max() + 1, bool)
    kept[np.bincount(pieces[inside], minlength=1).argmax()] = True
    for x, y in (prompt.points * scale).astype(int):
        if x0 <= x < x1 and y0 <= y < y1:
            kept[pieces[y - y0, x - x0]] = True
    kept[0] = False  # the background's number
    wanted = _fill_holes(kept[pieces])
    cells[inside & ~wanted] = -CERTAIN
    cells[wanted & ~inside] = CERTAIN
    logits = logits.copy()
    logits[y0:y1, x0:x1] = cells
    area = (left * scale, top * scale, right * scale, bottom * scale)
    enlarged = Image.fromarray(logits).resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=area)
    return np.asarray(enlarged) > 0


def _smooth(cells: np.ndarray, sigma: float) -> np.ndarray:
    """Return the logits (h, w), cut off at CERTAIN, under a Gaussian of ``sigma`` cells; the border is continued."""
    radius = math.ceil(2 * sigma)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    cells = np.clip(cells, -CERTAIN, CERTAIN)
    for axis in (0, 1):
        padded = np.pad(cells, [(radius, radius) if axis == each else (0, 0) for each in (0, 1)], "edge")
        cells = np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis) @ weights
    return cells


def _fill_holes(mask: np.ndarray) -> np.ndarray:
    """Return the bool ``mask`` with everything filled that the background can't reach from outside."""
    background = _pieces(np.pad(~mask, 1, constant_values=True))
    return (background != background[0, 0])[1:-1, 1:-1]


def _pieces(mask: np.ndarray) -> np.ndarray:
    """Number the 4-connected pieces of the bool (h, w) ``mask`` from 1; int (h, w), 0 where the mask is False.

    Joins the runs of each row with the runs they touch in the row above (union-find over runs).
    """
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    run_rows, run_starts = np.nonzero(edges == 1)
    run_ends = np.nonzero(edges == -1)[1]
    rows, starts, ends = run_rows.tolist(), run_starts.tolist(), run_ends.tolist()  # lists loop faster
    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    above = 0
    for run, row in enumerate(rows):
        while rows[above] < row - 1 or (rows[above] == row - 1 and ends[above] <= starts[run]):
            above += 1
        touching = above
        while rows[touching] == row - 1 and starts[touching] < ends[run]:
            parent[root(touching)] = root(run)
            touching += 1
    numbers = np.unique([root(run) for run in range(len(rows))], return_inverse=True)[1] + 1
    pieces = np.zeros(mask.shape, np.intp)
    pieces[mask] = np.repeat(numbers, run_ends - run_starts)
    return pieces
