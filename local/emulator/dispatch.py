"""Asks moto directly for the answer to one request."""

from collections.abc import Callable

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response


def answer_of(dispatch: Callable, environ: dict) -> Response:
    """moto's answer to a request, without the way through its web framework, which costs as long as a read."""
    from moto.moto_server.werkzeug_app import BackendRequest

    request = BackendRequest(environ)
    try:
        status, headers, body = dispatch(request, request.raw_url, dict(request.headers))
    except HTTPException as error:
        return Response.from_app(error, environ)
    response = Response(body, int(status), headers)
    if request.method == "HEAD" and "content-length" in headers:
        response.headers["Content-Length"] = headers["content-length"]
    return response
