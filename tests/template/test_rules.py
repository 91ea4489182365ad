"""What begins by itself: the rules' patterns are of events that AWS sends, the schedules' expressions of AWS's form."""

import copy

import pytest

from tests.support.judges.patterns import MORE, pattern_problems, published, schedule_problems
from tests.support.stacks import stacks


@pytest.fixture(scope="module")
def resources(transformed):
    """By choice and logical id."""
    found = stacks(transformed)
    return {f"{choice} {name}": each for choice, several in found.items() for name, each in several.items()}


@pytest.fixture(scope="module")
def patterns(resources):
    rules = {name: each for name, each in resources.items() if each["Type"] == "AWS::Events::Rule"}
    return {name: each["Properties"]["EventPattern"] for name, each in rules.items()}


def test_the_rules_wait_for_events_that_aws_sends(patterns):
    assert {name.rpartition(" ")[2] for name in patterns} == {"StartPhotoPut", "Failed"}
    assert {name: found for name, pattern in patterns.items() if (found := list(pattern_problems(pattern)))} == {}


def test_the_registry_lacks_only_what_is_said(patterns):
    waited_for = {
        (source, kind) for each in patterns.values() for source in each["source"] for kind in each["detail-type"]
    }
    assert waited_for & MORE.keys() == MORE.keys() < published().keys()


def test_the_schedules_are_of_aws_form(resources):
    schedules = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Scheduler::Schedule"]
    expressions = {each["ScheduleExpression"] for each in schedules}
    assert len(expressions) > 2
    assert [problem for each in expressions for problem in schedule_problems(each)] == []


PHOTO, ENDED = "application StartPhotoPut", "sam endpoint on schedule Failed"
PLANTED = {
    "another word for the kind": (PHOTO, lambda p: p.update({"detail-type": ["Object Create"]}), "there is no event"),
    "another source": (PHOTO, lambda p: p.update(source=["aws.events"]), "there is no event"),
    "another field": (PHOTO, lambda p: p["detail"]["object"].update(name=["a"]), "detail.object has no name"),
    "a part that no event has": (PHOTO, lambda p: p.update(details={}), "details is no part"),
    "no list": (PHOTO, lambda p: p["detail"]["bucket"].update(name="photos"), "detail.bucket.name is asked for"),
    "a status that there is not": (
        ENDED,
        lambda p: p["detail"]["status-details"].update(status=["UPDATE_BROKEN"]),
        "there is no status UPDATE_BROKEN",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_pattern_is_found(patterns, fault):
    rule, plant, words = PLANTED[fault]
    pattern = copy.deepcopy(patterns[rule])
    plant(pattern)

    assert [each for each in pattern_problems(pattern) if each.startswith(words)]


@pytest.mark.parametrize(
    "expression", ["rate(1 minutes)", "rate(2 minute)", "rate(0 days)", "cron(0 8 * * ?)", "1 hour"]
)
def test_a_planted_expression_is_found(expression):
    assert list(schedule_problems(expression))
