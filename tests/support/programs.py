"""Programs of this repository, run as `python -m` runs them, without Python's and boto3's start each time."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PYTHON = r"""
import gc, json, os, runpy, signal, sys
# Nothing of ours: that is each program's own to load.
import aws_lambda_powertools, boto3, botocore.session, numpy, PIL.Image, PIL.ImageDraw, werkzeug, yaml

gc.freeze()  # what is loaded is looked through by no program's collection, which would copy it
results = os.fdopen(os.dup(1), "w")
for text in sys.stdin:
    order = json.loads(text)
    if "ended" in order:
        print(os.waitstatus_to_exitcode(os.waitpid(order["ended"], 0)[1]), file=results, flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.environ.clear()
        os.environ.update(order["environment"])
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also where this runs in a shell's background
        signal.alarm(order["patience"])
        nothing = os.open(os.devnull, os.O_RDONLY)
        files = [os.open(said, os.O_WRONLY | os.O_CREAT, 0o600) for said in order["said"]]
        for place, descriptor in enumerate((nothing, *files)):
            os.dup2(descriptor, place)
        sys.stdin, sys.argv[1:] = open(0), order["line"][1:]
        runpy.run_module(order["line"][0], run_name="__main__", alter_sys=True)
        break  # as a program that has come to its end
    print(pid, file=results, flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """What came of a program: its exit status, minus the signal's number where one ended it; what it said."""

    status: int
    out: str
    error: str


class Programs:
    """A Python with boto3, NumPy and others in it, until the end of the with statement: programs are forked from it.

    Each one ends as Python ends, and at the latest after waiting.PATIENCE. `folder` is for what they say.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.said: dict[int, list[Path]] = {}

    def __enter__(self) -> "Programs":
        self.python = subprocess.Popen(
            [sys.executable, "-c", PYTHON], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.python.communicate()

    def start(self, line: str, environment: Mapping[str, str]) -> int:
        """Starts a module with its arguments, in a session of its own and with an empty standard input: its process."""
        said = [self.folder / f"{len(self.said)}-{name}" for name in ("out", "error")]
        order = {"line": shlex.split(line), "environment": dict(environment), "patience": PATIENCE}
        process = self._ask(order | {"said": [str(each) for each in said]})
        self.said[process] = said
        return process

    def wait(self, process: int) -> Ended:
        """Waits until a program that `start` has started is at its end."""
        return Ended(self._ask({"ended": process}), *(each.read_text(encoding="utf-8") for each in self.said[process]))

    def run(self, line: str, environment: Mapping[str, str]) -> Ended:
        return self.wait(self.start(line, environment))

    def _ask(self, order: dict) -> int:
        assert self.python.stdin and self.python.stdout
        print(json.dumps(order), file=self.python.stdin, flush=True)
        return int(self.python.stdout.readline())
