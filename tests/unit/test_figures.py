"""The day's figures: what is counted, once, and what can't go wrong because of it."""

import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest

from booth import clock, scenes
from booth.aws import table
from booth.errors import Throttled
from booth.histogram import bin_of
from booth.lifecycle import budget, ending, starting
from booth.run import Status, Turn
from booth.runs import figures, store
from booth.runs.figures import Day
from tests.support.runs import NOW, issue
from tests.support.threads import at_once

TITAN, NOVA = "titan@us-east-1", "nova@us-west-2"
DAY = datetime.fromtimestamp(NOW / 1000, UTC).date().isoformat()
DAY_ENDS = (NOW // 86_400_000 + 1) * 86_400


@pytest.fixture
def table_at_noon(dynamodb, moment):
    return moment


def painted(moment, seconds, chosen=("sky", "beach", "library")):
    """A run whose pictures were finished so many seconds after its claim; those of None are not."""
    run = issue(f"photo/{uuid.uuid4()}.jpg")
    claimed = store.claim(run, "v").claimed
    store.enter(run, "generate")
    store.publish_copy(run, "photo/a.jpg", scenes.chosen(chosen))
    turns = {f"p{number}": vars(Turn(NOVA, 0, NOW)) for number in range(1, len(seconds) + 1)}
    table.connect().update_item(**table.update_of(run, "SET #turns = :turns", {"turns": turns}, "attribute_exists(pk)"))
    for number, after in enumerate(seconds, start=1):
        if after is not None:
            moment.now = claimed + round(after * 1000)
            store.publish_picture(run, number, f"photo/{number}.jpeg", by=TITAN)
    return store.get(run)


def test_a_visit_with_all_its_pictures(table_at_noon):
    ending.end(painted(table_at_noon, [9.5, 14, 12]), "")
    assert figures.read(DAY) == Day(
        ended={"SUCCEEDED": 1},
        pictures={"sky": 1, "beach": 1, "library": 1},
        painted={TITAN: 3},
        first={bin_of(9.5): 1},
        last={bin_of(14): 1},
    )


def test_a_visit_that_lacks_pictures_tells_each_reason_once(table_at_noon):
    ending.end(painted(table_at_noon, [5, None, None]), "", {2: "ContentBlocked", 3: "ContentBlocked"})
    assert figures.read(DAY) == Day(
        ended={"PARTIAL": 1},
        failed={"ContentBlocked": 1},
        pictures={"sky": 1},
        painted={TITAN: 1},
        missed={NOVA: 2},
        first={bin_of(5): 1},
        last={bin_of(5): 1},
    )


def test_a_visit_without_pictures(table_at_noon):
    run = issue()
    store.claim(run, "v")
    ending.end(store.get(run), "NoFaceFound")
    assert figures.read(DAY) == Day(ended={"FAILED": 1}, failed={"NoFaceFound": 1})


def test_a_visit_that_comes_too_late_for_the_budget(table_at_noon, environment):
    environment.setenv("PHOTOS_PER_DAY", "1")
    assert budget.spend(budget.today())
    run = issue()
    for _ in range(2):
        assert starting.claim(store.get(run), "v").error == "BudgetSpent"
    assert figures.read(DAY) == Day(ended={"FAILED": 1}, failed={"BudgetSpent": 1})


def test_a_record_of_an_older_release_does_not_say_who_painted_and_when(table_at_noon):
    run = painted(table_at_noon, [5], chosen=("sky",))
    changes = "REMOVE pictures.p1.#at, pictures.p1.#by"
    names = {"#at": "at", "#by": "by"}
    key = table.key_of("run", run.id)
    table.connect().update_item(
        TableName=table.table_name(), Key=key, UpdateExpression=changes, ExpressionAttributeNames=names
    )
    ending.end(store.get(run.id), "")
    assert figures.read(DAY) == Day(ended={"SUCCEEDED": 1}, pictures={"sky": 1})


def test_of_many_that_end_a_run_at_once_one_counts_it(table_at_noon):
    run = painted(table_at_noon, [5], chosen=("sky",))
    at_once(8, lambda _: ending.end(run, ""))
    ending.end(store.get(run.id), "States.Timeout")
    assert figures.read(DAY).ended == {"SUCCEEDED": 1}


def test_many_visits_that_end_at_once_are_all_counted(table_at_noon):
    runs = [painted(table_at_noon, [5], chosen=("sky",)) for _ in range(24)]
    at_once(len(runs), lambda number: ending.end(runs[number], ""))
    assert figures.read(DAY).ended == {"SUCCEEDED": len(runs)}


def test_a_run_that_its_visitor_deleted_is_not_counted(table_at_noon):
    run = painted(table_at_noon, [5], chosen=("sky",))
    store.mark_deleted(run.id, due=0)
    ending.end(run, "States.Timeout")
    assert figures.read(DAY) == Day()


def test_a_figure_that_can_not_be_written_fails_nothing(table_at_noon, environment):
    run = painted(table_at_noon, [5], chosen=("sky",))
    write = table.write

    def refused(operation, **request):
        if request["Key"] == table.key_of("stats", DAY):
            raise Throttled("no")
        return write(operation, **request)

    environment.setattr(table, "write", refused)
    assert ending.end(run, "").status == Status.SUCCEEDED
    figures.note_pad("booth")
    figures.note_throttled(TITAN)
    assert figures.read(DAY) == Day()


def test_a_day_is_kept_as_long_as_its_visits_and_ends_at_midnight(table_at_noon):
    moment = table_at_noon
    figures.note_pad("booth")
    item = table.get(table.key_of("stats", DAY))
    assert table.number(item, "expires") == DAY_ENDS + store.RETENTION_SECONDS
    moment.now = DAY_ENDS * 1000
    figures.note_pad("booth")
    assert figures.today() != DAY
    assert figures.read(figures.today()).pads == {"booth": DAY_ENDS}
    assert figures.read(DAY).pads == {"booth": NOW // 1000}
    moment.now = (DAY_ENDS + store.RETENTION_SECONDS) * 1000 + 1000
    assert figures.read(DAY) == Day(), "whether or not DynamoDB has deleted it yet"


def test_pads_and_throttled_models_are_noted_with_their_last_time(table_at_noon):
    figures.note_pad("booth 1")
    figures.note_throttled(TITAN)
    table_at_noon.now = NOW + 5000
    figures.note_pad("booth 1")
    figures.note_pad("2")
    then = clock.now_ms() // 1000
    assert figures.read(DAY) == Day(throttled={TITAN: then - 5}, pads={"booth 1": then, "2": then})


def test_what_is_counted_names_no_visit(table_at_noon):
    """Its item holds numbers alone, under names of the operator's and the catalogue's."""
    run = painted(table_at_noon, [5, None], chosen=("sky", "beach"))
    ending.end(run, "", {2: "ContentBlocked"})
    item = table.get(table.key_of("stats", DAY))
    assert item.pop("pk") == table.key_of("stats", DAY)["pk"]
    assert Counter(kind for value in item.values() for kind in value) == {"N": len(item)}
    assert {attribute.partition(" ")[0] for attribute in item} - {"expires"} <= Day.__dataclass_fields__.keys()
    assert not [attribute for attribute in item if run.id in attribute or run.key in attribute]
