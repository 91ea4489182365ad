"""Step 3, once per crop: Segment Anything says which of the crop's pixels are face."""

from typing import Any

from booth import clock, limits
from booth.aws import clients, objects, sam, table
from booth.errors import TimedOut
from booth.handlers import step
from booth.lifecycle import ending
from booth.log import logger
from booth.parallel import together
from booth.pixels import encoding
from booth.runs import store

clients.at_init(table.connect, objects.connect, sam.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    logger.append_keys(crop=event["crop"])
    run, request = together(
        lambda: store.check(event["run"]),
        lambda: objects.read_work(event["run"], f"crop_{event['crop']}.json"),
    )
    if clock.now_ms() > run.claimed + limits.LATEST_SEGMENTING_SECONDS * 1000:
        raise TimedOut("too late for another mask")
    mask = sam.segment(request)
    objects.write_work(run.id, f"crop_{event['crop']}_mask.png", encoding.encode_mask(mask), "image/png")
    ending.confirm(run.id)
    return {"crop": event["crop"]}
