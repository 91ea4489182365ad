"""Who gets a picture when, for any number of visitors, booths and quotas, without waiting: `make bench-admission`.

Discrete events with the application's own plan (`booth.painting.pacing`). Calls come later than their turns, as those
of cold functions do, and a slot's next call waits for its window, as `admission.await_slot` does. Beside it the line:
what the plan would be if every picture took the earliest turn. Status 1 if something is broken that `broken` looks at;
with `--visitors` so many are admitted within a second, and nothing else is looked at.
"""

import argparse
import bisect
import itertools
import json
import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks import machine
from benchmarks.load.percentiles import percentile
from booth import limits
from booth.errors import BoothError
from booth.painting import admission, pacing
from booth.painting.chain import Candidate, parse_chain
from booth.painting.pacing import Pace
from booth.run import WINDOW_MS, Turn
from tests.support.crowds import crowd, put_running

INPAINT = "us.stability.stable-image-inpaint-v1:0"
REGIONS = ("us-east-1", "us-west-2", "us-east-2")
PICTURES = [1, 2, 3]
START = 1_800_000_000_000
SOON_MS = 5_000
"""Within so long every first turn comes, if as many visitors come together as half of the quota's calls."""
HONEST = 0.2
"""How far a call may be from the time that was told for it, as a share; of times from HONEST_FROM_MS on."""
HONEST_FROM_MS = 10_000
LATE_MS, LATEST_MS = (100, 1_000), 3_000
"""How late calls come after their turns: median and 95 %, log-normal, and the most. Assumed: warm functions, and cold
starts."""
BEFORE_MS, PAINTING_MS = 4_000, 9_000
"""What a visit takes before its first turn, and a picture from its turn on: `make bench`, with set latencies."""
A_VISITOR_SECONDS = 75
"""A booth takes a photo so often: consent, choice, countdown, and the next one steps up. Assumed."""
EXECUTIONS_BEFORE = 2
"""Executions of a visit before its pictures: a step and its long poll."""


@dataclass
class Visit:
    """One visitor; times in ms after `came`."""

    came: int
    turns: list[Turn] = field(default_factory=list)
    """Of the first picture, the second, ...; empty: sent away with QueueFull."""
    in_line: list[int] = field(default_factory=list)
    """The same turns' times, epoch ms, if every picture took the earliest one; empty as above."""
    calls: list[int] = field(default_factory=list)
    """When the model was called for each of `turns`, epoch ms."""

    @property
    def first(self) -> int:
        return self.turns[0].at - self.came

    @property
    def last(self) -> int:
        return max(turn.at for turn in self.turns) - self.came

    @property
    def last_in_line(self) -> int:
        return max(self.in_line) - self.came

    @property
    def first_in_line(self) -> int:
        return self.in_line[0] - self.came


def play(chain: list[Candidate], arrivals: Sequence[int], seed: int = 7) -> list[Visit]:
    """Visitors who come at these times (epoch ms, sorted), each for three pictures."""
    visits = [Visit(at) for at in arrivals]
    pace = line = Pace({}, {}, 0)
    for number, visit in enumerate(visits):
        now, run = visit.came, f"run {number}"
        latest = now + limits.QUEUE_SECONDS * 1000
        turns, after = pacing.plan(pacing.with_another_run(pace, now), chain, run, PICTURES, now, latest=latest)
        if max(turn.at for turn in turns.values()) <= latest:
            visit.turns, visit.calls, pace = list(turns.values()), [0] * len(PICTURES), after
        turns, after = pacing.plan(line, chain, run, PICTURES, now, ahead=PICTURES)
        if max(turn.at for turn in turns.values()) <= latest:
            visit.in_line, line = [turn.at for turn in turns.values()], after
    call_all(visits, random.Random(seed))
    return visits


def call_all(visits: list[Visit], dice: random.Random) -> None:
    """Has each picture's model called: late, and not before its slot's window is over."""
    sigma = math.log(LATE_MS[1] / LATE_MS[0]) / 1.645
    last: dict[tuple[str, int], int] = {}
    pictures = [(turn.at, index, visit) for visit in visits for index, turn in enumerate(visit.turns)]
    for at, index, visit in sorted(pictures, key=lambda picture: picture[0]):
        turn = visit.turns[index]
        slot = (turn.candidate, turn.slot)
        late = min(LATEST_MS, round(dice.lognormvariate(math.log(LATE_MS[0]), sigma)))
        last[slot] = max(at + late, last.get(slot, 0) + turn.window)
        visit.calls[index] = last[slot]


