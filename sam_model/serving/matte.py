"""MODNet in ONNX Runtime: which part of each pixel people cover, hair included."""

from pathlib import Path

import numpy as np
from PIL import Image

from sam_model.serving.segment_anything import open_session

SHORT_SIDE = 512
"""Of the model's input, in pixels: what MODNet was trained with."""
LONG_SIDE = 1024  # at most; a longer photo is seen smaller
HAZE = 0.02  # below this the model means nothing, above 1 - HAZE all: pixels inside people stay exact
STRIDE = 32  # the model halves its input five times


class Matte:
    """The loaded model. Several threads may call it."""

    def __init__(self, path: Path):
        """Raises ONNX Runtime's errors for missing or broken files and `ValueError` for another interface."""
        self.session = open_session(path, one_size=False)
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        shapes = [value.shape for value in (*inputs, *outputs)]
        if len(inputs) != 1 or len(outputs) != 1 or [len(shape) for shape in shapes] != [4, 4] or shapes[0][1] != 3:
            raise ValueError(f"{path.name} takes and gives {shapes}; wanted are [batch, 3, h, w] and [batch, 1, h, w]")
        self.input_name = inputs[0].name

    def __call__(self, pixels: np.ndarray, short_side: int = SHORT_SIDE) -> np.ndarray:
        """Return the people's share of each pixel, float32 (height, width), 0..1, for uint8 (height, width, 3) RGB."""
        height, width = pixels.shape[:2]
        scale = min(short_side / min(height, width), LONG_SIDE / max(height, width))
        across, down = (max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in (width, height))
        resized = np.asarray(Image.fromarray(pixels).resize((across, down), Image.Resampling.BILINEAR), np.float32)
        tensor = ((resized - 127.5) / 127.5).transpose(2, 0, 1)[None]
        found = np.asarray(self.session.run(None, {self.input_name: tensor})[0])[0, 0]
        alpha = Image.fromarray(found.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
        return np.clip((np.nan_to_num(np.asarray(alpha)) - HAZE) / (1 - 2 * HAZE), 0, 1)
