"""The state machine in two interpreters, moto's and ministack's: of the same answers the same comes.

Compared are the order of the states, what each is given, what each function is given and its time limit, the longest
wait before each retry, errors, output and status. Where the interpreters differ, AWS's page says what is right:

MaxDelaySeconds: ministack ignores it. "A positive integer that sets the maximum value, in seconds, up to which a retry
    interval can increase." It is mended in what is compared, as moto has it. [1]
JitterStrategy: ministack waits the whole interval. "If you set JitterStrategy as FULL, the first retry interval is
    randomized between 0 and 2 seconds": as moto has it; the longest wait is compared. [1]
MaxConcurrencyPath: ministack ignores it, and works on all items at once. "If you want to provide a maximum concurrency
    value dynamically from the state input using a reference path, use MaxConcurrencyPath": as moto has it
    (`tests/workflow`). Here both work on one item after the other. [2]
TimeoutSeconds of the machine: ministack ignores it. "If it runs longer than the specified time, the execution fails
    with a States.Timeout": as moto has it (`tests/workflow`); not compared. [3]
A Map that fails: in ministack the other items go on. "All iterations stop when the Map state fails": as moto has it;
    not compared, for every error in a Map is caught inside. [2]
A path that selects nothing: ministack takes null, moto raises States.Runtime, which its Catch of States.ALL catches.
    Both are wrong: "A States.Runtime error isn't retriable, and will always cause the execution to fail. A retry or
    catch on States.ALL won't catch States.Runtime errors." The machine doesn't rest on it: `sweep` settles a run whose
    execution has ended without Finish. [1]
The cause of a timeout: ministack gives a sentence, moto an empty text. No page says; nobody reads it; not compared.

[1] https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
[2] https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
[3] https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
"""

import copy
from itertools import cycle, islice

import pytest

from tests.support.engine import HANG, failing, ok, read_application, tasks_of
from tests.support.traces import Recorder, changed, difference, play

[MACHINE] = read_application().state_machines.values()
TASKS = tasks_of(MACHINE.definition["States"])
STEPS = [name for name in TASKS if name != "AdmitAgain"]  # each by the function of its name


def names_of(rule):
    """The errors that a retrier is for."""
    return ["KeyError" if name == "States.ALL" else name for name in rule["ErrorEquals"]]


def used_up(task, retrier):
    """A script in which the Task fails until this retrier of its Retry is used up."""
    rule = TASKS[task]["Retry"][retrier]
    failures = [failing(name) for name in islice(cycle(names_of(rule)), 1 + rule["MaxAttempts"])]
    if task == "AdmitAgain":
        return {"GenerateImage": [failing("TurnLost")], "Admit": [lambda: None, *failures]}
    return {task: failures}


def almost_used_up(task):
    """The Task's failures up to the last one that all its retriers allow, the rules by turns."""
    left = [[failing(names_of(rule)[0])] * rule["MaxAttempts"] for rule in TASKS[task]["Retry"]]
    return [failures.pop() for _ in range(max(map(len, left))) for failures in left if failures]


def turns(*waits):
    """Admit's answer: for pictures in order, from the first number, the seconds to wait."""
    return ok({"turns": [{"picture": number, "wait": wait} for number, wait in waits], "at_once": 1})


