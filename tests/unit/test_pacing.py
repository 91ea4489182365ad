"""Turns: the quotas hold, nobody overtakes, and what the table says is true whoever writes at the same time."""

import uuid
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from booth import clock, limits
from booth.aws import table
from booth.errors import QueueFull, RunEnded, TimedOut, TurnLate, TurnLost
from booth.painting import admission, pacing, records
from booth.painting.chain import Candidate, parse_chain, rotated
from booth.painting.pacing import Pace
from booth.run import Turn
from booth.runs import store
from tests.support.runs import issue
from tests.support.threads import at_once

TITAN, INPAINT = "amazon.titan-image-generator-v2:0", "us.stability.stable-image-inpaint-v1:0"
MINUTE = 60_000
NOW = 1_800_000_000_000
NOTHING = Pace({}, {}, 0)


def candidates(quota, regions=2, model=TITAN):
    return [Candidate(model, f"region-{number}", quota) for number in range(regions)]


# The chain


def test_a_quota_is_aws_default_or_the_accounts_own():
    assert [each.requests for each in parse_chain(f"{TITAN}@a, {INPAINT}@a,{INPAINT}@b=7")] == [60, 20, 7]


@pytest.mark.parametrize(
    "text",
    ["", "titan@us-east-1", TITAN, f"{TITAN}@us-east-1,", f"{TITAN}@", f"{TITAN}@a=", f"{TITAN}@a=0", f"{TITAN}@a=x"],
)
def test_a_bad_chain_is_refused(text):
    with pytest.raises(ValueError, match="model@region"):
        parse_chain(text)


def test_stabilitys_bare_id_is_no_candidate():
    with pytest.raises(ValueError, match="model@region"):
        parse_chain("stability.stable-image-inpaint-v1:0@us-east-1")


def test_a_rotation_keeps_the_models_order():
    order = [str(each) for each in rotated(candidates(1, 3) + candidates(1, 2, INPAINT), 4)]
    titan, inpaint = [f"{TITAN}@region-{n}" for n in (1, 2, 0)], [f"{INPAINT}@region-{n}" for n in (0, 1)]
    assert order == titan + inpaint


# Turns


def plan(pace, chain, pictures=3, now=NOW, run=None):
    return pacing.plan(pace, chain, run or str(uuid.uuid4()), list(range(1, pictures + 1)), now)


def test_a_photo_that_comes_alone_does_not_wait():
    turns, _ = plan(NOTHING, candidates(20))
    assert {turn.at for turn in turns.values()} == {NOW}


def test_a_photo_that_comes_when_all_is_used_up_waits_until_the_first_call_is_a_minute_ago():
    chain = candidates(3, 1)
    _, pace = plan(NOTHING, chain)
    turns, pace = plan(pace, chain, now=NOW + 10_000)
    assert {turn.at for turn in turns.values()} == {NOW + pacing.WINDOW_MS}
    turns, pace = plan(pace, chain, now=NOW + 10_000)
    assert {turn.at for turn in turns.values()} == {NOW + 2 * pacing.WINDOW_MS}


@pytest.mark.parametrize("regions", [2, 3])
def test_every_region_gets_its_share_of_the_pictures(regions):
    chain, first = candidates(20, regions), Counter()
    for number in range(1000):
        turns, _ = plan(NOTHING, chain, run=str(uuid.UUID(int=number * 2**97 + 12345)))
        first.update(turn.candidate for turn in turns.values())
    assert all(count == pytest.approx(3000 / regions, rel=0.1) for count in first.values())
    assert len(first) == regions


@given(
    some.integers(1, 9),
    some.integers(1, 3),
    some.lists(some.tuples(some.integers(0, 30_000), some.integers(1, 5)), min_size=1, max_size=40),
)
def test_no_minute_ever_holds_more_calls_than_the_quota_and_nobody_overtakes(quota, regions, arrivals):
    chain, pace, now = candidates(quota, regions), NOTHING, NOW
    calls, last = {str(each): [] for each in chain}, 0
    for pause, pictures in arrivals:
        now += pause
        turns, pace = plan(pace, chain, pictures, now)
        for turn in turns.values():
            assert turn.at >= max(now, last), "who came later comes later"
            last = turn.at
            calls[turn.candidate].append(turn.at)
    for times in calls.values():
        for at in times:
            # A call may come two seconds after its turn.
            assert sum(at - MINUTE - 2000 < other <= at for other in times) <= quota


