"""Admission to painting: each picture gets its turn, first come first served, within the image models' quotas.

A candidate that takes n requests a minute has n slots, and each slot is used once a minute: so a free candidate takes a
whole photo at once, the quota holds however AWS counts its minutes, and a turn is known to the second when it is given.
One record in the table, the pace, holds the last turn that was given at each slot, and which candidates are gone.

A turn is a plan. A function that starts cold calls later than one that is warm, so each call notes when it was really
made, and the next one at the slot comes a minute after that.
"""

import zlib
from dataclasses import dataclass, field, replace

from booth.painting.chain import Candidate, rotated
from booth.run import Turn

WINDOW_MS = 62_000
"""From one call at a slot to the next: a minute, and two seconds by which one may be longer on its way than another."""


@dataclass(frozen=True)
class Pace:
    """The calls of the image models, all together. Times in epoch milliseconds, by `model@region`."""

    slots: dict[str, list[int]]
    """The last turn that was given at each slot; a candidate has as many as it takes requests a minute."""
    gone: dict[str, int]
    """Those that refused for good: until when they are not asked. They stay here after that, until they paint."""
    version: int
    """Counts the writes; 0 before the first one."""
    free: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Turns that were given back before they came: slot and time."""


def plan(
    pace: Pace, candidates: list[Candidate], run_id: str, pictures: list[int], now: int
) -> tuple[dict[int, Turn], Pace]:
    """The earliest turns of some pictures at the first model that lives, and the pace with them. `now` in epoch ms.

    Where several Regions are free, runs and pictures begin at different ones.
    """
    slots = {name: list(times) for name, times in pace.slots.items()}
    free = {name: [turn for turn in turns if turn[1] >= now] for name, turns in pace.free.items()}
    for each in candidates:
        if len(times := slots.setdefault(str(each), [])) > each.requests:  # its quota has become smaller
            slots[str(each)] = sorted(times)[-each.requests :]
            free.pop(str(each), None)  # the slots have other numbers now
    alive = available(pace, candidates, now) or candidates
    regions = [each for each in alive if each.model == alive[0].model]

    def earliest(each: Candidate) -> tuple[int, int, int]:
        """When it can be called next, how many of its slots are in use now, and the slot to use."""
        times = slots[str(each)]
        in_use = sum(time > now - WINDOW_MS for time in times)
        if in_use == len(times) < each.requests:
            return now, in_use, len(times)  # a slot that was never used
        slot = times.index(min(times))
        given_back = ((at, in_use, slot) for slot, at in free.get(str(each), []))
        return min([(max(now, times[slot] + WINDOW_MS), in_use, slot), *given_back])

    turns = {}
    for picture in pictures:
        candidate = min(rotated(regions, rotation_of(run_id, picture)), key=earliest)
        name, (at, _, slot) = str(candidate), earliest(candidate)
        if (slot, at) in free.get(name, []):
            free[name].remove((slot, at))
        else:
            slots[name][slot : slot + 1] = [at]
        turns[picture] = Turn(name, slot, at)
    return turns, replace(pace, slots=slots, free=free)


def released(pace: Pace, turns: list[Turn]) -> Pace:
    """The pace without these turns: a slot's last one is as if never given, another one is the next to be given."""
    slots = {name: list(times) for name, times in pace.slots.items()}
    free = {name: list(given_back) for name, given_back in pace.free.items()}
    for turn in turns:
        times, open_turns = slots.get(turn.candidate, []), free.setdefault(turn.candidate, [])
        if turn.slot >= len(times):  # its quota has become smaller
            continue
        open_turns.append((turn.slot, turn.at))
        while (last := (turn.slot, times[turn.slot])) in open_turns:
            open_turns.remove(last)
            times[turn.slot] -= WINDOW_MS
    return replace(pace, slots=slots, free=free)


def available(pace: Pace, candidates: list[Candidate], now: int) -> list[Candidate]:
    """The candidates that are not known to be gone, in order of preference. `now` in epoch ms."""
    return [each for each in candidates if pace.gone.get(str(each), 0) <= now]


def rotation_of(run_id: str, picture: int) -> int:
    """Where in the rotation over Regions a picture of a run begins: runs begin at different places, pictures too."""
    return zlib.crc32(run_id.encode()) + picture
