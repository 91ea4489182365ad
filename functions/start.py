"""The S3 event's door: a photo has arrived, its run is claimed and started."""

from typing import Any

from booth import aws, doors, executions, store
from booth.contract import is_upload_key
from booth.log import entry, logger
from booth.objects import NULL_VERSION

aws.at_init(store.connect, executions.connect)


@entry
def handler(event: dict[str, Any], context: object) -> None:
    # EventBridge gives the Key as it is. Powertools' class for this event would decode it, and lose `+` and `%`.
    photo = event["detail"]["object"]
    if not is_upload_key(photo["key"]):
        logger.warning("an object that is no upload is left alone")
        return
    doors.photo_arrived(photo["key"], photo.get("version-id", NULL_VERSION))
