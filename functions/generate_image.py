"""Step 5, once per picture: everything but the faces is painted anew, and the faces' pixels are put back."""

from typing import Any

import numpy as np
from PIL import Image

from booth import ending, generators, limits, objects, scenes, store
from booth.errors import RunEnded, ServiceUnavailable, TimedOut
from booth.log import logger, step
from booth.pixels import composite


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    number, attempt = event["picture"], event["attempt"]
    logger.append_keys(picture=number, attempt=attempt)
    run = store.enter(event["run"], "generate")
    if store.now_ms() > run.claimed + limits.LATEST_PAINTING_SECONDS * 1000:
        raise TimedOut("too late for another model call")
    scene = scenes.chosen(run.scenes)[number - 1]
    photo, mask = objects.read_work(run.run, "photo.png"), objects.read_work(run.run, "mask.png")
    seed = scenes.seed_for(scene, run.run, number, attempt)
    painted = generators.paint(photo, mask, scene, seed, number, attempt)
    jpeg = finished(composite.decode(photo), composite.decode(mask)[..., 0] < 128, painted)
    publish(run, number, jpeg)
    return {"picture": number}


def finished(photo: np.ndarray, keep: np.ndarray, painted: bytes) -> bytes:
    """The JPEG a visitor gets: what the model painted, at the photo's size, with the kept pixels of the photo."""
    try:
        generated = composite.decode(painted)
    except OSError as error:
        raise ServiceUnavailable("the model's answer is no image") from error
    if generated.shape != photo.shape:
        size = (photo.shape[1], photo.shape[0])
        generated = np.asarray(Image.fromarray(generated).resize(size, Image.Resampling.LANCZOS))
    return composite.encode_jpeg(composite.composite(photo, generated, keep), xmp=composite.AI_MARK)


def publish(run: store.Run, number: int, jpeg: bytes) -> None:
    """Stores the picture and shows it. An earlier attempt's picture stays as it is; after the end nothing is left."""
    key = objects.picture_key(run.picture_id, number)
    objects.put_result(key, jpeg)
    try:
        store.publish_picture(run.run, number, key)
    except RunEnded:
        ending.withdraw(run.run, key)
        raise
