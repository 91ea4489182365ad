"""The local servers: connections that stay open, and what passes counted."""

import email.parser
import http.client
import io
import socket
import threading

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from local import http_server
from local.traffic import OTHERS, Count, Traffic, kind_of
from tests.support.waiting import await_true

SIGNED = "AWS4-HMAC-SHA256 Credential={}/20261125/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def application(environ, start_response):
    """Tells what it was sent; of /deaf it reads nothing, /broken fails."""
    request = Request(environ)
    if request.path == "/broken":
        raise RuntimeError("broken")
    body = b"deaf" if request.path == "/deaf" else request.method.encode() + b" " + request.get_data()
    return Response(body)(environ, start_response)


@pytest.fixture
def serving():
    listening = http_server.listen(0)
    address = listening.getsockname()
    server = http_server.serve(listening, application)
    yield server, address
    server.shutdown()
    server.server_close()


@pytest.fixture
def connection(serving):
    made = http.client.HTTPConnection(*serving[1], timeout=20)
    made.connect()
    yield made
    made.close()


def ask(connection, method, path, body=None, **headers):
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.starts
def test_a_connection_serves_one_request_after_another(connection):
    first = connection.sock
    assert ask(connection, "PUT", "/a", b"body") == (200, b"PUT body")
    assert ask(connection, "POST", "/deaf", b"GET / HTTP/1.1\r\n\r\n") == (200, b"deaf")
    assert ask(connection, "HEAD", "/a") == (200, b"")
    assert ask(connection, "GET", "/broken") == (500, b"Internal Server Error")
    assert ask(connection, "GET", "/a") == (200, b"GET ")
    assert connection.sock is first


@pytest.mark.starts
def test_who_asks_whether_to_go_on_is_told(serving):
    with socket.create_connection(serving[1], timeout=20) as raw:
        raw.sendall(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 100 ")
        raw.sendall(b"body")
        assert b"200 OK" in raw.recv(1000)


@pytest.mark.starts
def test_closing_ends_the_connections_that_are_open(serving, connection):
    assert ask(connection, "GET", "/a")[0] == 200
    serving[0].shutdown()
    assert connection.sock.recv(1) == b""


@pytest.mark.starts
def test_an_answer_that_closing_cuts_off_prints_nothing(capfd):
    begun, going_on = threading.Event(), threading.Event()

    def slow(environ, start_response):
        begun.set()
        going_on.wait(20)
        return Response(b"late")(environ, start_response)

    listening = http_server.listen(0)
    with socket.create_connection(listening.getsockname(), timeout=20) as raw:
        server = http_server.serve(listening, slow)
        raw.sendall(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        assert begun.wait(20)
        server.shutdown()
        going_on.set()
        await_true(lambda: not server._connections)
    server.server_close()
    assert capfd.readouterr().err == ""


def test_what_passes_is_counted_by_caller_and_kind():
    traffic = Traffic({"ASIAKEY": "DetectFaces"})
    watched = traffic.counted(application)

    def send(method, path, body=b"", **headers):
        Response.from_app(watched, EnvironBuilder(path, method=method, data=body, headers=headers).get_environ())

    send("PUT", "/bucket/key", b"12345", Authorization=SIGNED.format("ASIAKEY"))
    send("PUT", "/bucket/key", b"123", Authorization=SIGNED.format("ASIAKEY"))
    send("GET", "/bucket/key?X-Amz-Credential=ASIAKEY/20261125/us-east-1/s3/aws4_request")
    send("HEAD", "/bucket/key", Authorization=SIGNED.format("AKIASOMEBODY"))
    assert traffic.take() == {
        ("DetectFaces", "s3.put"): Count(2, 8, len(b"PUT 12345") + len(b"PUT 123")),
        ("DetectFaces", "s3.get"): Count(1, 0, len(b"GET ")),
        (OTHERS, "s3.head"): Count(1, 0, 0),
    }
    assert traffic.take() == {}


@pytest.mark.parametrize(
    ("method", "path", "target", "kind"),
    [
        ("POST", "/", "DynamoDB_20120810.UpdateItem", "dynamodb.UpdateItem"),
        ("POST", "/", "AWSStepFunctions.StartExecution", "awsstepfunctions.StartExecution"),
        ("POST", "/2015-03-31/functions/f/invocations", "", "lambda.Invoke"),
        ("GET", "/bucket?list-type=2&prefix=work/", "", "s3.list"),
        ("GET", "/bucket/work/a.png", "", "s3.get"),
        ("POST", "/bucket?delete", "", "s3.delete"),
        ("DELETE", "/bucket/a?versionId=1", "", "s3.delete"),
    ],
)
def test_kinds_of_requests(method, path, target, kind):
    headers = {"X-Amz-Target": target} if target else {}
    assert kind_of(Request(EnvironBuilder(path, method=method, headers=headers).get_environ())) == kind


HEADS = [
    "Host: x\r\nContent-Length: 0\r\n",
    "A: 1\r\nA: 2\r\na: 3\r\n",
    "Empty:\r\nSpaces:   \t value \t \r\n",
    "Folded: one\r\n two\r\nNext: 1\r\n",
    "Latin: caf\xc3\xa0\r\nNext: 1\r\n",
    ": nameless\r\nNext: 1\r\n",
    "no colon\r\nNext: 1\r\n",
    "A B: x\r\nNext: 1\r\n",
    "From x: y\r\nNext: 1\r\n",
    "Bare: a\rb\r\nNext: 1\r\n",
    "Colons: a:b:c\r\nOnly-LF: 1\n",
    "",
]


@pytest.mark.parametrize("head", HEADS)
def test_heads_are_read_as_the_standard_library_reads_them(head):
    text = f"{head}\r\n"
    read = http_server.parse_headers(io.BytesIO(text.encode("iso-8859-1")))
    wanted = email.parser.Parser(_class=http.client.HTTPMessage).parsestr(text)
    assert read.items() == wanted.items()
    assert read.get_all("A") == wanted.get_all("A")


def test_a_head_without_end_is_refused():
    with pytest.raises(http.client.HTTPException):
        http_server.parse_headers(io.BytesIO(b"A: 1\r\n" * 1000))
