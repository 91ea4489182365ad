"""What S3's front says to requests as strangers' clients send them: chunked, asking whether to go on, odd addresses."""

import base64
import contextlib
import hashlib
import random
import socket
import uuid
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local import http_server
from local.account import session_token
from local.s3 import bodies
from local.s3.front import S3Front

pytestmark = pytest.mark.starts

REGION = "eu-west-1"
KEY, SECRET = "ASIAFUNCTION", "a secret"
ODD_KEY = "photo/a b+ü%41~(1)&=.jpg"
PHOTO = b"pixels" * 20_000


class Front:
    """S3's front on a port, a bucket, and presigned URLs as a function with temporary credentials makes them."""

    def __init__(self):
        front = S3Front({KEY: SECRET}, region=REGION, on_created=lambda event: None, tokens={KEY: session_token(KEY)})
        listening = http_server.listen(0)
        self.address = listening.getsockname()
        self.host = "{}:{}".format(*self.address)
        self.server = http_server.serve(listening, front)
        self.s3 = boto3.client(
            "s3",
            endpoint_url=f"http://{self.host}",
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            aws_session_token=session_token(KEY),
            config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
        )
        self.bucket = f"uploads-{uuid.uuid4()}"
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def target(self, key=ODD_KEY):
        """What a client's request line has for a presigned URL: path and query."""
        params = {"Bucket": self.bucket, "Key": key, "ContentType": "image/jpeg"}
        url = urlsplit(self.s3.generate_presigned_url("put_object", params, ExpiresIn=300))
        return f"{url.path}?{url.query}"

    def stored(self, key=ODD_KEY):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()


@pytest.fixture(scope="module")
def front():
    front = Front()
    yield front
    front.server.shutdown()
    front.server.server_close()


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, sock):
        self.sock = sock
        self._file = sock.makefile("rb")

    def head(self, front, target, *headers, method="PUT", version="HTTP/1.1"):
        lines = [f"{method} {target} {version}", f"Host: {front.host}", *headers, "", ""]
        self.sock.sendall("\r\n".join(lines).encode("latin-1"))

    def answer(self):
        """(status, headers with lower-case names, body) of the next answer, which may be 100."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def error(self):
        """(status, the XML's elements) of the next answer."""
        status, _, body = self.answer()
        return status, {element.tag: element.text for element in ElementTree.fromstring(body)}

    def is_closed(self):
        return self._file.read(1) == b""


@pytest.fixture
def wire(front):
    with contextlib.closing(socket.create_connection(front.address, timeout=20)) as sock:
        yield Wire(sock)


def put(wire, front, target, *headers, body=b"pixels"):
    wire.head(front, target, f"Content-Length: {len(body)}", *headers)
    wire.sock.sendall(body)


JPEG = "Content-Type: image/jpeg"
ASK = "Expect: 100-continue"


def test_who_asks_is_told_to_go_on_and_stores_the_photo(front, wire):
    wire.head(front, front.target(), JPEG, f"Content-Length: {len(PHOTO)}", ASK)
    assert wire.answer() == (100, {}, b"")
    wire.sock.sendall(PHOTO)
    assert wire.answer()[0] == 200
    assert front.stored() == PHOTO
    put(wire, front, front.target(), JPEG)  # the connection goes on
    assert wire.answer()[0] == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (["Content-Length: 9"], 403, "SignatureDoesNotMatch"),
        (["Content-Length: 9", "Content-Type: application/x-www-form-urlencoded"], 403, "SignatureDoesNotMatch"),
        (["Content-Length: 9", JPEG, "x-amz-acl: public-read"], 403, "AccessDenied"),
        ([f"Content-Length: {bodies.LARGEST_PUT + 1}", JPEG], 400, "EntityTooLarge"),
        (["Transfer-Encoding: chunked", JPEG], 501, "NotImplemented"),
        ([JPEG], 411, "MissingContentLength"),
    ],
)
def test_who_asks_and_is_refused_by_the_head_is_not_told_to_go_on(front, wire, headers, status, code):
    wire.head(front, front.target(), *headers, ASK)
    answered, error = wire.error()
    assert (answered, error["Code"]) == (status, code)
    assert wire.is_closed()  # or the body, should it come after all, would be taken for a request


