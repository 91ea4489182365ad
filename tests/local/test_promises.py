"""Every run ends, whatever breaks: killed functions, lost events, dead services, nobody polling."""

import json
import time

import pytest

from booth import limits
from booth.aws import table
from tests.support.booth import HOLD, await_status, await_step
from tests.support.photos import photo
from tests.support.waiting import await_true

MIDDLE = {
    "DetectFaces": "rekognition:*",
    "CropFaces": "s3:PutObject",
    "SegmentCrop": "sagemaker:*",
    "MergeMasks": "s3:PutObject",
    "GenerateImage": "bedrock:*",
    "Finish": "dynamodb:UpdateItem",
}


def test_each_function_killed_in_the_middle_is_run_again(quick):
    """Its call takes effect, and it learns nothing any more."""
    calls = [f"{function} {call} *" for function, call in MIDDLE.items()]
    quick.app.fail(*({"kind": "killed after", "match": call, "times": 1} for call in calls))
    uploaded = quick.upload(scenes=["sky"])
    quick.put(uploaded, photo())
    record = await_status(quick, uploaded)
    assert record["status"] == "SUCCEEDED"
    assert not record.get("faces_by_ellipse")
    assert quick.await_clean(uploaded) == []
    assert quick.app.failed()["struck"] == {f"killed after {call}": 1 for call in calls}
    result = quick.await_end(uploaded)
    assert len(json.loads(result["url_generated"])) == 1


def test_each_step_is_shown(quick):
    steps = {"detect": "rekognition", "segment": "sagemaker", "generate": "bedrock"}
    for service in steps.values():
        quick.stand_in(service, canned={"faces": 1}, latency=HOLD)
    uploaded = quick.upload(scenes=["sky"])
    quick.put(uploaded, photo())
    for step, service in steps.items():
        await_step(quick, uploaded, step)
        quick.stand_in(service, canned={"faces": 1})
    assert await_status(quick, uploaded)["status"] == "SUCCEEDED"


def test_a_lost_event_and_nobody_polling(quick):
    quick.app.drop_events = True
    uploaded = quick.upload(scenes=["sky"])
    quick.put(uploaded, photo())
    quick.age(uploaded, 60)
    quick.sweep()
    assert await_status(quick, uploaded)["status"] == "SUCCEEDED"


def test_a_caller_that_died_between_claim_and_start(quick):
    """The record says claimed, but no execution was started: sweep does it."""
    quick.app.drop_events = True
    uploaded = quick.upload(scenes=["sky"])
    quick.put(uploaded, photo())
    version = quick.s3.head_object(Bucket=uploaded["Bucket"], Key=uploaded["Key"])["VersionId"]
    record = quick.record(uploaded)
    now = int(time.time() * 1000)
    values = {":v": version, ":i": "died", ":n": now, ":d": now + limits.RUN_SECONDS * 1000}
    quick.table.update_item(
        TableName=quick.table_name,
        Key={"pk": {"S": record["pk"]}},
        UpdateExpression="SET version = :v, picture_id = :i, claimed = :n, deadline = :d, due = :n",
        ExpressionAttributeValues={
            name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values.items()
        },
    )
    quick.sweep()
    assert await_status(quick, uploaded)["status"] == "SUCCEEDED"


def test_an_upload_whose_put_never_comes(quick):
    uploaded = quick.upload()
    quick.age(uploaded, limits.URL_SECONDS + limits.LATE_UPLOAD_SECONDS + 1)
    quick.sweep()
    record = await_status(quick, uploaded)
    assert (record["status"], record["error"]) == ("FAILED", "PhotoNeverArrived")
    status, answer = quick.ask(uploaded, "never")
    assert (status, answer["status"], answer["error"]["code"]) == (200, "FAILED", "PhotoNeverArrived")


def test_finish_that_never_works_is_left_to_sweep(quick):
    quick.app.fail({"kind": "killed before", "match": "Finish dynamodb:UpdateItem *"})
    uploaded = quick.upload(scenes=["sky"])
    quick.put(uploaded, photo())
    run = quick.record(uploaded)["run"]
    await_true(lambda: [each["status"] for each in quick.executions(run)] == ["FAILED"])
    quick.app.fail()
    quick.age(uploaded, limits.CHECK_SECONDS)
    quick.sweep()
    assert await_status(quick, uploaded)["status"] == "SUCCEEDED"
    assert quick.await_clean(uploaded) == []


