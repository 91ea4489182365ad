"""Every hour: deletes every object version in the uploads bucket that is older than UPLOAD_SECONDS.

So no photo is kept for more than a day, whether the table has a record of it or not. The application deletes the
versions of an upload when its run has ended. This is for what has no record: an event that was lost and nobody polled,
a presigned URL used again after the run's end, objects that are no uploads. Lifecycle rules alone would keep a version
for up to four days: a day until it is noncurrent and a day until it is deleted, each rounded up to midnight.
"""

from typing import Any

from booth import limits
from booth.aws import objects
from booth.errors import ServiceUnavailable
from booth.handlers import entry
from booth.log import count, logger


@entry
def handler(event: dict[str, Any], context: object) -> None:
    deleted, is_all = objects.delete_old_uploads(limits.UPLOAD_SECONDS)
    if deleted:
        logger.warning("uploads had grown old", deleted=deleted)
        count("OldUploads", deleted)
    if not is_all:
        raise ServiceUnavailable("old uploads are left")  # Lambda retries in a minute, and the retry goes on
