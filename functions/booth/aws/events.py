"""EventBridge: what other systems are told."""

import json
import os

from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.errors import ServiceUnavailable
from booth.run import Run


def publish_photo_finished(run: Run) -> None:
    """Publishes `PhotoFinished`: the run's id and how it ended, nothing about the people in it."""
    detail = {"run": run.id, "status": run.status, "error": run.error or None}
    detail["pictures"] = sorted(run.published - {run.original})
    entry = {"Source": "photo-booth", "DetailType": "PhotoFinished", "Detail": json.dumps(detail)}
    with aws_errors():
        answer = client("events").put_events(Entries=[entry | {"EventBusName": os.environ["EVENT_BUS"]}])
    if answer["FailedEntryCount"]:
        raise ServiceUnavailable("EventBridge did not take PhotoFinished")
