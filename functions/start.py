"""Entry point of the S3 event "Object Created" (by EventBridge): claims the photo's run and starts its execution."""

from typing import Any

from booth.aws import clients, executions, table
from booth.aws.objects import NULL_VERSION
from booth.handlers import entry
from booth.keys import is_upload_key
from booth.lifecycle import starting
from booth.log import logger

clients.at_init(table.connect, executions.connect)


@entry
def handler(event: dict[str, Any], context: object) -> None:
    # EventBridge sends the Key as it is. Powertools' class for this event would URL-decode it, and lose `+` and `%`.
    photo = event["detail"]["object"]
    if not is_upload_key(photo["key"]):
        logger.warning("an object that is no upload is left alone")
        return
    starting.photo_arrived(photo["key"], photo.get("version-id", NULL_VERSION))
