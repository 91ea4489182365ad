"""The window of the photo in which one face is worked on, at a size of its own."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from sam_model.serving.frames import Frame

WINDOW = 3.2  # half its side, in units of the face: hair and hats end within
UNIT_CELLS = 40  # of the window to a unit, or as many as the photo has pixels there


def face_ellipse(box: np.ndarray, grid: "Grid") -> np.ndarray:
    """Return the ellipse in a face's box, bool (h, w) in the window's cells."""
    x, y = grid.pixels()
    left, top, right, bottom = (float(side) for side in box)
    across, down = (x - (left + right) / 2) / (right - left), (y - (top + bottom) / 2) / (bottom - top)
    return across**2 + down**2 <= 0.25


@dataclass(frozen=True)
class Grid:
    """A window of the photo, ``box`` (left, top, right, bottom in whole pixels), in (height, width) ``shape`` cells."""

    box: tuple[int, int, int, int]
    shape: tuple[int, int]

    @staticmethod
    def around(frame: Frame, shape: tuple[int, int]) -> "Grid":
        """The window around a face within a photo of (height, width) ``shape``."""
        limits = np.array([shape[1], shape[0]])
        start = np.clip(np.floor(frame.eyes - WINDOW * frame.unit), 0, limits - 1).astype(int)
        end = np.clip(np.ceil(frame.eyes + WINDOW * frame.unit), start + 1, limits).astype(int)
        width, height = np.ceil((end - start) * min(1.0, UNIT_CELLS / frame.unit)).astype(int).tolist()
        return Grid((*start.tolist(), *end.tolist()), (height, width))

    @property
    def cells_per_pixel(self) -> float:
        return self.shape[1] / (self.box[2] - self.box[0])

    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the x (1, w) and y (h, 1) of the cells' middles on the photo."""
        left, top, right, bottom = self.box
        height, width = self.shape
        x = left + (np.arange(width) + 0.5) * (right - left) / width
        return x[None], (top + (np.arange(height) + 0.5) * (bottom - top) / height)[:, None]

    def sample(self, values: np.ndarray, scale: float = 1.0) -> np.ndarray:
        """Return float32 ``values``, which have ``scale`` cells to a pixel of the photo, in the window's cells."""
        height, width = values.shape
        left, top, right, bottom = (side * scale for side in self.box)
        area = min(left, width), min(top, height), min(right, width), min(bottom, height)
        size = self.shape[1], self.shape[0]
        return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR, box=area))

    def put(self, alpha: np.ndarray, matte: np.ndarray, solid: np.ndarray, soft: np.ndarray, own: np.ndarray) -> None:
        """Raise ``alpha`` within the window to the matte times a gate, or to what is the face's ``own``.

        ``solid``, ``soft``, ``own``: float32 in cells: the gate where the matte is 1, and where it is a soft band.
        """
        left, top, right, bottom = self.box
        here = matte[top:bottom, left:right]
        certain = np.clip((here - 0.5) / 0.2, 0, 1)
        gated = here * (certain * self.enlarge(solid) + (1 - certain) * self.enlarge(soft))
        part = alpha[top:bottom, left:right]
        np.maximum(part, np.maximum(gated, self.enlarge(own)), out=part)

    def raise_to(self, alpha: np.ndarray, values: np.ndarray) -> None:
        """Raise ``alpha`` within the window to ``values``, float (h, w) in cells."""
        left, top, right, bottom = self.box
        part = alpha[top:bottom, left:right]
        np.maximum(part, self.enlarge(values), out=part)

    def enlarge(self, values: np.ndarray) -> np.ndarray:
        """Return ``values``, float (h, w) in cells, in the photo's pixels: float32, 0..1."""
        left, top, right, bottom = self.box
        image = Image.fromarray(values.astype(np.float32))
        return np.clip(np.asarray(image.resize((right - left, bottom - top), Image.Resampling.BILINEAR)), 0, 1)
