"""The sample events: each function takes its own, and S3's is what the local S3 sends."""

import json
import uuid

import pytest

from tests.support.events import EVENTS, sample_event, shape
from tests.support.photos import photo

STEPS = ["DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "GenerateImage", "Finish"]


def invoke(booth, function, event):
    result = booth.app.lambdas.invoke(booth.app.stack.functions[function].name, json.dumps(event).encode())
    return json.loads(result.body)


def test_every_function_has_a_sample_event(quick):
    for function in quick.app.stack.functions:
        assert sample_event(function)
    assert len(EVENTS) == len(quick.app.stack.functions)


def test_upload(quick):
    answer = invoke(quick, "Upload", sample_event("Upload"))
    assert answer["statusCode"] == 200
    assert json.loads(json.loads(answer["body"])["body"])["ContentType"] == "image/jpeg"


def test_list_scenes(quick):
    answer = invoke(quick, "ListScenes", sample_event("ListScenes"))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["default"] == ["sky", "building", "forest"]


def test_photo(quick):
    # The bucket of the sample is not this stack's.
    answer = invoke(quick, "Photo", sample_event("Photo"))
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (403, "ForeignBucket")


@pytest.mark.parametrize("function", STEPS)
def test_a_step_of_an_unknown_run_stops(quick, function):
    answer = invoke(quick, function, sample_event(function))
    assert answer["errorType"] == "RunEnded"


@pytest.mark.parametrize("function", STEPS[:-1])
def test_a_step_of_a_deleted_run_is_told_so_and_not_that_its_files_are_gone(quick, function):
    uploaded, request_id = quick.upload(), str(uuid.uuid4())
    quick.ask(uploaded, request_id)
    run = quick.record(uploaded)["run"]
    assert quick.delete(request_id)[0] == 200
    answer = invoke(quick, function, sample_event(function) | {"run": run})
    assert answer["errorType"] == "RunEnded"


def test_start_and_the_whole_pipeline_behind_it(quick):
    event = json.loads(json.dumps(sample_event("Start")))
    key = "photo/sample event + 100%.jpg"
    quick.app.drop_events = True
    put = quick.s3.put_object(Bucket=quick.app.uploads_bucket, Key=key, Body=photo())
    event["detail"]["object"] |= {"key": key, "version-id": put["VersionId"]}
    assert invoke(quick, "Start", event) is None
    result = quick.await_end({"Bucket": quick.app.uploads_bucket, "Key": key}, "sample-event")
    assert result["status"] == "SUCCEEDED"


def test_the_sample_of_s3_is_what_s3_sends(quick):
    quick.app.drop_events = True
    uploaded = quick.upload()
    quick.put(uploaded, b"x")
    sent = quick.dropped_event(uploaded)
    assert shape(sent) == shape(sample_event("Start"))
    assert sent["detail"]["reason"] == "PutObject"
    quick.app.deliver(sent)


def test_s3_names_the_photo_in_its_event_as_the_visitor_did(quick):
    """Undecoded and whole, through the presigned URL; what the functions make of it: tests/unit/test_starting.py."""
    quick.app.drop_events = True
    for name in ("a b+c%20", "우리 사진 🎉", "\u202egpj.\u200f", "..%2f..%2fwork%00", "🎉" * 254 + "é", "&<*>"):
        uploaded = quick.upload(name)
        assert uploaded["Key"] == f"photo/{name}"
        assert quick.put(uploaded, b"x") == 200
        assert shape(quick.dropped_event(uploaded)) == shape(sample_event("Start"))
