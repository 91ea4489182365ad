"""Estimates the people's own colours in the soft band of an alpha, where the photo shows them mixed with its wall."""

import numpy as np
from PIL import Image, ImageChops, ImageFilter

WIDE = 45 / 1024
"""Half the side of the first pass's box, in longer sides of the photo: it holds people and wall for the whole band."""
NARROW = 3 / 1024
"""Half the side of the second pass's box: it holds the strand beside the pixel."""


def estimate(photo: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The photo (uint8, H x W x 3) with the people's own colours where alpha (uint8, H x W) is from 1 to 254.

    All other pixels are the photo's. Forte, "Approximate Fast Foreground Colour Estimation" (2021): people and wall are
    each the mean of their surroundings, weighted by alpha, and what the pixel differs from their mixture is the
    people's. The first pass has a wide box; the second takes the means of the first's colours in a narrow one.
    """
    spots = np.flatnonzero((alpha != 0) & (alpha != 255))  # flat indices
    if not spots.size:
        return photo.copy()
    side = max(alpha.shape)
    people, wall = Image.fromarray(photo), Image.fromarray(photo)
    for share in (WIDE, NARROW):
        radius = max(1, round(side * share))
        behind = _weighted_mean(wall, 255 - alpha, radius)
        found = photo.copy()
        found.reshape(-1, 3)[spots] = _own_colours(photo, alpha, _weighted_mean(people, alpha, radius), behind, spots)
        people, wall = Image.fromarray(found), Image.fromarray(behind)
    return found


def _weighted_mean(colours: Image.Image, weights: np.ndarray, radius: int) -> np.ndarray:
    """The mean colour in the box around each pixel by these weights (uint8, H x W), uint8, H x W x 3.

    Of 8-bit sums: what they lose where weights are small, alpha takes off again in the composite.
    """
    share = Image.fromarray(weights)
    box = ImageFilter.BoxBlur(radius)
    total = np.asarray(ImageChops.multiply(colours, Image.merge("RGB", [share] * 3)).filter(box))
    weight = np.asarray(share.filter(box))
    ratio = np.float32(255) / np.maximum(weight, 1)
    return np.minimum(total * ratio[..., None] + np.float32(0.5), 255).astype(np.uint8)


def _own_colours(
    photo: np.ndarray, alpha: np.ndarray, people: np.ndarray, wall: np.ndarray, spots: np.ndarray
) -> np.ndarray:
    """The people's colours at these flat indices, uint8, n x 3: their mean, and by alpha what the mixture lacks."""
    seen, near, behind = (each.reshape(-1, 3).take(spots, axis=0).astype(np.float32) for each in (photo, people, wall))
    share = alpha.ravel().take(spots)[:, None] * np.float32(1 / 255)
    near += share * (seen - share * near - (1 - share) * behind)
    return np.rint(np.clip(near, 0, 255)).astype(np.uint8)
