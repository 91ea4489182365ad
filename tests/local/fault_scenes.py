"""Where each AWS call is met: visits, deletions, sweeps, and what a visitor and an operator do in them."""

import fnmatch
import io
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from PIL import Image

from booth import limits, scenes
from booth.run import ENDED
from tests.support.booth import Booth
from tests.support.waiting import await_true

STEPS = ("DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "Admit", "GenerateImage")


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
        is_copied = self.row.service == "ssm" and self.row.function != "Sweep"
        if is_copied:  # into the table by sweep, where it would be found
            before = (*before, {"kind": "denied", "match": "Sweep ssm:*"})
        self._is_armed = self.fault is not None
        self.booth.app.fail(*before, *([self.fault] if self.fault else []))
        if is_copied:
            self.booth.forget_settings()

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
        self._update("expires", int(time.time()) + in_seconds)

    def _update(self, name: str, value: int) -> None:
        self.booth.table.update_item(
            TableName=self.booth.table_name,
            Key={"pk": {"S": f"run#{self.run}"}},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": {"N": str(value)}},
        )

    def age_to(self, since: str, seconds: float) -> None:
        """Makes the run so old that now is `seconds` after the moment `since` of its record."""
        passed = time.time() - int(self.record[since]) / 1000
        self.booth.age(self.uploaded, round(seconds - passed))

    def age_to_stop(self) -> None:
        """Makes the run so old that its execution is to be stopped now."""
        self.age_to("deadline", limits.STOP_SECONDS - limits.RUN_SECONDS)

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
                self._update("due", int(time.time() * 1000))  # sweep need not wait for its time
                self.sweep()
                idle_since = time.monotonic() + 20
            time.sleep(0.15)
        # Finish may still be cleaning.
        await_true(lambda: self.execution != "RUNNING" and not self.booth.app.busy("Finish"))
        return self.record

    def await_step(self, step: str) -> None:
        await_true(lambda: self.record.get("step") == step)


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
        trial.age_to_stop()
        trial.sweep()
        trial.await_end()
        trial.booth.await_idle(function)

    return scene


def an_event_that_sweep_makes_up_for(trial: Trial) -> None:
    """The event is lost and nobody polls."""
    trial.booth.app.drop_events = True
    trial.upload()
    trial.booth.age(trial.uploaded, limits.FIRST_CHECK_SECONDS)
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
    trial.age_to_stop()
    trial.sweep_with_fault()
    trial.await_end()
    trial.booth.await_idle("GenerateImage")


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
    trial.booth.await_idle("GenerateImage")


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


LATE = {
    "DetectFaces": an_end_during("DetectFaces", "s3:PutObject */work/*"),
    "CropFaces": an_end_during("CropFaces", "s3:PutObject *"),
    "SegmentCrop": an_end_during("SegmentCrop", "sagemaker:*"),
    "MergeMasks": an_end_during("MergeMasks", "s3:PutObject *"),
    "GenerateImage": an_end_during("GenerateImage", "bedrock:*"),
}


def an_execution_that_outlives_its_run(trial: Trial) -> None:
    """The run's time is over and its execution can't be stopped: MergeMasks learns from the table that it is late."""
    trial.pictures = 1
    slow = {"kind": "slow", "match": "SegmentCrop sagemaker:*", "times": 2, "seconds": 7}
    trial.arm(slow, {"kind": "denied", "match": "Sweep states:StopExecution *"})
    trial.upload()
    await_true(lambda: trial.booth.app.failed()["struck"])
    trial.age_to_stop()
    trial.sweep()
    trial.await_end()


AFTER_THE_END = (*LATE.values(), an_execution_that_outlives_its_run)
SCENES: list[tuple[str, Callable[[Trial], None]]] = [
    ("Upload *", a_visit),
    ("Start dynamodb:PutItem *", a_foreign_photo),
    ("Start s3:DeleteObjectVersion *", a_url_used_again),
    ("Start *", a_visit),
    *((f"{step} s3:DeleteObject *", scene) for step, scene in LATE.items()),
    *((f"{step} s3:ListBucket *", scene) for step, scene in LATE.items()),
    ("CropFaces dynamodb:GetItem *", LATE["CropFaces"]),
    ("MergeMasks dynamodb:GetItem *", an_execution_that_outlives_its_run),
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
