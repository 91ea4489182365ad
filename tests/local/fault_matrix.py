"""What goes wrong with which AWS call, and what a visitor then sees: `make faults`.

Rows are the calls that the template's policies allow: a function can make no other. Columns are faults at the wire
(`local/faults.py`). A cell is a whole visit, deletion or sweep through the whole application in which that call meets
that fault; `expected` names its outcome. Beside the table: each function killed at each of its calls.

Only the waits of the state machine's Retry are shorter here, by `WAITS_SCALED`. The clients' read timeouts are theirs.
"""

import argparse
import contextlib
import fnmatch
import io
import json
import multiprocessing
import sys
import time
import traceback
import types
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "functions"))  # as in Lambda

from PIL import Image  # noqa: E402

from booth import limits, scenes  # noqa: E402
from booth.errors import PhotoError, kind_of  # noqa: E402
from booth.store import DELETED, ENDED  # noqa: E402
from local.app import App  # noqa: E402
from local.iam import as_list  # noqa: E402
from tests.local.conftest import Booth  # noqa: E402

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
STEPS = ("DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "GenerateImage")


@dataclass(frozen=True, order=True)
class Row:
    """A call: the function (logical id), the action, and for S3 the bucket and folder, for Lambda the function."""

    function: str
    action: str
    where: str = ""

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]

    @property
    def match(self) -> str:
        """As `local.faults` wants it."""
        return f"{self.function} {self.action} *{self.where.replace('/', '*/')}*"


BROWSERS_PUT = Row("Upload", "s3:PutObject", "uploads")
"""The PUT through the presigned URL, which Upload has signed."""

