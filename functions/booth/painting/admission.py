"""Admission to painting: each picture gets its turn, first come first served, within the image models' quotas.

A candidate that takes n requests a minute has n slots, and each slot is used once a minute: so a free candidate takes a
whole photo at once, the quota holds however AWS counts its minutes, and a turn is known to the second when it is given.
One record in the table, the pace, holds the last turn that was given at each slot, and which candidates are gone.

A turn is a plan. A function that starts cold calls later than one that is warm, so each call notes when it was really
made, and the next one at the slot comes a minute after that.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from booth import clock, limits
from booth.errors import BoothError, ModelsUnavailable, QueueFull, Throttled, TurnLate, TurnLost
from booth.log import count, logger
from booth.painting import pacing, records
from booth.painting.chain import Candidate, chain, rotated
from booth.painting.pacing import Pace
from booth.parallel import gather
from booth.run import Run, Turn
from booth.runs import store

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


def admit(run_id: str, pictures: list[int], lost: str | None = None) -> Run:
    """Gives pictures (by number, from 1) of a run (by id) their turns, and the run the time to use them.

    A run that was admitted before keeps its turns, unless they are `lost`: after a TurnLost it gets others, after a
    TurnLate the same, as much later as the slot's last call was.

    Raises:
        QueueFull: a turn would come too late.
        RunEnded, TimedOut: the run's end or its deadline came first.
        Throttled: too many were admitted in the same moment.
    """
    for _ in _tries(ADMISSION_SECONDS):
        run, seen = gather(lambda: store.check(run_id), records.pace)
        now = clock.now_ms()
        if run.turns and not lost:
            return run
        if lost == TurnLate.__name__:
            turns = {number: _delayed(run.turns[number], now) for number in pictures}
            pace = None  # the plan stays
        else:
            turns, pace = pacing.plan(seen, chain(), run_id, pictures, now)
        if max(turn.at for turn in turns.values()) > run.claimed + limits.QUEUE_SECONDS * 1000:
            raise QueueFull("its turn would come too late")
        if admitted := records.write_turns(run, turns, pace):
            return admitted
    raise Throttled("many are being admitted at once")


def _delayed(turn: Turn, now: int) -> Turn:
    return replace(turn, at=max(now, records.slot_last_used(turn) + pacing.WINDOW_MS))


def release_turns(run: Run) -> None:
    """Others get those turns of an ended or deleted run that have not come yet.

    Raises:
        Throttled: many write the pace in the same moment.
    """
    for _ in _tries(CHANGE_SECONDS):
        left = [turn for turn in run.turns.values() if turn.at > clock.now_ms()]
        if not left or records.remove_turns(run, pacing.released(records.pace(), left)):
            return
        run = store.find(run.id) or replace(run, turns={})
    raise Throttled("many write the pace at once")


def candidates_for(run: Run, pace: Pace, picture: int, attempt: int) -> list[Candidate]:
    """The candidates that an attempt at a picture may ask, that whose turn it is first.

    The first attempt uses the picture's turn. Each retry takes the next candidate, and no turn: it is counted as one,
    so that others come later.

    Raises:
        TurnLost: the candidate is gone; the picture needs another turn.
    """
    turn, now = run.turns[picture], clock.now_ms()
    alive = pacing.available(pace, chain(), now)
    own = next((each for each in alive if str(each) == turn.candidate), None)
    if own is None:
        raise TurnLost("the candidate is gone")
    # Sorting keeps the chain's order: its own candidate, then the other Regions of that model, then other models.
    ordered = sorted(
        rotated(alive, pacing.rotation_of(run.id, picture)), key=lambda each: (each != own, each.model != own.model)
    )
    shift = attempt % len(ordered)
    if attempt:
        _change(lambda pace: pacing.plan(pace, [ordered[shift]], run.id, [picture], now)[1])
    return [*ordered[shift:], *ordered[:shift]]


def await_slot(turn: Turn) -> None:
    """Waits until the slot of a picture's turn is free, and takes it. Raises TurnLate, if that takes too long."""
    until = time.monotonic() + LONGEST_DELAY_SECONDS
    while not records.use_slot(turn, pacing.WINDOW_MS):
        wait = (records.slot_last_used(turn) + pacing.WINDOW_MS - clock.now_ms()) / 1000
        if time.monotonic() + wait > until:
            raise TurnLate("the slot's last call came late")
        time.sleep(max(0.01, wait))


def note_gone(candidate: Candidate) -> TurnLost | ModelsUnavailable:
    """Notes that a candidate is gone; gives what its picture fails with: it needs another turn, or none is left.

    Its going is counted once, not again when it is asked again and still gone: it stays in the pace until it paints.
    If none is left, all are asked again by the next picture: access may be granted in a minute.
    """
    now = clock.now_ms()

    def without(pace: Pace) -> Pace:
        gone = pace.gone | {str(candidate): now + ASK_AGAIN_MS}
        is_left = pacing.available(replace(pace, gone=gone), chain(), now)
        return replace(pace, gone=gone if is_left else dict.fromkeys(gone, now))

    before, after = _change(without)
    if str(candidate) not in before.gone:
        count("CandidateGone")
    if after.gone[str(candidate)] > now:
        return TurnLost("the candidate is gone")
    count("ModelsUnavailable")
    return ModelsUnavailable("every candidate of the chain is gone")


def note_answered(candidate: Candidate, seen: Pace) -> None:
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
        before = records.pace()
        after = changed(before)
        if records.write_pace(after):
            return before, after
    raise Throttled("many write the pace at once")


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
