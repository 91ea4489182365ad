"""DELETE /photo: at whatever moment it comes, nothing of the visit is left in the buckets, the table and the CDN."""

import io
import json
import threading
import time
import uuid

import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from PIL import Image

from booth import limits
from local.account import ACCOUNT, REGION
from tests.support.booth import HOLD, await_status, await_step
from tests.support.waiting import await_true

MARK = "anna-maria"


def photo():
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "silver").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def visit(quick):
    """An upload whose names can be searched for, bound to a requestId."""
    consent = {"policy": MARK, "language": "en", "time": "2026-11-22T10:00:00Z", "wall": True}
    uploaded = quick.upload(
        f"{MARK}-{uuid.uuid4().hex}.jpg",
        id=f"{MARK}-{uuid.uuid4().hex}",
        consent=consent,
        keep="head",
        scenes=["sky", "forest"],
    )
    request_id = f"{MARK}-{uuid.uuid4()}"
    assert quick.ask(uploaded, request_id)[0] == 202
    quick.run = quick.record(uploaded)["run"]
    return uploaded, request_id


def everything(booth, run):
    """What both buckets, all versions, and the table hold of a run: keys of objects, and the table's items.

    As the emulator holds them: it takes long to list all that other tests have left, and this is asked again and again.
    """
    objects = []
    for bucket in (booth.app.uploads_bucket, booth.app.results_bucket):
        keys = s3_backends[ACCOUNT]["aws"].buckets[bucket].keys
        objects += [key for key, versions in keys.lists() if versions]  # delete markers are among them
    rows = list(dynamodb_backends[ACCOUNT][REGION].tables[booth.table_name].items.values())
    items = [{name: value.to_json() for name, value in dict(row.attrs).items()} for row in rows]
    items = [item for item in items if item.get("run") == {"S": run}]
    return [key for key in objects if MARK in key or run in key], items


def assert_gone(booth, uploaded, request_id, late=False):
    """Nothing is in the buckets, and the booth knows the visit as deleted only. `late`: what is just being written may
    still come and go, until everything is at rest."""
    if late:
        await_true(lambda: everything(booth, booth.run)[0] == [])
    else:
        assert everything(booth, booth.run)[0] == []
    for fields in ({}, {"bucket": uploaded["Bucket"], "key": uploaded["Key"]}):
        status, _, answer = booth.post("/photo", {"requestId": request_id} | fields)
        assert (status, answer["error"]["code"]) == (404, "Deleted")


def assert_tombstone_without_names(booth, uploaded):
    """When nothing can come any more, sweep makes the record a tombstone."""
    booth.await_idle()  # what is still being painted is put, and taken back at once
    booth.age(uploaded, limits.URL_SECONDS + limits.LATE_UPLOAD_SECONDS)
    booth.sweep()
    await_true(lambda: MARK not in str(everything(booth, booth.run)[1]))
    objects, items = everything(booth, booth.run)
    [tombstone] = [item for item in items if item["pk"]["S"].startswith("run#")]
    assert tombstone.keys() == {"pk", "run", "status", "step", "created", "ended", "expires", "request"}
    assert {item["pk"]["S"].partition("#")[0] for item in items} == {"run", "upload", "id", "request"}
    assert objects == []


def assert_stopped(booth):
    """The execution has stopped before its Finish. (The interpreter ends it when the task at work has returned, and
    calls a Map that was stopped FAILED.)"""
    await_true(lambda: booth.executions(booth.run)[0]["status"] != "RUNNING")
    execution = booth.executions(booth.run)[0]
    assert execution["status"] in ("ABORTED", "FAILED")
    assert "Finish" not in booth.entered(execution["executionArn"])


def test_before_the_photo_was_put_and_a_photo_that_is_put_afterwards(quick, visit):
    uploaded, request_id = visit
    assert quick.delete(request_id) == (200, {"requestId": request_id, "status": "DELETED"})
    assert_gone(quick, uploaded, request_id)
    assert quick.put(uploaded, photo()) == 200  # the URL is still good
    assert_gone(quick, uploaded, request_id, late=True)
    assert quick.executions(quick.run) == []
    # The same with its event lost.
    quick.app.drop_events = True
    assert quick.put(uploaded, photo()) == 200
    assert_tombstone_without_names(quick, uploaded)
    assert quick.executions(quick.run) == []


