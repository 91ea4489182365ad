"""Every function may do what it does, and nothing else.

That no call is refused is asserted after each test of this folder (conftest.py): the application runs under the
policies that the template gives its roles. Here: nothing is allowed that is never called. tests/template looks whether
these policies are the deployed ones.
"""

import json
import re
import uuid

from booth import limits
from local.app import PAINT_ENDPOINT, ROOT
from local.iam import applies, as_list
from local.template.document import default_of
from tests.support.booth import CONSENT, HOLD
from tests.support.judges.reference import faults_of_call
from tests.support.photos import photo
from tests.support.tokens import bearer, made_token
from tests.support.waiting import await_true

CHAIN = ",".join(f"{each.strip()}=100000" for each in default_of(ROOT / "template.yaml", "ImageModels").split(","))

PHOTO, ONE = photo(), ["sky"]

# Allowed, but not called below, each with its reason: (function, action, part of the resource).
NEEDED_ALL_THE_SAME = {
    # The default chain has neither; an operator may name them in ImageModels.
    ("GenerateImage", "bedrock:InvokeModel", "amazon.titan-image-generator-v1"),
    ("GenerateImage", "bedrock:InvokeModel", "amazon.nova-canvas-v1:0"),
    # What a step wrote in the milliseconds between the end of its run and its own last look. (tests/local/
    # test_deletion.py tries it at random moments.)
    ("DetectFaces", "s3:DeleteObject", "work/*"),
    ("CropFaces", "s3:DeleteObject", "work/*"),
    ("CropFaces", "s3:ListBucket", "resultsbucket"),
    ("GenerateImage", "s3:ListBucket", "resultsbucket"),
    ("MergeMasks", "s3:DeleteObject", "work/*"),
    # Why a step was refused: its run has ended, or its time is over.
    ("CropFaces", "dynamodb:GetItem", "table/"),
    ("MergeMasks", "dynamodb:GetItem", "table/"),
    # A visit that is deleted while a picture of it is scored for the wall. (`make faults` plays it.)
    ("ModeratePicture", "s3:DeleteObject", "photo/*"),
    ("ModeratePicture", "s3:ListBucket", "resultsbucket"),
    # A picture that was written, but not published, by a function that died in between.
    ("Finish", "s3:DeleteObject", "photo/*"),
    # Before the first sweep has copied them into the table.
    ("Photo", "ssm:GetParameter", "parameter/photo-booth/cdn"),
    ("DeletePhoto", "ssm:GetParameter", "parameter/photo-booth/distribution"),
    # A photo under a Key whose record has expired.
    ("Photo", "s3:DeleteObjectVersion", "photo/*"),
    # Uploads of yesterday.
    ("Purge", "s3:DeleteObjectVersion", "/*"),
}


def in_vain(statements, calls):
    """(action, resource) of each Allow that speaks of none of the calls."""
    for statement in statements:
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                one = statement | {"Action": action, "Resource": resource}
                if not any(applies(one, call) for call in calls):
                    yield action, resource


def test_nothing_is_allowed_that_is_never_called(quick):
    quick.redeploy(
        Access="token",
        ModerationThreshold="80",
        RepaintInventedPeople="true",
        PhotosPerDay="1000",
        PhotosPerMinute="1000",
        ImageModels=f"{CHAIN},endpoint=60x3",
        PaintEndpoint=PAINT_ENDPOINT,
    )
    quick.token = made_token(quick)
    everything_that_happens(quick)

    calls = quick.app.calls("made")
    # Of calls that differ in an object's or an execution's name alone, thousands after other tests, one is judged.
    kinds = {(call.action, re.sub(r"[0-9a-f-]{8,}", "-", call.resource), call.context): call for _, call in calls}
    unknown = {(call.action, fault) for call in kinds.values() for fault in faults_of_call(call)}
    assert not unknown, "what the local mode took the calls for is nothing that AWS's reference knows"
    unused = {
        (function, action, resource)
        for function, statements in quick.app.stack.policies.items()
        for action, resource in in_vain(statements, {call for name, call in calls if name == function})
    }
    unexplained = {
        each
        for each in unused
        if not any(each[:2] == known[:2] and known[2] in each[2] for known in NEEDED_ALL_THE_SAME)
    }
    assert not unexplained, "\n".join(map(str, sorted(unexplained)))


def everything_that_happens(booth):
    """The visits, failures, losses and deletions in which each permission is needed."""
    visit = whole_visits(booth)
    a_further_run(booth)
    dead_services(booth)
    lost_events(booth)
    late_steps(booth)
    deletions(booth)
    steering(booth)
    staff_on_site(booth, *visit)
    on_the_wall(booth, *visit)
    booth.app.lambdas.invoke(booth.app.stack.functions["Purge"].name, b"{}")


