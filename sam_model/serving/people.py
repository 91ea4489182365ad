"""Segment Anything and the matte in one process: masks of faces, and the alpha of heads and whole people."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sam_model.serving.heads import Decode, heads
from sam_model.serving.keep import Face, KeepRequest
from sam_model.serving.matte import Matte
from sam_model.serving.persons import complete, persons
from sam_model.serving.protocol import BadRequest, Prompt
from sam_model.serving.segment_anything import SegmentAnything

MATTE = "matte.onnx"
MAX_SIDE = 2048  # of what is worked on, in pixels: the models see less, and windows of large faces cost time


@dataclass(frozen=True)
class Alphas:
    """``images``: uint8 (height, width) by "head" or "person", 255 = kept whole; ``heads_by_matte``: how many heads
    Segment Anything was not asked for in time."""

    images: dict[str, np.ndarray]
    heads_by_matte: int


class People:
    """The models of one directory: Segment Anything, and the matte if there is one. Several threads may call it."""

    def __init__(self, model_dir: str | Path):
        """Raises ONNX Runtime's errors for missing or broken files and `ValueError` for another interface."""
        self.sam = SegmentAnything(model_dir)
        path = Path(model_dir) / MATTE
        self.matte = Matte(path) if path.exists() else None

    def segment(self, pixels: np.ndarray, prompts: list[Prompt]) -> np.ndarray:
        """As `SegmentAnything.segment`."""
        return self.sam.segment(pixels, prompts)

    def alphas(self, request: KeepRequest) -> Alphas:
        """Return the alpha of the request's modes. Raises `BadRequest` (422) without a matte.

        What needs no head is answered without Segment Anything.
        """
        if self.matte is None:
            raise BadRequest("This endpoint has no matte.", 422)
        deadline = time.monotonic() + request.seconds
        pixels, faces = shrunk(request.pixels, request.faces)
        found = {"person": persons(complete(self.matte, pixels, faces, deadline), faces)}
        by_matte = 0
        if "head" in request.keep:
            decode = self._decoder(pixels) if time.monotonic() < deadline else None
            found["head"], by_matte = heads(faces, found["person"], decode, deadline)
            found["person"] = np.maximum(found["person"], found["head"])
        size = request.pixels.shape[1], request.pixels.shape[0]
        return Alphas({mode: _image(found[mode], size) for mode in request.keep}, by_matte)

    def _decoder(self, pixels: np.ndarray) -> Decode:
        encoded = self.sam.encode(pixels)
        return lambda points, labels: self.sam.decode(encoded, points, labels)


def shrunk(pixels: np.ndarray, faces: list[Face]) -> tuple[np.ndarray, list[Face]]:
    """Return a photo, uint8 (height, width, 3), and its faces with a long side of at most `MAX_SIDE`."""
    height, width = pixels.shape[:2]
    if max(height, width) <= MAX_SIDE:
        return pixels, faces
    across, down = (max(1, round(side * MAX_SIDE / max(height, width))) for side in (width, height))
    share = np.array([across, down], np.float32) / np.array([width, height], np.float32)
    smaller = [
        Face(face.box * np.tile(share, 2), {name: mark * share for name, mark in face.landmarks.items()})
        for face in faces
    ]
    return np.asarray(Image.fromarray(pixels).resize((across, down), Image.Resampling.BOX)), smaller


def _image(alpha: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return ``alpha``, float32 (h, w), 0..1, as uint8 (height, width) of (width, height) ``size``."""
    image = Image.fromarray(np.rint(alpha * 255).astype(np.uint8))
    return np.asarray(image if image.size == size else image.resize(size, Image.Resampling.BILINEAR))
