"""Serves WSGI applications over HTTP/1.1, on 127.0.0.1 unless told otherwise."""

import email.parser
import http.client
import io
import logging
import os
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, BinaryIO

from werkzeug.exceptions import BadRequest
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from local.accepting import Accepting

_log = logging.getLogger(__name__)

Application = Callable[[dict, Callable], Iterable[bytes]]

_LONGEST_LINE = 65_536
_HEADER = re.compile(rb"([!-9;-~]+):[ \t]*([^\r\n]*)\r?\n")

ARRIVED = "booth.arrived"
"""Key of the WSGI environment: when the request's head came, as a datetime; its body may take long."""
BODY = "booth.body"
"""There, too: its Body, whoever reads it."""
SILENCE_SECONDS = 20
"""A client that sends nothing of its body for so long is given up. AWS's services do so, and don't say when."""


class Body(io.RawIOBase):
    """A request's body, which comes off the connection as a whole when it is first read.

    Raises BadRequest when it is read and ended before its announced end or is no chunked one; TimeoutError after
    SILENCE_SECONDS.
    """

    def __init__(self, read: Callable[[], bytes]):
        self._read = read
        self._body: io.BytesIO | None = None
        self._error: Exception | None = None

    @property
    def has_come(self) -> bool:
        """Whether it was read, to its end or not."""
        return self._body is not None or self.has_failed

    @property
    def whole(self) -> bytes:
        """All of it; empty if it was not read, or not to its end."""
        return self._body.getvalue() if self._body else b""

    @property
    def has_failed(self) -> bool:
        """Whether it can't be read to its end."""
        return self._error is not None

    def load(self) -> None:
        """Read it off the connection, once. What is wrong with it is raised when it is used."""
        if self.has_come:
            return
        try:
            self._body = io.BytesIO(self._read())
        except BadRequest as error:  # also what werkzeug makes of a TimeoutError
            self._error = error.__context__ if isinstance(error.__context__, TimeoutError) else error
        except TimeoutError as error:
            self._error = error
        except OSError as error:  # the connection has gone
            self._error = BadRequest(str(error))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.load()
        if self._error or self._body is None:
            raise self._error or EOFError
        return self._body.readinto(buffer)


