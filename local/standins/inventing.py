"""What an image model does that invents people: one more of them in a picture, for the fault `invented-person`."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SCALES = (1.0, 0.8, 0.65, 0.5)
"""How large the person may be against the photo's largest one; the first that fits. A smaller one is far behind."""


def with_another_person(photo: np.ndarray, kept: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """The picture, and the head of the largest kept face once more, mirrored, where nothing is kept.

    As it was, if nothing is kept or nothing fits. `photo` and `picture` are uint8 HxWx3, `kept` is bool HxW.
    """
    from local.standins.bedrock import face_boxes  # brings the scene painter

    boxes = face_boxes(kept)
    if not boxes:
        return picture
    left, top, right, bottom = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    wide, high = right - left, bottom - top
    head = photo[max(0, top - high // 2) : bottom + high // 3, max(0, left - wide // 3) : right + wide // 3][:, ::-1]
    for scale in SCALES:
        size = max(1, round(head.shape[1] * scale)), max(1, round(head.shape[0] * scale))
        if place := free_place(kept, *size):
            result = Image.fromarray(picture)
            result.paste(Image.fromarray(head).resize(size, Image.Resampling.LANCZOS), place, oval(size))
            return np.asarray(result)
    return picture


def free_place(kept: np.ndarray, width: int, height: int) -> tuple[int, int] | None:
    """Left and top of a window of this size in which nothing is kept, as far from what is kept as can be."""
    rows, columns = kept.shape
    if width > columns or height > rows:
        return None
    sums = np.pad(kept.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    tops = range(0, rows - height + 1, max(1, height // 6))
    lefts = range(0, columns - width + 1, max(1, width // 6))
    y, x = np.ix_(tops, lefts)
    inside = sums[y + height, x + width] - sums[y, x + width] - sums[y + height, x] + sums[y, x]
    if inside.all():
        return None
    kept_y, kept_x = (places.mean() for places in np.nonzero(kept))
    away = np.hypot(x + width / 2 - kept_x, y + height / 2 - kept_y)
    row, column = np.unravel_index(np.where(inside == 0, away, -1).argmax(), away.shape)
    return int(lefts[int(column)]), int(tops[int(row)])


def oval(size: tuple[int, int]) -> Image.Image:
    """A soft oval that fills an image of this size."""
    mask = Image.new("L", size)
    edge = max(1, min(size) // 12)
    ImageDraw.Draw(mask).ellipse((edge, edge, size[0] - edge, size[1] - edge), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(edge / 2))
