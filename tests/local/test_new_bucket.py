"""The uploads bucket's first 15 minutes: its versioning does not hold yet, so a photo has the version null."""

import copy
import json
import uuid

import pytest

from tests.support.booth import await_status
from tests.support.events import sample_event, shape
from tests.support.photos import photo
from tests.support.waiting import await_true


@pytest.fixture
def new(quick):
    """The application with an uploads bucket that was just made."""
    quick.app.set_versioning(False)
    yield quick
    quick.app.set_versioning(True)


def put(booth, uploaded, data):
    """PUTs a photo to the presigned URL; gives the version that S3 names in its answer."""
    headers = {"Content-Type": uploaded["ContentType"]}
    status, head, _ = booth.http("PUT", uploaded["UploadURL"], data, headers)
    assert status == 200
    return head["x-amz-version-id"]


def pictures(booth, result):
    return [booth.picture(url).size for url in json.loads(result["url_generated"])]


def test_a_photo_without_a_version_is_taken_up_by_its_event_and_deleted_to_the_last(new):
    uploaded, request_id = new.upload(scenes=["sky"]), str(uuid.uuid4())
    assert put(new, uploaded, photo()) is None
    record = await_status(new, uploaded)
    assert (record["status"], record["version"]) == ("SUCCEEDED", "null")
    assert new.await_clean(uploaded) == []

    result = new.await_end(uploaded, request_id)
    assert len(pictures(new, result)) == 1
    assert new.delete(request_id)[0] == 200
    assert new.results(uploaded["Key"]) == new.results(f"photo/photo_{record['picture_id']}") == []


def test_a_photo_without_a_version_is_taken_up_by_the_first_poll(new):
    new.app.drop_events = True
    uploaded = new.upload(scenes=["sky"])
    put(new, uploaded, photo())
    result = new.await_end(uploaded)
    assert (result["status"], len(pictures(new, result))) == ("SUCCEEDED", 1)
    assert new.record(uploaded)["version"] == "null"
    assert new.await_clean(uploaded) == []


def test_a_photo_without_a_version_is_deleted_though_it_is_not_ended(new):
    new.stand_in("bedrock", canned={}, latency=30)
    uploaded, request_id = new.upload(), str(uuid.uuid4())
    put(new, uploaded, photo())
    new.ask(uploaded, request_id)
    assert new.versions(uploaded) != []
    assert new.delete(request_id)[0] == 200
    assert new.versions(uploaded) == []
    put(new, uploaded, photo())
    await_true(lambda: new.versions(uploaded) == [])


def test_the_event_of_a_photo_without_a_version_is_the_sample_without_it(new):
    new.app.drop_events = True
    uploaded = new.upload()
    put(new, uploaded, b"x")
    sample = copy.deepcopy(sample_event("Start"))
    del sample["detail"]["object"]["version-id"]
    assert shape(new.dropped_event(uploaded)) == shape(sample)


def test_a_second_photo_that_has_a_version_changes_nothing(new):
    """The first one stays the run's, and both are deleted with it."""
    new.app.drop_events = True
    uploaded = new.upload(scenes=["sky"])
    put(new, uploaded, photo())
    first = new.dropped_event(uploaded)
    new.app.set_versioning(True)
    assert put(new, uploaded, b"no photo")
    await_true(lambda: len(new.app.dropped) >= 2 and new.app.dropped[-1] is not first)
    new.app.deliver(first)
    await_true(lambda: new.record(uploaded).get("version"))  # functions run side by side: the second must not overtake
    new.app.deliver(new.app.dropped[-1])
    record = await_status(new, uploaded)
    assert (record["status"], record["version"]) == ("SUCCEEDED", "null")
    assert len(new.executions(record["run"])) == 1
    assert new.await_clean(uploaded) == []


def test_a_second_photo_without_a_version_does_not_outlive_the_end(new):
    uploaded = new.upload(scenes=["sky"])
    put(new, uploaded, photo())
    await_status(new, uploaded)
    assert new.await_clean(uploaded) == []
    put(new, uploaded, photo())
    await_true(lambda: new.versions(uploaded) == [])


def announced(booth):
    """A photo whose event has come, and which S3 does not find yet."""
    uploaded = booth.upload(scenes=["sky"])
    event = copy.deepcopy(sample_event("Start"))
    event["detail"]["bucket"]["name"] = uploaded["Bucket"]
    event["detail"]["object"]["key"] = uploaded["Key"]
    del event["detail"]["object"]["version-id"]
    booth.app.deliver(event)
    tried = "DetectFaces s3:GetObjectVersion"
    await_true(lambda: any(call.startswith(tried) for call in booth.app.failed()["calls"]))
    return uploaded


def test_a_photo_that_s3_does_not_find_yet_is_read_again(new):
    new.app.fail()
    new.app.drop_events = True
    uploaded = announced(new)
    put(new, uploaded, photo())
    assert await_status(new, uploaded)["status"] == "SUCCEEDED"


def test_a_deleted_photo_that_s3_does_not_find_ends_as_deleted(new):
    new.app.fail()
    uploaded, request_id = announced(new), str(uuid.uuid4())
    new.ask(uploaded, request_id)
    assert new.delete(request_id)[0] == 200
    assert new.ask(uploaded, request_id)[1]["error"]["code"] == "Deleted"
    running = lambda: [each for each in new.executions(new.record(uploaded)["run"]) if each["status"] == "RUNNING"]
    await_true(lambda: not running())
    assert new.left_over(uploaded) == []
