"""Quotas of image models in the table."""

import time

from tests.support.booth import HOLD
from tests.support.waiting import await_true

TITAN, INPAINT = "amazon.titan-image-generator-v2:0", "us.stability.stable-image-inpaint-v1:0"


def called(booth, seconds):
    """Writes that each candidate's whole quota was, or will be, used so many seconds from now."""
    at = {"L": [{"N": str(int((time.time() + seconds) * 1000))}] * 3}
    slots = {f"{model}@us-east-1": at for model in (TITAN, INPAINT)}
    item = {"pk": {"S": "pace"}, "slots": {"M": slots}, "gone": {"M": {}}, "version": {"N": "1"}}
    booth.table.put_item(TableName=booth.table_name, Item=item)


def called_before_admission(booth, seconds, put):
    """As `called`, counted from shortly before the photo that `put` sends is admitted, however long it takes there."""
    booth.await_rest()
    before = booth.calls("sagemaker")
    booth.stand_in("sagemaker", canned={}, latency=HOLD)
    put()
    await_true(lambda: booth.calls("sagemaker") > before)
    called(booth, seconds)
    booth.stand_in("sagemaker", canned={})
