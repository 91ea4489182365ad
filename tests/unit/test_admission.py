"""Turns in the table: who is admitted when, what is lost, noted and given back, whoever writes at the same moment."""

import uuid
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from booth import clock, limits
from booth.aws import table
from booth.errors import QueueFull, RunEnded, TimedOut, TurnLate, TurnLost
from booth.painting import admission, pacing, records
from booth.painting.pacing import Pace
from booth.run import WINDOW_MS
from booth.runs import store
from tests.support.runs import issue
from tests.support.threads import at_once

TITAN, INPAINT = "amazon.titan-image-generator-v2:0", "us.stability.stable-image-inpaint-v1:0"


@pytest.fixture
def running(dynamodb, environment):
    """Makes runs that have come as far as painting. Three calls a minute and Region may be made."""
    environment.setenv("IMAGE_MODELS", f"{TITAN}@us-east-1=3,{TITAN}@us-west-2=3,{INPAINT}@us-east-1=3")

    def make():
        run = issue(f"photo/{uuid.uuid4()}.jpg")
        store.claim(run, "version")
        return store.enter(run, "merge").id

    return make


PICTURES = [1, 2, 3]


def test_first_pictures_come_first_whoever_writes_at_the_same_moment(dynamodb, running):
    runs = [running() for _ in range(8)]
    at_once(8, lambda number: admission.admit(runs[number], PICTURES))
    turns = [store.get(run).turns for run in runs]
    now = min(each.at for of_run in turns for each in of_run.values())

    def by_minute(numbers):
        return Counter(round((of_run[number].at - now) / WINDOW_MS) for of_run in turns for number in numbers)

    # In line there would be two first pictures in each of the minutes 0 to 3. Who is alone has all three at once.
    assert by_minute([1])[0] == 4
    assert by_minute([2, 3])[0] == 2
    assert max(by_minute([1])) <= 2
    assert max(by_minute([2, 3])) <= 4
    used = sorted((turn.candidate, turn.slot, turn.at) for of_run in turns for turn in of_run.values())
    assert all(one[:2] != other[:2] or other[2] - one[2] >= WINDOW_MS for one, other in pairwise(used))


def test_a_run_that_is_admitted_has_time_from_its_last_turn_on(dynamodb, running):
    for _ in range(3):
        run = running()
        admission.admit(run, PICTURES)
    admitted = store.get(run)
    assert admitted.deadline == max(turn.at for turn in admitted.turns.values()) + limits.RUN_SECONDS * 1000
    assert admitted.deadline > admitted.claimed + (60 + limits.RUN_SECONDS) * 1000
    assert (admitted.status, admitted.step) == ("RUNNING", "wait")


@pytest.mark.parametrize(("before", "expected"), [(0, 1), (2, 3)], ids=["free", "used up"])
def test_pictures_that_wait_for_their_turns_hold_no_function_and_wait_all_at_once(
    running, environment, before, expected
):
    import admit

    environment.setenv("LAMBDA_CONCURRENCY", "6")  # room for one picture at a time
    for _ in range(before):
        admission.admit(running(), PICTURES)
    context = type("Context", (), dict.fromkeys(("function_name", "memory_limit_in_mb", "aws_request_id"), "1"))
    context.invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:admit"

    answer = admit.handler({"run": running(), "pictures": PICTURES, "lost": None}, context)

    assert answer["at_once"] == expected


def test_a_run_is_admitted_once(dynamodb, running):
    run = running()
    first = admission.admit(run, PICTURES)
    assert admission.admit(run, PICTURES).turns == first.turns == store.get(run).turns
    assert sum(map(len, records.pace().slots.values())) == 3


def test_a_turn_that_would_come_too_late_is_refused_at_once_and_takes_no_place(dynamodb, running, environment):
    later = clock.now_ms() + limits.QUEUE_SECONDS * 1000
    records.write_pace(Pace({f"{TITAN}@{region}": [later] * 3 for region in ("us-east-1", "us-west-2")}, {}, 0))
    run = running()
    with pytest.raises(QueueFull):
        admission.admit(run, PICTURES)
    assert store.get(run).turns == {}
    assert records.pace().version == 1


def test_what_is_expected_and_the_line_are_kept_in_the_table(dynamodb, running):
    for _ in range(3):
        admission.admit(running(), PICTURES)
    pace = records.pace()
    assert 2_900 < pace.recent[0] <= 3_000
    assert set(pace.line) == {f"{TITAN}@us-east-1", f"{TITAN}@us-west-2"}
    assert records.write_pace(pace)
    assert records.pace() == replace(pace, version=pace.version + 1)


def test_an_ended_run_is_not_admitted(dynamodb, running):
    run = running()
    assert store.end(store.get(run), "FAILED", "TimedOut", {})
    with pytest.raises(RunEnded):
        admission.admit(run, PICTURES)


def test_a_run_whose_time_is_over_is_not_admitted(dynamodb, running, environment):
    run = running()
    later = clock.now_ms() + limits.RUN_SECONDS * 1000
    environment.setattr(clock, "now_ms", lambda: later)
    with pytest.raises(TimedOut):
        admission.admit(run, PICTURES)


