"""Segment Anything in ONNX Runtime: an image and its prompts in, the union of their masks out.

The model directory holds ``encoder.onnx`` (1x3xSxS float32 in, image embedding out) and ``decoder.onnx`` with the
interface of Segment Anything's official ONNX export, so any member of the family drops in. What else the encoder
gives, the decoder may take under the same name, as HQ-SAM's takes ``interm_embeddings``.
"""

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sam_model.serving.masks import mask_bounds, mask_from_logits
from sam_model.serving.protocol import Prompt

# From 1.29 on ONNX Runtime reports its use to Microsoft; it looks at this when it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

# ImageNet statistics, with which every Segment Anything encoder was trained (RGB, 0..255).
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
BOX_CORNERS = [2, 3]  # the decoder's point labels: top left and bottom right corner of a box,
FOREGROUND = 1  # and a point on the object,
BACKGROUND = 0  # one beside it,
PADDING = -1  # and what stands for a box where there is none
DECODER_INPUTS = {
    "image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size",
}  # fmt: skip

logger = logging.getLogger(__name__)


class SegmentAnything:
    """Encoder and decoder of one ONNX export. `segment` is thread-safe."""

    def __init__(self, model_dir: str | Path):
        """Raises ONNX Runtime's errors for missing or broken files and `ValueError` for another interface."""
        self.encoder, self.decoder = (open_session(Path(model_dir) / name) for name in ("encoder.onnx", "decoder.onnx"))
        # An available provider may still fail to start (a driver too old); ONNX Runtime then takes the next.
        logger.info("%s with %d threads", self.encoder.get_providers()[0], _thread_count())
        image = self.encoder.get_inputs()[0]
        if len(image.shape) != 4 or image.shape[1] != 3 or not isinstance(image.shape[3], int):
            raise ValueError(f"encoder.onnx takes {image.shape}; wanted is [batch, 3, size, size]")
        found = {value.name for value in self.decoder.get_inputs()}
        self.extras = [value.name for value in self.encoder.get_outputs()[1:] if value.name in found]
        if found != DECODER_INPUTS.union(self.extras):
            raise ValueError(f"decoder.onnx takes {sorted(found)}; wanted are {sorted(DECODER_INPUTS)}")
        self.input_name = image.name
        self.size = image.shape[3]
        # One encoding uses every core and some 500 MB. Two at once are no faster, only larger.
        self.encoding = threading.Lock()

    def segment(self, pixels: np.ndarray, prompts: list[Prompt]) -> np.ndarray:
        """Return the union of the prompts' masks, bool (height, width), for uint8 (height, width, 3) RGB ``pixels``."""
        height, width = pixels.shape[:2]
        encoded = self.encode(pixels)
        union = np.zeros((height, width), bool)
        for prompt in prompts:
            left, top, right, bottom = bounds = mask_bounds(prompt.box, width, height)
            logits = self.decode(encoded, *points_of(prompt))
            mask = mask_from_logits(logits, prompt, bounds, len(logits) / max(height, width))
            union[top:bottom, left:right] |= mask
        return union

    def encode(self, pixels: np.ndarray) -> "Encoded":
        """Resize the image's long side to the encoder's size, normalise, pad right and bottom with 0, and embed it."""
        height, width = pixels.shape[:2]
        scale = self.size / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        resized = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR), np.float32)
        padded = np.zeros((1, 3, self.size, self.size), np.float32)
        padded[0, :, : size[1], : size[0]] = ((resized - MEAN) / STD).transpose(2, 0, 1)
        with self.encoding:
            found = self.encoder.run([self.encoder.get_outputs()[0].name, *self.extras], {self.input_name: padded})
        names = ["image_embeddings", *self.extras]
        return Encoded(dict(zip(names, map(np.asarray, found), strict=True)), scale, (height, width))

    def decode(self, encoded: "Encoded", points: np.ndarray, labels: list[int]) -> np.ndarray:
        """Return the logits of the mask of highest predicted IoU: float32 (s, s) over the padded square, > 0 inside.

        ``points``: float (n, 2), pixels of the image. The decoder's low_res_masks (a quarter of the encoder's size) are
        taken: resizing its logits to the whole image for each prompt is the decoder's slowest step, and only the
        surroundings of the box are needed.
        """
        mask_shape = (1, 1, *(4 * side for side in encoded.inputs["image_embeddings"].shape[2:]))
        inputs = {
            **encoded.inputs,
            "point_coords": (points * encoded.scale)[None].astype(np.float32),
            "point_labels": np.array([labels], np.float32),
            "mask_input": np.zeros(mask_shape, np.float32),
            "has_mask_input": np.zeros(1, np.float32),
            "orig_im_size": np.array(encoded.shape, np.float32),
        }
        logits, ious = map(np.asarray, self.decoder.run(["low_res_masks", "iou_predictions"], inputs))
        return logits[0, int(ious[0].argmax())]


@dataclass(frozen=True)
class Encoded:
    """An image as the decoder takes it.

    ``inputs``: those of the decoder's inputs that come from the encoder, by name: image_embeddings, float32
    (1, c, size/16, size/16), and the extras. ``scale``: pixels of the encoder to one of the image. ``shape``: the
    image's height and width.
    """

    inputs: dict[str, np.ndarray]
    scale: float
    shape: tuple[int, int]


def points_of(prompt: Prompt) -> tuple[np.ndarray, list[int]]:
    """Return the prompt's points and corners, float32 (n, 2), and their labels, for `SegmentAnything.decode`."""
    points = np.concatenate([prompt.points, prompt.box.reshape(2, 2)])
    return points, [FOREGROUND] * len(prompt.points) + BOX_CORNERS


def open_session(path: Path, one_size: bool = True) -> onnxruntime.InferenceSession:
    """Load a model, onto the GPU if there is one. Raises ONNX Runtime's errors for missing or broken files.

    ``one_size``: whether its inputs have always the same sizes, by which ONNX Runtime lays out its memory. For others
    that takes 130 MB more and no less time.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _thread_count()
    # Threads that spin while idle take cores from other workers: a sixth more processor time on busy ones.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    options.enable_mem_pattern = one_size
    available = onnxruntime.get_available_providers()
    providers = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in available]
    return onnxruntime.InferenceSession(path, options, providers)


def _thread_count() -> int:
    """Return how many threads one inference may use: this worker's share of the cores that the container may use.

    SAGEMAKER_TS_MAX_WORKERS says how many workers
    TorchServe starts, SAGEMAKER_MODEL_SERVER_WORKERS how many multi-model-server does; an entry point of AWS's PyTorch
    container sets the latter to the number of cores, whatever it was. 1 answers a visitor soonest, and more bring no
    more a second.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = os.environ.get("SAGEMAKER_TS_MAX_WORKERS") or os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1
    return max(1, cores // int(workers))
