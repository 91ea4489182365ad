"""One run as a picture: its states, the functions in them, and the functions' calls to AWS, over time.

    python -m benchmarks.waterfall                  a run here, with set latencies
    python -m benchmarks.waterfall --history history.json --log lines.txt    a run on AWS; docs/performance.md says how

Where for longer than CUT_SECONDS no function does anything but wait for a model, the axis is cut.
"""

import argparse
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

CUT_SECONDS = 0.25
"""A stretch in which no function does anything but wait for a model is drawn at most this long."""
WIDTH, LABELS = 1500, 190  # pixels of the picture, and of the names on its left
TOP, ROW, LANE = 64, 18, 9  # pixels: above the first row, of a bar, of a call under it
MODELS = ("rekognition", "sagemaker-runtime", "bedrock-runtime")
OTHER = "#8757a8"
LEGEND = {"DynamoDB": "#3b6fb6", "S3": "#3f8f4f", "models": "#d9742b", "other services": OTHER}
COLOURS = {"dynamodb": LEGEND["DynamoDB"], "s3": LEGEND["S3"]} | dict.fromkeys(MODELS, LEGEND["models"])


@dataclass(frozen=True)
class Span:
    """Something that took from `begin` to `end`, in seconds since the epoch."""

    name: str
    begin: float
    end: float

    @property
    def ms(self) -> float:
        return (self.end - self.begin) * 1000

    @property
    def service(self) -> str:
        return self.name.partition(".")[0]

    def covers(self, early: float, late: float) -> bool:
        """Whether it goes on from `early` to `late`."""
        return self.begin <= early and late <= self.end


@dataclass
class Invocation:
    """A function at work. `span` has the function's name; the calls' are "service.Operation"."""

    span: Span
    calls: list[Span] = field(default_factory=list)

    def is_working(self, early: float, late: float) -> bool:
        """Whether it does anything from `early` to `late` but wait for a model."""
        waits = any(call.service in MODELS and call.covers(early, late) for call in self.calls)
        return self.span.covers(early, late) and not waits


@dataclass
class Row:
    """A state, or a function outside the state machine, with what worked in it."""

    state: Span
    invocations: list[Invocation] = field(default_factory=list)


def seconds(moment: datetime | str | float) -> float:
    """A time as boto3, the AWS CLI or a log line writes it, in seconds since the epoch."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace(",", "."))
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


def run_of(history: Sequence[dict[str, Any]]) -> str:
    """The id of the run that an execution's events belong to."""
    return json.loads(history[0]["executionStartedEventDetails"]["input"])["run"]


def states_of(history: Sequence[dict[str, Any]]) -> list[tuple[Span, str]]:
    """Each state that was entered and left, in order, with the name or ARN of the function that it called, or ""."""
    events = {event["id"]: event for event in history}
    found = []
    for event in history:
        if not event["type"].endswith("StateExited"):
            continue
        name, function, before = event["stateExitedEventDetails"]["name"], "", event
        while before.get("stateEnteredEventDetails", {}).get("name") != name:
            if not function and "taskScheduledEventDetails" in before:
                function = json.loads(before["taskScheduledEventDetails"]["parameters"]).get("FunctionName", "")
            before = events[before["previousEventId"]]
        is_map = before["type"].startswith("Map")
        found.append(
            (Span(name, seconds(before["timestamp"]), seconds(event["timestamp"])), "" if is_map else function)
        )
    return sorted(found, key=lambda each: (each[0].begin, -each[0].end))


def invocations_of(run: str, lines: Iterable[str]) -> list[Invocation]:
    """The functions that worked for a run, by their log at DEBUG: lines of JSON, whatever stands before the brace."""
    entries = [json.loads(line[line.index("{") :]) for line in lines if '"function_request_id"' in line]
    mine = {entry["function_request_id"] for entry in entries if entry.get("run") == run}
    found: dict[str, Invocation] = {}
    calls: dict[str, list[Span]] = {}
    for entry in entries:
        request = entry["function_request_id"]
        if request not in mine or entry["message"] not in ("handled", "aws_call"):
            continue
        end = seconds(entry["timestamp"])
        begin = end - entry["ms"] / 1000
        if entry["message"] == "handled":
            found[request] = Invocation(Span(entry["function_name"], begin, end))
        else:
            calls.setdefault(request, []).append(Span(entry["call"], begin, end))
    for request, invocation in found.items():
        invocation.calls = calls.get(request, [])
    return sorted(found.values(), key=lambda each: each.span.begin)


