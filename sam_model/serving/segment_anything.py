"""An export of Segment Anything in ONNX Runtime: an image and its prompts in, the union of their masks out.

The model directory holds ``encoder.onnx`` (1x3xSxS float32 in, image embedding out) and ``decoder.onnx`` with the
interface of Segment Anything's official ONNX export, so any member of the family drops in. What else the encoder
gives, the decoder may take under the same name, as HQ-SAM's takes ``interm_embeddings``.
"""

import logging
import os
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from sam_model.serving import masks
from sam_model.serving.protocol import Prompt

# From 1.29 on ONNX Runtime reports its use to Microsoft; it looks at this when it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

# ImageNet statistics, with which every Segment Anything encoder was trained (RGB, 0..255).
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
BOX_CORNERS = [2, 3]  # the decoder's point labels: top left and bottom right corner of a box,
FOREGROUND = 1  # and a point on the object
DECODER_INPUTS = {
    "image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size",
}  # fmt: skip

logger = logging.getLogger(__name__)


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
            left, top, right, bottom = reach = masks.reach(prompt.box, width, height)
            logits = self._decode(embeddings, prompt, scale, (height, width))
            union[top:bottom, left:right] |= masks.clean(logits, prompt, reach, len(logits) / max(height, width))
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
