"""Merges the crops' masks, completed where they miss a part of a face, into the mask of the pixels that are kept."""

import numpy as np

from booth.keep import MORE, Keep
from booth.pixels import morphology
from booth.pixels.geometry import Box, Crop, Face, grow, whole_pixels

MARGIN = 0.25
"""Margin of a face's window around its box, in box sizes: a mask is cut off there, for what lies beyond is background
or another face."""
CORE = 0.5
"""Size of the ellipse in the middle of the box, in box sizes: of SAM's mask the components connected to it are kept."""
ENOUGH = 0.95
"""Share of the ellipse inscribed in a face's box that is kept at least (invariant 5 of the design)."""


def keep_mask(
    width: int, height: int, faces: list[Face], crops: list[Crop], masks: list[np.ndarray | None]
) -> tuple[np.ndarray, int]:
    """The mask of the pixels that are kept, bool, height x width.

    Args:
        width, height: of the photo.
        masks: SAM's mask for each crop, bool, the crop's H x W, True = face; None if there is none.

    Also returns the number of faces whose mask was completed by the ellipse in their box.
    """
    keep = np.zeros((height, width), bool)
    by_ellipse = 0
    windows = []
    for crop, mask in zip(crops, masks, strict=True):
        full = np.zeros((height, width), bool)
        if mask is not None:
            l, t, r, b = crop.box
            full[t:b, l:r] = mask
        for index in crop.faces:
            l, t, r, b = whole_pixels(grow(faces[index].box, MARGIN), width, height)
            kept, enough = _face_mask(full[t:b, l:r], faces[index], (l, t))
            keep[t:b, l:r] |= kept
            by_ellipse += not enough
            windows.append((faces[index], (l, t), (slice(t, b), slice(l, r)), kept))
    # The outermost pixels are mixed with the background; the seam blends them. A face that would not be kept enough
    # after the erosion keeps them.
    eroded = morphology.erode(keep)
    for face, origin, window, kept in windows:
        if not _keeps_enough(eroded[window], face, origin):
            eroded[window] |= kept
    return eroded, by_ellipse


def for_model(alpha: np.ndarray, least: int) -> np.ndarray:
    """The mask for a model, bool, H x W: kept from this alpha (uint8, H x W) on, a codec's `least_alpha`."""
    return alpha >= least


def alphas(faces: np.ndarray, found: dict[Keep, np.ndarray]) -> dict[Keep, np.ndarray]:
    """The alpha of what is kept where that is more than the faces, for each that was found: uint8, H x W.

    Every face stays whole, and what keeps more never keeps less: each is the maximum of `found` and of those before.

    Args:
        faces: the alpha of the faces, uint8, H x W; 255 where `keep_mask` keeps.
        found: the SAM endpoint's alphas, uint8, H x W; those that there are.
    """
    alpha, joined = faces, {}
    for more in MORE:
        if more in found:
            joined[more] = alpha = np.maximum(alpha, found[more])
    return joined


def _face_mask(found: np.ndarray, face: Face, origin: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """The kept pixels of one face; and whether SAM's mask `found` was enough. Both masks: the window at `origin`."""
    shape = found.shape
    kept = morphology.reconstruct(found & ellipse(shape, origin, grow(face.box, (CORE - 1) / 2)), found)
    band = eye_band(shape, origin, face)
    if kept.any():
        kept = morphology.fill_holes(kept | band)
    if _keeps_enough(kept, face, origin):
        return kept, True
    kept = kept | band
    for x, y in landmark_pixels(shape, origin, face):
        radius = max(2, round((face.box[2] - face.box[0]) * 0.04))
        kept[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = True
    # Mostly hair over the forehead is missing, so that part of the ellipse is added first. Its border beside the jaw
    # is often background, so that part is added last.
    outline = ellipse(shape, origin, face.box)
    for added in (
        outline & forehead(shape, origin, face),
        ellipse(shape, origin, grow(face.box, (0.98 - 1) / 2)),
        outline,
    ):
        completed = morphology.fill_holes(kept | added)
        if _keeps_enough(completed, face, origin):
            break
    return completed, False


def _keeps_enough(mask: np.ndarray, face: Face, origin: tuple[int, int]) -> bool:
    """Whether the mask of the window at `origin` keeps every landmark and ENOUGH of the ellipse in the box."""
    outline = ellipse(mask.shape, origin, face.box)
    points = landmark_pixels(mask.shape, origin, face)
    return bool((mask & outline).sum() >= ENOUGH * outline.sum()) and all(mask[y, x] for x, y in points)


def ellipse(shape: tuple[int, int], origin: tuple[int, int], box: Box) -> np.ndarray:
    """The ellipse inscribed in the box, as a mask of the window of `shape` (H, W) that begins at `origin` (x, y)."""
    l, t, r, b = box
    y, x = np.ogrid[: shape[0], : shape[1]]
    dx = (x + origin[0] + 0.5 - (l + r) / 2) / max((r - l) / 2, 0.5)
    dy = (y + origin[1] + 0.5 - (t + b) / 2) / max((b - t) / 2, 0.5)
    return dx**2 + dy**2 <= 1


def eye_band(shape: tuple[int, int], origin: tuple[int, int], face: Face) -> np.ndarray:
    """An ellipse along the line of the eyes that contains glasses, as a mask of the window. Empty without both eyes."""
    if "eyeLeft" not in face.landmarks or "eyeRight" not in face.landmarks:
        return np.zeros(shape, bool)
    (ax, ay), (bx, by) = face.landmarks["eyeLeft"], face.landmarks["eyeRight"]
    length = max(float(np.hypot(bx - ax, by - ay)), 1.0)
    angle = np.arctan2(by - ay, bx - ax)  # of two eyes at one point: 0
    ux, uy = np.cos(angle), np.sin(angle)
    y, x = np.ogrid[: shape[0], : shape[1]]
    px, py = x + origin[0] + 0.5 - (ax + bx) / 2, y + origin[1] + 0.5 - (ay + by) / 2
    # Semi-axes: 1 and 0.36 eye distances. Glasses reach about 0.5 beyond each eye, and 0.25 above and below.
    along, across = (px * ux + py * uy) / (length * 1.0), (py * ux - px * uy) / (length * 0.36)
    return along**2 + across**2 <= 1


def forehead(shape: tuple[int, int], origin: tuple[int, int], face: Face) -> np.ndarray:
    """The half-plane beyond the eyes, seen from the mouth, as a mask; without landmarks the box's upper 45 %."""
    marks = face.landmarks
    y, x = np.ogrid[: shape[0], : shape[1]]
    if not {"eyeLeft", "eyeRight", "mouthLeft", "mouthRight"} <= marks.keys():
        return (y + origin[1] < face.box[1] + 0.45 * (face.box[3] - face.box[1])) & (x >= 0)
    eyes, mouth = (np.add(marks[f"{part}Left"], marks[f"{part}Right"]) / 2 for part in ("eye", "mouth"))
    down = mouth - eyes
    return (x + origin[0] + 0.5 - eyes[0]) * down[0] + (y + origin[1] + 0.5 - eyes[1]) * down[1] < 0


def landmark_pixels(shape: tuple[int, int], origin: tuple[int, int], face: Face) -> list[tuple[int, int]]:
    """The landmarks (x, y) in pixels of the window; those outside it are left out."""
    points = [(int(x) - origin[0], int(y) - origin[1]) for x, y in face.landmarks.values() if x >= 0 and y >= 0]
    return [(x, y) for x, y in points if 0 <= x < shape[1] and 0 <= y < shape[0]]
