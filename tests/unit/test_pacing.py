"""Planned turns: the quotas hold, first pictures come first, and nobody comes much later than in line."""

import uuid
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from booth.painting import pacing
from booth.painting.chain import Candidate
from booth.painting.pacing import Pace
from booth.run import WINDOW_MS, Turn

TITAN, INPAINT = "amazon.titan-image-generator-v2:0", "us.stability.stable-image-inpaint-v1:0"
MINUTE = 60_000
NOW = 1_800_000_000_000
NOTHING = Pace({}, {}, 0)


def candidates(quota, regions=2, model=TITAN):
    return [Candidate(model, f"region-{number}", quota) for number in range(regions)]


def plan(pace, chain, pictures=3, now=NOW, run=None):
    return pacing.plan(pace, chain, run or str(uuid.uuid4()), list(range(1, pictures + 1)), now)


def come(pace, chain, pictures=3, now=NOW):
    """As `plan`, of a run that is counted."""
    return plan(pacing.with_another_run(pace, now), chain, pictures, now)


def in_line(pace, chain, pictures=3, now=NOW):
    """The turns if every picture took the earliest, and the pace with them."""
    numbers = list(range(1, pictures + 1))
    return pacing.plan(pace, chain, str(uuid.uuid4()), numbers, now, ahead=numbers)


def test_a_photo_that_comes_alone_does_not_wait():
    turns, _ = plan(NOTHING, candidates(20))
    assert {turn.at for turn in turns.values()} == {NOW}


def test_a_photo_that_comes_when_all_is_used_up_waits_until_the_first_call_is_a_minute_ago():
    chain = candidates(3, 1)
    _, pace = plan(NOTHING, chain)
    turns, pace = plan(pace, chain, now=NOW + 10_000)
    assert {turn.at for turn in turns.values()} == {NOW + WINDOW_MS}
    turns, pace = plan(pace, chain, now=NOW + 10_000)
    assert {turn.at for turn in turns.values()} == {NOW + 2 * WINDOW_MS}


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
def test_no_minute_ever_holds_more_calls_than_the_quota(quota, regions, arrivals):
    chain, pace, now = candidates(quota, regions), NOTHING, NOW
    calls = {str(each): [] for each in chain}
    for pause, pictures in arrivals:
        now += pause
        turns, pace = come(pace, chain, pictures, now)
        for turn in turns.values():
            assert turn.at >= now
            calls[turn.candidate].append(turn.at)
    for times in calls.values():
        for at in times:
            # A call may come two seconds after its turn.
            assert sum(at - MINUTE - 2000 < other <= at for other in times) <= quota


ENDPOINTS = some.builds(
    lambda slots, window: Candidate("endpoint", "region-0", slots, window),
    some.integers(1, 3),
    some.sampled_from([240_000, 60_000, 5_000, 3_000]),
)


@given(
    ENDPOINTS,
    some.lists(some.tuples(some.integers(0, 9_000), some.integers(0, 5), some.integers(0, 9)), min_size=1, max_size=40),
)
def test_an_instance_is_never_called_sooner_than_it_paints(endpoint, steps):
    """Whatever is given back meanwhile."""
    chain, pace, now, waiting, made = [endpoint, *candidates(2, 2)], NOTHING, NOW, [], []
    for pause, pictures, given_back in steps:
        now += pause
        made += [turn for turn in waiting if turn.at <= now]
        waiting = [turn for turn in waiting if turn.at > now]
        if pictures:
            turns, pace = come(pace, chain, pictures, now)
            waiting += turns.values()
        elif waiting:
            pace = pacing.released(pace, [waiting.pop(given_back % len(waiting))])
    made += waiting
    assert {turn.candidate for turn in made} <= {"endpoint@region-0"}, "the first model that is available paints"
    assert {turn.window for turn in made} <= {endpoint.window}
    for slot in range(endpoint.slots):
        times = sorted(turn.at for turn in made if turn.slot == slot)
        assert all(later - earlier >= endpoint.window for earlier, later in pairwise(times))
    assert {turn.slot for turn in made} <= set(range(endpoint.slots))


