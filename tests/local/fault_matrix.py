"""What goes wrong with which AWS call, and what a visitor then sees. `make faults` plays it (play_faults.py).

Rows are the calls that the template's policies allow: a function can make no other. Columns are faults at the wire
(`local/faults.py`). A cell is a whole visit, deletion or sweep through the whole application in which that call meets
that fault; `expected` names its outcome. Beside the table: each function killed at each of its calls.

Only the waits of the state machine's Retry are shorter here, by `WAITS_SCALED`. The clients' read timeouts are theirs.
"""

import contextlib
import fnmatch
import io
import json
import sys
import time
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "functions"))  # as in Lambda

from PIL import Image  # noqa: E402

from booth import limits  # noqa: E402
from booth.errors import (  # noqa: E402
    PhotoError,
    kind_of,
)
from booth.run import Status  # noqa: E402
from local.app import App  # noqa: E402
from local.iam import as_list  # noqa: E402
from tests.local.fault_scenes import (  # noqa: E402
    AFTER_THE_END,
    STEPS,
    Row,
    Trial,
    a_foreign_photo,
    a_photo_kept_for_another_try,
    a_visit,
    an_old_upload,
    an_overdue_run,
    no_face,
    scene_of,
)
from tests.support.booth import Booth  # noqa: E402

WAITS_SCALED = 0.1
PARAMETERS = {"Access": "token", "ModerationThreshold": "80", "PhotosPerDay": "100000", "PhotosPerMinute": "100000"}
"""With these every function makes all of its calls."""

# Read timeouts in seconds and the SDK's own tries of each service's clients: functions/booth.
CLIENTS = {
    "dynamodb": (2, 2),
    "s3": (8, 2),
    "states": (5, 3),
    "events": (5, 3),
    "ssm": (2, 2),
    "secretsmanager": (2, 2),
    "cloudfront": (5, 3),
    "rekognition": (5, 2),
    "sagemaker": (15, 1),
    "bedrock": (40, 1),
}
DOORS = ("Upload", "Photo", "DeletePhoto")


BROWSERS_PUT = Row("Upload", "s3:PutObject", "uploads")
"""The PUT through the presigned URL, which Upload has signed."""

# Allowed, but never a call of its own.
NO_CALL = {
    Row(function, "s3:ListBucket", "uploads"): "only lets S3 say 404 of a photo that is not there"
    for function in ("Upload", "Photo", "DeletePhoto", "Sweep", "DetectFaces")
}