def test_a_client_of_http_1_0_is_not_told_to_go_on(front, wire):
    wire.head(front, front.target(), JPEG, "Content-Length: 6", ASK, version="HTTP/1.0")
    wire.sock.sendall(b"pixels")
    assert wire.answer()[0] == 200
    assert wire.is_closed()


def test_who_does_not_ask_may_send_all_and_is_refused_on_a_connection_that_goes_on(front, wire):
    put(wire, front, front.target(), "Content-Type: image/png", body=PHOTO)
    assert wire.error()[0] == 403
    put(wire, front, front.target(), JPEG, body=PHOTO)
    assert wire.answer()[0] == 200


def test_a_chunked_body_is_refused_by_the_headers_name(front, wire):
    wire.head(front, front.target(), JPEG, "Transfer-encoding: chunked")
    wire.sock.sendall(b"6\r\npixels\r\n0\r\n\r\n")
    status, error = wire.error()
    assert (status, error["Code"], error["Header"]) == (501, "NotImplemented", "Transfer-Encoding")
    put(wire, front, front.target(), JPEG)
    assert wire.answer()[0] == 200


def test_a_body_that_ends_early_is_incomplete(front, wire):
    wire.head(front, front.target(), JPEG, "Content-Length: 10")
    wire.sock.sendall(b"pixels")
    wire.sock.shutdown(socket.SHUT_WR)
    status, error = wire.error()
    assert (status, error["Code"]) == (400, "IncompleteBody")


def test_a_body_that_never_comes_is_not_awaited_for_ever(front, wire, monkeypatch):
    monkeypatch.setattr(http_server, "SILENCE_SECONDS", 0.05)
    wire.head(front, front.target(), JPEG, "Content-Length: 10")
    wire.sock.sendall(b"pixels")
    status, error = wire.error()
    assert (status, error["Code"]) == (400, "RequestTimeout")
    assert wire.is_closed()


@pytest.mark.parametrize(
    ("digest", "status", "code"),
    [
        (hashlib.md5(b"pixels").digest(), 200, ""),
        (hashlib.md5(b"other").digest(), 400, "BadDigest"),
        (b"short", 400, "InvalidDigest"),
    ],
    ids=["right", "another body's", "no digest"],
)
def test_a_digest_is_held_against_the_body(front, wire, digest, status, code):
    put(wire, front, front.target(), JPEG, f"Content-MD5: {base64.b64encode(digest).decode()}")
    if code:
        answered, error = wire.error()
        assert (answered, error["Code"]) == (status, code)
    else:
        assert wire.answer()[0] == status


def test_other_ways_to_send_a_file_are_refused(front, wire):
    """As a form with the file in it, as no type at all, with a charset, with a checksum of an SDK's."""
    for header in (
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: image/jpeg;charset=UTF-8",
        "Accept: */*",
    ):
        put(wire, front, front.target(), header)
        status, error = wire.error()
        assert (status, error["Code"]) == (403, "SignatureDoesNotMatch"), header
    put(wire, front, front.target(), JPEG, "x-amz-checksum-crc32: AAAAAA==")
    assert wire.error()[1]["HeadersNotSigned"] == "x-amz-checksum-crc32"


# Addresses

LITERAL = "/;:=@!$,*'()-._~"
"""What a client may send as it is, letters and digits besides."""
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\ufffe\uffff"), max_size=20)


def spelt(text, choice):
    """The text percent-encoded, as it may be: with digits of either case, and also what need not be encoded."""
    ways = ((chr(byte), f"%{byte:02x}", f"%{byte:02X}") for byte in text.encode())
    literal = lambda letter: letter in LITERAL or (letter.isascii() and letter.isalnum())
    return "".join(choice(way if literal(way[0]) else way[1:]) for way in ways)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, seed=st.integers(0, 2**32))
