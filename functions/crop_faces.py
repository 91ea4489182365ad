"""Step 2: cuts crops around the faces and writes one request for the SAM endpoint per crop, and for the whole photo."""

from functools import partial
from typing import Any

import numpy as np

from booth import concurrency, work
from booth.aws import clients, objects, sam, table
from booth.handlers import step
from booth.lifecycle import ending
from booth.parallel import gather
from booth.pixels import encoding, geometry
from booth.run import Step
from booth.runs import store

clients.at_init(table.connect, objects.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run_id = event["run"]
    run, jpeg, faces = gather(
        lambda: store.enter(run_id, Step.CROP),
        lambda: work.read_jpeg(run_id),
        lambda: work.read_faces(run_id),
    )
    photo = encoding.decode(jpeg)
    height, width = photo.shape[:2]
    crops = geometry.crops_around(faces, width, height)
    if run.more:  # first, for it takes the longest
        crops.insert(0, geometry.whole_photo(width, height))

    def write_request(number: int) -> None:
        crop = crops[number]
        if crop.faces:
            l, t, r, b = crop.box
            pixels = photo[t:b, l:r]
            request = sam.request_for(crop, faces, fitting(encoding.encode_for_model(pixels), pixels))
        else:
            request = sam.request_for_more(run.more, faces, (width, height), fitting(jpeg, photo))
        work.write_crop_request(run_id, number, request)

    numbers = list(range(len(crops)))
    gather(
        lambda: work.write_crops(run_id, (width, height), crops),
        *(partial(write_request, number) for number in numbers),
    )
    ending.confirm_running(run_id, lambda run_id: store.advance(run_id, Step.CROP, then=Step.SEGMENT))
    return {"crops": numbers, "at_once": concurrency.at_once()}


def fitting(jpeg: bytes, pixels: np.ndarray) -> bytes:
    """The JPEG of these pixels; a progressive one, which is smaller, if it does not fit into a request."""
    return jpeg if len(jpeg) <= sam.MAX_IMAGE_BYTES else encoding.encode_jpeg(pixels)
