"""What CloudFront makes of viewers' requests: which it refuses, and which headers reach the origin.

Source: "Request and response behavior for custom origins" in the Developer Guide (GET requests that include a body;
HTTP methods; the table of request headers; maximum length of a request and of a URL). To origins it speaks HTTP/1.1,
whatever it speaks to viewers.
"""

from collections.abc import Collection

from werkzeug.wrappers import Request, Response

LONGEST_URL = 8_192
LARGEST_HEAD = 20_480
"""Bytes of path, query and headers together."""

_REMOVED = {
    *("connection", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade"),
    *("x-forwarded-proto", "x-real-ip"),
}
"""The headers that it passes on under no policy."""


def refusal(request: Request, methods: Collection[str]) -> Response | None:
    """The answer to a request that does not get past CloudFront; None for one that does.

    Args:
        methods: those that the cache behavior allows.
    """
    address = len(request.host_url) + len(request.environ["RAW_URI"].lstrip("/"))
    if address > LONGEST_URL or address + sum(len(f"{k}: {v}\r\n") for k, v in request.headers) > LARGEST_HEAD:
        return _page(413, "Request Entity Too Large", Connection="close")
    if request.method not in methods:
        return _page(403, "This distribution is not configured to allow the HTTP request method that was used.")
    if request.method == "GET" and request.get_data():
        return _page(403, "Bad request: a GET has no body.")
    return None


def headers_to_origin(request: Request) -> dict[str, str]:
    """The viewer's headers that a policy may pass on, by their names in lower case, without Host.

    Removed are also those that Connection names: they are this connection's (RFC 9110, 7.6.1).
    """
    named = {name.strip().lower() for name in request.headers.get("Connection", "").split(",")}
    return {
        name.lower(): value
        for name, value in request.headers
        if name.lower() not in _REMOVED | named | {"host"} and not name.lower().startswith("x-edge-")
    }


def _page(status: int, words: str, **headers: str) -> Response:
    """CloudFront answers for itself in HTML."""
    page = f"<HTML><BODY><H1>{status} ERROR</H1><H2>The request could not be satisfied.</H2>{words}</BODY></HTML>"
    return Response(page, status, {"X-Cache": "Error from cloudfront", **headers}, content_type="text/html")