def broken(visits: list[Visit], chain: list[Candidate]) -> list[str]:
    """Which promises of decision 33 do not hold; none if all do."""
    served = [visit for visit in visits if visit.turns]
    failed = {
        "who comes first has not all pictures as early as in line": visits[0].last > visits[0].last_in_line,
        "a last turn comes more than a window after its place in the line": any(
            visit.last > visit.last_in_line + WINDOW_MS for visit in served if visit.in_line
        ),
        "a turn comes later than a quarter of an hour after the claim": any(
            visit.last > limits.QUEUE_SECONDS * 1000 for visit in served
        ),
        "one in twenty waiting times was told wrong by more than 20 %": percentile(errors(visits), 95) > HONEST,
        "more than one in twenty are sent away who would be served in line": len(served)
        < 0.95 * sum(bool(visit.in_line) for visit in visits),
        "a minute holds more calls than the quota": any(most_in_a_minute(served, each) > calls(each) for each in chain),
    }
    return [text for text, is_so in failed.items() if is_so]


def most_in_a_minute(visits: list[Visit], candidate: Candidate) -> int:
    """The most calls of a candidate in any minute."""
    called = sorted(
        at
        for visit in visits
        for turn, at in zip(visit.turns, visit.calls, strict=True)
        if turn.candidate == str(candidate)
    )
    return max((bisect.bisect_left(called, at + 60_000) - index for index, at in enumerate(called)), default=0)


