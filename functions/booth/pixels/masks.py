"""From SAM's masks to the one mask that says what is kept: every face, whole, and little else."""

import numpy as np

from booth.pixels import morphology
from booth.pixels.geometry import Box, Crop, Face, grow, whole_pixels

HEAD = 0.25
"""A face's mask may reach this far beyond its box, in parts of the box's size: more would be a neighbour or a wall."""
CORE = 0.5
"""The ellipse of this share of the box's size is always face: what SAM found must hang together with it."""
ENOUGH = 0.95
"""At least this share of the ellipse in a face's box is kept (invariant 5 of the design)."""


def keep_mask(
    width: int, height: int, faces: list[Face], crops: list[Crop], masks: list[np.ndarray | None]
) -> tuple[np.ndarray, int]:
    """The pixels of the photo that are kept.

    Args:
        masks: for each crop what SAM said of it, bool, the crop's height x width, True = face; None if it said nothing.

    Returns the mask, bool, height x width, and the number of faces for which SAM's mask was missing or not enough, so
    that more of the ellipse in the box was kept.
    """
    keep = np.zeros((height, width), bool)
    by_ellipse = 0
    parts = []
    for crop, mask in zip(crops, masks, strict=True):
        whole = np.zeros((height, width), bool)
        if mask is not None:
            l, t, r, b = crop.box
            whole[t:b, l:r] = mask
        for index in crop.faces:
            l, t, r, b = whole_pixels(grow(faces[index].box, HEAD), width, height)
            kept, enough = _one_face(whole[t:b, l:r], faces[index], (l, t))
            keep[t:b, l:r] |= kept
            by_ellipse += not enough
            parts.append((faces[index], (l, t), (slice(t, b), slice(l, r)), kept))
    # The outermost pixels are mixed with what is behind. They are left to the seam, which blends them, but for faces
    # of which then less would be kept than is promised.
    slim = morphology.erode(keep)
    for face, origin, window, kept in parts:
        if not _is_whole(slim[window], face, origin):
            slim[window] |= kept
    return slim, by_ellipse


def _one_face(found: np.ndarray, face: Face, origin: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """The kept pixels of one face in the window that begins at `origin`; and whether SAM's mask was enough."""
    shape = found.shape
    kept = morphology.reconstruct(found & ellipse(shape, origin, grow(face.box, (CORE - 1) / 2)), found)
    band = eye_band(shape, origin, face)
    if kept.any():
        kept = morphology.fill_holes(kept | band)
    if _is_whole(kept, face, origin):
        return kept, True
    kept = kept | band
    for x, y in landmark_pixels(shape, origin, face):
        radius = max(2, round((face.box[2] - face.box[0]) * 0.04))
        kept[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = True
    # What is mostly missing is hair over the forehead: that first. The ellipse's rim beside the jaw is often wall: that
    # last, and no more than is promised if its pixels allow.
    outline = ellipse(shape, origin, face.box)
    for part in (
        outline & forehead(shape, origin, face),
        ellipse(shape, origin, grow(face.box, (0.98 - 1) / 2)),
        outline,
    ):
        whole = morphology.fill_holes(kept | part)
        if _is_whole(whole, face, origin):
            break
    return whole, False


def _is_whole(mask: np.ndarray, face: Face, origin: tuple[int, int]) -> bool:
    """Whether the mask of the window at `origin` keeps as much of the face as invariant 5 promises."""
    outline = ellipse(mask.shape, origin, face.box)
    points = landmark_pixels(mask.shape, origin, face)
    return bool((mask & outline).sum() >= ENOUGH * outline.sum()) and all(mask[y, x] for x, y in points)


def ellipse(shape: tuple[int, int], origin: tuple[int, int], box: Box) -> np.ndarray:
    """The ellipse inscribed in the box, as a mask of the window of `shape` that begins at `origin` (x, y)."""
    l, t, r, b = box
    y, x = np.ogrid[: shape[0], : shape[1]]
    dx = (x + origin[0] + 0.5 - (l + r) / 2) / max((r - l) / 2, 0.5)
    dy = (y + origin[1] + 0.5 - (t + b) / 2) / max((b - t) / 2, 0.5)
    return dx**2 + dy**2 <= 1


def eye_band(shape: tuple[int, int], origin: tuple[int, int], face: Face) -> np.ndarray:
    """The flat ellipse along the eyes, as wide as the face, in which glasses sit. Empty if an eye is unknown."""
    if "eyeLeft" not in face.landmarks or "eyeRight" not in face.landmarks:
        return np.zeros(shape, bool)
    (ax, ay), (bx, by) = face.landmarks["eyeLeft"], face.landmarks["eyeRight"]
    length = max(float(np.hypot(bx - ax, by - ay)), 1.0)
    ux, uy = (bx - ax) / length, (by - ay) / length
    y, x = np.ogrid[: shape[0], : shape[1]]
    px, py = x + origin[0] + 0.5 - (ax + bx) / 2, y + origin[1] + 0.5 - (ay + by) / 2
    # Frames reach about half an eye distance beyond each eye, and a quarter of it above and below.
    along, across = (px * ux + py * uy) / (length * 1.0), (py * ux - px * uy) / (length * 0.36)
    return along**2 + across**2 <= 1


def forehead(shape: tuple[int, int], origin: tuple[int, int], face: Face) -> np.ndarray:
    """Everything on the far side of the eyes as seen from the mouth; the box's upper 45 % if those are unknown."""
    marks = face.landmarks
    y, x = np.ogrid[: shape[0], : shape[1]]
    if not {"eyeLeft", "eyeRight", "mouthLeft", "mouthRight"} <= marks.keys():
        return (y + origin[1] < face.box[1] + 0.45 * (face.box[3] - face.box[1])) & (x >= 0)
    eyes, mouth = (np.add(marks[f"{part}Left"], marks[f"{part}Right"]) / 2 for part in ("eye", "mouth"))
    down = mouth - eyes
    return (x + origin[0] + 0.5 - eyes[0]) * down[0] + (y + origin[1] + 0.5 - eyes[1]) * down[1] < 0


def landmark_pixels(shape: tuple[int, int], origin: tuple[int, int], face: Face) -> list[tuple[int, int]]:
    """The landmarks (x, y) in pixels of the window; those outside it (and so outside the photo) are left out."""
    points = [(int(x) - origin[0], int(y) - origin[1]) for x, y in face.landmarks.values() if x >= 0 and y >= 0]
    return [(x, y) for x, y in points if 0 <= x < shape[1] and 0 <= y < shape[0]]
