"""Runs Lambda functions on this machine, unmodified, each in processes of its own.

A worker is one operating-system process under awslambdaric, the runtime client of AWS's own Python images,
and a small HTTP server which speaks the Lambda Runtime API to that process alone. As in Lambda, a worker
handles one invocation at a time, sees only its own environment, is kept warm, and is killed when the
function's timeout is over. Workers are forked from a process that has imported the function (`local.forkserver`).

Not imitated: memory is announced to the function but not limited, /tmp is the machine's own, and a worker may
take `INIT_SECONDS` to start where Lambda gives 10 s, because a laptop starts many at once on few cores.

Sources: AWS Lambda's pages "Using the Lambda runtime API for custom runtimes" and "Lambda quotas", and the
reference of its Invoke API.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import BinaryIO

from werkzeug.wrappers import Request, Response

ACCOUNT = "123456789012"
SYNC_LIMIT = 6 * 1024 * 1024  # bytes of payload, request and response (Lambda quotas)
ASYNC_LIMIT = 1024 * 1024  # bytes of payload of an event invocation (Lambda quotas)
INIT_SECONDS = 60.0
FIRST_BACK_SECONDS, LONGEST_BACK_SECONDS = 1.0, 300.0
"""Pauses before an event that was throttled is tried again, each twice as long as the one before (Lambda guide, "How
Lambda handles errors and retries with asynchronous invocation")."""
LOG_LINE_LIMIT = 256 * 1024  # bytes; longer lines are broken, as CloudWatch Logs does
REAP_EVERY_SECONDS = 15.0

_RUNTIME_API = "/2018-06-01/runtime"
_INVOKE_PATH = re.compile(r"/2015-03-31/functions/(?P<name>.+)/invocations/?")
_FUNCTION_NAME = re.compile(
    r"(?:(?:arn:[^:]+:lambda:[^:]+:)?\d{12}:function:)?(?P<name>[\w-]+)(?::(?:\$LATEST|[\w-]+))?"
)

_FORKSERVER = Path(__file__).parent / "forkserver.py"
_OF_ALL = {"LANG": "en_US.UTF-8", "TZ": ":UTC", "PATH": os.defpath, "HOME": "/tmp"}


class FunctionInitError(Exception):
    """A function ended before it asked for its first invocation."""


@dataclass(frozen=True)
class Function:
    """A Lambda function as its template describes it.

    `code` is the folder that becomes the working directory and the first place of imports, `timeout` is in
    seconds, `retries` counts the further attempts of a failed event invocation, `event_age` is how many seconds one
    is kept, `concurrency` is the greatest number of workers, `layers` are the logical ids of its layers.
    """

    name: str
    handler: str
    code: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 3.0
    memory_mb: int = 128
    retries: int = 2
    event_age: float = 6 * 3600
    concurrency: int = 200
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class InvokeResult:
    """The answer of Lambda's Invoke API: HTTP status, headers, body (the function's JSON, or an error's)."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def failed(self) -> bool:
        """Whether Lambda refused the call or the function ended with an error."""
        return self.status >= 400 or "X-Amz-Function-Error" in self.headers


class LambdaHost:
    """Starts, feeds and ends the workers of a set of functions. All methods may be called from any thread.

    Args:
        functions: the functions, told apart by their names.
        region: goes into the functions' environment and ARNs.
        concurrency: how many executions the account allows at once, of all functions together; the next one is
            throttled with HTTP 429. It may be set anew.
        log: gets each line that a function prints, without newline, prefixed with `[name] `; called by one
            thread at a time.
        queue_seconds: how long an invocation waits for a free worker before it is throttled with HTTP 429.
        idle_seconds: after this time idle workers are ended; the last one used of each function stays.
        retry_delays: seconds before the second and the third attempt of a failed event invocation.
        python: the interpreter that the workers run under; awslambdaric is installed for it.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        *,
        region: str,
        log: Callable[[str], None],
        concurrency: int = 1000,
        queue_seconds: float = 30.0,
        idle_seconds: float = 300.0,
        retry_delays: tuple[float, ...] = (60.0, 120.0),
        python: str = sys.executable,
    ):
        self.concurrency = concurrency
        self.refused = 0
        """How many invocations were beyond it."""
        self._running = 0
        self._running_lock = threading.Lock()
        self._region = region
        self._python = python
        self._write = log
        self._log_lock = threading.Lock()
        self._queue_seconds = queue_seconds
        self._idle_seconds = idle_seconds
        self._retry_delays = retry_delays
        self._closing = threading.Event()
        self._zygotes: dict[tuple[Path, str], _Zygote] = {}  # by folder and PYTHONPATH
        self._zygotes_lock = threading.Lock()
        self._pools = {function.name: _Pool(function, self._fork_server, self._start_worker) for function in functions}
        threading.Thread(target=self._reap, name="lambda-reaper", daemon=True).start()

    def invoke(self, name: str, payload: bytes, *, asynchronous: bool = False) -> InvokeResult:
        """Invoke the function `name` (name, partial or full ARN) with a JSON payload, as the Invoke API does.

        Never raises for what Lambda answers: an error of the function is status 200 with the header
        `X-Amz-Function-Error`; 400, 404, 413 and 429 carry the exception's name in `x-amzn-ErrorType`.
        An asynchronous call answers 202 at once and is tried again after a failure, or when it was throttled.
        """
        match = _FUNCTION_NAME.fullmatch(name)
        pool = self._pools.get(match["name"]) if match else None
        if pool is None:
            return _refusal(404, "ResourceNotFoundException", f"Function not found: {name}")
        payload = payload or b"{}"
        limit = ASYNC_LIMIT if asynchronous else SYNC_LIMIT
        if len(payload) > limit:
            return _refusal(
                413,
                "RequestTooLargeException",
                f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            )
        try:
            json.loads(payload)
        except ValueError as error:
            return _refusal(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
        request_id = str(uuid.uuid4())
        if asynchronous:
            threading.Thread(target=self._deliver, args=(pool, request_id, payload), daemon=True).start()
            return InvokeResult(202, {"x-amzn-RequestId": request_id}, b"")
        return self._run(pool, request_id, payload, self._queue_seconds)

    def wsgi(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        """WSGI application that answers `POST /2015-03-31/functions/{name or ARN}/invocations`."""
        request = Request(environ)
        match = _INVOKE_PATH.fullmatch(request.path)
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if not match or request.method != "POST":
            result = _refusal(404, "UnknownOperationException", "only Invoke is served here")
        elif kind not in ("RequestResponse", "Event"):
            result = _refusal(400, "InvalidParameterValueException", f"unsupported invocation type {kind}")
        else:
            result = self.invoke(match["name"], request.get_data(), asynchronous=kind == "Event")
        response = Response(result.body, result.status, result.headers, content_type="application/json")
        return response(environ, start_response)

    def warm(self) -> None:
        """Start one worker for every function, all at once, and wait until they are ready for an invocation.

        Raises:
            FunctionInitError: a function cannot be imported or ends at once; the message tells why.
        """
        workers = [(pool, pool.acquire(self._queue_seconds)) for pool in self._pools.values()]
        for pool, worker in workers:
            if worker is not None:
                ready = worker.wait_ready()
                pool.release(worker)
                if not ready:
                    raise FunctionInitError(f"{pool.function.name}: {worker.init_error_text()}")

    def configure(self, name: str, environment: Mapping[str, str]) -> None:
        """Give the function another environment, as UpdateFunctionConfiguration does.

        The next invocation starts with it; those under way end with the one they have.
        """
        self._pools[name].configure(environment)

    def busy(self, name: str) -> int:
        """Number of workers of the function that hold an invocation now."""
        return self._pools[name].busy()

    def processes(self, name: str | None = None) -> list[int]:
        """The ids of a function's living processes, or of all functions'."""
        pools = self._pools.values() if name is None else [self._pools[name]]
        return [pid for pool in pools for pid in pool.processes()]

    def close(self) -> None:
        """End all processes for good and wait for them. Invocations under way are answered as crashed."""
        self._closing.set()
        for worker in [worker for pool in self._pools.values() for worker in pool.close()]:
            worker.wait_ended()
        for zygote in self._zygotes.values():
            zygote.retire()

    def _fork_server(self, function: Function) -> _ForkServer:
        place = (function.code, function.environment.get("PYTHONPATH", ""))
        with self._zygotes_lock:
            zygote = self._zygotes.get(place)
            if zygote is None or not zygote.alive:
                zygote = self._zygotes[place] = _Zygote(*place, self._python)
        return _ForkServer(function, zygote, self._region, self._log)

    def _start_worker(self, server: _ForkServer, ended: Callable[[_Worker], None]) -> _Worker:
        return _Worker(server, self._region, self._log, ended)

    def _log(self, name: str, line: str) -> None:
        with self._log_lock:
            self._write(f"[{name}] {line}")

    def _run(self, pool: _Pool, request_id: str, payload: bytes, wait_seconds: float | None) -> InvokeResult:
        with self._running_lock:
            if self._running >= self.concurrency:
                self.refused += 1
                return _throttled("ConcurrentInvocationLimitExceeded")
            self._running += 1
        try:
            return self._run_admitted(pool, request_id, payload, wait_seconds)
        finally:
            with self._running_lock:
                self._running -= 1

    def _run_admitted(self, pool: _Pool, request_id: str, payload: bytes, wait_seconds: float | None) -> InvokeResult:
        worker = pool.acquire(wait_seconds)
        if worker is None:
            if self._closing.is_set():
                return _refusal(500, "ServiceException", "The local Lambda host is closing.")
            return _throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        try:
            return worker.run(request_id, payload)
        finally:
            pool.release(worker)

    def _deliver(self, pool: _Pool, request_id: str, payload: bytes) -> None:
        """Run an event invocation, again with the same request id after each failure.

        What Lambda itself refused goes back into its queue and costs no attempt, as long as the event is young enough.
        """
        delays = deque(self._retry_delays[: pool.function.retries])
        until, back, attempts = time.monotonic() + pool.function.event_age, FIRST_BACK_SECONDS, 0
        while True:
            result = self._run(pool, request_id, payload, None)
            if not result.failed:
                return
            if result.status >= 400:
                delay, back = back, min(back * 2, LONGEST_BACK_SECONDS)
            else:
                attempts += 1
                delay = delays.popleft() if delays else None
            if delay is None or time.monotonic() + delay > until:
                break
            if self._closing.wait(delay):
                return
        self._log(pool.function.name, f"event {request_id} dropped after {attempts} attempts")

    def _reap(self) -> None:
        while not self._closing.wait(min(REAP_EVERY_SECONDS, self._idle_seconds / 2)):
            for pool in self._pools.values():
                pool.reap(self._idle_seconds)


class _Pool:
    """The workers of one function: idle ones, the last used on top, and busy ones."""

    def __init__(
        self,
        function: Function,
        fork_server: Callable[[Function], _ForkServer],
        start: Callable[[_ForkServer, Callable], _Worker],
    ):
        self.function = function
        self._fork_server = fork_server
        self._start = start
        self._server: _ForkServer | None = None
        self._changed = threading.Condition()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False

    def acquire(self, wait_seconds: float | None) -> _Worker | None:
        """A worker for one invocation; None when the pool is closed or none came free in `wait_seconds`.

        `wait_seconds` None waits without limit.
        """

        def obtainable() -> bool:
            return self._closed or bool(self._idle) or len(self._busy) < self.function.concurrency

        with self._changed:
            if not self._changed.wait_for(obtainable, wait_seconds) or self._closed:
                return None
            worker = self._idle.pop() if self._idle else self._started()
            self._busy.add(worker)
            return worker

    def _started(self) -> _Worker:
        if self._server is None or not self._server.alive:
            self._server = self._fork_server(self.function)
        return self._start(self._server, self._forget)

    def release(self, worker: _Worker) -> None:
        with self._changed:
            self._busy.discard(worker)
            is_current = worker.function is self.function
            if worker.alive and not self._closed and is_current:
                worker.idle_since = time.monotonic()
                self._idle.append(worker)
            self._changed.notify()
        if not is_current:
            worker.kill()

    def configure(self, environment: Mapping[str, str]) -> None:
        with self._changed:
            self.function = replace(self.function, environment=environment)
            outdated, self._idle = self._idle, []
            server, self._server = self._server, None
        for worker in outdated:
            worker.kill()
        if server:
            server.retire()

    def busy(self) -> int:
        with self._changed:
            return len(self._busy)

    def processes(self) -> list[int]:
        with self._changed:
            return [worker.pid for worker in (*self._idle, *self._busy) if worker.pid]

    def reap(self, idle_seconds: float) -> None:
        with self._changed:
            limit = time.monotonic() - idle_seconds
            old = [worker for worker in self._idle[:-1] if worker.idle_since < limit]
            self._idle = [worker for worker in self._idle if worker not in old]
        for worker in old:
            worker.kill()

    def close(self) -> list[_Worker]:
        with self._changed:
            self._closed = True
            workers = [*self._idle, *self._busy]
            self._idle.clear()
            self._changed.notify_all()
        for worker in workers:
            worker.kill()
        if self._server:
            self._server.retire()
        return workers

    def _forget(self, worker: _Worker) -> None:
        """Called by a worker whose process has ended."""
        with self._changed:
            if worker in self._idle:
                self._idle.remove(worker)


class _Invocation:
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


class _Forker:
    """A process that forks others, see `local.forkserver`: the application's end of its socket."""

    def __init__(self):
        self.alive = True
        self._lock = threading.Lock()
        self._ordered: deque[_ForkServer | _Worker] = deque()
        self._children: dict[int, _ForkServer | _Worker] = {}  # by process id
        self._control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def fork(self, child: _ForkServer | _Worker, order: Mapping[str, object], *descriptors: int) -> BinaryIO:
        """Start a child; gives what it prints. The child is told of its start and of its end."""
        output, theirs = os.pipe()
        try:
            with self._lock:
                is_lost = not self.alive
                if not is_lost:
                    self._ordered.append(child)
                    socket.send_fds(self._control, [json.dumps(order).encode()], [theirs, *descriptors])
            if is_lost:
                child.ended(1)
        except OSError:
            pass  # it has just ended, and tells the child
        finally:
            os.close(theirs)
        return open(output, "rb")

    def retire(self) -> None:
        """Fork no more; the process ends with its last child."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def _listen(self, await_status: Callable[[], int]) -> None:
        while message := self._receive():
            with self._lock:
                if pid := message.get("started"):
                    self._children[pid] = self._ordered.popleft()
                    self._children[pid].started(pid)
                    continue
                child = self._children.pop(message["ended"])
            child.ended(message["status"])
        status = await_status()
        with self._lock:
            self.alive = False
            left = [*self._ordered, *self._children.values()]
        for child in left:
            child.ended(status)
        self._control.close()

    def _receive(self) -> dict[str, int] | None:
        try:
            data = self._control.recv(65536)
        except ConnectionError:
            return None
        return json.loads(data) if data else None


class _Zygote(_Forker):
    """The process that has imported what the functions of a folder have in common, and forks their fork servers."""

    def __init__(self, code: Path, path: str, python: str):
        super().__init__()
        with self._theirs:
            self._process = subprocess.Popen(
                [python, str(_FORKSERVER)],
                cwd=code,
                env=_OF_ALL | {"PYTHONPATH": path, "FORKSERVER_SOCKET": str(self._theirs.fileno())},
                stdin=subprocess.PIPE,
                pass_fds=[self._theirs.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal is for the application, which ends its workers
            )
        threading.Thread(target=self._listen, args=(self._await_status,), daemon=True).start()

    def _await_status(self) -> int:
        status = self._process.wait()
        self._process.stdin.close()
        return status


class _ForkServer(_Forker):
    """The process that has imported a function, and forks its workers."""

    def __init__(self, function: Function, zygote: _Zygote, region: str, log: Callable[[str, str], None]):
        super().__init__()
        self.function = function
        self._log = log
        self._status: queue.SimpleQueue[int] = queue.SimpleQueue()
        order = {"handler": function.handler, "environment": _environment(function, region)}
        with self._theirs:
            self._output = zygote.fork(self, order, self._theirs.fileno())
        threading.Thread(target=self._listen, args=(self._status.get,), daemon=True).start()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def started(self, pid: int) -> None:
        """Its end is what counts."""

    def ended(self, status: int) -> None:
        self._status.put(status)

    def _pass_on(self) -> None:
        with self._output:
            for line in iter(lambda: self._output.readline(LOG_LINE_LIMIT), b""):
                self._log(self.function.name, line.decode("utf-8", "replace").rstrip("\n"))


class _Worker:
    """One process of a function, and the server of the Runtime API it talks to."""

    def __init__(
        self,
        server: _ForkServer,
        region: str,
        log: Callable[[str, str], None],
        ended: Callable[[_Worker], None],
    ):
        function = server.function
        self.function = function
        self.function_arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{function.name}"
        self.alive = True
        self.idle_since = 0.0
        self._log = log
        self._on_end = ended
        self._lock = threading.Lock()
        self._ready = threading.Event()  # the process has asked for its first invocation, or has ended
        self._ended = threading.Event()
        self._pending: queue.SimpleQueue[_Invocation | None] = queue.SimpleQueue()
        self._current: _Invocation | None = None
        self._init_error: bytes | None = None
        self._exit_text = ""
        self._init_ms: float | None = None
        self._started_at = time.monotonic()
        self._api = _RuntimeApiServer(("127.0.0.1", 0), _RuntimeApiHandler)
        self._api.worker = self
        self.pid: int | None = None  # before it has started and after its end
        self._process: int | None = None  # a descriptor: unlike an id it can't come to mean another process
        self._status: queue.SimpleQueue[int] = queue.SimpleQueue()
        order = {"environment": _environment_of_worker(function, self._api.server_address[1])}
        self._output = server.fork(self, order)
        threading.Thread(target=self._api.serve, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def run(self, request_id: str, payload: bytes) -> InvokeResult:
        """Hand the invocation to the process and wait for its answer, its end or the function's timeout."""
        name, timeout = self.function.name, self.function.timeout
        ready = self.wait_ready()
        started = time.monotonic()
        invocation = _Invocation(request_id, payload, int((time.time() + timeout) * 1000))
        with self._lock:
            self._current = invocation
        self._log(name, f"START RequestId: {request_id}")
        if not self.alive:
            self._ended.wait()
            invocation.answer(self._init_error or self._exit_error(request_id), failed=True)
        elif ready:
            self._pending.put(invocation)
        if not ready or not invocation.answered.wait(timeout):
            message = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
            invocation.answer(_error("Sandbox.Timedout", message), failed=True)
            self.kill()
        duration_ms = (time.monotonic() - started) * 1000
        init = f"\tInit Duration: {self._init_ms:.2f} ms" if self._init_ms is not None else ""
        self._init_ms = None
        self._log(
            name,
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms"
            f"\tMemory Size: {self.function.memory_mb} MB{init}",
        )
        return invocation.result

    def wait_ready(self) -> bool:
        """Wait for the end of the process's initialisation; False when it failed."""
        return self._ready.wait(INIT_SECONDS) and self.alive

    def wait_ended(self) -> None:
        self._ended.wait()

    def kill(self) -> None:
        """Kill the process. It takes no further invocation from now on."""
        with self._lock:
            self.alive = False
            if self._process is not None:
                self._end_process()

    def _end_process(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def init_error_text(self) -> str:
        if self._init_error:
            report = json.loads(self._init_error)
            return f"{report['errorType']}: {report['errorMessage']}"
        return self._exit_text or f"not ready after {INIT_SECONDS:.0f} s"

    # What follows is called by the fork server, the Runtime API's handler and the watching thread.

    def started(self, pid: int) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError):
            self._process = os.pidfd_open(pid)
            self.pid = pid
            if not self.alive:
                self._end_process()

    def ended(self, status: int) -> None:
        self.kill()  # if only its fork server has ended
        self._pending.put(None)  # and if that was before it told the process's id: the process asks and is let go
        self._status.put(status)

    def next_invocation(self) -> _Invocation | None:
        """Block until there is an invocation for the process; None when the process has ended."""
        if not self._ready.is_set():
            self._init_ms = (time.monotonic() - self._started_at) * 1000
            self._ready.set()
        return self._pending.get()

    def current(self, request_id: str) -> _Invocation | None:
        """The invocation under way, if it is the one named and still open."""
        with self._lock:
            invocation = self._current
        if invocation is None or invocation.request_id != request_id or invocation.answered.is_set():
            return None
        return invocation

    def init_failed(self, body: bytes) -> None:
        self._init_error = body

    def _exit_error(self, request_id: str) -> bytes:
        return _error("Runtime.ExitError", f"RequestId: {request_id} Error: {self._exit_text}")

    def _watch(self) -> None:
        """Pass on what the process prints until it ends, then settle what it left."""
        for line in iter(lambda: self._output.readline(LOG_LINE_LIMIT), b""):
            self._log(self.function.name, line.decode("utf-8", "replace").rstrip("\n"))
        status = self._status.get()
        with self._lock:
            if self._process is not None:
                os.close(self._process)
                self._process = self.pid = None
            self._exit_text = f"Runtime exited with error: {_exit_reason(status)}"
            self.alive = False
            invocation = self._current
        if invocation is not None:
            invocation.answer(self._init_error or self._exit_error(invocation.request_id), failed=True)
        self._ready.set()
        self._pending.put(None)
        self._on_end(self)
        self._output.close()
        self._ended.set()
        self._api.end()


class _RuntimeApiServer(socketserver.TCPServer):
    """Serves one process, one request at a time: a connection for each, so none waits behind an idle one."""

    worker: _Worker

    def serve(self) -> None:
        """Until `end`. Unlike serve_forever it sleeps in between: there are hundreds of these."""
        while True:
            try:
                request, address = self.get_request()
            except OSError:
                return
            try:
                self.process_request(request, address)
            except Exception:
                self.handle_error(request, address)
                self.shutdown_request(request)

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes `serve`
        self.server_close()

    def handle_error(self, request, client_address) -> None:
        """A process that is killed drops its connection; anything else is a fault of this module."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _RuntimeApiHandler(BaseHTTPRequestHandler):
    server: _RuntimeApiServer
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
            invocation.answer(_error("Function.ResponseSizeTooLarge", message), failed=True)
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


def _environment_of_worker(function: Function, api_port: int) -> dict[str, str]:
    """What Lambda defines anew for each worker."""
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api_port}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid.uuid4().hex}",
    }


def _environment(function: Function, region: str) -> dict[str, str]:
    """The function's own variables and those that Lambda defines, nothing of the application's."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **function.environment,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{python}",
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(Path(function.code).resolve()),
        **_OF_ALL,
    }


def _exit_reason(status: int) -> str:
    """Lambda's words for a process's exit status as subprocess tells it (negative: a signal's number)."""
    if status >= 0:
        return f"exit status {status}"
    return "signal: " + ("killed" if -status == signal.SIGKILL else signal.strsignal(-status).lower())


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}, ensure_ascii=False).encode()


def _throttled(reason: str) -> InvokeResult:
    headers = {"x-amzn-ErrorType": "TooManyRequestsException", "x-amzn-RequestId": str(uuid.uuid4())}
    return InvokeResult(
        429, headers, json.dumps({"Reason": reason, "Type": "User", "message": "Rate Exceeded."}).encode()
    )


def _refusal(status: int, kind: str, message: str) -> InvokeResult:
    headers = {"x-amzn-ErrorType": kind, "x-amzn-RequestId": str(uuid.uuid4())}
    return InvokeResult(status, headers, json.dumps({"Type": "User", "Message": message}).encode())
