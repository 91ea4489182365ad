"""Step 4: merges the crops' masks into one mask of the whole photo, in which every face is kept.

Where pictures keep more than the face, also an alpha for each `Keep`, and the people's own colours. Meanwhile the
pictures get their turns at the image models.
"""

import os
from functools import partial
from typing import Any

import numpy as np

from booth import work
from booth.aws import clients, objects, table
from booth.handlers import step
from booth.keep import Keep
from booth.lifecycle import ending
from booth.log import count, logger
from booth.painting import admission
from booth.parallel import gather
from booth.pixels import encoding, foreground, masks
from booth.pixels.geometry import Crop
from booth.pixels.seam import soft_edge
from booth.run import Run, Step
from booth.runs import store

clients.at_init(table.connect, objects.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run_id, numbers = event["run"], event["crops"]
    run, faces, ((width, height), crops), *segmented = gather(
        lambda: store.enter(run_id, Step.MERGE),
        lambda: work.read_faces(run_id),
        lambda: work.read_crops(run_id),
        *(partial(work.find_crop_mask, run_id, number) for number in numbers),
    )

    def merge() -> None:
        found = [fitting(mask, crop, number) for mask, crop, number in zip(segmented, crops, numbers, strict=True)]
        keep, by_ellipse = masks.keep_mask(width, height, faces, crops, found)
        work.write_mask(run_id, keep)
        if by_ellipse:
            count("FacesKeptByEllipse", by_ellipse)
        not_kept = cut_out(run, keep) if run.more else []
        ending.confirm_running(run_id, lambda run_id: store.set_faces(run_id, len(faces), by_ellipse, not_kept))
        if not_kept:
            count("KeptLess")

    pictures = list(range(1, len(run.pictures) + 1))
    # A deployment changes a function's code a moment before its settings. Then the previous definition's Admit follows.
    if "IMAGE_MODELS" not in os.environ:
        merge()
        return {"pictures": pictures}
    _, admitted = gather(merge, lambda: admission.admit(run_id, pictures))
    return {"pictures": pictures} | admission.turns_of(admitted, pictures)


def cut_out(run: Run, keep: np.ndarray) -> list[Keep]:
    """Writes what is kept for each `Keep` beyond the face; returns those of which the endpoint gave no alpha.

    Args:
        keep: the mask of the faces, bool, H x W.
    """
    reads = [partial(work.find_found, run.id, more) for more in run.more]
    webp, *answers = gather(lambda: work.read_lossless(run.id), *reads)
    found = {more: alpha for more, alpha in zip(run.more, answers, strict=True) if alpha is not None}
    for more in [more for more, alpha in found.items() if alpha.shape != keep.shape]:
        logger.warning("the alpha has another size than the photo", keep=more)
        del found[more]
    if found:
        photo = encoding.decode(webp)
        for more, alpha in masks.alphas(soft_edge(keep), found).items():
            work.write_cutout(run.id, more, alpha, foreground.estimate(photo, alpha))
    return [more for more in run.more if more not in found]


def fitting(mask: np.ndarray | None, crop: Crop, number: int) -> np.ndarray | None:
    """The mask (bool, H x W) of crop `number`, or None if there is none or its size is not the crop's."""
    l, t, r, b = crop.box
    if mask is None or mask.shape == (b - t, r - l):
        return mask
    logger.warning("SAM's mask has another size than its crop", crop=number)
    return None