def rows_of(stack) -> list[Row]:
    """Every call that the template's policies allow its functions, and the invocations by its state machine."""
    rows = {
        Row(function, action, _where(resource))
        for function, statements in stack.policies.items()
        for statement in statements
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    order = list(stack.functions)
    machine = json.dumps(stack.state_machines["PhotoMachine"].definition)
    names = [function.name for function in stack.functions.values() if f":{function.name}" in machine]
    return sorted(rows - NO_CALL.keys(), key=lambda row: (order.index(row.function), row)) + [
        Row("PhotoMachine", "lambda:InvokeFunction", name) for name in names
    ]


def _where(resource: str) -> str:
    if not resource.startswith("arn:aws:s3:::"):
        return ""
    bucket, _, key = resource.partition("/")
    if "uploads" in bucket:
        return "uploads"
    return f"results/{key.partition('/')[0]}" if key else "results"


# The faults

LASTING = ("throttled for long", "access denied")
CRASHES = ("killed before", "killed after")
FAULTS = ("throttled once", "throttled for long", "5xx", "reset", "read timeout", "access denied", "malformed")
FAULTS += ("cut short", "slow")


def fault_of(row: Row, name: str) -> dict | None:
    """The fault as `local.faults` wants it; None if the call can't meet it."""
    timeout, tries = CLIENTS.get(row.service, (0, 1))
    # The SDK itself notices that DynamoDB's answers don't fit their checksum, and that S3's XML is none.
    is_read_again = row.service in ("dynamodb", "s3") and not row.action.startswith("s3:GetObject")
    kinds = {
        "throttled once": {"kind": "throttled", "times": 1},
        "throttled for long": {"kind": "throttled"},
        # More often than the SDK tries by itself: the function's own caller has to try again.
        "5xx": {"kind": "broken", "times": tries + 1},
        "reset": {"kind": "reset", "times": tries + 1},
        "read timeout": {"kind": "hang", "times": tries},
        "access denied": {"kind": "denied"},
        "malformed": {"kind": "malformed", "times": tries if is_read_again else 1},
        "cut short": {"kind": "cut", "times": tries if is_read_again else 1},
        "slow": {"kind": "slow", "seconds": timeout - 0.5},
        "killed before": {"kind": "killed before", "times": 1},
        "killed after": {"kind": "killed after", "times": 1},
    }
    without_body = row.action == "s3:PutObject" or (row.action, row.where) == ("s3:GetObject", "uploads")  # HEAD
    if name in ("malformed", "cut short") and without_body:
        return None
    if row.service == "lambda" and name not in ("throttled once", "throttled for long", "5xx"):
        return None  # Step Functions' own client is not ours
    if row == BROWSERS_PUT and name in ("read timeout", "slow", *CRASHES):
        return None  # as long as the browser likes
    return kinds[name] | {"match": row.match}


# What is expected


def end_of(row: Row) -> str:
    """How a row's scene ends without a fault."""
    scene = scene_of(row)
    if scene.__name__.startswith("a_deletion"):
        return "DELETED"
    if scene in (an_overdue_run, *AFTER_THE_END):
        return "FAILED TimedOut"
    other = {an_old_upload: "gone", no_face: "FAILED NoFaceFound", a_photo_kept_for_another_try: "FAILED AccessDenied"}
    return other.get(scene, "SUCCEEDED")


def expected(row: Row, fault: str) -> str:
    """The outcome that a cell is to have."""
    scene, end = scene_of(row), end_of(row)
    lasts = fault in LASTING
    if row.function in DOORS:
        return _at_a_door(row, fault) + end
    if row.function == "Start" and lasts:
        return {a_foreign_photo: "by /photo, ", a_visit: "by sweep, "}.get(scene, "") + end
    if row.function == "Finish" and lasts and row.service == "dynamodb":
        return "by sweep, " + end
    if row.function == "PhotoMachine":
        return _of_an_invocation(row, fault)
    if row.function not in STEPS or scene in AFTER_THE_END:
        return end  # nobody sees it: who was disturbed tries again, or sweep does
    # Segment Anything is asked twice in all.
    if row.function == "SegmentCrop" and (lasts or (row.service == "sagemaker" and fault in ("5xx", "reset"))):
        return "SUCCEEDED by ellipse"
    if not lasts:
        return end
    if fault == "access denied":
        return "FAILED ModelsUnavailable" if row.service == "bedrock" else "FAILED AccessDenied"
    if row.service == "bedrock":
        return "FAILED TimedOut"  # it is asked again until the picture's minute is over
    return "FAILED Throttled"


def _at_a_door(row: Row, fault: str) -> str:
    """What a visitor is told before it goes right, on asking again."""
    if fault in CRASHES:
        return "500, "
    if row == BROWSERS_PUT:
        codes = {"access denied": [403], "5xx": [500] * 3, "reset": ["without an answer"] * 3}
        return "".join(f"PUT {code}, " for code in codes.get(fault, [503]))
    if fault in ("throttled once", "slow"):
        return ""
    if row.function == "DeletePhoto" and row.service == "ssm":
        return ""  # as long as the CDN's id is not known, sweep tells it
    if row.service == "cloudfront" and fault != "access denied":
        return ""  # what it was not told, sweep tells it
    if row.service in ("ssm", "secretsmanager"):
        return "503 ServiceUnavailable, "
    if fault == "throttled for long" and row.action == "s3:GetObject":
        return "503 ServiceUnavailable, "  # a HEAD's answer has no words, and 503 is both
    told = {"throttled for long": "503 Throttled, ", "access denied": "500 InternalError, "}
    return told.get(fault, "503 ServiceUnavailable, ")


def _of_an_invocation(row: Row, fault: str) -> str:
    """Of Lambda's refusals and failures, which the state machine sees."""
    step = row.where.rpartition("-")[2]
    if fault == "throttled once" or (fault == "5xx" and step != "segmentcrop"):
        return "SUCCEEDED"
    return {"finish": "by sweep, SUCCEEDED", "segmentcrop": "SUCCEEDED by ellipse"}.get(
        step, "FAILED ServiceUnavailable"
    )


# A cell


@dataclass(frozen=True)
class Cell:
    """A fault at a call. Of a crash also at the how-manieth call of its kind, from 1."""

    row: Row
    fault: str
    nth: int = 1


def play(booth: Booth, cell: Cell) -> str:
    """Plays a cell to its end; gives the outcome, or what is wrong with it."""
    fault = (fault_of(cell.row, cell.fault) or {}) | {"skip": cell.nth - 1}
    trial = Trial(booth, cell.row, fault, pictures=1 if cell.fault in CRASHES else 3)
    with in_order(booth):
        try:
            scene_of(cell.row)(trial)
            trial.disarm()
            return conclude(trial)
        except AssertionError as wrong:
            return f"WRONG: {wrong} ({traceback.extract_tb(wrong.__traceback__)[1].name})"
        except Exception:
            return "WRONG: " + traceback.format_exc(limit=-3)


@contextlib.contextmanager
def in_order(booth: Booth) -> Iterator[None]:
    """Canned answers, no fault and no lost event, before and afterwards."""

    def reset() -> None:
        booth.app.drop_events = False
        booth.app.fail()
        booth.stand_in("rekognition", canned={"faces": 1})
        booth.stand_in("sagemaker", canned={})
        booth.stand_in("bedrock", canned={})
        booth.forget_pace()

    reset()
    try:
        yield
    finally:
        reset()


def conclude(trial: Trial) -> str:
    """Looks at everything that a visit leaves, now and after the last look of sweep; gives the outcome.

    Raises AssertionError.
    """
    booth, record = trial.booth, trial.record
    if not record:
        assert not booth.versions(trial.uploaded), "an upload is left"
        return ", ".join([*trial.notes, "gone"])
    status, error = record["status"], record.get("error", "")
    pictures = record.get("pictures", {}).values()
    done = {each["key"] for each in pictures if each["state"] == "DONE"}
    shown = done | {record["original"]} if record.get("original") else done
    if status != Status.DELETED:
        assert record["ended"] <= record["deadline"], f"{record['ended'] - record['deadline']} ms late"
        assert (status == "SUCCEEDED") == (len(done) == len(pictures) > 0), record
        assert error == trial.blamed or not issubclass(kind_of(error), PhotoError), f"the visitor is blamed: {error}"
    if status == "FAILED" and error != trial.blamed and time.time() < int(record["ended"]) / 1000 + 3000:
        assert booth.versions(trial.uploaded), "the photo is lost"
    take_last_look(trial)
    assert not booth.versions(trial.uploaded), "an upload is left"
    assert not booth.results(f"work/{trial.run}/"), "work files are left"
    lies_there = {*booth.results(trial.uploaded["Key"]), *booth.results(f"photo/photo_{record['picture_id']}_")}
    assert lies_there == shown, f"published {shown}, there {lies_there}"
    for key in shown:
        data = booth.s3.get_object(Bucket=booth.app.results_bucket, Key=key)["Body"].read()
        Image.open(io.BytesIO(data)).load()
    outcome = f"{status} {error}".strip() + (" by ellipse" if record.get("faces_by_ellipse") else "")
    return ", ".join([*trial.notes, outcome])


def take_last_look(trial: Trial) -> None:
    """An hour later sweep closes the run."""
    for _ in range(6):
        with contextlib.suppress(trial.booth.table.exceptions.ClientError, KeyError):  # it may be closed in between
            trial.age_to("ended", limits.TRY_AGAIN_SECONDS)
            trial.age_to("due", 0)
        trial.sweep()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if "open" not in trial.record:
                return
            time.sleep(0.1)
    raise AssertionError("sweep does not close the run")


@contextlib.contextmanager
def short_waits() -> Iterator[None]:
    """The state machine's waits before a retry are shorter; how long they would be is drawn as ever."""
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl

    before = retrier_decl.time
    retrier_decl.time = types.SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * WAITS_SCALED))
    try:
        yield
    finally:
        retrier_decl.time = before


