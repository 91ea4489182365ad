"""Runs the steps one after the other, keeps what came, and never ends without saying what stands."""

import time
import traceback
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from booth.errors import BoothError
from client.booth import VisitError
from deploy.stack import StackError
from prove import report, stacks
from prove.state import AS_EXPECTED, NOT_TRIED, OTHERWISE, STOPPED
from prove.step import Context, Failure, NotTried, Step, Stopped

KNOWN = (Failure, StackError, VisitError, BoothError, ClientError, BotoCoreError, ResponseParserError, OSError)
"""Errors whose text says what came. Any other one is a defect, and is shown whole."""

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
            if _run(context, steps, every) and _run(context, last, every):
                context.state.is_over = True
                status = 0
            else:
                status = 1
                _leave(context, last, every, ask)
        except KeyboardInterrupt:
            context.say("\nStopped.")
            status = 130
            _leave(context, last, every, ask)
    except KeyboardInterrupt:
        status = 130
        _tell_what_may_stand(context)
    except Stopped as stop:
        status = 128 + stop.number
        _tell_what_may_stand(context)
    _keep(context, every)
    context.say(f"The report: {context.folder / report.NAME}")
    return status


def clean(context: Context, last: Sequence[Step], every: Sequence[Step]) -> int:
    """Destroys what stands. Gives the exit status: 0 if nothing is left over."""
    try:
        done = _run(context, last, every, again=True)
        if not done:
            _say_what_stands(context)
        context.state.is_over = done
        status = 0 if done else 1
    except (KeyboardInterrupt, Stopped) as stop:
        status = 128 + stop.number if isinstance(stop, Stopped) else 130
        _tell_what_may_stand(context)
    _keep(context, every)
    return status


def _run(context: Context, steps: Sequence[Step], every: Sequence[Step], again: bool = False) -> bool:
    """Runs the steps that have not come as expected yet; all of them with `again`. False after the first that fails."""
    for step in steps:
        if context.state.is_done(step.name) and not again:
            continue
        context.say(f"== {step.name}: {step.expected}")
        outcome = _do(context, step)
        context.say(f"   {outcome}: {context.state.rows[step.name]['came']}")
        _keep(context, every)
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
        context.state.set(step.name, outcome, report.scrubbed(came), time.monotonic() - began)
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
        standing.append(f"Left over: {what}. {command}")
    for sentence in standing:
        context.say(report.scrubbed(sentence))
    context.say(_how_to_go_on(context) if standing else f"No stack stands in {context.region}.")
    return bool(standing)


def _tell_what_may_stand(context: Context) -> None:
    """Says from memory what may stand: there is no time to ask AWS."""
    context.say("\nStopped.")
    for name in context.state.standing:
        context.say(f"{name} may stand in {context.region}; what AWS has begun with it goes on.")
    context.say(_how_to_go_on(context) if context.state.standing else f"No stack stands in {context.region}.")


def _how_to_go_on(context: Context) -> str:
    by_hand = " && ".join(
        f"CONFIRM={each} .venv/bin/python -m deploy destroy {each}" for each in context.state.standing
    )
    words = (
        "It costs some cents a day until it is destroyed. make prove goes on where this ended; make prove ARGS=--clean"
    )
    return f"{words} destroys it. By hand: {by_hand}" if by_hand else f"{words} looks again."


def _keep(context: Context, every: Sequence[Step]) -> None:
    """Writes state and report."""
    context.state.save()
    report.write(context, every)
