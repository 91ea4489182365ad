"""Postprocessing of the decoder's low-resolution logits: one prompt's mask, smoothed, filled, in the image's pixels."""

import math

import numpy as np
from PIL import Image

from sam_model.serving.protocol import Prompt
from sam_model.serving.regions import fill_holes, gaussian, label

# A mask may extend beyond its box by this share of the box's width and height on each side. Face boxes run from the
# forehead to the chin and cut the ears, the hairline and the tip of the chin; what lies farther out is hat, neck
# or a neighbour.
BOX_MARGIN = 0.25
# Standard deviation of the Gaussian that smooths the outline, as a share of the box's width: hair, stubble and shadow
# fray outlines more finely than that.
SIGMA = 0.02
# Logits are clipped to this on both sides: sigmoid(4) is 0.98, as good as certain. Otherwise the model's +15 here and
# -30 there would outweigh each other where logits are blurred and interpolated.
MAX_LOGIT = 4


def mask_bounds(box: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """Return where the mask of ``box`` may lie: left, top, right, bottom in whole pixels, inside the image."""
    left, top, right, bottom = (float(side) for side in box)
    across, down = BOX_MARGIN * (right - left), BOX_MARGIN * (bottom - top)
    return (
        max(0, math.floor(left - across)),
        max(0, math.floor(top - down)),
        min(width, math.ceil(right + across)),
        min(height, math.ceil(bottom + down)),
    )


def mask_from_logits(logits: np.ndarray, prompt: Prompt, bounds: tuple[int, int, int, int], scale: float) -> np.ndarray:
    """Return the prompt's mask within ``bounds``: bool (bottom - top, right - left), True on the object.

    ``logits``: float32 (s, s) over the padded square, ``scale`` of their cells to one pixel of the image. They are
    refined at their own resolution, where it takes a few milliseconds whatever the image's size; then they are resized.
    """
    left, top, right, bottom = bounds
    area = (left * scale, top * scale, right * scale, bottom * scale)
    refined = Image.fromarray(refine(logits, prompt, bounds, scale))
    return np.asarray(refined.resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=area)) > 0


def refine(logits: np.ndarray, prompt: Prompt, bounds: tuple[int, int, int, int], scale: float) -> np.ndarray:
    """Return `mask_from_logits`' logits with those within ``bounds`` refined; the others stay as they are.

    The outline is smoothed. Kept are the largest connected component and those under the prompt's points, with their
    holes filled.
    """
    x0, y0, x1, y1 = cells(bounds, scale)
    sigma = max(0.5, SIGMA * float(prompt.box[2] - prompt.box[0]) * scale)
    blurred = gaussian(np.clip(logits[y0:y1, x0:x1], -MAX_LOGIT, MAX_LOGIT), sigma)
    inside = blurred > 0
    labels = label(inside)
    kept = np.zeros(labels.max() + 1, bool)
    kept[np.bincount(labels[inside], minlength=1).argmax()] = True
    for x, y in (prompt.points * scale).astype(int):
        if x0 <= x < x1 and y0 <= y < y1:
            kept[labels[y - y0, x - x0]] = True
    kept[0] = False  # the background's label
    mask = fill_holes(kept[labels])
    blurred[inside & ~mask] = -MAX_LOGIT
    blurred[mask & ~inside] = MAX_LOGIT
    logits = logits.copy()
    logits[y0:y1, x0:x1] = blurred
    return logits


def cells(bounds: tuple[int, int, int, int], scale: float) -> tuple[int, int, int, int]:
    """Return the whole cells of the logits that cover ``bounds``: left, top, right, bottom."""
    left, top, right, bottom = bounds
    return math.floor(left * scale), math.floor(top * scale), math.ceil(right * scale), math.ceil(bottom * scale)