@given(some.integers(1, 9), some.integers(1, 3), some.integers(1, 60))
def test_a_quota_is_used_up_before_anybody_waits(quota, regions, photos):
    chain, pace = candidates(quota, regions), NOTHING
    at = []
    for _ in range(photos):
        turns, pace = plan(pace, chain, 3, NOW)
        at += [turn.at for turn in turns.values()]
    expected = [NOW + number // (quota * regions) * pacing.WINDOW_MS for number in range(3 * photos)]
    assert at == expected


def test_a_slot_has_one_turn_a_minute():
    chain, pace, given = candidates(4), NOTHING, []
    for number in range(40):
        turns, pace = plan(pace, chain, 3, NOW + number * 1000)
        given += turns.values()
    for slot in {(turn.candidate, turn.slot) for turn in given}:
        times = [turn.at for turn in given if (turn.candidate, turn.slot) == slot]
        assert times == sorted(times)
        assert all(later - earlier >= pacing.WINDOW_MS for earlier, later in pairwise(times))
    assert {turn.slot for turn in given} == {0, 1, 2, 3}


def test_a_smaller_quota_holds_at_once():
    _, pace = plan(NOTHING, candidates(6, 1), 6)
    turns, pace = plan(pace, candidates(2, 1), 3, NOW + 1000)
    assert [turn.at - NOW for turn in turns.values()] == [pacing.WINDOW_MS, pacing.WINDOW_MS, 2 * pacing.WINDOW_MS]
    assert {turn.slot for turn in turns.values()} == {0, 1}


def test_what_is_gone_is_passed_over_model_by_model():
    chain = candidates(20) + candidates(20, 1, INPAINT)
    titans = [str(each) for each in chain[:2]]
    turns, _ = plan(Pace({}, {titans[0]: NOW + 1}, 1), chain)
    assert {turn.candidate for turn in turns.values()} == {titans[1]}
    turns, _ = plan(Pace({}, dict.fromkeys(titans, NOW + 1), 1), chain)
    assert {turn.candidate for turn in turns.values()} == {str(chain[2])}
    turns, _ = plan(Pace({}, dict.fromkeys(titans, NOW), 1), chain)
    assert {turn.candidate for turn in turns.values()} == set(titans), "it is asked again after a while"


def test_the_record_does_not_grow():
    chain, pace = candidates(20, 3), NOTHING
    for number in range(500):
        _, pace = plan(pace, chain, 3, NOW + number * 20_000)
    assert sum(map(len, pace.slots.values())) <= 3 * (pacing.WINDOW_MS // 20_000 + 2)


# In the table


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


def waits(dynamodb, run):
    return sorted(round((turn.at - clock.now_ms()) / 1000) for turn in store.get(run).turns.values())


def test_runs_are_admitted_in_order_whoever_writes_at_the_same_moment(dynamodb, running):
    runs = [running() for _ in range(8)]
    at_once(8, lambda number: admission.admit(runs[number], PICTURES))
    turns = [turn for run in runs for turn in store.get(run).turns.values()]
    by_minute = Counter(round((turn.at - min(each.at for each in turns)) / pacing.WINDOW_MS) for turn in turns)
    assert by_minute == {0: 6, 1: 6, 2: 6, 3: 6}
    assert Counter(turn.candidate for turn in turns) == {f"{TITAN}@us-east-1": 12, f"{TITAN}@us-west-2": 12}


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
    now += pacing.WINDOW_MS - 4000
    admission.await_slot(turn)
    assert sum(slept) == pytest.approx(4)
    now += pacing.WINDOW_MS - 20_000
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
    assert late.turns[1] == replace(turn, at=used + pacing.WINDOW_MS)
    assert late.deadline == late.turns[1].at + limits.RUN_SECONDS * 1000
    assert late == store.get(first)
    assert (records.pace(), store.get(second)) == (pace, before)


# Given back


def test_a_turn_that_is_given_back_is_the_next_ones_and_nobody_who_waits_is_told_another_time(dynamodb, running):
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


def test_a_pace_that_was_written_before_turns_were_given_back_is_read(dynamodb, running):
    admission.admit(running(), PICTURES)
    table.connect().update_item(
        TableName=table.table_name(),
        Key=records._PACE,
        UpdateExpression="REMOVE #free",
        ExpressionAttributeNames={"#free": "free"},
    )
    assert records.pace().free == {}
    assert len(admission.admit(running(), PICTURES).turns) == 3


@given(
    some.integers(1, 5),
    some.integers(1, 3),
    some.lists(some.tuples(some.integers(0, 40_000), some.integers(0, 4), some.integers(0, 9)), max_size=40),
)
def test_no_minute_holds_more_calls_than_the_quota_though_turns_are_given_back(quota, regions, steps):
    chain, pace, now, waiting = candidates(quota, regions), NOTHING, NOW, []
    made = {str(each): [] for each in chain}
    for pause, pictures, given_back in steps:
        now += pause
        for turn in [turn for turn in waiting if turn.at <= now]:
            made[turn.candidate].append(turn.at)
            waiting.remove(turn)
        if pictures:
            turns, pace = plan(pace, chain, pictures, now)
            assert not {(t.candidate, t.slot, t.at) for t in turns.values()} & {
                (t.candidate, t.slot, t.at) for t in waiting
            }
            waiting += turns.values()
        elif waiting:
            pace = pacing.released(pace, [waiting.pop(given_back % len(waiting))])
    for turn in waiting:
        made[turn.candidate].append(turn.at)
    for times in made.values():
        for at in times:
            assert sum(at - MINUTE - 2000 < other <= at for other in times) <= quota


@given(some.integers(1, 5), some.integers(1, 30), some.randoms())
def test_when_all_is_given_back_nothing_is_left_of_it(quota, photos, dice):
    chain, pace, given_turns = candidates(quota), NOTHING, []
    for _ in range(photos):
        turns, pace = plan(pace, chain, 3, NOW)
        given_turns += turns.values()
    dice.shuffle(given_turns)
    for turn in given_turns:
        pace = pacing.released(pace, [turn])
    assert not any(pace.free.values())
    assert all(at == NOW - pacing.WINDOW_MS for times in pace.slots.values() for at in times)


# To the millisecond

ONE, TWO = candidates(2)


def at_slots(one, two=None, **fields):
    return Pace({str(ONE): one} | ({} if two is None else {str(TWO): two}), {}, 5, **fields)


def planned(pace, chain=(ONE,), pictures=1, now=NOW, run="run"):
    """The turns in the order of the pictures, and the pace with them."""
    turns, after = plan(pace, list(chain), pictures, now, run)
    return [turns[number] for number in sorted(turns)], after


def test_two_calls_at_a_slot_are_62_seconds_apart():
    [turn], after = planned(at_slots([NOW - 10, NOW - 20]))
    assert turn == Turn(str(ONE), 1, NOW - 20 + 62_000)
    assert (after.slots, after.version) == ({str(ONE): [NOW - 10, turn.at]}, 5)
    [turn], after = planned(at_slots([NOW - 62_000, NOW - 61_999]))
    assert turn == Turn(str(ONE), 0, NOW)
    assert after.slots == {str(ONE): [NOW, NOW - 61_999]}


def test_a_slot_that_was_never_used_comes_before_a_wait_and_after_one_that_is_free():
    assert planned(at_slots([NOW - 10]))[0] == [Turn(str(ONE), 1, NOW)]
    assert planned(at_slots([NOW - 62_000]))[0] == [Turn(str(ONE), 0, NOW)]
    assert planned(NOTHING)[0] == [Turn(str(ONE), 0, NOW)]
    assert planned(NOTHING, pictures=3)[0][1:] == [Turn(str(ONE), 1, NOW), Turn(str(ONE), 0, NOW + 62_000)]


def test_planning_leaves_the_pace_that_was_read_as_it_is():
    before = at_slots([NOW - 10, NOW - 20], free={str(ONE): [(1, NOW + 5)]})
    planned(before, pictures=3)
    assert before == at_slots([NOW - 10, NOW - 20], free={str(ONE): [(1, NOW + 5)]})


def test_the_region_with_fewer_slots_in_use_is_asked_wherever_the_rotation_begins():
    pace = at_slots([NOW - 62_000, NOW - 99_000], [NOW - 61_999, NOW - 99_000])
    assert {planned(pace, [ONE, TWO], run=f"run {number}")[0][0].candidate for number in range(8)} == {str(ONE)}
    pace = at_slots([NOW - 61_999, NOW - 99_000], [NOW - 61_999, NOW - 99_000])
    assert {planned(pace, [ONE, TWO], run=f"run {number}")[0][0].candidate for number in range(8)} == {
        str(ONE),
        str(TWO),
    }


def test_a_turn_that_was_given_back_is_taken_at_its_time_and_only_once():
    pace = at_slots([NOW + 62_000, NOW + 50_000], free={str(ONE): [(0, NOW)]})
    turns, after = planned(pace, pictures=2)
    assert turns == [Turn(str(ONE), 0, NOW), Turn(str(ONE), 1, NOW + 112_000)]
    assert after.slots == {str(ONE): [NOW + 62_000, NOW + 112_000]}
    assert not after.free[str(ONE)]
    [turn], after = planned(pace, now=NOW + 1)
    assert (turn.slot, turn.at) == (1, NOW + 112_000)
    assert not after.free[str(ONE)]


def test_a_smaller_quota_keeps_the_latest_calls_and_no_turn_that_was_given_back():
    pace = at_slots([NOW + 9, NOW + 3, NOW + 7], free={str(ONE): [(2, NOW + 7)]})
    [turn], after = planned(pace)
    assert turn == Turn(str(ONE), 0, NOW + 7 + 62_000)
    assert (after.slots, after.free) == ({str(ONE): [turn.at, NOW + 9]}, {})
    [turn], after = planned(at_slots([NOW + 9, NOW + 3, NOW + 7]))  # nothing was given back
    assert turn.at == NOW + 7 + 62_000
    # The same quota changes no slot's number.
    [turn], after = planned(at_slots([NOW + 9, NOW + 7]))
    assert after.slots == {str(ONE): [NOW + 9, NOW + 7 + 62_000]}


def test_the_next_model_is_asked_when_all_regions_of_the_first_are_gone_and_all_are_when_none_is_left():
    other = Candidate(INPAINT, "region-0", 1)
    chain = [ONE, other, TWO]
    pace = replace(NOTHING, gone={str(ONE): NOW + 1, str(TWO): NOW})
    assert pacing.available(pace, chain, NOW) == [other, TWO]
    assert planned(pace, chain)[0][0].candidate == str(other)
    pace = replace(NOTHING, gone={str(each): NOW + 1 for each in chain})
    assert pacing.available(pace, chain, NOW) == []
    assert {planned(pace, chain, run=f"run {n}")[0][0].candidate for n in range(8)} == {str(ONE), str(TWO)}
    assert pacing.available(NOTHING, chain, 0) == chain


def test_the_last_turn_of_a_slot_is_as_if_never_given_and_another_one_is_to_be_had():
    pace = at_slots([NOW + 62_000, NOW + 5])
    before = replace(pace)
    last, earlier = Turn(str(ONE), 0, NOW + 62_000), Turn(str(ONE), 0, NOW)
    assert pacing.released(pace, [last]) == replace(pace, slots={str(ONE): [NOW, NOW + 5]}, free={str(ONE): []})
    given_back = pacing.released(pace, [earlier])
    assert given_back == replace(pace, free={str(ONE): [(0, NOW)]})
    assert pacing.released(given_back, [last]) == replace(
        pace, slots={str(ONE): [NOW - 62_000, NOW + 5]}, free={str(ONE): []}
    )
    assert given_back.free == {str(ONE): [(0, NOW)]}
    assert pace == before


def test_a_turn_at_a_slot_that_a_smaller_quota_has_taken_away_is_dropped_and_the_others_are_given_back():
    pace = at_slots([NOW])
    turns = [Turn(str(TWO), 0, NOW), Turn(str(ONE), 1, NOW), Turn(str(ONE), 0, NOW)]
    after = pacing.released(pace, turns)
    assert after.slots == {str(ONE): [NOW - 62_000]}
    assert not any(after.free.values())


def test_pictures_of_a_run_begin_one_region_after_another_and_runs_anywhere():
    first = pacing.rotation_of("run", 1)
    assert [pacing.rotation_of("run", number) - first for number in (1, 2, 3)] == [0, 1, 2]
    assert {pacing.rotation_of(f"run {number}", 1) % 2 for number in range(8)} == {0, 1}
