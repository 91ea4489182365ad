"""Random fields the painter builds on: fractal noise, domain warping, fast blur. All fields are float32."""

from functools import reduce

import numpy as np
from PIL import Image

Rng = np.random.Generator


def resize(field: np.ndarray, height: int, width: int, how=Image.Resampling.BICUBIC) -> np.ndarray:
    """Resample a float32 HxW or HxWxC field to height x width."""
    if field.ndim == 3:
        return np.dstack([resize(field[..., i], height, width, how) for i in range(field.shape[2])])
    return np.asarray(Image.fromarray(np.ascontiguousarray(field, np.float32)).resize((width, height), how))


def fbm(
    rng: Rng, height: int, width: int, cells: float, octaves: int = 5, gain: float = 0.5, stretch: float = 1.0
) -> np.ndarray:
    """Fractal Brownian motion: octaves of smooth random lattices, HxW, mean 0.5, standard deviation 0.2.

    `cells` is the number of lattice cells of the coarsest octave over the height; with `stretch` above 1 the
    features are that many times wider than high.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        rows = int(cells * 2**octave) + 3
        columns = int(cells * 2**octave * width / height / stretch) + 3
        if rows > height or columns > width:
            break
        lattice = rng.standard_normal((rows, columns), dtype=np.float32)
        total += np.float32(gain**octave) * resize(lattice, height, width)
    return 0.5 + 0.2 * (total - total.mean()) / (total.std() + 1e-6)


def curve(rng: Rng, width: int, cells: float, octaves: int = 6, gain: float = 0.5) -> np.ndarray:
    """One-dimensional fractal noise of length `width`, mean 0, about -1..1."""
    total = np.zeros(width, np.float32)
    for octave in range(octaves):
        knots = rng.standard_normal(int(cells * 2**octave) + 3, dtype=np.float32)
        at = np.linspace(0, len(knots) - 1, width)
        left = np.minimum(at.astype(int), len(knots) - 2)
        t = at - left
        t = t * t * (3 - 2 * t)
        total += gain**octave * (knots[left] * (1 - t) + knots[left + 1] * t)
    return (total - total.mean()) / (np.abs(total).max() + 1e-6)


def warp(field: np.ndarray, dx: np.ndarray | float, dy: np.ndarray | float) -> np.ndarray:
    """Sample an HxW field at positions displaced by dx, dy (scalar or HxW, pixels), mirrored at the borders."""
    height, width = field.shape
    rows = _mirrored(np.arange(height, dtype=np.float32)[:, None] + dy, height)
    columns = _mirrored(np.arange(width, dtype=np.float32)[None, :] + dx, width)
    return field[rows, columns]


def _mirrored(place: np.ndarray, length: int) -> np.ndarray:
    place = np.abs(place.astype(np.int32)) % (2 * length)
    return np.minimum(place, 2 * length - 1 - place)


def warped_fbm(
    rng: Rng,
    height: int,
    width: int,
    cells: float,
    octaves: int = 6,
    amount: float = 0.12,
    stretch: float = 1.0,
) -> np.ndarray:
    """Domain warping: fractal noise displaced by other fractal noise, up to about `amount` heights."""
    dx = (fbm(rng, height, width, cells, 3, stretch=stretch) - 0.5) * (height * amount * 5 * stretch)
    dy = (fbm(rng, height, width, cells, 3, stretch=stretch) - 0.5) * (height * amount * 5)
    return warp(fbm(rng, height, width, cells, octaves, stretch=stretch), dx, dy)


def blur(field: np.ndarray, radius: float) -> np.ndarray:
    """Gaussian-like blur of an HxW or HxWxC field, `radius` (standard deviation) in pixels; cheap for large radii."""
    if radius < 0.4:
        return field
    height, width = field.shape[:2]
    shrink = max(1.0, radius / 1.6)
    small = resize(field, max(2, round(height / shrink)), max(2, round(width / shrink)), Image.Resampling.BOX)
    sigma = radius / shrink
    kernel = np.exp(-(np.arange(-4, 5) ** 2) / (2 * sigma**2)).astype(np.float32)
    kernel /= kernel.sum()
    rows, columns = small.shape[:2]
    padded = np.pad(small, [(4, 4), (4, 4)] + [(0, 0)] * (small.ndim - 2), mode="edge")
    padded = reduce(np.add, (k * padded[i : i + rows] for i, k in enumerate(kernel)))
    small = reduce(np.add, (k * padded[:, i : i + columns] for i, k in enumerate(kernel)))
    return resize(small, height, width)
