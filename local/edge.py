"""What the pad talks to: API Gateway's HTTP API, the CDN and the booth's page, on one port as behind CloudFront.

The API also has an address of its own, as on AWS, which is past the CDN.
"""

import base64
import gzip
import json
import mimetypes
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs

from botocore.exceptions import ClientError
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from local import iam
from local.account import ACCOUNT, REGION
from local.emulator import viewers
from local.lambdas.host import LambdaHost

WEB = Path(__file__).parent.parent / "web"
NOTICE = Path(__file__).parent / "notice.html"
PAGES = {"staff": "staff.html", "wall": "wall.html"}
"""Objects of the page's bucket that are called otherwise than their files in web/, as `make deploy` puts them there."""

_MAX_BODY = 10 * 1024 * 1024  # HTTP API
_TIMEOUT_SECONDS = 30  # HTTP API
_SECURITY_HEADERS = {  # as the CDN sends them
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "x-frame-options": "DENY",
}
_FORWARDED = ("Content-Type", "CloudFront-Viewer-Address")
"""The headers that the CDN sends on to the API where access is open: of the viewer's, and its own."""
_ALL_METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE")
_READING_METHODS = ("GET", "HEAD")
_WITH_TOKEN = ("/staff/", "/wall/")
"""What the CDN passes on to the API with all headers, where access is open, too."""
_OF_THE_CONNECTION = ("connection", "transfer-encoding", "expect", "upgrade", "keep-alive")
_KEY_HEADER = "x-cdn-key"
_CDN_ADDRESS = "130.176.0.1"
"""From which the API sees the CDN's calls come: one of CloudFront's, for origins."""
_COMPRESSED = ("application/json", "image/svg+xml", "text/css", "text/html", "text/javascript")
"""Of the content types that CloudFront compresses, those of the page (Developer Guide, "Serve compressed files")."""
_COMPRESSED_BYTES = range(1_000, 10_000_001)  # there, too
_CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self' {uploads}; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Edge:
    """WSGI application.

    Args:
        routes: (method, path) -> name of the function, from the template.
        s3: a boto3 client that may read the buckets.
        page_bucket: in which event.json lies; the page's files are those of web/.
        uploads: S3's address, to which the page may PUT.
        ready: whether the application is up; /health answers 503 before.
        key: what the CDN sends with each call of the API, where access is open; else empty.
        denied: statements by which the CDN may not read objects of the buckets.
    """

    def __init__(
        self,
        routes: dict[tuple[str, str], str],
        lambdas: LambdaHost,
        s3,
        results_bucket: str,
        page_bucket: str,
        uploads: str,
        ready: Callable[[], bool],
        key: Callable[[], str],
        denied: Sequence[dict] = (),
    ):
        self._routes = routes
        self._paths = {path for _, path in routes}
        self._lambdas = lambdas
        self._s3 = s3
        self._results_bucket, self._page_bucket = results_bucket, page_bucket
        self._ready = ready
        self._key = key
        self._denied = denied
        policy = _CONTENT_SECURITY.format(uploads=uploads)
        self._cdn_headers = _SECURITY_HEADERS | {"content-security-policy": policy}

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        return self._respond(request)(environ, start_response)

    def api(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        """The API at its own address (WSGI application)."""
        request = Request(environ)
        answer = self._ask_api(request, dict(request.headers.items()), request.remote_addr, _query(request))
        return answer(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path == "/health":
            return _json(200, {"ready": True}) if self._ready() else _json(503, {"ready": False})
        has_token = request.path.startswith(_WITH_TOKEN)
        is_api = (request.path in self._paths or has_token) and not request.environ["RAW_URI"].startswith("//")
        if refused := viewers.refusal(request, _ALL_METHODS if is_api else _READING_METHODS):
            return refused
        if is_api:
            # An open stack's policy passes no query on.
            query = "" if self._key() and not has_token else _query(request)
            return self._ask_api(request, self._to_api(request, has_token), _CDN_ADDRESS, query)
        if request.path == "/event.json":
            return self._object(request, self._page_bucket)
        if request.path.startswith("/photo/"):
            return self._object(request, self._results_bucket)
        return self._page(request)

    def _to_api(self, request: Request, has_token: bool) -> dict[str, str]:
        """The headers with which the CDN asks the API, by its origin request policy; Host is the API's."""
        seen = viewers.headers_to_origin(request)
        if key := self._key():
            if not has_token:
                seen["cloudfront-viewer-address"] = f"{request.remote_addr}:{request.environ.get('REMOTE_PORT', 1024)}"
                seen = {name.lower(): seen[name.lower()] for name in _FORWARDED if name.lower() in seen}
                seen["user-agent"] = "Amazon CloudFront"
            seen[_KEY_HEADER] = key
        return seen | {"host": f"local.execute-api.{REGION}.amazonaws.com"}

    def _ask_api(self, request: Request, headers: Mapping[str, str], address: str | None, query: str) -> Response:
        """The API's answer to a request that comes with these headers and this query from this address."""
        function = self._routes.get((request.method, request.path))
        if not function:
            return _json(404, {"message": "Not Found"})
        body = request.get_data()
        if len(body) > _MAX_BODY:
            return _json(413, {"message": "Request Entity Too Large"})
        started = time.monotonic()
        event = http_event(request, body, headers, address, query)
        result = self._lambdas.invoke(function, json.dumps(event).encode())
        if time.monotonic() - started > _TIMEOUT_SECONDS:
            return _json(503, {"message": "Service Unavailable"})
        # Also a throttled one (AWS re:Post, "How do I resolve the Internal server error of an API Gateway API?").
        if result.status != 200 or result.failed:
            return _json(500, {"message": "Internal Server Error"})
        answer = json.loads(result.body)
        content = answer.get("body", "")
        data = base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()
        return Response(data, status=answer["statusCode"], headers=answer.get("headers"))

    def _object(self, request: Request, bucket: str) -> Response:
        """An object of a bucket, with the ETag by which a browser asks whether it has changed."""
        try:
            found = self._read(bucket, request.path.removeprefix("/"))
        except ClientError:
            found = None
        if found is None:
            if bucket == self._page_bucket:
                return _json(404, {"message": "Not Found"})
            # The bucket's policy lets the CDN list nothing, so S3 does not tell it that a picture is missing.
            xml = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            return Response(xml, 403, self._cdn_headers, content_type="application/xml")
        headers = self._cdn_headers | {"etag": found["ETag"], "last-modified": http_date(found["LastModified"])}
        if "CacheControl" in found:
            headers["cache-control"] = found["CacheControl"]
        picture = found["Body"].read()
        answer = Response(picture, content_type=found["ContentType"], headers=headers)
        # A part of it, or that it has not changed: "How CloudFront processes partial requests", "Conditional requests".
        # Several parts S3 doesn't give ("doesn't support retrieving multiple ranges": GetObject): it gives the whole.
        if "," in request.headers.get("Range", ""):
            return answer
        try:
            return answer.make_conditional(request.environ, accept_ranges=True, complete_length=len(picture))
        except RequestedRangeNotSatisfiable as error:
            return Response.from_app(error, request.environ)

    def _read(self, bucket: str, key: str) -> dict | None:
        """S3's answer to the CDN; None if the bucket's policy denies it. Raises ClientError."""
        found = self._s3.get_object(Bucket=bucket, Key=key)
        tags = self._s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] if found.get("TagCount") else []
        context = tuple((f"s3:ExistingObjectTag/{tag['Key']}", tag["Value"]) for tag in tags)
        call = iam.Call("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", context)
        return None if any(iam.applies(statement, call) for statement in self._denied) else found

    def _page(self, request: Request) -> Response:
        """A file of the page, compressed as its cache behavior says (CloudFront prefers brotli, which is smaller)."""
        name = request.path.lstrip("/") or "index.html"
        file = (WEB / PAGES.get(name, name)).resolve()
        if not file.is_relative_to(WEB.resolve()) or not file.is_file():
            return _json(404, {"message": "Not Found"})
        content = file.read_bytes()
        if file.name == "index.html":
            content = content.replace(b"</body>", NOTICE.read_bytes() + b"</body>")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        headers = self._cdn_headers | {"cache-control": "no-cache"}
        if kind in _COMPRESSED and len(content) in _COMPRESSED_BYTES and "gzip" in request.accept_encodings:
            content = gzip.compress(content)
            headers |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
        return Response(content, content_type=kind, headers=headers)


def with_uploads(edge: Callable, s3: Callable, bucket: str, inside: str, outside: str) -> Callable:
    """WSGI application: the edge, and at the same address PUTs by presigned URLs into a bucket.

    One address means that a device asks about its certificate once. The URLs are signed for the address that S3 has
    inside, which is changed on the way out and back on the way in. Nothing else of S3 can be reached.
    """

    def answer(environ: dict, start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        is_presigned = "X-Amz-Signature" in request.args and "Authorization" not in request.headers
        if is_presigned and request.method == "PUT" and request.path.startswith(f"/{bucket}/"):
            return s3(environ | {"HTTP_HOST": inside.partition("://")[2]}, start_response)
        response = Response.from_app(edge, environ)
        if request.path == "/upload":
            response.set_data(response.get_data().replace(inside.encode(), outside.encode()))
        return response(environ, start_response)

    return answer


def http_event(request: Request, body: bytes, headers: Mapping[str, str], address: str | None, query: str) -> dict:
    """The event that an HTTP API, called with these headers from this address, hands to a function.

    It is of format 2.0: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" in the Developer Guide. The
    body has come as a whole by then, so nothing tells how.
    """
    headers = {name.lower(): value for name, value in headers.items() if name.lower() not in _OF_THE_CONNECTION}
    is_text = request.mimetype.startswith("text/") or request.mimetype in ("application/json", "application/xml")
    route = f"{request.method} {request.path}"
    now = time.time()
    event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": request.path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": request.host,
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": address,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": bool(body) and not is_text,
    }
    if cookies := headers.pop("cookie", ""):
        event["cookies"] = [each.strip() for each in cookies.split(";")]
    if query:
        given = parse_qs(query, keep_blank_values=True)
        event["queryStringParameters"] = {name: ",".join(values) for name, values in given.items()}
    if body:
        event["body"] = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
    return event


def _query(request: Request) -> str:
    return request.query_string.decode("latin-1")


def _json(status: int, value: dict) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")
