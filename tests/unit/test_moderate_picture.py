"""A picture's score for the wall: what becomes of it in each mode, and whatever fails or happens meanwhile."""

import io
import json
from decimal import Decimal

import pytest
from PIL import Image

import moderate_picture
from booth import keys, limits
from booth.aws import objects, rekognition
from booth.errors import RunEnded, ServiceUnavailable, Throttled
from booth.http import today
from booth.lifecycle import deletion, ending, publishing
from booth.runs import figures, store, uploads, wall
from booth.wall import Verdict, WallState
from tests.support.invalidations import connect_cdn
from tests.support.painting import context
from tests.support.runs import shown
from tests.support.threads import at_once

THROTTLED = {"status": 400, "type": "ThrottlingException", "message": "slow down"}
DOWN = {"status": 500, "type": "InternalServerError", "message": "dead"}
DENIED = {"status": 400, "type": "AccessDeniedException", "message": "no"}


@pytest.fixture
def rekognition_says(account, models, environment):
    """Sets Rekognition's labels, or its fault, and gives a hand on its calls."""
    connect_cdn(account, environment)
    environment.setenv("WALL_MODERATION", "on")
    environment.setenv("WALL_DOUBT_THRESHOLD", "50")
    environment.setenv("WALL_REFUSE_THRESHOLD", "80")

    def say(labels=None, faults=()):
        models.set("rekognition", canned={"labels": labels or {}}, faults=list(faults))
        return models

    say()
    return say


@pytest.fixture(scope="module")
def image():
    """A JPEG that Rekognition takes."""
    out = io.BytesIO()
    Image.new("RGB", (128, 96), "teal").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def visit(rekognition_says, image):
    """A visit of which the first picture is published; gives its run."""

    def begin(agrees=True):
        run = uploads.find_by_request(shown(wall=agrees))
        objects.write(run.pictures["p1"]["key"], image, "image/jpeg")
        return run

    return begin


def moderate(run, attempt=0):
    return moderate_picture.handler({"run": run.id, "picture": 1, "attempt": attempt}, context())


def entry(run):
    return (store.get(run.id).wall or {}).get("p1")


def state(run):
    return (entry(run) or {}).get("state")


def counted():
    return figures.read(figures.today()).wall


def copy(run):
    return objects.find(keys.wall_key(run.id, 1))


@pytest.mark.parametrize(
    ("labels", "is_now", "has_copy"),
    [
        ({"Alcohol": 99.0, "Violence": 49.9}, "shown", True),
        ({"Violence": 50.0}, "waiting", True),
        ({"Explicit": 79.9}, "waiting", True),
        ({"Explicit": 80.0}, "refused", False),
    ],
)
def test_a_score_decides_by_both_thresholds(visit, rekognition_says, image, labels, is_now, has_copy):
    rekognition_says(labels)
    run = visit()
    assert moderate(run) == {"picture": 1}
    assert (state(run), copy(run)) == (is_now, image if has_copy else None)
    assert counted() == {is_now: 1, "scored": 1}


def test_the_label_that_decided_is_kept_with_its_score(visit, rekognition_says):
    rekognition_says({"Violence": 61.26, "Alcohol": 99.0})
    run = visit()
    moderate(run)
    assert (entry(run)["label"], entry(run)["score"]) == ("Violence", Decimal("61.3"))


def test_other_thresholds_decide_otherwise(visit, rekognition_says, environment):
    environment.setenv("WALL_DOUBT_THRESHOLD", "95")
    environment.setenv("WALL_REFUSE_THRESHOLD", "30")
    rekognition_says({"Explicit": 31.0, "Violence": 94.0})
    run = visit()
    moderate(run)
    assert state(run) == "refused"