def test_what_comes_after_the_end_is_never_shown(quick):
    quick.stand_in("bedrock", canned={}, latency=HOLD)
    uploaded = quick.upload(scenes=["sky"])
    quick.put(uploaded, photo())
    await_step(quick, uploaded, "generate")
    quick.age(uploaded, limits.STOP_SECONDS)
    quick.sweep()
    record = await_status(quick, uploaded)
    assert (record["status"], record["error"]) == ("FAILED", "TimedOut")
    result = quick.await_end(uploaded)
    quick.stand_in("bedrock", canned={})
    quick.await_idle("GenerateImage")  # the pictures that were being painted come too late
    assert quick.await_end(uploaded, result["requestId"]) == result
    assert result["url_generated"] == "[]"
    shown = quick.s3.list_objects_v2(Bucket=quick.app.results_bucket, Prefix=f"photo/photo_{record['picture_id']}")
    assert shown["KeyCount"] == 0


def test_a_run_past_its_time_is_settled_with_what_it_has(quick):
    quick.stand_in("bedrock", canned={}, faults=[{"kind": "hang", "seconds": 30, "times": 1}])
    uploaded = quick.upload()
    quick.put(uploaded, photo())
    pictures = lambda: quick.record(uploaded).get("pictures", {}).values()
    await_true(lambda: sum(each["state"] == "DONE" for each in pictures()) >= 2)
    quick.age(uploaded, limits.STOP_SECONDS)
    quick.sweep()
    record = await_status(quick, uploaded)
    assert record["status"] == "PARTIAL"
    result = quick.await_end(uploaded)
    assert len(json.loads(result["url_generated"])) == 2
    assert [each["error"]["code"] for each in result["pictures"] if each["error"]] == ["TimedOut"]


DEAD = [{"kind": "broken"}]


@pytest.mark.parametrize(
    ("service", "faults", "status", "code"),
    [
        ("rekognition", DEAD, "FAILED", "ServiceUnavailable"),
        ("rekognition", [{"kind": "malformed"}], "FAILED", "ServiceUnavailable"),
        ("rekognition", [{"status": 400, "type": "AccessDeniedException", "message": "no"}], "FAILED", "AccessDenied"),
        ("sagemaker", [{"status": 500, "type": "ModelError", "message": "dead"}], "SUCCEEDED", None),
        ("sagemaker", [{"kind": "reset"}], "SUCCEEDED", None),
        ("bedrock", DEAD, "FAILED", "ServiceUnavailable"),
        ("bedrock", [{"kind": "denied"}], "FAILED", "ModelsUnavailable"),
        ("bedrock", [{"kind": "unpaid"}], "FAILED", "ModelsUnavailable"),
        ("bedrock", [{"kind": "no-picture"}], "FAILED", "NoModelLeft"),
        (
            "bedrock",
            [
                {
                    "status": 404,
                    "type": "ResourceNotFoundException",
                    "message": "This model version has reached the end of its life.",
                }
            ],
            "FAILED",
            "ModelsUnavailable",
        ),
        (
            "bedrock",
            [
                {
                    "status": 400,
                    "type": "ValidationException",
                    "message": "This request has been blocked by our content filters. And so on.",
                }
            ],
            "FAILED",
            "ContentBlocked",
        ),
    ],
)
def test_a_service_that_fails_for_good(quick, service, faults, status, code):
    quick.stand_in(service, canned={"faces": 2}, faults=faults)
    uploaded, result = quick.process(photo(), scenes=["sky"])
    assert (result["status"], result["error"] and result["error"]["code"]) == (status, code)
    assert quick.record(uploaded).get("faces_by_ellipse", 0) == (1 if service == "sagemaker" else 0)


