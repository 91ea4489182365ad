"""Step 3, once per crop: asks Segment Anything for the mask of the crop's faces; of the whole photo, for the alphas."""

from typing import Any

from booth import clock, limits, work
from booth.aws import clients, objects, sam, table
from booth.errors import TimedOut
from booth.handlers import step
from booth.lifecycle import ending
from booth.log import count, logger
from booth.parallel import gather
from booth.runs import store

clients.at_init(table.connect, objects.connect, sam.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run_id, crop = event["run"], event["crop"]
    logger.append_keys(crop=crop)
    run, request = gather(lambda: store.check(run_id), lambda: work.read_crop_request(run_id, crop))
    if clock.now_ms() > run.claimed + limits.LATEST_SEGMENTING_SECONDS * 1000:
        raise TimedOut("too late for another mask")
    if run.more and crop == 0:
        found, by_matte = sam.alphas(request, run.more)
        work.write_found(run_id, found)
        if by_matte:
            count("HeadsByMatte", by_matte)
    else:
        work.write_crop_mask(run_id, crop, sam.segment(request))
    ending.confirm_running(run_id)
    return {"crop": crop}
