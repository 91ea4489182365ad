"""Attempts in worker processes, so that one that crashes, hangs or eats the memory is seen and told by its number.

A module of attempts has `attempt(seed, number)`, which gives an `Outcome` and may be called in any order.
`python -m tests.fuzz.workers MODULE SEED` is the worker: it reads numbers and answers with lines of JSON.
"""

import importlib
import json
import os
import resource
import select
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from tools import interrupt

ROOT = Path(__file__).parents[2]
SECONDS = 60
"""After this long an attempt hangs. A net, not a measurement: the slowest take a few seconds on a busy machine."""


@dataclass(frozen=True)
class Outcome:
    kind: str
    """What was sent: a row of the table."""
    result: str
    """What came of it: a column."""
    fault: str = ""
    """What is wrong with that; empty if nothing."""
    number: int = -1
    peak_mb: int = 0
    """Greatest resident memory of the worker so far."""


def run(module: str, seed: int, count: int, workers: int, memory_mb: int) -> Iterator[Outcome]:
    """Makes the attempts 0 to `count` - 1 in so many processes, none of which may take more address space than that."""
    numbers = iter(range(count))
    with ThreadPoolExecutor(workers) as pool:
        rest = [pool.submit(_feed, module, seed, numbers, memory_mb) for _ in range(workers)]
        try:
            for done in as_completed(rest):
                yield from done.result()
        finally:
            for _ in numbers:  # Ctrl-C: nothing more is begun
                pass


def _feed(module: str, seed: int, numbers: Iterator[int], memory_mb: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    worker = None
    for number in numbers:  # shared: next() of a range's iterator is atomic
        worker = worker or _start(module, seed, memory_mb)
        outcome = _ask(worker, number)
        if outcome.result in ("hung", "died"):
            worker.kill()
            worker.wait()
            worker = None
        outcomes.append(outcome)
    if worker:
        worker.stdin.close()
        worker.wait()
    return outcomes


def _start(module: str, seed: int, memory_mb: int) -> subprocess.Popen:
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.workers", module, str(seed), str(memory_mb)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _ask(worker: subprocess.Popen, number: int) -> Outcome:
    worker.stdin.write(f"{number}\n".encode())
    worker.stdin.flush()
    answered = select.poll()  # select() takes no descriptor above 1023
    answered.register(worker.stdout, select.POLLIN)
    if not answered.poll(SECONDS * 1000):
        return Outcome("?", "hung", f"no answer in {SECONDS} s", number)
    line = worker.stdout.readline()
    if not line:
        return Outcome("?", "died", f"the process ended with {worker.wait()}", number)
    return Outcome(**json.loads(line))


def _serve(module: str, seed: int, memory_mb: int) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    attempt = importlib.import_module(module).attempt
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))
    for line in sys.stdin:
        number = int(line)
        try:
            outcome = attempt(seed, number)
        except Exception:
            outcome = Outcome("?", "untyped", traceback.format_exc())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps(asdict(outcome) | {"number": number, "peak_mb": peak}), file=answers)


if __name__ == "__main__":
    interrupt.silence()
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
