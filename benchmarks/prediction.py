"""What a visit would take on AWS, by published latencies: `make bench-prediction`. `make bench` prints it, too.

A visit is recorded here: its execution's history and its functions' log at DEBUG. Each of its calls is answered late,
so that the record shows which calls are made at once and which wait for others. Then the visit is reckoned anew. What a
function does by itself takes as long as here, times 1769 MB by its memory size; each call takes a time drawn from
latencies.toml; what lies between functions, which is the emulator's here, is transitions and invocations, drawn as
well. The models keep their set times. Many seeds give a median and 95 %, and the longest way through each of them a
share for every hop. docs/decisions/0032-predicted-latencies.md says what this can't tell.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from benchmarks import latencies, machine, visits, waterfall
from benchmarks.load.percentiles import percentile
from benchmarks.memory import VCPU_MB, sizes_of_template
from benchmarks.waterfall import Invocation, Span
from booth.http.long_polling import PAINTING_PAUSE_SECONDS
from local.app import App
from local.traffic import OTHERS

SEEDS = 200
LATE_SECONDS = 0.06
"""How late each call is answered in a visit that is recorded."""
TOUCH = 0.003
"""Seconds by which times in the log and the history may be wrong: what ends so shortly after is over before."""
OWN, MODELS, POLL = "own work", "models", "polls"
UNSEEN = ("s3.HeadObject", "dynamodb.UpdateItem")
"""What `photo` calls before it starts a run whose event has not come. Here the event may come first."""
CASES = {
    "set, 1 face": (1, "face"),
    "set, 3 faces": (3, "face"),
    "set, 10 faces": (10, "face"),
    "set, 3 faces, head": (3, "head"),
    "set, 3 faces, person": (3, "person"),
}
"""Faces and what is kept, by the names that `make bench` has for them."""


@dataclass(frozen=True)
class Moment:
    """Something that is over, `at` ms after the pad's first call, and what the way to it was spent on, in ms by hop."""

    at: float = 0.0
    spent: Mapping[str, float] = field(default_factory=dict)

    def after(self, hop: str, ms: float) -> "Moment":
        """So many ms later."""
        return Moment(self.at + ms, {**self.spent, hop: self.spent.get(hop, 0.0) + ms})


def last(moments: Iterable[Moment]) -> Moment:
    return max(moments, key=lambda each: each.at)


@dataclass(frozen=True)
class Task:
    """A state with its function, and how many states were entered on the way to it, its own included."""

    state: Span
    transitions: int
    invocation: Invocation


@dataclass(frozen=True)
class Trace:
    """A recorded visit."""

    upload: Invocation
    start: Invocation
    bind: Invocation | None
    """The poll that binds the requestId; None if it began after the execution."""
    tasks: list[Task]
    """In order."""
    sizes: Mapping[tuple[str, str], float]
    """Bytes of a call, the mean of its kind, by module and hop. The pad's PUT is `upload`'s, which has signed it."""


def transitions_of(history: Sequence[dict[str, Any]]) -> dict[tuple[str, float], int]:
    """By a state's name and when it was entered: how many states were entered since the last one that did work."""
    events, found = {event["id"]: event for event in history}, {}
    for event in history:
        if not event["type"].endswith("StateEntered"):
            continue
        before, count = events.get(event["previousEventId"]), 1  # the first state has 0
        while before and before["type"] not in ("TaskStateExited", "MapStateExited", "ExecutionStarted"):
            count += before["type"].endswith("StateEntered")
            before = events.get(before["previousEventId"])
        found[event["stateEnteredEventDetails"]["name"], waterfall.seconds(event["timestamp"])] = count
    return found


def trace_of(record: visits.Record) -> Trace:
    """What a record tells. Raises ValueError if it lacks a function that a visit needs, as without a log at DEBUG."""
    transitions = transitions_of(record.history)
    tasks, before = [], dict[str, Invocation]()
    for row in waterfall.rows_of(record.history, record.log):
        entered = transitions.get((row.state.name, row.state.begin))
        for invocation in row.invocations:
            if entered:
                tasks.append(Task(row.state, entered, invocation))
            else:
                before.setdefault(module_of(invocation.span.name), invocation)
    if missing := {"upload", "start"} - before.keys():
        raise ValueError(f"the record has no {', '.join(sorted(missing))}")
    hop_of_kind = {"s3.get": "S3 GET", "s3.put": "S3 PUT"}
    sizes = {
        (module_of(function), hop_of_kind[kind]): (count.received + count.sent) / count.requests
        for (function, kind), count in record.traffic.items()
        if kind in hop_of_kind and function != OTHERS
    }
    return Trace(before["upload"], before["start"], before.get("photo"), tasks, sizes)


def module_of(function: str) -> str:
    """The module of a function by its logical id or its name, which lack the module's underscores."""
    name = function.rpartition("-")[2].lower()
    return next(module for module in _memory() if module.replace("_", "") == name)