def test_the_first_attempt_asks_whose_turn_it_is_and_each_retry_the_next(dynamodb, running):
    run = admission.admit(running(), PICTURES)
    own = run.turns[2].candidate
    other = next(str(each) for each in admission.chain() if each.model == TITAN and str(each) != own)
    orders = [[str(each) for each in admission.candidates_for(run, records.pace(), 2, attempt)] for attempt in range(4)]
    assert orders[0] == [own, other, f"{INPAINT}@us-east-1"]
    assert [each[0] for each in orders] == [own, other, f"{INPAINT}@us-east-1", own]


def test_a_retry_is_counted_for_others_come_later(dynamodb, running):
    run = admission.admit(running(), [1])
    for attempt in range(6):
        admission.candidates_for(run, records.pace(), 1, attempt)
    calls = {name: len(times) for name, times in records.pace().slots.items()}
    other = next(name for name in calls if name.startswith(TITAN) and name != run.turns[1].candidate)
    assert calls == {run.turns[1].candidate: 2, other: 2, f"{INPAINT}@us-east-1": 2}


def test_a_picture_whose_candidate_is_gone_gets_a_turn_at_the_next(dynamodb, running):
    run = running()
    before = admission.admit(run, PICTURES)
    lost = {}
    for name in (f"{TITAN}@us-east-1", f"{TITAN}@us-west-2"):
        lost[name] = next(each for each in admission.chain() if str(each) == name)
        assert isinstance(admission.note_unavailable(lost[name]), TurnLost)
    with pytest.raises(TurnLost):
        admission.candidates_for(before, records.pace(), 2, 0)
    after = admission.admit(run, [2], lost="TurnLost")
    assert after.turns[2].candidate == f"{INPAINT}@us-east-1"
    assert [after.turns[number] for number in (1, 3)] == [before.turns[number] for number in (1, 3)]
    assert after == store.get(run)


def test_turns_are_lost_and_given_at_the_same_moment_and_none_is_forgotten(dynamodb, running):
    run = running()
    admission.admit(run, PICTURES)
    for candidate in admission.chain()[:2]:
        admission.note_unavailable(candidate)
    at_once(3, lambda number: admission.admit(run, [number + 1], lost="TurnLost"))
    assert {turn.candidate for turn in store.get(run).turns.values()} == {f"{INPAINT}@us-east-1"}
    assert len(records.pace().slots[f"{INPAINT}@us-east-1"]) == 3


def test_a_picture_gets_another_turn_at_once_though_all_are_asked_again(dynamodb, running):
    """Another picture has found the last one gone, which gives each another chance: the slot is not late."""
    run = running()
    turn = admission.admit(run, PICTURES).turns[1]
    admission.await_slot(turn)
    for candidate in admission.chain():
        admission.note_unavailable(candidate)
    assert admission.admit(run, [1], lost="TurnLost").turns[1].at <= clock.now_ms()


def test_a_candidate_that_went_and_answered_again_is_counted_when_it_goes_again(dynamodb, running, counts):
    candidate = running() and admission.chain()[0]
    admission.note_unavailable(candidate)
    assert counts() == {"CandidateGone": 1}
    admission.note_answered(candidate, records.pace())
    assert records.pace().gone == {}
    assert counts() == {"ModelsUnavailable": 0}
    admission.note_unavailable(candidate)
    assert counts() == {"CandidateGone": 1}


def test_an_answer_from_before_a_candidate_went_does_not_bring_it_back(dynamodb, running, counts):
    candidate = running() and admission.chain()[0]
    admission.note_unavailable(candidate)
    before = replace(records.pace(), gone={str(candidate): 1})
    admission.note_answered(candidate, before)
    assert admission.chain()[0] not in pacing.available(records.pace(), admission.chain(), clock.now_ms())
    assert counts() == {"CandidateGone": 1, "ModelsUnavailable": 0}


def test_many_pictures_find_a_candidate_gone_in_the_same_moment_and_it_is_counted_once(dynamodb, running, counts):
    candidate = running() and admission.chain()[0]
    at_once(6, lambda number: admission.note_unavailable(candidate))
    assert counts() == {"CandidateGone": 1}


def test_a_slot_is_free_a_minute_after_its_last_call_however_late_that_came(dynamodb, running, environment):
    turn = admission.admit(running(), [1]).turns[1]
    now, slept = clock.now_ms(), []
    environment.setattr(clock, "now_ms", lambda: now + round(1000 * sum(slept)))
    environment.setattr(admission.time, "sleep", slept.append)
    admission.await_slot(turn)
    assert slept == []
    now += WINDOW_MS - 4000
    admission.await_slot(turn)
    assert sum(slept) == pytest.approx(4)
    now += WINDOW_MS - 20_000
    with pytest.raises(TurnLate):
        admission.await_slot(turn)
    other = replace(turn, slot=turn.slot + 1)
    admission.await_slot(other)
    assert sum(slept) == pytest.approx(4), "each slot has its own minute"


