"""How a run ends, against an emulated account."""

import uuid

import pytest

from booth import scenes
from booth.lifecycle import ending
from booth.run import Status
from booth.runs import store, uploads


@pytest.fixture
def run(account):
    """A run that has been claimed."""
    name, key = str(uuid.uuid4()), f"photo/{uuid.uuid4()}.jpg"
    assert uploads.issue(name, key, picture_id=name, scenes=[], content_type="image/jpeg", consent=None)
    return store.claim(name, account.put(key))


@pytest.mark.parametrize("error", ["States.Timeout", "TimedOut"])
def test_a_run_that_the_clock_ends_is_counted(run, counts, error):
    assert ending.settle(run, error).status == Status.FAILED
    assert counts() == {"Failed": 1, "TimedOut": 1}
    ending.settle(store.get(run.id), error)
    assert counts() == {}, "once"


def test_what_was_published_in_time_does_not_hide_that_the_clock_ended_the_run(run, counts):
    store.enter(run.id, "generate")
    store.publish_copy(run.id, run.key, scenes.chosen(("library",)))
    store.publish_picture(run.id, 1, "photo/1.jpg")
    assert ending.settle(store.get(run.id), "States.Timeout").status == Status.SUCCEEDED
    assert counts() == {"Succeeded": 1, "TimedOut": 1}


@pytest.mark.parametrize("error", ["", "NoFaceFound", "ServiceUnavailable", "InternalError"])
def test_a_run_that_ends_for_another_reason_is_not(run, counts, error):
    ending.settle(run, error)
    assert "TimedOut" not in counts()


def test_a_run_that_its_visitor_deleted_is_not(run, counts):
    store.mark_deleted(run.id, due=0)
    assert ending.settle(run, "States.Timeout").status == Status.DELETED
    assert counts() == {}
