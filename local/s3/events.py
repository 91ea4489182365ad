"""EventBridge's `Object Created` events of S3."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from werkzeug.wrappers import Request

from local.account import ACCOUNT
from local.s3.buckets import bucket_of
from local.s3.errors import iso

_log = logging.getLogger(__name__)


class CreatedEvents:
    """Makes the events and delivers them in order, by a thread of its own.

    Args:
        region: the Region of the buckets.
        on_created: called with each event; what it raises is logged and ends nothing.
    """

    def __init__(self, region: str, on_created: Callable[[dict], None]):
        self._region = region
        self._on_created = on_created
        self._sequence = itertools.count(time.time_ns())
        self._queue: queue.SimpleQueue[dict] = queue.SimpleQueue()
        threading.Thread(target=self._deliver, name="s3-events", daemon=True).start()

    def send(self, event: dict) -> None:
        """Deliver an event soon."""
        self._queue.put(event)

    def event_of(self, request: Request, request_id: str) -> dict | None:
        """EventBridge's event for the object that this request has just written; None if there is none."""
        reason = _creation_reason(request)
        bucket = bucket_of(request)
        if reason is None or bucket is None:
            return None
        notifications = bucket.notification_configuration
        if notifications is None or notifications.event_bridge is None:
            return None
        key = request.path.lstrip("/").split("/", 1)[1]
        stored = bucket.keys[key]
        written = {
            "key": key,
            "size": stored.size,
            "etag": stored.etag.strip('"'),
            "sequencer": f"{next(self._sequence):018X}",
        }
        if bucket.is_versioned:
            written["version-id"] = stored.version_id
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": ACCOUNT,
            "time": iso(datetime.now(UTC)),
            "region": self._region,
            "resources": [f"arn:aws:s3:::{bucket.name}"],
            "detail": {
                "version": "0",
                "event-version": "1.2",
                "bucket": {"name": bucket.name},
                "object": written,
                "request-id": request_id,
                "requester": ACCOUNT,
                "source-ip-address": request.remote_addr,
                "reason": reason,
            },
        }

    def _deliver(self) -> None:
        while True:
            event = self._queue.get()
            try:
                self._on_created(event)
            except Exception:
                _log.exception("the receiver of an Object Created event failed")


def _creation_reason(request: Request) -> str | None:
    """The event's `reason` if this request creates an object."""
    if "/" not in request.path.strip("/"):
        return None
    names = set(request.args)
    if request.method == "POST" and "uploadId" in names:
        return "CompleteMultipartUpload"
    if request.method != "PUT" or names & {"uploadId", "acl", "tagging", "retention", "legal-hold"}:
        return None
    return "CopyObject" if "x-amz-copy-source" in request.headers else "PutObject"
