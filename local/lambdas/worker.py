"""A worker: one process of a function, which handles one invocation at a time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import threading
import time
from collections.abc import Callable

from local.account import ACCOUNT
from local.lambdas.function import environment_of_worker
from local.lambdas.processes import LOG_LINE_LIMIT, FunctionForkServer
from local.lambdas.results import InvokeResult, error
from local.lambdas.runtime_api import Invocation, RuntimeApiHandler, RuntimeApiServer

INIT_SECONDS = 60.0


class Worker:
    """One process of a function, and the server of the Runtime API it talks to.

    Args:
        server: the process that forks it.
        ended: called with the worker when its process has ended.
    """

    def __init__(
        self,
        server: FunctionForkServer,
        region: str,
        log: Callable[[str, str], None],
        ended: Callable[[Worker], None],
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
        self._pending: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._init_error: bytes | None = None
        self._exit_text = ""
        self._init_ms: float | None = None
        self._started_at = time.monotonic()
        self._api = RuntimeApiServer(("127.0.0.1", 0), RuntimeApiHandler)
        self._api.worker = self
        self.pid: int | None = None  # before it has started and after its end
        self._process: int | None = None  # a descriptor: unlike an id it can't come to mean another process
        self._status: queue.SimpleQueue[int] = queue.SimpleQueue()
        order = {"environment": environment_of_worker(function, self._api.server_address[1])}
        self._output = server.fork(self, order)
        threading.Thread(target=self._api.accept_all, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def run(self, request_id: str, payload: bytes) -> InvokeResult:
        """Hand the invocation to the process and wait for its answer, its end or the function's timeout."""
        name, timeout = self.function.name, self.function.timeout
        ready = self.wait_ready()
        started = time.monotonic()
        invocation = Invocation(request_id, payload, int((time.time() + timeout) * 1000))
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
            invocation.answer(error("Sandbox.Timedout", message), failed=True)
            self.kill()
        duration_ms = (time.monotonic() - started) * 1000
        init = f"\tInit Duration: {self._init_ms:.2f} ms" if self._init_ms is not None else ""
        self._init_ms = None
        self._log(
            name,
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms"
            f"\tMemory Size: {self.function.memory_mb} MB{init}",
        )
        assert invocation.result  # it is answered, by one or the other
        return invocation.result

    def wait_ready(self) -> bool:
        """Wait for the end of the process's initialisation; False when it failed."""
        return self._ready.wait(INIT_SECONDS) and self.alive

    def wait_ended(self) -> None:
        """Wait for the end of the process, and for what it printed to be passed on."""
        self._ended.wait()

    def kill(self) -> None:
        """Kill the process. It takes no further invocation from now on."""
        with self._lock:
            self.alive = False
            if self._process is not None:
                _kill(self._process)

    def init_error_text(self) -> str:
        """Why the initialisation failed."""
        if self._init_error:
            report = json.loads(self._init_error)
            return f"{report['errorType']}: {report['errorMessage']}"
        return self._exit_text or f"not ready after {INIT_SECONDS:.0f} s"

    # What follows is called by the fork server, the Runtime API's handler and the watching thread.

    def started(self, pid: int) -> None:
        """The fork server has forked the process."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            self._process = os.pidfd_open(pid)
            self.pid = pid
            if not self.alive:
                _kill(self._process)

    def ended(self, status: int) -> None:
        """The process has ended with this exit status, or by this signal (negative), or its fork server has."""
        self.kill()  # if only its fork server has ended
        self._pending.put(None)  # and if that was before it told the process's id: the process asks and is let go
        self._status.put(status)

    def next_invocation(self) -> Invocation | None:
        """Block until there is an invocation for the process; None when the process has ended."""
        if not self._ready.is_set():
            self._init_ms = (time.monotonic() - self._started_at) * 1000
            self._ready.set()
        return self._pending.get()

    def current(self, request_id: str) -> Invocation | None:
        """The invocation under way, if it is the one named and still open."""
        with self._lock:
            invocation = self._current
        if invocation is None or invocation.request_id != request_id or invocation.answered.is_set():
            return None
        return invocation

    def init_failed(self, body: bytes) -> None:
        """Keep the error that the process reports of its initialisation (JSON)."""
        self._init_error = body

    def _exit_error(self, request_id: str) -> bytes:
        return error("Runtime.ExitError", f"RequestId: {request_id} Error: {self._exit_text}")

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


def _kill(process: int) -> None:
    """Kills the process of a descriptor, if it has not ended."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, signal.SIGKILL)


def _exit_reason(status: int) -> str:
    """Lambda's words for a process's exit status as subprocess tells it (negative: a signal's number)."""
    if status >= 0:
        return f"exit status {status}"
    return "signal: " + ("killed" if -status == signal.SIGKILL else (signal.strsignal(-status) or "unknown").lower())