def test_a_photo_that_lies_there_and_waits(quick, visit):
    uploaded, request_id = visit
    quick.app.drop_events = True
    quick.put(uploaded, photo())
    assert quick.delete(request_id)[0] == 200
    assert_gone(quick, uploaded, request_id)
    quick.app.drop_events = False
    quick.app.deliver(quick.dropped_event(uploaded))
    quick.await_quiet()
    assert_gone(quick, uploaded, request_id)
    assert quick.executions(quick.run) == []


STEPS = [
    ("DetectFaces", "rekognition"),
    ("SegmentCrop", "sagemaker"),
    ("GenerateImage", "bedrock"),
]


@pytest.mark.parametrize(("function", "service"), STEPS)
def test_in_the_middle_of_a_step(quick, visit, function, service):
    uploaded, request_id = visit
    quick.stand_in(service, canned={"faces": 1}, latency=HOLD)
    before = quick.calls(service)
    quick.put(uploaded, photo())
    await_true(lambda: quick.calls(service) > before)
    assert quick.delete(request_id)[0] == 200
    # DetectFaces stores the photo while Rekognition looks at it: what comes after the deletion it takes back itself.
    assert_gone(quick, uploaded, request_id, late=service == "rekognition")
    quick.stand_in(service, canned={"faces": 1})
    quick.await_idle(function)  # it comes back with its result, and finds no run for it
    assert_gone(quick, uploaded, request_id, late=service == "bedrock")  # of two pictures one may begin only now
    assert_stopped(quick)
    assert_tombstone_without_names(quick, uploaded)


@pytest.mark.parametrize("pause", [0.0, 0.2, 0.5])
def test_at_any_moment(quick, visit, pause):
    """Wherever it meets the pipeline (claim, start, crops, masks, finish): what a late step writes, it takes back, or
    sweep does."""
    uploaded, request_id = visit
    quick.put(uploaded, photo())
    time.sleep(pause)
    assert quick.delete(request_id)[0] == 200
    assert_tombstone_without_names(quick, uploaded)
    assert_gone(quick, uploaded, request_id)


def test_after_the_end_the_pictures_and_the_cdns_copies_are_gone(quick, visit):
    uploaded, request_id = visit
    quick.put(uploaded, photo())
    result = quick.await_end(uploaded, request_id)
    urls = [result["url_original"], *json.loads(result["url_generated"])]
    assert [quick.http("GET", url)[0] for url in urls] == [200] * 3
    assert quick.delete(request_id)[0] == 200
    assert [quick.http("GET", url)[0] for url in urls] == [403] * 3
    assert_gone(quick, uploaded, request_id)
    assert {url.removeprefix(quick.url) for url in urls} < set(invalidations(quick))
    assert_tombstone_without_names(quick, uploaded)


def invalidations(booth):
    cloudfront = booth.app.client("cloudfront")
    distribution = booth.app.stack.ssm_parameters["DistributionParameter"].value
    ids = [
        each["Id"]
        for page in cloudfront.get_paginator("list_invalidations").paginate(DistributionId=distribution)
        for each in page["InvalidationList"].get("Items", [])
    ]
    batches = [cloudfront.get_invalidation(DistributionId=distribution, Id=each)["Invalidation"] for each in ids]
    return [path for batch in batches for path in batch["InvalidationBatch"]["Paths"]["Items"]]


def test_twice_and_at_the_same_instant(quick, visit):
    uploaded, request_id = visit
    quick.stand_in("bedrock", canned={}, latency=HOLD)
    quick.put(uploaded, photo())
    await_step(quick, uploaded, "generate")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(quick.delete(request_id))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(200, {"requestId": request_id, "status": "DELETED"})] * 4
    assert quick.delete(request_id, bucket=uploaded["Bucket"], key=uploaded["Key"])[0] == 200
    quick.stand_in("bedrock", canned={})
    assert_gone(quick, uploaded, request_id, late=True)  # a picture that was just being written goes at once again
    assert_tombstone_without_names(quick, uploaded)
    assert quick.delete(request_id)[0] == 200


