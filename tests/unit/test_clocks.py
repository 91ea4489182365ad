"""Functions run on different machines. Their clocks may differ, here by a minute, and each visit still ends right."""

import itertools

import pytest

from booth import clock, scenes
from booth.errors import BoothError, RunEnded
from booth.lifecycle import ending, sweeping
from booth.painting import admission
from booth.runs import store
from tests.support.runs import issue

AHEAD = (0, 60_000)  # ms


@pytest.fixture
def set_clock(account, environment):
    """Sets how many milliseconds the function that is called next is ahead of the others."""
    now, ahead = clock.now_ms, [0]
    environment.setattr(clock, "now_ms", lambda: now() + ahead[0])
    environment.setenv("IMAGE_MODELS", "us.stability.stable-image-inpaint-v1:0@us-east-1=1000")

    def ahead_by(milliseconds):
        ahead[0] = milliseconds

    return ahead_by


@pytest.mark.parametrize("claim", AHEAD)
def test_every_visit_ends_once_and_nothing_is_published_afterwards(account, set_clock, claim):
    for number, (enter, admit, paint, look) in enumerate(itertools.product(AHEAD, repeat=4)):
        set_clock(0)
        run = issue(f"photo/{number}.jpg")
        set_clock(claim)
        store.claim(run, "v")
        set_clock(enter)
        store.enter(run, "detect")
        store.publish_copy(run, f"photo/{number}.jpg", scenes.chosen(("space",)))
        set_clock(admit)
        turn = admission.admit(run, [1]).turns[1]
        set_clock(paint)
        try:
            admission.await_slot(turn)
            store.enter(run, "generate")
            store.publish_picture(run, 1, f"photo/photo_{number}_1.jpeg")
        except BoothError as error:  # it comes too late by its own clock; the state machine goes on to Finish
            assert type(error).__name__ in ("TimedOut", "TurnLate")
        set_clock(look)
        ended = ending.settle(store.get(run), "")
        assert ended.status in ("SUCCEEDED", "FAILED")
        sweeping.handle_due(run, ended.due)
        assert store.get(run).status == ended.status
        set_clock(0)
        with pytest.raises(RunEnded):
            store.publish_picture(run, 1, "photo/late.jpeg")
