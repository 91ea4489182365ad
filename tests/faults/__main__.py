"""Plays the fault matrix: `make faults`, all of it or a part, and goes on where it broke off.

Rows are the calls that the template's policies allow: a function can make no other. Columns are faults at the wire
(`local/faults.py`). A cell is a whole visit, deletion or sweep through the whole application in which that call meets
that fault; `outcomes.expected` names its outcome. Beside the table: each function killed at each of its calls. Only the
waits of the state machine's Retry are shorter here. The clients' read timeouts are theirs.

Each outcome is kept as it comes, in out/faults/<commit>.jsonl, so the parts (PART=1/8 to 8/8) may be played on
different days, as long as the commit is the same. When the last cell of a commit is played, its table is written beside
that file, and docs/faults.md says when that was and which cells end otherwise than without a fault. A working tree with
changes has no commit to go on from: it begins anew each time, and leaves docs/faults.md alone.
"""

import argparse
import fnmatch
import multiprocessing
import queue
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tests.faults.application import stack
from tests.faults.calls import Row, rows_of
from tests.faults.cells import KINDS, _baselines, cells_of, crash_cells, in_part, part
from tests.faults.kinds import Cell, fault_of
from tests.faults.outcomes import expected
from tests.faults.play import lane
from tests.faults.record import CHANGED, OUT, ROOT, Record, revision
from tests.faults.report import exceptions, table, wrong_ones


def next_result(results: Any, lanes: list[Any]) -> Any:
    """The next result of the lanes. Raises RuntimeError: a lane has died, and its cell would be waited for in vain."""
    while True:
        try:
            return results.get(timeout=5)
        except queue.Empty:
            if dead := [each.exitcode for each in lanes if not each.is_alive()]:
                raise RuntimeError(f"a lane died with exit code {dead[0]}") from None


def put_all(tasks: Any, what: Iterable[Row | Cell | None]) -> None:
    for each in what:
        tasks.put(each)


def name(row: Row) -> str:
    return f"{row.function} {row.action} {row.where}"


def outcome(cell: Cell, result: str, seconds: float) -> str:
    """A line about a cell that was played."""
    wanted = expected(cell.row, cell.fault)
    right = result == wanted
    return (
        f"{'ok   ' if right else 'WRONG'} {seconds:4.0f} s  "
        f"{name(cell.row)} | {cell.fault} {cell.nth} | {result}" + ("" if right else f" | expected: {wanted}")
    )


def write_table(rows: list[Row], record: Record, commit: str) -> None:
    """Writes the commit's table, and docs/faults.md, if all of its cells are played."""
    if _baselines(rows, "*", record) or {*cells_of(rows), *crash_cells(rows, record)} - record.outcomes.keys():
        return
    (OUT / f"{commit}.md").write_text(table(rows, record.outcomes, commit), "utf-8")
    print(f"All cells of {commit} are played: {OUT / f'{commit}.md'}")
    if CHANGED not in commit:
        day = datetime.now(UTC).date().isoformat()
        (ROOT / "docs" / "faults.md").write_text(exceptions(rows, record.outcomes, commit, day), "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, default=4, help="applications that play at the same time (4)")
    parser.add_argument("--part", type=part, default=(1, 1), metavar="K/N", help="this part of the rows alone")
    parser.add_argument("--only", default="*", help="the rows that this matches, such as 'Photo *'")
    parser.add_argument("--faults", default="*", help="the faults that this matches, such as slow")
    arguments = parser.parse_args()
    commit = revision()
    record = Record(OUT / f"{commit}.jsonl")
    rows = rows_of(stack())
    mine = [row for row in rows if in_part(row, *arguments.part) and fnmatch.fnmatchcase(name(row), arguments.only)]
    faults = fnmatch.filter(KINDS, arguments.faults)
    if not any(fault_of(row, fault) for row in mine for fault in faults):
        print("There is no such cell.", file=sys.stderr)
        return 1

    def wanted(cells: Iterable[Cell]) -> list[Cell]:
        return [
            cell for cell in cells if fnmatch.fnmatchcase(cell.fault, arguments.faults) and cell not in record.outcomes
        ]

    context = multiprocessing.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    tasks.cancel_join_thread()  # Ctrl-C: it would wait until lanes that are gone have taken all tasks
    lanes = [context.Process(target=lane, args=(tasks, results), daemon=True) for _ in range(arguments.lanes)]
    for each in lanes:
        each.start()
    to_do: list[Row | Cell] = [*_baselines(mine, arguments.faults, record), *wanted(cells_of(mine))]
    to_do += wanted(crash_cells(mine, record))
    put_all(tasks, to_do)
    played = 0
    while to_do:
        task, result, seconds = next_result(results, lanes)
        to_do.remove(task)
        record.keep(task, result)
        if isinstance(task, Row):
            more = [cell for cell in wanted(crash_cells(mine, record)) if cell not in to_do]
            to_do += more
            put_all(tasks, more)
            continue
        played += 1
        print(f"{played:4} of {played + len(to_do)}  {outcome(task, result, seconds)}", flush=True)
    put_all(tasks, [None] * len(lanes))
    for each in lanes:
        each.join()
    wrong = wrong_ones(record.outcomes)
    print(f"{played} cells played now, {len(record.outcomes)} at {commit}; {len(wrong)} of them wrong")
    write_table(rows, record, commit)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
