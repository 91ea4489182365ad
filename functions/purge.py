"""Every hour: deletes the uploads that have grown old, so that none is kept for more than a day, known or not.

The application deletes every version itself when a run has ended. Left are those it was never told of: an event that
was lost and nobody asked, a URL used again after the end, objects that are no uploads. Lifecycle rules alone would keep
a version for up to four days: one until it is hidden, one more until it goes, each rounded up to midnight.
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
        raise ServiceUnavailable("old uploads are left")  # Lambda calls again in a minute, and that goes on