def test_a_url_may_be_spelt_in_any_way_that_means_the_same(front, name, seed):
    """Other hexadecimal digits, less or more encoded than need be, the query in another order; names of headers in any
    case, blanks around their values."""
    chance = random.Random(seed)
    path, _, query = front.target(key := f"photo/x{name}").partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&")]
    chance.shuffle(pairs)
    _, bucket, given = path.split("/", 2)
    target = f"/{bucket}/{spelt(unquote(given), chance.choice)}?"
    target += "&".join(f"{name}={spelt(unquote(value), chance.choice)}" for name, value in pairs)
    header = "".join(chance.choice([letter, letter.swapcase()]) for letter in "Content-Type")
    blank = chance.choice(["", " ", "   "])
    with contextlib.closing(socket.create_connection(front.address, timeout=20)) as sock:
        put(wire := Wire(sock), front, target, f"{header}:{blank}image/jpeg{blank}")
        assert wire.answer()[0] == 200
    assert front.stored(key) == b"pixels"


def changed(target, change):
    path, _, query = target.partition("?")
    return {
        "encoded twice": lambda: quote(path) + "?" + query,
        "query encoded twice": lambda: path + "?" + quote(query, safe="=&"),
        "plus for %2B in the path": lambda: path.replace("%2B", "+") + "?" + query,
        "plus for %2B in the token": lambda: path + "?" + query.replace("%2B", "+"),
        "plus for a space": lambda: path.replace("%20", "+") + "?" + query,
        "one more parameter": lambda: target + "&from=pad",
        "one less": lambda: target.replace("&X-Amz-Expires=300", ""),
        "another name": lambda: path.replace("1", "2") + "?" + query,
        "no token": lambda: path + "?" + "&".join(p for p in query.split("&") if "Token" not in p),
        "broken escape": lambda: path + "%zz?" + query,
        "no UTF-8": lambda: path + "%ff?" + query,
    }[change]()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ("encoded twice", 403, "SignatureDoesNotMatch"),
        ("query encoded twice", 400, "AuthorizationQueryParametersError"),
        ("plus for %2B in the path", 403, "SignatureDoesNotMatch"),
        ("plus for %2B in the token", 400, "InvalidToken"),
        ("one more parameter", 403, "SignatureDoesNotMatch"),
        ("one less", 400, "AuthorizationQueryParametersError"),
        ("another name", 403, "SignatureDoesNotMatch"),
        ("no token", 403, "InvalidAccessKeyId"),
        ("broken escape", 400, "InvalidURI"),
        ("no UTF-8", 400, "InvalidURI"),
    ],
)
def test_a_url_that_means_something_else_is_refused(front, wire, change, status, code):
    target = front.target()
    assert changed(target, change) != target
    put(wire, front, changed(target, change), JPEG)
    answered, error = wire.error()
    assert (answered, error["Code"]) == (status, code)


def test_a_plus_sign_in_the_path_is_a_space(front, wire):
    put(wire, front, changed(front.target("photo/a b.jpg"), "plus for a space"), JPEG)
    assert wire.answer()[0] == 200


@pytest.mark.parametrize("asked", ["content-type", "Content-Type", "CONTENT-TYPE", " content-type ,content-type"])
def test_a_preflight_may_name_the_header_in_any_case(front, wire, asked):
    rule = {"AllowedOrigins": ["https://booth"], "AllowedMethods": ["PUT"], "AllowedHeaders": ["content-type"]}
    front.s3.put_bucket_cors(Bucket=front.bucket, CORSConfiguration={"CORSRules": [rule]})
    wish = ["Origin: https://booth", "Access-Control-Request-Method: PUT", f"Access-Control-Request-Headers: {asked}"]
    wire.head(front, front.target(), *wish, method="OPTIONS")
    assert wire.answer()[0] == 200
    wire.head(front, front.target(), *wish[:2], "Access-Control-Request-Headers: x-requested-with", method="OPTIONS")
    assert wire.error()[0] == 403