@pytest.mark.parametrize(
    ("labels", "more"),
    [({}, {}), ({"Violence": 60.0}, {"would_wait": 1}), ({"Explicit": 90.0}, {"would_refuse": 1})],
)
def test_in_the_shadow_every_picture_is_shown_and_what_would_have_been_is_counted(
    visit, rekognition_says, environment, labels, more
):
    environment.setenv("WALL_MODERATION", "shadow")
    rekognition_says(labels)
    run = visit()
    moderate(run)
    assert (state(run), entry(run).keys()) == ("shown", {"state", "at"})
    assert counted() == {"shown": 1, "scored": 1} | more


def test_without_moderation_every_picture_is_shown_and_no_score_is_paid_for(visit, rekognition_says, environment):
    environment.setenv("WALL_MODERATION", "off")
    models = rekognition_says({"Explicit": 99.0})
    run = visit()
    before = models.calls("rekognition")
    moderate(run)
    assert (state(run), counted()) == ("shown", {"shown": 1})
    assert models.calls("rekognition") == before


@pytest.mark.parametrize(("fault", "error"), [(THROTTLED, Throttled), (DOWN, ServiceUnavailable)])
@pytest.mark.parametrize("attempt", [0, 1])
def test_what_may_pass_is_left_to_a_retry(visit, rekognition_says, fault, error, attempt):
    rekognition_says(faults=[fault])
    run = visit()
    with pytest.raises(error):
        moderate(run, attempt)
    assert (state(run), copy(run), counted()) == (None, None, {})


@pytest.mark.parametrize(("fault", "attempt"), [(THROTTLED, 2), (DOWN, 2), (DOWN, 5), (DENIED, 0)])
@pytest.mark.parametrize(("mode", "is_now"), [("on", "waiting"), ("shadow", "shown")])
def test_what_gets_no_score_waits_for_staff(
    visit, rekognition_says, environment, image, counts, fault, attempt, mode, is_now
):
    environment.setenv("WALL_MODERATION", mode)
    rekognition_says(faults=[fault])
    run = visit()
    moderate(run, attempt)
    assert entry(run).keys() == {"state", "at"}
    assert (state(run), copy(run)) == (is_now, image)
    assert counted() == {is_now: 1, "unscored": 1}
    assert counts() == {"PicturesNotScored": 1}


@pytest.mark.parametrize("agrees", [False, None])
def test_a_visit_that_is_not_for_the_wall_has_no_score(visit, rekognition_says, agrees):
    models, run = rekognition_says(), visit(agrees)
    before = models.calls("rekognition")
    moderate(run)
    assert (store.get(run.id).wall, copy(run), counted()) == (None, None, {})
    assert models.calls("rekognition") == before


def test_a_picture_is_decided_once(visit, rekognition_says):
    run = visit()
    moderate(run)
    wall.decide(run.id, 1, WallState.HIDDEN, "staff")
    models = rekognition_says({"Explicit": 99.0})
    before = models.calls("rekognition")
    moderate(run, 1)
    assert (state(run), counted()) == ("hidden", {"shown": 1, "scored": 1})
    assert models.calls("rekognition") == before


def test_an_attempt_that_died_after_the_copy_is_made_good(visit, image):
    run = visit()
    objects.put_result(keys.wall_key(run.id, 1), image)
    moderate(run, 1)
    assert (state(run), copy(run)) == ("shown", image)


def test_an_attempt_that_died_after_the_record_changes_nothing(visit, image):
    run = visit()
    publishing.publish_on_wall(run, 1, image, Verdict(WallState.WAITING, "Violence", 60))
    moderate(run, 1)
    assert (state(run), copy(run), counted()) == ("waiting", image, {})


def test_a_copy_whose_attempt_died_is_refused_by_the_next_and_goes_at_the_end(visit, rekognition_says, image, moment):
    run = visit()
    objects.put_result(keys.wall_key(run.id, 1), image)
    rekognition_says({"Explicit": 99.0})
    moderate(run, 1)
    assert (state(run), store.get(run.id).stored & {keys.wall_key(run.id, 1)}) == ("refused", set())
    ending.settle(store.get(run.id), "TimedOut")
    moment.now += limits.CLEAN_SECONDS * 1000
    ending.clean(store.get(run.id))
    assert copy(run) is None


