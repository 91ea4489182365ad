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
from booth.errors import BoothError, InternalError, RunEnded, ServiceUnavailable, Throttled, TurnLost
from booth.lifecycle import ending
from booth.painting import admission, records
from booth.pixels import encoding
from booth.run import Status
from booth.runs import store
from local.standins import image_models, image_wires
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
    assert ending.end(store.get("r"), "").pictures["p1"] == {
        "scene": "library",
        "state": "DONE",
        "key": "photo/photo_id_1.jpeg",
    }


def test_the_last_picture_ends_the_run_and_an_earlier_one_does_not(asked, counts):
    paint()
    assert store.get("r").status == Status.RUNNING
    admission.admit("r", [2], lost="TurnLost")
    paint(picture=2)
    run = store.get("r")
    assert (run.status, {picture["state"] for picture in run.pictures.values()}) == (Status.SUCCEEDED, {"DONE"})
    assert "prompt" not in run.pictures["p1"]
    assert counts() == {"Succeeded": 1, "ModelsUnavailable": 0}


def test_a_last_picture_that_can_not_end_the_run_is_not_painted_twice(asked, environment):
    paint()
    admission.admit("r", [2], lost="TurnLost")
    environment.setattr(store, "end", raising(Throttled("no")))
    assert paint(picture=2) == {"picture": 2, "wall": False}
    assert store.get("r").status == Status.RUNNING, "finish ends it"


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
    assert paint() == {"picture": 1, "wall": False}
    assert store.get("r").pictures["p1"]["state"] == "DONE"
    assert records.pace().gone == {TITAN: 1}
    assert len(asked) == 1


# Answers that are not known

INPAINT = "us.stability.stable-image-inpaint-v1:0@us-east-1"
TITANS = [TITAN, TITAN.replace("east-1", "west-2")]
SENTENCE = "Something that this picture has."
# InvokeModel's errors whose code alone says little; the others pass, or are retried (test_answers.py).
REFUSALS = {"ValidationException": 400, "AccessDeniedException": 403, "ResourceNotFoundException": 404}


@pytest.fixture
def scripted(asked, environment):
    """A chain of two Regions and another model. Gives what each candidate answers, by `model@region`: status, code and
    sentence; who is not in it paints. Gives also who was called.
    """
    script, called = {}, []

    @Request.application
    def model(request):
        candidate = "@".join(image_models.called(request))
        called.append(candidate)
        if candidate in script:
            return image_wires.error(*script[candidate])
        body = json.loads(request.get_data())
        image = body["image"] if "image" in body else body["outPaintingParams"]["image"]
        return Response(json.dumps({"images": [image], "finish_reasons": [None]}))

    environment.setenv("IMAGE_MODELS", ",".join([*TITANS, INPAINT]))
    with serving(model) as url:
        environment.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)
        clients.client.cache_clear()
        yield script, called


def raising(error):
    def call(*_):
        raise error

    return call


def until_it_ends():
    """The picture's number, or the name of the error that it fails with: by the state machine's Retry and Catch."""
    attempt = 0
    for _ in range(10):
        try:
            return paint(attempt)["picture"]
        except BoothError as error:
            if isinstance(error, TurnLost):
                try:
                    admission.admit("r", [1], lost="TurnLost")
                except BoothError as refusal:
                    return type(refusal).__name__
                attempt = 0
            elif isinstance(error, ServiceUnavailable | Throttled):
                attempt += 1
            else:
                return type(error).__name__
    return "no end"


@pytest.mark.parametrize("code", REFUSALS)
def test_a_sentence_that_nobody_knows_sends_this_picture_alone_to_the_next_candidate(scripted, code, counts):
    script, called = scripted
    script |= dict.fromkeys(TITANS, (REFUSALS[code], code, SENTENCE))
    assert until_it_ends() == 1
    assert sorted(called) == sorted([*TITANS, INPAINT])
    assert counts() == {"UnknownAnswer": 2, "ModelsUnavailable": 0}
    assert records.pace().gone == {}, "other pictures still get their turns there"


@pytest.mark.parametrize("code", REFUSALS)
def test_a_picture_fails_when_each_candidate_has_said_something_that_nobody_knows(scripted, code, counts):
    script, called = scripted
    script |= dict.fromkeys([*TITANS, INPAINT], (REFUSALS[code], code, SENTENCE))
    assert until_it_ends() == "NoModelLeft"
    assert sorted(called) == sorted([*TITANS, INPAINT]), "each is called once"
    assert counts() == {"UnknownAnswer": 3}
    assert records.pace().gone == {}


def test_a_picture_fails_when_who_is_left_is_gone(scripted):
    script, called = scripted
    gone = "This model version has reached the end of its life."
    script |= dict.fromkeys(TITANS, (400, "ValidationException", SENTENCE))
    script[INPAINT] = 404, "ResourceNotFoundException", gone
    assert until_it_ends() == "NoModelLeft"
    assert len(called) == 3
    assert records.pace().gone.keys() == {INPAINT}


def test_a_picture_fails_when_the_one_that_is_left_goes_first(scripted):
    script, called = scripted
    script[TITANS[0]] = script[TITANS[1]] = 403, "AccessDeniedException", "You may not do that."
    assert records.write_pace(replace(records.pace(), gone={INPAINT: 2**50}))
    assert until_it_ends() == "NoModelLeft"
    assert sorted(called) == sorted(TITANS)


def test_a_retry_does_not_come_back_to_a_candidate_that_this_picture_was_passed_over_by(scripted):
    script, called = scripted
    script[TITANS[0]] = 400, "ValidationException", SENTENCE
    script[TITANS[1]] = 500, "InternalServerException", "no"
    assert until_it_ends() == 1
    assert called.count(TITANS[0]) == 1
    assert called[-1] == INPAINT


def test_who_passed_a_picture_over_leaves_the_record_when_the_run_ends(scripted):
    script, _ = scripted
    script |= dict.fromkeys(TITANS, (403, "AccessDeniedException", SENTENCE))
    assert until_it_ends() == 1
    assert store.get("r").passed_over(1) == set(TITANS)
    assert ending.end(store.get("r"), "").pictures["p1"] == {
        "scene": "library",
        "state": "DONE",
        "key": "photo/photo_id_1.jpeg",
    }


def test_an_unknown_answer_of_a_run_that_has_ended_is_no_news(asked):
    run = store.get("r")
    ending.end(run, "TimedOut")
    with pytest.raises(RunEnded):
        admission.pass_over(run, 1, admission.chain()[0])