@given(ENDPOINTS, some.integers(1, 30), some.randoms())
def test_when_all_of_an_endpoints_turns_are_given_back_nothing_is_left_of_them(endpoint, photos, dice):
    pace, turns = NOTHING, []
    for _ in range(photos):
        given_turns, pace = plan(pace, [endpoint], 3, NOW)
        turns += given_turns.values()
    dice.shuffle(turns)
    for turn in turns:
        pace = pacing.released(pace, [turn])
    assert not any(pace.free.values())
    assert all(at == NOW - endpoint.window for times in pace.slots.values() for at in times)


def test_a_visitors_pictures_come_one_after_another_at_an_instance_and_at_once_at_three():
    turns, pace = plan(NOTHING, [Candidate("endpoint", "a", 1, 5_000)])
    assert [turn.at - NOW for turn in turns.values()] == [0, 5_000, 10_000]
    turns, _ = plan(pace, [Candidate("endpoint", "a", 1, 5_000)], now=NOW + 7_000)
    assert [turn.at - NOW for turn in turns.values()] == [15_000, 20_000, 25_000]
    turns, _ = plan(NOTHING, [Candidate("endpoint", "a", 3, 5_000)])
    assert [(turn.slot, turn.at - NOW) for turn in turns.values()] == [(0, 0), (1, 0), (2, 0)]


def test_an_endpoint_that_is_gone_is_passed_over_until_it_is_asked_again():
    chain = [Candidate("endpoint", "a", 1, 5_000), *candidates(20)]
    gone = replace(NOTHING, gone={"endpoint@a": NOW + 1})
    turns, _ = plan(gone, chain)
    assert {turn.candidate.partition("@")[0] for turn in turns.values()} == {TITAN}
    assert {(turn.at, turn.window) for turn in turns.values()} == {(NOW, WINDOW_MS)}
    turns, _ = plan(gone, chain, now=NOW + 1)
    assert {turn.candidate for turn in turns.values()} == {"endpoint@a"}


