"""The application's AWS calls, processes, memory and processor time, sampled every second."""

import os
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local.app import App

SAMPLE_SECONDS = 1.0


@dataclass(frozen=True)
class Sample:
    """The application at one time."""

    time: float
    """Seconds since the epoch."""
    requests: Counter[tuple[str, str]]
    """AWS calls so far, by the function's logical id and IAM action."""
    log_bytes: int
    """Size of the functions' log."""
    processes: dict[str, list[int]]
    """Resident bytes of each process, by the function's logical id; also "emulator", "stand-ins", "visitors"."""
    cpu: dict[str, float]
    """Processor seconds so far, by the same names, ended processes included."""
    busy: dict[str, int]
    """Processes that are running an invocation, by the function's logical id."""


class Sampler:
    """Takes a sample every SAMPLE_SECONDS, as a context manager. Linux only: it reads /proc."""

    def __init__(self, app: App):
        self._app = app
        self._functions = {function.name: name for name, function in app.stack.functions.items()}
        self._cpu: dict[int, tuple[str, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._take_samples)
        self.samples: list[Sample] = []
        self.peaks: Counter[str] = Counter()
        """Peak resident bytes of any one process, by the names of `Sample.processes`."""

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _take_samples(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.samples.append(self._sample())

    def _sample(self) -> Sample:
        resident = defaultdict(list)
        for pid, name in self._processes():
            try:
                status = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()))
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except (OSError, KeyError):
                continue  # it has ended meanwhile
            if status:
                resident[name].append(int(status["VmRSS"]) * 1024)
                self.peaks[name] = max(self.peaks[name], int(status["VmHWM"]) * 1024)
            self._cpu[pid] = name, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        cpu = Counter()
        for name, seconds in self._cpu.values():
            cpu[name] += seconds
        return Sample(
            time.time(),
            Counter(self._app.authority.counts),
            self._app.log_path.stat().st_size,
            dict(resident),
            dict(cpu),
            {name: self._app.busy(name) for name in self._functions.values()},
        )

    def _processes(self) -> Iterable[tuple[int, str]]:
        """Id and name of every process of the application."""
        workers = {pid: name for name in self._functions.values() for pid in self._app.processes(name)}
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        for pid in parents:
            above = pid
            while above not in (0, os.getpid()):
                above = parents.get(above, 0)
            if above and (name := workers.get(pid) or self._name(pid)):
                yield pid, name

    def _name(self, pid: int) -> str:
        """The name of a process that runs no function; empty if it is none of the application's."""
        if pid == os.getpid():
            return "emulator"
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        kinds = {b"forkserver": "fork servers", b"local.standins": "stand-ins", b"spawn_main": "visitors"}
        return next((name for part, name in kinds.items() if part in command), "")
