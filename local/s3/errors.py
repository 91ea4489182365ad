"""S3's errors, in its XML."""

from __future__ import annotations

from datetime import datetime
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response


class S3Error(Exception):
    """An error as S3 words it: HTTP status, code, message and the further elements of its XML."""

    def __init__(self, status: int, code: str, message: str, **elements: str):
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.elements = elements


def error_response(request: Request, error: S3Error, request_id: str) -> Response:
    """The answer that tells of an error; to HEAD without a body."""
    elements = {"Code": error.code, "Message": error.message, **error.elements, "RequestId": request_id}
    xml = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in elements.items())
    body = "" if request.method == "HEAD" else f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{xml}</Error>'
    return Response(body, error.status, content_type="application/xml")


def iso(moment: datetime) -> str:
    """A time (UTC) as S3's errors and EventBridge's events have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
