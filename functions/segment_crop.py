"""Step 3, once per crop: Segment Anything says which of the crop's pixels are face."""

from typing import Any

from booth import aws, ending, limits, objects, sam, store
from booth.errors import TimedOut
from booth.log import logger, step
from booth.parallel import together
from booth.pixels import composite

aws.at_init(store.connect, objects.connect, sam.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    logger.append_keys(crop=event["crop"])
    run, request = together(
        lambda: store.check(event["run"]),
        lambda: objects.read_work(event["run"], f"crop_{event['crop']}.json"),
    )
    if store.now_ms() > run.claimed + limits.LATEST_SEGMENTING_SECONDS * 1000:
        raise TimedOut("too late for another mask")
    mask = sam.segment(request)
    objects.write_work(run.run, f"crop_{event['crop']}_mask.png", composite.encode_mask(mask), "image/png")
    ending.confirm(run.run)
    return {"crop": event["crop"]}
