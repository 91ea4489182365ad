"""event.json in the page's bucket, by which staff steer an event. docs/decisions/0036-steering.md has the reasons."""

import os
from dataclasses import dataclass

from botocore.exceptions import ClientError

from booth import event
from booth.aws import settings
from booth.aws.errors import aws_errors, status_of
from booth.aws.objects import s3
from booth.errors import Conflict
from booth.event import Event
from booth.log import logger

KEY = "event.json"
CONFLICT = "Somebody else has changed the settings in the meantime. Please look at them again."

_SECONDS = 10
_STALE_SECONDS = 600
"""Longest use of a cached event.json while reads fail."""


@dataclass(frozen=True)
class Stored:
    """event.json as it lies in the bucket."""

    text: str
    etag: str


def current() -> Event:
    """What staff have set, cached for _SECONDS; nothing where they have set nothing. Raises ServiceUnavailable."""

    def read() -> str:
        found = find()
        return found.text if found else ""

    try:
        return event.read(settings.cached(KEY, _SECONDS, _STALE_SECONDS, read))
    except ValueError as error:  # somebody else has written it; its text isn't quoted
        logger.error("event.json can't be used", reason=type(error).__name__)
        return Event()


def find() -> Stored | None:
    """event.json as it is now, or None if there is none."""
    with aws_errors():
        try:
            answer = s3().get_object(Bucket=os.environ["PAGE_BUCKET"], Key=KEY)
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise
        return Stored(answer["Body"].read().decode(errors="replace"), answer["ETag"])


def write(text: str, replaced: Stored | None) -> None:
    """Writes event.json in place of what was found; None: in place of nothing.

    Raises Conflict if it isn't that any more: another writer, or one at the same moment (409), or it was deleted (404).
    Not if this text lies there: S3 had written it, its answer was lost, and the SDK has asked again.
    """
    condition = {"IfMatch": replaced.etag} if replaced else {"IfNoneMatch": "*"}
    with aws_errors():
        try:
            s3().put_object(
                Bucket=os.environ["PAGE_BUCKET"],
                Key=KEY,
                Body=text.encode(),
                ContentType="application/json",
                CacheControl="no-cache",
                **condition,
            )
        except ClientError as error:
            if status_of(error) not in (404, 409, 412):
                raise
            if (there := find()) is None or there.text != text:
                raise Conflict(CONFLICT) from error