class Handler(WSGIRequestHandler):
    """HTTP/1.1 that keeps connections open, as AWS's services do; werkzeug's own closes each. Logs no requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one write

    def handle(self) -> None:
        """Answer a connection's requests. Who speaks http where https is served, as browsers do, is sent there."""
        handshake_or_nothing = (b"\x16", b"")
        if getattr(self.server, "tls", None) and self._first_byte() not in handshake_or_nothing:
            host, port = self.server.socket.getsockname()
            answer = f"HTTP/1.1 308 Permanent Redirect\r\nLocation: https://{host}:{port}/\r\nContent-Length: 0\r\n"
            socket.socket.sendall(self.connection, f"{answer}Connection: close\r\n\r\n".encode())
        else:
            super().handle()

    def _first_byte(self) -> bytes:
        """What a client sends first, before TLS reads it."""
        return socket.socket.recv(self.connection, 1, socket.MSG_PEEK)

    def run_wsgi(self) -> None:
        """Answer one request, or close the connection without an answer."""
        if not self._is_plain:
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        request = Request(self.make_environ(), populate_request=False)
        target = self.requestline.split()[1]
        if target.startswith("//"):  # of which the standard library drops all but one
            request.environ |= {"RAW_URI": target, "REQUEST_URI": target}
        request.environ[ARRIVED] = datetime.now(UTC)
        sent = Request(request.environ.copy())
        body = Body(lambda: self._receive(sent))
        if not self._asks_to_go_on:
            # An answer before the body's end would break the connection, and applications read at once what is there.
            body.load()
        request.environ |= {BODY: body, "wsgi.input": body, "wsgi.input_terminated": True}
        response = self._answer(Request(request.environ), body)
        if response is None:
            self.close_connection = True
            return
        if body.has_failed or not body.has_come:  # what follows on the connection may be a body, or a request
            response.headers["Connection"] = "close"
        data = response.get_data()
        self.send_response(response.status_code)
        for name, value in response.get_wsgi_headers(request.environ):
            self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD":
            self.close_connection |= response.content_length not in (None, len(data))  # a fault: cut
            self.wfile.write(data)
        self.wfile.flush()
        response.close()  # the application learns that its answer has been sent

    def _answer(self, request: Request, body: Body) -> Response | None:
        """The application's answer, or that it failed; None: there is to be none."""
        try:
            return self.answer(request)
        except ConnectionResetError:  # a fault
            return None
        except Exception:
            if body.has_failed:
                return Response("Bad Request", 400)
            _log.exception("%s failed", request.path)
            return Response("Internal Server Error", 500)

    def _receive(self, request: Request) -> bytes:
        """The request's body off the connection. Who asked whether to go on is told so first."""
        if self._asks_to_go_on:
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        self.connection.settimeout(SILENCE_SECONDS)
        try:
            coding = self.headers.get("Transfer-Encoding", "").strip().lower()
            if coding not in ("", "chunked"):
                raise BadRequest(f"no coding {coding}")
            return self._chunks() if coding else request.get_data(cache=False)
        finally:
            self.connection.settimeout(None)

    def _chunks(self) -> bytes:
        """A chunked body, without extensions and trailers (RFC 9112, 7.1), which werkzeug's own takes for faults.

        Raises BadRequest.
        """
        parts = []
        while size := self._length_of_chunk():
            parts.append(self.rfile.read(size))
            if len(parts[-1]) < size or self.rfile.readline(3).strip():
                raise BadRequest("a chunk of another length")
        while self.rfile.readline(_LONGEST_LINE).strip():
            pass
        return b"".join(parts)

    def _length_of_chunk(self) -> int:
        digits = self.rfile.readline(_LONGEST_LINE).partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", digits):
            raise BadRequest("no chunk")
        return int(digits, 16)

    def answer(self, request: Request) -> Response | None:
        """The server's application's answer; None: there is none."""
        return Response.from_app(self.server.app, request.environ)

    @property
    def _is_plain(self) -> bool:
        """Whether the head says in one way for whom the request is and where its body ends (RFC 9112, 3.2 and 6.3)."""
        lengths, hosts = self.headers.get_all("Content-Length", []), self.headers.get_all("Host", [])
        has_end = len(set(lengths)) < 2 and all(re.fullmatch("[0-9]+", each.strip()) for each in lengths)
        return has_end and (len(hosts) == 1 or self.request_version < "HTTP/1.1")

    @property
    def _asks_to_go_on(self) -> bool:
        """Whether the client sends the body when it is told to. Those of HTTP/1.0 are not: they know no such answer."""
        return self.headers.get("Expect", "").lower() == "100-continue" and self.request_version >= "HTTP/1.1"

    def handle_expect_100(self) -> bool:
        """Say nothing yet: the application may refuse the request by its head."""
        return True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write no line for each request."""


class Server(Accepting, ThreadedWSGIServer):
    """A thread for each connection; `shutdown` closes the open ones, too. With `tls` it speaks https."""

    def __init__(self, sock: socket.socket, application: Application, tls: ssl.SSLContext | None = None):
        host, port = sock.getsockname()
        # The server takes over a copy of the descriptor and closes that one itself.
        super().__init__(host, port, application, Handler, fd=os.dup(sock.fileno()))
        self.tls = tls
        self._connections: set[socket.socket] = set()
        self._ended = threading.Event()

    def serve(self) -> None:
        """Until `shutdown`."""
        self.accept_all()
        self.server_close()
        self._ended.set()

    def get_request(self) -> tuple[Any, Any]:
        """The next connection. Its thread does the handshake: nobody waits for a client that is slow with it."""
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints an error; none is that who asked is gone, was cut off by `shutdown`, or refuses the certificate."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)

    def shutdown(self) -> None:
        """End `serve`, which another thread is at, and the connections."""
        self.stop_accepting()
        self._ended.wait()
        for connection in list(self._connections):
            with suppress(OSError):  # it has just ended
                connection.shutdown(socket.SHUT_RDWR)


@cache
def _patch_header_parsing() -> None:
    """Once in a process, for its servers and clients: the standard library parses HTTP's headers as mail, which takes
    a sixth of the time of a small request."""
    http.client.parse_headers = parse_headers


def parse_headers(file: BinaryIO, _class: type = http.client.HTTPMessage, **limits: int) -> http.client.HTTPMessage:
    """http.client.parse_headers, faster. Raises http.client.HTTPException if there are too many or too long ones."""
    message = _class()
    lines = http.client._read_headers(file, **limits)  # pyright: ignore[reportAttributeAccessIssue]  a private function
    for line in lines[:-1]:
        match = _HEADER.fullmatch(line)
        if not match:  # folded, or broken
            return email.parser.Parser(_class=_class).parsestr(b"".join(lines).decode("iso-8859-1"))
        message.set_raw(*(part.decode("iso-8859-1") for part in match.groups()))
    return message


def listen(port: int, address: str = "127.0.0.1") -> socket.socket:
    """A socket that listens on an address; port 0 takes a free one. Raises OSError if the port is taken."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def serve(sock: socket.socket, application: Application, tls: ssl.SSLContext | None = None) -> ThreadedWSGIServer:
    """Serves the application on a socket, a thread per connection, until `.shutdown()`; with `tls` by https."""
    _patch_header_parsing()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = Server(sock, application, tls)
    sock.close()
    threading.Thread(target=server.serve, name=f"http-{server.port}", daemon=True).start()
    return server
