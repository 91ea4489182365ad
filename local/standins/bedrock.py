"""Stand-in for the image models on Bedrock runtime: procedural scenes behind their wire formats."""

import hashlib
import threading
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from werkzeug.wrappers import Request, Response

from local.standins import dressing, image_models, rekognition
from local.standins.dressing import Box, Face
from local.standins.image_wires import Order
from local.standins.matte import GUIDE_SIDE, Matte
from local.standins.rekognition import FaceDetector
from local.standins.scenes import render
from local.standins.scenes.noise import blur


class Bedrock:
    """Bedrock runtime: a request in, a response out. Threads may share it; the models load at first use."""

    def __init__(self):
        self._models: tuple[Matte, FaceDetector] | None = None
        self._seen: tuple[bytes, People] | None = None
        self._looking = threading.Lock()

    def __call__(self, request: Request) -> Response:
        """Answer `POST /model/{modelId}/invoke`; all else is Bedrock's UnknownOperationException (404)."""
        return image_models.serve(request, self.paint)

    def paint(self, order: Order) -> list[np.ndarray]:
        """As the function `paint`. A visit's pictures are of one photo: who is in it is looked for once."""
        photo = hashlib.sha256(order.photo.tobytes() + order.kept.tobytes() + repr(order.kept.shape).encode()).digest()
        with self._looking:
            if self._models is None:
                self._models = Matte(), FaceDetector(rekognition.MODEL)
            if self._seen is None or self._seen[0] != photo:
                self._seen = photo, look(order.photo, order.kept, *self._models)
            people = self._seen[1]
        return paint(order, people)


BEDROCK = Bedrock()
"""The one of this process: the painter's endpoint paints with it, too."""


@dataclass(frozen=True)
class People:
    """The people in a photo whose faces are kept."""

    faces: list[Face]
    alpha: np.ndarray
    """How much each pixel belongs to them, float32 HxW, 0..1."""
    colours: np.ndarray
    """Their own, float32 HxWx3, 0..1."""
    zones: list[dressing.Zone]
    """Their hair and clothes that are painted anew."""


def look(photo: np.ndarray, kept: np.ndarray, matte: Matte, detector: FaceDetector) -> People:
    """Who is in a photo, uint8 HxWx3, of which some is kept, bool HxW."""
    faces = find_faces(photo, kept, detector)
    alpha, colours = cut_out(photo, kept, faces, matte)
    return People(faces, alpha, colours, dressing.zones(colours, alpha, kept, faces))


def paint(order: Order, people: People) -> list[np.ndarray]:
    """One picture for each seed, of the photo's size, uint8 HxWx3.

    As a model does, it looks at the whole photo: the people whose faces are kept are in the picture, with other hair
    and clothes where these are not kept. Everybody else is painted over.
    """
    height, width = order.kept.shape
    images = []
    for seed in order.seeds:
        scene = render(order.text, order.negative, seed, width, height)
        clothed = dressing.dressed(people.colours, people.zones, seed)
        images.append(compose(order.photo, order.kept, people.faces, people.alpha, clothed, scene))
    return images


def find_faces(photo: np.ndarray, kept: np.ndarray, detector: FaceDetector) -> list[Face]:
    """The faces in the photo (uint8 HxWx3) that are kept (bool HxW)."""
    if not kept.any():
        return []
    small = Image.fromarray(photo)
    small.thumbnail((GUIDE_SIDE, GUIDE_SIDE), Image.Resampling.BOX)
    return dressing.faces_of(detector(small), kept, face_boxes(kept))