@cache
def _memory() -> dict[str, int]:
    return sizes_of_template()


class Reckoning:
    """One visit on AWS, with times of these hops from this seed."""

    def __init__(self, trace: Trace, seed: int, hops: Mapping[str, latencies.Hop]):
        self._trace, self._random, self._hops = trace, Random(seed), hops
        self._hop_of_call = {call: name for name, hop in hops.items() for call in hop.calls}

    def drawn(self, moment: Moment, *hops: str, size: float = 0) -> Moment:
        """So much later as these hops take one after another, each with this many bytes."""
        for hop in hops:
            moment = moment.after(hop, self._hops[hop].times(size).draw(self._random))
        return moment

    def called(self, moment: Moment, module: str, call: Span) -> Moment:
        """When a module's call has its answer. Raises ValueError for a call that latencies.toml does not know."""
        if call.service in waterfall.MODELS:
            return moment.after(MODELS, visits.SET[call.service.removesuffix("-runtime")] * 1000)
        if call.name not in self._hop_of_call:
            raise ValueError(f"{call.name} is on no hop of latencies.toml")
        hop = self._hop_of_call[call.name]
        return self.drawn(moment, hop, size=self._trace.sizes.get((module, hop), 0))

    def worked(self, began: Moment, invocation: Invocation) -> tuple[list[tuple[Span, Moment]], Moment]:
        """When each call of a function that began then has its answer, and when the function ends.

        What follows a call here is taken to wait for all that had ended by then.
        """
        span, done, module = invocation.span, list[tuple[Span, Moment]](), module_of(invocation.span.name)
        scale = max(1, VCPU_MB / _memory()[module])

        def reached(at: float) -> Moment:
            before = [(call, moment) for call, moment in done if call.end <= at + TOUCH]
            since = max((call.end for call, _ in before), default=span.begin)
            waited = last([began, *(moment for _, moment in before)])
            return waited.after(OWN, max(0.0, at - since) * 1000 * scale)

        for call in sorted(invocation.calls, key=lambda each: (each.begin, each.end)):
            done.append((call, self.called(reached(call.begin), module, call)))
        return done, reached(span.end)

    def started(self) -> Moment:
        """When the execution has been started: by the S3 event, or by the poll that binds the requestId."""
        trace = self._trace
        _, uploaded = self.worked(self.drawn(Moment(), "CDN", "API", "Lambda invoke"), trace.upload)
        put = self.drawn(uploaded, "S3 PUT", size=trace.sizes["upload", "S3 PUT"])
        by_event = _start_of(self.worked(self.drawn(put, "event delivery"), trace.start)[0])
        bind = trace.bind if trace.bind and _calls_start(trace.bind) else trace.start
        polled = self.drawn(put, "CDN", "API", "Lambda invoke")
        for call in UNSEEN:
            if call not in {each.name for each in bind.calls}:
                polled = self.called(polled, "photo", Span(call, 0, 0))
        by_poll = _start_of(self.worked(polled, bind)[0])
        return min(by_event, by_poll, key=lambda each: each.at)

    def shown(self) -> tuple[Moment, Moment]:
        """When the pad has the first picture's address, and when it has the answer that all is done."""
        done: list[tuple[Task, Moment]] = []
        news: list[Moment] = []
        ended, by_last = self.started(), False
        start = ended
        for task in self._trace.tasks:
            before = [moment for each, moment in done if each.state.end <= task.state.begin + TOUCH]
            moment = self.drawn(last([start, *before]), *["transitions"] * task.transitions, "Lambda invoke")
            calls, moment = self.worked(moment, task.invocation)
            done.append((task, moment))
            if task.state.name == "GenerateImage":
                written = _writes_after_put(calls)
                news.append(written[0])
                by_last |= len(written) > 1
            if task.state.name == "Finish":
                ended = _writes(calls)[0]
        if by_last:  # here another picture may have been the last one
            ended = self.called(last(news), "generate_image", Span("dynamodb.UpdateItem", 0, 0))
        return self.answers(news, ended)

    def answers(self, pictures: Sequence[Moment], ended: Moment) -> tuple[Moment, Moment]:
        """When the pad has the answers to its polls that tell of the first picture and of the end."""
        told: list[Moment] = []
        asked = Moment()
        waiting = sorted([*pictures, ended], key=lambda each: each.at)
        while waiting:
            if waiting[0].at > asked.at:  # the poll reads again and again, and is between two reads
                pause = self._random.uniform(0, PAINTING_PAUSE_SECONDS * 1000)
                read = self.drawn(waiting[0].after(POLL, pause), "DynamoDB reads")
            else:
                read = self.drawn(asked, "DynamoDB reads")
            waiting = [each for each in waiting if each.at > read.at]
            told.append(self.drawn(read, "CDN"))
            asked = self.drawn(told[-1], "API", "Lambda invoke")
        return told[0], told[-1]