def during_the_score(environment, action):
    ask = rekognition.moderation_labels

    def asked(*arguments):
        action()
        return ask(*arguments)

    environment.setattr(rekognition, "moderation_labels", asked)


def test_a_visit_that_is_deleted_meanwhile_leaves_nothing(visit, environment):
    run = visit()
    during_the_score(environment, lambda: deletion.delete(store.get(run.id)))
    moderate(run)
    assert (store.get(run.id).wall, copy(run), counted()) == (None, None, {})


def test_a_picture_that_its_visitor_takes_off_meanwhile_stays_off(visit, environment):
    run = visit()
    during_the_score(environment, lambda: wall.take_off(run.id, None))
    moderate(run)
    assert (state(run), copy(run), counted()) == ("off", None, {})


def test_a_run_that_ends_meanwhile_changes_nothing(visit, environment, image):
    run = visit()
    during_the_score(environment, lambda: ending.settle(store.get(run.id), "TimedOut"))
    moderate(run)
    assert (state(run), copy(run)) == ("shown", image)


def test_cleaning_up_leaves_a_copy_that_is_about_to_be_listed(visit, environment, image):
    """`sweep` may clean up after a run whose last picture is being scored."""
    run = visit()
    ending.end(store.get(run.id), "TimedOut")
    put = wall.put

    def put_after_cleaning(*arguments):
        ending.clean(store.get(run.id))
        return put(*arguments)

    environment.setattr(wall, "put", put_after_cleaning)
    moderate(run)
    assert (state(run), copy(run)) == ("shown", image)


def test_a_picture_that_is_gone_is_left_alone(visit):
    run = visit()
    objects.delete_results([run.pictures["p1"]["key"]])
    moderate(run)
    assert (state(run), copy(run), counted()) == (None, None, {})


def test_a_picture_whose_run_is_gone_is_left_alone(rekognition_says):
    with pytest.raises(RunEnded):
        moderate_picture.handler({"run": "r", "picture": 1, "attempt": 0}, context())


def test_a_score_costs_what_the_day_says(visit, environment):
    run = visit()
    moderate(run)
    day = figures.read(figures.today())
    told = json.loads(today.answer(figures.today(), day, [])["body"])
    assert told["wall"] == {"shown": 1, "scored": 1}
    assert today._dollars(day, 0) == today.SCORE_DOLLARS


def test_nothing_of_a_picture_is_logged(visit, rekognition_says, caplog):
    rekognition_says({"Violence": 60.0}, faults=[DENIED])
    run = visit()
    moderate(run)
    told = json.dumps([vars(record) for record in caplog.records], default=str)
    assert "has no score" in told
    private = [run.key, run.pictures["p1"]["key"], keys.wall_key(run.id, 1), "Violence"]
    assert [each for each in private if each in told] == []


def test_attempts_and_who_takes_the_picture_away_at_once_leave_no_copy(visit, image):
    """Two attempts with different scores, the visitor who takes it off, and in every other trial a deletion."""
    for trial in range(10):
        run = visit()

        def take_away(run=run, trial=trial):
            if trial % 2:
                return deletion.delete(store.get(run.id))
            wall.take_off(run.id, 1)
            return objects.delete_results([keys.wall_key(run.id, 1)])

        verdicts = [Verdict(WallState.SHOWN), Verdict(WallState.WAITING, "Violence", 60)]
        actors = [
            *(lambda run=run, each=each: publishing.publish_on_wall(run, 1, image, each) for each in verdicts),
            take_away,
        ]
        told = at_once(3, lambda number, actors=actors: actors[number]())
        assert told.count(True) <= 1
        assert copy(run) is None
        assert state(run) == (None if trial % 2 else "off")
