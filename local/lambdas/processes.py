"""The processes that fork others, as the application sees them; what runs in them is `local.lambdas.forkserver`."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

from local.lambdas.function import SYSTEM_ENVIRONMENT, Function, environment_of

LOG_LINE_LIMIT = 256 * 1024  # bytes; longer lines are broken, as CloudWatch Logs does

_FORKSERVER = Path(__file__).parent / "forkserver.py"


class Child(Protocol):
    """What is told of a forked process."""

    def started(self, pid: int) -> None:
        """The process runs."""

    def ended(self, status: int) -> None:
        """The process has ended: with this exit status, or by this signal (negative)."""


class ForkServer:
    """A process that forks others: the application's end of its socket."""

    def __init__(self):
        self.alive = True
        self._lock = threading.Lock()
        self._ordered: deque[Child] = deque()
        self._children: dict[int, Child] = {}  # by process id
        self._control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def fork(self, child: Child, order: Mapping[str, object], *descriptors: int) -> BinaryIO:
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
        return os.fdopen(output, "rb")

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


class FolderForkServer(ForkServer):
    """The process that has imported what the functions of a folder have in common, and forks their fork servers.

    Args:
        code: the folder.
        path: its PYTHONPATH.
        python: the interpreter it runs under.
    """

    def __init__(self, code: Path, path: str, python: str):
        super().__init__()
        with self._theirs:
            self._process = subprocess.Popen(
                [python, str(_FORKSERVER)],
                cwd=code,
                env=SYSTEM_ENVIRONMENT | {"PYTHONPATH": path, "FORKSERVER_SOCKET": str(self._theirs.fileno())},
                stdin=subprocess.PIPE,
                pass_fds=[self._theirs.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal is for the application, which ends its workers
            )
        threading.Thread(target=self._listen, args=(self._await_status,), daemon=True).start()

    def _await_status(self) -> int:
        with self._process:  # closes its standard input
            return self._process.wait()


class FunctionForkServer(ForkServer):
    """The process that has imported a function, and forks its workers."""

    def __init__(self, function: Function, parent: FolderForkServer, region: str, log: Callable[[str, str], None]):
        super().__init__()
        self.function = function
        self._log = log
        self._status: queue.SimpleQueue[int] = queue.SimpleQueue()
        order = {"handler": function.handler, "environment": environment_of(function, region)}
        with self._theirs:
            self._output = parent.fork(self, order, self._theirs.fileno())
        threading.Thread(target=self._listen, args=(self._status.get,), daemon=True).start()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def started(self, pid: int) -> None:
        """Its end is what counts."""

    def ended(self, status: int) -> None:
        """It has ended with this status, or its own fork server has."""
        self._status.put(status)

    def _pass_on(self) -> None:
        with self._output:
            for line in iter(lambda: self._output.readline(LOG_LINE_LIMIT), b""):
                self._log(self.function.name, line.decode("utf-8", "replace").rstrip("\n"))
