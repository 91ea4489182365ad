"""Step 4: one mask for the whole photo, in which every face is kept."""

from functools import partial
from typing import Any

import numpy as np

from booth import scenes
from booth.aws import clients, objects, table
from booth.errors import RunEnded
from booth.handlers import step
from booth.log import count, logger
from booth.parallel import together
from booth.pixels import encoding, geometry, masks
from booth.run import Step
from booth.runs import store

clients.at_init(table.connect, objects.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run, detected, cropped, *segmented = together(
        lambda: store.enter(event["run"], Step.MERGE),
        lambda: objects.read_work_json(event["run"], "faces.json"),
        lambda: objects.read_work_json(event["run"], "crops.json"),
        *(partial(read_mask, event["run"], number) for number in event["crops"]),
    )
    faces, crops = geometry.faces_from_json(detected), geometry.crops_from_json(cropped["crops"])
    width, height = cropped["size"]
    found = [fitting(mask, crop, number) for mask, crop, number in zip(segmented, crops, event["crops"], strict=True)]
    keep, by_ellipse = masks.keep_mask(width, height, faces, crops, found)
    objects.write_work(run.id, "mask.png", encoding.encode_mask_for_model(keep), "image/png")
    if by_ellipse:
        count("FacesKeptByEllipse", by_ellipse)
    try:
        store.note_faces(run.id, len(faces), by_ellipse)
    except RunEnded:
        objects.delete_work(run.id)
        raise
    return {"pictures": list(range(1, len(scenes.chosen(run.scenes)) + 1))}


def read_mask(run_id: str, number: int) -> np.ndarray | None:
    """SAM's mask of a crop, bool, True = face; None if there is none."""
    png = objects.find_work(run_id, f"crop_{number}_mask.png")
    return None if png is None else encoding.decode_mask(png)


def fitting(mask: np.ndarray | None, crop: geometry.Crop, number: int) -> np.ndarray | None:
    """The mask, or None if it has another size than its crop."""
    l, t, r, b = crop.box
    if mask is None or mask.shape == (b - t, r - l):
        return mask
    logger.warning("SAM's mask has another size than its crop", crop=number)
    return None
