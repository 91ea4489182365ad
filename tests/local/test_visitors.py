"""Who is a visitor, through the whole application."""

import json

import numpy as np
import pytest

from booth.pixels import intake
from tests.odd_photos.compositions import PHOTOS
from tests.support import kept_faces
from tests.support.application import SIDE
from tests.support.booth import HOLD
from tests.support.photos import photo
from tests.support.waiting import await_true

SURE = {"BoundingBox": {"Left": 0.36, "Top": 0.33, "Width": 0.26, "Height": 0.45}, "Confidence": 99.99}
UNSURE = {"BoundingBox": {"Left": 0.85, "Top": 0.06, "Width": 0.05, "Height": 0.08}, "Confidence": 54.2}


@pytest.mark.parametrize(
    "answer,visitors",
    [([SURE, UNSURE], 1), ([SURE, UNSURE | {"Confidence": 99.9}], 1), ([SURE, SURE], 2)],
    ids=["a face of 54 %", "a small one", "two"],
)
def test_only_visitors_are_counted_and_kept(quick, answer, visitors):
    quick.stand_in("rekognition", canned={"faces": answer})
    uploaded, result = quick.process(photo(), scenes=["sky"])
    assert result["status"] == "SUCCEEDED"
    assert quick.record(uploaded)["faces"] == visitors


def test_without_a_face_that_is_sure_the_visitor_reads_that_none_was_found(quick):
    quick.stand_in("rekognition", canned={"faces": [UNSURE]})
    uploaded, result = quick.process(photo())
    assert (result["status"], result["error"]["code"]) == ("FAILED", "NoFaceFound")
    assert "could not find a face" in result["error"]["message"]
    assert not quick.await_clean(uploaded)


def test_of_a_crowd_behind_a_visitor_nothing_is_left_in_the_picture(booth):
    """The upright copy shows the photo as it was taken: it is the visitor's own, and nobody is painted out of it."""
    data = PHOTOS["one before a crowd"].make()
    taken = intake.normalise(data, SIDE)
    visitors, others = kept_faces.Models().faces(taken.detection, *taken.photo.size)
    assert (len(visitors), len(others)) == (1, 99)
    uploaded, result = booth.process(data, scenes=["sky"])
    assert booth.record(uploaded)["faces"] == 1
    [url] = json.loads(result["url_generated"])
    painted = np.asarray(booth.picture(url).convert("RGB")).astype(int)
    before = np.asarray(taken.photo).astype(int)
    for face in others:
        l, t, r, b = map(round, face.box)
        assert np.abs(painted[t:b, l:r] - before[t:b, l:r]).mean() > 25
    [visitor] = visitors
    l, t, r, b = map(round, visitor.box)
    middle = (slice(t + (b - t) // 4, b - (b - t) // 4), slice(l + (r - l) // 4, r - (r - l) // 4))
    assert np.abs(painted[middle] - before[middle]).mean() < 3
    shown = np.asarray(booth.picture(result["url_original"]).convert("RGB")).astype(int)
    assert np.abs(shown - before).mean() < 3


@pytest.fixture
def repainting(booth):
    """A booth that paints pictures with invented people once more."""
    booth.redeploy(RepaintInventedPeople="true")
    return booth


def people_in(booth, url):
    """How many visitors the detector finds in a picture."""
    _, _, data = booth.http("GET", url)
    visitors, _ = kept_faces.Models().faces(data, *booth.picture(url).size)
    return len(visitors)


def test_a_person_whom_the_model_invents_is_painted_over(repainting, portrait):
    """The count is canned: on a busy machine the local detector may take longer than a count may."""
    repainting.stand_in("sagemaker", canned={})
    before = repainting.calls_at_rest("bedrock")
    repainting.stand_in("bedrock", canned={}, faults=[{"kind": "invented-person", "times": 1}], latency=HOLD)
    uploaded = repainting.upload(scenes=["sky"])
    repainting.put(uploaded, portrait)
    await_true(lambda: repainting.calls("bedrock") > before)
    repainting.stand_in("rekognition", canned={"faces": [SURE, SURE]})
    repainting.stand_in("bedrock", canned={})
    result = repainting.await_end(uploaded)
    assert repainting.calls_at_rest("bedrock") - before == 2
    [url] = json.loads(result["url_generated"])
    assert people_in(repainting, url) == 1


def test_where_nobody_counts_an_invented_person_stays(booth, portrait):
    booth.stand_in("sagemaker", canned={})
    booth.stand_in("bedrock", faults=[{"kind": "invented-person", "times": 1}])
    before = booth.calls_at_rest("bedrock")
    _, result = booth.process(portrait, scenes=["sky"])
    assert booth.calls_at_rest("bedrock") - before == 1
    [url] = json.loads(result["url_generated"])
    assert people_in(booth, url) == 2


def test_a_rekognition_that_is_gone_when_people_are_counted_costs_no_picture(quick):
    quick.redeploy(RepaintInventedPeople="true")
    quick.app.fail({"kind": "denied", "match": "GenerateImage rekognition:*"})
    _, result = quick.process(photo(), scenes=["sky"])
    assert quick.app.failed()["struck"]
    assert result["status"] == "SUCCEEDED"
    assert len(json.loads(result["url_generated"])) == 1
