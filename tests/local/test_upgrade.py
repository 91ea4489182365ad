"""A deployment meets photos that are under way: what the previous release wrote ends right under today's code.

`tests/upgrade/released.json` holds the previous release's state machine and a visit at each stage, as its own
application left them there (`tests/upgrade/capture.py`). Here they are put into today's application.
"""

import base64
import hashlib
import json
import re
import time
import uuid

import pytest

from local.app import ROOT
from local.template.reader import load
from tests.support.application import SIDE
from tests.support.booth import await_status
from tests.support.templates import read
from tests.support.waiting import await_true
from tests.upgrade.capture import FACES, RELEASED, STATES

BEFORE = json.loads(RELEASED.read_text(encoding="utf-8"))
DELETED = {"deleted, not erased", "deleted", "forgotten"}


@pytest.fixture
def booth(quick):
    """The application with canned answers: where faces are still to be found, one."""
    return quick


def left_at(booth, stage):
    """Puts a visit back as it was left at this stage, under new names and as if it were now.

    Gives its upload, its requestId, its run's id, and the input of the state that comes next.
    """
    left = BEFORE["stages"][stage]
    names = {"run": uuid.uuid4(), "picture": uuid.uuid4(), "key": f"photo/{uuid.uuid4().hex}.jpg"}
    names = {name: str(new) for name, new in (names | {"request": uuid.uuid4()}).items()}
    text = json.dumps(left)
    for name, old in left["names"].items():
        text = text.replace(old, names[name]).replace(sha256(old), sha256(names[name]))
    left = json.loads(text)
    items = json.dumps(left["items"])
    booth.forget_pace()  # a pace and its slots belong together: what another visit left of its own goes
    buckets = {"uploads": booth.app.uploads_bucket, "results": booth.app.results_bucket}
    booth.app.drop_events = True
    for each in left["objects"]:
        body = base64.b64decode(BEFORE["bodies"][each["body"]])
        put = booth.s3.put_object(Bucket=buckets[each["bucket"]], Key=each["key"], Body=body, ContentType=each["type"])
        if each["version"]:
            items = items.replace(each["version"], put["VersionId"])
            booth.dropped_event({"Key": each["key"]})
    booth.app.drop_events = False
    late = int(time.time() * 1000) - left["at"]
    for item in json.loads(items, object_hook=lambda value: later(value, late)):
        booth.table.put_item(TableName=booth.table_name, Item=item)
    uploaded = {"Bucket": booth.app.uploads_bucket, "Key": names["key"]}
    return uploaded, names["request"], names["run"], left["input"]


def sha256(name):
    return hashlib.sha256(name.encode()).hexdigest()


