"""Postprocessing of the decoder's low-resolution logits: one prompt's mask, smoothed, filled, in the image's pixels.

numpy and Pillow only: an image processing library would have to be in the archive.
"""

import math

import numpy as np
from PIL import Image

from sam_model.serving.protocol import Prompt

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

    ``logits``: float32 (s, s) over the padded square, ``scale`` of their cells to one pixel of the image.

    The outline is smoothed. Kept are the largest connected component and those under the prompt's points, with their
    holes filled. This is done at the resolution of the logits, where it takes a few milliseconds whatever the image's
    size; then they are resized.
    """
    left, top, right, bottom = bounds
    x0, y0 = math.floor(left * scale), math.floor(top * scale)
    x1, y1 = math.ceil(right * scale), math.ceil(bottom * scale)
    blurred = _blur(logits[y0:y1, x0:x1], max(0.5, SIGMA * float(prompt.box[2] - prompt.box[0]) * scale))
    inside = blurred > 0
    labels = _label(inside)
    kept = np.zeros(labels.max() + 1, bool)
    kept[np.bincount(labels[inside], minlength=1).argmax()] = True
    for x, y in (prompt.points * scale).astype(int):
        if x0 <= x < x1 and y0 <= y < y1:
            kept[labels[y - y0, x - x0]] = True
    kept[0] = False  # the background's label
    mask = _fill_holes(kept[labels])
    blurred[inside & ~mask] = -MAX_LOGIT
    blurred[mask & ~inside] = MAX_LOGIT
    logits = logits.copy()
    logits[y0:y1, x0:x1] = blurred
    area = (left * scale, top * scale, right * scale, bottom * scale)
    resized = Image.fromarray(logits).resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=area)
    return np.asarray(resized) > 0


def _blur(logits: np.ndarray, sigma: float) -> np.ndarray:
    """Clip the logits (h, w) to MAX_LOGIT and apply a Gaussian blur of ``sigma`` cells, with edge values replicated."""
    radius = math.ceil(2 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    logits = np.clip(logits, -MAX_LOGIT, MAX_LOGIT)
    for axis in (0, 1):
        padded = np.pad(logits, [(radius, radius) if axis == each else (0, 0) for each in (0, 1)], "edge")
        logits = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis) @ kernel
    return logits


def _fill_holes(mask: np.ndarray) -> np.ndarray:
    """Return the bool (h, w) ``mask`` with its holes filled: background that isn't connected to the border."""
    background = _label(np.pad(~mask, 1, constant_values=True))
    return (background != background[0, 0])[1:-1, 1:-1]


def _label(mask: np.ndarray) -> np.ndarray:
    """Label the connected components (4-connectivity) of the bool (h, w) ``mask``.

    Returns int (h, w): 0 where the mask is False, else the component's label, 1 to their number. Union-find over the
    segments of consecutive True pixels in each row: those that overlap a segment in the row above are joined with it.
    """
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    segment_rows, segment_starts = np.nonzero(edges == 1)
    segment_ends = np.nonzero(edges == -1)[1]
    rows, starts, ends = segment_rows.tolist(), segment_starts.tolist(), segment_ends.tolist()  # lists loop faster
    parent = list(range(len(rows)))

    def root(segment: int) -> int:
        while parent[segment] != segment:
            parent[segment] = parent[parent[segment]]
            segment = parent[segment]
        return segment

    above = 0
    for segment, row in enumerate(rows):
        while rows[above] < row - 1 or (rows[above] == row - 1 and ends[above] <= starts[segment]):
            above += 1
        overlapping = above
        while rows[overlapping] == row - 1 and starts[overlapping] < ends[segment]:
            parent[root(overlapping)] = root(segment)
            overlapping += 1
    numbers = np.unique([root(segment) for segment in range(len(rows))], return_inverse=True)[1] + 1
    labels = np.zeros(mask.shape, np.intp)
    labels[mask] = np.repeat(numbers, segment_ends - segment_starts)
    return labels
