"""What staff are told of a day, from what was counted and from the models' pace."""

import json
from datetime import UTC, datetime

import pytest

from booth import errors
from booth.errors import ApiError, BadRequest, BoothError
from booth.histogram import bin_of
from booth.http import today
from booth.http.today import Now
from booth.painting.chain import parse_chain
from booth.painting.pacing import Pace
from booth.run import WINDOW_MS
from booth.runs import store
from booth.runs.figures import Day
from tests.support.runs import NOW

TITAN, NOVA, INPAINT = (
    "amazon.titan-image-generator-v2:0@us-east-1",
    "amazon.nova-canvas-v1:0@us-east-1",
    "us.stability.stable-image-inpaint-v1:0@us-west-2",
)
CHAIN = parse_chain(f"{TITAN},{INPAINT},endpoint", "eu-west-1")
DAY = datetime.fromtimestamp(NOW / 1000, UTC).date().isoformat()
DAYS = store.RETENTION_SECONDS // 86_400
NOTHING = Pace({}, {}, 0)


def told(counted=None, pace=NOTHING, pads=None, photos=0, per_day=0):
    answer = today.answer(DAY, counted or Day(), CHAIN, Now(pace, pads or {}, photos, per_day))
    assert (answer["statusCode"], answer["headers"]["cache-control"]) == (200, "no-store")
    return json.loads(answer["body"])


def test_a_day_on_which_nothing_has_happened(moment):
    assert told() == {
        "day": DAY,
        "now": NOW // 1000,
        "visits": 0,
        "pictures": 0,
        "ended": {"SUCCEEDED": 0, "PARTIAL": 0, "FAILED": 0},
        "failures": [],
        "waiting": {"pictures": 0, "seconds": 0},
        "models": [
            {"name": name, "state": "unknown", "pictures": 0, "failures": 0}
            for name in (TITAN, INPAINT, "endpoint@eu-west-1")
        ],
        "money": {"usd": 0, "isEstimate": True},
        "budget": {"photos": 0, "photosPerDay": 0},
        "scenes": [],
        "first": {"median": None, "p95": None},
        "last": {"median": None, "p95": None},
        "pads": [],
        "wall": {},
    }


def test_a_day_of_visits(moment):
    counted = Day(
        ended={"SUCCEEDED": 20, "PARTIAL": 1, "FAILED": 2},
        failed={"NoFaceFound": 2, "ContentBlocked": 1},
        pictures={"sky": 20, "library": 32, "gone-scene": 10},
        painted={TITAN: 10, INPAINT: 50, "endpoint@eu-west-1": 2},
        missed={INPAINT: 1},
        first={bin_of(9): 11, bin_of(14): 9, bin_of(60): 1},
        last={bin_of(31): 21},
    )
    answer = told(counted, photos=25, per_day=1000)
    assert (answer["visits"], answer["pictures"]) == (23, 62)
    assert answer["ended"] == counted.ended
    assert [(each["code"], each["count"]) for each in answer["failures"]] == [("NoFaceFound", 2), ("ContentBlocked", 1)]
    assert answer["failures"][0]["message"] == errors.NoFaceFound.message
    assert answer["failures"][0]["advice"] == errors.NoFaceFound.advice
    assert [(each["id"], each["pictures"]) for each in answer["scenes"]] == [
        ("library", 32),
        ("sky", 20),
        ("gone-scene", 10),
    ]
    assert answer["scenes"][0]["title"].keys() >= {"en", "ko"}
    assert answer["scenes"][2]["title"] == {"en": "gone-scene", "ko": "gone-scene"}
    assert answer["money"]["usd"] == round(10 * 0.01 + 50 * 0.07 + 23 * today.PHOTO_DOLLARS, 2)
    assert answer["budget"] == {"photos": 25, "photosPerDay": 1000}
    assert answer["first"] == {"median": pytest.approx(9, 0.06), "p95": pytest.approx(14, 0.06)}
    assert answer["last"]["median"] == answer["last"]["p95"] == pytest.approx(31, 0.06)


def test_the_states_of_models(moment):
    pace = Pace({}, {INPAINT: NOW - 1}, 1)
    counted = Day(painted={TITAN: 1, INPAINT: 9}, missed={NOVA: 4})
    assert [(each["name"], each["state"]) for each in told(counted, pace)["models"]] == [
        (TITAN, "alive"),
        (INPAINT, "gone"),  # until it paints, though it is asked again
        ("endpoint@eu-west-1", "unknown"),
        (NOVA, "unknown"),  # of a chain that was in use earlier that day
    ]
    for ago, state in ((today.THROTTLED_SECONDS - 1, "throttled"), (today.THROTTLED_SECONDS, "alive")):
        counted = Day(painted={TITAN: 1}, throttled={TITAN: NOW // 1000 - ago})
        assert told(counted)["models"][0]["state"] == state


def test_pictures_that_wait_and_for_how_long(moment):
    pace = Pace({TITAN: [NOW - 5, NOW + 10_000 + WINDOW_MS, NOW + 1]}, {}, 1)
    assert told(pace=pace)["waiting"] == {"pictures": 3, "seconds": (10_000 + WINDOW_MS) // 1000}


def test_a_pad_that_has_taken_no_photo_since_midnight_is_told_all_the_same(moment):
    counted = Day(pads={"b": NOW // 1000})
    assert told(counted, pads={"a": 5, "b": 7})["pads"] == [
        {"name": "a", "seen": 5},
        {"name": "b", "seen": NOW // 1000},
    ]


def test_an_earlier_day_has_no_queue_and_no_models_state(moment):
    counted = Day(ended={"SUCCEEDED": 1}, painted={TITAN: 3}, throttled={TITAN: NOW // 1000}, pads={"a": 5})
    answer = json.loads(today.answer("2030-01-01", counted, CHAIN)["body"])
    assert (answer["visits"], answer["waiting"], answer["budget"]) == (1, None, None)
    assert {each["state"] for each in answer["models"]} == {"unknown"}
    assert answer["pads"] == [{"name": "a", "seen": 5}]


def test_days_that_may_be_asked_for(moment):
    assert today.day_of({}) == today.day_of({"day": DAY}) == DAY
    oldest = DAY
    for _ in range(DAYS):
        oldest = today.before(oldest)
    assert today.day_of({"day": oldest}) == oldest
    for other in (today.before(oldest), "9999-12-31", "", "today", DAY.replace("-", ""), f"{DAY} ", "2030-02-30"):
        with pytest.raises(BadRequest):
            today.day_of({"day": other})


def kinds(base=BoothError):
    return [base, *(kind for sub in base.__subclasses__() for kind in kinds(sub) if not issubclass(sub, ApiError))]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_sentence_for_staff_of_its_own(kind):
    assert "advice" in vars(kind)
    assert 20 < len(kind.advice) < 120
    assert kind.advice[0].isupper()
    assert kind.advice.endswith(".")