def test_a_picture_whose_slot_is_late_comes_as_much_later_and_nobody_else_does(dynamodb, running):
    first, second = running(), running()
    turn = admission.admit(first, [1]).turns[1]
    before = admission.admit(second, PICTURES)
    admission.await_slot(turn)
    pace = records.pace()
    used = records.slot_last_used(turn)
    late = admission.admit(first, [1], lost="TurnLate")
    assert late.turns[1] == replace(turn, at=used + WINDOW_MS)
    assert late.deadline == late.turns[1].at + limits.RUN_SECONDS * 1000
    assert late == store.get(first)
    assert (records.pace(), store.get(second)) == (pace, before)


# Given back


def test_a_turn_that_is_given_back_is_the_next_ones_and_nobody_who_waits_is_told_another_time(
    dynamodb, running, environment
):
    environment.setattr(pacing, "_expected", lambda *_: 0)  # nothing is left free for those who may come
    first, second, third = running(), running(), running()
    for run in (first, second, third):
        admission.admit(run, PICTURES)
    waiting = store.get(third).turns
    deleted = store.mark_deleted(third, due=0)
    admission.release_turns(deleted)
    assert store.get(third).turns == {}
    fourth = running()
    assert set(admission.admit(fourth, PICTURES).turns.values()) == set(waiting.values())


def test_turns_are_given_back_once(dynamodb, running):
    runs = [running() for _ in range(3)]
    for run in runs:
        admission.admit(run, PICTURES)
    deleted = store.mark_deleted(runs[2], due=0)
    at_once(4, lambda _: admission.release_turns(deleted))
    given = [turn for _ in range(2) for turn in admission.admit(running(), PICTURES).turns.values()]
    assert len(set(given)) == 6


def test_a_turn_that_has_come_is_not_given_back(dynamodb, running):
    run = running()
    admission.admit(run, PICTURES)
    before = records.pace()
    store.end(store.get(run), "FAILED", "TimedOut", {})
    admission.release_turns(store.get(run))
    assert records.pace() == before


def test_a_pace_that_an_older_release_wrote_is_read(dynamodb, running):
    admission.admit(running(), PICTURES)
    names = ("free", "line", "recent")
    table.connect().update_item(
        TableName=table.table_name(),
        Key=records._PACE,
        UpdateExpression="REMOVE " + ", ".join(f"#{name}" for name in names),
        ExpressionAttributeNames={f"#{name}": name for name in names},
    )
    assert (records.pace().free, records.pace().line, records.pace().recent) == ({}, {}, (0, 0))
    assert len(admission.admit(running(), PICTURES).turns) == 3


# An endpoint of one's own


@pytest.fixture
def instance(running, environment):
    """Runs at an endpoint whose one instance paints twelve pictures a minute; Bedrock stands behind it."""
    environment.setenv("IMAGE_MODELS", f"endpoint,{INPAINT}@us-east-1=3")
    environment.setenv("PAINT_REGION", "ap-northeast-2")
    return running


def test_an_instance_holds_a_quarter_of_an_hour_of_pictures_and_who_comes_then_is_sent_away(instance, environment):
    now = clock.now_ms()
    environment.setattr(clock, "now_ms", lambda: now)
    given = []
    for _ in range(60):
        turns = admission.admit(instance(), PICTURES).turns
        assert {(turn.candidate, turn.window) for turn in turns.values()} == {("endpoint@ap-northeast-2", 5_000)}
        given += [turn.at - now for turn in turns.values()]
    with pytest.raises(QueueFull):
        admission.admit(instance(), PICTURES)
    assert len(set(given)) == 180
    assert set(given) <= {5_000 * number for number in range(181)}


def test_an_instances_late_call_moves_the_next_one_by_its_own_window(instance, environment):
    run = instance()
    turn = admission.admit(run, [1]).turns[1]
    now, slept = clock.now_ms(), []
    environment.setattr(clock, "now_ms", lambda: now + round(1000 * sum(slept)))
    environment.setattr(admission.time, "sleep", slept.append)
    admission.await_slot(turn)
    now += 1000
    admission.await_slot(turn)
    assert sum(slept) == pytest.approx(4)
    assert admission.admit(run, [1], lost="TurnLate").turns[1].at == records.slot_last_used(turn) + 5_000


def test_turns_of_an_instance_are_given_back_by_functions_that_do_not_know_the_chain(instance, environment):
    kept, ended = instance(), instance()
    admission.admit(kept, PICTURES)
    before = records.pace().slots
    admission.admit(ended, PICTURES)
    store.end(store.get(ended), "FAILED", "TimedOut", {})
    environment.delenv("IMAGE_MODELS")
    admission.release_turns(store.get(ended))
    assert records.pace().slots == before


def test_a_turn_that_an_older_release_wrote_has_bedrocks_window(running):
    run = running()
    turn = admission.admit(run, [1]).turns[1]
    table.connect().update_item(
        TableName=table.table_name(),
        Key=table.key_of("run", run),
        UpdateExpression="REMOVE turns.p1.#window",
        ExpressionAttributeNames={"#window": "window"},
    )
    assert store.get(run).turns == {1: turn}
    assert turn.window == WINDOW_MS
