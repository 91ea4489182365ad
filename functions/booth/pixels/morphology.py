"""Morphology of binary masks (bool, H x W), numpy only."""

import numpy as np


def erode(mask: np.ndarray) -> np.ndarray:
    """The mask without the pixels that touch the outside by a side or a corner. The image's border is no outside."""
    padded = np.pad(mask, 1, mode="edge")
    rows = padded[:-2] & padded[1:-1] & padded[2:]
    return rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]


def reconstruct(seed: np.ndarray, within: np.ndarray) -> np.ndarray:
    """All pixels of `within` that hang together (by edges) with a pixel of `seed`. All masks bool, H x W.

    Connected components over the runs of each row: few for a face, and never more than half the pixels.
    """
    starts, ends = _runs(within)
    part = _components(starts, ends, within.shape[1] + 1)
    sown, _ = _runs(seed & within)
    reached = np.zeros(len(starts), bool)
    reached[part[np.searchsorted(starts, sown, "right") - 1]] = True
    chosen = reached[part]
    steps = np.zeros(within.shape[0] * (within.shape[1] + 1) + 1, np.int8)
    steps[starts[chosen]] = 1
    steps[ends[chosen]] -= 1
    filled = np.cumsum(steps[:-1], dtype=np.int8).view(bool)
    return filled.reshape(within.shape[0], -1)[:, :-1]


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each horizontal run of the mask begins and where it ends (exclusive), as numbers of pixels, row after row.

    Each row counts one pixel more, which is outside: so no run goes on in the next row.
    """
    padded = np.zeros((mask.shape[0], mask.shape[1] + 1), bool)
    padded[:, :-1] = mask
    flat = padded.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        edges = np.insert(edges, 0, 0)
    return edges[0::2], edges[1::2]


def _components(starts: np.ndarray, ends: np.ndarray, stride: int) -> np.ndarray:
    """For each run the first run that it hangs together with; `stride` is what lies between two rows."""
    # Below each run lie, one after the other, those that end behind its start and start before its end.
    first = np.searchsorted(ends, starts + stride, "right")
    count = np.searchsorted(starts, ends + stride, "left") - first
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.arange(len(upper)) + np.repeat(first - (np.cumsum(count) - count), count)
    part = np.arange(len(starts))
    # Each round hooks the later part of every touching pair to the earlier one: a few rounds for any mask.
    while (apart := part[upper] != part[lower]).any():
        upper, lower = upper[apart], lower[apart]
        pair = part[upper], part[lower]
        np.minimum.at(part, np.maximum(*pair), np.minimum(*pair))
        while not np.array_equal(further := part[part], part):
            part = further
    return part


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """The mask with everything filled that it encloses."""
    outside = np.pad(~mask, 1, constant_values=True)
    edge = np.zeros_like(outside)
    edge[0], edge[-1], edge[:, 0], edge[:, -1] = True, True, True, True
    return ~reconstruct(edge, outside)[1:-1, 1:-1]
