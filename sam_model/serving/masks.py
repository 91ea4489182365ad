"""What becomes of the decoder's logits: where a prompt's mask may lie, and its clean outline.

numpy and Pillow only, in place of an image processing library that the archive would have to bring along.
"""

import math

import numpy as np
from PIL import Image

from sam_model.serving.protocol import Prompt

# A mask may leave its box by this share of the box's width and height on each side. Face boxes run from the
# forehead to the chin and cut the ears, the hairline and the tip of the chin; what lies farther out is hat, neck
# or a neighbour.
BOX_MARGIN = 0.25
# Outlines are smoothed over this share of the box's width: hair, stubble and shadow fray them more finely than that.
SMOOTH = 0.02
# Logits beyond this are as good as certain. Left as they are, the model's +15 here and -30 there would outvote each
# other where the outline is smoothed and enlarged.
CERTAIN = 4


def reach(box: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """Return where the mask of ``box`` may lie, in whole pixels: left, top, right, bottom."""
    left, top, right, bottom = (float(side) for side in box)
    across, down = BOX_MARGIN * (right - left), BOX_MARGIN * (bottom - top)
    return (
        max(0, math.floor(left - across)),
        max(0, math.floor(top - down)),
        min(width, math.ceil(right + across)),
        min(height, math.ceil(bottom + down)),
    )


def clean(logits: np.ndarray, prompt: Prompt, reach: tuple, scale: float) -> np.ndarray:
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
