"""A face's own coordinates: where its eyes are, how large it is, which way is up."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# What a frontal face's box tells where landmarks are missing or absurd, in shares of its height (detectors' boxes run
# from the forehead to the chin).
BOX_UNIT = 0.37
BOX_WIDE = 0.4  # the least unit, in shares of its width
BOX_EYES = 0.38
UNITS = (0.2, 0.75)  # what the landmarks' unit may be, in shares of the box's longer side


@dataclass(frozen=True)
class Frame:
    """Coordinates of one face. Lengths on the photo are pixels.

    ``eyes``: float (2,) x, y of the middle between the eyes. ``unit``: the larger of the distance from there to the
    mouth and 1.05 times the distance between the eyes; a head is about 2.6 units wide and 4 high. ``up``: float (2,),
    along the face, of length 1.
    """

    eyes: np.ndarray
    unit: float
    up: np.ndarray

    @property
    def side(self) -> np.ndarray:
        """The direction across the face: float (2,), of length 1."""
        return np.array([-self.up[1], self.up[0]])

    def point(self, up: float, across: float) -> np.ndarray:
        """Return the pixel (x, y) that lies so many units above the eyes and across."""
        return self.eyes + self.unit * (up * self.up + across * self.side)

    def coordinates(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how many units above the eyes and across the pixels ``x``, ``y`` lie; both broadcast."""
        dx, dy = (x - self.eyes[0]) / self.unit, (y - self.eyes[1]) / self.unit
        return dx * self.up[0] + dy * self.up[1], dx * self.side[0] + dy * self.side[1]


def frame_of(box: np.ndarray, landmarks: Mapping[str, np.ndarray]) -> Frame:
    """Return the face's frame; without two eyes or a mouth, or with ones that don't fit the box, that of its box."""
    left, top, right, bottom = (float(side) for side in box)
    width, height = right - left, bottom - top
    by_box = Frame(
        np.array([(left + right) / 2, top + BOX_EYES * height]),
        max(BOX_UNIT * height, BOX_WIDE * width),
        np.array([0.0, -1.0]),
    )
    mouth = [landmarks[name] for name in ("mouthLeft", "mouthRight") if name in landmarks]
    if not {"eyeLeft", "eyeRight"} <= landmarks.keys() or not mouth:
        return by_box
    eyes = (landmarks["eyeLeft"] + landmarks["eyeRight"]).astype(float) / 2
    upwards = eyes - np.mean(mouth, axis=0, dtype=float)
    long, between = float(np.hypot(*upwards)), float(np.hypot(*(landmarks["eyeRight"] - landmarks["eyeLeft"])))
    unit = max(long, 1.05 * between)
    fits = UNITS[0] * max(width, height) <= unit <= UNITS[1] * max(width, height) and long > 0.3 * unit
    inside = left - width / 2 <= eyes[0] <= right + width / 2 and top - height / 2 <= eyes[1] <= bottom + height / 2
    return Frame(eyes, unit, upwards / long) if fits and inside else by_box