def calls(candidate: Candidate) -> int:
    """How many calls a candidate takes within WINDOW_MS."""
    return candidate.slots * -(-WINDOW_MS // candidate.window)


def errors(visits: list[Visit]) -> list[float]:
    """How far the first and the last call of each visitor are from what was told, as shares."""
    told = []
    for visit in visits:
        if visit.turns:
            ordered = sorted(visit.calls)
            told += [(visit.first, ordered[0] - visit.came), (visit.last, ordered[-1] - visit.came)]
    return [abs(came - expected) / expected for expected, came in told if expected >= HONEST_FROM_MS]


def executions(visits: list[Visit]) -> int:
    """The most executions of functions at once: a step, then one for each picture; and a long poll while none waits."""
    changes = []
    for visit in visits:
        spans = [(visit.came - BEFORE_MS, visit.came, EXECUTIONS_BEFORE)]
        spans += [(at, at + PAINTING_MS, 1) for at in visit.calls]
        if visit.calls:  # the poll: while some picture is painted
            spans += [(min(visit.calls), min(visit.calls) + PAINTING_MS, 1)]
        for begin, end, count in spans:
            changes += [(begin, count), (end, -count)]
    return max(itertools.accumulate(change for _, change in sorted(changes)))


def poisson(an_hour: float, minutes: float, seed: int = 7) -> list[int]:
    """Times at which visitors come, epoch ms: at random, so many an hour."""
    dice, at, arrivals = random.Random(seed), float(START), []
    while (at := at + dice.expovariate(an_hour / 3_600_000)) < START + minutes * 60_000:
        arrivals.append(round(at))
    return arrivals


def seconds(values: Sequence[int], percent: int) -> str:
    return f"{percentile(values, percent) / 1000:.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(map(str, row)) + " |")
    print()


def together(visitors: int, chain: list[Candidate]) -> list[str]:
    """Prints what so many visitors get who are admitted within a second."""
    visits = play(chain, [START + round(number * 1000 / visitors) for number in range(visitors)])
    served, in_line = [visit for visit in visits if visit.turns], [visit for visit in visits if visit.in_line]
    places = sum(map(calls, chain))
    print(f"{visitors} visitors admitted within a second, {places} calls a minute\n")
    head = ["", "first turn within 5 s", "first turn, median / latest, s", "last turn, median / latest, s", "sent away"]
    rows = []
    for name, firsts, lasts in (
        ("in line", [each.first_in_line for each in in_line], [each.last_in_line for each in in_line]),
        ("first pictures first", [each.first for each in served], [each.last for each in served]),
    ):
        soon = sum(first <= SOON_MS for first in firsts)
        spread = [f"{seconds(values, 50)} / {seconds(values, 100)}" for values in (firsts, lasts)]
        rows.append([name, soon, *spread, visitors - len(firsts)])
    table(head, rows)
    if wrong := errors(visits):
        usual, most = 100 * percentile(wrong, 95), 100 * max(wrong)
        print(f"waiting times told are wrong by {usual:.0f} % (95 %), {most:.0f} % at most\n")
    late = 2 * visitors <= places and max(visit.first for visit in served) > SOON_MS
    return broken(visits, chain) + ["a first turn comes later than 5 s"] * late


def curves(chains: dict[str, str]) -> list[str]:
    """Prints how long visitors wait who come at random for an hour, by how many they are."""
    failed, rows = [], []
    for name, text in chains.items():
        chain = parse_chain(text, "us-east-1")
        limit = sum(each.pictures_a_minute for each in chain) * 60 / len(PICTURES)
        for share in (0.5, 0.75, 0.9, 1.0, 1.25, 2.0):
            visits = play(chain, poisson(share * limit, 60))
            failed += broken(visits, chain)
            served, in_line = [each for each in visits if each.turns], [each for each in visits if each.in_line]
            rows.append(
                [
                    name,
                    f"{share * limit:.0f} ({100 * share:.0f} %)",
                    *[f"{seconds([each.first for each in served], at)}" for at in (50, 95)],
                    *[f"{seconds([each.first_in_line for each in in_line], at)}" for at in (50, 95)],
                    *[f"{seconds([each.last for each in served], at)}" for at in (50, 95)],
                    *[f"{seconds([each.last_in_line for each in in_line], at)}" for at in (50, 95)],
                    f"{100 - 100 * len(served) / len(visits):.0f} : {100 - 100 * len(in_line) / len(visits):.0f} %",
                ]
            )
    titles = [f"{turn} turn {how}, {share}" for turn in ("first", "last") for how in ("now", "in line")
              for share in ("median", "95 %")]  # fmt: skip
    table(["chain", "visitors an hour", *titles, "sent away : in line"], rows)
    return failed


def booths() -> None:
    """Prints what so many booths need, each with a visitor every A_VISITOR_SECONDS, and how large the pace gets."""
    rows = []
    for number in (1, 5, 10, 25, 50, 100, 200):
        an_hour = number * 3600 / A_VISITOR_SECONDS
        needed = math.ceil(1.1 * an_hour * len(PICTURES) / 60 * WINDOW_MS / 60_000)
        chain = parse_chain(f"{INPAINT}@us-east-1={needed}")
        visits = play(chain, poisson(an_hour, 20))
        served = [each for each in visits if each.turns]
        instances = math.ceil(1.1 * an_hour * len(PICTURES) / 60 / 12)
        rows.append(
            [
                number,
                f"{an_hour:.0f}",
                needed,
                instances,
                executions(visits),
                seconds([each.first for each in served], 95),
                seconds([each.last for each in served], 95),
                f"{largest_pace(chain, visits) / 1024:.1f}",
                f"{an_hour / 3600:.2f}",
            ]
        )
    head = ["booths", "visitors an hour", "requests a minute needed", "or instances of 12", "executions at once"]
    head += ["first turn, 95 %, s", "last turn, 95 %, s", "pace, KB", "admissions a second"]
    table(head, rows)


def largest_pace(chain: list[Candidate], visits: list[Visit]) -> int:
    """Bytes of the pace's record after the last visitor, about as DynamoDB counts them: 8 for a number of 13 digits."""
    pace = Pace({}, {}, 0)
    largest = 0
    for number, visit in enumerate(visits):
        pace = pacing.with_another_run(pace, visit.came)
        _, pace = pacing.plan(pace, chain, f"run {number}", PICTURES, visit.came)
        numbers = json.dumps([pace.slots, pace.free, pace.line]).count(",") + 1
        largest = max(largest, 9 * numbers)
    return largest


def one_record(rates: Sequence[float], seconds_each: float = 10) -> None:
    """Prints how many admissions a second the one pace record takes: conflicts, time and what fails."""
    rows = []
    for rate in rates:
        count = round(rate * seconds_each)
        with crowd(f"{INPAINT}@us-east-1=600") as (clock, items, dice):

            def admit(number: int, clock=clock, items=items) -> float | None:
                began = clock.now
                put_running(items, f"run {number}")
                try:
                    admission.admit(f"run {number}", PICTURES)
                except BoothError:
                    return None
                return clock.now - began

            jobs = [
                (dice.random() * seconds_each, lambda number=number, admit=admit: admit(number))
                for number in range(count)
            ]
            took = [each for each in clock.run(jobs) if isinstance(each, float)]
            size = len(json.dumps(items.items["pace"])) // 1024
            cancelled = items.transactions["cancelled"]
        middle, most = (percentile(took, percent) for percent in (50, 95))
        rows.append([f"{rate:g}", f"{cancelled / count:.1f}", f"{middle:.2f}", f"{most:.2f}", count - len(took), size])
    table(["admissions a second", "cancelled a run", "median, s", "95 %, s", "failed of all", "pace as JSON, KB"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, help="so many are admitted together")
    parser.add_argument("--quota", type=int, default=60, help="requests a minute")
    arguments = parser.parse_args()
    quota = parse_chain(f"{INPAINT}@us-east-1={arguments.quota}")
    if arguments.visitors:
        failed = together(arguments.visitors, quota)
    else:
        chains = {
            "20 a minute": f"{INPAINT}@us-east-1",
            "3 x 20 a minute": ",".join(f"{INPAINT}@{region}" for region in REGIONS),
            "2 x 60 a minute": ",".join(f"{INPAINT}@{region}=60" for region in REGIONS[:2]),
            "one instance of 12": "endpoint=12",
            "three of 12": "endpoint=12x3",
        }
        failed = [each for visitors in (10, 20, 30, 60, 120) for each in together(visitors, quota)]
        failed += curves(chains)
        booths()
        one_record((1, 5, 10, 20, 30, 50))
    print(machine.line())
    for each in sorted(set(failed)):
        print(f"broken: {each}", file=sys.stderr)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
