"""Step 5, once per picture: everything but the faces is painted anew, and the faces' pixels are put back."""

from functools import partial
from typing import Any

from booth import aws, bedrock, ending, generators, limits, objects, pacing, scenes, store
from booth.errors import RunEnded, TimedOut
from booth.log import logger, step
from booth.parallel import together
from booth.pixels import composite

aws.at_init(store.connect, objects.connect, bedrock.connect_all)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    number, attempt = event["picture"], event["attempt"]
    logger.append_keys(picture=number, attempt=attempt)
    run, pace = together(lambda: store.enter(event["run"], "generate"), store.pace)
    if store.now_ms() > run.turns[number].at + limits.LATEST_PAINTING_SECONDS * 1000:
        raise TimedOut("too late for another model call")
    order = pacing.order(run, pace, number, attempt)
    scene = scenes.for_people(scenes.chosen(run.scenes)[number - 1], run.faces)
    # All of them before the model is asked: a file that can't be read must not cost a picture that is paid for.
    jpeg, mask, webp = together(
        *(partial(objects.read_work, run.run, name) for name in ("photo.jpg", "mask.png", "photo.webp"))
    )
    seed = scenes.seed_for(scene, run.run, number, attempt)
    if not attempt:
        pacing.await_slot(run.turns[number])
    # The seam is made ready while the model paints.
    (painted, candidate), seam = together(
        lambda: generators.paint(jpeg, mask, scene, seed, order),
        lambda: composite.Seam(composite.decode(webp), composite.decode_mask(mask)),
    )
    publish(run, number, composite.encode_jpeg(seam.close(painted), xmp=composite.AI_MARK))
    pacing.answered(candidate, pace)
    return {"picture": number}


def publish(run: store.Run, number: int, jpeg: bytes) -> None:
    """Stores the picture and shows it. An earlier attempt's picture stays as it is; after the end nothing is left."""
    key = objects.picture_key(run.picture_id, number)
    objects.put_result(key, jpeg)
    try:
        store.publish_picture(run.run, number, key)
    except RunEnded:
        ending.withdraw(run.run, key)
        raise
