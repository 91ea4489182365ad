"""Plans turns: which candidate, slot and time a picture gets. Pure: takes a pace and returns another, no AWS calls.

`booth.painting.admission` explains slots and turns.
"""

import zlib
from dataclasses import dataclass, field, replace

from booth.painting.chain import Candidate, rotated
from booth.run import Turn


@dataclass(frozen=True)
class Pace:
    """The turns at all image models. Times in epoch ms; keys are candidates, `model@region`."""

    slots: dict[str, list[int]]
    """Time of the last turn at each slot; at most as many slots as the candidate has."""
    gone: dict[str, int]
    """Unavailable candidates: until when they are not called. An entry stays after that until the candidate paints."""
    version: int
    """Number of writes, for optimistic locking; 0 before the first one."""
    free: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Turns that were given back before their time: slot, time."""


def plan(
    pace: Pace, candidates: list[Candidate], run_id: str, pictures: list[int], now: int
) -> tuple[dict[int, Turn], Pace]:
    """The earliest turns for some pictures at the first available model, and the pace with them.

    Among its Regions the one that is free first is taken; among free ones the least used, beginning at another one for
    each run and picture. If no candidate is available, the first model's are taken all the same.

    Args:
        pictures: numbers, from 1.
        now: epoch ms.
    """
    slots = {name: list(times) for name, times in pace.slots.items()}
    free = {name: [turn for turn in turns if turn[1] >= now] for name, turns in pace.free.items()}
    for each in candidates:
        if len(times := slots.setdefault(str(each), [])) > each.slots:  # it has fewer than before
            slots[str(each)] = sorted(times)[-each.slots :]
            free.pop(str(each), None)  # slots are renumbered
    usable = available(pace, candidates, now) or candidates
    regions = [each for each in usable if each.model == usable[0].model]

    def earliest(each: Candidate) -> tuple[int, int, int]:
        """Time of the candidate's earliest turn, number of its slots in use now, and the slot."""
        times = slots[str(each)]
        in_use = sum(time > now - each.window for time in times)
        if in_use == len(times) < each.slots:
            return now, in_use, len(times)  # a slot that was never used
        slot = times.index(min(times))
        given_back = ((at, in_use, slot) for slot, at in free.get(str(each), []))
        return min([(max(now, times[slot] + each.window), in_use, slot), *given_back])

    turns = {}
    for picture in pictures:
        candidate = min(rotated(regions, rotation_of(run_id, picture)), key=earliest)
        name, (at, _, slot) = str(candidate), earliest(candidate)
        if (slot, at) in free.get(name, []):
            free[name].remove((slot, at))
        else:
            slots[name][slot : slot + 1] = [at]
        turns[picture] = Turn(name, slot, at, candidate.window)
    return turns, replace(pace, slots=slots, free=free)


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
