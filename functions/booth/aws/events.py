"""EventBridge: the event PhotoFinished, for other systems."""

import json
import os

from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.errors import ServiceUnavailable
from booth.run import Run


def publish_photo_finished(run: Run) -> None:
    """Publishes PhotoFinished to the bus EVENT_BUS: run id, status, error name and the Keys of the run's pictures.

    Raises ServiceUnavailable if EventBridge takes the call and fails the entry; see `aws_errors` for the others.
    """
    detail = {"run": run.id, "status": run.status, "error": run.error or None}
    detail["pictures"] = sorted(run.published - {run.original})
    entry = {"Source": "photo-booth", "DetailType": "PhotoFinished", "Detail": json.dumps(detail)}
    with aws_errors():
        answer = client("events").put_events(Entries=[entry | {"EventBusName": os.environ["EVENT_BUS"]}])
    if answer["FailedEntryCount"]:
        raise ServiceUnavailable("EventBridge did not take PhotoFinished")
