"""Whole people: the parts of the matte that belong to somebody whose face was found."""

import math
import time

import numpy as np
from PIL import Image

from sam_model.serving.frames import frame_of
from sam_model.serving.keep import Face
from sam_model.serving.matte import Matte
from sam_model.serving.regions import box_mean, dilated, eroded, fill_holes, label
from sam_model.serving.windows import Grid, face_ellipse

MISSED = 0.8  # of the matte's mean in a face's ellipse: below, the face was missed and is looked at from nearer
NEAR_SIDE = 256  # of the matte's input then
GRID_SIDE = 512  # the long side at which people are told apart
HOLE = 0.5  # holes, and parts apart, up to this size, in squares of the largest face's unit, are the matte's errors
EDGE = 0.15  # in units of the largest face: how far around a hole its soft band reaches
INSIDE = 0.2  # in units of the smallest face: so far inside a person there is no soft band, but clothes
BAND = 0.6  # in units of the largest face: how far a person's soft band reaches


def complete(model: Matte, pixels: np.ndarray, faces: list[Face], deadline: float = math.inf) -> np.ndarray:
    """Return the matte of the photo, float32 (height, width), with that of a window around each face that it misses.

    No window is begun after ``deadline``, in seconds of time.monotonic.
    """
    matte = model(pixels)
    for face in faces:
        if _mean_in_ellipse(matte, face) < MISSED and time.monotonic() < deadline:
            left, top, right, bottom = Grid.around(frame_of(face.box, face.landmarks), matte.shape).box
            part = matte[top:bottom, left:right]
            np.maximum(part, model(pixels[top:bottom, left:right], NEAR_SIDE), out=part)
    return matte


def persons(matte: np.ndarray, faces: list[Face]) -> np.ndarray:
    """Return the share of each pixel, float32 (height, width), that is of people with one of the ``faces``.

    Those are the connected parts of the matte that hold a landmark or a middle of a face, with their soft bands: who
    touches them counts with them, and so does what they hold. A face that the matte misses is kept by its ellipse.
    """
    height, width = matte.shape
    scale = min(1.0, GRID_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    solid = np.asarray(Image.fromarray(matte).resize(size, Image.Resampling.BILINEAR)) > 0.5
    labels = label(solid)
    kept = np.zeros(labels.max(initial=0) + 1, bool)
    frames = [frame_of(face.box, face.landmarks) for face in faces]
    for face, frame in zip(faces, frames, strict=True):
        for x, y in (*face.landmarks.values(), frame.eyes, face.box.reshape(2, 2).mean(axis=0)):
            if 0 <= x < width and 0 <= y < height:
                kept[labels[int(y * size[1] / height), int(x * size[0] / width)]] = True
    kept[0] = False  # the background's label
    people = kept[labels]
    small = HOLE * (max(frame.unit for frame in frames) * scale) ** 2
    holes = _small_holes(people, small, max(2, round(EDGE * max(frame.unit for frame in frames) * scale)))
    inside = eroded(people, max(2, round(INSIDE * min(frame.unit for frame in frames) * scale)))
    others = solid & ~people & (np.bincount(labels.ravel()) > small)[labels]  # what is smaller is a lock of hair
    gate = _gate(people, others, max(1, round(BAND * max(frame.unit for frame in frames) * scale)))
    gate, filled = (
        np.clip(
            np.asarray(Image.fromarray(part.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)),
            0,
            1,
        )
        for part in (gate, holes | inside)
    )
    alpha = np.maximum(matte * gate, filled)
    for face in faces:
        _keep_missed(alpha, face)
    return alpha


def _gate(people: np.ndarray, others: np.ndarray, radius: int) -> np.ndarray:
    """Return which part of the matte is of ``people``, float (h, w): by what lies within ``radius`` cells."""
    ours, theirs = box_mean(people, radius), box_mean(others, radius)
    share = np.where(ours > 1e-6, ours / np.maximum(ours + theirs, 1e-6), 0)
    return np.where(people, 1, np.where(others, 0, np.clip((share - 0.35) / 0.3, 0, 1)))


def _small_holes(people: np.ndarray, largest: float, band: int) -> np.ndarray:
    """Return the holes of up to ``largest`` cells with the soft ``band`` of so many cells around them, bool (h, w).

    A hole may be open at the photo's bottom, where people are cut off.
    """
    filled = fill_holes(np.vstack([people, np.ones_like(people[:1])]))[:-1]
    labels = label(filled & ~people)
    small = np.bincount(labels.ravel()) <= largest
    small[0] = False  # the background's label
    return dilated(small[labels], band) & filled


def _keep_missed(alpha: np.ndarray, face: Face) -> None:
    """Raise ``alpha`` to 1 in the face's ellipse if most of it would be lost."""
    if _mean_in_ellipse(alpha, face) < MISSED:
        grid = Grid.around(frame_of(face.box, face.landmarks), alpha.shape)
        grid.raise_to(alpha, face_ellipse(face.box, grid).astype(np.float32))


def _mean_in_ellipse(alpha: np.ndarray, face: Face) -> float:
    grid = Grid.around(frame_of(face.box, face.landmarks), alpha.shape)
    ellipse = face_ellipse(face.box, grid)
    return float(grid.sample(alpha)[ellipse].mean()) if ellipse.any() else 1.0
