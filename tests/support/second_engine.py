"""Plays executions in ministack's interpreter of state machines; a program for the Python that has ministack.

Reads JSON from stdin and writes JSON to stdout: a list of plays in, a list of traces out. A play has the machine's
`definition`, the execution's `input`, the `tape`: what the functions answer in the order in which they are called,
`[function's ARN, answer]` with `{"result": ...}` or `{"error": name, "cause": text}` for an answer, and `mended`: which
of the interpreter's faults are mended, see `tests.support.traces`. A trace is what happened, in order:

    ["state", name, input]                a state was entered
    ["exit", name, output]                and left; not a Fail
    ["call", function, payload, seconds]  a function was called, with its time limit
    ["wait", seconds]                     before a retry, the longest; or in a Wait
    ["end", status, output, error]        of the execution

Nothing waits, and a Map's items are worked on one after the other, so that a trace has one order. A play that has a
`request` is one of TestState, and its trace is the answer.
"""

import importlib
import json
import logging
import os
import sys
from concurrent.futures import Future

os.environ["MINISTACK_ACCOUNT_ID"] = "123456789012"
engine = importlib.import_module("ministack.services.stepfunctions")
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"


class _InOrder:
    """A pool of threads without threads: what is submitted is done at once."""

    def __init__(self, max_workers: int):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_: object):
        pass

    def shutdown(self, wait: bool):
        pass

    def submit(self, call, *arguments) -> Future:
        future: Future = Future()
        try:
            future.set_result(call(*arguments))
        except Exception as problem:
            future.set_exception(problem)
        return future


logging.disable(logging.CRITICAL)
vars(engine).update(ThreadPoolExecutor=_InOrder, futures_wait=lambda futures: None)
vars(engine.time).update(sleep=lambda seconds: None)
OWN = dict(vars(engine))


class Player:
    """One execution."""

    def __init__(self, play: dict):
        self._play = play
        self._tape = iter(play["tape"])
        self._retrier: dict | None = None
        self._seconds: float | None = None
        self._trace: list[list] = []

    def play(self) -> list[list]:
        """The execution's trace."""
        kinds = [f"_execute_{kind}" for kind in ("pass", "task", "choice", "wait", "map")]
        vars(engine).update(
            {kind: self._entering(OWN[kind]) for kind in kinds},
            _add_event=self._note,
            _invoke_resource_with_timeout=self._limit,
            _call_lambda=self._answer,
            _find_matching_retrier=self._match,
            _scaled_sleep=self._wait,
        )
        machine = {"name": "machine", "definition": json.dumps(self._play["definition"]), "roleArn": MACHINE}
        engine._state_machines[MACHINE] = machine
        start = {"stateMachineArn": MACHINE, "input": json.dumps(self._play["input"])}
        run = json.loads(engine._start_sync_execution(start)[2])
        output = json.loads(run["output"]) if run["status"] == "SUCCEEDED" else None
        return [*self._trace, ["end", run["status"], output, run.get("error")]]

    def _entering(self, handler):
        """Notes the states inside of a Map, which have no event."""

        def enter(state, given, *more):
            if "Map" not in more[-1]:
                return handler(state, given, *more)
            name = more[-1]["State"]["Name"]
            self._trace.append(["state", name, given])
            output, following = handler(state, given, *more)
            self._trace.append(["exit", name, output])
            return output, following

        return enter

    def _note(self, execution, kind, details=None):
        if kind.endswith("StateEntered"):
            entered = (details or {})["stateEnteredEventDetails"]
            self._trace.append(["state", entered["name"], json.loads(entered["input"])])
        if kind.endswith("StateExited"):
            left = (details or {})["stateExitedEventDetails"]
            self._trace.append(["exit", left["name"], json.loads(left["output"])])
        return OWN["_add_event"](execution, kind, details)

    def _limit(self, resource, given, seconds):
        self._seconds = seconds
        return OWN["_invoke_resource_with_timeout"](resource, given, seconds)

    def _answer(self, function, payload):
        self._trace.append(["call", function, payload, self._seconds])
        self._seconds = None
        expected, answer = next(self._tape, (None, {}))
        if expected != function:
            raise engine._ExecutionError("NotOnTheTape", f"{expected} was to be called")
        if answer.get("error") == "States.Timeout":
            raise engine.FutureTimeoutError
        if "error" in answer:
            raise engine._ExecutionError(answer["error"], answer["cause"])
        return answer["result"]

    def _match(self, *arguments):
        self._retrier, index = OWN["_find_matching_retrier"](*arguments)
        return self._retrier, index

    def _wait(self, seconds):
        if self._retrier and "MaxDelaySeconds" in self._play["mended"]:
            seconds = min(seconds, self._retrier.get("MaxDelaySeconds", seconds))
        self._retrier = None
        self._trace.append(["wait", seconds])


def test_state(request: dict) -> dict:
    """TestState's answer, an error's included."""
    vars(engine).update(OWN)
    return json.loads(engine._test_state(request)[2])


if __name__ == "__main__":
    plays = json.load(sys.stdin)
    json.dump([test_state(each["request"]) if "request" in each else Player(each).play() for each in plays], sys.stdout)
