"""What pictures keep, through the whole application."""

import json

import numpy as np
import pytest
from boto3.dynamodb.types import TypeSerializer
from PIL import Image

from booth import scenes
from booth.pixels import intake
from local.standins.server import FLAT_COLOUR
from tests.support.application import SIDE
from tests.support.photos import photo

KEEPS = ("face", "head", "person")
PHOTO = photo()


def begin(booth, keeps=KEEPS):
    """An upload whose pictures, one for each, will keep these, as if the scenes said it: the record's pictures are
    written once."""
    chosen = scenes.defaults()[: len(keeps)]
    uploaded = booth.upload(scenes=[scene.id for scene in chosen])
    pictures = {
        f"p{number}": {"scene": scene.id, "state": "WAITING", "prompt": scene.prompt, "negative": scene.negative}
        | {"seed": None, "keep": keep}
        for number, (scene, keep) in enumerate(zip(chosen, keeps, strict=True), start=1)
    }
    booth.table.update_item(
        TableName=booth.table_name,
        Key={"pk": {"S": booth.record(uploaded)["pk"]}},
        UpdateExpression="SET pictures = :pictures",
        ExpressionAttributeValues={":pictures": TypeSerializer().serialize(pictures)},
    )
    return uploaded


def kept_in(booth, url):
    """Where a picture shows the photo, bool, H x W. Elsewhere it is FLAT_COLOUR, fitted to the photo or not."""
    picture = np.asarray(booth.picture(url).convert("RGB")).astype(int)
    before = np.asarray(intake.normalise(PHOTO, SIDE).photo).astype(int)
    return (np.abs(picture - before).max(axis=2) < 12) & (np.abs(picture - FLAT_COLOUR).max(axis=2) > 12)


def counted(booth, since, name):
    """How often the functions have counted this."""
    lines = booth.app.log_path.read_text(encoding="utf-8")[since:].splitlines()
    return sum(f'"Name":"{name}"' in line.replace(" ", "") for line in lines)


def log_length(booth):
    return len(booth.app.log_path.read_text(encoding="utf-8"))


def test_one_run_has_three_pictures_of_which_each_keeps_something_else(quick):
    calls, since = quick.calls_at_rest("sagemaker"), log_length(quick)
    uploaded = begin(quick)
    assert quick.put(uploaded, PHOTO) == 200
    result = quick.await_end(uploaded)
    assert result["status"] == "SUCCEEDED"
    assert [each["keep"] for each in result["pictures"]] == list(KEEPS)
    assert quick.calls("sagemaker") - calls == 2, "one crop, and one call for all that is more"
    face, head, person = (kept_in(quick, url) for url in json.loads(result["url_generated"]))
    assert face.sum() > 1000
    assert (face & ~head).sum() < 0.01 * face.sum()
    assert (head & ~person).sum() < 0.01 * head.sum()
    assert 1.5 * face.sum() < head.sum() < person.sum()
    assert quick.await_clean(uploaded) == []
    record = quick.record(uploaded)
    assert "not_kept" not in record
    assert [record["pictures"][name]["keep"] for name in ("p1", "p2", "p3")] == list(KEEPS)
    assert counted(quick, since, "KeptLess") == 0


FAULTS = {
    "throttled": {"kind": "throttled"},
    "connections that break": {"kind": "reset", "times": 2},
    "garbage": {"kind": "malformed", "times": 2},
    "half an answer": {"kind": "cut", "times": 2},
    "killed": {"kind": "killed after", "times": 2},
    "denied": {"kind": "denied"},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_whatever_the_endpoint_does_the_faces_are_kept_and_every_picture_comes(quick, fault):
    since = log_length(quick)
    quick.app.fail(fault | {"match": "SegmentCrop sagemaker:InvokeEndpoint keep *"})
    uploaded = begin(quick, ("head", "person"))
    assert quick.put(uploaded, PHOTO) == 200
    result = quick.await_end(uploaded)
    assert (result["status"], len(json.loads(result["url_generated"]))) == ("SUCCEEDED", 2)
    assert [each["keep"] for each in result["pictures"]] == ["face"] * 2
    record = quick.record(uploaded)
    assert (record["not_kept"], record["faces_by_ellipse"]) == (["head", "person"], 0)
    assert [record["pictures"][name]["keep"] for name in ("p1", "p2")] == ["head", "person"], "what was asked for"
    assert counted(quick, since, "KeptLess") == 1, "once a run"
    assert quick.await_clean(uploaded) == []


def test_without_a_matte_the_endpoint_is_asked_once(quick):
    quick.stand_in("sagemaker", canned={"matte": False})
    calls = quick.calls_at_rest("sagemaker")
    uploaded, result = quick.process(PHOTO, scenes=["sky"], keep="head")
    assert [each["keep"] for each in result["pictures"]] == ["face"]
    assert quick.record(uploaded)["not_kept"] == ["head"]
    assert quick.calls("sagemaker") - calls == 2


def test_a_call_that_fails_once_is_made_again(quick):
    quick.app.fail({"kind": "reset", "times": 1, "match": "SegmentCrop sagemaker:InvokeEndpoint keep *"})
    _, result = quick.process(PHOTO, scenes=["sky"], keep="person")
    assert [each["keep"] for each in result["pictures"]] == ["person"]


def test_the_stack_says_it_for_those_who_choose_nothing(quick):
    quick.redeploy(Keep="person")
    _, _, listed = quick.http("GET", f"{quick.url}/scenes")
    assert {scene["keep"] for scene in listed["scenes"]} == {"person"}
    for chosen, kept in (({}, "person"), ({"keep": "face"}, "face")):
        _, result = quick.process(PHOTO, scenes=["sky"], **chosen)
        assert [each["keep"] for each in result["pictures"]] == [kept]


def test_an_endpoint_of_the_customers_own_is_asked_for_faces_alone(quick):
    quick.redeploy(Keep="head", SamProtocol="classic")
    calls = quick.calls_at_rest("sagemaker")
    uploaded, result = quick.process(PHOTO, scenes=["sky"])
    assert [each["keep"] for each in result["pictures"]] == ["face"]
    assert quick.record(uploaded)["not_kept"] == ["head"]
    assert quick.calls("sagemaker") - calls == 1


def test_who_chooses_what_nobody_knows_is_refused(quick):
    body = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg", "keep": "hair"}
    status, _, answer = quick.post("/upload", body)
    assert status == 400
    assert "face, head, person" in json.loads(answer["body"])["error"]["message"]


def test_the_photos_of_whole_people_are_the_photo_there(booth, portrait):
    """With the real models: the person stands before a new background, pixel for pixel but for the JPEG."""
    uploaded, result = booth.process(portrait, scenes=["sky"], keep="person")
    assert [each["keep"] for each in result["pictures"]] == ["person"]
    assert "not_kept" not in booth.record(uploaded)
    [url] = json.loads(result["url_generated"])
    before = intake.normalise(portrait, SIDE).photo
    picture = booth.picture(url).convert("RGB")
    assert picture.size == before.size
    suit = (0.4, 0.7, 0.6, 0.95)
    left, top, right, bottom = (round(share * side) for share, side in zip(suit, before.size * 2, strict=True))
    box = (left, top, right, bottom)
    apart = np.abs(np.asarray(picture.crop(box)).astype(int) - np.asarray(Image.Image.crop(before, box)).astype(int))
    assert apart.mean() < 3
