"""Plays the fault matrix: `make faults`, all of it or a part, and goes on where it broke off.

Each outcome is kept as it comes, in out/faults/<commit>.jsonl, so the parts (PART=1/8 to 8/8) may be played on
different days, as long as the commit is the same. When the last cell of a commit is played, its table is written beside
that file, and docs/faults.md says when that was and which cells end otherwise than without a fault. A working tree with
changes has no commit to go on from: it begins anew each time, and leaves docs/faults.md alone.
"""

import argparse
import fnmatch
import json
import multiprocessing
import subprocess
import sys
import time
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.local.fault_matrix import (
    CRASHES,
    FAULTS,
    Cell,
    crashes,
    end_of,
    expected,
    fault_of,
    look,
    play,
    rows_of,
    whole_application,
)
from tests.local.fault_scenes import Row, scene_of

ROOT = Path(__file__).parents[2]
OUT = ROOT / "out" / "faults"
CHANGED = "-changed"
KINDS = (*FAULTS, *CRASHES)


# What was played


class Record:
    """The outcomes of one commit's cells, and how many calls its scenes make; in a file, a line each."""

    def __init__(self, file: Path):
        self.outcomes: dict[Cell, str] = {}
        self.calls: dict[Row, dict[str, int]] = {}
        """By the row with which a scene was looked at."""
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
    """The commit, in twelve digits; with `-changed` if the working tree differs from it."""
    command = ["git", "-C", root, "describe", "--always", "--abbrev=12", "--exclude=*", f"--dirty={CHANGED}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def part(text: str) -> tuple[int, int]:
    """(k, n) of "k/n". Raises ValueError."""
    k, _, n = text.partition("/")
    if not 1 <= int(k) <= int(n):
        raise ValueError(f"{text} is no part")
    return int(k), int(n)


def in_part(row: Row, k: int, n: int) -> bool:
    """Whether the cells of a row belong to part k of n: always the same rows, whichever others there are."""
    return zlib.crc32(f"{row.function} {row.action} {row.where}".encode()) % n == k - 1


# What is written


def wrong_ones(outcomes: dict[Cell, str]) -> list[Cell]:
    """The cells whose outcome is not the expected one."""
    return [cell for cell, outcome in outcomes.items() if outcome != expected(cell.row, cell.fault)]


def table(rows: list[Row], outcomes: dict[Cell, str], commit: str) -> str:
    """Every cell, in Markdown."""
    parts = [TABLE.format(cells=len(outcomes), rows=len(rows), commit=commit), WORDS]
    for function in dict.fromkeys(row.function for row in rows):
        head = ["call", *FAULTS]
        lines = [
            [f"`{row.action}` {row.where}".strip(), *(_told(outcomes, Cell(row, fault)) for fault in FAULTS)]
            for row in rows
            if row.function == function
        ]
        parts.append(f"## {function}\n\n" + _markdown(head, lines))
    lines = []
    for row in rows:
        number = max((cell.nth for cell in outcomes if cell.row == row and cell.fault in CRASHES), default=0)
        told = [{_told(outcomes, Cell(row, fault, nth)) for nth in range(1, number + 1)} for fault in CRASHES]
        if number:
            lines.append([row.function, f"`{row.action}` {row.where}".strip(), str(number), *map("; ".join, told)])
    parts.append(CRASHED + _markdown(["function", "call", "times", *CRASHES], lines))
    return "\n".join(parts)


def exceptions(rows: list[Row], outcomes: dict[Cell, str], commit: str, day: str) -> str:
    """docs/faults.md: the cells that end otherwise than without the fault, or are not as expected."""
    lines = []
    for row in rows:
        by_outcome: dict[str, list[str]] = {}
        for cell in (cell for cell in outcomes if cell.row == row):
            told = _told(outcomes, cell)
            if told.split(", ")[-1] != "right":
                by_outcome.setdefault(told, []).append(cell.fault)
        for told, faults in by_outcome.items():
            call = f"`{row.action}` {row.where}".strip()
            lines.append([row.function, call, ", ".join(dict.fromkeys(faults)), told])
    wrong = len(wrong_ones(outcomes))
    head = EXCEPTIONS.format(cells=len(outcomes), rows=len(rows), commit=commit, day=day, wrong=wrong)
    return head + WORDS + "\n" + _markdown(["function", "call", "fault", "outcome"], lines)


def _told(outcomes: dict[Cell, str], cell: Cell) -> str:
    """An outcome in a few words; in bold, if it is not the expected one."""
    if cell not in outcomes:
        return "-"
    outcome, end = outcomes[cell], end_of(cell.row)
    if outcome != expected(cell.row, cell.fault):
        return f"**{outcome}**"
    *told, last = outcome.split(", ")
    told = [each.split()[0] if each.startswith("50") else each for each in told]
    last = "right" if last == end else last.replace("SUCCEEDED by ", "").replace("FAILED ", "")
    return ", ".join(dict.fromkeys([*told, last]))


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in [head, ["---"] * len(head), *lines])


