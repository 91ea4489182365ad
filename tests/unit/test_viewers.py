"""The local CDN and API, as strangers' clients ask them: what is refused, and what a function is told of a request."""

import base64
import contextlib
import http.client
import io
import json
import socket
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booth.errors import BadRequest
from booth.http import contract
from local import http_server
from local.edge import Edge

pytestmark = pytest.mark.starts

PICTURE = bytes(range(256)) * 8


class Functions:
    """Stands for Lambda: keeps the event, answers with its body."""

    def invoke(self, name, payload):
        self.event = json.loads(payload)
        return SimpleNamespace(status=200, failed=False, body=json.dumps({"statusCode": 200, "body": name}).encode())


class Bucket:
    """Stands for S3, with one picture."""

    def get_object(self, Bucket, Key):
        if Key == "event.json" and Bucket == "page":
            last = datetime(2026, 11, 28, 10, tzinfo=UTC)
            return {"ETag": '"v"', "LastModified": last, "ContentType": "application/json", "Body": io.BytesIO(b"{}")}
        if Key != "photo/a b.jpeg":
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        last = datetime(2026, 11, 22, 10, tzinfo=UTC)
        return {"ETag": '"e"', "LastModified": last, "ContentType": "image/jpeg", "Body": io.BytesIO(PICTURE)}


class Booth:
    def __init__(self):
        self.functions, self.key = Functions(), ""
        routes = {("POST", "/upload"): "upload", ("POST", "/photo"): "photo", ("DELETE", "/photo"): "delete"}
        routes |= {("GET", "/scenes"): "scenes", ("PUT", "/staff/settings"): "steer"}
        routes |= {("GET", "/wall/pictures"): "wall", ("DELETE", "/wall/pictures"): "leave_wall"}
        edge = Edge(routes, self.functions, Bucket(), "results", "page", "http://s3", lambda: True, lambda: self.key)
        listening = http_server.listen(0)
        self.address = listening.getsockname()
        self.server = http_server.serve(listening, edge)

    def raw(self, head, body=b""):
        """Sends bytes; gives (status, the answer's headers, body)."""
        with socket.create_connection(self.address, timeout=20) as sock:
            sock.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
            answer = http.client.HTTPResponse(sock)
            answer.begin()
            return answer.status, answer.headers, answer.read()

    def post(self, *headers, body=b"{}", method="POST", path="/photo"):
        length = [] if any("Transfer" in each for each in headers) else [f"Content-Length: {len(body)}"]
        return self.raw("\n".join([f"{method} {path} HTTP/1.1", "Host: booth", *length, *headers]), body)


@pytest.fixture(scope="module")
def serving():
    booth = Booth()
    yield booth
    booth.server.shutdown()
    booth.server.server_close()


@pytest.fixture(params=["", "the key"], ids=["token", "open"])
def booth(serving, request):
    """With access by token, and open to all."""
    serving.key = request.param
    return serving


BODY = json.dumps({"requestId": "á" * 30}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Type: application/json"],
        ["content-type: Application/JSON; charset=utf-8"],
        ["CONTENT-TYPE:application/json;charset=UTF-8"],
        ["Content-Type: application/x-www-form-urlencoded"],  # curl -d, URLSession
        ["Content-Type: text/plain;charset=UTF-8"],  # fetch and XMLHttpRequest with a text
        ["Content-Type: application/octet-stream"],
        [],  # Java's HttpClient, requests with bytes
    ],
    ids=str,
)
def test_a_json_body_is_read_whatever_a_client_calls_it(booth, headers):
    assert booth.post(*headers, body=BODY)[0] == 200
    assert contract.json_body(booth.functions.event) == json.loads(BODY)


