"""EventBridge's events of S3."""

from __future__ import annotations

from datetime import datetime

from werkzeug.wrappers import Request

from local.s3.signatures import query_pairs


def creation_reason(request: Request) -> str | None:
    """The event's `reason` if this request creates an object."""
    if "/" not in request.path.strip("/"):
        return None
    names = {name for name, _ in query_pairs(request)}
    if request.method == "POST" and "uploadId" in names:
        return "CompleteMultipartUpload"
    if request.method != "PUT" or names & {"uploadId", "acl", "tagging", "retention", "legal-hold"}:
        return None
    return "CopyObject" if "x-amz-copy-source" in request.headers else "PutObject"


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
