"""A painter of one's own: what `make run PAINTER=<model folder>` looks at before anything starts, and how it starts.

The painter is paint_model/ in a process of its own, with the packages of `.tools/painter`; the stand-ins ask it in
place of the procedural painter. It serves one picture at a time, so the booth's pace is what is measured at the start.
"""

import json
import math
import os
import platform
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from local.app import ROOT, StartError
from local.standins.process import PAINTER_PYTHON
from paint_model.serving.client import Painter
from paint_model.serving.models import PIPELINES, ROOM
from paint_model.serving.protocol import MAX_PIXELS, Request, Unavailable

HELP = "docs/own-machine.md says where a model comes from."
BYTES = {"cuda": 2, "mps": 2, "cpu": 4}
"""Of memory that a number of the weights takes: on the processor they are float32, whatever they are on disk."""
OFFLOADED = 0.8
"""As ROOM, on a card that holds a part of them at a time: FLUX.2 [klein] 4B then takes 13 GB (its model card)."""
SIDE = math.isqrt(MAX_PIXELS)
"""Pixels of the square that is painted for measuring, the largest that the painter takes."""
USUAL_SECONDS = 40
"""What the booth gives a model call (`booth.limits.MODEL_CALL_SECONDS`)."""
SLOWEST_SECONDS = 400
"""A picture may take so long: the third of a photo must begin within `booth.limits.QUEUE_SECONDS` of the first."""
LOADING_SECONDS = 1800
SHOWN_SECONDS = 10
"""Progress is shown so often."""


@dataclass(frozen=True)
class Machine:
    """Where the painter would paint: "cuda", "mps" or "cpu", what it is called, and its memory in bytes.

    A card has memory of its own, `card`; else that is 0.
    """

    device: str
    name: str
    memory: int
    card: int = 0

    def __str__(self) -> str:
        return {"cuda": f"the GPU ({self.name})", "mps": f"Apple's GPU ({self.name})"}.get(self.device, "the processor")


@dataclass(frozen=True)
class Checked:
    """A model folder that this machine can paint with: `size` in bytes of its files of weights."""

    folder: Path
    size: int
    machine: Machine
    python: Path


@dataclass(frozen=True)
class Own:
    """A painter that has painted. Whoever has it ends `process`."""

    folder: Path
    loading: float
    """Seconds until it was loaded."""
    seconds: float
    """Of a picture of SIDE x SIDE."""
    process: Painter

    @property
    def pace(self) -> str:
        """Pictures a minute, for `ImageModels`: a tenth less than measured, of two digits."""
        a_minute = 60 / (1.1 * self.seconds)
        digits = max(0, 1 - math.floor(math.log10(a_minute)))
        return f"{math.floor(a_minute * 10**digits) / 10**digits:g}"

    @property
    def more_seconds(self) -> int:
        """How much longer than usual a model call may take: loading the painter again, if it has died, another picture
        before this one, and some room.
        """
        return max(0, math.ceil(self.loading + 2 * self.seconds + 10) - USUAL_SECONDS)

    @property
    def limit(self) -> int:
        """The seconds of a request, waiting included: the booth's own limit is a little later."""
        return USUAL_SECONDS + self.more_seconds - 2


# Before anything starts


def weights_of(folder: Path) -> int:
    """How many numbers a model folder's weights have. Raises StartError if it is none, or not whole."""
    if not folder.is_dir():
        raise StartError(f"There is no folder {folder}: PAINTER= names a model folder. {HELP}")
    try:
        index = json.loads((folder / "model_index.json").read_text("utf-8"))
        name, parts = index["_class_name"], [part for part, of in index.items() if isinstance(of, list) and of[0]]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        raise StartError(f"{folder} is no model folder of diffusers: it has no model_index.json. {HELP}") from None
    if name not in PIPELINES:
        raise StartError(f"{folder} holds a {name}, which can't paint here; wanted is {' or '.join(PIPELINES)}.")
    if missing := [part for part in parts if not (folder / part).is_dir()]:
        raise StartError(f"{folder} is not whole: {missing[0]}/ is missing. {HELP}")
    wanted = {file.parent / shard for file in folder.glob("*/*.index.json") for shard in _shards(file)}
    files = wanted | set(folder.glob("*/*.safetensors"))
    if not files:
        raise StartError(f"{folder} has no weights: *.safetensors. {HELP}")
    return sum(_numbers(file) for file in sorted(files))


def _shards(index: Path) -> set[str]:
    try:
        return set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError):
        raise StartError(f"{index} can't be read: download the model again.") from None


