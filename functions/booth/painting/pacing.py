"""Plans turns: which candidate, slot and time a picture gets. Pure: takes a pace and returns another, no AWS calls.

`booth.painting.admission` explains slots and turns, docs/decisions/0033-first-picture-first.md who comes first.
"""

import math
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from booth.painting.chain import Candidate, rotated
from booth.run import WINDOW_MS, Turn

RECENT_MS = 20_000
"""So far back goes what tells how many runs are to be expected; the time constant of `Pace.recent`."""


@dataclass(frozen=True)
class Pace:
    """The turns at all image models. Times in epoch ms; keys are candidates, `model@region`."""

    slots: dict[str, list[int]]
    """Time of the last turn at each slot, 0 for none; at most as many slots as the candidate has."""
    gone: dict[str, int]
    """Unavailable candidates: until when they are not called. An entry stays after that until the candidate paints."""
    version: int
    """Number of writes, for optimistic locking; 0 before the first one."""
    free: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Turns before a slot's last one that nobody has: slot, time. They were given back, or left for first pictures."""
    line: dict[str, list[int]] = field(default_factory=dict)
    """What `slots` would be if every picture had taken the earliest turn. Without the times that bind nobody any more;
    a candidate is missing if it is the same as in `slots`."""
    recent: tuple[int, int] = (0, 0)
    """How many runs were admitted lately, in thousandths, each worth less as time passes (by e in RECENT_MS); of when
    that is."""


_Place = tuple[int, int, int, int, int]
"""A turn that can be given, the smallest is the best: its time; how many of the candidate's slots are in use now; the
candidate's place in the rotation; the slot; how many windows of the slot stay free before it, -1 for one in `free`."""


def plan(
    pace: Pace,
    candidates: list[Candidate],
    run_id: str,
    pictures: list[int],
    now: int,
    ahead: Collection[int] = (1,),
    latest: float = math.inf,
) -> tuple[dict[int, Turn], Pace]:
    """Turns for some pictures at the first available model, and the pace with them.

    A picture that is `ahead` gets the earliest turn. Each other one gets the earliest that makes no first picture wait
    longer that is expected within WINDOW_MS, but none later than WINDOW_MS after the one it would have if every picture
    so far had taken the earliest. That there is such a turn follows by induction: see the decision.

    Of the model's Regions the one that is free first is taken; among free ones the least used, beginning at another one
    for each run and picture. If no candidate is available, the first model's are taken all the same.

    Args:
        pictures: numbers, from 1.
        now: epoch ms.
        ahead: numbers.
        latest: no turn is later for the sake of others, epoch ms.
    """
    slots = {name: list(times) for name, times in pace.slots.items()}
    free = {name: [turn for turn in turns if turn[1] >= now] for name, turns in pace.free.items()}
    line = dict(pace.line)
    for each in candidates:
        if len(times := slots.setdefault(str(each), [])) > each.slots:  # it has fewer than before
            slots[str(each)] = sorted(times)[-each.slots :]
            free.pop(str(each), None)  # slots are renumbered
    usable = available(pace, candidates, now) or candidates
    expected = _expected(pace, now)
    # Of slots that were never used no more than can matter: a quota may be far beyond what is ever used.
    matter = len(pictures) + 2 * math.ceil(expected)
    regions = [
        replace(each, slots=min(each.slots, max(len(slots[str(each)]), len(line.get(str(each), []))) + matter))
        for each in usable
        if each.model == usable[0].model
    ]
    in_line = {str(each): _padded(line.get(str(each), slots[str(each)]), each.slots) for each in regions}

    turns = {}
    for picture in pictures:
        latest_in_line = _take_in_line(in_line, regions, now) + WINDOW_MS
        rotation = rotated(regions, rotation_of(run_id, picture))
        places = [place for index, each in enumerate(rotation) for place in _places(each, index, slots, free, now)]
        if picture in ahead or expected < 1:
            place = min(places)
        else:
            place = _behind_expected(sorted(places), expected, now, min(latest_in_line, latest))
        candidate = rotation[place[2]]
        _take(place, candidate, slots, free)
        turns[picture] = Turn(str(candidate), place[3], place[0], candidate.window)
    for each in regions:
        name, bound = str(each), now - each.window
        line.pop(name, None)
        if (times := _binding(in_line[name], bound)) != _binding(slots[name], bound):
            line[name] = times
    return turns, replace(pace, slots=slots, free=free, line=line)