def cut_out(photo: np.ndarray, kept: np.ndarray, faces: list[Face], matte: Matte) -> tuple[np.ndarray, np.ndarray]:
    """The people that the kept faces belong to: alpha float32 HxW 0..1, and their colours float32 HxWx3 0..1.

    `photo` is uint8 HxWx3, `kept` bool HxW. At soft edges the old background's colour is taken out, so that
    hair has no halo: Forte, "Approximate Fast Foreground Colour Estimation" (2021), equations 4 to 6.
    """
    boxes = [face.box for face in faces]
    windows = [_surroundings(box, kept.shape) for box in boxes]
    closer = [w for w in windows if min(w[2] - w[0], w[3] - w[1]) < 0.7 * min(kept.shape)]
    alpha = np.maximum(matte.person_matte(photo, closer), kept)
    alpha = reconstruct(alpha, kept) * within_reach(boxes, kept.shape)
    image = photo.astype(np.float32) / 255
    radius = max(kept.shape) / 90
    weight = alpha[..., None]
    covered = blur(alpha, radius)[..., None]
    mean = blur(image * weight, radius)
    inside = mean / (covered + 1e-3)
    outside = (blur(image, radius) - mean) / (1 - covered + 1e-3)
    colours = inside + weight * (image - weight * inside - (1 - weight) * outside)
    colours = np.clip(np.where(weight > 0.98, image, colours), 0, 1)
    for box in boxes:
        if _neck(alpha, box) < 0.35:
            shape = bust(box, kept.shape)
            colours += (shape * (1 - alpha))[..., None] * (_skin(image, box) - colours)
            alpha = np.maximum(alpha, shape)
    return alpha, colours


