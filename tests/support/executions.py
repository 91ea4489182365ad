"""Executions of the state machine in which everything happens that it is made for, by what its functions answer."""

from itertools import cycle, islice

from tests.support.engine import HANG, change, failing, ok, read_application, tasks_of
from tests.support.traces import Recorder, Recording

[MACHINE] = read_application().state_machines.values()
TASKS = tasks_of(MACHINE.definition["States"])
STEPS = [name for name in TASKS if name != "AdmitAgain"]  # each by the function of its name
RETRIED = dict.fromkeys(name for task in TASKS.values() for rule in task["Retry"] for name in rule["ErrorEquals"])


def names_of(rule):
    """The errors that a retrier is for."""
    return ["KeyError" if name == "States.ALL" else name for name in rule["ErrorEquals"]]


def used_up(task, retrier):
    """A script in which the Task fails until this retrier of its Retry is used up."""
    rule = TASKS[task]["Retry"][retrier]
    failures = [failing(name) for name in islice(cycle(names_of(rule)), 1 + rule["MaxAttempts"])]
    if task == "AdmitAgain":
        return {"GenerateImage": [failing("TurnLost")], "Admit": failures}
    return {task: failures}


def almost_used_up(task):
    """The Task's failures up to the last one that all its retriers allow, the rules by turns."""
    left = [[failing(names_of(rule)[0])] * rule["MaxAttempts"] for rule in TASKS[task]["Retry"]]
    return [failures.pop() for _ in range(max(map(len, left))) for failures in left if failures]


def once(name):
    """A script in which each Task fails once with this error, if it is retried; AdmitAgain too."""
    failing_steps = [step for step in STEPS if any(name in rule["ErrorEquals"] for rule in TASKS[step]["Retry"])]
    script = {step: [failing(name)] for step in failing_steps}
    if any(name in rule["ErrorEquals"] for rule in TASKS["AdmitAgain"]["Retry"]) and "GenerateImage" in script:
        script["GenerateImage"] = [failing(name), failing("TurnLost")]
        script["Admit"] = [failing(name)]
    return script


def turns(*waits):
    """MergeMasks' answer, or AdmitAgain's: for pictures in order, from the first number, the seconds to wait."""
    return ok({"turns": [{"picture": number, "wait": wait} for number, wait in waits], "at_once": 1})


TWO_TURNS = turns((1, 0), (2, 3))
# By name: what the functions answer (`tests.support.engine.Run.script`), and the photo.
SCRIPTS = {
    "all is well": ({}, {"crops": 3, "pictures": 3}),
    "all is well, and for the wall": ({}, {"pictures": 2, "wall": True}),
    "nothing is cut out": ({}, {"crops": 0}),
    "every retry": ({step: almost_used_up(step) for step in STEPS}, {"wall": True}),
    **{
        f"{task}'s rule {number} is used up": (used_up(task, number), {"wall": task == "ModeratePicture"})
        for task, state in TASKS.items()
        for number in range(len(state["Retry"]))
    },
    **{f"{name}, once in each step": (once(name), {"wall": True}) for name in RETRIED if name != "States.ALL"},
    **{
        f"{step} fails for good": ({step: [failing("AccessDenied")]}, {"wall": step == "ModeratePicture"})
        for step in STEPS
    },
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
            "MergeMasks": [TWO_TURNS],
            "Admit": [turns((1, 2)), turns((1, 1))],
            "GenerateImage": [failing("TurnLost"), failing("Throttled"), failing("TurnLate")],
        },
        {"pictures": 2},
    ),
    "not admitted again": (
        {"GenerateImage": [failing("TurnLost")], "MergeMasks": [TWO_TURNS], "Admit": [failing("QueueFull")]},
        {},
    ),
    **{
        f"Finish says {status}": ({"Finish": [ok({"status": status, "error": "None"})]}, {})
        for status in ("PARTIAL", "FAILED", "what nobody knows")
    },
}
CROPS, PICTURES = ("States", "SegmentCrops"), ("States", "GenerateImages")
CROP, PICTURE = ((*of, "ItemProcessor", "States") for of in (CROPS, PICTURES))
# The same with a definition that is changed: Tasks that give no answer within a second, Maps that fail.
CHANGED = {
    "steps hang": (
        {"SegmentCrop": [HANG], "GenerateImage": [HANG], "Finish": [HANG]},
        change(*CROP, "SegmentCrop", TimeoutSeconds=1),
        change(*PICTURE, "GenerateImage", TimeoutSeconds=1),
        change("States", "Finish", TimeoutSeconds=1),
    ),
    "the first step hangs": ({"DetectFaces": [HANG]}, change("States", "DetectFaces", TimeoutSeconds=1)),
    "the crops' Map fails": (
        {"SegmentCrop": [failing("KeyError")]},
        change(*CROP, "SegmentCrop", remove=["Catch"]),
        change(*CROP, remove=["KeepTheEllipses"]),
    ),
    "the pictures' Map fails": (
        {"GenerateImage": [failing("TurnLost")], "Admit": [failing("KeyError")]},
        change(*PICTURE, "AdmitAgain", remove=["Catch"]),
    ),
}


def record_all() -> dict[str, Recording]:
    """By name, recorded in moto's interpreter."""
    with Recorder() as recorder:
        recorded = {name: recorder.record(script, **photo) for name, (script, photo) in SCRIPTS.items()}
        recorded |= {name: recorder.record(script, *changes) for name, (script, *changes) in CHANGED.items()}
    return recorded
