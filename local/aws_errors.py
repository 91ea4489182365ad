"""Errors, as the AWS services word them on the wire."""

import json
import uuid
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response


def error(request: Request, status: int, code: str, message: str) -> Response:
    """An error as the service that a request goes to words it."""
    if "X-Amz-Target" in request.headers:
        body = json.dumps({"__type": code, "message": message})
        return Response(body, status, content_type="application/x-amz-json-1.1")
    if request.path.startswith("/2020-05-31/"):  # CloudFront
        xml = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return Response(f"<ErrorResponse>{xml}</ErrorResponse>", status, content_type="text/xml")
    if request.path.startswith(("/endpoints/", "/model/", "/2015-03-31/")):
        body = json.dumps({"message": message})
        headers = {"x-amzn-ErrorType": code, "x-amzn-RequestId": str(uuid.uuid4())}
        return Response(body, status, headers, content_type="application/json")
    xml = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Response("" if request.method == "HEAD" else xml, status, content_type="application/xml")
