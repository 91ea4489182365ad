"""What moderation labels make of a picture at the wall, and under what a run is listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booth.wall import QUEUES, REFUSED_LABELS, Verdict, WallState, queue_of, verdict


@pytest.mark.parametrize(
    "labels, state",
    [
        ({}, "shown"),
        ({"Alcohol": 99.0, "Kissing on the Lips": 99.0, "Gambling": 99.0}, "shown"),
        ({"Explicit": 49.9}, "shown"),
        ({"Explicit": 50.0}, "waiting"),
        ({"Explicit": 79.9}, "waiting"),
        ({"Explicit": 80.0}, "refused"),
        ({"Rude Gestures": 99.9}, "waiting"),
        ({"Swimwear or Underwear": 50.0}, "waiting"),
        ({"Swimwear or Underwear": 99.0, "Hate Symbols": 80.0}, "refused"),
    ],
)
def test_the_verdict_is_by_the_labels_and_both_thresholds(labels, state):
    assert verdict(labels, 50, 80).state == state


def test_the_label_that_decides_is_the_one_with_the_highest_score_of_those_that_count():
    labels = {"Alcohol": 99.0, "Violence": 70.0, "Graphic Violence": 60.0, "Weapons": 90.0}
    assert verdict(labels, 50, 80) == Verdict(WallState.WAITING, "Violence", 70.0)


@given(
    st.dictionaries(
        st.sampled_from([*sorted(REFUSED_LABELS), "Violence", "Rude Gestures", "Alcohol"]), st.floats(0, 100)
    ),
    st.floats(0, 100),
    st.floats(0, 100),
)
def test_a_higher_threshold_never_makes_a_verdict_stricter(labels, doubt, refuse):
    strictness = ["shown", "waiting", "refused"]
    strict = strictness.index(verdict(labels, doubt, refuse).state)
    assert strictness.index(verdict(labels, 100, refuse).state) <= strict
    assert strictness.index(verdict(labels, doubt, 100.1).state) <= strict


@given(st.lists(st.sampled_from(list(WallState)), max_size=5))
def test_a_run_is_listed_where_the_first_of_its_pictures_needs_it(states):
    wall = {f"p{number}": {"state": state} for number, state in enumerate(states, start=1)}
    found = queue_of(wall)
    assert (found == "") == (not set(states) & set(QUEUES))
    assert all(state not in QUEUES or QUEUES.index(found) <= QUEUES.index(state) for state in states)
