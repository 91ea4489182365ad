"""Which cells there are, and which of them a command is to play."""

import fnmatch
import zlib

from tests.faults.calls import Row
from tests.faults.kinds import CRASHES, FAULTS, Cell, fault_of
from tests.faults.record import Record
from tests.faults.scenarios import scenario_of

KINDS = (*FAULTS, *CRASHES)


def part(text: str) -> tuple[int, int]:
    """(k, n) of "k/n". Raises ValueError."""
    k, _, n = text.partition("/")
    if not 1 <= int(k) <= int(n):
        raise ValueError(f"{text} is no part")
    return int(k), int(n)


def in_part(row: Row, k: int, n: int) -> bool:
    """Whether the cells of a row belong to part k of n: always the same rows, whichever others there are."""
    return zlib.crc32(f"{row.function} {row.action} {row.where}".encode()) % n == k - 1


def crashes(rows: list[Row], calls: dict[str, int]) -> list[Cell]:
    """Each call of these rows that their scenario makes, killed before and after it."""
    cells = []
    for row in rows:
        times = sum(times for line, times in calls.items() if fnmatch.fnmatchcase(line, row.match))
        if row.function == "Sweep" and row.action in ("dynamodb:Query", "s3:GetObject", "states:StartExecution"):
            times = 1  # sweeps repeat them as long as they wait, and two may be at work
        cells += [Cell(row, fault, nth) for nth in range(1, times + 1) for fault in CRASHES if fault_of(row, fault)]
    return cells


def cells_of(rows: list[Row]) -> list[Cell]:
    """The cells of these rows but for the crashes; the longest first."""
    cells = [Cell(row, fault) for row in rows for fault in FAULTS if fault_of(row, fault)]
    return sorted(cells, key=lambda cell: cell.fault not in ("hang", "slow"))


def _by_scenario(rows: list[Row]) -> dict[object, list[Row]]:
    """The rows that meet crashes, by their scenario."""
    scenarios: dict[object, list[Row]] = {}
    for row in rows:
        if any(fault_of(row, fault) for fault in CRASHES):
            scenarios.setdefault(scenario_of(row), []).append(row)
    return scenarios


def _baselines(rows: list[Row], faults: str, record: Record) -> list[Row]:
    """A row of each scenario whose calls are not counted yet, if crashes are wanted."""
    if not any(fnmatch.fnmatchcase(fault, faults) for fault in CRASHES):
        return []
    known = {scenario_of(row) for row in record.calls}
    return [group[0] for scenario, group in _by_scenario(rows).items() if scenario not in known]


def crash_cells(rows: list[Row], record: Record) -> list[Cell]:
    """The crashes of these rows, as far as the calls of their scenarios are counted."""
    calls = {scenario_of(row): counted for row, counted in record.calls.items()}
    return [
        cell
        for scenario, group in _by_scenario(rows).items()
        if scenario in calls
        for cell in crashes(group, calls[scenario])
    ]