def rows_of(history: Sequence[dict[str, Any]], lines: Iterable[str]) -> list[Row]:
    """The picture's rows: first the functions that led to the execution, then its states.

    Polls are left out, and states that took no time to speak of.
    """
    began = seconds(history[0]["timestamp"])
    waiting = invocations_of(run_of(history), lines)
    rows = []
    for state, function in states_of(history):
        row = Row(state)
        # A few milliseconds of patience: the clocks of the log and of the history differ.
        fitting = [
            each
            for each in waiting
            if function.endswith(each.span.name)
            and state.begin - 0.05 <= each.span.begin
            and each.span.end <= state.end + 0.05
        ]
        if fitting:
            row.invocations = [min(fitting, key=lambda each: state.end - each.span.end)]
            waiting.remove(row.invocations[0])
        if row.invocations or state.ms >= 20:
            rows.append(row)
    before = [Row(each.span, [each]) for each in waiting if each.span.begin < began]
    return before + rows


class Axis:
    """Seconds since the epoch to pixels; the stretches are cut in which no function works or all wait for a model."""

    def __init__(self, rows: Sequence[Row]):
        invocations = [invocation for row in rows for invocation in row.invocations]
        spans = [*(row.state for row in rows), *(each.span for each in invocations)]
        spans += [call for each in invocations for call in each.calls]
        news = sorted({moment for span in spans for moment in (span.begin, span.end)})
        self.begin, self.end = news[0], news[-1]
        gaps = list(itertools.pairwise(news))
        self.cuts = [
            gap
            for gap in gaps
            if gap[1] - gap[0] > CUT_SECONDS and not any(each.is_working(*gap) for each in invocations)
        ]
        lost = sum(late - early - CUT_SECONDS for early, late in self.cuts)
        self.scale = (WIDTH - LABELS - 20) / max(self.end - self.begin - lost, 0.001)

    def at(self, moment: float) -> float:
        """The place of a moment, in pixels from the left."""
        lost = sum(
            (late - early - CUT_SECONDS) * min(max((moment - early) / (late - early), 0), 1)
            for early, late in self.cuts
        )
        return LABELS + (moment - self.begin - lost) * self.scale


def lanes(calls: Sequence[Span]) -> list[list[Span]]:
    """The calls in as few lanes as have none at the same time."""
    made: list[list[Span]] = []
    for call in sorted(calls, key=lambda each: each.begin):
        for lane in made:
            if lane[-1].end <= call.begin + 0.0005:
                lane.append(call)
                break
        else:
            made.append([call])
    return made


def draw(rows: Sequence[Row], title: str) -> str:
    """The picture, as SVG."""
    axis, parts, y = Axis(rows), [], TOP
    for row in rows:
        parts.append(_bar(axis, row.state, y, ROW - 4, "#d7dbe2", _name(row.state.name), f"{row.state.ms:.0f} ms"))
        for invocation in row.invocations:
            parts.append(_bar(axis, invocation.span, y + 4, ROW - 12, "#6d7686"))
            for lane in lanes(invocation.calls):
                y += LANE
                for call in lane:
                    colour = COLOURS.get(call.service, OTHER)
                    parts.append(_bar(axis, call, y + 7, LANE - 2, colour))
        y += ROW + 3
    height = y + 14
    head = [f'<text x="12" y="24" class="title">{escape(title)}</text>', *_legend()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
            "<style>text{font-size:11px;fill:#222}.title{font-size:16px;font-weight:bold}.small{fill:#666}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            *_grid(axis, height),
            *head,
            *parts,
            "</svg>",
            "",
        ]
    )


