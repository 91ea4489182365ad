"""What was played at a commit, kept as it comes."""

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

from tests.faults.calls import Row
from tests.faults.kinds import Cell

ROOT = Path(__file__).parents[2]
OUT = ROOT / "out" / "faults"
CHANGED = "-changed"


class Record:
    """The outcomes of one commit's cells, and how many calls its scenarios make; in a file, a line each."""

    def __init__(self, file: Path):
        self.outcomes: dict[Cell, str] = {}
        self.calls: dict[Row, dict[str, int]] = {}
        """By the row with which a scenario was looked at."""
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        if CHANGED in file.name:
            file.unlink(missing_ok=True)
        if file.exists():
            for line in file.read_text("utf-8").splitlines():
                self._read(json.loads(line))

    def _read(self, line: dict) -> None:
        row = Row(**line["row"])
        if "calls" in line:
            self.calls[row] = line["calls"]
        else:
            self.outcomes[Cell(row, line["fault"], line["nth"])] = line["outcome"]

    def keep(self, task: Row | Cell, result: str | dict[str, int]) -> None:
        """Notes a result at once: whatever ends the command, it need not be played again."""
        if isinstance(task, Row):
            line = {"row": asdict(task), "calls": result}
        else:
            line = {"row": asdict(task.row), "fault": task.fault, "nth": task.nth, "outcome": result}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._read(line)


def revision(root: Path = ROOT) -> str:
    """The commit, in twelve digits; with `-changed` if the working tree differs from it, or nobody knows."""
    command = ["git", "-C", root, "describe", "--always", "--abbrev=12", "--exclude=*", f"--dirty={CHANGED}"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return f"unknown{CHANGED}"