TABLE = """# What happens when a call to AWS fails: every cell

Played by `make faults` at commit {commit}: {cells} cells, each through the whole local application. A row is a call
that the template's policies allow ({rows}), a column a fault at the wire. Unexpected outcomes stand in bold.
"""

EXCEPTIONS = """# What happens when a call to AWS fails

`make faults` lets every call that the template's policies allow ({rows}; a function can make no other) meet every
fault at the wire (`local/faults.py`), and kills each function at each of its calls. Each cell is a visit, deletion or
sweep through the whole local application. [reliability.md](reliability.md) says what is checked in each.

Last played whole on {day}, at commit {commit}: {cells} cells, {wrong} wrong. Below are those that end otherwise than
without the fault; in bold those that should not. All others end right: at a door perhaps after a 503 or 500 and
another try. Made by `make faults`, whose table of all cells lies in `out/faults/`.
"""

WORDS = """
| fault | |
|---|---|
| throttled once, for long | the service's own words, once, or until the visitor asks again or the run has ended |
| 5xx, reset | once more than the SDK tries; after a reset the call has taken effect |
| read timeout | the call takes effect, no answer comes within the client's read timeout, as often as the SDK tries |
| access denied | until the visitor asks again or the run has ended |
| malformed | the call takes effect, the answer has other bytes, as often as the SDK tries |
| cut short | the connection ends in the middle of the answer |
| slow | each answer comes half a second before the read timeout |
| killed before, after | the calling process is killed before the call, or after it has taken effect |

| outcome | |
|---|---|
| right | the same end as without the fault; nobody notices |
| 503, right; 500, right | the visitor is told so, asks again and gets it; 500 when we may not do it |
| PUT 503, right | the browser's PUT fails, and goes well when it is repeated |
| by sweep, right | nobody polls; `sweep` brings it to its end |
| by /photo, right | nobody knew of the photo until somebody asked for it |
| ellipse | the faces are kept by the ellipse in their boxes, not by Segment Anything's mask |
| Throttled, AccessDenied, ... | FAILED with this code; the photo is kept for another try |
"""

CRASHED = """## Crashes

The calling process was killed at each of its calls, before the call or after it had taken effect. `times` is how many
such calls the scene makes; all of them were tried.

"""


# The command


