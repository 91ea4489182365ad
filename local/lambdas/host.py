"""The host of a set of functions: Lambda's Invoke API, the account's concurrency, retries of event invocations."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from werkzeug.wrappers import Request, Response

from local.lambdas.function import Function
from local.lambdas.pool import Pool
from local.lambdas.processes import FolderForkServer, FunctionForkServer
from local.lambdas.results import ASYNC_LIMIT, SYNC_LIMIT, InvokeResult, refusal, throttled
from local.lambdas.worker import Worker

FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 1.0, 300.0
"""Back-off before an event that was throttled is tried again; each pause is twice as long as the one before (Lambda
guide, "How Lambda handles errors and retries with asynchronous invocation")."""
REAP_EVERY_SECONDS = 15.0

_INVOKE_PATH = re.compile(r"/2015-03-31/functions/(?P<name>.+)/invocations/?")
_FUNCTION_NAME = re.compile(
    r"(?:(?:arn:[^:]+:lambda:[^:]+:)?\d{12}:function:)?(?P<name>[\w-]+)(?::(?:\$LATEST|[\w-]+))?"
)


class FunctionInitError(Exception):
    """A function ended before it asked for its first invocation."""


class LambdaHost:
    """Starts the workers of a set of functions, gives them invocations and ends them. Threads may share it.

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
        log: Callable[[str], object],
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
        self._events: Counter[str] = Counter()
        self._running_lock = threading.Lock()
        self._region = region
        self._python = python
        self._write = log
        self._log_lock = threading.Lock()
        self._queue_seconds = queue_seconds
        self._idle_seconds = idle_seconds
        self._retry_delays = retry_delays
        self._closing = threading.Event()
        self._fork_servers: dict[tuple[Path, str], FolderForkServer] = {}  # by folder and PYTHONPATH
        self._fork_servers_lock = threading.Lock()
        self._pools = {function.name: Pool(function, self._fork_server, self._start_worker) for function in functions}
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
            return refusal(404, "ResourceNotFoundException", f"Function not found: {name}")
        payload = payload or b"{}"
        limit = ASYNC_LIMIT if asynchronous else SYNC_LIMIT
        if len(payload) > limit:
            return refusal(
                413,
                "RequestTooLargeException",
                f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            )
        try:
            json.loads(payload)
        except ValueError as error:
            return refusal(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
        request_id = str(uuid.uuid4())
        if asynchronous:
            with self._running_lock:
                self._events[pool.function.name] += 1
            threading.Thread(target=self._handle, args=(pool, request_id, payload), daemon=True).start()
            return InvokeResult(202, {"x-amzn-RequestId": request_id}, b"")
        return self._run(pool, request_id, payload, self._queue_seconds)

    def wsgi(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        """WSGI application that answers `POST /2015-03-31/functions/{name or ARN}/invocations`."""
        request = Request(environ)
        match = _INVOKE_PATH.fullmatch(request.path)
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if not match or request.method != "POST":
            result = refusal(404, "UnknownOperationException", "only Invoke is served here")
        elif kind not in ("RequestResponse", "Event"):
            result = refusal(400, "InvalidParameterValueException", f"unsupported invocation type {kind}")
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

    def stop(self, name: str) -> None:
        """End the function's processes, in the middle of what they do: as a crash, to whoever invoked them."""
        self._pools[name].stop()

    def busy(self, name: str) -> int:
        """Number of workers of the function that hold an invocation now."""
        return self._pools[name].busy()

    def events(self, name: str) -> int:
        """Number of the function's event invocations that were taken and are not over, those that wait included."""
        with self._running_lock:
            return self._events[name]

    def processes(self, name: str | None = None) -> list[int]:
        """The ids of a function's living processes, or of all functions'."""
        pools = self._pools.values() if name is None else [self._pools[name]]
        return [pid for pool in pools for pid in pool.processes()]

    def close(self) -> None:
        """End all processes for good and wait for them. Invocations under way are answered as crashed."""
        self._closing.set()
        for worker in [worker for pool in self._pools.values() for worker in pool.close()]:
            worker.wait_ended()
        for fork_server in self._fork_servers.values():
            fork_server.retire()

    def _fork_server(self, function: Function) -> FunctionForkServer:
        place = (function.code, function.environment.get("PYTHONPATH", ""))
        with self._fork_servers_lock:
            parent = self._fork_servers.get(place)
            if parent is None or not parent.alive:
                parent = self._fork_servers[place] = FolderForkServer(*place, self._python)
        return FunctionForkServer(function, parent, self._region, self._log)

    def _start_worker(self, server: FunctionForkServer, ended: Callable[[Worker], None]) -> Worker:
        return Worker(server, self._region, self._log, ended)

    def _log(self, name: str, line: str) -> None:
        with self._log_lock:
            self._write(f"[{name}] {line}")

    def _run(self, pool: Pool, request_id: str, payload: bytes, wait_seconds: float | None) -> InvokeResult:
        with self._running_lock:
            if self._running >= self.concurrency:
                self.refused += 1
                return throttled("ConcurrentInvocationLimitExceeded")
            self._running += 1
        try:
            return self._run_in_worker(pool, request_id, payload, wait_seconds)
        finally:
            with self._running_lock:
                self._running -= 1

    def _run_in_worker(self, pool: Pool, request_id: str, payload: bytes, wait_seconds: float | None) -> InvokeResult:
        worker = pool.acquire(wait_seconds)
        if worker is None:
            if self._closing.is_set():
                return refusal(500, "ServiceException", "The local Lambda host is closing.")
            return throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        try:
            return worker.run(request_id, payload)
        finally:
            pool.release(worker)

    def _handle(self, pool: Pool, request_id: str, payload: bytes) -> None:
        try:
            self._deliver(pool, request_id, payload)
        finally:
            with self._running_lock:
                self._events[pool.function.name] -= 1

    def _deliver(self, pool: Pool, request_id: str, payload: bytes) -> None:
        """Run an event invocation, again with the same request id after each failure.

        What Lambda itself refused goes back into its queue and costs no attempt, as long as the event is young enough.
        """
        delays = deque(self._retry_delays[: pool.function.retries])
        until, backoff, attempts = time.monotonic() + pool.function.event_age, FIRST_BACKOFF_SECONDS, 0
        while True:
            result = self._run(pool, request_id, payload, None)
            if not result.failed:
                return
            if result.status >= 400:
                delay, backoff = backoff, min(backoff * 2, LONGEST_BACKOFF_SECONDS)
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
