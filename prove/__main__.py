"""`make prove`: two stacks of the booth in your account, dev and prod, photos through them, and everything destroyed.

Asks before it spends, and says first what that can cost at most. What was expected and what came stands in
out/prove-<Region>/report.md. After a failure or Ctrl-C the same command goes on where it ended; --clean destroys.
"""

import argparse
import contextlib
import fcntl
import hashlib
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from deploy import account
from deploy.build import ROOT
from prove import chain, money, report, stacks, steps
from prove.state import GONE, State, load
from prove.step import ENVIRONMENTS, Context, Failure, Step, Stopped, name_of


class Refused(Exception):
    """Nothing was begun; the text says why."""


def say(text: str) -> None:
    """Prints; a terminal that is gone is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return bool(sys.stdin) and sys.stdin.isatty()


def ask(question: str) -> bool:
    """Whether somebody at the terminal says yes. Without a terminal nobody does."""
    if not has_terminal():
        return False
    try:
        return input(question).strip().lower() in ("y", "yes")
    except (EOFError, OSError):
        return False


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps a second proof of the Region out. Raises Refused."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"Another make prove is at work on {folder}.") from None
        yield


def open_state(folder: Path, region: str) -> tuple[State | None, str]:
    """The proof that was begun in this Region and is not over, None if there is none; and the account's id.

    Says before AWS is asked what may stand. Raises Refused: it is of another account, or damaged.
    """
    names = " and ".join(map(name_of, ENVIRONMENTS))
    try:
        state = load(folder / "state.json")
    except ValueError as error:
        raise Refused(
            f"{error}. See in CloudFormation's console of {region} whether {names} stand; delete the file then."
        ) from error
    if state and state.standing and not state.is_over:
        say(f"{' and '.join(state.standing)} may stand in {region} since {state.began}; ARGS=--clean destroys them.")
    number = boto3.client("sts").get_caller_identity()["Account"]
    if state is None or state.is_over:
        return None, number
    if state.account != _hashed(number, state.id):
        raise Refused(
            f"{folder} tells of a proof in another account. With that one's credentials, make prove ARGS=--clean "
            "destroys what stands there; then, or if nothing does, delete the folder."
        )
    return state, number


def _hashed(number: str, salt: str) -> str:
    return hashlib.sha256(f"{number} {salt}".encode()).hexdigest()


def new_state(folder: Path, number: str) -> State:
    """A proof that has not begun."""
    state = State(path=folder / "state.json", account="")
    state.account = _hashed(number, state.id)
    return state


def statement(context: Context, ahead: list[Step]) -> tuple[str, float]:
    """What is about to happen and what it can cost at most, in words and in dollars. Raises Failure."""
    both = [steps.parameters_of(each, context.state.overrides) for each in ENVIRONMENTS]
    chain_of_both = ",".join(each["ImageModels"] for each in both)
    counted = any(each["RepaintInventedPeople"] == "true" for each in both)
    parts = money.most(ahead, chain_of_both, counted, context.prices)
    if asked := context.state.pictures:
        before = asked * money.PAINTED * money.dearest_picture(chain_of_both, context.prices)
        parts = {f"pictures that were asked for before: {asked}": before * (1 + counted)} | parts
    if context.state.standing:
        hours = (datetime.now(UTC) - datetime.fromisoformat(context.state.began)).total_seconds() / 3600
        parts = {f"two stacks since {context.state.began}": hours * money.hour(context.prices)} | parts
    total = sum(parts.values())
    again = "Goes on with" if context.state.rows else "Deploys"
    names = " and ".join(map(name_of, ENVIRONMENTS))
    lines = [
        f"{again} {names} in {context.region}, sends {sum(each.photos for each in ahead)} photos through them, and "
        f"destroys them. That takes an hour or two and costs at most ${total:.2f}:",
        *(f"  {dollars:6.3f}  {what}" for what, dollars in parts.items()),
        f"and {money.hour(context.prices):.2f} for each hour more that the stacks stand. The prices are those of",
        f"benchmarks/prices.toml, {context.prices['date']}. SageMaker endpoints that are on cost by the hour besides.",
    ]
    return "\n".join(lines), total


def run(given: argparse.Namespace) -> int:
    """Proves, or cleans up. Raises Refused, Failure, and AWS's errors, all before anything was begun."""
    account.require()
    region = boto3.Session().region_name or ""
    folder = ROOT / "out" / f"prove-{region}"
    with alone(folder):
        state, number = open_state(folder, region)
        known = state is not None
        state = state or new_state(folder, number)
        state.test_states = given.test_states or state.test_states
        context = Context(region, folder, state, say, money.prices())
        script, last = steps.all_steps(state.test_states), steps.last_steps()
        for environment in ENVIRONMENTS:
            stacks.find_own(state, name_of(environment))
        if given.clean:
            if not known:
                say(f"Nothing of make prove's stands in {region}.")
                return 0
            return chain.clean(context, last, [*script, *last])
        is_other = bool(given.overrides) and given.overrides != state.overrides
        state.overrides = given.overrides or state.overrides
        ahead = [each for each in script if not state.is_done(each.name)]
        if is_other or (ahead and GONE in state.begun.values()):  # or destroyed in the middle: nothing holds any more
            state.rows.clear()
            ahead = script
        words, dollars = statement(context, ahead)
        say(words)
        if not given.yes and not has_terminal():
            raise Refused('Nobody can be asked here: say yes by make prove ARGS="--yes".')
        if not given.yes and not ask("Go on? [y/N] "):
            raise Refused(
                "Nothing was begun." if not known else "Nothing more was done; make prove ARGS=--clean destroys."
            )
        state.stated = dollars
        state.commits = list(dict.fromkeys([*state.commits, report.commit()]))
        return chain.prove(context, script, last, ask)


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m prove", description=__doc__)
    parser.add_argument("--yes", action="store_true", help="spend what it can cost at most, without a question")
    parser.add_argument("--clean", action="store_true", help="destroy what an earlier one has left standing")
    parser.add_argument(
        "--test-states",
        action="store_true",
        help="also ask Step Functions what it makes of the definition and of each state; no function is called",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="Name=value", help="parameters of template.yaml, for both stacks"
    )
    given = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, _stop)
    try:
        return run(given)
    except Stopped as stop:
        return 128 + stop.number
    except (Refused, Failure, account.AccountError, ClientError, BotoCoreError, ResponseParserError, OSError) as error:
        print(report.scrubbed(str(error)), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
