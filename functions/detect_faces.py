"""Step 1: validates and normalises the photo, publishes its upright copy, and finds the visitors' faces."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from booth import scenes, work
from booth.aws import clients, objects, rekognition, table
from booth.errors import NoFaceFound, PhotoRefused, PhotoTooLarge
from booth.handlers import step
from booth.lifecycle import ending, publishing
from booth.log import count, logger
from booth.pixels import intake
from booth.pixels.visitors import visitors_of
from booth.run import Run, Step
from booth.runs import store

clients.at_init(table.connect, objects.connect, rekognition.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run = store.enter(event["run"], Step.DETECT)
    data = objects.read_upload(run.key, run.version, limit=intake.MAX_BYTES)
    if data is None:
        raise PhotoTooLarge("too many bytes")
    details, size = detect(run, data)
    faces = visitors_of(details, *size)
    count("Faces", len(faces))
    logger.info("faces", found=len(details), visitors=len(faces))
    if not faces:
        raise NoFaceFound(f"of {len(details)} faces none is sure")
    work.write_faces(run.id, faces)
    ending.confirm_running(run.id)
    return {"faces": len(faces)}


def detect(run: Run, data: bytes) -> tuple[list[dict[str, Any]], tuple[int, int]]:
    """`FaceDetails` of the photo, by Rekognition; moderation labels at the same time, if MODERATION_THRESHOLD is not 0.

    Meanwhile the normalised photo is made, unless Rekognition's copy needs it, and written under work/. The copy is
    published once moderation has passed.

    Also returns the normalised photo's width and height.

    Raises:
        PhotoRefused: it has a moderation label for which photos are refused.
        PhotoError: as `intake.normalise`.
    """
    threshold, side = float(os.environ["MODERATION_THRESHOLD"]), int(os.environ["PICTURE_SIDE"])
    if seen := intake.as_it_lies(data, side):
        upload = None
    else:
        upload = intake.normalise(data, side)
        seen = upload.detection
    with ThreadPoolExecutor(2) as pool:
        details = pool.submit(rekognition.detect_faces, seen)
        refused = pool.submit(rekognition.is_refused, seen, threshold) if threshold else None
        upload = upload or intake.normalise(data, side)
        jpeg = work.write_photo(run.id, np.asarray(upload.photo))
        if refused and refused.result():
            raise PhotoRefused("moderation labels")
        publishing.publish_copy(run, jpeg, scenes.chosen(run.scenes))
        return details.result(), upload.size