def later(value, milliseconds):
    """A value of DynamoDB's; if it is a time, in milliseconds or seconds since 1970, one so much later."""
    digits = value.get("N", "")
    unit = {13: 1, 10: 1000}.get(len(digits)) if isinstance(digits, str) else None
    return {"N": str(int(digits) + milliseconds // unit)} if unit else value


def go_on(booth, run, state, state_input):
    """The previous release's execution of a run goes on with this state, in the machine that has today's definition."""
    definition = json.dumps(BEFORE["definition"] | {"StartAt": state})
    for name, function in booth.app.stack.functions.items():
        definition = definition.replace(f"${{{name}}}", function.name)
    today = booth.steps.describe_state_machine(stateMachineArn=booth.machine)["definition"]
    booth.steps.update_state_machine(stateMachineArn=booth.machine, definition=definition)
    booth.steps.start_execution(stateMachineArn=booth.machine, name=run, input=json.dumps(state_input))
    booth.steps.update_state_machine(stateMachineArn=booth.machine, definition=today)


def end_of(booth, state):
    """The result of a visit whose execution goes on with this state, its record, and what is left over."""
    uploaded, request_id, run, state_input = left_at(booth, state)
    go_on(booth, run, state, state_input)
    result = booth.await_end(uploaded, request_id)
    for url in json.loads(result["url_generated"]):
        # The photo that lies under work/ is of the size that the release made it.
        assert booth.picture(url).size == ((SIDE, SIDE * 3 // 4) if state == "DetectFaces" else (1024, 768))
    await_true(lambda: [each["status"] for each in booth.executions(run)] != ["RUNNING"])
    [execution] = booth.executions(run)
    assert execution["status"] == ("FAILED" if result["status"] == "FAILED" else "SUCCEEDED")
    return result, booth.record(uploaded), booth.await_clean(uploaded)


@pytest.mark.parametrize("state", STATES)
def test_an_execution_goes_on_from_each_of_its_states(booth, state):
    """From the first with one face; before the others the release had found ten."""
    result, record, left = end_of(booth, state)

    # Before Finish one of three pictures had failed.
    expected = ("PARTIAL", 2) if state == "Finish" else ("SUCCEEDED", 3)
    assert (result["status"], len(json.loads(result["url_generated"]))) == expected
    assert (record["faces"], record["faces_by_ellipse"]) == (1 if state == "DetectFaces" else FACES, 0)
    assert left == []


def test_an_execution_whose_model_is_gone_gets_other_turns(booth):
    booth.stand_in("bedrock", canned={}, faults=[{"kind": "retired", "match": "*titan*"}])

    result, record, _ = end_of(booth, "GenerateImages")

    assert result["status"] == "SUCCEEDED"
    assert {turn["candidate"].split(".")[1] for turn in record["turns"].values()} == {"stability"}


@pytest.mark.parametrize(("state", "keep"), [("DetectFaces", "person"), ("CropFaces", "face"), ("MergeMasks", "face")])
def test_an_execution_meets_a_stack_that_keeps_whole_people(booth, state, keep):
    """The first step decides. The previous definition takes the whole photo for one more crop."""
    booth.redeploy(Keep="person")
    booth.stand_in("rekognition", canned={"faces": FACES})

    result, record, left = end_of(booth, state)

    assert (result["status"], [each["keep"] for each in result["pictures"]]) == ("SUCCEEDED", [keep] * 3)
    assert ("not_kept" in record, record["faces"], left) == (False, FACES, [])


def test_crops_that_fail_in_an_execution_are_kept_by_the_ellipse(booth):
    fault = {"kind": "error", "status": 400, "type": "ValidationError", "message": "no such endpoint"}
    booth.stand_in("sagemaker", canned={}, faults=[fault])

    result, record, _ = end_of(booth, "SegmentCrops")

    assert (result["status"], record["faces_by_ellipse"]) == ("SUCCEEDED", FACES)


def test_a_picture_that_fails_in_an_execution_leaves_the_others(booth):
    booth.stand_in("bedrock", canned={}, faults=[{"kind": "filtered-prompt", "times": 1}])

    result, _, _ = end_of(booth, "GenerateImages")

    assert (result["status"], len(json.loads(result["url_generated"]))) == ("PARTIAL", 2)


def test_a_step_that_fails_ends_an_execution_with_the_reason(booth):
    booth.stand_in("rekognition", canned={"faces": 0})

    result, _, left = end_of(booth, "DetectFaces")

    assert (result["status"], result["error"]["code"], left) == ("FAILED", "NoFaceFound", [])


@pytest.mark.parametrize("stage", ["the photo's event lost", "claimed, not started"])
def test_a_photo_that_was_not_started_is_started_by_a_poll(booth, stage):
    uploaded, request_id, _, _ = left_at(booth, stage)

    assert booth.await_end(uploaded, request_id)["status"] == "SUCCEEDED"


def test_a_photo_that_comes_after_the_deployment_is_processed(booth):
    uploaded, request_id, _, _ = left_at(booth, "waiting for the photo")
    [photo] = [each for each in BEFORE["stages"]["DetectFaces"]["objects"] if each["bucket"] == "uploads"]

    booth.s3.put_object(**uploaded, Body=base64.b64decode(BEFORE["bodies"][photo["body"]]), ContentType=photo["type"])

    assert await_status(booth, uploaded)["status"] == "SUCCEEDED"
    assert booth.ask(uploaded, request_id)[0] == 200


@pytest.mark.parametrize("stage", BEFORE["stages"])
def test_a_visit_is_told_as_it_stands_and_deleted(booth, stage):
    uploaded, request_id, run, _ = left_at(booth, stage)

    status, answer = booth.ask(uploaded, request_id)

    if stage in DELETED:
        assert (status, answer["error"]["code"]) == (404, "Deleted")
    else:
        ended = stage.startswith(("ended", "failed"))
        assert status == (200 if ended else 202)
        record = next(item for item in BEFORE["stages"][stage]["items"] if item["pk"]["S"].startswith("run#"))
        if ended or record["status"]["S"] == "RUNNING":
            assert (answer["status"], answer["step"]) == (record["status"]["S"], record["step"]["S"])
        if record["status"]["S"] == "RUNNING" and stage != "DetectFaces":
            done = [each for each in record.get("pictures", {"M": {}})["M"].values() if "key" in each["M"]]
            assert len(json.loads(answer["url_generated"])) == len(done)
    assert booth.delete(request_id)[0] == 200
    booth.await_idle()
    assert [*booth.versions(uploaded), *booth.results(f"work/{run}/"), *booth.results(uploaded["Key"])] == []
    assert booth.ask(uploaded, request_id)[1]["error"]["code"] == "Deleted"


def test_staff_take_a_visit_from_view_that_had_ended_before(booth):
    uploaded, request_id, _, _ = left_at(booth, "ended")
    booth.app.restart("HidePhoto")  # an earlier test's token may be the one that it knows
    [url, *_] = json.loads(booth.ask(uploaded, request_id)[1]["url_generated"])
    headers = {"Authorization": f"Bearer {booth.app.staff_token}"}
    for hidden, status in ((True, 403), (False, 200)):
        body = json.dumps({"requestId": request_id, "hidden": hidden}).encode()
        assert booth.http("POST", f"{booth.url}/staff/hide", body, headers)[0] == 200
        assert booth.http("GET", url)[0] == status


def test_sweep_ends_and_closes_what_nobody_else_does(booth):
    """No execution is there, no event and no poll comes: an hour later every record is closed, and nothing is left."""
    visits = {stage: left_at(booth, stage) for stage in BEFORE["stages"]}

    def records():
        return {stage: booth.record_of(run) for stage, (_, _, run, _) in visits.items()}

    def age_and_sweep():
        for stage, record in records().items():
            if "open" in record:
                booth.age(visits[stage][0], 3600)
        booth.sweep()

    age_and_sweep()
    for _, _, run, _ in visits.values():  # one after another: a look takes time for each record
        await_true(lambda run=run: booth.record_of(run)["status"] not in ("QUEUED", "RUNNING"))
    ended = {stage: (record["status"], record.get("error", "")) for stage, record in records().items()}
    late = {stage: ("FAILED", "TimedOut") for stage in [*STATES, "waiting for its turns"]}
    late |= {"Finish": ("PARTIAL", "")}
    assert ended == late | {
        "waiting for the photo": ("FAILED", "PhotoNeverArrived"),
        "the photo's event lost": ("SUCCEEDED", ""),
        "claimed, not started": ("FAILED", "TimedOut"),
        "ended, not cleaned": ("SUCCEEDED", ""),
        "ended": ("SUCCEEDED", ""),
        "failed, may be tried again": ("FAILED", "AccessDenied"),
        **dict.fromkeys(DELETED, ("DELETED", "")),
    }
    age_and_sweep()
    for _, _, run, _ in visits.values():
        await_true(lambda run=run: "open" not in booth.record_of(run))
    left = {
        stage: [*booth.versions(uploaded), *booth.results(f"work/{run}/")]
        for stage, (uploaded, _, run, _) in visits.items()
    }
    assert not any(left.values()), left


def test_every_function_of_the_previous_definition_is_there_and_may_be_called():
    """A step that goes leaves its function for one release: executions that are under way still call it."""
    called = set(re.findall(r"\$\{(\w+)\}", json.dumps(BEFORE["definition"])))
    attributes = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"}
    application = load(ROOT / "template.yaml", stack="upgrade", region="us-east-1", attributes=attributes)
    policies = json.dumps(read(ROOT / "template.yaml")["Resources"]["PhotoMachine"]["Properties"]["Policies"])

    assert called == {"DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "Admit", "GenerateImage", "Finish"}
    assert called <= application.functions.keys()
    assert all(f'"{function}", "Arn"' in policies or f'"{function}.Arn"' in policies for function in called)
