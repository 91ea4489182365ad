"""Seconds and memory of FLUX.2 [klein] 4B, on this machine's card: `make bench-paint`. Prints a table in Markdown.

The weights are random, of the real size (16 GB, made in build/paint/ unless they are there): speed and memory don't
depend on what they are. Pictures of 1024 x 1024 pixels, four steps, by the serving code and one at a time. Without a
card it measures a model of less than 1 MB on the processor, which says nothing about klein, and ends with status 1.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from paint_model.serving.client import Painter
from paint_model.serving.protocol import Request, Unavailable

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".tools" / "painter" / "bin" / "python"
REAL = ROOT / "build" / "paint" / "klein-random"
ROUNDS = 5
START_SECONDS = 1800
"""How long loading may take: 16 GB from a slow disk."""
CARD = """
import torch
from paint_model.serving.pipelines import choose_device
device = choose_device()
print(device)
if device == "cuda":
    print(torch.cuda.get_device_name())
"""
# In the painter's log: what the process took up to its first picture, and each picture of the card.
OF_PROCESS, OF_CARD = re.compile(r"with ([\d.]+) GB of memory"), re.compile(r"with ([\d.]+) GB of the card")


def main() -> int:
    """Measure; exit status 1 if there is no card, or if it could not paint."""
    found = subprocess.run([PYTHON, "-c", CARD], cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        print(f"The painter's packages don't work:\n{found.stderr[-2000:]}", file=sys.stderr)
        return 1
    device, *card = found.stdout.split("\n")[:-1]
    real = device != "cpu"
    with tempfile.TemporaryDirectory() as scratch:
        folder = REAL if real else Path(scratch) / "klein"
        if not (folder / "model_index.json").exists():
            print(f"Making {'16 GB of' if real else 'a few'} random weights ...", file=sys.stderr)
            build = [PYTHON, "-m", "paint_model.tiny", folder, "--size", "real" if real else "tiny"]
            if subprocess.run(build, cwd=ROOT, stderr=None if real else subprocess.DEVNULL, check=False).returncode:
                return 1
        os.environ["PAINT_SECONDS"] = str(START_SECONDS)
        try:
            rows = measured(folder, 1024 if real else 256)
        except Unavailable as problem:
            print(problem, file=sys.stderr)
            return 1
    klein = f"FLUX.2 [klein] 4B on {card[0] if card else device}"
    print(f"\n{klein if real else 'A tiny model on the processor, NOT klein'}\n\n| | |\n|---|---|")
    for what, value in rows:
        print(f"| {what} | {value} |")
    if not real:
        print("There is no card here, so nothing was measured of klein.", file=sys.stderr)
        return 1
    return 0


def measured(folder: Path, side: int) -> list[tuple[str, str]]:
    """Paint `ROUNDS` pictures and return what was found, for a table. Raises `Unavailable`."""
    with (folder / "log").open("w") as log:
        painter = Painter(folder, PYTHON, log=log)
    begin = time.monotonic()
    try:
        painter.wait(START_SECONDS)
        loaded = time.monotonic() - begin
        pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
        mask = np.ones((side, side), bool)
        mask[side // 4 : side // 2, side // 4 : side // 2] = False
        seconds = [painter.paint(Request(pixels, mask, "a beach at noon", seed))[1] for seed in range(ROUNDS)]
        text = (folder / "log").read_text()
        return [
            ("from the start to a first picture", f"{loaded:.0f} s"),
            (f"a picture of {side} x {side}, median of {ROUNDS}", f"{statistics.median(seconds):.2f} s"),
            ("slowest of them", f"{max(seconds):.2f} s"),
            ("peak memory of the process until then", f"{OF_PROCESS.findall(text)[0]} GB"),
            ("peak memory of the card", f"{max(map(float, OF_CARD.findall(text)))} GB"),
        ]
    finally:
        painter.end()


if __name__ == "__main__":
    sys.exit(main())
