"""Runs the steps one after the other, keeps what came, and never ends without saying what stands."""

import contextlib
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from booth.errors import BoothError
from client.booth import VisitError
from deploy.stack import StackError
from prove import money, report, stacks
from prove.state import AS_EXPECTED, NOT_TRIED, OTHERWISE, STOPPED
from prove.step import Context, Failure, NotTried, Step, Stopped

KNOWN = (Failure, StackError, VisitError, BoothError, ClientError, BotoCoreError, ResponseParserError, OSError)
"""Errors whose text says what came. Any other one is a defect, and is shown whole."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Ask = Callable[[str], bool]
"""Asks a question that is answered by yes or no."""


def prove(context: Context, steps: Sequence[Step], last: Sequence[Step], ask: Ask) -> int:
    """Runs `steps`, then `last`, which destroys what they made. Gives the exit status: 0 if all came as expected.

    After a failure, or Ctrl-C, it says what stands, and asks whether that is to be destroyed. A second Ctrl-C, SIGTERM
    and SIGHUP end it without a question.
    """
    every = [*steps, *last]
    try:
        try:
            done = _run(context, steps, every) and _run(context, last, every)
            context.state.is_over = done
            status = 0 if done else 1
            if not done:
                _leave(context, last, every, ask)
        except KeyboardInterrupt:
            context.say("\nStopped.")
            status = 130
            _leave(context, last, every, ask)
    except (KeyboardInterrupt, Stopped) as stop:
        with _undisturbed():
            return _end(context, every, _tell_what_may_stand(context, stop))
    return _end(context, every, status)


def clean(context: Context, last: Sequence[Step], every: Sequence[Step]) -> int:
    """Destroys what stands. Gives the exit status: 0 if nothing is left over."""
    try:
        done = _run(context, last, every, again=True)
        if not done:
            _say_what_stands(context)
        context.state.is_over = done
        status = 0 if done else 1
    except (KeyboardInterrupt, Stopped) as stop:
        with _undisturbed():
            return _end(context, every, _tell_what_may_stand(context, stop))
    return _end(context, every, status)


def _end(context: Context, every: Sequence[Step], status: int) -> int:
    """The last words. Gives the exit status: not 0 if the report could not be written."""
    with _undisturbed():
        is_kept = _keep(context, every)
        for step in every:
            row = context.state.rows.get(step.name, {})
            if row.get("outcome") == NOT_TRIED:
                context.say(f"Not tried: {step.name}, {row['came']}")
        if is_kept:
            context.say(f"The report: {context.folder / report.NAME}")
    return status if is_kept else status or 1


def _run(context: Context, steps: Sequence[Step], every: Sequence[Step], again: bool = False) -> bool:
    """Runs the steps that have not come as expected yet; all of them with `again`. False after the first that fails."""
    for step in steps:
        if context.state.is_done(step.name) and not again:
            continue
        context.say(f"== {step.name}: {step.expected}")
        outcome = _do(context, step)
        context.say(f"   {outcome}: {context.state.rows[step.name]['came']}")
        _keep(context, every)  # if it can't be, no step goes on that makes something
        if outcome == OTHERWISE:
            return False
    return True


def _do(context: Context, step: Step) -> str:
    """Does a step and keeps what came of it, also when it is stopped. Gives the outcome."""
    began, context.pictures_left = time.monotonic(), step.pictures
    outcome, came = STOPPED, "stopped before it had come to its end"
    try:
        came = step.do(context)
        outcome = AS_EXPECTED
    except NotTried as error:
        outcome, came = NOT_TRIED, str(error)
    except KNOWN as error:
        outcome, came = OTHERWISE, _text(error)
    except Exception as error:  # a defect must not leave anything standing unsaid
        context.say(traceback.format_exc())
        outcome, came = OTHERWISE, f"a defect of make prove: {type(error).__name__} {error}"
    finally:
        seconds = round(time.monotonic() - began)
        context.state.rows[step.name] = {"outcome": outcome, "came": report.scrubbed(came), "seconds": seconds}
    return outcome


def _text(error: Exception) -> str:
    """An error in a sentence; those of the application say little but their name."""
    return f"{type(error).__name__} {error}".strip() if isinstance(error, BoothError) else str(error)


def _leave(context: Context, last: Sequence[Step], every: Sequence[Step], ask: Ask) -> None:
    """Says what stands and how to go on, and destroys it if the answer is yes."""
    _keep(context, every)
    if not _say_what_stands(context) or not ask("Destroy what stands now? [y/N] "):
        return
    context.state.is_over = _run(context, last, every, again=True)
    if not context.state.is_over:
        _say_what_stands(context)


def _say_what_stands(context: Context) -> bool:
    """Asks AWS for what was begun, and says what stands. Gives whether anything stands, or may."""
    standing = []
    for name in context.state.begun:
        try:
            if found := stacks.find(name):
                standing.append(f"{name} stands in {context.region}: {found['StackStatus']}.")
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            standing.append(f"{name} may stand in {context.region}: AWS was asked, and answered {error}.")
    for what, command in context.state.left:
        standing.append(f"Left over: {what}. Remove it by {command}.")
    for sentence in standing:
        context.say(report.scrubbed(sentence))
    context.say(_how_to_go_on(context) if standing else _nothing_stands(context))
    return bool(standing)


def _tell_what_may_stand(context: Context, stop: BaseException) -> int:
    """Says from memory what may stand: there is no time to ask AWS. Gives the exit status."""
    context.say("\nStopped.")
    for name in context.state.standing:
        context.say(f"{name} may stand in {context.region}; what AWS has begun with it goes on.")
    context.say(_how_to_go_on(context) if context.state.standing else _nothing_stands(context))
    return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Lets no further Ctrl-C or signal break off the last words."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing_stands(context: Context) -> str:
    is_known = context.state.is_over or not context.state.begun
    more = "" if is_known else " What is left over has not been looked at: make prove ARGS=--clean does."
    return f"No stack stands in {context.region}.{more}"


def _how_to_go_on(context: Context) -> str:
    by_hand = " && ".join(
        f"CONFIRM={each} .venv/bin/python -m deploy destroy {each}" for each in context.state.standing
    )
    if not by_hand:
        return "make prove ARGS=--clean looks again."
    return (
        f"It costs up to ${24 * money.hour(context.prices):.2f} a day until it is destroyed. make prove goes on where "
        f"this ended; make prove ARGS=--clean destroys it. By hand: {by_hand}"
    )


def _keep(context: Context, every: Sequence[Step]) -> bool:
    """Writes state and report. False, and a word, if they can't be written: what stands has to be said all the same."""
    try:
        context.state.save()
        report.write(context, every)
    except OSError as error:
        context.say(f"{context.folder} can't be written: {error}")
        return False
    return True
