"""The state machine as deployed, in the interpreter: what it does when steps succeed, fail, hang and recover."""

import copy
import json
import threading
from itertools import chain, repeat

import pytest

from tests.support.engine import HANG, error, failing, ok, tasks_of

THROTTLED = ["Throttled", "Lambda.TooManyRequestsException"]
BROKEN = [
    *("ServiceUnavailable", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException"),
    *("Lambda.ClientExecutionTimeoutException", "Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError"),
]
FINAL = [
    *("NoFaceFound", "UnreadablePhoto", "AccessDenied", "ContentBlocked", "ModelsUnavailable", "TimedOut"),
    *("RunEnded", "InternalError", "KeyError", "Lambda.ResourceNotFoundException"),
]

# The longest seconds before each retry of a Task, when it is throttled and when it is broken: one entry per retry.
# The jitter draws the wait between zero and that.
LONGEST_WAITS = {
    "DetectFaces": ([1, 2, 4, 8], [1, 2]),
    "CropFaces": ([1, 2, 4, 8], [1, 2]),
    "SegmentCrop": ([1, 2, 4, 8], [1]),
    "MergeMasks": ([1, 2, 4, 8], [1, 2]),
    "GenerateImage": ([1, 2, 4, 8, *[15] * 8], [1, 2, 4]),
    "ModeratePicture": ([1, 2, 4, 8], [1, 2]),
    "Finish": ([1, 2, 4, 8], [1, 2, 4, 8]),
}
STEPS = ["DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "GenerateImage", "Finish"]
SINGLE_STEPS = ["DetectFaces", "CropFaces", "MergeMasks"]


def longest_waits(task, name):
    return LONGEST_WAITS[task][0 if name in THROTTLED else 1]


def payload_of(run, task):
    """What a step that is there once is given."""
    return {"run": run.id} | ({"crops": list(range(run.crops))} if task == "MergeMasks" else {})


def steps_until(task):
    """The steps that run if `task` fails: those up to it, and Finish."""
    return [*STEPS[: STEPS.index(task) + 1], "Finish"]


def assert_waits(run, expected):
    """The run waited as often and as long as `expected` allows, in seconds; several items' waits have no order."""
    assert sorted(run.longest_waits) == sorted(expected)
    assert len(run.waits) == len(expected)
    assert all(0 <= wait <= longest for wait, longest in zip(sorted(run.waits), sorted(expected), strict=True))


def assert_failed_with(run, name, code):
    """The run went from the failed step to Finish with the error's name, and ended as FAILED with the code."""
    assert run.finish["error"]["Error"] == name
    assert "pictures" not in run.finish
    assert (run.status, run.end, run.error) == ("FAILED", "Failed", code)


# All is well


@pytest.mark.parametrize(("crops", "pictures"), [(1, 1), (1, 3), (12, 5)])
def test_each_step_gets_the_run_and_its_number(engine, crops, pictures):
    run = engine.run(crops=crops, pictures=pictures)

    assert (run.status, run.end) == ("SUCCEEDED", "Succeeded")
    assert run.output == {"status": "SUCCEEDED", "error": "None"}
    assert run.called == STEPS
    for step in SINGLE_STEPS:
        assert run.payloads(step) == [payload_of(run, step)]
    segmented = sorted(run.payloads("SegmentCrop"), key=lambda payload: payload["crop"])
    assert segmented == [{"run": run.id, "crop": number} for number in range(crops)]
    generated = sorted(run.payloads("GenerateImage"), key=lambda payload: payload["picture"])
    assert generated == [{"run": run.id, "picture": number, "attempt": 0} for number in range(1, pictures + 1)]
    assert run.payloads("Finish") == [
        {
            "run": run.id,
            "found": {"faces": crops},
            "crops": {"numbers": list(range(crops)), "at_once": 10},
            "segmented": [{"crop": number} for number in range(crops)],
            "admitted": {
                "turns": [{"picture": number, "wait": 0} for number in range(1, pictures + 1)],
                "at_once": 10,
            },
            "pictures": [{"picture": number} for number in range(1, pictures + 1)],
        }
    ]
    assert run.waits == []


def test_masks_are_merged_after_the_last_crop_and_pictures_begin_after_that(engine):
    run = engine.run({("SegmentCrop", 1): [error("Throttled")] * 2}, crops=3, pictures=3)

    order = [call.function for call in run.calls]
    head, tail = ["DetectFaces", "CropFaces", *["SegmentCrop"] * 5], [*["GenerateImage"] * 3, "Finish"]
    assert order == [*head, "MergeMasks", *tail]


@pytest.mark.parametrize(("of", "task"), [("crops", "SegmentCrop"), ("pictures", "GenerateImage")])
@pytest.mark.parametrize(("at_once", "number"), [(10, 10), (2, 6), (1, 3)])
def test_as_many_are_made_at_once_as_the_step_before_says(engine, of, task, at_once, number):
    all_here, changed, here, most = threading.Barrier(at_once), threading.Lock(), 0, 0

    def meet():
        """Answers when as many are at work as are allowed, and counts them."""
        nonlocal here, most
        with changed:
            here += 1
            most = max(most, here)
        all_here.wait(20)
        threading.Event().wait(0.1)  # more would come meanwhile
        with changed:
            here -= 1

    run = engine.run({task: repeat(meet)}, at_once=at_once, **{of: number})

    assert (run.end, len(run.payloads(task)), most) == ("Succeeded", number, at_once)


# Errors that pass


@pytest.mark.parametrize("name", THROTTLED + BROKEN)
def test_every_step_survives_a_passing_error_until_its_last_attempt(engine, name):
    steps = [*STEPS[:-1], "ModeratePicture", "Finish"]
    waits = {step: longest_waits(step, name) for step in steps}

    run = engine.run({step: [failing(name)] * len(waits[step]) for step in steps}, wall=True)

    assert {step: len(run.payloads(step)) for step in steps} == {step: 1 + len(waits[step]) for step in steps}
    assert run.longest_waits == [*chain(*waits.values())]
    assert all(0 <= wait <= longest for wait, longest in zip(run.waits, run.longest_waits, strict=True))
    assert (run.end, run.called) == ("Succeeded", steps)


@pytest.mark.parametrize("name", ["Throttled", "ServiceUnavailable"])
@pytest.mark.parametrize("task", SINGLE_STEPS)
def test_a_passing_error_that_does_not_pass_leads_to_finish(engine, task, name):
    run = engine.run({task: repeat(failing(name))})

    expected = longest_waits(task, name)
    assert run.payloads(task) == [payload_of(run, task)] * (1 + len(expected))
    assert run.longest_waits == expected
    assert run.called == steps_until(task)
    assert_failed_with(run, name, name)


def test_a_photo_that_s3_does_not_find_yet_is_looked_for_again(engine):
    run = engine.run({"DetectFaces": [failing("PhotoNotFound")] * 6})

    assert run.longest_waits == [1, 2, 4, 8, 8, 8]
    assert run.end == "Succeeded"


def test_a_photo_that_s3_never_finds_ends_with_the_reason(engine):
    run = engine.run({"DetectFaces": repeat(failing("PhotoNotFound"))})

    assert len(run.payloads("DetectFaces")) == 7
    assert_failed_with(run, "PhotoNotFound", "PhotoNotFound")


def test_both_kinds_of_passing_errors_have_attempts_of_their_own(engine):
    throttled, broken = LONGEST_WAITS["DetectFaces"]
    troubles = ["Throttled", "Runtime.ExitError", "Runtime.ExitError", "Throttled", "Throttled", "Throttled"]

    run = engine.run({"DetectFaces": map(failing, troubles)})

    assert run.end == "Succeeded"
    assert_waits(run, throttled + broken)


def test_each_crop_has_attempts_of_its_own(engine):
    names = dict(enumerate(THROTTLED + BROKEN))

    run = engine.run({("SegmentCrop", crop): repeat(failing(name)) for crop, name in names.items()}, crops=11)

    waits = {crop: longest_waits("SegmentCrop", name) for crop, name in names.items()}
    for crop, expected in waits.items():
        assert len(run.payloads("SegmentCrop", crop=crop)) == 1 + len(expected)
    assert len(run.payloads("SegmentCrop", crop=10)) == 1
    assert_waits(run, [*chain(*waits.values())])
    failed = [{"crop": crop, "error": name} for crop, name in names.items()]
    assert run.finish["segmented"] == [*failed, {"crop": 10}]
    assert run.end == "Succeeded"


def test_each_picture_has_attempts_of_its_own_and_is_told_their_number(engine):
    names = dict(enumerate(THROTTLED + BROKEN, start=1))

    run = engine.run({("GenerateImage", number): repeat(failing(name)) for number, name in names.items()}, pictures=11)

    waits = {number: longest_waits("GenerateImage", name) for number, name in names.items()}
    for number, expected in waits.items():
        attempts = [payload["attempt"] for payload in run.payloads("GenerateImage", picture=number)]
        assert attempts == list(range(1 + len(expected)))
    assert [payload["attempt"] for payload in run.payloads("GenerateImage", picture=11)] == [0]
    assert_waits(run, [*chain(*waits.values())])
    failed = [{"picture": number, "error": name} for number, name in names.items()]
    assert run.finish["pictures"] == [*failed, {"picture": 11}]
    assert run.end == "PartlySucceeded"


def test_the_attempt_counts_on_over_all_kinds_of_errors(engine):
    throttled, broken = LONGEST_WAITS["GenerateImage"]
    hindrances = [failing("ServiceUnavailable"), failing("Throttled")] * len(broken)
    hindrances += [failing("Throttled")] * (len(throttled) - len(broken))

    run = engine.run({("GenerateImage", 2): hindrances}, pictures=3)

    attempts = [payload["attempt"] for payload in run.payloads("GenerateImage", picture=2)]
    assert attempts == list(range(len(throttled) + len(broken) + 1))
    assert_waits(run, throttled + broken)
    assert run.end == "Succeeded"


def test_a_filtered_picture_is_painted_once_more_as_another_attempt(engine):
    run = engine.run({("GenerateImage", 2): [failing("OutputBlocked")]}, pictures=2)

    assert [payload["attempt"] for payload in run.payloads("GenerateImage", picture=2)] == [0, 1]
    assert_waits(run, [1])
    assert run.end == "Succeeded"


def test_a_picture_that_is_filtered_twice_has_failed_whatever_came_between(engine):
    troubles = [failing(name) for name in ("OutputBlocked", "Throttled", "ServiceUnavailable", "OutputBlocked")]

    run = engine.run({("GenerateImage", 2): troubles}, pictures=2)

    assert [payload["attempt"] for payload in run.payloads("GenerateImage", picture=2)] == [0, 1, 2, 3]
    assert run.finish["pictures"] == [{"picture": 1}, {"picture": 2, "error": "OutputBlocked"}]
    assert run.end == "PartlySucceeded"


def test_throttled_runs_do_not_come_back_in_step(engine):
    runs = [engine.run({"DetectFaces": repeat(error("Throttled"))}) for _ in range(3)]

    for retry in range(4):
        assert len({run.waits[retry] for run in runs}) == 3


# Turns


def turns(*waits):
    """MergeMasks' answer, or AdmitAgain's: for pictures in order, from the first number, the seconds to wait."""
    return ok({"turns": [{"picture": number, "wait": wait} for number, wait in waits], "at_once": 10})


def waited(run):
    """How many whole seconds each picture waited for its turn, in the order in which they began to."""
    entered = [event for event in run.history if event["type"] == "WaitStateEntered"]
    return sorted(json.loads(event["stateEnteredEventDetails"]["input"])["turn"]["wait"] for event in entered)


def test_a_picture_waits_for_its_turn_while_the_others_are_painted(engine):
    run = engine.run({"MergeMasks": [turns((1, 0), (2, 1), (3, 0))]}, pictures=3)

    assert [payload["picture"] for payload in run.payloads("GenerateImage")][-1] == 2
    assert waited(run) == [0, 0, 1]
    assert run.end == "Succeeded"


@pytest.mark.parametrize("lost", ["TurnLost", "TurnLate"])
def test_a_picture_whose_turn_is_lost_is_admitted_again_alone(engine, lost):
    script = {("GenerateImage", 2): [failing(lost)], "Admit": [turns((2, 1))]}

    run = engine.run(script, pictures=3)

    assert run.payloads("Admit") == [{"run": run.id, "pictures": [2], "lost": lost}]
    assert [payload["attempt"] for payload in run.payloads("GenerateImage", picture=2)] == [0, 0]
    assert [len(run.payloads("GenerateImage", picture=number)) for number in (1, 3)] == [1, 1]
    assert waited(run) == [0, 0, 0, 1]
    assert run.finish["pictures"] == [{"picture": number} for number in (1, 2, 3)]
    assert run.end == "Succeeded"


def test_a_picture_that_is_not_admitted_again_leaves_the_others(engine):
    script = {("GenerateImage", 2): [failing("TurnLost")], "Admit": [failing("QueueFull")]}

    run = engine.run(script, pictures=2)

    assert run.finish["pictures"] == [{"picture": 1}, {"picture": 2, "error": "QueueFull"}]
    assert run.end == "PartlySucceeded"


def test_a_photo_that_is_not_admitted_ends_with_the_reason(engine):
    run = engine.run({"MergeMasks": [failing("QueueFull")]})

    assert run.called == steps_until("MergeMasks")
    assert_failed_with(run, "QueueFull", "QueueFull")


# The wall


def test_each_picture_is_scored_for_the_wall_once_it_is_there(engine):
    run = engine.run({("ModeratePicture", 2): [failing("Throttled")]}, pictures=2, wall=True)

    given = [{"run": run.id, "picture": number, "attempt": 0} for number in (1, 2)]
    assert [run.payloads("ModeratePicture", picture=number)[0] for number in (1, 2)] == given
    assert [payload["attempt"] for payload in run.payloads("ModeratePicture", picture=2)] == [0, 1]
    assert run.finish["pictures"] == [{"picture": 1}, {"picture": 2}]
    assert run.called == [*STEPS[:-1], "ModeratePicture", "Finish"]


@pytest.mark.parametrize("answer", [{"picture": 1}, {"picture": 1, "wall": False}])
def test_a_picture_that_is_not_for_the_wall_is_not_scored(engine, answer):
    """GenerateImage of the release before, to which a deployment may go back, says nothing of the wall."""
    run = engine.run({"GenerateImage": [ok(answer)]})

    assert (run.end, run.called) == ("Succeeded", STEPS)
    assert run.finish["pictures"] == [{"picture": 1}]


@pytest.mark.parametrize("name", ["AccessDenied", "KeyError", "Throttled", "Sandbox.Timedout"])
def test_a_picture_that_can_not_be_scored_is_done_all_the_same(engine, name):
    run = engine.run({("ModeratePicture", 1): repeat(failing(name))}, pictures=2, wall=True)

    assert run.finish["pictures"] == [{"picture": 1}, {"picture": 2}]
    assert (run.end, run.output) == ("Succeeded", {"status": "SUCCEEDED", "error": "None"})


def test_a_score_that_hangs_is_given_up_and_its_picture_is_done(engine):
    definition = engine.with_timeout("ModeratePicture", 1)
    run = engine.run({("ModeratePicture", 1): [HANG]}, pictures=2, wall=True, definition=definition)

    assert len(run.payloads("ModeratePicture", picture=1)) == 1
    assert (run.end, run.finish["pictures"]) == ("Succeeded", [{"picture": 1}, {"picture": 2}])


# Errors that stay


@pytest.mark.parametrize(
    ("task", "name", "code"),
    [
        *(("DetectFaces", name, name) for name in ("NoFaceFound", "UnreadablePhoto", "ContentBlocked", "RunEnded")),
        ("DetectFaces", "Lambda.ResourceNotFoundException", "ServiceUnavailable"),
        *((task, "AccessDenied", "AccessDenied") for task in SINGLE_STEPS),
        *((task, "KeyError", "InternalError") for task in SINGLE_STEPS),
    ],
)
def test_a_final_error_leads_straight_to_finish(engine, task, name, code):
    run = engine.run({task: [failing(name)]})

    assert len(run.payloads(task)) == 1
    assert run.waits == []
    assert run.called == steps_until(task)
    assert_failed_with(run, name, code)


def test_a_crop_that_fails_leaves_the_others_and_the_masks_are_merged(engine):
    run = engine.run({("SegmentCrop", 3): [failing("KeyError")]}, crops=12, pictures=3)

    assert [len(run.payloads("SegmentCrop", crop=crop)) for crop in range(12)] == [1] * 12
    assert run.finish["segmented"] == [
        {"crop": crop, "error": "KeyError"} if crop == 3 else {"crop": crop} for crop in range(12)
    ]
    assert run.called == STEPS
    assert run.end == "Succeeded"


def test_pictures_are_made_though_every_crop_failed_for_good(engine):
    failures = {("SegmentCrop", crop): [failing(name)] for crop, name in enumerate(FINAL)}

    run = engine.run(failures, crops=len(FINAL), pictures=2)

    assert run.waits == []
    assert run.finish["segmented"] == [{"crop": crop, "error": name} for crop, name in enumerate(FINAL)]
    assert run.finish["pictures"] == [{"picture": 1}, {"picture": 2}]
    assert run.end == "Succeeded"


def test_a_picture_that_fails_leaves_the_others(engine):
    run = engine.run({("GenerateImage", 2): [failing("ContentBlocked")]}, pictures=3)

    assert [len(run.payloads("GenerateImage", picture=number)) for number in (1, 2, 3)] == [1, 1, 1]
    assert run.finish["pictures"] == [{"picture": 1}, {"picture": 2, "error": "ContentBlocked"}, {"picture": 3}]
    assert "error" not in run.finish
    assert (run.status, run.end) == ("SUCCEEDED", "PartlySucceeded")
    assert run.output == {"status": "PARTIAL", "error": "None"}


def test_the_run_fails_if_every_picture_failed(engine):
    failures = {("GenerateImage", number): [failing(name)] for number, name in enumerate(FINAL, start=1)}

    run = engine.run(failures, pictures=len(FINAL))

    assert run.waits == []
    assert len(run.payloads("GenerateImage")) == len(FINAL)
    assert run.finish["pictures"] == [{"picture": number, "error": name} for number, name in enumerate(FINAL, start=1)]
    assert (run.status, run.end, run.error) == ("FAILED", "Failed", FINAL[0])


@pytest.mark.parametrize(("of", "task"), [("SegmentCrops", "SegmentCrop"), ("GenerateImages", "GenerateImage")])
def test_a_map_that_fails_as_a_whole_leads_to_finish(engine, of, task):
    """AWS can fail a Map itself. Here it is made to by an item's error that nothing catches."""
    definition = copy.deepcopy(engine.definition)
    del tasks_of(definition["States"])[task]["Catch"]

    run = engine.run({task: [failing("AccessDenied")]}, definition=definition)

    assert run.called == steps_until(task)
    assert_failed_with(run, "AccessDenied", "AccessDenied")


# Functions that don't answer


@pytest.mark.parametrize("task", SINGLE_STEPS)
def test_a_step_that_hangs_is_given_up(engine, task):
    run = engine.run({task: [HANG]}, definition=engine.with_timeout(task, 1))

    assert len(run.payloads(task)) == 1
    assert run.waits == []
    assert run.called == steps_until(task)
    assert_failed_with(run, "States.Timeout", "TimedOut")


def test_a_crop_that_hangs_is_given_up_alone(engine):
    run = engine.run({("SegmentCrop", 1): [HANG]}, crops=3, definition=engine.with_timeout("SegmentCrop", 1))

    assert run.finish["segmented"] == [{"crop": 0}, {"crop": 1, "error": "States.Timeout"}, {"crop": 2}]
    assert run.end == "Succeeded"


def test_a_picture_that_hangs_is_given_up_alone(engine):
    run = engine.run({("GenerateImage", 3): [HANG]}, pictures=3, definition=engine.with_timeout("GenerateImage", 1))

    assert run.finish["pictures"] == [{"picture": 1}, {"picture": 2}, {"picture": 3, "error": "States.Timeout"}]
    assert run.end == "PartlySucceeded"


def test_a_finish_that_hangs_is_called_again(engine):
    run = engine.run({"Finish": [HANG]}, definition=engine.with_timeout("Finish", 1))

    assert len(run.payloads("Finish")) == 2
    assert run.end == "Succeeded"


def test_a_run_that_takes_too_long_is_stopped_and_left_to_sweep(engine):
    run = engine.run({"MergeMasks": [HANG]}, definition=engine.definition | {"TimeoutSeconds": 1})

    assert run.status == "TIMED_OUT"
    assert run.called == ["DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks"]


# Finish


def test_finish_is_called_again_after_any_error(engine):
    troubles = [failing(name) for name in ("KeyError", "AccessDenied", "Lambda.ServiceException", "Throttled")]

    run = engine.run({"Finish": troubles}, pictures=2)

    assert len(run.payloads("Finish")) == 5
    assert all(payload == run.finish for payload in run.payloads("Finish"))
    assert_waits(run, LONGEST_WAITS["Finish"][0])
    assert run.end == "Succeeded"


@pytest.mark.parametrize("name", ["Throttled", "Runtime.ExitError", "KeyError"])
def test_a_finish_that_fails_for_good_is_left_to_sweep(engine, name):
    run = engine.run({"Finish": repeat(failing(name))})

    assert len(run.payloads("Finish")) == 5
    assert_waits(run, longest_waits("Finish", name))
    assert (run.status, run.end, run.error, run.cause) == ("FAILED", "LeftToSweep", "FinishFailed", None)


@pytest.mark.parametrize(
    ("answer", "end", "failure"),
    [
        ({"status": "SUCCEEDED", "error": "None"}, "Succeeded", None),
        ({"status": "PARTIAL", "error": "TimedOut"}, "PartlySucceeded", None),
        ({"status": "FAILED", "error": "NoFaceFound"}, "Failed", "NoFaceFound"),
        ({"status": "something else", "error": "None"}, "Failed", "None"),
    ],
)
def test_the_end_is_the_one_that_finish_tells(engine, answer, end, failure):
    """Also if the pictures' states say otherwise: the run may have ended before, by `sweep`."""
    run = engine.run({"Finish": [ok(answer)]})

    assert (run.end, run.error) == (end, failure)
    assert run.output == (answer if failure is None else None)


# Nothing about the people in the photo


def strings_in(value):
    """Every string and key in parsed JSON; texts that are JSON themselves are opened. Lambda's `Cause` is left out."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key.lower() != "cause":
                yield key
                yield from strings_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_in(item)
    elif isinstance(value, str) and value[:1] in ("{", "["):
        yield from strings_in(json.loads(value))
    elif isinstance(value, str):
        yield value


WORDS = {
    # what the machine keeps and hands on
    *("run", "found", "faces", "crops", "numbers", "crop", "segmented", "pictures", "picture", "attempt"),
    *("admitted", "lost", "turns", "turn", "wait", "at_once", "error", "Error", "status"),
    *("generated", "answer", "wall", "moderated"),
    # values
    *("SUCCEEDED", "PARTIAL", "FAILED", "None"),
    # what Step Functions adds of its own to call a function, and to its answer
    *("FunctionName", "Payload", "StatusCode", "ExecutedVersion", "$LATEST"),
}
DATA = {"input", "output", "parameters", "error"}  # the details of an event in which data can be


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("DetectFaces", "NoFaceFound"),
        ("SegmentCrop", "KeyError"),
        ("MergeMasks", "AccessDenied"),
        ("MergeMasks", "QueueFull"),
        ("GenerateImage", "TurnLost"),
        ("GenerateImage", "ContentBlocked"),
        ("ModeratePicture", "AccessDenied"),
        ("Finish", "KeyError"),
    ],
)
def test_the_history_holds_run_id_counts_numbers_and_error_names_only(engine, task, name):
    private = "andy_portrait_2.jpg"

    run = engine.run({task: [error(name, message=private)]}, crops=2, pictures=2, wall=True)

    details = [item for event in run.history for key, item in event.items() if key.endswith("EventDetails")]
    data = [{key: item for key, item in detail.items() if key in DATA} for detail in details]
    allowed = WORDS | DATA | {run.id, name} | set(engine.function_arns)
    assert set(strings_in([data, run.output, run.error])) <= allowed
    assert set(strings_in([call.payload for call in run.calls])) <= allowed
    assert run.cause is None
    told_by_lambda = [detail for detail in details if private in json.dumps(detail.get("cause", ""))]
    assert len(told_by_lambda) == 1