def steering(booth):
    """Staff set something, and take it back; /upload asks for it, where there is none too."""
    for version, more in enumerate(({"copies": 1}, {})):
        body = json.dumps({"version": version} | more).encode()
        headers = {"Authorization": f"Bearer {booth.app.staff_token}"}
        assert booth.http("PUT", f"{booth.url}/staff/settings", body, headers)[0] == 200
    booth.app.restart("Upload")
    booth.upload()
    booth.s3.delete_object(Bucket=booth.app.stack.buckets["PageBucket"].name, Key="event.json")


def staff_on_site(booth, uploaded, request_id):
    """Staff look at the day, and take a visit from view and back."""
    headers = {"Authorization": f"Bearer {booth.app.staff_token}"}
    assert booth.http("GET", f"{booth.url}/staff/today", headers=headers)[0] == 200
    await_true(lambda: booth.record(uploaded)["wall"])
    booth.forget_settings()
    for hidden in (True, False):
        body = json.dumps({"requestId": request_id, "hidden": hidden}).encode()
        assert booth.http("POST", f"{booth.url}/staff/hide", body, headers)[0] == 200


def on_the_wall(booth, uploaded, request_id):
    """A picture is listed, decided on, taken off by its visitor at the booth, and its visit deleted by staff."""
    run = booth.record(uploaded)["run"]
    place = {"requestId": request_id, "bucket": uploaded["Bucket"], "key": uploaded["Key"]}
    booth.forget_settings()
    for method, path, body, token in (
        ("GET", "/wall/pictures", None, booth.app.wall_token),
        ("GET", "/staff/wall", None, booth.app.staff_token),
        ("POST", "/staff/wall", {"visit": run, "picture": 1, "state": "hidden"}, booth.app.staff_token),
        ("DELETE", "/wall/pictures", place, booth.token),
        ("DELETE", "/staff/photo", {"visit": run}, booth.app.staff_token),
    ):
        data = body and json.dumps(body).encode()
        assert booth.http(method, booth.url + path, data, bearer(token))[0] == 200


def whole_visits(booth):
    """As documented, and a photo that another system puts without /upload. Gives the first one's upload and requestId,
    which is for the wall."""
    uploaded, request_id = booth.upload(consent=CONSENT, scenes=ONE), str(uuid.uuid4())
    booth.put(uploaded, PHOTO)
    booth.await_end(uploaded, request_id)
    foreign = put_without_upload(booth, "photo/of another system.jpg")
    await_true(lambda: ("Start", "dynamodb:PutItem") in actions(booth))  # before a poll does it
    booth.await_end(foreign)
    return uploaded, request_id


def a_further_run(booth):
    """Of a photo that is kept; then its visitor leaves."""
    kept, request_id = booth.upload(again=True, scenes=ONE), str(uuid.uuid4())
    booth.put(kept, PHOTO)
    booth.await_end(kept, request_id)
    wanted = {"requestId": request_id, "newRequestId": (new := str(uuid.uuid4())), "scenes": ONE}
    status, _, answer = booth.post("/again", wanted)
    assert status == 200
    booth.await_end(kept | {"Key": answer["key"]}, new)
    assert booth.post("/again", {"requestId": request_id, "done": True})[0] == 200


def put_without_upload(booth, key):
    foreign = {"Bucket": booth.app.uploads_bucket, "Key": key}
    booth.s3.put_object(**foreign, Body=PHOTO)
    return foreign


def dead_services(booth):
    """Titan retired: Stability paints, in each of its Regions. Segment Anything dead: there is no mask to read.
    Bedrock's models all retired: the endpoint paints.
    """
    dead = {"status": 500, "type": "InternalFailure", "message": "dead"}
    booth.stand_in("sagemaker", canned={}, faults=[dead])
    booth.stand_in("bedrock", canned={}, faults=[{"kind": "retired", "match": "*titan*"}])
    booth.process(PHOTO)
    booth.stand_in("bedrock", canned={}, faults=[{"kind": "retired"}])
    booth.process(PHOTO, scenes=ONE)
    booth.forget_pace()
    booth.stand_in("sagemaker", canned={})
    booth.stand_in("bedrock", canned={})


