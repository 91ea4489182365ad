"""Admission: gives each picture its turn at an image model, first pictures first, within the models' quotas.

A model of Bedrock's with a quota of n requests a minute has n slots, each of which is used at most once per WINDOW_MS.
So when it is free it takes all pictures of a photo at once, no minute holds more than n calls wherever AWS begins it,
and the time of a turn is known when it is given. An endpoint of one's own has a slot for each instance, which paints
one picture after the other. The record `pace` has the last turn at each slot and the unavailable candidates;
`booth.painting.pacing` plans on it, `booth.painting.records` reads and writes it.

A call may be made later than its turn (cold starts), so its slot's own record has the time of the last call, and the
next one waits until the slot's window after that (`await_slot`). Decisions 13 and 33 have the reasons.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from booth import clock, concurrency, limits
from booth.errors import BoothError, ModelsUnavailable, NoModelLeft, QueueFull, Throttled, TurnLate, TurnLost
from booth.log import count, logger
from booth.painting import pacing, records
from booth.painting.chain import Candidate, chain, rotated
from booth.painting.pacing import Pace
from booth.parallel import gather
from booth.run import Run, Turn
from booth.runs import store

LONGEST_DELAY_SECONDS = 5
"""Longest wait of `await_slot` in a function; a longer one is done by the state machine, see TurnLate."""

ASK_AGAIN_MS = 15 * 60 * 1000
"""An unavailable candidate is called again after this long: a Marketplace subscription takes up to 15 minutes."""

ADMISSION_SECONDS = 20
"""How long `admit` plans again after conflicting writes; its function's timeout is 30 s."""

CHANGE_SECONDS = 5
"""The same for other changes of the pace: a model call of 40 s still fits in after it."""

_LONGEST_PAUSE_SECONDS = 2
"""Longest back off: a thousand writers at once must not exceed what one item of the table can take."""


def admit(run_id: str, pictures: list[int], lost: str | None = None) -> Run:
    """Gives pictures of a run their turns, and the run the deadline that follows from them. Returns the run.

    Idempotent: a run that was admitted keeps its turns, unless `lost` is given.

    Args:
        pictures: numbers, from 1.
        lost: name of the error for which these pictures need other turns: after TurnLost new ones, after TurnLate the
            same slots, later.

    Raises:
        NoModelLeft: no candidate is left for one of these pictures.
        QueueFull: a turn would come later than QUEUE_SECONDS after the claim.
        RunEnded, TimedOut: as `store.check`.
        Throttled: other writes of the pace kept coming first.
    """
    for _ in _tries(ADMISSION_SECONDS):
        run, seen = gather(lambda: store.check(run_id), records.pace)
        now = clock.now_ms()
        if run.turns and not lost:
            return run
        if lost == TurnLate.__name__:
            turns = {number: _delayed(run.turns[number], now) for number in pictures}
            pace = None  # unchanged
        else:
            turns, pace = _planned(run, seen if lost else pacing.with_another_run(seen, now), pictures, now)
        if max(turn.at for turn in turns.values()) > _latest_turn(run):
            raise QueueFull("its turn would come too late")
        if admitted := records.write_turns(run, turns, pace):
            return admitted
    raise Throttled("many are being admitted at once")


def turns_of(run: Run, pictures: list[int]) -> dict[str, Any]:
    """What a step hands to the Map over the pictures: for each the seconds to wait, whole, and how many go at once."""
    turns = [{"picture": number, "wait": clock.seconds_until(run.turns[number].at)} for number in pictures]
    if waiting := [turn["wait"] for turn in turns if turn["wait"]]:
        count("PicturesQueued", len(waiting))
        logger.info("pictures wait for their turns", seconds=max(waiting))
    # Pictures that wait take no execution of a function, and their waits count from now: so all wait at the same time.
    return {"turns": turns, "at_once": len(turns) if waiting else concurrency.at_once()}


def _planned(
    run: Run, pace: Pace, pictures: list[int], now: int, ahead: Collection[int] = (1,)
) -> tuple[dict[int, Turn], Pace]:
    """As `pacing.plan`, without the candidates that are passed over for one of the pictures. Raises NoModelLeft."""
    passed_over = set().union(*(run.passed_over(number) for number in pictures))
    candidates = [each for each in chain() if str(each) not in passed_over]
    if passed_over and not pacing.available(pace, candidates, now):
        raise NoModelLeft("no candidate is left for this picture")
    return pacing.plan(pace, candidates, run.id, pictures, now, ahead, _latest_turn(run))


def _latest_turn(run: Run) -> int:
    """When the latest turn that is given may come, epoch ms."""
    return run.claimed + limits.QUEUE_SECONDS * 1000


def _left(run: Run, pace: Pace, picture: int, now: int) -> list[Candidate]:
    """The candidates that are available and not passed over for this picture. `now` in epoch ms."""
    return [each for each in pacing.available(pace, chain(), now) if str(each) not in run.passed_over(picture)]


def _delayed(turn: Turn, now: int) -> Turn:
    """The turn, moved to when its slot is free again. `now` in epoch ms."""
    return replace(turn, at=max(now, records.slot_last_used(turn) + turn.window))


def release_turns(run: Run) -> None:
    """Gives the turns of an ended or deleted run that have not come yet back to the pace, for other runs.

    Raises:
        Throttled: other writes of the pace kept coming first.
    """
    for _ in _tries(CHANGE_SECONDS):
        left = [turn for turn in run.turns.values() if turn.at > clock.now_ms()]
        if not left or records.remove_turns(run, pacing.released(records.pace(), left)):
            return
        run = store.find(run.id) or replace(run, turns={})
    raise Throttled("many write the pace at once")


