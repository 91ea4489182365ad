"""Step 3, once per crop: Segment Anything says which of the crop's pixels are face."""

import json
from typing import Any

from booth import aws, ending, objects, sam, store
from booth.errors import RunEnded, TimedOut
from booth.log import logger, step
from booth.pixels import composite

aws.at_init(store.connect, objects.connect, sam.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    logger.append_keys(crop=event["crop"])
    run, number = event["run"], event["crop"]
    order = objects.find_work(run, f"crop_{number}.json")
    if order is None:
        raise RunEnded("the run's files are gone")
    order = json.loads(order)
    if store.now_ms() > order["until"]:
        raise TimedOut("too late for another mask")
    mask = sam.segment(order["request"])
    objects.write_work(run, f"crop_{number}_mask.png", composite.encode_mask(mask), "image/png")
    ending.confirm(run)
    return {"crop": number}
