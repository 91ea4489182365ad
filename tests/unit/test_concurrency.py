"""How many executions of functions visitors take of those that the account allows at once."""

from pathlib import Path

import pytest

from booth import concurrency
from booth.run import MAX_PICTURES
from local.template.document import default_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("executions", "expected"), [(1, 1), (6, 1), (7, 2), (10, 5), (15, 10), (1000, 10)])
def test_as_many_at_once_as_fit_in_beside_a_poll_that_is_held(environment, executions, expected):
    environment.setenv("LAMBDA_CONCURRENCY", str(executions))

    assert concurrency.at_once() == expected


def test_a_new_account_serves_one_visitor_at_a_time():
    assert [concurrency.visitors(10, busiest) for busiest in (1, 3, 10)] == [3, 1, 1]


def test_no_visitor_is_served_where_the_sweeps_take_all():
    assert concurrency.visitors(4, 3) == 0


def test_an_account_of_full_size_serves_hundreds():
    assert [concurrency.visitors(1000, busiest) for busiest in (3, 10)] == [249, 90]


def test_all_pictures_are_painted_at_once_even_in_a_new_account():
    assert concurrency.at_once(concurrency.NEW_ACCOUNT) >= MAX_PICTURES


def test_a_stack_that_was_told_nothing_is_taken_for_a_new_account(environment):
    environment.delenv("LAMBDA_CONCURRENCY", raising=False)
    default = default_of(ROOT / "template.yaml", "LambdaConcurrency")

    assert int(default) == concurrency.NEW_ACCOUNT
    assert concurrency.at_once() == concurrency.at_once(concurrency.NEW_ACCOUNT)
