"""Step 1: makes the photo safe and uniform, shows its upright copy, and finds the faces."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from booth import scenes
from booth.aws import clients, objects, rekognition, table
from booth.errors import NoFaceFound, PhotoRefused, PhotoTooLarge, RunEnded
from booth.handlers import step
from booth.lifecycle import ending
from booth.log import count
from booth.parallel import together
from booth.pixels import encoding, geometry, intake
from booth.run import Run, Step
from booth.runs import store

clients.at_init(table.connect, objects.connect, rekognition.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run = store.enter(event["run"], Step.DETECT)
    data = objects.read_upload(run.key, run.version, limit=intake.MAX_BYTES)
    if data is None:
        raise PhotoTooLarge("too many bytes")
    taken = intake.normalise(data, int(os.environ["PICTURE_SIDE"]))
    details = look(run, taken)
    faces = geometry.faces_from_rekognition(details, *taken.size)
    count("Faces", len(faces))
    if not faces:
        raise NoFaceFound("DetectFaces found none")
    objects.write_work_json(run.id, "faces.json", geometry.faces_to_json(faces))
    ending.confirm(run.id)
    return {"faces": len(faces)}


def look(run: Run, taken: intake.Intake) -> list[dict[str, Any]]:
    """Asks Rekognition for the faces and, if that is wanted, for what is not painted, at the same time.

    Meanwhile the photo is stored, and shown as soon as it may be. Raises PhotoRefused.
    """
    threshold = float(os.environ["MODERATION_THRESHOLD"])
    with ThreadPoolExecutor(2) as pool:
        details = pool.submit(rekognition.detect_faces, taken.detection)
        refused = pool.submit(rekognition.is_refused, taken.detection, threshold) if threshold else None
        photo = np.asarray(taken.photo)
        jpeg = encoding.encode_for_model(photo)
        together(
            lambda: objects.write_work(run.id, "photo.jpg", jpeg, "image/jpeg"),
            lambda: objects.write_work(run.id, "photo.webp", encoding.encode_exact(photo), "image/webp"),
        )
        if refused and refused.result():
            raise PhotoRefused("moderation labels")
        publish_copy(run, jpeg)
        return details.result()


def publish_copy(run: Run, jpeg: bytes) -> None:
    """Stores the upright copy and shows it, with the list of the pictures that will come."""
    objects.put_result(run.key, jpeg)
    try:
        store.publish_copy(run.id, run.key, [scene.id for scene in scenes.chosen(run.scenes)])
    except RunEnded:
        ending.withdraw(run.id, run.key)
        objects.delete_work(run.id)
        raise
