"""The workers of one function."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from local.lambdas.function import Function
from local.lambdas.processes import FunctionForkServer
from local.lambdas.worker import Worker


class Pool:
    """The workers of one function: idle ones, of which the last used one comes first, and busy ones.

    Args:
        fork_server: makes the process that forks the function's workers.
        start: starts a worker, given that process, and what is called when the worker has ended.
    """

    def __init__(
        self,
        function: Function,
        fork_server: Callable[[Function], FunctionForkServer],
        start: Callable[[FunctionForkServer, Callable], Worker],
    ):
        self.function = function
        self._fork_server = fork_server
        self._start = start
        self._server: FunctionForkServer | None = None
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._closed = False

    def acquire(self, wait_seconds: float | None) -> Worker | None:
        """A worker for one invocation; None when the pool is closed or none came free in `wait_seconds`.

        `wait_seconds` None waits without limit.
        """

        def obtainable() -> bool:
            return self._closed or bool(self._idle) or len(self._busy) < self.function.concurrency

        with self._changed:
            if not self._changed.wait_for(obtainable, wait_seconds) or self._closed:
                return None
            worker = self._idle.pop() if self._idle else self._start_worker()
            self._busy.add(worker)
            return worker

    def _start_worker(self) -> Worker:
        if self._server is None or not self._server.alive:
            self._server = self._fork_server(self.function)
        return self._start(self._server, self._remove)

    def release(self, worker: Worker) -> None:
        """Take a worker back after its invocation; it ends if the function was configured meanwhile."""
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
        """Give the function another environment; idle workers end, busy ones after their invocations."""
        with self._changed:
            self.function = replace(self.function, environment=environment)
            outdated, self._idle = self._idle, []
            server, self._server = self._server, None
        for worker in outdated:
            worker.kill()
        if server:
            server.retire()

    def busy(self) -> int:
        """Number of workers that have an invocation."""
        with self._changed:
            return len(self._busy)

    def processes(self) -> list[int]:
        """The ids of the workers' living processes."""
        with self._changed:
            return [worker.pid for worker in (*self._idle, *self._busy) if worker.pid]

    def reap(self, idle_seconds: float) -> None:
        """End the workers that were idle for longer than that, but for the last used one."""
        with self._changed:
            limit = time.monotonic() - idle_seconds
            old = [worker for worker in self._idle[:-1] if worker.idle_since < limit]
            self._idle = [worker for worker in self._idle if worker not in old]
        for worker in old:
            worker.kill()

    def stop(self) -> None:
        """End all workers, those under way too."""
        with self._changed:
            workers = [*self._idle, *self._busy]
            self._idle.clear()
        for worker in workers:
            worker.kill()

    def close(self) -> list[Worker]:
        """Kill all workers for good, and give them: their processes may take a moment to end."""
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

    def _remove(self, worker: Worker) -> None:
        """Take out a worker whose process has ended."""
        with self._changed:
            if worker in self._idle:
                self._idle.remove(worker)
