"""The process that paints: ``python -m paint_model.serving ADDRESS FOLDER``, started by `client.Painter`.

A serving container has several workers, each with one request at a time, but the weights are in memory once: here. The
workers ask by the Unix socket ``ADDRESS``. One picture is painted at a time, in the main thread; `WAITING` requests may
wait, and further ones are refused at once. It listens from the start, and refuses until it has painted a first picture.
It ends when nobody has stayed connected for `ALONE_SECONDS`.

Messages are bytes with their length before them (multiprocessing.connection), JSON or raw pixels:

    {"ask": "stay"}            {"device": "cuda"} once it has painted; the connection stays open
                               {"failed": "The model's packages are missing: ..."} and the end
    {"ask": "end"}             the end of the process
    {"ask": "paint", "width": 1024, "height": 1024, "prompt": "...", "seed": 7, "seconds": 37.9}, pixels, mask
                               {"status": 200, "seconds": 3.8}, pixels
                               {"status": 429 or 503 or 500, "error": "..."}

No photo and no prompt is logged, nor the text of an error that may hold one.
"""

import faulthandler
import json
import logging
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from paint_model.serving.protocol import MAX_PIXELS, SIDES, Request

if TYPE_CHECKING:
    from paint_model.serving.pipelines import Painting

WAITING = 2
"""Requests that may wait while one is painted: at some 4 s each, the last is answered well within 40 s."""
ALONE_SECONDS = 10
"""How long it stays without users: a worker that died is started again by then."""
HANG_SECONDS = 60
"""How long after a request's time is over a step may still last, before the process is taken for stuck and ended."""
STARTING = "The painter is being started."
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

logger = logging.getLogger("painter")


class UnwantedError(Exception):
    """Nobody wants the picture any more."""


class OutOfMemoryError(Exception):
    """There was too little memory for the picture; what it had taken is given back."""


@dataclass
class Job:
    """A picture to paint. ``deadline``: in seconds of time.monotonic; ``answer``: what is sent once ``done`` is set."""

    request: Request
    deadline: float
    connection: Connection
    answer: tuple[dict, bytes | None] = ({}, None)
    done: threading.Event = field(default_factory=threading.Event)
    sent: threading.Event = field(default_factory=threading.Event)

    def unwanted(self) -> bool:
        """Whether the time is over or who asked is gone: he sends nothing more, so what can be read is the end."""
        if time.monotonic() > self.deadline:
            return True
        try:
            return self.connection.poll(0)
        except OSError:
            return True


