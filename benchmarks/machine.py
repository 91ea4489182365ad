"""The machine and the day on which figures were taken, as a line under each table of docs/performance.md."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def line() -> str:
    """For example: `2026-05-01, x86_64 (AMD EPYC), 2 cores, Python 3.11.7, load 0.1`."""
    load = os.getloadavg()[0]
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    cores = f"{os.cpu_count()} cores"
    return f"{day}, {platform.machine()} ({_processor()}), {cores}, Python {platform.python_version()}, load {load:.1f}"


def _processor() -> str:
    for entry in Path("/proc/cpuinfo").read_text().splitlines():
        if entry.startswith("model name"):
            return entry.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