def test_segment_anything_hangs_on_a_full_house(quick):
    """Many crops, none answered: the ellipses are kept while there is time to paint."""
    quick.stand_in("rekognition", canned={"faces": 16}, latency=HOLD)
    quick.stand_in("sagemaker", canned={}, faults=[{"kind": "hang", "seconds": 60}])
    before, uploaded = quick.calls("rekognition"), quick.upload(scenes=["sky"])
    quick.put(uploaded, photo())
    await_true(lambda: quick.calls("rekognition") > before)
    quick.age(uploaded, limits.LATEST_SEGMENTING_SECONDS - 8)  # most of that time has passed
    quick.stand_in("rekognition", canned={"faces": 16})
    result = quick.await_end(uploaded)
    assert result["status"] == "SUCCEEDED"
    assert quick.record(uploaded)["faces_by_ellipse"] == 16


def test_one_picture_that_fails_does_not_take_the_others_with_it(quick):
    blocked = {"kind": "filtered-prompt", "times": 1}
    quick.stand_in("bedrock", canned={}, faults=[blocked])
    _, result = quick.process(photo())
    assert result["status"] == "PARTIAL"
    assert result["error"] is None
    assert sorted(picture["state"] for picture in result["pictures"]) == ["DONE", "DONE", "FAILED"]
    assert len(json.loads(result["url_generated"])) == 2


def test_one_region_out_does_not_cost_a_picture(quick):
    """Titan is gone in one Region only; the clients differ, so the fault is told by its count."""
    gone = {"status": 404, "type": "ResourceNotFoundException", "message": "The end of its life.", "times": 1}
    quick.stand_in("bedrock", canned={}, faults=[gone])
    _, result = quick.process(photo(), scenes=["sky"])
    assert result["status"] == "SUCCEEDED"


def test_throttled_for_a_while(quick):
    busy = {"status": 429, "type": "ThrottlingException", "message": "Too many requests", "times": 4}
    quick.stand_in("bedrock", canned={}, faults=[busy])
    _, result = quick.process(photo())
    assert result["status"] == "SUCCEEDED"


def test_every_end_is_told_once_as_an_event(quick):
    events = quick.app.client("events")
    bus = events.describe_event_bus(Name="default")["Arn"]
    pattern = {"source": ["photo-booth"], "detail-type": ["PhotoFinished"]}
    for status in ("SUCCEEDED", "FAILED"):
        wanted = json.dumps(pattern | {"detail": {"status": [status]}})
        events.create_archive(ArchiveName=status, EventSourceArn=bus, EventPattern=wanted, Description=status)
    for data in (photo(), b"no photo"):
        uploaded, _ = quick.process(data, scenes=["sky"])
        assert quick.await_clean(uploaded) == []
    for status in ("SUCCEEDED", "FAILED"):
        await_true(lambda status=status: events.describe_archive(ArchiveName=status)["EventCount"])
        told = events.describe_archive(ArchiveName=status)["EventCount"]
        events.delete_archive(ArchiveName=status)
        assert told == 1


def test_a_throttled_ssm_keeps_no_finished_visit_from_its_visitors(quick):
    uploaded, result = quick.process(photo(), scenes=["sky"])
    quick.sweep()
    parameter = quick.app.stack.ssm_parameters["CdnParameter"].name
    kept = {"TableName": quick.table_name, "Key": {"pk": {"S": f"setting#{table.hashed(parameter)}"}}}
    await_true(lambda: "Item" in quick.table.get_item(**kept))
    quick.app.fail({"kind": "throttled", "match": "* ssm:*"})
    quick.app.restart("Photo")
    status, answer = quick.ask(uploaded, result["requestId"])
    assert (status, answer["url_original"]) == (200, result["url_original"])


def test_a_record_that_has_expired_is_not_found(quick):
    uploaded = quick.upload()
    assert quick.ask(uploaded, "forgotten" + "-" * 20)[0] == 202
    quick.table.update_item(
        TableName=quick.table_name,
        Key={"pk": {"S": quick.record(uploaded)["pk"]}},
        UpdateExpression="SET expires = :now",
        ExpressionAttributeValues={":now": {"N": str(int(time.time()) - 1)}},
    )
    assert quick.ask(uploaded, "forgotten" + "-" * 20)[0] == 404
    assert quick.post("/photo", {"requestId": "forgotten" + "-" * 20})[0] == 404