def test_a_chunked_body_comes_whole_and_nothing_tells_of_the_connection(booth):
    """Java's HttpClient offers HTTP/2; chunks; asks whether to go on."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:], b""))
    status, _, _ = booth.post(
        "Transfer-encoding: chunked",
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA",
        "TE: trailers",
        "Content-Type: application/json",
        body=chunks,
    )
    assert status == 200
    event = booth.functions.event
    assert contract.json_body(event) == json.loads(BODY)
    assert not event["headers"].keys() & {"transfer-encoding", "connection", "upgrade", "http2-settings", "te"}


def test_who_asks_whether_to_go_on_is_told(booth):
    with socket.create_connection(booth.address, timeout=20) as sock:
        sock.sendall(b"POST /photo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"{}")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert contract.json_body(booth.functions.event) == {}


def test_a_body_that_is_no_chunked_one_is_a_bad_request(booth):
    for body in (b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n"):
        assert booth.post("Transfer-Encoding: chunked", body=body)[0] == 400


def test_what_is_said_beside_chunks_is_passed_over_and_the_connection_goes_on(booth):
    """Extensions behind a chunk's length, fields behind the last chunk, zeros before a length: RFC 9112, 7.1."""
    head = b"POST /photo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b'%x;by=a;c="d"\r\n%s\r\n0%X\r\n%s\r\n0;e\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n'
    body %= len(BODY[:7]), BODY[:7], len(BODY[7:]), BODY[7:]
    with socket.create_connection(booth.address, timeout=20) as sock, sock.makefile("rb") as answers:
        sock.sendall(head + body + b"GET /scenes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        text = answers.read()
    assert text.count(b"HTTP/1.1 200 OK") == 2
    assert text.endswith(b"scenes")


@pytest.mark.parametrize(
    "head",
    [
        ["Host: a", "Content-Length: 2", "Content-Length: 3"],
        ["Host: a", "Content-Length: 2, 2"],
        ["Host: a", "Content-Length: +2"],
        ["Host: a", "Content-Length: -2"],
        ["Host: a", "Transfer-Encoding: gzip, chunked"],
        ["Host: a", "Host: b", "Content-Length: 2"],
        ["Content-Length: 2"],
    ],
    ids=", ".join,
)
def test_whose_body_ends_nowhere_and_who_names_no_host_is_refused_and_the_connection_closed(booth, head):
    """RFC 9112, 3.2, 6.1, 6.3: else what follows on the connection is a request to one and a body to another."""
    with socket.create_connection(booth.address, timeout=20) as sock, sock.makefile("rb") as answers:
        sock.sendall("\r\n".join(["POST /photo HTTP/1.1", *head, "", "{}"]).encode())
        sock.sendall(b"GET /scenes HTTP/1.1\r\nHost: a\r\n\r\n")
        text = b""
        with contextlib.suppress(ConnectionResetError):  # it is closed before all is read
            text = answers.read()
    assert text.startswith(b"HTTP/1.1 400 ")
    assert text.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_body_is_refused_in_words(booth, encoding):
    booth.post("Content-Type: application/json", f"Content-Encoding: {encoding}", body=b"\x1f\x8b\x08\0\0")
    with pytest.raises(BadRequest, match="JSON object"):
        contract.json_body(booth.functions.event)


def test_headers_queries_and_cookies_are_told_as_in_format_2_0(serving):
    serving.key = ""
    serving.post("X-One: a", "x-ONE: b", "Cookie: a=1; b=2", path="/photo?x=1&y=%20&x=2&z=")
    event = serving.functions.event
    assert event["headers"]["x-one"] == "a,b"
    assert event["cookies"] == ["a=1", "b=2"] and "cookie" not in event["headers"]
    assert event["rawQueryString"] == "x=1&y=%20&x=2&z="
    assert event["queryStringParameters"] == {"x": "1,2", "y": " ", "z": ""}
    assert event["headers"]["host"].endswith(".amazonaws.com")


def test_an_open_stack_passes_on_the_type_and_the_address_alone(serving):
    serving.key = "the key"
    serving.post("Content-Type: text/plain", "User-Agent: okhttp/5", "Cookie: a=1", "X-One: a", path="/photo?x=1")
    event = serving.functions.event
    assert event["headers"].keys() == {"content-type", "cloudfront-viewer-address", "user-agent", "x-cdn-key", "host"}
    assert event["headers"]["user-agent"] == "Amazon CloudFront"
    assert (event["rawQueryString"], "cookies" in event) == ("", False)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.booleans(), min_size=13, max_size=13), st.sampled_from(["Bearer", "bearer", "BEARER"]))
def test_a_token_is_found_under_any_case_of_its_header(serving, shouted, scheme):
    """Lower-case over HTTP/2, as a program writes it over HTTP/1.1."""
    serving.key = ""
    name = "".join(letter.upper() if loud else letter for letter, loud in zip("authorization", shouted, strict=True))
    serving.post(f"{name}: {scheme} secret")
    assert serving.functions.event["headers"]["authorization"] == f"{scheme} secret"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/upload", 404),  # past the CDN, but no route of the API's
        ("POST", "/upload/", 403),  # the page's, as every path that no behavior names
        ("POST", "/", 403),
        ("POST", "//upload", 403),  # two slashes are not one: "RFC 3986", by which CloudFront goes
        ("PUT", "/photo/a%20b.jpeg", 403),
        ("DELETE", "/photo/a%20b.jpeg", 403),
        ("OPTIONS", "/photo/a%20b.jpeg", 403),
        ("TRACE", "/photo", 403),
        ("GET", "/scenes", 403),  # with a body
    ],
)
def test_what_the_cdn_does_not_let_through(booth, method, path, status):
    assert booth.post(method=method, path=path)[0] == status


