"""Admission to painting: each picture gets its turn, first come first served, within the image models' quotas.

A candidate that takes n requests a minute has n slots, and each slot is used once a minute: so a free candidate takes a
whole photo at once, the quota holds however AWS counts its minutes, and a turn is known to the second when it is given.
One record in the table, the pace, holds the last turn that was given at each slot, and which candidates are gone.

A turn is a plan. A function that starts cold calls later than one that is warm, so each call notes when it was really
made, and the next one at the slot comes a minute after that.
"""

import random
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from booth import limits, store
from booth.chain import Candidate, chain, in_turn
from booth.errors import BoothError, ModelsUnavailable, QueueFull, Throttled, TurnLate, TurnLost
from booth.log import count, logger
from booth.parallel import together
from booth.store import Pace, Run, Turn

WINDOW_MS = 62_000
"""From one call at a slot to the next: a minute, and two seconds by which one may be longer on its way than another."""

LONGEST_DELAY_SECONDS = 5
"""A function waits this long for a slot whose last call came late; for longer it waits in the state machine."""

ASK_AGAIN_MS = 15 * 60 * 1000
"""A candidate that is gone is asked again after this long: a subscription takes up to 15 minutes to come into force."""

ADMISSION_SECONDS = 20
"""For so long a run is planned anew while others are admitted: their function's timeout is 30 s."""

CHANGE_SECONDS = 5
"""The same for what else changes the pace: a model call of 40 s still fits in behind it."""

_LONGEST_PAUSE_SECONDS = 2
"""Between two tries: a thousand writers at once must not be more than one item of the table can take."""


def admit(name: str, pictures: list[int], lost: str | None = None) -> Run:
    """Gives pictures (by number, from 1) of a run (by id) their turns, and the run the time to use them.

    A run that was admitted before keeps its turns, unless they are `lost`: after a TurnLost it gets others, after a
    TurnLate the same, as much later as the slot's last call was.

    Raises:
        QueueFull: a turn would come too late.
        RunEnded, TimedOut: the run's end or its deadline came first.
        Throttled: too many were admitted in the same moment.
    """
    for _ in _tries(ADMISSION_SECONDS):
        run, seen = together(lambda: store.check(name), store.pace)
        now = store.now_ms()
        if run.turns and not lost:
            return run
        if lost == TurnLate.__name__:
            turns = {number: _delayed(run.turns[number], now) for number in pictures}
            pace = None  # the plan stays
        else:
            turns, pace = plan(seen, chain(), name, pictures, now)
        if max(turn.at for turn in turns.values()) > run.claimed + limits.QUEUE_SECONDS * 1000:
            raise QueueFull("its turn would come too late")
        if admitted := store.admit(run, turns, pace):
            return admitted
    raise Throttled("many are being admitted at once")


def _delayed(turn: Turn, now: int) -> Turn:
    return replace(turn, at=max(now, store.slot_used(turn) + WINDOW_MS))


