"""What an image model does to people whose hair or clothes are not kept: paints others. For the Bedrock stand-in."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from local.standins.scenes.noise import blur, resize

SIDE = 512  # pixels of the longer side at which hair, skin and clothes are told apart
CELL = 2  # pixels of that size: bodies are told apart by cells
CLOTHES = ((0.10, 0.42, 0.47), (0.62, 0.12, 0.17), (0.80, 0.58, 0.13), (0.16, 0.25, 0.58), (0.16, 0.40, 0.22),
           (0.44, 0.18, 0.42), (0.85, 0.42, 0.20), (0.78, 0.76, 0.70))  # fmt: skip
HAIR = ((0.58, 0.24, 0.08), (0.86, 0.76, 0.52), (0.16, 0.10, 0.09), (0.60, 0.60, 0.62), (0.50, 0.14, 0.20))
ENOUGH = 0.6  # share of somebody's hair or clothes that is kept, from which the rest is left as it is

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Face:
    """A face that is kept. Pixels of the photo."""

    box: Box
    """left, top, right, bottom"""
    eyes: tuple[float, float]
    """The point between the eyes, x and y."""
    up: tuple[float, float]
    """From the mouth to the eyes: x and y."""

    @classmethod
    def in_box(cls, box: Box) -> "Face":
        """An upright face that fills the box."""
        left, top, right, bottom = box
        return cls(box, ((left + right) / 2, top + 0.42 * (bottom - top)), (0.0, -0.36 * (bottom - top)))


def faces_of(found: Iterable[tuple[float, np.ndarray, np.ndarray]], kept: np.ndarray, regions: list[Box]) -> list[Face]:
    """The faces among those `found` (as the face detector says it) that are kept, bool HxW.

    A region, a component of what is kept, in which none was found is taken for a face.
    """
    height, width = kept.shape
    faces = []
    for _, box, marks in found:
        eye_left, eye_right, _, mouth_left, mouth_right = marks * (width, height)
        eyes, mouth = (eye_left + eye_right) / 2, (mouth_left + mouth_right) / 2
        x, y = (int(v) for v in (eyes + mouth) / 2)
        if 0 <= x < width and 0 <= y < height and kept[y, x]:
            left, top, right, bottom = (round(float(v)) for v in box * (width, height, width, height))
            up = (eyes - mouth) * max(1.0, 1.05 * np.hypot(*(eye_right - eye_left)) / max(np.hypot(*(eyes - mouth)), 1))
            inside = max(0, left), max(0, top), min(width, right), min(height, bottom)
            faces.append(Face(inside, (float(eyes[0]), float(eyes[1])), (float(up[0]), float(up[1]))))
    seen = [((f.box[0] + f.box[2]) / 2, (f.box[1] + f.box[3]) / 2) for f in faces]
    bare = [r for r in regions if not any(r[0] <= x < r[2] and r[1] <= y < r[3] for x, y in seen)]
    return faces + [Face.in_box(region) for region in bare]


@dataclass(frozen=True)
class Zone:
    """Somebody's hair or clothes that are painted anew."""

    weight: np.ndarray
    """float32, 0..1, of the photo with SIDE pixels on its longer side."""
    level: float
    """How light they are in the photo, 0..1."""
    choices: np.ndarray
    """Colours that none of them has, float32 n x 3, 0..1."""


def zones(colours: np.ndarray, alpha: np.ndarray, kept: np.ndarray, faces: list[Face]) -> list[Zone]:
    """Hair and clothes that are painted anew, of everybody whose face is kept.

    Hair is what is seen of a person above the mouth and is neither kept nor an ear; clothes are what is below and has
    not the face's colour, as neck and hands have. Of whom most is kept, nothing is painted anew.

    Args:
        colours: the people's own, float32 HxWx3, 0..1. alpha: float32 HxW, 0..1. kept: bool HxW.
    """
    scale = min(1.0, SIDE / max(kept.shape))
    look, seen, held = (_small(each, scale) for each in (colours, alpha, kept))
    y, x = np.mgrid[: held.shape[0], : held.shape[1]].astype(np.float32)
    heads = [(np.array(f.eyes) * scale, np.array(f.up) * scale, max(1.0, np.hypot(*f.up) * scale)) for f in faces]
    if not heads:
        return []
    owner = np.argmin([np.hypot(x - e[0], y - e[1]) / u for e, _, u in heads], axis=0)
    wearer = _wearers(look, heads)
    hair = np.zeros_like(x)
    for index, head in enumerate(heads):  # beside and above a face, before whomever
        above, aside = _view(x, y, *head)
        np.copyto(hair, np.clip(4 * (above + 1.1), 0, 1) * (aside < 1.8) * (above < 2.6), where=owner == index)
    made = []
    for index, head in enumerate(heads):
        above, aside = _view(x, y, *head)
        face = (aside < 0.7) & (above < 0.2) & (above > -0.9)
        if not face.any():
            continue
        skin = _likeness(look, look[face]) * np.clip(4 * (0.5 - above), 0, 1)
        away = np.clip(1 - 2.2 * blur(held, max(1.0, 0.08 * head[2])), 0, 1)
        for part, palette in ((hair * (owner == index), HAIR), ((1 - hair) * (wearer == index), CLOTHES)):
            whole = seen * part * (1 - skin)
            if whole.sum() >= 1 and (whole * held).sum() < ENOUGH * whole.sum():
                level = float((look.mean(-1) * whole).sum() / whole.sum())
                choices = _others(palette, look[whole > 0.5])
                made.append(Zone(blur(part * (1 - skin) * away, 1.0), level, choices))
    return made