def _numbers(file: Path) -> int:
    """How many numbers a file of weights has, by its header. Raises StartError if the file is not whole."""
    try:
        with file.open("rb") as data:
            (length,) = struct.unpack("<Q", data.read(8))
            header = json.loads(data.read(length))
        tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
        end = max((tensor["data_offsets"][1] for tensor in tensors), default=0)
        if file.stat().st_size != 8 + length + end:
            raise ValueError
        return sum(math.prod(tensor["shape"]) for tensor in tensors)
    except (OSError, ValueError, KeyError, TypeError, struct.error, MemoryError, OverflowError):
        raise StartError(f"{file} is missing or not whole: download the model again.") from None


def machine(python: Path = PAINTER_PYTHON) -> Machine:
    """Where the packages would paint. Raises StartError if they are missing or don't work."""
    what = "the painter's packages: make painter"
    if not python.exists():
        raise StartError(f"Install {what} (5 GB and more where there is an NVIDIA card; elsewhere 1 GB).")
    done = subprocess.run([python, "-m", "local.painter_probe"], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise StartError(f"Install {what}. They don't work: {lines[-1]}") from None
    return Machine(found["device"], found["name"] or platform.machine(), _memory(), found["card"])


def _memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_memory(numbers: int, folder: Path, machine: Machine) -> None:
    """Raises StartError if a model with so many numbers can't be painted with on this machine."""
    weights = numbers * BYTES[machine.device]
    of = f"for the {_gb(weights)} of weights in {folder}"
    if machine.card:
        if machine.card < OFFLOADED * weights:
            raise StartError(
                f"Painting takes {_gb(OFFLOADED * weights)} of GPU memory {of}; {machine} has {_gb(machine.card)}. "
                "PAINT_DEVICE=cpu paints on the processor, slowly."
            )
        # What is not on the card is in the machine's memory.
        needed = weights if machine.card < ROOM * weights else 0.0
    else:
        needed = ROOM * weights
    if machine.memory < needed:
        raise StartError(
            f"Painting on {machine} takes {_gb(needed)} of memory {of}; this machine has {_gb(machine.memory)}."
        )


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB"


def check(folder: Path, python: Path = PAINTER_PYTHON) -> Checked:
    """Raises StartError if the folder is no whole model, packages are missing, or there is too little memory."""
    folder = folder.resolve()
    numbers = weights_of(folder)
    where = machine(python)
    check_memory(numbers, folder, where)
    return Checked(folder, sum(file.stat().st_size for file in folder.glob("*/*.safetensors")), where, python)


# The start


def start(model: Checked, say: Callable[[str], None], log: IO[str]) -> Own:
    """Loads the painter and has it paint a picture; `log` gets what it prints. Raises StartError."""
    where = model.machine
    os.environ["PAINT_SECONDS"] = str(LOADING_SECONDS)  # for this process; the stand-ins have the booth's limit
    process = Painter(model.folder, model.python, log)
    try:
        began = time.monotonic()
        with _progress(f"Loading the painter ({_gb(model.size)}) onto {where}", say):
            process.wait(LOADING_SECONDS)
        loading = time.monotonic() - began
        slowly = ", which is slow" if where.device == "cpu" else ""
        with _progress(f"Painting a first picture on {where}{slowly}", say):
            seconds = _measured(process)
        if seconds > SLOWEST_SECONDS:
            raise StartError(
                f"A picture takes {seconds:.0f} s on {where}, and may take {SLOWEST_SECONDS} s: a photo has three of "
                "them, and its visitor waits. Use a machine with a GPU."
            )
    except (Unavailable, RuntimeError) as problem:
        process.end()
        raise StartError(f"The painter can't be started. {problem}") from problem
    except BaseException:
        process.end()
        raise
    say(
        f"The painter is ready: a picture of {SIDE} x {SIDE} takes {seconds:.1f} s on {where}, so a photo's three "
        f"pictures take {_duration(3.3 * seconds)}."
    )
    return Own(model.folder, loading, seconds, process)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def _measured(process: Painter) -> float:
    """The seconds of a picture of the largest size. Raises Unavailable."""
    mask = np.ones((SIDE, SIDE), bool)
    mask[SIDE // 3 : SIDE // 2, SIDE // 3 : SIDE // 2] = False
    pixels = np.full((SIDE, SIDE, 3), 128, np.uint8)
    return process.paint(Request(pixels, mask, "a meadow with flowers under a blue sky", 1))[1]


@contextmanager
def _progress(what: str, say: Callable[[str], None]) -> Iterator[None]:
    """Says what is being done, and every SHOWN_SECONDS how long it has taken."""
    began, ended = time.monotonic(), threading.Event()

    def show() -> None:
        while not ended.wait(SHOWN_SECONDS):
            say(f"{what} ... {time.monotonic() - began:.0f} s")

    say(f"{what} ...")
    threading.Thread(target=show, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
