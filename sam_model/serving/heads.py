"""Heads: face, hair, glasses and headwear of each face, as the part of the matte that Segment Anything votes for.

The outline against the background is the matte's. Segment Anything decides only what lies inside a person: where hair
ends and clothes, hands or a neighbour begin. Each face is worked on in a window and at a size of its own.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from sam_model.serving.frames import Frame, frame_of
from sam_model.serving.keep import Face
from sam_model.serving.masks import MAX_LOGIT, cells, mask_bounds, refine
from sam_model.serving.protocol import Prompt
from sam_model.serving.regions import (
    box_mean,
    connected_with,
    convex_hull,
    dilated,
    eroded,
    fill_holes,
    gaussian,
    opened,
)
from sam_model.serving.segment_anything import BACKGROUND, BOX_CORNERS, FOREGROUND, PADDING, points_of
from sam_model.serving.windows import Grid, face_ellipse

# All lengths are in units of the face (`Frame`), all heights relative to the eyes.
RAYS = (-80, -55, -28, 0, 28, 55, 80)  # degrees from straight up, along which hair is looked for
UPWARDS = math.radians(30)  # on a ray nearer to that, what lies outside the face is taken for hair before a body too
BODY = (-1.5, 3.2)  # below this height and within this distance of a face's middle may be the body
SOLID = 0.95  # of the matte: a pixel of a person and of nothing else
HAIR_ELLIPSE = (2.4, 3.0, 2.6)  # half axes across, up, down: where hair may lie
COLLAR = (-1.8, 0.85)  # below this height and within this distance of the middle there is no hair
HAT = (0.9, 1.05)  # above this height and within this distance of the middle one vote is enough
CROWN = (1.7, 2.4)  # half axes across and up: where the background begins within, all that is before it is the head
AROUND, LENGTHS = np.radians(np.arange(-110, 111, 2)), np.arange(0.5, 3.0, 0.04)  # rays on which that is looked for
SURE = 1.6  # it begins so near: whoever stands behind, this is the head
CROWDED = (1.5, 2.0, 1.6)  # half axes across, up, down: hair within, where others stand behind
EARS = (0.45, 1.28, 0.75)  # an ellipse this far below the eyes, half axes across and down
NEAR_ELLIPSE = (1.7, 2.4, 1.5)  # half axes across, up, down: what is kept of the matte near a face without a vote
NEAR_BY = 7  # faces within, in units of the smaller, count as neighbours,
NEIGHBOURS = 8  # so many of them
MIN_FACE = 0.75  # share of the ellipse in a face's box that its mask must cover; otherwise the ellipse is the mask

Decode = Callable[[np.ndarray, list[int]], np.ndarray]
"""`SegmentAnything.decode` of one image."""


def heads(
    faces: list[Face], matte: np.ndarray, decode: Decode | None, deadline: float = math.inf
) -> tuple[np.ndarray, int]:
    """Return the heads' share of each pixel, float32 (height, width), and how many heads are the matte near the face.

    ``matte``: float32 (height, width), 0..1, of all people. No decoding begins after ``deadline``, in seconds of
    time.monotonic, or without ``decode``; a head that lacks one is what `NEAR_ELLIPSE` holds of the matte, nearer to
    this face than to another.
    """
    crowd = [_Found(face, frame_of(face.box, face.landmarks)) for face in faces]
    crowd.sort(key=lambda found: -found.frame.unit)  # large faces first: who stands in front
    height, width = matte.shape

    def decode_in_time(points: np.ndarray, labels: list[int]) -> np.ndarray | None:
        return decode(points, labels) if decode and time.monotonic() < deadline else None

    for found in crowd:
        found.mask = _face_mask(found.face, decode_in_time, (height, width))
    alpha, by_matte = np.zeros_like(matte), 0
    for found in crowd:
        grid = Grid.around(found.frame, (height, width))
        view = _View(grid, found, [other for other in crowd if other is not found], matte)
        region = view.head(decode_in_time)
        if region is None:
            by_matte += 1
            region = view.near()
        grid.put(alpha, matte, *view.gates(region))
    return alpha, by_matte


@dataclass
class _Found:
    """``mask``: logits of the face itself, float32 (s, s) over the padded square; None if there was no time."""

    face: Face
    frame: Frame
    mask: np.ndarray | None = None


def _face_mask(face: Face, decode, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the logits of the face's mask, cut off as `mask_bounds` says."""
    height, width = shape
    marks = [mark for mark in face.landmarks.values() if 0 <= mark[0] < width and 0 <= mark[1] < height]
    prompt = Prompt(face.box, np.array(marks, np.float32).reshape(-1, 2))
    logits = decode(*points_of(prompt))
    if logits is None:
        return None
    bounds, scale = mask_bounds(face.box, width, height), len(logits) / max(height, width)
    x0, y0, x1, y1 = cells(bounds, scale)
    cut = np.full_like(logits, -MAX_LOGIT)
    cut[y0:y1, x0:x1] = refine(logits, prompt, bounds, scale)[y0:y1, x0:x1]
    return cut


