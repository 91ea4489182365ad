"""Whole-person matte by MediaPipe's selfie segmentation, for the Bedrock stand-in."""

import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

MODEL = Path(__file__).parents[2] / "models" / "matte" / "selfie_segmentation.tflite"
SIDE = 256  # the model's fixed input: 1 x 256 x 256 x 3, 0..1
GUIDE_SIDE = 640  # the edge is refined at this size and enlarged: a person's outline holds no more

Window = tuple[int, int, int, int]


class Matte:
    """The loaded model. Calls may come from several threads."""

    def __init__(self, model: Path = MODEL):
        """Load the model; raises FileNotFoundError with the way to get it."""
        if not model.is_file():
            raise FileNotFoundError(f"{model} is missing; `make setup` fetches it")
        self._interpreter = Interpreter(str(model), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._lock = threading.Lock()

    def person_matte(self, pixels: np.ndarray, closer: Iterable[Window] = ()) -> np.ndarray:
        """How much each pixel belongs to a person.

        `pixels` is uint8 HxWx3 RGB; the matte is float32 HxW, 0..1. The model sees the photo as a whole, squares
        along its longer side if it is far from square, and the windows `closer` (left, top, right, bottom in
        pixels), for example round small faces. Of the mattes found in these the largest counts for each pixel; a
        window's weight falls towards its borders.
        """
        height, width = pixels.shape[:2]
        scale = min(1.0, GUIDE_SIDE / max(height, width))
        small = Image.fromarray(pixels).resize(
            (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX
        )
        found = self._infer(pixels, (0, 0, width, height), small.size, scale)
        for window in [*_squares(width, height), *closer]:
            left, top, right, bottom = (round(v * scale) for v in window)
            if right - left < 8 or bottom - top < 8:
                continue
            weight = np.minimum.outer(
                _window_weight(top, bottom, small.height), _window_weight(left, right, small.width)
            )
            part = self._infer(pixels, window, (right - left, bottom - top), scale)
            found[top:bottom, left:right] = np.maximum(found[top:bottom, left:right], weight * part)
        guide = np.asarray(small.convert("L"), np.float32) / 255
        refined = guided_filter(guide, found, max(2, GUIDE_SIDE // 100), 1e-3)
        alpha = Image.fromarray(np.clip((refined - 0.18) / 0.64, 0, 1)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        return np.clip(np.asarray(alpha, np.float32), 0, 1)

    def _infer(self, pixels: np.ndarray, window: Window, size: tuple[int, int], scale: float) -> np.ndarray:
        """The model's answer for a window of the photo, resampled to `size` (width, height)."""
        left, top, right, bottom = window
        crop = Image.fromarray(pixels[top:bottom, left:right]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        tensor = np.asarray(crop, np.float32)[None] / 255
        with self._lock:
            self._interpreter.set_tensor(self._input, tensor)
            self._interpreter.invoke()
            answer = self._interpreter.get_tensor(self._output)[0, :, :, 0]
        return np.array(Image.fromarray(answer).resize(size, Image.Resampling.BICUBIC))


def _squares(width: int, height: int) -> list[Window]:
    """Overlapping squares along the longer side of a photo that is far from square."""
    short, long = sorted((width, height))
    if long < 1.3 * short:
        return []
    count = int(np.ceil(1.6 * long / short)) - 1
    starts = np.linspace(0, long - short, count).round().astype(int)
    return [(s, 0, s + short, short) if width > height else (0, s, short, s + short) for s in starts.tolist()]


def _window_weight(start: int, end: int, length: int) -> np.ndarray:
    """Weight from `start` to `end` of a side: 1 inside and at the photo's own borders, else falling to 0.02."""
    at = (np.arange(end - start, dtype=np.float32) + 0.5) / (end - start)
    rising = np.ones_like(at) if start <= 0 else 4 * at
    falling = np.ones_like(at) if end >= length else 4 * (1 - at)
    return np.clip(np.minimum(rising, falling), 0.02, 1)


def guided_filter(guide: np.ndarray, field: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Edge-preserving smoothing: `field` follows the edges of `guide` (both float32 HxW, 0..1).

    He, Sun, Tang, "Guided Image Filtering" (2013), equations 5, 6 and 8.
    """
    mean_guide, mean_field = box_mean(guide, radius), box_mean(field, radius)
    covariance = box_mean(guide * field, radius) - mean_guide * mean_field
    variance = box_mean(guide * guide, radius) - mean_guide**2
    a = covariance / (variance + epsilon)
    b = mean_field - a * mean_guide
    return box_mean(a, radius) * guide + box_mean(b, radius)


def box_mean(field: np.ndarray, radius: int) -> np.ndarray:
    """Mean over the (2 radius + 1) square round each pixel, borders repeated. HxW, float32."""
    window = 2 * radius + 1
    for axis in (0, 1):
        pad = [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)]
        sums = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis, dtype=np.float64)
        length = field.shape[axis]
        field = (np.take(sums, range(window, window + length), axis) - np.take(sums, range(length), axis)) / window
    return field.astype(np.float32)