def lane(tasks: multiprocessing.Queue, results: multiprocessing.Queue) -> None:
    """Plays cells, and looks at the scenes of rows, in an application of its own."""
    with whole_application() as booth:
        results.put((None, booth.app.stack, 0.0))
        while task := tasks.get():
            started = time.monotonic()
            result = look(booth, task) if isinstance(task, Row) else play(booth, task)
            results.put((task, result, time.monotonic() - started))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, default=4, help="applications that play at the same time (4)")
    parser.add_argument("--part", type=part, default=(1, 1), metavar="K/N", help="this part of the rows alone")
    parser.add_argument("--only", default="*", help="the rows that this matches, such as 'Photo *'")
    parser.add_argument("--faults", default="*", help="the faults that this matches, such as slow")
    arguments = parser.parse_args()
    commit = revision()
    record = Record(OUT / f"{commit}.jsonl")
    context = multiprocessing.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    lanes = [context.Process(target=lane, args=(tasks, results), daemon=True) for _ in range(arguments.lanes)]
    for each in lanes:
        each.start()
    _, stack, _ = results.get()
    rows = rows_of(stack)
    mine = [
        row
        for row in rows
        if in_part(row, *arguments.part)
        and fnmatch.fnmatchcase(f"{row.function} {row.action} {row.where}", arguments.only)
    ]

    if not any(
        fault_of(row, fault) and fnmatch.fnmatchcase(fault, arguments.faults) for row in mine for fault in KINDS
    ):
        print("There is no such cell.", file=sys.stderr)
        return 1

    def wanted(cells: Iterable[Cell]) -> list[Cell]:
        return [
            cell for cell in cells if fnmatch.fnmatchcase(cell.fault, arguments.faults) and cell not in record.outcomes
        ]

    to_do: list[Row | Cell] = [*_looks(mine, arguments.faults, record), *wanted(_cells(mine))]
    to_do += wanted(_crash_cells(mine, record))
    for task in to_do:
        tasks.put(task)
    played = 0
    while to_do:
        task, result, seconds = results.get()
        if task is None:
            continue
        to_do.remove(task)
        record.keep(task, result)
        if isinstance(task, Row):
            more = [cell for cell in wanted(_crash_cells(mine, record)) if cell not in to_do]
            to_do += more
            for cell in more:
                tasks.put(cell)
            continue
        played += 1
        right = result == expected(task.row, task.fault)
        print(
            f"{played:4} of {played + len(to_do)}  {'ok   ' if right else 'WRONG'} {seconds:4.0f} s  "
            f"{task.row.function} {task.row.action} {task.row.where} | {task.fault} {task.nth} | {result}"
            + ("" if right else f" | expected: {expected(task.row, task.fault)}"),
            flush=True,
        )
    for _ in lanes:
        tasks.put(None)
    for each in lanes:
        each.join()
    wrong = wrong_ones(record.outcomes)
    print(f"{played} cells played now, {len(record.outcomes)} at {commit}; {len(wrong)} of them wrong")
    if not _looks(rows, "*", record) and not {*_cells(rows), *_crash_cells(rows, record)} - record.outcomes.keys():
        (OUT / f"{commit}.md").write_text(table(rows, record.outcomes, commit), "utf-8")
        print(f"All cells of {commit} are played: {OUT / f'{commit}.md'}")
        if CHANGED not in commit:
            day = datetime.now(UTC).date().isoformat()
            (ROOT / "docs" / "faults.md").write_text(exceptions(rows, record.outcomes, commit, day), "utf-8")
    return 1 if wrong else 0


def _cells(rows: list[Row]) -> list[Cell]:
    """The cells of these rows but for the crashes; the longest first."""
    cells = [Cell(row, fault) for row in rows for fault in FAULTS if fault_of(row, fault)]
    return sorted(cells, key=lambda cell: cell.fault not in ("read timeout", "slow"))


def _by_scene(rows: list[Row]) -> dict[object, list[Row]]:
    """The rows that meet crashes, by their scene."""
    scenes: dict[object, list[Row]] = {}
    for row in rows:
        if any(fault_of(row, fault) for fault in CRASHES):
            scenes.setdefault(scene_of(row), []).append(row)
    return scenes


def _looks(rows: list[Row], faults: str, record: Record) -> list[Row]:
    """A row of each scene whose calls are not counted yet, if crashes are wanted."""
    if not any(fnmatch.fnmatchcase(fault, faults) for fault in CRASHES):
        return []
    known = {scene_of(row) for row in record.calls}
    return [group[0] for scene, group in _by_scene(rows).items() if scene not in known]


def _crash_cells(rows: list[Row], record: Record) -> list[Cell]:
    """The crashes of these rows, as far as the calls of their scenes are counted."""
    calls = {scene_of(row): counted for row, counted in record.calls.items()}
    return [cell for scene, group in _by_scene(rows).items() if scene in calls for cell in crashes(group, calls[scene])]


if __name__ == "__main__":
    sys.exit(main())
