"""Asks the process that paints, and starts it: what each worker of a container, or the booth at home, has of it.

It needs numpy only. All users of one folder share one process, whoever started it.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import IO

import numpy as np

from paint_model.serving.process import STARTING
from paint_model.serving.protocol import Busy, Request, Unavailable

ROOT = Path(__file__).resolve().parents[2]
"""Where the process finds this package."""
STAY = b'{"ask": "stay"}'
SECONDS = 38.0
"""Time limit of a request, waiting included: the application gives up after 40 s. PAINT_SECONDS overrides it."""
STARTED = "started"
"""A file beside the socket, which tells when a process was started."""
AGAIN_SECONDS = 10
"""A process that ended is started again at most so often."""
BIND_SECONDS = 30
"""How long a new process may take until it listens; it does so before it loads anything."""


class Painter:
    """The painter of one folder. Several threads may call it."""

    module = "paint_model.serving"

    def __init__(self, folder: str | Path, python: str | Path = sys.executable, log: IO | None = None):
        """Start the process unless it runs, with the interpreter ``python``, which must have torch and diffusers.

        Doesn't wait for it: until it has painted a first picture, `paint` raises `Unavailable`. ``log``: the file that
        gets what the process writes, instead of this process's own output.
        """
        self._folder, self._python, self._log = Path(folder).resolve(), str(python), log
        self._seconds = float(os.environ.get("PAINT_SECONDS", SECONDS))
        self._home = _home(self._folder)
        self._address = str(self._home / "socket")
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._stay: Connection | None = None
        self.device = ""
        """Where it paints, "cuda", "mps" or "cpu"; empty until `wait` has returned."""
        with contextlib.suppress(Unavailable):  # `wait` and `paint` try again, and tell
            self.ensure()

    def wait(self, seconds: float) -> None:
        """Wait until it has painted a first picture.

        Raises `Unavailable` if it could not, with a sentence that says why, or didn't within ``seconds``.
        """
        self.ensure()
        try:
            with Client(self._address, family="AF_UNIX") as connection:
                connection.send_bytes(STAY)
                if not connection.poll(seconds):
                    raise Unavailable(f"The painter was not ready after {seconds:.0f} s.")
                state = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            killed = self._process and self._process.wait() == -signal.SIGKILL
            why = "by the system, which may have too little memory" if killed else "before it painted"
            raise Unavailable(f"The painter's process was ended {why}.") from None
        if "failed" in state:
            raise Unavailable(state["failed"])
        self.device = state["device"]

    def paint(self, request: Request) -> tuple[np.ndarray, float]:
        """Return the picture, uint8 (height, width, 3), and the seconds that painting it took.

        Raises `Busy` and `Unavailable`, and `RuntimeError` for a defect of the painter's.
        """
        deadline = time.monotonic() + self._seconds
        self.ensure()
        try:
            with Client(self._address, family="AF_UNIX") as connection:
                height, width = request.mask.shape
                ask = {"ask": "paint", "width": width, "height": height, "prompt": request.prompt, "seed": request.seed}
                ask["seconds"] = deadline - time.monotonic()
                connection.send_bytes(json.dumps(ask).encode())
                connection.send_bytes(np.ascontiguousarray(request.pixels).tobytes())
                connection.send_bytes(np.ascontiguousarray(request.mask).tobytes())
                if not connection.poll(max(0, deadline - time.monotonic())):
                    raise Unavailable(f"The picture was not painted within {self._seconds:.0f} s.")
                answer = json.loads(connection.recv_bytes())
                if answer["status"] == 200:
                    pixels = np.frombuffer(connection.recv_bytes(), np.uint8).reshape(height, width, 3)
                    return pixels, answer["seconds"]
        except (EOFError, OSError):
            self.ensure()
            raise Unavailable("The painter ended and is being started again.") from None
        problem = {429: Busy, 503: Unavailable}.get(answer["status"], RuntimeError)
        raise problem(answer["error"])

    def close(self) -> None:
        """Tell the process that this user is gone; it ends a few seconds after its last."""
        with self._lock:
            self._close()

    def end(self) -> None:
        """End the process now, for all its users."""
        with self._lock:
            with contextlib.suppress(OSError), Client(self._address, family="AF_UNIX") as connection:
                connection.send_bytes(b'{"ask": "end"}')
                connection.poll(BIND_SECONDS)  # until the process's end closes it
                (self._home / STARTED).unlink(missing_ok=True)  # it did not fail: it may be started again at once
            self._close()

    def _close(self) -> None:
        if self._stay:
            self._stay.close()
        self._stay = None

    def ensure(self) -> None:
        """Stay connected to the process; start it if it is gone. Raises `Unavailable` if it can't be started now."""
        with self._lock:
            if self._stay and self._alive():
                return
            self._close()
            if not self._connect():
                self._start()

    def _alive(self) -> bool:
        """Whether the process that this stays connected to is there: its end can be read, as can its one message."""
        assert self._stay
        try:
            while self._stay.poll(0):
                self._stay.recv_bytes()
        except (EOFError, OSError):
            return False
        return True

    def _connect(self) -> bool:
        try:
            self._stay = Client(self._address, family="AF_UNIX")
            self._stay.send_bytes(STAY)
        except OSError:  # nobody listens, or no more
            self._close()
            return False
        return True

    def _start(self) -> None:
        started = self._home / STARTED
        with (self._home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
            if self._connect():  # another user has started it meanwhile
                return
            if self._process:
                self._process.poll()  # takes leave of one that ended
            if started.exists() and 0 <= time.time() - started.stat().st_mtime < AGAIN_SECONDS:
                raise Unavailable(STARTING)
            Path(self._address).unlink(missing_ok=True)
            command = [self._python, "-m", self.module, self._address, str(self._folder)]
            paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                )
            except OSError as problem:
                raise Unavailable(f"{self._python} can't be started: {problem.strerror}.") from None
            started.touch()
            end = time.monotonic() + BIND_SECONDS
            while not self._connect():
                if self._process.poll() is not None or time.monotonic() > end:
                    raise Unavailable("The painter's process could not be started; its log says why.")
                time.sleep(0.02)


def _home(folder: Path) -> Path:
    """Return the folder of the process's socket, which only this user may enter. Raises `PermissionError`."""
    user = os.getuid()
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"painter-{user}-{key}"  # short: a socket's path may have 104 characters
    home.mkdir(mode=0o700, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o077:
        raise PermissionError(f"{home} must be a folder of this user's alone.")
    return home
