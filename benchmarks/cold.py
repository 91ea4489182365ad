"""What a cold start takes: `make bench-cold`. Prints tables in Markdown.

Each function's module is imported, and with it the clients are made that it makes while it is initialised, out of the
package that `make build` made, under Lambda's Python with nothing but the packages that Lambda brings itself. The unit
is a process that does `import boto3` and makes one DynamoDB client out of the same package. Both take turns, each time
in a new process; the ratio is the median of the rounds' ratios. Times are processor time, which is what a cold start
is made of once the package is there. Nothing is called, so no network is needed.

Then visits are recorded with the application out of these packages, and a second table tells how much later than a warm
visitor the first one has its pictures on AWS, by published figures (benchmarks/cold_starts.py).
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from benchmarks import cold_starts, machine, prediction, visits
from benchmarks.cold_starts import AT_AN_EVENT, ColdVisit, Start
from benchmarks.load.percentiles import percentile
from deploy.build import ROOT, build
from local.app import App
from local.template.document import default_of, read

PYTHON = ROOT / ".tools" / "runtime" / "bin" / "python"
API = ("upload", "photo", "start", "list_scenes", "delete_photo")
"""Somebody waits for these, or everything does: they may take at most GOAL units."""
GOAL = 1.5
FIRST_GOAL = 1.5
"""Seconds that the day's first visitor waits longer than the hundredth, where the page is open as it is at an event."""
UNIT = "import boto3; boto3.client('dynamodb')"
FACES = (1, 3)
"""Of the visits that are recorded."""
PIXELS = ("detect_faces", "crop_faces", "segment_crop", "merge_masks", "generate_image")


def package(folder: Path) -> Path:
    """The application built for this machine's processor; the folder holds a folder for each function."""
    sources = folder / "sources"
    sources.mkdir()
    for name in ("functions", "layers", "statemachine", "monitoring.yaml"):
        (sources / name).symlink_to(ROOT / name)
    processor = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    (sources / "template.yaml").write_text(text.replace("arm64", processor), encoding="utf-8")
    build(sources, folder / "build")
    return folder / "build"


def handlers() -> dict[str, str]:
    """Logical ids of the functions by their modules."""
    resources = read(ROOT / "template.yaml")["Resources"]
    functions = {name: each["Properties"] for name, each in resources.items() if each["Type"].endswith("::Function")}
    return {each["Handler"].removesuffix(".handler"): name for name, each in functions.items() if "Handler" in each}


def seconds(code: str, path: list[Path]) -> float:
    """Processor time of a new process for this code."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": ":".join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",  # so that clients are made
        "POWERTOOLS_METRICS_NAMESPACE": "PhotoBooth",
        "POWERTOOLS_SERVICE_NAME": "photo-booth",
        "IMAGE_MODELS": default_of(ROOT / "template.yaml", "ImageModels"),  # one client for each of its Regions
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([PYTHON, "-c", code], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@cache
def zipped(folder: Path) -> int:
    """Bytes of this folder as a ZIP."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.tell()


def folders(built: Path, name: str) -> list[Path]:
    """Of a module's function, and of its layers."""
    return [built / handlers()[name], built / "Common", *([built / "Pixels"] if name in PIXELS else [])]


def imports(built: Path, names: Iterable[str], rounds: int) -> tuple[dict[str, list[float]], list[float], list[float]]:
    """Seconds of processor time: of each module's import, of the unit beside each in turn, of a bare process."""
    took: dict[str, list[float]] = {name: [] for name in names}
    units, bare = [], []
    for _ in range(rounds):
        for name, times in took.items():
            function, *layers = folders(built, name)
            units.append(seconds(UNIT, [built / "Common" / "python"]))
            times.append(seconds(f"import {name}", [function, *(layer / "python" for layer in layers)]))
        bare.append(seconds("pass", []))
    return took, units, bare


def starts_of(built: Path, took: Mapping[str, list[float]], units: list[float], bare: list[float]) -> dict[str, Start]:
    """What each function's cold start is made of."""
    nothing = statistics.median(bare)
    found = {}
    for number, (name, times) in enumerate(took.items()):
        beside = units[number :: len(took)]
        ratios = ((own - nothing) / (unit - nothing) for own, unit in zip(times, beside, strict=True))
        found[name] = Start(sum(map(zipped, folders(built, name))), statistics.median(ratios))
    return found


def first_visits(built: Path, starts: Mapping[str, Start]) -> dict[str, ColdVisit]:
    """By how much a first visit's pictures come later, by faces and by what is warmed."""
    photo, found = visits.page_photo(), {}
    with App(port=0, build=built, python=str(PYTHON), parameters={"LogLevel": "DEBUG"}) as app:
        for faces in FACES:
            trace = prediction.trace_of(prediction.recorded(app, faces, "face", photo))
            for how, warming in cold_starts.warmings().items():
                found[f"{faces} face{'s' * (faces > 1)}, {how}"] = ColdVisit.of(trace, starts, warming)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--build", type=Path, help="a build for this processor; without it one is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        built = arguments.build or package(Path(scratch))
        took, units, bare = imports(built, (*API, *sorted(set(handlers()) - set(API))), arguments.rounds)
        starts = starts_of(built, took, units, bare)
        cold = first_visits(built, starts)
    print(machine.line())
    unit, empty = (f"{statistics.median(times) * 1000:.0f} ms" for times in (units, bare))
    print(f"\nThe unit took {unit}, of which the bare interpreter {empty}.")
    print(f"\n| function | ms | of the unit | at most {GOAL} | ZIP with layers, MB |\n|---|---|---|---|---|")
    missed = []
    for number, (name, times) in enumerate(took.items()):
        ratio = statistics.median(own / unit for own, unit in zip(times, units[number :: len(took)], strict=True))
        goal = ("yes" if ratio <= GOAL else "**no**") if name in API else ""
        missed += [name] if goal == "**no**" else []
        cells = (f"{statistics.median(times) * 1000:.0f}", f"{ratio:.2f}", goal, f"{starts[name].bytes / 1e6:.1f}")
        print(f"| `{name}` | {' | '.join(cells)} |")
    print(f"\nA first visit on AWS, predicted, beside a warm one: median, 95 %\n\n{cold_starts.report(cold)}")
    late = [name for name, made in cold.items() if AT_AN_EVENT in name and percentile(made.first, 50) > FIRST_GOAL]
    if missed or late:
        sys.exit(f"above {GOAL}, or {FIRST_GOAL} s: {', '.join([*missed, *late])}")


if __name__ == "__main__":
    main()
