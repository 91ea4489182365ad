"""Scales and pads a photo to a size that an image model takes, and scales the model's picture back."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from booth.pixels.sizes import Sizes


@dataclass(frozen=True)
class Frame:
    """Position of the scaled photo in the canvas that a model gets. Sizes are (width, height) in pixels."""

    photo: tuple[int, int]
    """Size of the photo itself."""
    canvas: tuple[int, int]
    """Size of what the model gets."""
    box: tuple[int, int, int, int]
    """The scaled photo in the canvas: left, top, right, bottom (exclusive); the rest is padding."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the photo is neither scaled nor padded."""
        return self.canvas == self.photo

    def place(self, photo: np.ndarray) -> np.ndarray:
        """The photo (uint8, H x W x 3) scaled and padded to the canvas with grey."""
        canvas = Image.new("RGB", self.canvas, (128, 128, 128))
        canvas.paste(Image.fromarray(photo).resize(self._scaled, Image.Resampling.LANCZOS), self.box[:2])
        return np.asarray(canvas)

    def place_mask(self, keep: np.ndarray) -> np.ndarray:
        """The mask (bool, the photo's H x W, True = kept) scaled (nearest neighbour) and padded with False."""
        canvas = Image.new("1", self.canvas)
        canvas.paste(Image.fromarray(keep).resize(self._scaled, Image.Resampling.NEAREST), self.box[:2])
        return np.asarray(canvas)

    def takes(self, size: tuple[int, int]) -> bool:
        """Whether a model's picture of this size can be of the canvas: half to twice its width, and its aspect.

        The models are said to answer with the canvas's own size. 3 % are 8 pixels of 320: rounding to a multiple of 16.
        """
        (width, height), (wide, high) = size, self.canvas
        return wide <= 2 * width <= 4 * wide and abs(width * high - height * wide) <= 0.03 * width * high

    def restore(self, picture: np.ndarray) -> np.ndarray:
        """A model's picture of the canvas (uint8, H x W x 3, of any size) without the padding, at the photo's size."""
        height, width = picture.shape[:2]
        if (width, height) == self.photo and self.is_unchanged:
            return picture
        left, top, right, bottom = self.box
        x, y = width / self.canvas[0], height / self.canvas[1]
        box = (left * x, top * y, right * x, bottom * y)
        return np.asarray(Image.fromarray(picture).resize(self.photo, Image.Resampling.LANCZOS, box=box))

    @property
    def _scaled(self) -> tuple[int, int]:
        left, top, right, bottom = self.box
        return right - left, bottom - top


def fit(photo: tuple[int, int], sizes: Sizes) -> Frame:
    """The frame for a photo of (width, height): unchanged if `sizes` allows it, else scaled down or up, and padded."""
    if sizes.allow(*photo):
        return Frame(photo, photo, (0, 0, *photo))
    width, height = photo
    shorter, longer = sorted((max(width, height / sizes.max_aspect), max(height, width / sizes.max_aspect)))
    scale = min(1.0, sizes.max_side / longer, math.sqrt(sizes.max_pixels / (shorter * longer)))
    scale = max(scale, sizes.min_side / shorter)
    while not sizes.allow(*(frame := _scaled(photo, sizes, scale)).canvas):
        scale *= 0.999  # rounding to whole pixels made it too large
    return frame


def _scaled(photo: tuple[int, int], sizes: Sizes, scale: float) -> Frame:
    # 1e-6: floating point must not make 1280 * (320 / 1280) 319.
    width, height = (max(1, math.floor(side * scale + 1e-6)) for side in photo)
    wide = max(width, math.ceil(height / sizes.max_aspect), sizes.min_side)
    high = max(height, math.ceil(width / sizes.max_aspect), sizes.min_side)
    canvas = (wide + -wide % sizes.multiple, high + -high % sizes.multiple)
    left, top = (canvas[0] - width) // 2, (canvas[1] - height) // 2
    return Frame(photo, canvas, (left, top, left + width, top + height))
