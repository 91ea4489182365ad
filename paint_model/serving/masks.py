"""What of a photo the models get to see, and what they paint."""

import numpy as np

from paint_model.serving.protocol import BLOCK

GREY = 128


def blocks(mask: np.ndarray) -> np.ndarray:
    """Return ``mask``, bool (height, width), with each block of 16 x 16 True of which any pixel is.

    FLUX.2 looks at a block's centre only, and SDXL at one pixel of 8 x 8: what is small would stay as it was.
    """
    height, width = mask.shape
    by_block = mask.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).any(axis=(1, 3))
    return by_block.repeat(BLOCK, 0).repeat(BLOCK, 1)


def without_painted(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return ``pixels`` with grey where they are painted: what is to go can't show through the encoder's wide view."""
    return np.where(mask[..., None], np.uint8(GREY), pixels)