def candidates_for(run: Run, pace: Pace, picture: int, attempt: int) -> list[Candidate]:
    """The available candidates in the order in which an attempt at a picture calls them.

    Attempt 0 begins with the candidate of the picture's turn. Each retry begins with the next one: the other Regions of
    that model first, then the other models. A retry has no turn, but is counted in the pace, so that others come later.

    Raises:
        TurnLost: the turn's candidate is unavailable, or passed over for this picture.
        Throttled: other writes of the pace kept coming first.
    """
    turn, now = run.turns[picture], clock.now_ms()
    usable = _left(run, pace, picture, now)
    own = next((each for each in usable if str(each) == turn.candidate), None)
    if own is None:
        raise TurnLost("the candidate is gone")
    # Stable sort: the turn's candidate, the other Regions of its model, the other models in the chain's order.
    ordered = sorted(
        rotated(usable, pacing.rotation_of(run.id, picture)), key=lambda each: (each != own, each.model != own.model)
    )
    shift = attempt % len(ordered)
    if attempt:
        _change(lambda pace: pacing.plan(pace, [ordered[shift]], run.id, [picture], now, ahead=[picture])[1])
    return [*ordered[shift:], *ordered[:shift]]


def free_candidate(run: Run, picture: int) -> Candidate | None:
    """A candidate that may be called at once, for a picture that is painted once more; its slot is taken.

    None if no slot is free now but those that are left for first pictures, or if others write the pace.
    """
    now = clock.now_ms()
    turns, pace = _planned(run, records.pace(), [picture], now, ahead=())
    turn = turns[picture]
    if turn.at > now or not records.write_pace(pace) or not records.use_slot(turn):
        return None
    return next(each for each in chain() if str(each) == turn.candidate)


def await_slot(turn: Turn) -> None:
    """Waits for the slot of a picture's turn, and takes it. Raises TurnLate if LONGEST_DELAY_SECONDS are too short."""
    until = time.monotonic() + LONGEST_DELAY_SECONDS
    while not records.use_slot(turn):
        wait = (records.slot_last_used(turn) + turn.window - clock.now_ms()) / 1000
        if time.monotonic() + wait > until:
            raise TurnLate("the slot's last call came late")
        time.sleep(max(0.01, wait))


def note_unavailable(candidate: Candidate) -> TurnLost | ModelsUnavailable:
    """Records in the pace that a candidate is unavailable; returns the error to raise for its picture.

    TurnLost if another candidate is available. Otherwise ModelsUnavailable, and the next picture calls all of them
    again. The metric CandidateGone counts a candidate once: its entry in the pace stays until it answers again.

    Raises:
        Throttled: other writes of the pace kept coming first.
    """
    now = clock.now_ms()

    def with_candidate_gone(pace: Pace) -> Pace:
        gone = pace.gone | {str(candidate): now + ASK_AGAIN_MS}
        is_left = pacing.available(replace(pace, gone=gone), chain(), now)
        return replace(pace, gone=gone if is_left else dict.fromkeys(gone, now))

    before, after = _change(with_candidate_gone)
    if str(candidate) not in before.gone:
        count("CandidateGone")
    if after.gone[str(candidate)] > now:
        return TurnLost("the candidate is gone")
    count("ModelsUnavailable")
    return ModelsUnavailable("every candidate of the chain is gone")


def pass_over(run: Run, picture: int, candidate: Candidate) -> TurnLost | NoModelLeft:
    """Records in the run that a candidate gave a picture an answer that is not known; returns the error to raise.

    TurnLost if a candidate is left for this picture, which then gets another turn; other pictures keep this one.

    Raises:
        RunEnded: the run has ended.
    """
    run = store.pass_over(run.id, picture, str(candidate))
    if _left(run, records.pace(), picture, clock.now_ms()):
        return TurnLost("an answer that is not known")
    return NoModelLeft("no candidate is left for this picture")


def note_answered(candidate: Candidate, seen: Pace) -> None:
    """Records that a candidate has painted: removes it from the pace's `gone`, if it was there in the pace `seen`.

    An error is logged, not raised: the picture is published, and a retry would paint it again. The candidate's next
    picture makes up for it.
    """
    count("ModelsUnavailable", 0)  # ends the alarm models-unavailable, which missing data do not end
    name = str(candidate)

    def with_candidate_back(pace: Pace) -> Pace:
        gone = dict(pace.gone)
        if gone.get(name) == seen.gone[name]:  # unless it was found unavailable again since
            del gone[name]
        return replace(pace, gone=gone)

    if name in seen.gone:
        try:
            _change(with_candidate_back)
        except BoothError as error:
            logger.warning("that a candidate is back could not be noted", error=type(error).__name__)


def _change(changed: Callable[[Pace], Pace]) -> tuple[Pace, Pace]:
    """Reads the pace, writes what `changed` makes of it, and returns both. Raises Throttled after CHANGE_SECONDS."""
    for _ in _tries(CHANGE_SECONDS):
        before = records.pace()
        after = changed(before)
        if records.write_pace(after):
            return before, after
    raise Throttled("many write the pace at once")


def _tries(seconds: float) -> Iterator[None]:
    """Yields once per attempt at a conditional write, for `seconds`; between two it backs off, with full jitter."""
    until, longest = time.monotonic() + seconds, 0.02
    while True:
        yield
        pause = random.random() * longest
        if time.monotonic() + pause > until:
            return
        time.sleep(pause)
        longest = min(2 * longest, _LONGEST_PAUSE_SECONDS)
