"""What AWS is asked of each state: deploy/states.json, recorded here by `python -m tests.support.state_cases`.

A case has a state's `input`; for Tasks and Maps a `mock` in the place of functions and items, a `result` or an `error`;
for Tasks the `attempt`, from 0, and for an error that a retrier is for how many `retries` that one had. `expected` is
what happened in moto's interpreter: the `status`, and where there are any the `next` state, `output`, `error`, and the
number of the `retrier`. The functions answered by script: no data is anybody's.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.support.engine import ROOT
from tests.support.executions import SCRIPTS, record_all
from tests.support.traces import Recording

FILE = ROOT / "deploy" / "states.json"
RUN = "00000000-0000-4000-8000-000000000000"
CAUSE = "what the function said"


@dataclass
class _Visit:
    """A state from its beginning to its end: what it was given, what its function answered, what it gave."""

    name: str
    input: dict
    answers: list[dict] = field(default_factory=list)
    output: dict | None = None
    next: str | None = None


def cases(recordings: Iterable[Recording]) -> list[dict]:
    """A case of each kind: state, status, next state, and for errors their retrier, its first and its last retry."""
    found = {}
    for recording in recordings:
        states = dict(_states(recording.definition["States"]))
        for visit in _visits(recording, states):
            for case in _cases(visit, states[visit.name]):
                expected = case["expected"]
                kind = [expected.get(name) for name in ("status", "next", "retrier")]
                if expected["status"] == "RETRIABLE":
                    kind.append(case["retries"])
                found.setdefault((visit.name, *kind), case)
    return list(found.values())


def _states(states: dict) -> Iterator[tuple[str, dict]]:
    for name, state in states.items():
        yield name, state
        yield from _states(state.get("ItemProcessor", {}).get("States", {}))


def _visits(recording: Recording, states: dict) -> Iterator[_Visit]:
    """The visits in the order of their ends, with one run id and one cause of all errors."""
    text = json.dumps([recording.trace, recording.tape]).replace(recording.input["run"], RUN)
    trace, tape = json.loads(text, object_hook=lambda each: each | {"Cause": CAUSE} if "Cause" in each else each)
    answers, under_way = iter(tape), []
    for step, following in zip(trace, [*trace[1:], None], strict=True):
        if step[0] == "state":
            under_way.append(_Visit(step[1], step[2]))
        elif step[0] == "call":
            under_way[-1].answers.append(next(answers)[1])
        elif step[0] == "exit":
            visit = under_way.pop()
            visit.output = step[2]
            caught = visit.answers and "error" in visit.answers[-1]
            if following[0] == "state" and (caught or "End" not in states[visit.name]):
                visit.next = following[1]
            yield visit
    for visit in under_way:  # a Fail
        visit.answers.append({"error": trace[-1][3]})
        yield visit


def _cases(visit: _Visit, state: dict) -> Iterator[dict]:
    case = {"state": visit.name, "input": visit.input}
    expected = {"status": "SUCCEEDED", "next": visit.next, "output": visit.output}
    if state["Type"] == "Task":
        yield from _of_task(case, expected, visit.answers, state["Retry"])
    elif state["Type"] == "Fail":
        yield case | {"expected": {"status": "FAILED", "error": visit.answers[0]["error"]}}
    elif state["Type"] == "Map":
        assert visit.output
        yield case | {"mock": {"result": visit.output[state["ResultPath"][2:]]}, "expected": expected}
    elif state["Type"] != "Wait" or visit.input["turn"]["wait"] == 0:  # AWS would wait
        yield case | {"expected": expected}


def _of_task(case: dict, expected: dict, answers: list[dict], retriers: list[dict]) -> Iterator[dict]:
    """The Task's end, and before it each first and last retry that a retrier allows."""
    retries = [0] * len(retriers)
    for attempt, answer in enumerate(answers):
        case |= {"attempt": attempt}
        if "result" in answer:
            invoked = {"ExecutedVersion": "$LATEST", "Payload": answer["result"], "StatusCode": 200}
            yield case | {"mock": {"result": invoked}, "expected": expected}
            return
        error = answer["error"]
        names = [number for number, each in enumerate(retriers) if {error, "States.ALL"} & set(each["ErrorEquals"])]
        told = {"mock": {"error": error}} | ({"retries": retries[names[0]]} if names else {})
        if attempt + 1 == len(answers):
            number = {"retrier": names[0]} if names else {}
            yield case | told | {"expected": expected | {"status": "CAUGHT_ERROR", "error": error} | number}
            return
        if retries[names[0]] in (0, retriers[names[0]]["MaxAttempts"] - 1):
            yield case | told | {"expected": {"status": "RETRIABLE", "error": error, "retrier": names[0]}}
        retries[names[0]] += 1


if __name__ == "__main__":
    found = cases(recording for name, recording in record_all().items() if name in SCRIPTS)
    lines = ",\n".join(json.dumps(case) for case in found)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
