"""Binary morphology (masks bool, H x W) with numpy only."""

import numpy as np


def erode(mask: np.ndarray) -> np.ndarray:
    """Erosion by a 3 x 3 square. Beyond the image's border the mask continues (edge padding)."""
    padded = np.pad(mask, 1, mode="edge")
    rows = padded[:-2] & padded[1:-1] & padded[2:]
    return rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]


def reconstruct(seed: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Morphological reconstruction by dilation: the 4-connected components of `within` that contain a pixel of `seed`.

    Components are labelled by the horizontal runs of pixels: few for a face, and at most half as many as pixels.
    """
    starts, ends = _runs(within)
    label = _components(starts, ends, within.shape[1] + 1)
    seeds, _ = _runs(seed & within)
    has_seed = np.zeros(len(starts), bool)
    has_seed[label[np.searchsorted(starts, seeds, "right") - 1]] = True
    chosen = has_seed[label]
    steps = np.zeros(within.shape[0] * (within.shape[1] + 1) + 1, np.int8)
    steps[starts[chosen]] = 1
    steps[ends[chosen]] -= 1
    filled = np.cumsum(steps[:-1], dtype=np.int8).view(bool)
    return filled.reshape(within.shape[0], -1)[:, :-1]


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end (exclusive) of each horizontal run of True pixels, as flat indices, row by row.

    Rows are padded by one False pixel, so no run continues in the next row.
    """
    padded = np.zeros((mask.shape[0], mask.shape[1] + 1), bool)
    padded[:, :-1] = mask
    flat = padded.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        edges = np.insert(edges, 0, 0)
    return edges[0::2], edges[1::2]


def _components(starts: np.ndarray, ends: np.ndarray, stride: int) -> np.ndarray:
    """For each run the index of the first run of its 4-connected component. `stride`: flat indices per row."""
    # The runs of the next row that touch a run are consecutive: they end after its start and start before its end.
    first = np.searchsorted(ends, starts + stride, "right")
    count = np.searchsorted(starts, ends + stride, "left") - first
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.arange(len(upper)) + np.repeat(first - (np.cumsum(count) - count), count)
    label = np.arange(len(starts))
    # Union-find on arrays: each round links the later component of each touching pair to the earlier one.
    while (differ := label[upper] != label[lower]).any():
        upper, lower = upper[differ], lower[differ]
        pair = label[upper], label[lower]
        np.minimum.at(label, np.maximum(*pair), np.minimum(*pair))
        while not np.array_equal(shorter := label[label], label):
            label = shorter
    return label


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """The mask with its holes filled: False pixels that are not 4-connected to the image's border."""
    outside = np.pad(~mask, 1, constant_values=True)
    edge = np.zeros_like(outside)
    edge[0], edge[-1], edge[:, 0], edge[:, -1] = True, True, True, True
    return ~reconstruct(edge, outside)[1:-1, 1:-1]