def plan(
    pace: Pace, candidates: list[Candidate], run: str, pictures: list[int], now: int
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
    alive = living(pace, candidates, now) or candidates
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
        candidate = min(in_turn(regions, _turn_of(run, picture)), key=earliest)
        name, (at, _, slot) = str(candidate), earliest(candidate)
        if (slot, at) in free.get(name, []):
            free[name].remove((slot, at))
        else:
            slots[name][slot : slot + 1] = [at]
        turns[picture] = Turn(name, slot, at)
    return turns, replace(pace, slots=slots, free=free)


def give_back(run: Run) -> None:
    """Others get those turns of an ended or deleted run that have not come yet.

    Raises:
        Throttled: many write the pace in the same moment.
    """
    for _ in _tries(CHANGE_SECONDS):
        left = [turn for turn in run.turns.values() if turn.at > store.now_ms()]
        if not left or store.give_back(run, returned(store.pace(), left)):
            return
        run = store.find(run.run) or replace(run, turns={})
    raise Throttled("many write the pace at once")


def returned(pace: Pace, turns: list[Turn]) -> Pace:
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


def living(pace: Pace, candidates: list[Candidate], now: int) -> list[Candidate]:
    """The candidates that are not known to be gone, in order of preference. `now` in epoch ms."""
    return [each for each in candidates if pace.gone.get(str(each), 0) <= now]


def order(run: Run, pace: Pace, picture: int, attempt: int) -> list[Candidate]:
    """The candidates that an attempt at a picture may ask, that whose turn it is first.

    The first attempt uses the picture's turn. Each retry takes the next candidate, and no turn: it is counted as one,
    so that others come later.

    Raises:
        TurnLost: the candidate is gone; the picture needs another turn.
    """
    turn, now = run.turns[picture], store.now_ms()
    alive = living(pace, chain(), now)
    own = next((each for each in alive if str(each) == turn.candidate), None)
    if own is None:
        raise TurnLost("the candidate is gone")
    # Sorting keeps the chain's order: its own candidate, then the other Regions of that model, then other models.
    ordered = sorted(
        in_turn(alive, _turn_of(run.run, picture)), key=lambda each: (each != own, each.model != own.model)
    )
    shift = attempt % len(ordered)
    if attempt:
        _change(lambda pace: plan(pace, [ordered[shift]], run.run, [picture], now)[1])
    return [*ordered[shift:], *ordered[:shift]]


def await_slot(turn: Turn) -> None:
    """Waits until the slot of a picture's turn is free, and takes it. Raises TurnLate, if that takes too long."""
    until = time.monotonic() + LONGEST_DELAY_SECONDS
    while not store.use_slot(turn, WINDOW_MS):
        wait = (store.slot_used(turn) + WINDOW_MS - store.now_ms()) / 1000
        if time.monotonic() + wait > until:
            raise TurnLate("the slot's last call came late")
        time.sleep(max(0.01, wait))


def lose(candidate: Candidate) -> TurnLost | ModelsUnavailable:
    """Notes that a candidate is gone; gives what its picture fails with: it needs another turn, or none is left.

    Its going is counted once, not again when it is asked again and still gone: it stays in the pace until it paints.
    If none is left, all are asked again by the next picture: access may be granted in a minute.
    """
    now = store.now_ms()

    def without(pace: Pace) -> Pace:
        gone = pace.gone | {str(candidate): now + ASK_AGAIN_MS}
        is_left = living(replace(pace, gone=gone), chain(), now)
        return replace(pace, gone=gone if is_left else dict.fromkeys(gone, now))

    before, after = _change(without)
    if str(candidate) not in before.gone:
        count("CandidateGone")
    if after.gone[str(candidate)] > now:
        return TurnLost("the candidate is gone")
    count("ModelsUnavailable")
    return ModelsUnavailable("every candidate of the chain is gone")


def answered(candidate: Candidate, seen: Pace) -> None:
    """Notes that a candidate painted; if it was gone when the pace was `seen`, its next going is counted again.

    Trouble with that is logged, not raised: the picture is published, and a retry would have it painted once more. The
    candidate's next picture notes it.
    """
    count("ModelsUnavailable", 0)  # ends the alarm, which must not end because nobody comes
    name = str(candidate)

    def with_it(pace: Pace) -> Pace:
        gone = dict(pace.gone)
        if gone.get(name) == seen.gone[name]:  # else somebody has found it gone since
            del gone[name]
        return replace(pace, gone=gone)

    if name in seen.gone:
        try:
            _change(with_it)
        except BoothError as error:
            logger.warning("that a candidate is back could not be noted", error=type(error).__name__)


def _change(changed: Callable[[Pace], Pace]) -> tuple[Pace, Pace]:
    """Writes the pace as `changed` makes it of what is there; gives what was there and what was written."""
    for _ in _tries(CHANGE_SECONDS):
        before = store.pace()
        after = changed(before)
        if store.write_pace(after):
            return before, after
    raise Throttled("many write the pace at once")


def _turn_of(run: str, picture: int) -> int:
    """Where in the rotation over Regions a picture of a run begins: runs begin at different places, pictures too."""
    return zlib.crc32(run.encode()) + picture


def _tries(seconds: float) -> Iterator[None]:
    """Tries at a write that others make too; between them it backs off, with full jitter."""
    until, longest = time.monotonic() + seconds, 0.02
    while True:
        yield
        pause = random.random() * longest
        if time.monotonic() + pause > until:
            return
        time.sleep(pause)
        longest = min(2 * longest, _LONGEST_PAUSE_SECONDS)
