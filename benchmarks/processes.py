"""What the processes of the local application's functions use, as /proc tells (Linux)."""

import os
from collections.abc import Iterator
from pathlib import Path


def cpu_seconds(module: str) -> float:
    """Processor time of all living processes of a function, by its module."""
    ticks = 0
    for folder in _of(module):
        ticks += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mb(module: str) -> float:
    """The most memory that one process of a function has held."""
    peaks = [0.0]
    for folder in _of(module):
        for line in (folder / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peaks.append(int(line.split()[1]) / 1024)
    return max(peaks)


def _of(module: str) -> Iterator[Path]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended in between
        if int(stat[1]) == os.getpid() and command.endswith(f"\0{module}.handler\0".encode()):
            yield folder
