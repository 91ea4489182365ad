"""Which memory size each function should have: `make bench-memory`.

Sends photos of 12 megapixels with three faces through the local application, warm, with canned answers of the models,
and takes each function's processor time and memory from its processes. On AWS a function has one vCPU at 1769 MB and
a share in proportion below, so at a size it takes its waits, which cost the same at each size, and its processor time
divided by that share. This is reckoned, not measured on AWS, and takes a vCPU there to be as fast as a core here.
Prints a table in Markdown: milliseconds and dollars for a million calls, by size.
"""

import argparse
import json
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path

from benchmarks import machine, pixels, processes
from client.booth import Booth
from local.template.document import read

ROOT = Path(__file__).parent.parent
VCPU_MB = 1769
SIZES = (256, 512, 1024, 1769)
WAITS = {
    "upload": 40,
    "photo": 30,
    "start": 50,
    "detect_faces": 600 + 120,
    "crop_faces": 100,
    "segment_crop": 1500 + 80,
    "merge_masks": 100,
    "admit": 60,
    "generate_image": 8000 + 120,
    "finish": 200,
}
"""Milliseconds that a call waits for others: the models' set times, and about 20 for each call to S3 and DynamoDB."""


def sizes_of_template() -> dict[str, int]:
    """MemorySize by module."""
    template = read(ROOT / "template.yaml")
    usual = template["Globals"]["Function"]["MemorySize"]
    functions = [each["Properties"] for each in template["Resources"].values() if each["Type"].endswith("::Function")]
    return {each["Handler"].removesuffix(".handler"): each.get("MemorySize", usual) for each in functions}


def told(app, service: str) -> int:
    """How many calls a stand-in has had."""
    with urllib.request.urlopen(f"{app.standins_url}/standins/{service}") as answer:
        return json.load(answer)["calls"]


def send(app, photo: Path) -> int:
    """One visit; gives the number of its calls to /photo."""
    polls: list[str] = []
    with tempfile.TemporaryDirectory() as out:
        result = Booth(app.url, show=polls.append).send(photo, Path(out))
    if result["status"] != "SUCCEEDED":
        raise RuntimeError(result)
    return len(polls) - len(result["pictures"])  # it tells of each answer and of each picture


def measure(photos: int) -> dict[str, tuple[float, float]]:
    """By function: processor seconds of a call when warm, and the most memory in MB."""
    from local.app import App

    with App(port=0) as app, tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        photo.write_bytes(pixels.photo_file("JPEG", 12))
        for service, canned in {"rekognition": {"faces": 3}, "sagemaker": {}, "bedrock": {}}.items():
            request = urllib.request.Request(f"{app.standins_url}/standins/{service}", method="PUT")
            urllib.request.urlopen(request, json.dumps({"canned": canned}).encode()).close()
        for _ in range(2):
            send(app, photo)
        pids = lambda name: app.processes("".join(word.title() for word in name.split("_")))
        before = {name: processes.cpu_seconds(pids(name)) for name in WAITS}
        asked = {service: told(app, service) for service in ("sagemaker", "bedrock")}
        polls = sum(send(app, photo) for _ in range(photos))
        time.sleep(2)  # `finish` cleans up after the last answer
        calls = dict.fromkeys(WAITS, photos) | {"photo": polls}
        calls["segment_crop"] = told(app, "sagemaker") - asked["sagemaker"]
        calls["generate_image"] = told(app, "bedrock") - asked["bedrock"]
        return {
            name: (
                (processes.cpu_seconds(pids(name)) - before[name]) / calls[name],
                processes.peak_mb(pids(name)),
            )
            for name in WAITS
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--photos", type=int, default=8)
    photos = parser.parse_args().photos
    price = tomllib.loads((ROOT / "benchmarks" / "prices.toml").read_text())["lambda"]["gb_second"]
    chosen = sizes_of_template()
    print(machine.line())
    titles = " | ".join(f"{size} MB: ms | $" for size in SIZES)
    print(f"\n| function | CPU ms | peak MB | template's MB | {titles} |\n|{'---|' * (4 + 2 * len(SIZES))}")
    for name, (cpu, peak) in measure(photos).items():
        cells = []
        for size in SIZES:
            took = WAITS[name] / 1000 + cpu * max(1, VCPU_MB / size)
            fits = "" if peak < size else "does not fit "
            cells.append(f"{fits}{took * 1000:.0f} | {took * size / 1024 * price * 1e6:.1f}")
        print(f"| `{name}` | {cpu * 1000:.0f} | {peak:.0f} | {chosen[name]} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
