"""This application beside the customer's old function, with the same set latencies: `make bench`.

Both run here, their functions under the same Lambda host, against the same stand-ins and the same S3, one after the
other in turn. What counts are the ratios of the two; seconds depend on the machine. The ratios are compared with those
kept in docs/performance.md (exit status 1 if one has become worse); `--keep` writes them there. At the end
it tells what prediction.py reckons for AWS.
"""

import argparse
import json
import os
import platform
import re
import statistics
import sys
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks import prediction, visits
from benchmarks.processes import cpu_seconds
from local.account import REGION
from local.app import SAM_ENDPOINT, App
from local.lambdas.function import Function
from local.lambdas.host import LambdaHost

DOCUMENT = visits.ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
PREDICTED = "<!-- make bench, predicted: begin -->", "<!-- make bench, predicted: end -->"
FACES = (1, 3, 10)
LIMIT_SECONDS = 0.6
"""What the application may add to the critical path."""
MEASURES = {"first picture, s": 1.10, "all pictures, s": 1.10, "CPU, s": 1.25, "S3, MB": 1.02, "models, MB": 1.02}
"""What is measured, and by which factor a ratio may be above the kept one before it counts as worse."""
BUCKET = "old-sequence"


@dataclass(frozen=True)
class Case:
    """One way for the models to be slow, with so many faces."""

    name: str
    faces: int
    spread: bool = False
    keep: str = "face"

    def latencies(self, repeat: int) -> dict:
        """The stand-ins' latencies, of which spread ones are others each time."""
        return visits.spread(seed=repeat) if self.spread else visits.SET


CASES = [*(Case(f"set, {faces} face{'s' * (faces > 1)}", faces) for faces in FACES), Case("spread, 3 faces", 3, True)]
CASES += [Case(f"set, 3 faces, {keep}", 3, keep=keep) for keep in ("head", "person")]

Figures = dict[str, float]
"""By measure."""


class OldFunction:
    """The old sequence as a Lambda function of the application's emulated account."""

    def __init__(self, app: App):
        self._app = app
        environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        function = Function(
            name=BUCKET,
            handler="old_sequence.handler",
            code=Path(__file__).parent,
            environment=environment | {"SAM_ENDPOINT": SAM_ENDPOINT},
            timeout=60,
            memory_mb=1769,
        )
        self.host = LambdaHost([function], region=REGION, log=lambda line: None)
        self._s3 = app.client("s3")
        self._s3.create_bucket(Bucket=BUCKET)

    def measure(self, photo: bytes) -> Figures:
        """One photo put, and the function called, as the old client did. Raises RuntimeError if it fails."""
        self._app.traffic.take()
        cpu, models, began = cpu_seconds(self.host.processes()), visits.model_bytes(self._app), time.monotonic()
        key = f"{uuid.uuid4()}.jpg"
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=photo)
        result = self.host.invoke(BUCKET, json.dumps({"bucket": BUCKET, "key": key, "id": key}).encode())
        took = time.monotonic() - began
        if result.failed:
            raise RuntimeError(result.body.decode())
        moved = sum(count.received + count.sent for count in self._app.traffic.take().values())
        return figures(
            took, took, cpu_seconds(self.host.processes()) - cpu, moved, visits.model_bytes(self._app) - models
        )


def measure(app: App, photo: bytes, keep: str) -> Figures:
    """One visit to the application."""
    record = visits.record_visit(app, photo, keep)
    moved = sum(count.received + count.sent for (_, kind), count in record.traffic.items() if kind.startswith("s3."))
    return figures(record.visit.first, record.visit.all, record.cpu_seconds, moved, record.model_bytes)


def figures(first: float, all_: float, cpu: float, s3_bytes: int, model_bytes: int) -> Figures:
    """Seconds and bytes, as the table has them."""
    return dict(zip(MEASURES, (first, all_, cpu, s3_bytes / 1e6, model_bytes / 1e6), strict=True))


def medians(runs: Sequence[Figures]) -> Figures:
    """The median of each measure."""
    return {name: statistics.median(run[name] for run in runs) for name in MEASURES}


def run_case(app: App, old: OldFunction, case: Case, photo: bytes, repeats: int) -> tuple[Figures, Figures]:
    """Medians of the application and of the old function, warm."""
    visits.set_models(app, case.faces, dict.fromkeys(visits.SET, 0.2))
    for _ in range(2):
        measure(app, photo, case.keep)
        old.measure(photo)
    ours, theirs = [], []
    for repeat in range(repeats):
        visits.set_models(app, case.faces, case.latencies(repeat))
        ours.append(measure(app, photo, case.keep))
        visits.set_models(app, case.faces, case.latencies(repeat))
        theirs.append(old.measure(photo))
    return medians(ours), medians(theirs)


