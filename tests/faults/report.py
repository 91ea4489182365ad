"""The tables: every cell of a commit, and docs/faults.md."""

from tests.faults.calls import Row
from tests.faults.kinds import CRASHES, FAULTS, Cell
from tests.faults.outcomes import end_of, expected


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
that the template's policies allow ({rows}; the SAM endpoint's has two, `keep` is for heads and whole people;
GenerateImage's is the endpoint that paints), a column
a fault at the wire. Unexpected outcomes stand in bold.
"""


EXCEPTIONS = """# What happens when a call to AWS fails

`make faults` lets every call that the template's policies allow ({rows}, the SAM endpoint's for faces and for whole
people apart; a function can make no other) meet every fault at the wire ([their
words](reliability.md#the-words-for-a-fault)), and kills each function at each of its calls. Each cell is a visit,
deletion or sweep through the whole local application. [reliability.md](reliability.md) says what is checked in each.

Last played whole on {day}, at commit {commit}: {cells} cells, {wrong} wrong. Below are those that end otherwise than
without the fault; in bold those that should not. All others end right: at an entry point perhaps after a 503 or 500 and
another try. Made by `make faults`, whose table of all cells lies in `out/faults/`.
"""


WORDS = """
| fault | |
|---|---|
| throttled once, for long | the service's own words, once, or until the visitor asks again or the run has ended |
| broken, reset | once more than the SDK tries; after a reset the call has taken effect |
| hang | the call takes effect, no answer comes within the client's read timeout, as often as the SDK tries |
| denied | until the visitor asks again or the run has ended |
| malformed | the call takes effect, the answer has other bytes, as often as the SDK tries |
| cut | the connection ends in the middle of the answer |
| slow | each answer comes half a second before the read timeout |
| unknown once, for long | a model's refusal in words that nobody knows, once, or until the run has ended |
| killed before, after | the calling process is killed before the call, or after it has taken effect |

| outcome | |
|---|---|
| right | the same end as without the fault; nobody notices |
| 503, right; 500, right | the visitor is told so, asks again and gets it; 500 when we may not do it |
| PUT 503, right | the browser's PUT fails, and goes well when it is repeated |
| by sweep, right | nobody polls; `sweep` brings it to its end |
| by /photo, right | nobody knew of the photo until somebody asked for it |
| for staff; undecided | a picture for the wall waits for staff, or isn't shown; its visitor has it all the same |
| ellipse | the faces are kept by the ellipse in their boxes, not by Segment Anything's mask |
| face | the faces alone are kept, where whole people were to be |
| PARTIAL | a picture is missing: its model stands alone in the chain, so nobody is left for it |
| Throttled, AccessDenied, ... | FAILED with this code; the photo is kept for another try |
"""


CRASHED = """## Crashes

The calling process was killed at each of its calls, before the call or after it had taken effect. `times` is how many
such calls the scenario makes; all of them were tried.

"""