def test_together_with_finish_and_sweep(quick, visit):
    """Finish settles, sweep settles and the deletion comes, all at once: the visit is deleted."""
    uploaded, request_id = visit
    quick.stand_in("bedrock", canned={}, latency=HOLD)
    quick.put(uploaded, photo())
    await_step(quick, uploaded, "generate")
    quick.age(uploaded, limits.STOP_SECONDS)
    function = quick.app.stack.functions["Finish"].name
    event = json.dumps({"run": quick.run}).encode()
    actions = [
        quick.sweep,
        lambda: quick.app.lambdas.invoke(function, event),
        lambda: quick.delete(request_id),
        quick.sweep,
    ]
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quick.stand_in("bedrock", canned={})
    assert_tombstone_without_names(quick, uploaded)
    assert_gone(quick, uploaded, request_id)


def test_a_deletion_that_breaks_off_is_finished_by_sweep(quick, visit):
    uploaded, request_id = visit
    quick.put(uploaded, photo())
    quick.await_end(uploaded, request_id)
    quick.app.fail({"kind": "killed before", "match": "DeletePhoto s3:DeleteObject *", "times": 1})
    assert quick.delete(request_id)[0] == 500
    quick.app.fail()
    assert everything(quick, quick.run)[0]
    assert quick.post("/photo", {"requestId": request_id})[0] == 404
    quick.age(uploaded, limits.DELETE_SECONDS)
    quick.sweep()
    assert_gone(quick, uploaded, request_id, late=True)
    assert_tombstone_without_names(quick, uploaded)


def test_a_failed_visit_and_its_upload_that_was_kept_for_another_try(quick, visit):
    uploaded, request_id = visit
    dead = {"kind": "broken"}
    quick.stand_in("rekognition", canned={"faces": 1}, faults=[dead])
    quick.put(uploaded, photo())
    assert await_status(quick, uploaded)["status"] == "FAILED"
    assert everything(quick, quick.run)[0]
    assert quick.delete(request_id)[0] == 200
    assert_gone(quick, uploaded, request_id)


def test_an_upload_that_nobody_has_asked_for(quick):
    """The booth knows its Key: that is enough, and the requestId is bound so that it stays deleted."""
    uploaded, short = quick.upload(), f"b{uuid.uuid4().hex[:8]}"
    quick.run = quick.record(uploaded)["run"]
    assert quick.delete(short)[0] == 400
    assert quick.delete(short, bucket=uploaded["Bucket"], key=uploaded["Key"])[0] == 200
    assert quick.ask(uploaded, short)[0] == 404
    assert quick.put(uploaded, photo()) == 200
    assert quick.await_clean(uploaded) == []
    assert quick.executions(quick.run) == []


def test_a_photo_of_another_system(quick):
    quick.app.drop_events = True
    key = f"photo/{uuid.uuid4().hex}.jpg"
    quick.s3.put_object(Bucket=quick.app.uploads_bucket, Key=key, Body=photo())
    assert quick.delete(str(uuid.uuid4()), bucket=quick.app.uploads_bucket, key=key)[0] == 200
    quick.app.drop_events = False
    quick.app.deliver(quick.dropped_event({"Key": key}))
    quick.await_quiet()
    assert "Versions" not in quick.s3.list_object_versions(Bucket=quick.app.uploads_bucket, Prefix=key)


def test_whom_nobody_knows_and_what_is_somebody_elses(quick, visit):
    uploaded, request_id = visit
    place = {"bucket": uploaded["Bucket"], "key": uploaded["Key"]}
    for fields, status in (
        ({"request_id": str(uuid.uuid4())}, 404),
        ({"request_id": str(uuid.uuid4()), **place}, 409),
        ({"request_id": str(uuid.uuid4()), **place, "key": "photo/never.jpg"}, 404),
        ({"request_id": str(uuid.uuid4()), **place, "key": "work/x"}, 404),
        ({"request_id": request_id, "bucket": "somebody-elses", "key": uploaded["Key"]}, 403),
        ({"request_id": "no good"}, 400),
    ):
        got, answer = quick.delete(**fields)
        assert (got, answer.keys()) == (status, {"error"})
    assert quick.ask(uploaded, request_id)[0] == 202
