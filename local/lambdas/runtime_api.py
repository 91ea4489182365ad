"""The Lambda Runtime API, which a function's process asks for invocations and gives their answers."""

from __future__ import annotations

import re
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Protocol

from local.accepting import Accepting
from local.lambdas.results import SYNC_LIMIT, InvokeResult, error

_RUNTIME_API = "/2018-06-01/runtime"


class Invocation:
    """An event on its way through a worker. `deadline_ms` is in milliseconds since the epoch."""

    def __init__(self, request_id: str, payload: bytes, deadline_ms: int):
        self.request_id = request_id
        self.payload = payload
        self.deadline_ms = deadline_ms
        self.answered = threading.Event()
        self.result: InvokeResult | None = None
        self._lock = threading.Lock()

    def answer(self, body: bytes, *, failed: bool) -> None:
        """The first answer counts: the function's, its timeout or its end."""
        headers = {"x-amzn-RequestId": self.request_id, "X-Amz-Executed-Version": "$LATEST"}
        if failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        with self._lock:
            if self.result is None:
                self.result = InvokeResult(200, headers, body)
                self.answered.set()


class Served(Protocol):
    """The worker whose process a server serves."""

    function_arn: str
    alive: bool

    def next_invocation(self) -> Invocation | None:
        """Block until there is an invocation for the process; None when the process has ended."""

    def current(self, request_id: str) -> Invocation | None:
        """The invocation under way, if it is the one named and still open."""

    def init_failed(self, body: bytes) -> None:
        """Keep the error that the process reports of its initialisation (JSON)."""


class RuntimeApiServer(Accepting):
    """Serves one process, one request at a time: a connection for each, so none waits behind an idle one."""

    worker: Served

    def end(self) -> None:
        """Stop serving; called by another thread."""
        self.stop_accepting()
        self.server_close()

    def handle_error(self, request, client_address) -> None:
        """A process that is killed drops its connection; anything else is a bug of this module."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class RuntimeApiHandler(BaseHTTPRequestHandler):
    """Answers the process's requests; paths as in AWS's Runtime API."""

    server: RuntimeApiServer  # pyright: ignore[reportIncompatibleVariableOverride]  it serves no other server
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        if self.path != f"{_RUNTIME_API}/invocation/next":
            return self._reply(404)
        worker = self.server.worker
        invocation = worker.next_invocation()
        if invocation is None:
            return None
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": worker.function_arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        return self._reply(200, headers, invocation.payload)

    def do_POST(self) -> None:
        worker = self.server.worker
        body = self._read_body()
        if self.path == f"{_RUNTIME_API}/init/error":
            worker.init_failed(body)
            return self._reply(202)
        match = re.fullmatch(rf"{_RUNTIME_API}/invocation/([^/]+)/(response|error)", self.path)
        if not match:
            return self._reply(404)
        invocation = worker.current(match[1])
        if invocation is None:
            return self._reply(400)
        if len(body) > SYNC_LIMIT:
            message = f"Response payload size exceeded maximum allowed payload size ({SYNC_LIMIT} bytes)."
            invocation.answer(error("Function.ResponseSizeTooLarge", message), failed=True)
            worker.alive = False  # the runtime client gives up when it reads 413
            return self._reply(413)
        invocation.answer(body, failed=match[2] == "error")
        return self._reply(202)

    def _read_body(self) -> bytes:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionAbortedError("the process ended while it answered")
        return body

    def _reply(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The functions' own lines are the log; the traffic beneath them is not."""
