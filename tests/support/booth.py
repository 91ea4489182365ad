"""What a customer's client does with a booth, and what lies behind it."""

import io
import json
import time
import urllib.error
import urllib.request
import uuid

from boto3.dynamodb.types import TypeDeserializer
from moto.dynamodb.models import dynamodb_backends
from PIL import Image

from booth.aws import table
from booth.wall import QUEUES
from local.account import ACCOUNT, REGION
from local.app import App
from tests.support import openapi
from tests.support.waiting import PATIENCE, await_true

CONSENT = {"policy": "1", "language": "en", "time": "2026-11-29T10:00:00Z", "wall": True}
"""Of a visitor who agrees to the event's wall, too."""
HOLD = 1000
"""A latency in seconds: calls wait until the stand-in is told otherwise, or their client gives them up."""


class Booth:
    """A customer's client, and a hand on what the application talks to."""

    def __init__(self, app: App):
        self.app = app
        self.url = app.url
        self.s3 = app.client("s3")
        self.table = app.client("dynamodb")
        self.steps = app.client("stepfunctions")
        self.table_name = app.stack.tables["Table"].name
        self.token = ""
        """The booth's token, if it has one."""
        self.is_redeployed = False
        self.machine = app.stack.state_machines["PhotoMachine"].arn

    # The client

    def post(self, path, body, raw=None):
        data = raw if raw is not None else json.dumps(body).encode()
        return self.http("POST", self.url + path, data, self.headers())

    def delete(self, request_id, **fields):
        """DELETE /photo; gives (status, answer)."""
        data = json.dumps({"requestId": request_id} | fields).encode()
        status, _, answer = self.http("DELETE", self.url + "/photo", data, self.headers())
        return status, answer

    def headers(self):
        token = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"Content-Type": "application/json"} | token

    def http(self, method, url, data=None, headers=None):
        """(status, headers, body); the body is parsed if it is JSON. Every answer of the API is as documented."""
        request = urllib.request.Request(url, data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, head, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, head, content = error.code, error.headers, error.read()
        answer = json.loads(content) if head.get_content_type() == "application/json" else content
        if url.startswith(self.url):
            openapi.check(method, url.removeprefix(self.url), status, head, answer)
        return status, head, answer

    def upload(self, filename=None, content_type="image/jpeg", **fields):
        """POST /upload; gives the body inside the envelope."""
        filename = filename or f"{uuid.uuid4().hex}.jpg"
        request = {"type": "photo", "filename": filename, "contentType": content_type} | fields
        status, _, envelope = self.post("/upload", request)
        assert status == 200, envelope
        return json.loads(envelope["body"])

    def put(self, uploaded, photo, content_type=None):
        headers = {"Content-Type": content_type or uploaded["ContentType"]}
        return self.http("PUT", uploaded["UploadURL"], photo, headers)[0]

    def ask(self, uploaded, request_id, **fields):
        """POST /photo as documented; gives (status, answer)."""
        body = {"requestId": request_id, "bucket": uploaded["Bucket"], "key": uploaded["Key"]} | fields
        status, _, answer = self.post("/photo", body)
        return status, answer

    def await_end(self, uploaded, request_id=None, **fields):
        """Polls until the run has ended; gives the result. As documented, a 503 is asked again."""
        body = {"requestId": request_id or str(uuid.uuid4()), "bucket": uploaded["Bucket"], "key": uploaded["Key"]}
        until = time.monotonic() + 2 * PATIENCE  # a run may take two minutes
        while time.monotonic() < until:
            status, headers, answer = self.post("/photo", body | {"wait": 5} | fields)
            if status == 200:
                return answer
            assert status in (202, 503), answer
            time.sleep(min(int(headers.get("Retry-After", 0)), 1))  # a pad waits as long as it is told
        raise AssertionError(f"the run did not end: {answer}")

    def process(self, photo, filename=None, content_type="image/jpeg", **fields):
        """A whole visit; gives the upload and the result."""
        uploaded = self.upload(filename, content_type, **fields)
        assert self.put(uploaded, photo) == 200
        return uploaded, self.await_end(uploaded)

    def picture(self, url):
        status, headers, data = self.http("GET", url)
        assert status == 200
        assert headers["Content-Type"] == "image/jpeg"
        return Image.open(io.BytesIO(data))

    # The other side

    def record(self, uploaded):
        """The record of an upload's run, plain values; None if there is none."""
        pointer = self._item("upload", table.hashed(uploaded["Key"]))
        return pointer and self.record_of(pointer["run"])

    def record_of(self, run):
        """The record of a run, by its id, plain values; None if there is none."""
        return self._item("run", run)

    def _item(self, kind, name):
        key = {"pk": {"S": f"{kind}#{name}"}}
        item = self.table.get_item(TableName=self.table_name, Key=key, ConsistentRead=True).get("Item")
        return item and {name: TypeDeserializer().deserialize(field) for name, field in item.items()}

    def expire(self, run):
        """The run's record has expired, and DynamoDB has not deleted it yet."""
        self.table.update_item(
            TableName=self.table_name,
            Key={"pk": {"S": f"run#{run}"}},
            UpdateExpression="SET #expires = :past",
            ExpressionAttributeNames={"#expires": "expires"},
            ExpressionAttributeValues={":past": {"N": "1"}},
        )

    def clear_wall(self):
        """Nothing of the tests before is on the wall."""
        for queue in QUEUES:
            listed = self.table.query(
                TableName=self.table_name,
                IndexName="wall",
                KeyConditionExpression="on_wall = :queue",
                ExpressionAttributeValues={":queue": {"S": queue}},
            )
            for item in listed["Items"]:
                self.expire(item["pk"]["S"].removeprefix("run#"))

    def age(self, uploaded, seconds):
        """Makes the run `seconds` older, so that what is due then is due now."""
        record = self.record(uploaded)
        times = [name for name in ("created", "upload_until", "claimed", "deadline", "ended", "due") if name in record]
        changes = [f"#{name} = #{name} - :ms" for name in times]
        changes += [f"turns.{name}.#at = turns.{name}.#at - :ms" for name in record.get("turns", {})]
        names = {f"#{name}": name for name in [*times, *(["at"] if "turns" in record else [])]}
        self.table.update_item(
            TableName=self.table_name,
            Key={"pk": {"S": record["pk"]}},
            UpdateExpression="SET " + ", ".join(changes),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":ms": {"N": str(seconds * 1000)}},
        )

    def forget_pace(self):
        """As if no image model had ever been called, and none were gone; the day's figures tell of calls, too."""
        self._forget("pace", "slot#", "stats#")

    def forget_everything(self):
        """As a booth at home that was closed and opened again: the table is empty."""
        self._forget("")

    def _forget(self, *kinds):
        """Deletes what has a key that begins so. The keys are as the emulator holds them: it takes a long time to scan
        all items after each test."""
        items = dynamodb_backends[ACCOUNT][REGION].tables[self.table_name].items
        for name in [key.value for key in list(items)]:
            if name.startswith(kinds):
                self.table.delete_item(TableName=self.table_name, Key={"pk": {"S": name}})

    def forget_settings(self):
        """As if no sweep had ever copied settings into the table."""
        for parameter in self.app.stack.ssm_parameters.values():
            key = {"pk": {"S": f"setting#{table.hashed(parameter.name)}"}}
            self.table.delete_item(TableName=self.table_name, Key=key)

    def sweep(self):
        """What the schedule does every minute; returns at once."""
        self.app.invoke("Sweep", {})

    def end_sweeps(self):
        """Each looks for two minutes at what is due by then: with every test there would be more of them at it."""
        if self.app.busy("Sweep"):
            self.app.lambdas.stop(self.app.stack.functions["Sweep"].name)

    def dropped_event(self, uploaded):
        """The event of an upload that `drop_events` kept back."""
        found = lambda: [e for e in self.app.dropped if e["detail"]["object"]["key"] == uploaded["Key"]]
        await_true(found)
        return found()[0]

    def await_quiet(self):
        """Waits until every event that Lambda has taken is handled."""
        await_true(lambda: not self.app.lambdas.events(self.app.stack.functions["Start"].name))

    def await_idle(self, *functions):
        """Waits until each of these functions (all but Sweep, unless told) has come back from what it was doing."""
        for function in functions or self.app.stack.functions.keys() - {"Sweep"}:
            await_true(lambda function=function: not self.app.busy(function))

    def await_rest(self):
        """Waits until nothing of an earlier test's runs is under way."""
        self.await_quiet()
        running = lambda: self.steps.list_executions(stateMachineArn=self.machine, statusFilter="RUNNING")
        await_true(lambda: not running()["executions"])
        self.await_idle()

    def calls_at_rest(self, service):
        """Calls so far, told when no run of an earlier test can add to them."""
        self.await_rest()
        return self.calls(service)

    def executions(self, run):
        found = self.steps.list_executions(stateMachineArn=self.machine)["executions"]
        return [each for each in found if each["name"] == run]

    def entered(self, execution):
        """The names of the states that an execution, by its ARN, has entered so far."""
        history = self.steps.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]

    def left_over(self, uploaded):
        """What is left of an ended run outside its results: versions of the upload, and objects under work/."""
        return self.versions(uploaded) + self.results(f"work/{self.record(uploaded)['run']}/")

    def versions(self, uploaded):
        """All versions and delete markers of an upload."""
        found = self.s3.list_object_versions(Bucket=uploaded["Bucket"], Prefix=uploaded["Key"])
        return [*found.get("Versions", []), *found.get("DeleteMarkers", [])]

    def results(self, prefix):
        """The keys in the results bucket that begin so."""
        found = self.s3.list_objects_v2(Bucket=self.app.results_bucket, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", [])]

    def await_clean(self, uploaded):
        """Waits until nothing is left over; gives what is left all the same."""
        until = time.monotonic() + PATIENCE
        while (left := self.left_over(uploaded)) and time.monotonic() < until:
            time.sleep(0.2)
        return left

    def stand_in(self, service, **settings):
        """Tells a stand-in how to behave: latency, canned, faults. What its calls wait for ends with that: see HOLD."""
        url = f"{self.app.standins_url}/standins/{service}"
        assert self.http("PUT", url, json.dumps(settings).encode())[0] == 200

    def redeploy(self, **parameters):
        """The stack with other parameters, until the test's end."""
        self.app.redeploy(**parameters)
        self.is_redeployed = True

    def calls(self, service):
        return self._described(service)["calls"]

    def failures(self, service):
        """How many calls ended in an error or without an answer."""
        return self._described(service)["failures"]

    def throttled(self, service):
        """How many calls were over the quota."""
        return self._described(service)["throttled"]

    def _described(self, service):
        return self.http("GET", f"{self.app.standins_url}/standins/{service}")[2]


def ask_for_upload(booth, **fields):
    """POST /upload; gives (status, headers, body of the envelope)."""
    request = {"type": "photo", "filename": f"{uuid.uuid4().hex}.jpg", "contentType": "image/jpeg"} | fields
    status, headers, envelope = booth.post("/upload", request)
    assert envelope["statusCode"] == status
    return status, headers, json.loads(envelope["body"])


def await_status(booth, uploaded):
    """Waits for the record's end without polling the API."""
    until = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < until:
        record = booth.record(uploaded)
        if record["status"] in ("SUCCEEDED", "PARTIAL", "FAILED"):
            return record
        time.sleep(0.2)
    raise AssertionError(f"still {record['status']} in step {record['step']}")


def await_step(booth, uploaded, step):
    await_true(lambda: booth.record(uploaded)["step"] == step)