def _places(
    candidate: Candidate, region: int, slots: dict[str, list[int]], free: dict[str, list[tuple[int, int]]], now: int
) -> list[_Place]:
    """The turns that a candidate has to give: those in `free`, and each slot's next ones within WINDOW_MS."""
    name, window = str(candidate), candidate.window
    times, bound = _padded(slots[name], candidate.slots), now - window
    in_use = sum([time > bound for time in times])
    next_ones = [time + window if time > bound else now for time in times]
    return [(at, in_use, region, slot, -1) for slot, at in free.get(name, [])] + [
        (at + passed * window, in_use, region, slot, passed)
        for passed in range(max(1, WINDOW_MS // window))
        for slot, at in enumerate(next_ones)
    ]


def _behind_expected(places: list[_Place], expected: float, now: int, latest: float) -> _Place:
    """The best place whose loss makes no expected first picture wait longer, but none after `latest` if there is one.

    They come at even distances, and each takes the first place that is left: so if one of the first k places is lost,
    the k-th of them gets the next place, which is no loss if that is free anyway when it comes. Half of the places at
    most are left to them, for who comes faster than that can't be served at once.

    Args:
        places: sorted.
        expected: how many come within WINDOW_MS.
    """
    left_free = min(int(expected), sum(passed >= 0 for *_, passed in places) // 2)
    while left_free and places[left_free][0] <= now + left_free * WINDOW_MS / expected:
        left_free -= 1
    in_time = bisect_right(places, latest, key=lambda place: place[0]) or 1
    at = places[min(left_free, in_time - 1)][0]
    return places[bisect_left(places, at, key=lambda place: place[0])]


def _take(place: _Place, candidate: Candidate, slots: dict[str, list[int]], free: dict[str, list[tuple[int, int]]]):
    """Takes a place out of `slots` or `free`, and puts those that are left free before it into `free`."""
    at, _, _, slot, passed = place
    name, window = str(candidate), candidate.window
    if passed < 0:
        free[name].remove((slot, at))
        return
    times = slots[name]
    times += [0] * (slot + 1 - len(times))
    times[slot] = at
    if passed:
        free.setdefault(name, []).extend((slot, at - windows * window) for windows in range(passed, 0, -1))


def _take_in_line(in_line: dict[str, list[int]], regions: list[Candidate], now: int) -> int:
    """Takes the earliest turn in `in_line`; returns its time."""
    at, name = min((max(now, min(in_line[str(each)]) + each.window), str(each)) for each in regions)
    times = in_line[name]
    times[times.index(min(times))] = at
    return at


def _padded(times: list[int], length: int) -> list[int]:
    """So many times: the latest ones, or with 0 for slots that were never used."""
    return sorted(times)[-length:] if len(times) > length else times + [0] * (length - len(times))


def _binding(times: list[int], bound: int) -> list[int]:
    """The times after `bound`, sorted: the others keep nobody waiting."""
    return sorted(time for time in times if time > bound)


def with_another_run(pace: Pace, now: int) -> Pace:
    """The pace with one more run in `recent`: it is counted before its turns are planned. `now` in epoch ms."""
    return replace(pace, recent=(round(_recent(pace, now)) + 1000, now))


def _expected(pace: Pace, now: int) -> float:
    """How many runs are to be expected within WINDOW_MS if they keep coming as others than this one did lately."""
    return max(0, _recent(pace, now) - 1000) * WINDOW_MS / RECENT_MS / 1000


def _recent(pace: Pace, now: int) -> float:
    """`Pace.recent` as of now, in thousandths."""
    count, at = pace.recent
    return count * math.exp(min(0, at - now) / RECENT_MS)


def released(pace: Pace, turns: list[Turn]) -> Pace:
    """The pace without these turns: a slot's last turn is undone, an earlier one is put into `free` and given next."""
    slots = {name: list(times) for name, times in pace.slots.items()}
    free = {name: list(given_back) for name, given_back in pace.free.items()}
    for turn in turns:
        times, open_turns = slots.get(turn.candidate, []), free.setdefault(turn.candidate, [])
        if turn.slot >= len(times):  # it has fewer than before
            continue
        open_turns.append((turn.slot, turn.at))
        while (last := (turn.slot, times[turn.slot])) in open_turns:
            open_turns.remove(last)
            times[turn.slot] -= turn.window
    return replace(pace, slots=slots, free=free)


def available(pace: Pace, candidates: list[Candidate], now: int) -> list[Candidate]:
    """The candidates that are not known to be unavailable, in the given order. `now` in epoch ms."""
    return [each for each in candidates if pace.gone.get(str(each), 0) <= now]


def rotation_of(run_id: str, picture: int) -> int:
    """Offset of a picture in the rotation over Regions (`chain.rotated`); differs by run and by picture."""
    return zlib.crc32(run_id.encode()) + picture


def waiting(pace: Pace, candidates: list[Candidate], now: int) -> tuple[int, int]:
    """How many turns are still to come, and the time of the last one (`now` if there is none). Epoch ms.

    A slot's turns that are still to come lie its window apart, so its last one and those in `free` tell them all. A
    retry, which has no turn, counts as one until its time has come.
    """
    windows = {str(each): each.window for each in candidates}
    count, last = 0, now
    for name, times in pace.slots.items():
        window = windows.get(name, WINDOW_MS)
        count += sum((at - now - 1) // window + 1 for at in times if at > now)
        count -= sum(at > now for _, at in pace.free.get(name, []))
        last = max([last, *times])
    return max(0, count), last
