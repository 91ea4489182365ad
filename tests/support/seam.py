"""What the seam around kept faces is like: measures of a picture, and a feathered cut-out to compare with."""

import numpy as np
from PIL import Image, ImageFilter

from booth.pixels import encoding

FLAT = {"dark": (12, 10, 20), "mid": (110, 130, 105), "light": (246, 246, 250)}


BAND = 4
"""Pixels around the kept region in which a halo is looked for."""


def feathered(photo: np.ndarray, generated: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """A cut-out with a soft edge: the photo fades into the generated picture within about five pixels."""
    soft = Image.fromarray(keep.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(2.5))
    alpha = np.where(keep, 1.0, np.minimum(np.asarray(soft, np.float32) / 127.5, 1))[..., None]
    return np.rint(photo * alpha + generated * (1 - alpha)).astype(np.uint8)


def grown(keep: np.ndarray, pixels: int) -> np.ndarray:
    """The region and everything within so many pixels of it (in rows, columns and diagonals), bool H x W."""
    padded = np.pad(keep, pixels)
    for axis in (0, 1):
        reach = [np.roll(padded, step, axis) for step in range(-pixels, pixels + 1)]
        padded = np.logical_or.reduce(reach)
    return padded[pixels : padded.shape[0] - pixels, pixels : padded.shape[1] - pixels]


def halo(photo: np.ndarray, generated: np.ndarray, keep: np.ndarray, result: np.ndarray) -> float:
    """How much lighter or darker than both its sides the seam is: the mean overshoot in the band, 0..255.

    A pixel in the band of BAND pixels around the kept region should lie between the colour of the kept pixels next to
    it (their mean in 9 x 9 pixels; it sees kept pixels from everywhere in the band) and the generated one, in each
    channel. What it is lighter or darker than that, in its worst channel, is its overshoot.
    """
    band = np.nonzero(grown(keep, BAND) & ~keep)
    padded_photo = np.pad(photo * keep[..., None], ((BAND, BAND), (BAND, BAND), (0, 0))).astype(np.float64)
    padded_keep = np.pad(keep, BAND)
    total, weight = np.zeros((len(band[0]), 3)), np.zeros((len(band[0]), 1))
    for dy in range(2 * BAND + 1):
        for dx in range(2 * BAND + 1):
            total += padded_photo[band[0] + dy, band[1] + dx]
            weight[:, 0] += padded_keep[band[0] + dy, band[1] + dx]
    edge, behind, seen = total / weight, generated[band].astype(np.float64), result[band].astype(np.float64)
    low, high = np.minimum(edge, behind), np.maximum(edge, behind)
    return float(np.maximum(np.maximum(seen - high, low - seen), 0).max(axis=1).mean())


def kept_psnr(pixels: np.ndarray, keep: np.ndarray) -> float:
    """PSNR in dB of the kept region after our JPEG."""
    decoded = encoding.decode(encoding.encode_jpeg(pixels)).astype(np.float64)
    return float(10 * np.log10(255**2 / np.mean((decoded - pixels)[keep] ** 2)))