def _view(x: np.ndarray, y: np.ndarray, eyes: np.ndarray, up: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """How far above a face's eyes, and to their sides, the pixels are, in units of the face: the mouth is at -1."""
    dx, dy = x - eyes[0], y - eyes[1]
    return (dx * up[0] + dy * up[1]) / unit**2, np.abs(dy * up[0] - dx * up[1]) / unit**2


def _wearers(look: np.ndarray, heads: list[tuple[np.ndarray, np.ndarray, float]]) -> np.ndarray:
    """Whose clothes each pixel (RGB, 0..1) would be: theirs from whose chest the shortest way leads there.

    A way is long where colours change, so clothes end at their own edges. `heads`: eyes, up and unit of each face, in
    pixels. int HxW, their indexes.
    """
    cells = look[::CELL, ::CELL]
    y, x = np.mgrid[: cells.shape[0], : cells.shape[1]].astype(np.float32) * CELL
    across, down = (np.abs(np.diff(cells, axis=axis)).sum(-1).clip(0, 0.4) * 20 + 0.3 for axis in (1, 0))
    ways = np.full((len(heads), *cells.shape[:2]), 1e6, np.float32)
    taken = np.zeros(cells.shape[:2], bool)
    for index in sorted(range(len(heads)), key=lambda index: -heads[index][0][1]):  # from the front: lower faces
        above, aside = _view(x, y, *heads[index])
        ways[index][(aside < 1.1) & (above < -1.7) & (above > -5.0) & ~taken] = 0
        taken |= (aside < 1.3) & (above < 1.3)
    for _ in range(3):
        for lengths, paths in ((across.T, ways.transpose(2, 0, 1)), (down, ways.transpose(1, 0, 2))):
            for cell in range(len(lengths)):
                np.minimum(paths[cell + 1], paths[cell] + lengths[cell], out=paths[cell + 1])
            for cell in range(len(lengths) - 1, -1, -1):
                np.minimum(paths[cell], paths[cell + 1] + lengths[cell], out=paths[cell])
    wearer = ways.argmin(axis=0)
    return np.repeat(np.repeat(wearer, CELL, axis=0), CELL, axis=1)[: look.shape[0], : look.shape[1]]


def dressed(colours: np.ndarray, found: list[Zone], seed: int) -> np.ndarray:
    """The people with other hair and clothes: the colours (float32 HxWx3, 0..1) with each zone's light and shade in a
    colour that the seed chooses. A new array.
    """
    if not found:
        return colours.copy()
    weight = sum(zone.weight for zone in found)
    share = np.maximum(weight, 1e-3)
    chosen = [zone.choices[(seed + n) % len(zone.choices)] for n, zone in enumerate(found)]
    paint = sum(zone.weight[..., None] * colour for zone, colour in zip(found, chosen, strict=True)) / share[..., None]
    level = sum(zone.weight * zone.level for zone in found) / share
    height, width = colours.shape[:2]
    fields = resize(np.dstack([paint, level, np.minimum(weight, 1)]).astype(np.float32), height, width)
    paint, level, weight = fields[..., :3], fields[..., 3:4], fields[..., 4:]
    # Light and shade of what was there; dark cloth has little, and it is made more.
    shade = np.clip(1 + (colours.mean(-1, keepdims=True) - level) / (level + 0.15), 0.3, 1.6)
    return colours + weight * (np.clip(paint * shade, 0, 1) - colours)


def _others(palette: tuple[tuple[float, float, float], ...], had: np.ndarray) -> np.ndarray:
    """The half of the palette that is least like the colours (n x 3) that there were, float32, 0..1."""
    colours = np.array(palette, np.float32)
    tints = had / np.maximum(had.mean(-1, keepdims=True), 0.1)
    apart = [np.linalg.norm(tints - colour / colour.mean(), axis=-1).mean() if len(had) else 0 for colour in colours]
    return colours[np.sort(np.argsort(apart)[len(colours) // 2 :])]


def _small(field: np.ndarray, scale: float) -> np.ndarray:
    """A field of 0..1, HxW or HxWx3, at this scale, float32."""
    size = max(1, round(field.shape[1] * scale)), max(1, round(field.shape[0] * scale))
    image = Image.fromarray((field * 255.0).astype(np.uint8))
    return np.asarray(image.resize(size, Image.Resampling.BOX), np.float32) / 255


def _likeness(look: np.ndarray, face: np.ndarray) -> np.ndarray:
    """How much each pixel (RGB, 0..1) has the colour of a face's pixels, n x 3: float32 HxW, 0..1."""
    usual = np.median(face, axis=0)
    light = look.mean(-1)
    # Of equal light, for a neck lies in the chin's shade.
    apart = look / np.maximum(light, 0.04)[..., None] - usual / max(float(usual.mean()), 0.04)
    tone = np.exp(-((apart**2).sum(-1)) / (2 * 0.16**2))
    return tone * np.clip(3.5 - 8 * np.abs(light - usual.mean()), 0, 1)