class Process:
    """The queue, the state and the threads of one painter."""

    def __init__(self, address: str):
        """Listen at once. Raises `OSError` if the address is taken."""
        self._listener = Listener(address, family="AF_UNIX", backlog=16)
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._changed = threading.Condition()  # guards all that follows
        self._inside: list[Job] = []  # painted or waiting
        self._staying = 0
        self._state: dict = {}  # what stays are told: empty until it has painted or failed
        self._seconds_per_pixel = 0.0

    def run(self, load: Callable[[], "Painting"]) -> int:
        """Load, paint a first picture, then paint until the process is ended; exit status 1 if that can't be had."""
        for task in (self._accept, self._end_when_alone):
            threading.Thread(target=task, daemon=True).start()
        try:
            painting = load()
            self._try(painting)
        except Exception as problem:  # all that can be wrong with a folder, a card or an installation
            logger.error("The painter could not be started: %s", reason := explain(problem))
            self._tell({"failed": reason})
            time.sleep(ALONE_SECONDS)  # for those who ask why
            return 1
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
        logger.info("The painter has painted on %s, with %.1f GB of memory at most, and waits.", painting.device, peak)
        self._tell({"device": painting.device})
        while True:
            job = self._jobs.get()
            broken = self._paint(painting, job)
            with self._changed:
                self._inside.remove(job)
            job.done.set()
            if broken:
                job.sent.wait()
                self._try(painting)  # a card's error may be for good: then the end, and another process

    def _try(self, painting: "Painting") -> None:
        """Paint the upper half of a grey square: of the largest size, so that the memory for it is known to be there.

        On a processor of the smallest size, for the largest takes minutes there.
        """
        side = SIDES[0] if painting.device == "cpu" else int(MAX_PIXELS**0.5)
        pixels, mask = np.full((side, side, 3), 128, np.uint8), np.zeros((side, side), bool)
        mask[: side // 2] = True
        begin = time.monotonic()
        painting.paint(Request(pixels, mask, "a wall", 0), lambda: False)
        self._seconds_per_pixel = (time.monotonic() - begin) / mask.size

    def _paint(self, painting: "Painting", job: Job) -> bool:
        """Set the job's answer; return whether the pipeline failed in a way that it should not."""
        begin = time.monotonic()
        # A thread of C's, which also ends a process that hangs in the card's driver.
        faulthandler.dump_traceback_later(max(0, job.deadline - begin) + HANG_SECONDS, exit=True)
        try:
            if job.unwanted():
                raise UnwantedError
            pixels = painting.paint(job.request, job.unwanted)
            seconds = time.monotonic() - begin
            self._seconds_per_pixel = seconds / job.request.mask.size
            job.answer = {"status": 200, "seconds": seconds}, pixels.tobytes()
            size, card = job.request.mask.shape[::-1], painting.peak / 1e9
            logger.info("Painted %dx%d in %.1f s, with %.1f GB of the card at most.", *size, seconds, card)
        except UnwantedError:
            logger.warning("Gave up a picture after %.1f s.", time.monotonic() - begin)
            job.answer = {"status": 503, "error": "The picture could not be painted in time."}, None
        except OutOfMemoryError:
            logger.error("Too little memory for %dx%d.", *reversed(job.request.mask.shape))
            job.answer = {"status": 503, "error": "The painter has too little memory for this picture."}, None
        except Exception as problem:
            frames = "".join(traceback.format_tb(problem.__traceback__))
            logger.error("The pipeline failed with %s:\n%s", type(problem).__name__, frames)
            job.answer = {"status": 500, "error": "The painter failed. The endpoint's log says why."}, None
            return True
        finally:
            faulthandler.cancel_dump_traceback_later()
        return False

    def _tell(self, state: dict) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def _end_when_alone(self) -> None:
        with self._changed:
            while True:
                if not self._changed.wait_for(lambda: self._staying > 0, timeout=ALONE_SECONDS):
                    logger.info("The painter ends: nobody uses it.")
                    os._exit(0)
                self._changed.wait_for(lambda: self._staying == 0)

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError):  # who called is gone already
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with connection:
            try:
                ask = json.loads(connection.recv_bytes())
                if ask["ask"] == "end":
                    os._exit(0)
                if ask["ask"] == "stay":
                    self._stay(connection)
                else:
                    self._answer(connection, ask)
            except (EOFError, OSError):  # who called is gone
                pass

    def _stay(self, connection: Connection) -> None:
        with self._changed:
            self._staying += 1
            self._changed.notify_all()
        try:
            with self._changed:
                # Looked at each second whether the caller is gone while the model is loaded.
                while not self._changed.wait_for(lambda: self._state, timeout=1):
                    if connection.poll(0):
                        return
            connection.send_bytes(json.dumps(self._state).encode())
            connection.recv_bytes()  # until the caller closes it, or ends
        finally:
            with self._changed:
                self._staying -= 1
                self._changed.notify_all()

    def _answer(self, connection: Connection, ask: dict) -> None:
        height, width = ask["height"], ask["width"]
        pixels = np.frombuffer(connection.recv_bytes(), np.uint8).reshape(height, width, 3)
        mask = np.frombuffer(connection.recv_bytes(), bool).reshape(height, width)
        request = Request(pixels, mask, ask["prompt"], ask["seed"])
        job = Job(request, time.monotonic() + ask["seconds"], connection)
        with self._changed:
            refusal = self._refusal(mask.size, ask["seconds"])
            if not refusal:
                self._inside.append(job)
        if refusal:
            job.answer = refusal, None
        else:
            self._jobs.put(job)
            job.done.wait()
        try:
            answer, painted = job.answer
            connection.send_bytes(json.dumps(answer).encode())
            if painted is not None:
                connection.send_bytes(painted)
        finally:
            job.sent.set()

    def _refusal(self, size: int, seconds: float) -> dict:
        """Return the answer to a request for ``size`` pixels within ``seconds`` that can't be admitted now, or {}."""
        if "device" not in self._state:
            return {"status": 503, "error": STARTING}
        if len(self._inside) > WAITING:
            return {"status": 429, "error": "The painter is busy: others wait already."}
        ahead = sum(other.request.mask.size for other in self._inside)
        if ahead and (ahead + size) * self._seconds_per_pixel > seconds:
            return {"status": 429, "error": "The painter is busy: the answer would come too late."}
        return {}


def explain(problem: Exception) -> str:
    """Return a sentence about why a folder's model can't be loaded or can't paint."""
    if isinstance(problem, ImportError):
        return f"The model's packages are missing or don't fit: {problem}."
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError" or "memory" in str(problem):
        return "There is too little memory for the model."
    return f"The model can't be loaded: {type(problem).__name__}: {problem}"


def main(arguments: list[str]) -> int:
    """Serve ``ADDRESS FOLDER``."""
    address, folder = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the user, whose end ends this
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    os.environ.update(OFFLINE)
    process = Process(address)

    def load() -> "Painting":
        from paint_model.serving import pipelines  # late: torch takes seconds, and those who start this wait

        return pipelines.load(Path(folder))

    return process.run(load)