def test_a_get_without_a_body_is_let_through(booth):
    assert booth.raw("GET /scenes HTTP/1.1\nHost: a")[::2] == (200, b"scenes")
    assert booth.raw("GET /scenes HTTP/1.1\nHost: a\nContent-Length: 0")[0] == 200
    assert booth.raw("GET /scenes HTTP/1.0")[0] == 200


def test_long_addresses_and_heads_are_refused_and_the_connection_closed(booth):
    for path, header in (("x" * 8_192, "A: b"), ("scenes", "A: " + "b" * 20_480)):
        status, headers, _ = booth.raw(f"GET /{path} HTTP/1.1\nHost: a\n{header}")
        assert (status, headers["Connection"]) == (413, "close")
    assert booth.raw(f"GET /scenes?{'x' * 8_000} HTTP/1.1\nHost: a\nA: {'b' * 12_000}")[0] == 200


def test_a_picture_may_be_had_in_parts_and_asked_for_again(booth):
    get = "GET /photo/a%20b.jpeg HTTP/1.1\nHost: a"
    assert booth.raw(get)[::2] == (200, PICTURE)
    status, headers, part = booth.raw(f"{get}\nRange: bytes=100-199")
    assert (status, headers["Content-Range"], part) == (206, f"bytes 100-199/{len(PICTURE)}", PICTURE[100:200])
    assert booth.raw(f"{get}\nRange: bytes=9999-")[0] == 416
    assert booth.raw(f"{get}\nRange: bytes=0-9,20-29")[::2] == (200, PICTURE)
    assert booth.raw(f'{get}\nIf-None-Match: "e"')[::2] == (304, b"")
    assert booth.raw(f"{get}\nIf-Modified-Since: {headers['Last-Modified']}")[::2] == (304, b"")
    assert booth.raw(get.replace("a%20b", "%61%20b"))[0] == 200


def test_a_body_of_base64_is_read(booth):
    """As the API hands over what is no text to it."""
    booth.post("Content-Type: image/jpeg", body=BODY)
    assert booth.functions.event["isBase64Encoded"]
    assert base64.b64decode(booth.functions.event["body"]) == BODY


def test_staffs_calls_come_with_all_headers_and_the_query_where_access_is_open_too(booth):
    headers = ["Authorization: Bearer the-token-of-the-staff", "X-Own: 1"]
    assert booth.post(*headers, method="PUT", path="/staff/settings?day=2026-11-27")[0] == 200
    seen = booth.functions.event
    assert (seen["headers"]["authorization"], seen["headers"]["x-own"]) == ("Bearer the-token-of-the-staff", "1")
    assert seen["queryStringParameters"] == {"day": "2026-11-27"}
    assert booth.post(*headers, method="PUT", path="/staff/none")[0] == 404


def test_the_walls_calls_come_with_their_token_and_the_rest_of_its_page_from_the_pages_bucket(booth):
    assert booth.post("Authorization: Bearer the-token-of-the-wall", method="DELETE", path="/wall/pictures")[0] == 200
    assert booth.functions.event["headers"]["authorization"] == "Bearer the-token-of-the-wall"
    assert booth.raw("GET /wall/pictures HTTP/1.1\nHost: booth\nAuthorization: Bearer a")[0] == 200
    assert booth.functions.event["routeKey"] == "GET /wall/pictures"
    for path in ("/wall/", "/wall/none"):
        assert booth.raw(f"GET {path} HTTP/1.1\nHost: booth")[0] == 404
    booth.functions.event = None
    booth.raw("GET /wall HTTP/1.1\nHost: booth")
    assert booth.functions.event is None


def test_event_json_comes_from_the_bucket_and_is_asked_for_by_its_etag(booth):
    status, headers, body = booth.raw("GET /event.json HTTP/1.1\nHost: booth")
    assert (status, headers["ETag"], body) == (200, '"v"', b"{}")
    assert booth.raw('GET /event.json HTTP/1.1\nHost: booth\nIf-None-Match: "v"')[0] == 304
