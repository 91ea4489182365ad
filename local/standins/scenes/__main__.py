"""`make thumbnails`: paints web/thumbnails/<id>.jpg for each scene without one, or for the scenes that are named."""

import io
import sys

import numpy as np
from PIL import Image

from local.check_scenes import THUMBNAIL_BYTES, THUMBNAIL_SIZE, THUMBNAILS, scenes
from local.standins.scenes import render


def thumbnail(scene: scenes.Scene) -> bytes:
    """A JPEG of the scene without people, as good as fits into the bytes a thumbnail may have. Raises ValueError."""
    width, height = THUMBNAIL_SIZE
    seed = 1 if scene.seed is None else scene.seed
    painting = render(scenes.for_people(scene.prompt, 2), scene.negative, seed, 3 * width, 3 * height)
    small = Image.fromarray(painting).resize(THUMBNAIL_SIZE, Image.Resampling.LANCZOS)
    for quality in range(85, 0, -3):
        out = io.BytesIO()
        small.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() <= THUMBNAIL_BYTES:
            return out.getvalue()
    raise ValueError(f"{scene.id} does not fit into {THUMBNAIL_BYTES} bytes")


if __name__ == "__main__":
    THUMBNAILS.mkdir(exist_ok=True)
    catalogue, named = scenes.catalogue(), sys.argv[1:]
    if unknown := sorted(set(named) - catalogue.keys()):
        sys.exit(f"{', '.join(unknown)}: no such scene; there are {', '.join(catalogue)}")
    for scene in catalogue.values():
        file = THUMBNAILS / f"{scene.id}.jpg"
        if scene.id not in named and (named or file.exists()):
            continue
        data = thumbnail(scene)
        file.write_bytes(data)
        mean = np.asarray(Image.open(io.BytesIO(data))).mean((0, 1)).round().astype(int)
        print(f"{scene.id}: {len(data)} bytes, mean colour #{mean[0]:02x}{mean[1]:02x}{mean[2]:02x}")