def _calls_start(invocation: Invocation) -> bool:
    return any(call.name == "sfn.StartExecution" for call in invocation.calls)


def _start_of(calls: Sequence[tuple[Span, Moment]]) -> Moment:
    """When StartExecution was answered."""
    return next(moment for call, moment in calls if call.name == "sfn.StartExecution")


def _writes(calls: Sequence[tuple[Span, Moment]]) -> list[Moment]:
    return [moment for call, moment in calls if call.name in ("dynamodb.UpdateItem", "dynamodb.TransactWriteItems")]


def _writes_after_put(calls: Sequence[tuple[Span, Moment]]) -> list[Moment]:
    """When a picture is in the run's record: the write that follows the picture's own. Another one ends the run."""
    puts = [call.end for call, _ in calls if call.name == "s3.PutObject"]
    return _writes([(call, moment) for call, moment in calls if call.begin >= max(puts) - TOUCH])


@dataclass(frozen=True)
class Prediction:
    """Of many seeds: seconds to the first picture and to the end, and what the way to the end was spent on (ms)."""

    first: list[float]
    all: list[float]
    spent: Mapping[str, float]

    @staticmethod
    def of(trace: Trace, seeds: int = SEEDS) -> "Prediction":
        """Of this many seeds."""
        hops = latencies.hops()
        ends = [Reckoning(trace, seed, hops).shown() for seed in range(seeds)]
        spent: Counter[str] = Counter()
        for _, end in ends:
            spent.update(end.spent)
        means = {hop: ms / len(ends) for hop, ms in spent.items()}
        return Prediction([first.at / 1000 for first, _ in ends], [end.at / 1000 for _, end in ends], means)


def recorded(app: App, faces: int, keep: str, photo: bytes) -> visits.Record:
    """A visit, warm, all calls but the models' answered late. The log has to be at DEBUG.

    The models' times are spread, so that what is made of their answers does not share this machine's cores.
    """
    visits.set_models(app, faces, dict.fromkeys(visits.SET, 0.1))
    for _ in range(2):
        visits.record_visit(app, photo, keep)
    visits.set_models(app, faces, visits.spread(seed=0))
    services = ("dynamodb", "s3", "states", "events")
    app.fail(*({"kind": "slow", "seconds": LATE_SECONDS, "match": f"* {service}:*"} for service in services))
    try:
        return visits.record_visit(app, photo, keep)
    finally:
        app.fail()


def report(predictions: Mapping[str, Prediction], here: Mapping[str, tuple[float, float]]) -> str:
    """Two tables in Markdown: times here beside those predicted; what the time over the critical path goes to.

    `here` has the seconds to the first picture and to all pictures, as measured here.
    """
    lines = ["| | first picture, s | all pictures, s | over the critical path, s |", "|---" * 4 + "|"]
    for name, made in predictions.items():
        rows = [(here[name][0], made.first), (here[name][1], made.all)]
        rows.append((here[name][1] - visits.CRITICAL_SECONDS, [each - visits.CRITICAL_SECONDS for each in made.all]))
        cells = [f"{now:.2f} : {percentile(drawn, 50):.2f}, {percentile(drawn, 95):.2f}" for now, drawn in rows]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    spent = {name: Counter[str](made.spent) for name, made in predictions.items()}
    for each in spent.values():
        del each[MODELS]
    hops = sorted(set().union(*spent.values()), key=lambda hop: -sum(each[hop] for each in spent.values()))
    lines += ["", f"| ms of | {' | '.join(spent)} |", "|---" * (len(spent) + 1) + "|"]
    lines += [f"| {hop} | {' | '.join(f'{each[hop]:.0f}' for each in spent.values())} |" for hop in hops]
    lines.append(f"| **sum** | {' | '.join(f'{sum(each.values()):.0f}' for each in spent.values())} |")
    return "\n".join(lines)


def predict(here: Mapping[str, tuple[float, float]] | None = None) -> str:
    """The report on all cases. `here` as for `report`; without it each case is visited once more."""
    photo, made, measured = visits.page_photo(), {}, dict(here or {})
    with visits.open_app(LogLevel="DEBUG") as app:
        for name, (faces, keep) in CASES.items():
            made[name] = Prediction.of(trace_of(recorded(app, faces, keep, photo)))
            if name not in measured:
                visits.set_models(app, faces, visits.SET)
                visit = visits.record_visit(app, photo, keep).visit
                measured[name] = visit.first, visit.all
    return f"Here : on AWS, predicted: median, 95 %\n\n{report(made, measured)}"


def main() -> None:
    argparse.ArgumentParser(prog="python -m benchmarks.prediction", description=__doc__).parse_args()
    print(f"{machine.line()}\n\n{predict()}")


if __name__ == "__main__":
    main()