@contextlib.contextmanager
def whole_application() -> Iterator[Booth]:
    """The application in which all calls happen."""
    with short_waits(), App(port=0, parameters=PARAMETERS) as app:
        yield signed_in(Booth(app))


def signed_in(booth: Booth) -> Booth:
    """With the booth's token."""
    [secret] = booth.app.stack.secrets.values()
    tokens = booth.app.client("secretsmanager").get_secret_value(SecretId=secret.name)["SecretString"]
    booth.token = json.loads(tokens)["booth"]
    return booth


# All cells


def look(booth: Booth, row: Row) -> dict[str, int]:
    """Plays the scene of a row without a fault; how often what was called."""
    trial = Trial(booth, row, None, pictures=1)
    with in_order(booth):
        scene_of(row)(trial)
        trial.disarm()
        conclude(trial)
    return trial.calls


def crashes(rows: list[Row], calls: dict[str, int]) -> list[Cell]:
    """Each call of these rows that their scene makes, killed before and after it."""
    cells = []
    for row in rows:
        times = sum(times for line, times in calls.items() if fnmatch.fnmatchcase(line, row.match))
        if row.function == "Sweep" and row.action in ("dynamodb:Query", "s3:GetObject", "states:StartExecution"):
            times = 1  # sweeps repeat them as long as they wait, and two may be at work
        cells += [Cell(row, fault, nth) for nth in range(1, times + 1) for fault in CRASHES if fault_of(row, fault)]
    return cells
