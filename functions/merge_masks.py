"""Step 4: one mask for the whole photo, in which every face is kept."""

from typing import Any

import numpy as np

from booth import aws, objects, scenes, store
from booth.errors import RunEnded
from booth.log import count, logger, step
from booth.parallel import at_once, together
from booth.pixels import composite, geometry, masks

aws.at_init(store.connect, objects.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run, detected, cropped = together(
        lambda: store.enter(event["run"], "merge"),
        lambda: objects.read_work_json(event["run"], "faces.json"),
        lambda: objects.read_work_json(event["run"], "crops.json"),
    )
    faces, crops = geometry.faces_from_json(detected), geometry.crops_from_json(cropped["crops"])
    width, height = cropped["size"]
    found = at_once(lambda number: read_mask(run.run, number, crops[number]), range(len(crops)))
    keep, by_ellipse = masks.keep_mask(width, height, faces, crops, found)
    objects.write_work(run.run, "mask.png", composite.encode_mask_for_model(keep), "image/png")
    if by_ellipse:
        count("FacesKeptByEllipse", by_ellipse)
    try:
        store.note_faces(run.run, len(faces), by_ellipse)
    except RunEnded:
        objects.delete_work(run.run)
        raise
    return {"pictures": list(range(1, len(scenes.chosen(run.scenes)) + 1))}


def read_mask(run: str, number: int, crop: geometry.Crop) -> np.ndarray | None:
    """SAM's mask of a crop, bool, True = face; None if there is none, or if it is not of the crop's size."""
    png = objects.find_work(run, f"crop_{number}_mask.png")
    if png is None:
        return None
    mask = composite.decode_mask(png)
    l, t, r, b = crop.box
    if mask.shape != (b - t, r - l):
        logger.warning("SAM's mask has another size than its crop", crop=number)
        return None
    return mask