# Allowed, but never a call of its own.
NO_CALL = {
    Row(function, "s3:ListBucket", "uploads"): "only lets S3 say 404 of a photo that is not there"
    for function in ("Upload", "Photo", "DeletePhoto", "Sweep")
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
    order = [*stack.functions, "PhotoMachine"]
    steps = [Row("PhotoMachine", "lambda:InvokeFunction", stack.functions[each].name) for each in (*STEPS, "Finish")]
    return sorted(rows - NO_CALL.keys(), key=lambda row: (order.index(row.function), row)) + steps


def _where(resource: str) -> str:
    if not resource.startswith("arn:aws:s3:::"):
        return ""
    bucket, _, key = resource.partition("/")
    if "uploads" in bucket:
        return "uploads"
    return f"results/{key.partition('/')[0]}" if key else "results"


# The faults

PASSING = ("throttled once", "5xx", "reset", "read timeout", "malformed", "cut short", "slow")
LASTING = ("throttled for long", "access denied")
CRASHES = ("killed before", "killed after")
FAULTS = ("throttled once", "throttled for long", "5xx", "reset", "read timeout", "access denied", "malformed")
FAULTS += ("cut short", "slow")


def fault_of(row: Row, name: str) -> dict | None:
    """The fault as `local.faults` wants it; None if the call can't meet it."""
    timeout, tries = CLIENTS.get(row.service, (0, 1))
    is_xml = row.service == "s3" and not row.action.startswith("s3:GetObject")
    kinds = {
        "throttled once": {"kind": "throttled", "times": 1},
        "throttled for long": {"kind": "throttled"},
        # More often than the SDK tries by itself: the function's own caller has to try again.
        "5xx": {"kind": "broken", "times": tries + 1},
        "reset": {"kind": "reset", "times": tries + 1},
        "read timeout": {"kind": "hang", "times": tries},
        "access denied": {"kind": "denied"},
        # The SDK itself tries again what it finds malformed: JSON of DynamoDB by its checksum, XML of S3.
        "malformed": {"kind": "malformed", "times": tries if row.service == "dynamodb" or is_xml else 1},
        "cut short": {"kind": "cut", "times": 1},
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


# The scenes


class Trial:
    """One visit with one fault. `notes` is what happened on the way that the visitor or an operator saw."""

    def __init__(self, booth: Booth, row: Row, fault: dict | None, pictures: int = 3):
        self.booth = booth
        self.row = row
        self.fault = fault
        self.pictures = pictures
        self.notes: list[str] = []
        self.uploaded: dict[str, str] = {}
        self.run = ""
        self.blamed = ""
        """Name of the error that the photo itself deserves."""
        self.calls: dict[str, int] = {}
        """What was called while the fault could happen."""
        self._is_armed = False
        self._swept = False

    # The fault

    def arm(self, *before: dict) -> None:
        """From here on the fault happens. `before` it others, which the scene needs."""
        if self.row.service in ("ssm", "secretsmanager"):
            self.booth.app.restart(self.row.function)  # what they answer is kept while a function is warm
        self._is_armed = self.fault is not None
        self.booth.app.fail(*before, *([self.fault] if self.fault else []))

    def was_met(self) -> bool:
        """Whether the fault has struck."""
        return f"{self.fault['kind']} {self.fault['match']}" in self.booth.app.failed()["struck"]

    def heal(self) -> None:
        """A fault that lasts is over."""
        if self.fault and self.fault.get("times") is None and self.fault["kind"] != "slow":
            self.disarm()

    def disarm(self) -> None:
        """No fault happens any more. Raises AssertionError if this one never did."""
        if self._is_armed:
            await_true(self.was_met, 10)
        self._is_armed = False
        self.calls = self.calls or self.booth.app.failed()["calls"]
        self.booth.app.fail()

    def await_strike(self) -> None:
        """Waits until the fault was met; one that lasts is over a little later."""
        await_true(self.was_met)
        time.sleep(0.5)
        self.heal()

    # The visitor

    def insist(self, call: Callable[[], tuple[int, dict]]) -> tuple[int, dict]:
        """Calls the API, and again as long as it says that the fault is its own."""
        for _ in range(4):
            status, answer = call()
            if status < 500:
                return status, answer
            self.notes.append(f"{status} {answer.get('error', {}).get('code', '')}".strip())
            self.heal()
        raise AssertionError(f"asked four times: {self.notes}")

    def upload(self) -> None:
        """POST /upload and the PUT, each again if it fails."""
        request = {"type": "photo", "filename": f"{uuid.uuid4().hex}.jpg", "contentType": "image/jpeg"}
        request["scenes"] = SCENE_IDS[: self.pictures]

        def post() -> tuple[int, dict]:
            status, _, envelope = self.booth.post("/upload", request)
            return status, json.loads(envelope["body"]) if "body" in envelope else {}

        status, self.uploaded = self.insist(post)
        assert status == 200, self.uploaded
        for _ in range(4):
            try:
                status = self.booth.put(self.uploaded, PHOTO)
            except OSError:
                status = "without an answer"
            if status == 200:
                return
            self.notes.append(f"PUT {status}")
            self.heal()
        raise AssertionError("the photo can't be put")

    def put_directly(self) -> None:
        """As another of the operator's systems puts a photo."""
        self.uploaded = {"Bucket": self.booth.app.uploads_bucket, "Key": f"photo/{uuid.uuid4().hex}.jpg"}
        self.booth.s3.put_object(**self.uploaded, Body=PHOTO)

    def ask(self, request_id: str) -> int:
        """POST /photo once, and again if it fails; gives the status."""
        return self.insist(lambda: self.booth.ask(self.uploaded, request_id))[0]

    def delete(self) -> None:
        """DELETE /photo, and again if it fails."""
        place = {"bucket": self.uploaded["Bucket"], "key": self.uploaded["Key"]}
        request_id = str(uuid.uuid4())
        status, answer = self.insist(lambda: self.booth.delete(request_id, **place))
        assert status == 200, answer

    # The other side

    @property
    def record(self) -> dict:
        """The run's record; {} as long as there is none."""
        if not self.run:
            found = self.booth.record(self.uploaded)
            self.run = found["run"] if found else ""
        return self.booth.record_of(self.run) if self.run else {}

    @property
    def execution(self) -> str:
        """Step Functions' status of the run's execution; empty if it was never started."""
        arn = self.booth.machine.replace(":stateMachine:", ":execution:") + f":{self.run}"
        try:
            return self.booth.steps.describe_execution(executionArn=arn)["status"]
        except self.booth.steps.exceptions.ExecutionDoesNotExist:
            return ""

    def expire(self, in_seconds: int) -> None:
        """Lets the run's record expire then."""
        self.booth.table.update_item(
            TableName=self.booth.table_name,
            Key={"pk": {"S": f"run#{self.run}"}},
            UpdateExpression="SET expires = :then",
            ExpressionAttributeValues={":then": {"N": str(int(time.time()) + in_seconds)}},
        )

    def age_to(self, since: str, seconds: float) -> None:
        """Makes the run so old that now is `seconds` after the moment `since` of its record."""
        passed = time.time() - int(self.record[since]) / 1000
        self.booth.age(self.uploaded, round(seconds - passed))

    def sweep(self) -> None:
        """The schedule, on purpose."""
        self._swept = True
        self.booth.sweep()

    def sweep_with_fault(self) -> None:
        """Sweeps meet the fault, and one more comes after it."""
        self.sweep()
        if self.fault:
            self.await_strike()
            self.sweep()

    def await_end(self) -> dict:
        """Waits until the run has ended, unless somebody must look first: then sweep does. Nobody polls."""
        until, idle_since = time.monotonic() + 150, time.monotonic()
        while (record := self.record).get("status") not in ENDED:
            assert time.monotonic() < until, f"HANGS: {record.get('status')} in {record.get('step')}"
            execution = self.execution
            if execution == "RUNNING" or self.booth.app.busy("Start"):
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > (1 if execution else 8):  # an event is tried again after 2 s and 4 s
                if not self._swept:
                    self.notes.append("by sweep")
                self.booth.age(self.uploaded, limits.CHECK_SECONDS if execution else limits.FIRST_LOOK_SECONDS)
                self.sweep()
                idle_since = time.monotonic() + 20
            time.sleep(0.15)
        return record

    def await_step(self, step: str) -> None:
        await_true(lambda: self.record.get("step") == step)


def await_true(condition: Callable[[], object], seconds: float = 60) -> None:
    """Waits for a condition. Raises AssertionError."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited in vain for {condition}"
        time.sleep(0.05)


def _photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "silver").save(out, "JPEG")
    return out.getvalue()


PHOTO = _photo()
SCENE_IDS = [scene.id for scene in scenes.chosen(())]


def a_visit(trial: Trial) -> None:
    """As documented: upload, event, pictures; nobody polls."""
    trial.arm()
    trial.upload()
    trial.await_end()


def a_lost_event(trial: Trial) -> None:
    """The first /photo starts the run; a later one shows the result."""
    trial.booth.app.drop_events = True
    trial.upload()
    trial.arm()
    request_id = str(uuid.uuid4())
    trial.ask(request_id)
    trial.await_end()
    trial.ask(request_id)


def a_foreign_photo(trial: Trial) -> None:
    """Another system PUTs a photo without /upload. If its event is lost, somebody asks for it."""
    trial.arm()
    trial.put_directly()
    idle_since = time.monotonic()
    while not trial.record and time.monotonic() - idle_since < 8:
        if trial.booth.app.busy("Start"):
            idle_since = time.monotonic()
        time.sleep(0.1)
    if not trial.record:
        trial.notes.append("by /photo")
        trial.ask(str(uuid.uuid4()))
    trial.await_end()


def a_used_key(trial: Trial) -> None:
    """A photo under a Key whose record has expired: it is dropped."""
    trial.put_directly()
    trial.await_end()
    trial.booth.app.drop_events = True
    trial.expire(in_seconds=-1)
    trial.booth.s3.put_object(**trial.uploaded, Body=PHOTO)
    trial.arm()
    assert trial.ask(str(uuid.uuid4())) == 404
    trial.expire(in_seconds=3600)


def no_face(trial: Trial) -> None:
    """A photo without a face: nothing of it is left."""
    trial.booth.stand_in("rekognition", canned={"faces": 0})
    trial.blamed = "NoFaceFound"
    trial.arm()
    trial.upload()
    trial.await_end()


def a_url_used_again(trial: Trial) -> None:
    """A second photo through the same URL, after the end: its event deletes it, or the last look."""
    trial.upload()
    trial.await_end()
    trial.arm()
    assert trial.booth.put(trial.uploaded, PHOTO) == 200
    if trial.fault:
        trial.await_strike()


def an_end_during(function: str, call: str) -> Callable[[Trial], None]:
    """The run's time is over while a step is at a slow call: what the step writes then, it takes back."""

    def scene(trial: Trial) -> None:
        trial.pictures = 1
        trial.arm({"kind": "slow", "match": f"{function} {call}", "times": 2, "seconds": 7})
        trial.upload()
        await_true(lambda: trial.booth.app.failed()["struck"])
        trial.age_to("claimed", limits.STOP_SECONDS)
        trial.sweep()
        trial.await_end()
        await_true(lambda: not trial.booth.app.busy(function))

    return scene


def an_event_that_sweep_makes_up_for(trial: Trial) -> None:
    """The event is lost and nobody polls."""
    trial.booth.app.drop_events = True
    trial.upload()
    trial.booth.age(trial.uploaded, limits.FIRST_LOOK_SECONDS)
    trial.arm()
    trial.sweep_with_fault()
    trial.await_end()


def a_slow_run(trial: Trial) -> None:
    """Sweep asks whether the execution is alive."""
    trial.booth.stand_in("bedrock", canned={}, latency=5)
    trial.upload()
    trial.await_step("generate")
    trial.booth.age(trial.uploaded, limits.CHECK_SECONDS)
    trial.arm()
    trial.sweep_with_fault()
    trial.await_end()


def an_overdue_run(trial: Trial) -> None:
    """Sweep settles the run and stops its execution."""
    trial.booth.stand_in("bedrock", canned={}, latency=8)
    trial.upload()
    trial.await_step("generate")
    trial.arm()
    trial.age_to("claimed", limits.STOP_SECONDS)
    trial.sweep_with_fault()
    trial.await_end()
    await_true(lambda: not trial.booth.app.busy("GenerateImage"))


def a_photo_kept_for_another_try(trial: Trial) -> None:
    """An hour after a run that failed, sweep deletes its upload."""
    trial.booth.app.fail({"kind": "denied", "match": "DetectFaces rekognition:*"})
    trial.upload()
    trial.await_end()
    trial.arm()
    trial.age_to("ended", limits.TRY_AGAIN_SECONDS)
    trial.sweep_with_fault()


def a_deletion(trial: Trial) -> None:
    """After the end."""
    trial.upload()
    trial.await_end()
    trial.arm()
    trial.delete()


def a_deletion_at_work(trial: Trial) -> None:
    """While pictures are painted."""
    trial.booth.stand_in("bedrock", canned={}, latency=6)
    trial.upload()
    trial.await_step("generate")
    trial.arm()
    trial.delete()
    await_true(lambda: not trial.booth.app.busy("GenerateImage"))


def a_deletion_of_a_foreign_photo(trial: Trial) -> None:
    """One that was put without /upload and that nobody knows yet."""
    trial.booth.app.drop_events = True
    trial.put_directly()
    trial.arm()
    trial.delete()


def a_deletion_that_broke_off(trial: Trial) -> None:
    """DeletePhoto was killed; sweep goes on."""
    trial.upload()
    trial.await_end()
    trial.booth.app.fail({"kind": "killed before", "match": "DeletePhoto s3:ListBucketVersions *", "times": 1})
    place = {"bucket": trial.uploaded["Bucket"], "key": trial.uploaded["Key"]}
    assert trial.booth.delete(str(uuid.uuid4()), **place)[0] == 500
    trial.arm()
    trial.booth.age(trial.uploaded, limits.DELETE_SECONDS)
    trial.sweep_with_fault()


def an_old_upload(trial: Trial) -> None:
    """A photo that the application was never told of is a day old."""
    from moto.s3.models import s3_backends

    trial.booth.app.drop_events = True
    trial.put_directly()
    bucket, key = trial.uploaded.values()
    for version in s3_backends["123456789012"]["aws"].buckets[bucket].keys.getlist(key):
        version.last_modified -= timedelta(seconds=limits.UPLOAD_SECONDS + 1)
    trial.arm()
    trial.booth.app.invoke("Purge", {})
    if trial.fault:
        trial.await_strike()
        trial.booth.app.invoke("Purge", {})
    await_true(lambda: not trial.booth.versions(trial.uploaded))


SCENES: list[tuple[str, Callable[[Trial], None]]] = [
    ("Upload *", a_visit),
    ("Start dynamodb:PutItem *", a_foreign_photo),
    ("Start s3:DeleteObjectVersion *", a_url_used_again),
    ("Start *", a_visit),
    ("DetectFaces s3:DeleteObject *", an_end_during("DetectFaces", "s3:PutObject */photo/*")),
    ("DetectFaces s3:ListBucket *", an_end_during("DetectFaces", "s3:PutObject */photo/*")),
    ("CropFaces s3:DeleteObject *", an_end_during("CropFaces", "s3:PutObject *")),
    ("CropFaces s3:ListBucket *", an_end_during("CropFaces", "s3:PutObject *")),
    ("SegmentCrop s3:DeleteObject *", an_end_during("SegmentCrop", "sagemaker:*")),
    ("SegmentCrop s3:ListBucket *", an_end_during("SegmentCrop", "sagemaker:*")),
    ("MergeMasks s3:DeleteObject *", an_end_during("MergeMasks", "s3:PutObject *")),
    ("MergeMasks s3:ListBucket *", an_end_during("MergeMasks", "s3:PutObject *")),
    ("GenerateImage s3:DeleteObject *", an_end_during("GenerateImage", "bedrock:*")),
    ("GenerateImage dynamodb:GetItem *", an_end_during("GenerateImage", "bedrock:*")),
    *((f"{step} *", a_visit) for step in STEPS),
    ("Finish s3:DeleteObject results/photo", no_face),
    ("Finish *", a_visit),
    ("PhotoMachine *", a_visit),
    ("Photo s3:DeleteObjectVersion *", a_used_key),
    ("Photo *", a_lost_event),
    ("DeletePhoto s3:GetObject *", a_deletion_of_a_foreign_photo),
    ("DeletePhoto s3:DeleteObjectVersion *", a_deletion_at_work),
    ("DeletePhoto s3:DeleteObject results/work", a_deletion_at_work),
    ("DeletePhoto states:*", a_deletion_at_work),
    ("DeletePhoto *", a_deletion),
    ("Sweep s3:GetObject *", an_event_that_sweep_makes_up_for),
    ("Sweep states:StartExecution *", an_event_that_sweep_makes_up_for),
    ("Sweep states:DescribeExecution *", a_slow_run),
    ("Sweep s3:DeleteObjectVersion *", a_photo_kept_for_another_try),
    ("Sweep s3:ListBucketVersions *", a_photo_kept_for_another_try),
    ("Sweep ssm:*", a_deletion_that_broke_off),
    ("Sweep cloudfront:*", a_deletion_that_broke_off),
    ("Sweep *", an_overdue_run),
    ("Purge *", an_old_upload),
]
"""Where each call is met, by "function action where"; the first that matches."""


def scene_of(row: Row) -> Callable[[Trial], None]:
    """Raises LookupError for a call that nobody thought of."""
    for pattern, scene in SCENES:
        if fnmatch.fnmatchcase(f"{row.function} {row.action} {row.where}", pattern):
            return scene
    raise LookupError(f"no scene in which {row} is called")


# What is expected


def expected(row: Row, fault: str) -> str:
    """The outcome that a cell is to have."""
    scene = scene_of(row)
    lasts = fault in LASTING
    error = {"throttled for long": "Throttled", "access denied": "AccessDenied"}.get(fault, "ServiceUnavailable")
    end = "SUCCEEDED"
    if scene is a_deletion or scene.__name__.startswith("a_deletion"):
        end = "DELETED"
    elif scene is an_old_upload:
        end = "gone"
    elif scene is no_face:
        end = "FAILED NoFaceFound"
    elif scene in (an_overdue_run,) or scene.__name__ == "scene":
        end = "FAILED TimedOut"
    elif scene is a_photo_kept_for_another_try:
        end = "FAILED AccessDenied"
    if row.function in DOORS:
        return _at_a_door(row, fault) + end
    if row.function == "Start" and lasts:
        return {a_foreign_photo: "by /photo, ", a_visit: "by sweep, "}.get(scene, "") + end
    if row.function == "Finish" and lasts and row.service == "dynamodb":
        return "by sweep, " + end
    if scene is not a_visit or row.function in ("Start", "Finish"):
        return end
    if row.function == "PhotoMachine":
        return _of_an_invocation(row, fault)
    is_last_try = lasts or (row.service == "sagemaker" and fault in ("5xx", "reset"))
    if row.function == "SegmentCrop":
        return "SUCCEEDED by ellipse" if is_last_try else end
    if lasts and row.service == "bedrock" and fault == "access denied":
        return "FAILED ModelsUnavailable"
    return f"FAILED {error}" if lasts else end


def _at_a_door(row: Row, fault: str) -> str:
    """What a visitor is told before it goes right, on asking again."""
    if fault in CRASHES:
        return "500, "
    if row == BROWSERS_PUT:
        codes = {"access denied": [403], "5xx": [500] * 3, "reset": ["without an answer"] * 3}
        return "".join(f"PUT {code}, " for code in codes.get(fault, [503]))
    if fault in ("throttled once", "slow"):
        return ""
    if row.service in ("ssm", "secretsmanager"):
        return "503 ServiceUnavailable, "
    told = {"throttled for long": "503 Throttled, ", "access denied": "500 InternalError, "}
    return told.get(fault, "503 ServiceUnavailable, ")


def _of_an_invocation(row: Row, fault: str) -> str:
    if fault == "throttled once" or (row.where.endswith("finish") and fault == "5xx"):
        return "SUCCEEDED"
    if row.where.endswith("finish"):
        return "by sweep, SUCCEEDED"
    return "SUCCEEDED"


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
    if status != DELETED:
        seconds = int(record["ended"] - record["claimed"]) / 1000
        assert seconds <= limits.RUN_SECONDS, f"the run took {seconds:.0f} s"
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
    await_true(lambda: trial.execution != "RUNNING" and not trial.booth.app.busy("Finish"))  # it may still be cleaning
    for _ in range(6):
        if "due" in trial.record:
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


def crashes(booth: Booth, rows: list[Row]) -> list[Cell]:
    """Each call that a scene makes of a row's kind, killed before and after: as many as it makes without a fault."""
    cells = []
    made = {}
    for row in rows:
        scene = scene_of(row)
        if row.service == "lambda" or fault_of(row, CRASHES[0]) is None:
            continue
        if scene not in made:
            trial = Trial(booth, row, None, pictures=1)
            with in_order(booth):
                scene(trial)
                trial.disarm()
                made[scene] = trial.calls
                conclude(trial)
        times = sum(times for line, times in made[scene].items() if fnmatch.fnmatchcase(line, row.match))
        if row.action == "dynamodb:Query":
            times = 1  # sweep repeats it as long as it waits
        cells += [Cell(row, fault, nth) for fault in CRASHES for nth in range(1, times + 1)]
    return cells


def lane(tasks: multiprocessing.Queue, results: multiprocessing.Queue) -> None:
    """Plays cells in an application of its own."""
    with whole_application() as booth:
        while (cell := tasks.get()) is not None:
            started = time.monotonic()
            outcome = play(booth, cell)
            results.put((cell, outcome, time.monotonic() - started))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, default=4, help="applications that play at the same time (4)")
    parser.add_argument("--only", default="*", help="the rows that this matches: 'Photo *' (the table is not written)")
    parser.add_argument("--faults", default="*", help="the faults that this matches: 'slow'")
    parser.add_argument("--no-crashes", action="store_true")
    arguments = parser.parse_args()
    print("Looking what each scene calls ...", flush=True)
    with whole_application() as booth:
        rows = [
            row
            for row in rows_of(booth.app.stack)
            if fnmatch.fnmatchcase(f"{row.function} {row.action} {row.where}", arguments.only)
        ]
        cells = [Cell(row, fault) for row in rows for fault in FAULTS if fault_of(row, fault)]
        if not arguments.no_crashes:
            cells += crashes(booth, rows)
    cells = [cell for cell in cells if fnmatch.fnmatchcase(cell.fault, arguments.faults)]
    context = multiprocessing.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    lanes = [context.Process(target=lane, args=(tasks, results)) for _ in range(min(arguments.lanes, len(cells)))]
    # The longest first: reads that time out.
    for cell in sorted(cells, key=lambda cell: cell.fault not in ("read timeout", "slow")):
        tasks.put(cell)
    for each in lanes:
        tasks.put(None)
        each.start()
    outcomes, wrong = {}, 0
    for number in range(1, len(cells) + 1):
        cell, outcome, seconds = results.get()
        outcomes[cell] = outcome
        right = outcome == expected(cell.row, cell.fault)
        wrong += not right
        print(
            f"{number:4} of {len(cells)}  {'ok   ' if right else 'WRONG'} {seconds:4.0f} s  {cell.row.function} "
            f"{cell.row.action} {cell.row.where} | {cell.fault} {cell.nth} | {outcome}"
            + ("" if right else f" | expected: {expected(cell.row, cell.fault)}"),
            flush=True,
        )
    for each in lanes:
        each.join()
    print(f"{len(cells)} cells, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
