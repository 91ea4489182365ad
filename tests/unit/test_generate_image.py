"""The step that paints, against an emulated table and bucket and a model that keeps what it is asked."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from botocore.awsrequest import AWSResponse
from werkzeug.wrappers import Request, Response

from booth import scenes
from booth.aws import clients, table
from booth.errors import InternalError
from booth.lifecycle import ending
from booth.painting import records
from booth.pixels import encoding
from booth.runs import store
from tests.support.painting import FILES, KEEP, PIXELS, admit_run, paint
from tests.support.serving import serving

TITAN = "amazon.titan-image-generator-v2:0@us-east-1"


@pytest.fixture
def asked(dynamodb, environment):
    """A run, admitted, with its files in an emulated S3, and a model that keeps the requests it gets; gives those."""
    requests = []

    @Request.application
    def model(request):
        requests.append(json.loads(request.get_data()))
        return Response(json.dumps({"images": [requests[-1]["outPaintingParams"]["image"]]}))

    admit_run(environment, TITAN)
    with serving(model) as url:
        environment.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)
        yield requests


@pytest.mark.parametrize(
    "faces,people", [(1, "of a person in"), (2, "of two people in"), (5, "of a group of people in")]
)
def test_the_model_is_told_how_many_people_the_run_has(asked, dynamodb, faces, people):
    store.set_faces("r", faces, 0)
    paint()
    assert people in asked[0]["outPaintingParams"]["text"]
    assert asked[0]["outPaintingParams"]["negativeText"] == scenes.catalogue()["library"].negative


@pytest.fixture
def other_catalogue(environment, tmp_path):
    """Another catalogue is deployed: it has no library, and other texts under the ids that it has kept."""
    entries = [vars(scene) | {"prompt": "Another picture of {people}.", "negative": ""} for scene in scenes.defaults()]

    def deploy():
        (tmp_path / "scenes.json").write_text(json.dumps(entries), "utf-8")
        environment.setattr(scenes, "CATALOGUE", tmp_path / "scenes.json")
        scenes.catalogue.cache_clear()

    yield deploy
    scenes.catalogue.cache_clear()


def test_what_the_record_says_is_painted_whatever_catalogue_is_deployed_meanwhile(asked, other_catalogue):
    library = scenes.catalogue()["library"]
    other_catalogue()
    paint()
    assert asked[0]["outPaintingParams"]["text"] == library.prompt.replace("{people}", "a group of people")
    assert asked[0]["outPaintingParams"]["negativeText"] == library.negative
    assert store.get("r").pictures["p1"]["scene"] == "library"


def test_a_first_step_that_runs_again_under_another_catalogue_changes_no_picture(asked, other_catalogue):
    before = store.get("r").pictures
    other_catalogue()
    store.publish_copy("r", "photo/a.jpg", scenes.chosen(("library", "sky")))
    assert store.get("r").pictures == before


def test_a_picture_of_a_record_from_before_prompts_were_kept_is_painted_by_the_catalogue(asked, dynamodb):
    table.connect().update_item(
        TableName=table.table_name(),
        Key=table.key_of("run", "r"),
        UpdateExpression="REMOVE pictures.p1.prompt, pictures.p1.negative, pictures.p1.seed",
    )
    paint()
    assert "library" in asked[0]["outPaintingParams"]["text"]


def test_prompts_leave_the_record_when_the_run_ends(asked):
    paint()
    [picture] = ending.end(store.get("r"), "").pictures.values()
    assert picture == {"scene": "library", "state": "DONE", "key": "photo/photo_id_1.jpeg"}


def test_photo_and_mask_go_to_a_model_that_takes_their_size_as_they_lie_there(asked):
    paint()
    [request] = asked
    assert base64.b64decode(request["outPaintingParams"]["image"]) == FILES["photo.jpg"]
    assert base64.b64decode(request["outPaintingParams"]["maskImage"]) == FILES["mask.png"]


def test_the_kept_pixels_are_those_of_the_exact_photo_not_of_the_models_jpeg(asked, environment):
    handed = []
    environment.setattr(encoding, "encode_jpeg", lambda pixels, **_: handed.append(pixels) or b"jpeg")
    paint()
    [pixels] = handed
    assert np.array_equal(pixels[KEEP], PIXELS[KEEP])


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_can_not_be_read_costs_no_call_of_a_model(asked, name):
    clients.client("s3").delete_object(Bucket="results", Key=f"work/r/{name}")
    with pytest.raises(InternalError):
        paint()
    assert asked == []


def test_the_first_attempt_takes_the_turns_slot_and_a_retry_takes_none(asked, dynamodb):
    turn = store.get("r").turns[1]
    paint(attempt=1)
    assert records.slot_last_used(turn) == 0
    paint()
    assert records.slot_last_used(turn) > 0


def test_a_picture_brings_the_candidate_back_that_was_gone(asked, dynamodb, counts):
    pace = records.pace()
    assert records.write_pace(replace(pace, gone={TITAN: 1, "other@us-east-1": 2}))
    paint()
    assert records.pace().gone == {"other@us-east-1": 2}
    assert counts() == {"ModelsUnavailable": 0}, "the alarm ends"


def test_a_picture_is_not_painted_twice_because_its_candidate_could_not_be_noted(asked, dynamodb):
    assert records.write_pace(replace(records.pace(), gone={TITAN: 1}))

    def throttled(request, **_):
        if b'"pace"' not in request.body:
            return None
        body = {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "no"}
        raw = type("Raw", (), {"stream": lambda self, **_: iter([json.dumps(body).encode()])})()
        return AWSResponse(request.url, 400, {"Content-Type": "application/x-amz-json-1.0"}, raw)

    table.connect().meta.events.register("before-send.dynamodb.UpdateItem", throttled)
    assert paint() == {"picture": 1}
    assert store.get("r").pictures["p1"]["state"] == "DONE"
    assert records.pace().gone == {TITAN: 1}
    assert len(asked) == 1
