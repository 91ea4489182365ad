"""One visit with one fault, and what a visitor and an operator do in it."""

import json
import time
import uuid
from collections.abc import Callable

from booth import limits, scenes
from booth.keys import address, wall_key
from booth.run import ENDED
from tests.faults.calls import READ_BY_AGAIN, READ_BY_UPLOAD, Row
from tests.support.booth import CONSENT, Booth
from tests.support.photos import photo
from tests.support.tokens import bearer
from tests.support.waiting import await_true

PHOTO = photo()
SCENE_IDS = [scene.id for scene in scenes.chosen(())]


class Trial:
    """One visit with one fault. `notes` is what happened on the way that the visitor or an operator saw."""

    def __init__(self, booth: Booth, row: Row, fault: dict | None, pictures: int = 3):
        self.booth = booth
        self.row = row
        self.fault = fault
        self.pictures = pictures
        self.keep = "face"
        self.kept = False
        """Whether the photo is kept for a further run."""
        self.wall = False
        """Whether its visitor agrees to the event's wall."""
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
        if self.row.service in ("ssm", "secretsmanager") or self.row in (READ_BY_UPLOAD, READ_BY_AGAIN):
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
            await_true(self.was_met)
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
        request |= {"scenes": SCENE_IDS[: self.pictures], "keep": self.keep, "again": self.kept}
        if self.wall:
            request["consent"] = CONSENT

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

    def begin_again(self, request_id: str) -> None:
        """POST /again for the visit that is bound to this requestId, and again if it fails; the further one is next."""
        request = {"requestId": request_id, "newRequestId": str(uuid.uuid4()), "scenes": SCENE_IDS[:1]}
        status, answer = self.insist(lambda: self.booth.post("/again", request)[::2])
        assert status == 200, answer
        self.uploaded, self.run = self.uploaded | {"Key": answer["key"]}, ""

    def leave(self, request_id: str) -> None:
        """The visitor has left, and needs the photo no more."""
        status, answer = self.insist(lambda: self.booth.post("/again", {"requestId": request_id, "done": True})[::2])
        assert status == 200, answer

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

    # Staff

    def staffs(self, method: str, path: str, body: dict | None = None) -> dict:
        """A call of the staff page's, and again if it fails; gives the answer."""
        status, answer = self.insist(lambda: self._as_staff(method, path, body))
        assert status == 200, answer
        return answer

    def wall_shows(self) -> list[dict]:
        """GET /wall/pictures, and again if it fails."""
        url, headers = f"{self.booth.url}/wall/pictures", bearer(self.booth.app.wall_token)
        status, answer = self.insist(lambda: self.booth.http("GET", url, None, headers)[::2])
        assert status == 200, answer
        return answer["pictures"]

    def take_off(self, request_id: str) -> None:
        """DELETE /wall/pictures for all of the visit, as the pad does, and again if it fails."""
        place = {"bucket": self.uploaded["Bucket"], "key": self.uploaded["Key"], "requestId": request_id}
        url, data, headers = f"{self.booth.url}/wall/pictures", json.dumps(place).encode(), self.booth.headers()
        status, answer = self.insist(lambda: self.booth.http("DELETE", url, data, headers)[::2])
        assert status == 200, answer

    def copy(self) -> str:
        """Path of the first picture's copy for the wall."""
        return address(wall_key(self.run, 1))

    def steer(self) -> None:
        """PUT /staff/settings, and again if it fails; as the staff page, by what stands there."""

        def put() -> tuple[int, dict]:
            status, _, found = self.booth.http("GET", f"{self.booth.url}/event.json")
            version = found["version"] if status == 200 else 0
            return self._as_staff("PUT", "/staff/settings", {"version": version, "copies": 1})

        status, answer = self.insist(put)
        assert status == 200, answer

    def steer_no_more(self) -> None:
        """Deletes what they have set."""
        bucket = self.booth.app.stack.buckets["PageBucket"].name
        self.booth.s3.delete_object(Bucket=bucket, Key="event.json")

    def _as_staff(self, method: str, path: str, body: dict | None) -> tuple[int, dict]:
        headers = {"Authorization": f"Bearer {self.booth.app.staff_token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body else None
        status, _, answer = self.booth.http(method, self.booth.url + path, data, headers)
        return status, answer

    def is_shown(self, request_id: str) -> bool:
        """Whether the visitor's link shows the visit, and the CDN its copy and pictures. Raises AssertionError if not
        all of them agree.
        """
        record = self.record
        keys = [record["original"], *(each["key"] for each in record["pictures"].values())]
        shown = {self.booth.http("GET", f"{self.booth.url}/{key}")[0] == 200 for key in keys}
        [of_all] = shown | {self.ask(request_id) == 200}
        return of_all

    def look_at_the_wall(self) -> None:
        """Notes pictures that aren't shown on the wall: they wait for staff, or nobody has decided."""
        record = self.record
        found = {name: record["wall"].get(name, {}).get("state", "undecided") for name in record["pictures"]}
        self.notes += [{"waiting": "for staff"}.get(state, state) for state in sorted({*found.values()} - {"shown"})]

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