class _View:
    """One face's window: what is known of its cells."""

    def __init__(self, grid: Grid, found: _Found, others: list[_Found], matte: np.ndarray):
        self.grid, self.frame, self.face = grid, found.frame, found.face
        self.photo = matte.shape
        x, y = grid.pixels()
        self.up, self.across = self.frame.coordinates(x, y)
        self.matte = grid.sample(matte)
        self.unit = self.frame.unit * grid.cells_per_pixel
        others = sorted(others, key=lambda other: _distance(self.frame, other.frame))[:NEIGHBOURS]
        self.near_by = [other for other in others if _distance(self.frame, other.frame) < NEAR_BY]
        distance = np.hypot(self.up, self.across)
        self.nearest = np.ones(grid.shape, bool)
        self.others, self.bodies = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
        for other in self.near_by:
            up, across = other.frame.coordinates(x, y)
            self.nearest &= distance <= np.hypot(up, across)
            self.bodies |= (up < BODY[0]) & (np.abs(across) < BODY[1])
            self.others |= self._mask_of(other)
        self.decoded = found.mask is not None
        self.face_mask = self._mask_of(found)
        self.others &= ~self.face_mask | ~self.nearest
        self.mask = self.face_mask & ~self.others

    def _mask_of(self, found: _Found) -> np.ndarray:
        """Return the face's mask in this window's cells: the ellipse in its box if Segment Anything misses it."""
        ellipse = face_ellipse(found.face.box, self.grid)
        if found.mask is None:
            return ellipse
        mask = self.grid.sample(found.mask, len(found.mask) / max(self.photo)) > 0
        return mask if (mask & ellipse).sum() >= MIN_FACE * ellipse.sum() else mask | ellipse

    def near(self) -> np.ndarray:
        """Return the face and what `NEAR_ELLIPSE` holds of people, nearer to it than to another: bool (h, w)."""
        near = self._ellipse(*NEAR_ELLIPSE) & (self.matte > 0.5) & self.nearest & ~self.others
        return connected_with(near | self.mask, self.mask)

    def _ellipse(self, across: float, above: float, below: float) -> np.ndarray:
        return (self.across / across) ** 2 + (self.up / np.where(self.up > 0, above, below)) ** 2 <= 1

    def head(self, decode) -> np.ndarray | None:
        """Return the head, bool (h, w); None if a decoding found no time."""
        if not self.decoded:
            return None
        votes = []
        for points, labels in self._prompts():
            logits = decode(points, labels)
            if logits is None:
                return None
            votes.append(self._vote(logits))
        up, across, person = self.up, np.abs(self.across), (self.matte > 0.5) & ~self.others
        hat = (up > HAT[0]) & (across < HAT[1])
        seen, rest = votes[0], np.logical_or.reduce(votes[1:])
        crown = self._crown(seen)
        hair = seen & (rest | hat) & self._ellipse(*HAIR_ELLIPSE) & ~((up < COLLAR[0]) & (across < COLLAR[1]))
        within = (crown | self._ellipse(*CROWDED)) if self.near_by else np.ones_like(crown)
        ears = ((self.across / EARS[1]) ** 2 + ((up + EARS[0]) / EARS[2]) ** 2 <= 1) & self.nearest
        known = (seen | votes[1]) if self.near_by else person
        head = (
            fill_holes(self.mask | (person & (ears & known | (hair & within) | (crown & self.nearest)))) & ~self.others
        )
        head |= convex_hull(head & (up > 0.2)) & person & self.nearest & within
        head = opened(head, round(0.06 * self.unit))
        head = gaussian(head.astype(np.float32), max(0.5, 0.08 * self.unit)) > 0.5
        return connected_with(head | self.mask, self.mask) & ~self.others

    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where the background begins on each of the rays `AROUND`, within the limits of a crown.

        As the length of the ray, float (n,), 0 where it doesn't, and as the cells before, bool (n, m) of `_on_rays`.
        """
        limits = CROWN if self.near_by else HAIR_ELLIPSE
        up, across = np.cos(AROUND)[:, None] * LENGTHS, np.sin(AROUND)[:, None] * LENGTHS
        person = self._on_rays(self.matte > 0.5)
        gap = np.lib.stride_tricks.sliding_window_view(np.pad(person, ((0, 0), (0, 5))), 6, axis=1).any(axis=-1)
        within = (up / limits[1]) ** 2 + (across / limits[0]) ** 2 <= 1
        end = np.where((~gap & within).any(axis=1), LENGTHS[(~gap).argmax(axis=1)], 0)
        return end, end[:, None] > LENGTHS

    def _on_rays(self, cells: np.ndarray) -> np.ndarray:
        """Return the bool (h, w) cells at each of `LENGTHS` along each of the rays `AROUND` the eyes: bool (n, m)."""
        x, y = (
            self.frame.eyes[axis]
            + self.frame.unit
            * LENGTHS
            * (np.cos(AROUND)[:, None] * self.frame.up[axis] + np.sin(AROUND)[:, None] * self.frame.side[axis])
            for axis in (0, 1)
        )
        columns = np.floor((x - self.grid.box[0]) * self.grid.cells_per_pixel).astype(int)
        rows = np.floor((y - self.grid.box[1]) * self.grid.cells_per_pixel).astype(int)
        height, width = self.grid.shape
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        return inside & cells[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]

    def _crown(self, found: np.ndarray) -> np.ndarray:
        """Return what lies between the face and the background where that begins within `CROWN`, bool (h, w).

        Above a face there is hair, or a hat, unless somebody else stands there: then the person goes on, or ends
        farther from the face, where a body may be, and Segment Anything has not ``found`` it.
        """
        end, before = self._ends()
        beyond = before & ~self._on_rays(self.mask)
        known = (beyond & self._on_rays(found)).sum(axis=1) >= 0.5 * beyond.sum(axis=1)
        alone = ~(beyond & self._on_rays(self.bodies)).any(axis=1)
        end = np.where(known | alone | (end <= SURE), end, 0)
        angle = np.arctan2(self.across, self.up)
        index = np.clip(np.rint((angle - AROUND[0]) / (AROUND[1] - AROUND[0])).astype(int), 0, len(AROUND) - 1)
        return (np.abs(angle) <= AROUND[-1]) & (np.hypot(self.up, self.across) < end[index])

    def _vote(self, logits: np.ndarray) -> np.ndarray:
        found = self.grid.sample(np.clip(logits, -MAX_LOGIT, MAX_LOGIT), len(logits) / max(self.photo))
        width = float(self.face.box[2] - self.face.box[0]) * self.grid.cells_per_pixel
        return gaussian(found, max(0.5, 0.03 * width)) > 0

    def _prompts(self) -> Iterator[tuple[np.ndarray, list[int]]]:
        """Yield the prompts of the votes: points, float (n, 2) in pixels of the photo, and labels.

        The hair alone, if it was seen in two places or more; a box around the head; a box down to the photo's bottom.
        """
        at = self.frame.point
        hair = self._hair_points()
        marks = list(self.face.landmarks.values())
        others = [mark for other in self.near_by for mark in other.face.landmarks.values()]
        head = self._box(across=2.2, above=2.6, below=2.4)
        yield self._points([*hair, *marks], [*others, at(-2.5, 0)], head)
        body = self._box(across=3.2, above=2.6, below=2.6)
        body[3] = self.photo[0]
        yield self._points(marks, [at(-3.6, 0)], body)
        if len(hair) >= 2:
            yield self._points(hair, [*marks, *others], None)

    def _box(self, across: float, above: float, below: float) -> np.ndarray:
        """Return the upright box around the frame's rectangle, within the photo: float (4,)."""
        corners = np.array([self.frame.point(up, side) for up in (above, -below) for side in (across, -across)])
        height, width = self.photo
        box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        return np.clip(box, 0, [width, height, width, height])

    def _points(self, wanted: list, unwanted: list, box: np.ndarray | None) -> tuple[np.ndarray, list[int]]:
        height, width = self.photo
        labelled = [(mark, FOREGROUND) for mark in wanted] + [(mark, BACKGROUND) for mark in unwanted]
        inside = [(mark, kind) for mark, kind in labelled if 0 <= mark[0] < width and 0 <= mark[1] < height]
        corners = np.zeros((1, 2)) if box is None else box.reshape(2, 2)
        points = np.concatenate([np.array([mark for mark, _ in inside], float).reshape(-1, 2), corners])
        return points, [kind for _, kind in inside] + ([PADDING] if box is None else BOX_CORNERS)

    def _hair_points(self) -> list[np.ndarray]:
        """Return where hair is seen on the rays: just outside the face, on a person, on no other face.

        Beside a face it may be the clothes of somebody who stands behind, unless the background begins there.
        """
        face = dilated(self.mask, max(1, round(2 * self.grid.cells_per_pixel)))
        end, _ = self._ends()
        found = []
        for angle in np.radians(RAYS):
            ray = np.array([math.cos(angle), math.sin(angle)])  # up, across
            for length in np.arange(0.9, 2.4, 0.5 / max(1.0, self.unit)):
                cell = self._cell(ray * length)
                if cell is None or face[cell]:
                    continue
                cell = self._cell(ray * (length + 0.12))
                if cell is not None and self.matte[cell] > SOLID and not self.others[cell]:
                    if self.bodies[cell] and abs(angle) > UPWARDS and not end[np.abs(AROUND - angle).argmin()]:
                        break
                    up, across = ray * (length + 0.12)
                    found.append(self.frame.point(up - 0.1, across))
                break
        return found

    def _cell(self, ray: np.ndarray) -> tuple[int, int] | None:
        """Return the row and column that lie so far (up, across) from 0.1 below the eyes; None outside the window."""
        x, y = self.frame.point(ray[0] - 0.1, ray[1])
        column = int((x - self.grid.box[0]) * self.grid.cells_per_pixel)
        row = int((y - self.grid.box[1]) * self.grid.cells_per_pixel)
        return (row, column) if 0 <= row < self.grid.shape[0] and 0 <= column < self.grid.shape[1] else None

    def gates(self, head: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what `Grid.put` takes for the region ``head``.

        In the soft band counts which share of the solid pixels around is the head's. (A plain dilation draws whiskers
        along shoulders.)
        """
        solid_head = gaussian(head.astype(np.float32), max(0.5, 1.5 * self.grid.cells_per_pixel))
        person = (self.matte > 0.5).astype(np.float32)
        radius = max(1, round(0.3 * self.unit))
        around = box_mean(person, radius)
        share = box_mean(person * head, radius) / np.maximum(around, 1e-6)
        soft = np.where(around > 1e-4, np.clip((share - 0.35) / 0.3, 0, 1), 0)
        thin = float(min(self.face.box[2:] - self.face.box[:2])) * self.grid.cells_per_pixel
        own = eroded(self.face_mask, round(min(0.06 * self.unit, thin / 10)))  # others' faces in it are kept anyhow
        return solid_head, soft, own


def _distance(one: Frame, other: Frame) -> float:
    """Return the distance of two faces in units of the smaller."""
    return float(np.hypot(*(one.eyes - other.eyes))) / min(one.unit, other.unit)