TWO_TURNS = turns((1, 0), (2, 3))
# By name: what the functions answer (`tests.support.engine.Run.script`), and the photo.
SCRIPTS = {
    "all is well": ({}, {"crops": 3, "pictures": 3}),
    "nothing is cut out": ({}, {"crops": 0}),
    "every retry": ({step: almost_used_up(step) for step in STEPS}, {}),
    **{
        f"{task}'s rule {number} is used up": (used_up(task, number), {})
        for task, state in TASKS.items()
        for number in range(len(state["Retry"]))
    },
    **{f"{step} fails for good": ({step: [failing("AccessDenied")]}, {}) for step in STEPS},
    "some crops and pictures fail": (
        {("SegmentCrop", 1): [failing("KeyError")], ("GenerateImage", 2): [failing("ContentBlocked")]},
        {"crops": 3, "pictures": 3},
    ),
    "every crop and picture fails": (
        {"SegmentCrop": [failing("KeyError")] * 2, "GenerateImage": [failing("ContentBlocked")] * 2},
        {"crops": 2, "pictures": 2},
    ),
    "filtered twice, whatever comes between": (
        {"GenerateImage": [failing(name) for name in ("OutputBlocked", "Throttled", "OutputBlocked")]},
        {},
    ),
    "turns that are waited for, lost and late": (
        {
            "Admit": [TWO_TURNS, turns((1, 2)), turns((1, 1))],
            "GenerateImage": [failing("TurnLost"), failing("Throttled"), failing("TurnLate")],
        },
        {"pictures": 2},
    ),
    "not admitted again": ({"GenerateImage": [failing("TurnLost")], "Admit": [TWO_TURNS, failing("QueueFull")]}, {}),
    **{
        f"Finish says {status}": ({"Finish": [ok({"status": status, "error": "None"})]}, {})
        for status in ("PARTIAL", "FAILED", "what nobody knows")
    },
}
# Tasks that give no answer in time, each given a second.
HANGS = {
    "steps hang": {"SegmentCrop": [HANG], "GenerateImage": [HANG], "Finish": [HANG]},
    "the first step hangs": {"DetectFaces": [HANG]},
}


@pytest.fixture(scope="module")
def recordings():
    with Recorder() as recorder:
        recorded = {name: recorder.record(script, {}, **photo) for name, (script, photo) in SCRIPTS.items()}
        for name, script in HANGS.items():
            recorded[name] = recorder.record(script, dict.fromkeys(script, 1))
        recorded["an answer lacks what is selected"] = recorder.record({"DetectFaces": [ok({})]}, {})
    return recorded


NAMES = [*SCRIPTS, *HANGS]


def test_both_do_the_same(recordings):
    traces = play([recordings[name] for name in NAMES])
    differences = {name: difference(recordings[name], trace) for name, trace in zip(NAMES, traces, strict=True)}

    assert {name: found for name, found in differences.items() if found} == {}


def test_each_state_is_entered(recordings):
    """Nothing of the machine is left out of the comparison."""
    entered = {step[1] for name in NAMES for step in recordings[name].trace if step[0] == "state"}

    assert entered == set(all_states(MACHINE.definition["States"]))


def all_states(states):
    for name, state in states.items():
        yield name
        yield from all_states(state.get("ItemProcessor", {}).get("States", {}))


# The differences that are known are there


def test_only_one_knows_the_longest_delay(recordings):
    whole = changed(recordings["GenerateImage's rule 1 is used up"], mended=())
    [trace] = play([whole])

    assert difference(whole, trace) == (["wait", 15], ["wait", 16])


def test_a_path_that_selects_nothing_is_an_error_to_one_and_null_to_the_other(recordings):
    recording = recordings["an answer lacks what is selected"]
    [trace] = play([recording])

    [first, second] = difference(recording, trace)
    assert (first[1], first[2]["error"]["Error"]) == ("Finish", "States.Runtime")
    assert (second[1], second[2]["found"]) == ("CropFaces", {"faces": None})


# A difference is found


def change(*path, remove=(), **fields):
    """A change of the object at `path` in a definition."""

    def change(definition):
        for name in path:
            definition = definition[name]
        for name in remove:
            del definition[name]
        definition |= fields

    return change


