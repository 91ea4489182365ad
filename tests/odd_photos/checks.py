"""What is promised of the kept region and of the pictures (design invariant 5)."""

from collections.abc import Iterator

import numpy as np

from booth.pixels import masks
from booth.pixels.seam import Seam
from tests.support import kept_faces


def broken_promises(case: kept_faces.Case) -> Iterator[str]:
    """What of invariant 5 does not hold before the encoder."""
    height, width = case.keep.shape
    for number, face in enumerate(case.faces):
        outline = masks.ellipse(case.keep.shape, (0, 0), face.box)
        if (case.keep & outline).sum() < masks.ENOUGH * outline.sum():
            yield f"less than 95 % of face {number} is kept"
        spots = [(int(x), int(y)) for x, y in face.landmarks.values() if 0 <= x < width and 0 <= y < height]
        if not all(case.keep[y, x] for x, y in spots):
            yield f"a landmark of face {number} is not kept"
    for number, face in enumerate(case.others):
        if (case.keep & masks.ellipse(case.keep.shape, (0, 0), face.box)).any():
            yield f"a part of face {number} is kept, which is no visitor's"
    painted = np.broadcast_to(np.uint8(90), case.photo.shape)
    if not np.array_equal(Seam(case.photo, case.keep).blend(painted)[case.keep], case.photo[case.keep]):
        yield "kept pixels are not the photo's"


def ellipses(case: kept_faces.Case) -> np.ndarray:
    """Where every picture shows the photo, whether Segment Anything was heard or not: bool, the photo's H x W."""
    parts = [masks.ellipse(case.keep.shape, (0, 0), face.box) & case.keep for face in case.faces]
    return np.logical_or.reduce(parts)


def psnr(picture: np.ndarray, case: kept_faces.Case) -> float:
    """How near the picture is to the photo in the faces, in dB."""
    inside = ellipses(case)
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((picture[inside].astype(float) - case.photo[inside]) ** 2))))
