"""What a cold start takes: `make bench-cold`. Prints a table in Markdown.

Each function's module is imported, and with it the clients are made that it makes while it is initialised, out of the
package that `make build` made, under Lambda's Python with nothing but the packages that Lambda brings itself. The unit
is a process that does `import boto3` and makes one DynamoDB client out of the same package. Both take turns, each time
in a new process; the ratio is the median of the rounds' ratios. Times are processor time, which is what a cold start
is made of once the package is there. Nothing is called, so no network is needed.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import machine
from deploy.build import ROOT, build
from local.template.document import default_of, read

PYTHON = ROOT / ".tools" / "runtime" / "bin" / "python"
API = ("upload", "photo", "start", "list_scenes", "delete_photo")
"""Somebody waits for these, or everything does: they may take at most GOAL units."""
GOAL = 1.5
UNIT = "import boto3; boto3.client('dynamodb')"
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--build", type=Path, help="a build for this processor; without it one is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        built = arguments.build or package(Path(scratch))
        names = handlers()
        took: dict[str, list[float]] = {name: [] for name in (*API, *sorted(set(names) - set(API)))}
        units, bare = [], []
        for _ in range(arguments.rounds):
            for name, times in took.items():
                common, pixels = (built / layer / "python" for layer in ("Common", "Pixels"))
                path = [built / names[name], common, *([pixels] if name in PIXELS else [])]
                units.append(seconds(UNIT, [common]))
                times.append(seconds(f"import {name}", path))
            bare.append(seconds("pass", []))
    print(machine.line())
    rounds = [units[n :: len(took)] for n in range(len(took))]
    unit, empty = (f"{statistics.median(times) * 1000:.0f} ms" for times in (units, bare))
    print(f"\nThe unit took {unit}, of which the bare interpreter {empty}.")
    print(f"\n| function | ms | of the unit | at most {GOAL} |\n|---|---|---|---|")
    missed = []
    for (name, times), beside in zip(took.items(), rounds, strict=True):
        ratio = statistics.median(own / unit for own, unit in zip(times, beside, strict=True))
        goal = ("yes" if ratio <= GOAL else "**no**") if name in API else ""
        missed += [name] if goal == "**no**" else []
        print(f"| `{name}` | {statistics.median(times) * 1000:.0f} | {ratio:.2f} | {goal} |")
    if missed:
        sys.exit(f"above {GOAL}: {', '.join(missed)}")


if __name__ == "__main__":
    main()
