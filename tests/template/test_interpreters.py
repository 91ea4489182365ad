"""The state machine in two interpreters, moto's and ministack's: of the same answers the same comes.

Compared are the order of the states, what each is given and gives, what each function is given and its time limit, the
longest wait before each retry, errors, output and status. Where the interpreters differ, AWS's page says what is right:

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
    compared with one item, for every error in our Maps is caught inside. [2]
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
import json

import pytest

from deploy import states
from tests.support import state_cases
from tests.support.engine import change, ok
from tests.support.events import EVENTS, shape
from tests.support.executions import CHANGED, CROP, CROPS, MACHINE, PICTURE, PICTURES, SCRIPTS, record_all
from tests.support.traces import Recorder, changed, difference, play, states_tested

NAMES = [*SCRIPTS, *CHANGED]


@pytest.fixture(scope="module")
def recordings():
    return record_all()


def test_both_do_the_same(recordings):
    traces = play([recordings[name] for name in NAMES])
    differences = {name: difference(recordings[name], trace) for name, trace in zip(NAMES, traces, strict=True)}

    assert {name: found for name, found in differences.items() if found} == {}


def test_each_state_is_entered(recordings):
    """Nothing of the machine is left out of the comparison."""
    entered = {step[1] for name in NAMES for step in recordings[name].trace if step[0] == "state"}

    assert entered == set(all_states(MACHINE.definition["States"]))


def all_states(of):
    """By name, those inside of Maps included."""
    found = dict(of)
    for state in of.values():
        found |= all_states(state.get("ItemProcessor", {}).get("States", {}))
    return found


SAMPLES = {name: event for name, event in EVENTS.items() if not event.keys() & {"detail-type", "routeKey"}}


def given(recordings):
    """(function, shape of what it is given) of each call of all executions; names without underscores."""
    calls = [step for name in NAMES for step in recordings[name].trace if step[0] == "call"]
    return [(function.rpartition("-")[2], shape(payload)) for _, function, payload, _ in calls]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_event_of_a_step_is_what_the_machine_gives(recordings, name):
    assert (name.replace("_", ""), shape(SAMPLES[name])) in given(recordings)


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("admit", {"run": "a", "picture": [1], "lost": None}),
        ("segment_crop", {"run": "a", "crop": "0"}),
        ("finish", SAMPLES["finish"] | {"segmented": [{"crops": 0}]}),
    ],
)
def test_a_sample_event_that_no_step_is_given_is_found(recordings, name, planted):
    assert (name.replace("_", ""), shape(planted)) not in given(recordings)


def test_what_aws_is_asked_of_each_state_is_what_the_machine_does(recordings):
    """`python -m tests.support.state_cases` records it anew."""
    asked = json.loads(state_cases.FILE.read_text(encoding="utf-8"))

    assert asked == state_cases.cases(recordings[name] for name in SCRIPTS)
    assert {case["state"] for case in asked} == set(all_states(MACHINE.definition["States"]))


def test_ministacks_own_TestState_answers_the_same():
    """But for Maps, which it doesn't take, and retries: it looks into Catch first. "When a state has both Retry and
    Catch, Step Functions uses any appropriate retriers first" [1]. A state of a Map it takes alone, not by its name.
    """
    known = all_states(MACHINE.definition["States"])
    cases = [case for case in json.loads(state_cases.FILE.read_text("utf-8")) if known[case["state"]]["Type"] != "Map"]
    cases = [case for case in cases if case["expected"]["status"] != "RETRIABLE"]
    machine = {"definition": "", "name": "machine", "roleArn": "", "stateMachineArn": ""}
    requests = [states.request(case, machine) | {"definition": json.dumps(known[case["state"]])} for case in cases]
    for case, answer in zip(cases, states_tested(requests), strict=True):
        assert list(states.differences(case, answer)) == []


# The differences that are known are there


def test_only_one_knows_the_longest_delay(recordings):
    whole = changed(recordings["GenerateImage's rule 1 is used up"], mended=())
    [trace] = play([whole])

    assert difference(whole, trace) == (["wait", 15], ["wait", 16])


@pytest.mark.strange_answers("moto's history tells of this error as one of the Task, and of no resource")
def test_a_path_that_selects_nothing_is_an_error_to_one_and_null_to_the_other():
    with Recorder() as recorder:
        recording = recorder.record({"DetectFaces": [ok({})]})
    [trace] = play([recording])

    [first, second] = difference(recording, trace)
    assert first[2]["error"]["Error"] == "States.Runtime"
    assert second[2]["found"] == {"faces": None}


# A difference is found


PAINT, AGAIN = (*PICTURE, "GenerateImage"), (*PICTURE, "AdmitAgain")
WELL, RETRIES, SOME = "all is well", "every retry", "some crops and pictures fail"
TURNS = "turns that are waited for, lost and late"
PLANTS = {
    "one attempt more": (change("States", "DetectFaces", "Retry", 1, MaxAttempts=5), "DetectFaces's rule 1 is used up"),
    "one attempt less": (change(*PAINT, "Retry", 2, MaxAttempts=2), RETRIES),
    "a longer interval": (change("States", "Finish", "Retry", 0, IntervalSeconds=2), RETRIES),
    "another rate": (change(*CROP, "SegmentCrop", "Retry", 0, BackoffRate=3), RETRIES),
    "another longest delay": (change(*PAINT, "Retry", 1, MaxDelaySeconds=14), RETRIES),
    "an error that is not retried": (change("States", "MergeMasks", "Retry", 0, ErrorEquals=["Throttle"]), RETRIES),
    "an error that is retried": (
        change("States", "MergeMasks", "Retry", 0, ErrorEquals=["States.ALL"]),
        "MergeMasks fails for good",
    ),
    "no Retry": (change("States", "CropFaces", remove=["Retry"]), RETRIES),
    "no Catch": (change("States", "CropFaces", remove=["Catch"]), "CropFaces fails for good"),
    "another place for an error": (
        change("States", "MergeMasks", "Catch", 0, ResultPath="$.problem"),
        "MergeMasks fails for good",
    ),
    "an error that is caught elsewhere": (change(*PAINT, "Catch", 0, ErrorEquals=["TurnLost"]), TURNS),
    "another state next": (change("States", "DetectFaces", Next="SegmentCrops"), WELL),
    "a Choice that goes elsewhere": (
        change("States", "HowDidItEnd", "Choices", 1, Next="Succeeded"),
        "Finish says PARTIAL",
    ),
    "another Default": (change("States", "HowDidItEnd", Default="LeftToSweep"), "Finish says FAILED"),
    "a Map's error that is caught elsewhere": (change(*CROPS, "Catch", 0, Next="MergeMasks"), "the crops' Map fails"),
    "another parameter": (change(*PAINT, "Parameters", "Payload", **{"attempt.$": "$.turn.wait"}), RETRIES),
    "a parameter more": (change("States", "CropFaces", "Parameters", "Payload", more=None), WELL),
    "another function": (change("States", "CropFaces", "Parameters", FunctionName="another"), WELL),
    "another result": (change("States", "DetectFaces", "ResultSelector", **{"faces.$": "$.Payload"}), WELL),
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