def lost_events(booth):
    """Whoever looks finds a photo whose event was lost, or finds none."""
    booth.app.drop_events = True
    found_by_photo, found_by_sweep, never_put = (booth.upload(scenes=ONE) for _ in range(3))
    booth.put(found_by_photo, PHOTO)
    booth.put(found_by_sweep, PHOTO)
    booth.age(found_by_sweep, limits.URL_SECONDS + limits.LATE_UPLOAD_SECONDS)
    booth.age(never_put, limits.URL_SECONDS + limits.LATE_UPLOAD_SECONDS)
    booth.sweep()
    assert booth.await_end(found_by_photo)["status"] == "SUCCEEDED"
    assert booth.await_end(found_by_sweep)["status"] == "SUCCEEDED"
    assert booth.await_end(never_put)["error"]["code"] == "PhotoNeverArrived"
    booth.await_end(put_without_upload(booth, "photo/nobody told us.jpg"))
    # The URL used again, after the end.
    first = len(booth.app.dropped)
    booth.put(found_by_photo, PHOTO)
    await_true(lambda: len(booth.app.dropped) > first)
    again = booth.app.dropped[-1]
    booth.app.drop_events = False
    booth.app.deliver(again)
    booth.await_quiet()
    # A photo that S3 does not find.
    again["detail"]["object"]["key"] = booth.upload()["Key"]
    booth.app.deliver(again)
    await_true(lambda: ("DetectFaces", "s3:ListBucket", booth.app.uploads_bucket) in places(booth))


def late_steps(booth):
    """The run ends while a step is at work: it takes back what it wrote. Its execution is looked at, and stopped."""
    uploaded = put_and_hold(booth, "bedrock")
    booth.age(uploaded, limits.CHECK_SECONDS)
    booth.sweep()
    await_true(lambda: ("Sweep", "states:DescribeExecution") in actions(booth))
    booth.stand_in("bedrock", canned={})
    for service, function in (
        ("rekognition", "DetectFaces"),
        ("sagemaker", "SegmentCrop"),
        ("bedrock", "GenerateImage"),
    ):
        uploaded = put_and_hold(booth, service)
        booth.age(uploaded, limits.STOP_SECONDS)
        booth.sweep()
        booth.await_end(uploaded)
        await_true(lambda uploaded=uploaded: is_cleaned(booth.record(uploaded)))  # or sweep took it back for the step
        booth.stand_in(service, canned={"faces": 1})
        booth.await_idle(function)
    booth.age(uploaded, limits.TRY_AGAIN_SECONDS)
    booth.sweep()
    await_true(lambda: ("Sweep", "s3:DeleteObjectVersion") in actions(booth))


def is_cleaned(record):
    """Whether sweep has removed what an ended run had left, and will only look once more."""
    return record["due"] >= record["ended"] + limits.CLEAN_SECONDS * 1000


def put_and_hold(booth, service):
    """An upload whose run is now at a service that does not answer."""
    booth.await_rest()
    before = booth.calls(service)
    booth.stand_in(service, canned={"faces": 1}, latency=HOLD)
    uploaded = booth.upload(scenes=ONE)
    booth.put(uploaded, PHOTO)
    await_true(lambda: booth.calls(service) > before)
    return uploaded


def deletions(booth):
    """Of a whole visit, of a photo that nobody knows yet, of none, and one that breaks off and is finished by sweep."""
    visit, visit_id = booth.upload(scenes=ONE), str(uuid.uuid4())
    booth.put(visit, PHOTO)
    booth.await_end(visit, visit_id)
    booth.app.fail({"kind": "killed before", "match": "DeletePhoto s3:DeleteObject *", "times": 1})
    assert booth.delete(visit_id)[0] == 500
    booth.app.fail()
    booth.age(visit, limits.DELETE_SECONDS)
    booth.sweep()
    running, running_id = booth.upload(scenes=ONE), str(uuid.uuid4())
    booth.stand_in("bedrock", canned={}, latency=HOLD)
    booth.put(running, PHOTO)
    await_true(lambda: booth.ask(running, running_id)[1]["step"] == "generate")
    assert booth.delete(running_id)[0] == 200
    booth.stand_in("bedrock", canned={})
    booth.app.drop_events = True
    unknown = {"bucket": booth.app.uploads_bucket, "key": "photo/to be deleted.jpg"}
    booth.s3.put_object(Bucket=unknown["bucket"], Key=unknown["key"], Body=PHOTO)
    assert booth.delete(str(uuid.uuid4()), **unknown)[0] == 200
    assert booth.delete(str(uuid.uuid4()), **(unknown | {"key": "photo/none.jpg"}))[0] == 404
    assert booth.ask({"Bucket": unknown["bucket"], "Key": "photo/none.jpg"}, str(uuid.uuid4()))[0] == 404
    await_true(lambda: ("Sweep", "cloudfront:CreateInvalidation") in actions(booth))


def actions(booth):
    """(function, action) of every call so far."""
    return {(function, call.action) for function, call in booth.app.calls("made")}


def places(booth):
    """(function, action, bucket or other name) of every call so far."""
    return {(function, call.action, call.resource.rpartition(":")[2]) for function, call in booth.app.calls("made")}
