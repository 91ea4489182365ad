"""Regions of small grids in numpy and Pillow: blur, components, holes, convex hull.

An image processing library would have to be in the archive.
"""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def gaussian(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return float32 (h, w) ``values`` blurred by a Gaussian of ``sigma`` cells, with edge values replicated."""
    radius = math.ceil(2 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        padded = np.pad(values, [(radius, radius) if axis == each else (0, 0) for each in (0, 1)], "edge")
        values = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis) @ kernel
    return values


def box_mean(values: np.ndarray, radius: int) -> np.ndarray:
    """Return the mean of float (h, w) ``values`` within ``radius`` cells on each side; outside lie zeros."""
    for axis in (0, 1):
        padding = [(radius + 1, radius) if axis == each else (0, 0) for each in (0, 1)]
        sums = np.cumsum(np.pad(values, padding), axis=axis, dtype=np.float64)
        sums = np.moveaxis(sums, axis, 0)
        values = np.moveaxis((sums[2 * radius + 1 :] - sums[: -2 * radius - 1]) / (2 * radius + 1), 0, axis)
    return values


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Return the bool (h, w) ``mask`` with its holes filled: background that isn't connected to the border."""
    background = label(np.pad(~mask, 1, constant_values=True))
    return (background != background[0, 0])[1:-1, 1:-1]


def opened(mask: np.ndarray, radius: int) -> np.ndarray:
    """Return the bool (h, w) ``mask`` without what is nowhere ``2 * radius + 1`` cells wide and high."""
    if radius < 1 or min(mask.shape) <= 2 * radius:
        return mask
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    size = 2 * radius + 1
    return np.asarray(image.filter(ImageFilter.MinFilter(size)).filter(ImageFilter.MaxFilter(size))) > 0


def dilated(mask: np.ndarray, radius: int) -> np.ndarray:
    """Return the bool (h, w) ``mask`` grown by ``radius`` cells on each side."""
    if radius < 1 or min(mask.shape) <= 2 * radius:
        return mask
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(2 * radius + 1))) > 0


def eroded(mask: np.ndarray, radius: int) -> np.ndarray:
    """Return the bool (h, w) ``mask`` less ``radius`` cells on each side."""
    return ~dilated(~mask, radius)


def connected_with(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Return the connected components of the bool (h, w) ``mask`` that have a cell in common with ``seed``."""
    labels = label(mask)
    kept = np.zeros(labels.max(initial=0) + 1, bool)
    kept[labels[seed & mask]] = True
    kept[0] = False  # the background's label
    return kept[labels]


def convex_hull(mask: np.ndarray) -> np.ndarray:
    """Return the cells of bool (h, w) inside the convex hull of ``mask``."""
    rows = np.nonzero(mask.any(axis=1))[0]
    if not len(rows):
        return mask
    first, last = mask[rows].argmax(axis=1), mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    right = _chain([*zip(last.tolist(), rows.tolist(), strict=True)], 1)
    left = _chain([*zip(first.tolist(), rows.tolist(), strict=True)], -1)
    image = Image.new("1", mask.shape[::-1])
    outline = [*right, *reversed(left), right[0]]
    draw = ImageDraw.Draw(image)
    draw.polygon(outline, fill=1)
    draw.line(outline, fill=1)  # where the hull is no wider than that
    return np.asarray(image) | mask


def _chain(points: list[tuple[int, int]], turn: int) -> list[tuple[int, int]]:
    """Return those of ``points`` (x, y by rising y) on the hull's right (``turn`` 1) or left (-1) side."""
    chain: list[tuple[int, int]] = []
    for x, y in points:
        while len(chain) > 1:
            (ax, ay), (bx, by) = chain[-2:]
            if turn * ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain


def label(mask: np.ndarray) -> np.ndarray:
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
