"""What processes use, as /proc tells (Linux)."""

import os
from collections.abc import Iterable
from pathlib import Path


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of processes and of the children that they have waited for; those that have ended count nothing.

    See proc(5), stat.
    """
    ticks = 0
    for stat in _read(pids, "stat"):
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))  # user, system, children's user and system
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mb(pids: Iterable[int]) -> float:
    """The most memory that one of the processes has held."""
    lines = [line for status in _read(pids, "status") for line in status.splitlines()]
    return max((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), default=0.0)


def _read(pids: Iterable[int], name: str) -> Iterable[str]:
    for pid in pids:
        try:
            yield Path(f"/proc/{pid}/{name}").read_text()
        except OSError:
            continue  # it has ended in between
