"""The whole application: what a visitor's consent, Rekognition's labels and the mode make of pictures at the wall."""

import json
import uuid

import pytest

from booth.keys import wall_key
from tests.support.photos import photo
from tests.support.waiting import await_true

CONSENT = {"policy": "2026-11", "language": "en", "time": "2026-11-29T10:00:00Z", "wall": True}
SCENES = ["library", "sky"]


def visit(booth, consent=CONSENT):
    """A visit of two pictures that has ended with both, and whose execution has; gives its record."""
    uploaded = booth.upload(f"{uuid.uuid4().hex}.jpg", consent=consent, scenes=SCENES)
    assert booth.put(uploaded, photo()) == 200
    result = booth.await_end(uploaded)
    assert (result["status"], len(json.loads(result["url_generated"]))) == ("SUCCEEDED", 2)
    run = booth.record(uploaded)["run"]
    await_true(lambda: [each["status"] for each in booth.executions(run)] == ["SUCCEEDED"])
    return booth.record_of(run)


def served(booth, record):
    """For each picture, whether the CDN serves its copy for the wall."""
    return [booth.http("GET", f"{booth.url}/{wall_key(record['run'], number)}")[0] == 200 for number in (1, 2)]


@pytest.mark.parametrize(
    ("mode", "labels", "state"),
    [
        ("on", {"Violence": 49.9}, "shown"),
        ("on", {"Violence": 61.0}, "waiting"),
        ("on", {"Explicit": 90.0}, "refused"),
        ("shadow", {"Explicit": 90.0}, "shown"),
        ("off", {"Explicit": 90.0}, "shown"),
    ],
)
def test_pictures_for_the_wall_are_there_as_their_scores_and_the_mode_say(quick, mode, labels, state):
    quick.redeploy(WallModeration=mode)
    quick.stand_in("rekognition", canned={"faces": 1, "labels": labels})
    record = visit(quick)
    assert {name: each["state"] for name, each in record["wall"].items()} == {"p1": state, "p2": state}
    assert record.get("on_wall", "") == ("" if state == "refused" else state)
    assert served(quick, record) == [state != "refused"] * 2


def test_without_consent_for_the_wall_nothing_is_scored_and_nothing_copied(quick):
    quick.stand_in("rekognition", canned={"faces": 1})
    before = quick.calls("rekognition")
    record = visit(quick, CONSENT | {"wall": False})
    assert quick.calls("rekognition") == before + 1  # its faces
    assert "wall" not in record
    assert served(quick, record) == [False, False]


def test_what_rekognition_does_not_score_waits_for_staff_and_its_visitor_waits_for_nothing(quick):
    dead = {"status": 500, "type": "InternalServerError", "message": "dead", "match": "*:DetectModerationLabels *"}
    quick.stand_in("rekognition", canned={"faces": 1}, faults=[dead])
    record = visit(quick)
    assert {name: each["state"] for name, each in record["wall"].items()} == {"p1": "waiting", "p2": "waiting"}
    assert served(quick, record) == [True, True]
