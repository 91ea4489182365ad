"""Estimates the people's own colours in the soft band of an alpha, where the photo shows them mixed with its wall."""

import numpy as np
from PIL import Image, ImageChops, ImageFilter

WIDE = (45, 15)
NARROW = (5, 2)
"""Half the sides of the passes' boxes, in 1/1024 of the photo's longer side: the first holds people and wall for the
whole band, the last the strand beside the pixel. docs/decisions/0026-alpha.md has the trials."""
_CELL = 4  # pixels: the means of wide boxes have no detail, so those passes are of cells of 4 x 4


def estimate(photo: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The photo (uint8, H x W x 3) with the people's own colours where alpha (uint8, H x W) is from 1 to 254.

    All other pixels are the photo's. After Forte, "Approximate Fast Foreground Colour Estimation" (2021): people and
    wall are each the mean of their surroundings, weighted by alpha, and what the pixel differs from their mixture is
    divided between them. Each pass takes the means of the colours of the one before, in a narrower box.
    """
    if not ((alpha != 0) & (alpha != 255)).any():
        return photo.copy()
    cells, share = (np.asarray(Image.fromarray(each).reduce(_CELL)) for each in (photo, alpha))
    found = cells, cells
    for part in WIDE:
        found = _divided(cells, share, *found, radius=_radius(alpha, part / _CELL))
    height, width = alpha.shape
    size, box = (width, height), (0, 0, width / _CELL, height / _CELL)
    people, wall = (np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BILINEAR, box)) for each in found)
    people, wall = (np.where(alpha[..., None] == whole, photo, each) for each, whole in ((people, 255), (wall, 0)))
    for part in NARROW:
        people, wall = _divided(photo, alpha, people, wall, radius=_radius(alpha, part))
    return np.where(alpha[..., None] == 0, photo, people)


def _radius(alpha: np.ndarray, part: float) -> int:
    return max(1, round(max(alpha.shape) * part / 1024))


def _divided(
    photo: np.ndarray, alpha: np.ndarray, people: np.ndarray, wall: np.ndarray, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    """People and wall, each the mean of what they were, and what the photo differs from their mixture by alpha.

    Where alpha is 255 or 0, one of them is the photo and the other is of no weight.
    """
    spots = np.flatnonzero((alpha != 0) & (alpha != 255))  # flat indices
    near = _weighted_mean(people, alpha, radius, spots)
    behind = _weighted_mean(wall, 255 - alpha, radius, spots)
    share = alpha.ravel().take(spots)[:, None] * np.float32(1 / 255)
    lacking = photo.reshape(-1, 3).take(spots, axis=0) - share * near - (1 - share) * behind
    divided = people.copy(), wall.copy()
    for each, colours in zip(divided, (near + share * lacking, behind + (1 - share) * lacking), strict=True):
        each.reshape(-1, 3)[spots] = np.rint(np.clip(colours, 0, 255)).astype(np.uint8)
    return divided


def _weighted_mean(colours: np.ndarray, weights: np.ndarray, radius: int, spots: np.ndarray) -> np.ndarray:
    """The mean colour, by these weights (uint8, H x W), of the box around each of n flat indices: float32, n x 3.

    Of 8-bit sums: what they lose where weights are small, alpha takes off again in the composite.
    """
    image, box = Image.fromarray(weights), ImageFilter.BoxBlur(radius)
    total = ImageChops.multiply(Image.fromarray(colours), Image.merge("RGB", [image] * 3)).filter(box)
    weight = np.asarray(image.filter(box)).ravel().take(spots)
    sums = np.asarray(total).reshape(-1, 3).take(spots, axis=0).astype(np.float32)
    return sums * (np.float32(255) / np.maximum(weight, 1))[:, None]