@given(some.integers(1, 9), some.integers(1, 3), some.integers(1, 60))
def test_a_quota_is_used_up_before_anybody_waits(quota, regions, photos):
    chain, pace = candidates(quota, regions), NOTHING
    at = []
    for _ in range(photos):
        turns, pace = plan(pace, chain, 3, NOW)
        at += [turn.at for turn in turns.values()]
    expected = [NOW + number // (quota * regions) * WINDOW_MS for number in range(3 * photos)]
    assert at == expected


def test_a_slot_has_one_turn_a_minute():
    chain, pace, given = candidates(4), NOTHING, []
    for number in range(40):
        turns, pace = plan(pace, chain, 3, NOW + number * 1000)
        given += turns.values()
    for slot in {(turn.candidate, turn.slot) for turn in given}:
        times = [turn.at for turn in given if (turn.candidate, turn.slot) == slot]
        assert times == sorted(times)
        assert all(later - earlier >= WINDOW_MS for earlier, later in pairwise(times))
    assert {turn.slot for turn in given} == {0, 1, 2, 3}


def test_a_smaller_quota_holds_at_once():
    _, pace = plan(NOTHING, candidates(6, 1), 6)
    turns, pace = plan(pace, candidates(2, 1), 3, NOW + 1000)
    assert [turn.at - NOW for turn in turns.values()] == [WINDOW_MS, WINDOW_MS, 2 * WINDOW_MS]
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
    assert sum(map(len, pace.slots.values())) <= 3 * (WINDOW_MS // 20_000 + 2)


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
            turns, pace = come(pace, chain, pictures, now)
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
    assert all(at == NOW - WINDOW_MS for times in pace.slots.values() for at in times)


@given(some.lists(some.tuples(some.integers(0, 9_000), some.integers(1, 5)), min_size=1, max_size=12))
def test_a_quota_beyond_all_use_is_planned_like_one_that_is_never_used_up(arrivals):
    """Of a thousand thousand million slots only those that can matter are looked at."""
    paces = {quota: NOTHING for quota in (200, 10**12)}
    now = NOW
    for pause, pictures in arrivals:
        now += pause
        given = {}
        for quota, pace in paces.items():
            counted = pacing.with_another_run(pace, now)
            given[quota], paces[quota] = pacing.plan(
                counted, candidates(quota), f"run {now}", list(range(1, pictures + 1)), now
            )
        assert given[200] == given[10**12]
    assert paces[200] == paces[10**12]


# First pictures first

CHAINS = some.one_of(
    some.builds(candidates, some.integers(1, 9), some.integers(1, 2)), some.builds(lambda each: [each], ENDPOINTS)
)
ARRIVALS = some.lists(
    some.tuples(some.one_of(some.integers(0, 500), some.integers(0, 90_000)), some.integers(1, 5)),
    min_size=1,
    max_size=25,
)


@given(CHAINS, ARRIVALS)
def test_no_picture_comes_more_than_a_window_after_its_place_in_the_line(chain, arrivals):
    pace, line, now = NOTHING, NOTHING, NOW
    for pause, pictures in arrivals:
        now += pause
        turns, pace = come(pace, chain, pictures, now)
        expected, line = in_line(line, chain, pictures, now)
        for turn, place in zip(turns.values(), expected.values(), strict=True):
            assert turn.at <= place.at + WINDOW_MS


@given(CHAINS, ARRIVALS)
def test_a_first_picture_has_no_free_place_before_its_own(chain, arrivals):
    """What others have left free is for first pictures: none of it is passed over."""
    pace, now = NOTHING, NOW
    for pause, pictures in arrivals:
        now += pause
        earliest, _ = in_line(pace, chain, 1, now)
        turns, pace = come(pace, chain, pictures, now)
        assert turns[1].at == earliest[1].at


@given(CHAINS, ARRIVALS, some.integers(0, 100_000))
def test_no_picture_waits_for_others_past_the_latest_turn(chain, arrivals, queue):
    """A photo is sent away only if there is no place, not because some are left free."""
    pace, now = NOTHING, NOW
    for pause, pictures in arrivals:
        now += pause
        pace = pacing.with_another_run(pace, now)
        for number in range(1, pictures + 1):
            earliest, _ = in_line(pace, chain, 1, now)
            turns, pace = pacing.plan(pace, chain, "run", [number], now, latest=now + queue)
            assert turns[number].at <= max(now + queue, earliest[1].at)


@given(CHAINS, ARRIVALS)
def test_who_comes_a_while_after_the_others_has_all_pictures_as_early_as_can_be(chain, arrivals):
    pace, now = NOTHING, NOW
    for pause, pictures in arrivals:
        now += pause
        _, pace = come(pace, chain, pictures, now)
    now += 2 * MINUTE
    turns, _ = come(pace, chain, 3, now)
    earliest, _ = in_line(pace, chain, 3, now)
    assert sorted(turn.at for turn in turns.values()) == sorted(turn.at for turn in earliest.values())


@pytest.mark.parametrize("pause", [0, 30, 150], ids=["at once", "within a second", "within five seconds"])
@pytest.mark.parametrize("chain", [candidates(20, 3), candidates(60, 1)], ids=["three Regions", "one Region"])
def test_of_thirty_at_sixty_calls_a_minute_each_has_its_first_picture_at_once(chain, pause):
    pace, line, now, late = NOTHING, NOTHING, NOW, 0
    for number in range(30):
        now = NOW + number * pause
        turns, pace = come(pace, chain, 3, now)
        assert turns[1].at == now
        expected, line = in_line(line, chain, 3, now)
        late += expected[1].at - now > 5_000
        assert number or {turn.at for turn in turns.values()} == {now}, "who is alone has all at once"
    assert late == 10, "of those who are served in line ten wait for a minute"


def test_half_of_the_places_at_most_are_left_free_for_the_first_pictures_that_are_expected():
    chain, pace = candidates(20, 1), replace(NOTHING, recent=(6_000, NOW))  # five others in 20 s: 15 in 62 s
    for _ in range(3):
        turns, pace = plan(pace, chain)
        assert {turn.at for turn in turns.values()} == {NOW}
    turns, pace = plan(pace, chain)
    assert [turn.at - NOW for turn in turns.values()] == [0, WINDOW_MS, WINDOW_MS]
    turns, _ = plan(replace(pace, recent=(12_000, NOW - 50_000)), chain)  # they are worth less than one now
    assert {turn.at for turn in turns.values()} == {NOW}
    assert pacing.with_another_run(pace, NOW + 20_000).recent == (3_207, NOW + 20_000)


@pytest.mark.parametrize(
    ("free", "others_in", "at"), [(11, 40_000, 0), (11, 40_001, 40_001), (9, 32_000, 0), (6, 30_000, 30_000)]
)
def test_nothing_is_left_free_for_who_finds_a_free_place_anyway_when_it_comes(free, others_in, at):
    """Of 15.5 in 62 s one comes each 4 s. The first picture takes one of the places that are free now."""
    used = [NOW - WINDOW_MS + others_in] * (20 - free) + [0] * free
    [chain, pace] = candidates(20, 1), replace(NOTHING, recent=(6_000, NOW))
    turns, _ = plan(replace(pace, slots={str(chain[0]): used}), chain, 2)
    assert [turn.at - NOW for turn in turns.values()] == [0, at]


def test_a_picture_that_is_called_at_once_whoever_comes_takes_the_earliest_place():
    chain, pace = candidates(2, 1), replace(NOTHING, recent=(9_000, NOW))
    _, pace = plan(pace, chain, 1)
    assert pacing.plan(pace, chain, "run", [2], NOW)[0][2].at == NOW + WINDOW_MS
    assert pacing.plan(pace, chain, "run", [2], NOW, ahead=[2])[0][2].at == NOW


def test_places_of_an_instance_that_are_left_free_are_the_first_pictures():
    chain, pace = [Candidate("endpoint", "a", 1, 5_000)], replace(NOTHING, recent=(6_000, NOW))
    turns, pace = plan(pace, chain)
    assert [turn.at - NOW for turn in turns.values()] == [0, 35_000, 40_000]
    assert pace.free == {"endpoint@a": [(0, NOW + 5_000 * number) for number in range(1, 7)]}
    assert plan(pace, chain, 1, NOW + 4_000)[0][1].at == NOW + 5_000


def test_the_line_is_kept_only_while_it_is_another_one():
    chain, pace = candidates(3, 1), NOTHING
    for _ in range(4):
        _, pace = come(pace, chain)
    assert pace.line == {str(chain[0]): [NOW + 3 * WINDOW_MS] * 3}
    _, pace = come(pace, chain, 3, NOW + 9 * WINDOW_MS)
    assert pace.line == {}


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


@given(
    some.integers(1, 4),
    some.lists(
        some.tuples(some.integers(0, 40_000), some.integers(1, 5), some.none() | some.integers(0, 100)),
        min_size=1,
        max_size=30,
    ),
    some.integers(0, 200_000),
)
def test_pictures_that_wait_are_told_from_the_pace_alone(quota, arrivals, later):
    """However runs come, and whichever turns are given back."""
    chain, pace, now, given_turns = candidates(quota), NOTHING, NOW, []
    for pause, pictures, given_back in arrivals:
        now += pause
        turns, pace = come(pace, chain, pictures, now)
        given_turns += turns.values()
        waiting = [turn for turn in given_turns if turn.at > now]
        if waiting and given_back is not None:
            turn = waiting[given_back % len(waiting)]
            given_turns.remove(turn)
            pace = pacing.released(pace, [turn])
    now += later
    waiting = [turn.at for turn in given_turns if turn.at > now]
    assert pacing.waiting(pace, chain, now) == (len(waiting), max(waiting, default=now))