def row(name: str, ours: Figures, theirs: Figures) -> str:
    """A line of the table: for each measure ours, the old function's, and the ratio."""
    cells = [f"{ours[each]:.2f} : {theirs[each]:.2f} = {ours[each] / theirs[each]:.2f}" for each in MEASURES]
    return f"| {name} | " + " | ".join(cells) + " |"


def ratios(table: str) -> dict[tuple[str, str], float]:
    """The ratios of a table, by case and measure."""
    found = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        values = [re.fullmatch(r"[\d.]+ : [\d.]+ = ([\d.]+)", cell) for cell in cells[1:]]
        if len(values) == len(MEASURES) and all(values):
            found |= {(cells[0], name): float(value[1]) for name, value in zip(MEASURES, values, strict=True)}
    return found


def worse(table: str, kept: str, measures: Collection[str] = tuple(MEASURES)) -> list[str]:
    """What of these measures has become worse since the kept table, in words."""
    before = ratios(kept)
    return [
        f"{case}, {name}: {now:.2f} of the old function's, was {before[case, name]:.2f}"
        for (case, name), now in ratios(table).items()
        if name in measures and now > before.get((case, name), now) * MEASURES[name]
    ]


def kept_table(document: str) -> str:
    """What stands between the marks in docs/performance.md."""
    return document.partition(BEGIN)[2].partition(END)[0]


def with_table(document: str, table: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """docs/performance.md with another table between these marks. Raises ValueError if it has no place for one."""
    head, begin, rest = document.partition(marks[0])
    _, end, tail = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError("docs/performance.md has lost the marks around the table")
    return f"{head}{begin}\n{table}\n{end}{tail}"


def machine() -> str:
    """Date, processor and Python, and whether the processor had other work."""
    text = Path("/proc/cpuinfo").read_text("utf-8")
    model = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")
    busy = f", busy (load {os.getloadavg()[0]:.0f})" if is_busy() else ""
    return f"{date.today()}, {model}, {os.cpu_count()} cores{busy}, Python {platform.python_version()}"


def is_busy() -> bool:
    """Whether more wants to run than there are cores."""
    return os.getloadavg()[0] > os.cpu_count()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.booth", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="of each case (3)")
    parser.add_argument("--keep", action="store_true", help="write the table into docs/performance.md")
    arguments = parser.parse_args()
    photo, lines = visits.page_photo(), []
    above, here = {}, {}
    print("This application : the old function = ratio (medians)", flush=True)
    with visits.open_app() as app:
        old = OldFunction(app)
        try:
            for case in CASES:
                ours, theirs = run_case(app, old, case, photo, arguments.repeats)
                lines.append(row(case.name, ours, theirs))
                print(lines[-1], flush=True)
                here[case.name] = ours["first picture, s"], ours["all pictures, s"]
                if not case.spread and case.keep == "face":
                    above[case.name] = ours["all pictures, s"] - visits.CRITICAL_SECONDS
        finally:
            old.host.close()
    for name, seconds in above.items():
        verdict = "ok" if seconds <= LIMIT_SECONDS else f"more than {LIMIT_SECONDS} s"
        print(f"{name}: {seconds:.2f} s over the critical path of {visits.CRITICAL_SECONDS:.1f} s: {verdict}")
    compared = list(MEASURES)
    if is_busy():
        print(
            f"The machine is busy (load {os.getloadavg()[0]:.0f}): bytes are compared with the kept ones, seconds not."
        )
        compared = [name for name in MEASURES if name.endswith("MB")]
    head = "| models' times | " + " | ".join(MEASURES) + " |\n" + "|---" * (len(MEASURES) + 1) + "|"
    over = ", ".join(f"{name}: {seconds:.2f} s" for name, seconds in above.items())
    table = f"\n{machine()}; medians of {arguments.repeats}. Over the critical path: {over}.\n\n{head}\n"
    table += "\n".join(lines) + "\n"
    document = DOCUMENT.read_text("utf-8")
    news = worse(table, kept_table(document), compared)
    for each in news:
        print(f"worse: {each}")
    predicted = prediction.predict(here)
    print(f"\n{predicted}")
    if arguments.keep:
        document = with_table(document, table)
        DOCUMENT.write_text(with_table(document, f"\n{machine()}\n\n{predicted}\n", PREDICTED), "utf-8")
    return 1 if news else 0


if __name__ == "__main__":
    sys.exit(main())