def _skin(image: np.ndarray, face: Box) -> np.ndarray:
    """The colour in the middle of a face, float32 RGB, 0..1."""
    left, top, right, bottom = face
    wide, high = right - left, bottom - top
    middle = image[top + high // 3 : bottom - high // 4, left + wide // 4 : right - wide // 4]
    return (
        np.asarray(np.median(middle.reshape(-1, 3), axis=0)) if middle.size else np.array([0.6, 0.5, 0.45], np.float32)
    )


def face_boxes(kept: np.ndarray) -> list[Box]:
    """Bounding boxes (left, top, right, bottom in pixels) of the kept region's connected components, to a 128th of the
    photo's longer side.
    """
    height, width = kept.shape
    scale = 128 / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = _shrunk(kept, size).point(_above(64))
    boxes = []
    while len(boxes) < 100 and (places := np.argwhere(np.asarray(small) == 255)).size:
        ImageDraw.floodfill(small, (int(places[0][1]), int(places[0][0])), 128)
        rows, columns = np.nonzero(np.asarray(small) == 128)
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        boxes.append(tuple(int(v / scale) for v in (left, top, right, bottom)))
        small = small.point(lambda v: 0 if v == 128 else v)
    return boxes


def _shrunk(field: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """A field of 0..1 as 8-bit picture of `size` (width, height), averaged."""
    return Image.fromarray((field * 255.0).astype(np.uint8)).resize(size, Image.Resampling.BOX)


def _above(limit: int) -> list[int]:
    """For `Image.point`: 255 for values above the limit, else 0."""
    return [255 if value > limit else 0 for value in range(256)]


def _surroundings(face: Box, shape: tuple[int, int]) -> Box:
    """A square window with the face's head and shoulders, inside the photo."""
    left, top, right, bottom = face
    half = round(1.9 * max(right - left, bottom - top))
    x, y = (left + right) // 2, (top + bottom) // 2 + half // 4
    return max(0, x - half), max(0, y - half), min(shape[1], x + half), min(shape[0], y + half)


def reconstruct(alpha: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The matte without connected components that hold no kept face (float32 HxW).

    A morphological reconstruction of the matte's mask from the kept region, with 128 pixels on the longer side.
    """
    height, width = alpha.shape
    scale = 128 / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    person = _shrunk(alpha, size).point(_above(40))
    reached, grown = None, _shrunk(kept, size).point(_above(0))
    while grown != reached:
        reached = grown
        grown = ImageChops.lighter(reached, ImageChops.darker(reached.filter(ImageFilter.MaxFilter(3)), person))
    around = grown.filter(ImageFilter.MaxFilter(3))
    return alpha * (np.asarray(around.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 255)


def within_reach(faces: list[Box], shape: tuple[int, int]) -> np.ndarray:
    """How much each pixel may belong to one of the faces' bodies: float32 HxW, 0..1. Whoever stands farther away is
    somebody else, whom the matte takes for a person too.
    """
    y, x = np.ogrid[: shape[0], : shape[1]]
    reach = np.zeros(shape, np.float32)
    for left, top, right, bottom in faces:
        wide, high = right - left, bottom - top
        aside = np.abs(x - (left + right) / 2) / wide
        above = (top - y) / high
        reach = np.maximum(reach, np.clip(5 * (2.2 - aside), 0, 1) * np.clip(5 * (1.4 - above), 0, 1))
    return reach


def _neck(alpha: np.ndarray, face: Box) -> float:
    """Mean alpha just under a face; 1 where the photo ends there."""
    left, top, right, bottom = face
    tall, inset = bottom - top, (right - left) // 4
    under = alpha[bottom + tall // 8 : bottom + tall // 2, left + inset : right - inset]
    return float(under.mean()) if under.size else 1.0


def bust(face: Box, shape: tuple[int, int]) -> np.ndarray:
    """A soft head-and-shoulders shape round a face, float32 HxW, for where the matte found nobody."""
    left, top, right, bottom = face
    x, y, w, h = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    drawing = Image.new("L", (shape[1], shape[0]))
    draw = ImageDraw.Draw(drawing)
    draw.ellipse((x - 0.72 * w, y - 0.80 * h, x + 0.72 * w, y + 0.62 * h), fill=255)
    draw.rectangle((x - 0.36 * w, y, x + 0.36 * w, y + 1.1 * h), fill=255)
    draw.rounded_rectangle((x - 1.35 * w, y + 0.85 * h, x + 1.35 * w, y + 6 * h), 0.9 * w, fill=255)
    return np.asarray(drawing.filter(ImageFilter.GaussianBlur(0.07 * h)), np.float32) / 255


def compose(
    photo: np.ndarray,
    kept: np.ndarray,
    faces: list[Face],
    alpha: np.ndarray,
    colours: np.ndarray,
    scene: np.ndarray,
) -> np.ndarray:
    """People over the scene, in its light; kept pixels are the photo's own. uint8 HxWx3.

    The faces stay as they were lit, so the scene's light may not fight them: it takes over with the distance from a
    face, as if a soft lamp stood there. It comes from the part of the scene that is near, in colour and strength, and
    lights the outline from behind.
    """
    background = scene.astype(np.float32) / 255
    side = max(kept.shape)
    face = max((max(r - l, b - t) for l, t, r, b in (face.box for face in faces)), default=0)
    away = (1 - np.clip(2.2 * blur(kept.astype(np.float32), max(face / 4, side / 60)), 0, 1))[..., None]
    spill = blur(background, side / 12)
    brightness = spill.mean(-1, keepdims=True)
    tint = (spill / np.maximum(brightness, 0.05)) ** 0.45
    level = 0.52 + 0.52 * np.minimum(1, brightness / 0.5) ** 0.8
    lit = colours * (1 + away * (np.clip(tint, 0.6, 1.5) * level - 1))
    weight = alpha[..., None]
    # What the light reaches from behind: the outline.
    rim = weight * blur(1 - alpha, side / 150)[..., None] + 0.5 * weight * (1 - weight)
    lit = 1 - (1 - np.clip(lit, 0, 1)) * (1 - 0.75 * away * np.clip(rim, 0, 1) * blur(background, side / 40))
    shade = blur(alpha, side / 30)[..., None]
    mixed = background * (1 - 0.16 * shade)
    mixed += (lit - mixed) * weight
    result = (np.clip(mixed, 0, 1) * 255 + 0.5).astype(np.uint8)
    result[kept] = photo[kept]
    return result
