"""Step 5, once per picture: everything but the faces is painted anew, and the faces' pixels are put back."""

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
    photo, mask, *_ = together(
        lambda: objects.read_work(run.run, "photo.jpg"),
        lambda: objects.read_work(run.run, "mask.png"),
        *([] if attempt else [lambda: pacing.await_slot(run.turns[number])]),
    )
    seed = scenes.seed_for(scene, run.run, number, attempt)
    painted, seam = together(lambda: generators.paint(photo, mask, scene, seed, order), lambda: seam_of(run.run, mask))
    publish(run, number, composite.encode_jpeg(seam.close(painted), xmp=composite.AI_MARK))
    return {"picture": number}


def seam_of(run: str, mask: bytes) -> composite.Seam:
    """What is put back into the picture, made ready while the model paints."""
    return composite.Seam(composite.decode(objects.read_work(run, "photo.webp")), composite.decode_mask(mask))


def publish(run: store.Run, number: int, jpeg: bytes) -> None:
    """Stores the picture and shows it. An earlier attempt's picture stays as it is; after the end nothing is left."""
    key = objects.picture_key(run.picture_id, number)
    objects.put_result(key, jpeg)
    try:
        store.publish_picture(run.run, number, key)
    except RunEnded:
        ending.withdraw(run.run, key)
        raise
