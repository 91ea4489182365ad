"""Errors, as the AWS services word them on the wire."""

import json
import uuid
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response


def error(request: Request, status: int, code: str, message: str) -> Response:
    """An error as the service that a request goes to words it."""
    if "X-Amz-Target" in request.headers:
        body = json.dumps({"__type": code, "message": message})
        # A service answers in its version of the protocol.
        return Response(body, status, content_type=request.headers.get("Content-Type"))
    said = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    request_id = f"<RequestId>{uuid.uuid4()}</RequestId>"
    if request.path.startswith("/2020-05-31/"):  # CloudFront
        side = "Sender" if status < 500 else "Receiver"
        xml = f"<ErrorResponse><Error><Type>{side}</Type>{said}</Error>{request_id}</ErrorResponse>"
        return Response(xml, status, content_type="text/xml")
    if request.path.startswith(("/endpoints/", "/model/", "/2015-03-31/")):
        body = json.dumps({"message": message})
        headers = {"x-amzn-ErrorType": code, "x-amzn-RequestId": str(uuid.uuid4())}
        return Response(body, status, headers, content_type="application/json")
    xml = "" if request.method == "HEAD" else f"<Error>{said}{request_id}</Error>"
    return Response(xml, status, content_type="application/xml")