CROPS, PICTURES = ("States", "SegmentCrops"), ("States", "GenerateImages")
CROP, PICTURE = ((*of, "ItemProcessor", "States") for of in (CROPS, PICTURES))
PAINT, AGAIN = (*PICTURE, "GenerateImage"), (*PICTURE, "AdmitAgain")
WELL, RETRIES, SOME = "all is well", "every retry", "some crops and pictures fail"
TURNS = "turns that are waited for, lost and late"
PLANTS = {
    "one attempt more": (change("States", "DetectFaces", "Retry", 1, MaxAttempts=5), "DetectFaces's rule 1 is used up"),
    "one attempt less": (change(*PAINT, "Retry", 2, MaxAttempts=2), RETRIES),
    "a longer interval": (change("States", "Finish", "Retry", 0, IntervalSeconds=2), RETRIES),
    "another rate": (change(*CROP, "SegmentCrop", "Retry", 0, BackoffRate=3), RETRIES),
    "another longest delay": (change(*PAINT, "Retry", 1, MaxDelaySeconds=14), RETRIES),
    "an error that is not retried": (change("States", "Admit", "Retry", 0, ErrorEquals=["Throttle"]), RETRIES),
    "an error that is retried": (
        change("States", "MergeMasks", "Retry", 0, ErrorEquals=["States.ALL"]),
        "MergeMasks fails for good",
    ),
    "no Retry": (change("States", "CropFaces", remove=["Retry"]), RETRIES),
    "no Catch": (change("States", "CropFaces", remove=["Catch"]), "CropFaces fails for good"),
    "another place for an error": (
        change("States", "Admit", "Catch", 0, ResultPath="$.problem"),
        "Admit fails for good",
    ),
    "an error that is caught elsewhere": (change(*PAINT, "Catch", 0, ErrorEquals=["TurnLost"]), TURNS),
    "another state next": (change("States", "DetectFaces", Next="SegmentCrops"), WELL),
    "a Choice that goes elsewhere": (
        change("States", "HowDidItEnd", "Choices", 1, Next="Succeeded"),
        "Finish says PARTIAL",
    ),
    "another Default": (change("States", "HowDidItEnd", Default="LeftToSweep"), "Finish says FAILED"),
    "another parameter": (change(*PAINT, "Parameters", "Payload", **{"attempt.$": "$.turn.wait"}), RETRIES),
    "a parameter more": (change("States", "CropFaces", "Parameters", "Payload", more=None), WELL),
    "another function": (change("States", "CropFaces", "Parameters", FunctionName="another"), WELL),
    "another result": (change("States", "MergeMasks", "ResultSelector", **{"numbers.$": "$.Payload"}), WELL),
    "another place for a result": (change("States", "DetectFaces", ResultPath="$.faces"), WELL),
    "other items": (change(*CROPS, ItemsPath="$.crops"), WELL),
    "another item": (change(*PICTURES, "ItemSelector", **{"turn.$": "$$.Map.Item.Index"}), WELL),
    "another length of a Wait": (change(*PICTURE, "AwaitTurn", SecondsPath="$.turn.picture"), TURNS),
    "another argument": (
        change(*AGAIN, "Parameters", "Payload", **{"pictures.$": "States.Array($.turn.wait)"}),
        TURNS,
    ),
    "what is kept of a failure": (change(*CROP, "KeepTheEllipses", remove=["Parameters"]), SOME),
    "another time limit": (change("States", "MergeMasks", TimeoutSeconds=36), WELL),
    "another error of a Fail": (change("States", "Failed", ErrorPath="$.status"), "Finish says FAILED"),
}


@pytest.fixture(scope="module")
def planted(recordings):
    """By plant: the recording, and what ministack does with the changed definition."""
    plants = {}
    for name, (plant, script) in PLANTS.items():
        definition = copy.deepcopy(recordings[script].definition)
        plant(definition)
        plants[name] = changed(recordings[script], definition=definition)
    return dict(zip(plants, zip(plants.values(), play(list(plants.values())), strict=True), strict=True))


@pytest.mark.parametrize("plant", PLANTS)
def test_a_machine_that_is_not_the_same_is_found(planted, plant):
    recording, trace = planted[plant]

    assert difference(recording, trace)
