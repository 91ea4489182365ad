"""Programs of this repository, run as `python -m` runs them, without Python's and boto3's start each time."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = r"""
import json, os, runpy, sys
import boto3, botocore.session, numpy, werkzeug, yaml  # nothing of ours: that is each program's own to load

results = os.fdopen(os.dup(1), "w")
for order in sys.stdin:
    output, *arguments = json.loads(order)
    pid = os.fork()
    if pid == 0:
        file, nothing = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600), os.open(os.devnull, os.O_RDONLY)
        for place, descriptor in ((0, nothing), (1, file), (2, file)):
            os.dup2(descriptor, place)
        sys.stdin, sys.argv[1:] = open(0), arguments[1:]
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        break  # as a program that has come to its end
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=results, flush=True)
"""


def run_all(lines: Iterable[str], environment: Mapping[str, str], folder: Path) -> dict[str, tuple[int, str]]:
    """Runs each line, a module and its arguments, one after the other: its exit status, and what it said, by line.

    Each one is a process that is forked from one with boto3 and NumPy in it, and ends as Python ends. `folder` is for
    what they say. Their standard input is empty.
    """
    ends = {}
    with subprocess.Popen(
        [sys.executable, "-c", PYTHON],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as python:
        assert python.stdin and python.stdout
        for number, line in enumerate(lines):
            output = folder / f"said-{number}"
            print(json.dumps([str(output), *line.split()]), file=python.stdin, flush=True)
            ends[line] = (int(python.stdout.readline()), output.read_text(encoding="utf-8").strip())
        python.stdin.close()
    return ends