def title_of(rows: Sequence[Row]) -> str:
    """How long it took and how much it was."""
    whole = max(row.state.end for row in rows) - min(row.state.begin for row in rows)
    invocations = [invocation for row in rows for invocation in row.invocations]
    calls = sum(len(invocation.calls) for invocation in invocations)
    return f"One run: {whole:.2f} s, {len(invocations)} function calls, {calls} AWS calls in them (polls apart)"


def _name(function: str) -> str:
    """A function's name without the stack's."""
    return function.removeprefix("photo-booth-")


def _bar(axis: Axis, span: Span, y: float, height: float, colour: str, name: str = "", note: str = "") -> str:
    left, right = axis.at(span.begin), axis.at(span.end)
    bar = (
        f'<rect x="{left:.1f}" y="{y:.1f}" width="{max(right - left, 1):.1f}" height="{height}" fill="{colour}">'
        f"<title>{escape(span.name)}: {span.ms:.0f} ms</title></rect>"
    )
    if name:
        bar += f'<text x="12" y="{y + 11:.1f}">{escape(name)}</text>'
        bar += f'<text x="{LABELS - 8}" y="{y + 11:.1f}" text-anchor="end" class="small">{escape(note)}</text>'
    return bar


def _legend() -> list[str]:
    entries = {"state": "#d7dbe2", "function": "#6d7686"} | LEGEND
    parts, x = [], 700
    for name, colour in entries.items():
        parts.append(f'<rect x="{x}" y="14" width="12" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 16}" y="23">{name}</text>')
        x += 46 + 7 * len(name)
    return parts


def _grid(axis: Axis, height: float) -> list[str]:
    """Lines at each tenth of a second that is drawn, and a band over each cut."""
    parts = []
    tenths = int((axis.end - axis.begin) * 10) + 1
    middles = [(axis.at(early) + axis.at(late)) / 2 for early, late in axis.cuts]
    for tenth in range(tenths):
        moment = axis.begin + tenth / 10
        if any(early < moment < late for early, late in axis.cuts):
            continue
        x = axis.at(moment)
        parts.append(
            f'<path d="M{x:.1f} {TOP - 8}V{height - 8}" stroke="{"#b9bec8" if tenth % 5 == 0 else "#eceef2"}"/>'
        )
        if tenth % 2 == 0 and all(abs(x - middle) > 45 for middle in middles):
            parts.append(f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="middle" class="small">{tenth / 10:.1f}</text>')
    for early, late in axis.cuts:
        left, right = axis.at(early), axis.at(late)
        parts.append(
            f'<rect x="{left:.1f}" y="{TOP - 8}" width="{right - left:.1f}" height="{height - TOP}" fill="#fff4ea"/>'
        )
        parts.append(
            f'<text x="{(left + right) / 2:.1f}" y="{TOP - 12}" text-anchor="middle" class="small">'
            f"cut: {late - early:.1f} s</text>"
        )
    return parts


def here(faces: int) -> tuple[list[dict[str, Any]], list[str]]:
    """History and log of a visit here, the third one, so that everything is warm."""
    from benchmarks import visits

    photo = visits.page_photo()
    with visits.open_app(LogLevel="DEBUG") as app:
        for latencies in ({name: 0.1 for name in visits.SET}, {name: 0.1 for name in visits.SET}, visits.SET):
            visits.set_models(app, faces, latencies)
            record = visits.record_visit(app, photo)
    return record.history, record.log


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waterfall", description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=3, help="of the run here (3)")
    parser.add_argument("--history", type=Path, help="JSON of `aws stepfunctions get-execution-history`")
    parser.add_argument("--log", type=Path, help="lines of the functions' logs at DEBUG")
    parser.add_argument("--out", type=Path, default=Path("out/waterfall.svg"))
    arguments = parser.parse_args()
    if arguments.history:
        try:
            history = json.loads(arguments.history.read_text("utf-8"))["events"]
            lines = arguments.log.read_text("utf-8").splitlines() if arguments.log else []
        except (OSError, ValueError, KeyError) as error:
            parser.error(f"--history or --log: {error!r}")
    else:
        history, lines = here(arguments.faces)
    rows = rows_of(history, lines)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(draw(rows, title_of(rows)), "utf-8")
    print(arguments.out)


if __name__ == "__main__":
    main()
