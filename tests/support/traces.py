"""The same execution in two interpreters: recorded in moto's, played again in ministack's, and compared."""

import copy
import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

import pytest
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

from tests.support.engine import ROOT, Engine, Run

PYTHON = ROOT / ".tools" / "ministack" / "bin" / "python"
SECOND = ROOT / "tests" / "support" / "second_engine.py"


@dataclass(frozen=True)
class Recording:
    """An execution: its definition and input, the functions' answers, and what happened (tests.support.second_engine).

    `mended`: the faults of ministack's interpreter that are mended when it is played there.
    """

    definition: dict
    input: dict
    tape: list
    trace: list
    mended: tuple[str, ...] = ("MaxDelaySeconds",)


class Recorder:
    """Plays in moto's interpreter, without waiting, a Map's items one after the other. A context manager."""

    def __init__(self):
        self._engine = Engine()
        self._waits: list[int] = []

    def __enter__(self) -> "Recorder":
        self._engine.__enter__()
        self._patch = pytest.MonkeyPatch()
        wait = lambda function, env, wait_seconds: self._waits.append(wait_seconds)
        self._patch.setattr(WaitFunction, "_wait_interval", wait)
        return self

    def __exit__(self, *problem: object) -> None:
        self._patch.undo()
        self._engine.__exit__(*problem)

    def record(self, script: Mapping, *changes: Callable[[dict], None], **photo: int) -> Recording:
        """Run the machine, its definition changed; `script` and `photo` are `Engine.run`'s."""
        self._waits.clear()
        definition = copy.deepcopy(self._engine.definition)
        for change in changes:
            change(definition)
        run = self._engine.run(script, at_once=1, definition=definition, **photo)
        return Recording(definition, {"run": run.id}, *_tape_and_trace(run, self._waits))


def _tape_and_trace(run: Run, waits: Iterable[int]) -> tuple[list, list]:
    """What the functions answered, and the trace, of an execution's history; a retry is a Task scheduled again."""
    retries, waited, called = iter(run.longest_waits), iter(waits), None
    tape, trace = [], []
    for event in run.history:
        kind = event["type"]
        details = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
        if kind.endswith("StateEntered"):
            called = None
            trace.append(["state", details["name"], json.loads(details["input"])])
            if kind == "WaitStateEntered" and (seconds := next(waited)):
                trace.append(["wait", seconds])
        elif kind.endswith("StateExited"):
            trace.append(["exit", details["name"], json.loads(details["output"])])
        elif kind == "TaskScheduled":
            if called:
                trace.append(["wait", next(retries)])
            given = json.loads(details["parameters"])
            called = given["FunctionName"]
            trace.append(["call", called, given["Payload"], details.get("timeoutInSeconds")])
        elif kind == "TaskSucceeded":
            tape.append([called, {"result": json.loads(details["output"])["Payload"]}])
        elif kind in ("TaskFailed", "TaskTimedOut"):
            tape.append([called, {"error": details["error"], "cause": details.get("cause", "")}])
    trace.append(["end", run.status, run.output, run.error])
    return tape, trace


def play(recordings: list[Recording]) -> list[list]:
    """The traces of the recordings' executions in ministack's interpreter."""
    plays = [{"definition": each.definition, "input": each.input} for each in recordings]
    for given, each in zip(plays, recordings, strict=True):
        given |= {"tape": each.tape, "mended": each.mended}
    return _second(plays)


def states_tested(requests: list[dict]) -> list[dict]:
    """What ministack's TestState answers, errors included."""
    return _second([{"request": each} for each in requests])


def _second(plays: list[dict]) -> list:
    done = subprocess.run([PYTHON, SECOND], input=json.dumps(plays), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def difference(recording: Recording, trace: list) -> tuple | None:
    """The first step in which a trace differs from the recording's, as both have it; None if there is none."""
    both = zip_longest(_comparable(recording.trace), _comparable(trace))
    return next((pair for pair in both if pair[0] != pair[1]), None)


def _comparable(value):
    """Without the cause of a timeout, of which AWS's pages say nothing, and which nobody reads."""
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if not isinstance(value, dict):
        return value
    left = {"Cause"} if value.get("Error") == "States.Timeout" else set()
    return {name: _comparable(item) for name, item in value.items() if name not in left}


def changed(recording: Recording, **fields) -> Recording:
    """The recording with other fields."""
    return replace(recording, **fields)
