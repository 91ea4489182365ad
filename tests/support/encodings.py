"""Segment Anything that encodes each photo once: of all that a request takes, nothing takes longer."""

import copy

import numpy as np

from sam_model.serving.people import People


def remembering(model: People) -> People:
    """The model with a memory of what it has encoded; the given one keeps none."""
    seen = {}

    def encode(pixels: np.ndarray):
        name = (pixels.shape, pixels.tobytes())
        if name not in seen:
            seen[name] = model.sam.encode(pixels)
        return seen[name]

    remembering = copy.copy(model)
    remembering.sam = copy.copy(model.sam)
    remembering.sam.encode = encode
    return remembering
