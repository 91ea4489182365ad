"""Step 5, once per picture: everything but the faces is painted anew, and the faces' pixels are put back."""

from functools import partial
from typing import Any

from booth import clock, keys, limits, scenes
from booth.aws import clients, objects, table
from booth.errors import RunEnded, TimedOut
from booth.handlers import step
from booth.lifecycle import ending
from booth.log import logger
from booth.painting import admission, bedrock, paint, records
from booth.parallel import together
from booth.pixels import encoding
from booth.pixels.seam import Seam
from booth.run import Run, Step
from booth.runs import store

clients.at_init(table.connect, objects.connect, bedrock.connect_all)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    number, attempt = event["picture"], event["attempt"]
    logger.append_keys(picture=number, attempt=attempt)
    run, pace = together(lambda: store.enter(event["run"], Step.GENERATE), records.pace)
    if clock.now_ms() > run.turns[number].at + limits.LATEST_PAINTING_SECONDS * 1000:
        raise TimedOut("too late for another model call")
    order = admission.order(run, pace, number, attempt)
    scene = scenes.for_people(scenes.chosen(run.scenes)[number - 1], run.faces)
    # All of them before the model is asked: a file that can't be read must not cost a picture that is paid for.
    jpeg, mask, webp = together(
        *(partial(objects.read_work, run.id, name) for name in ("photo.jpg", "mask.png", "photo.webp"))
    )
    seed = scenes.seed_for(scene, run.id, number, attempt)
    if not attempt:
        admission.await_slot(run.turns[number])
    # The seam is made ready while the model paints.
    (painted, candidate), seam = together(
        lambda: paint.paint(jpeg, mask, scene, seed, order),
        lambda: Seam(encoding.decode(webp), encoding.decode_mask(mask)),
    )
    publish(run, number, encoding.encode_jpeg(seam.close(painted), xmp=encoding.AI_MARK))
    admission.answered(candidate, pace)
    return {"picture": number}


def publish(run: Run, number: int, jpeg: bytes) -> None:
    """Stores the picture and shows it. An earlier attempt's picture stays as it is; after the end nothing is left."""
    key = keys.picture_key(run.picture_id, number)
    objects.put_result(key, jpeg)
    try:
        store.publish_picture(run.id, number, key)
    except RunEnded:
        ending.withdraw(run.id, key)
        raise
