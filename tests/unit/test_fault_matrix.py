"""The fault matrix is played in parts, and goes on where it broke off."""

import queue
import subprocess
from types import SimpleNamespace

import pytest

from booth import limits
from tests.faults.__main__ import next_result
from tests.faults.application import stack
from tests.faults.calls import PAINTING, Row, rows_of
from tests.faults.cells import in_part, part
from tests.faults.kinds import Cell, fault_of
from tests.faults.outcomes import expected
from tests.faults.record import Record, revision
from tests.faults.report import exceptions
from tests.faults.scenarios import scenario_of

ROWS = [
    Row("Photo", "dynamodb:GetItem"),
    Row("Start", "states:StartExecution"),
    Row("DetectFaces", "s3:PutObject", "results/work"),
]
CELL = Cell(ROWS[0], "slow")


def test_what_was_played_is_known_when_the_command_is_started_again(tmp_path):
    file = tmp_path / "faults" / "abc.jsonl"
    record = Record(file)
    record.keep(CELL, "503, SUCCEEDED")
    record.keep(Cell(ROWS[2], "killed after", 2), "SUCCEEDED")
    record.keep(ROWS[1], {"Start states:StartExecution ": 1})
    again = Record(file)
    assert again.outcomes == {CELL: "503, SUCCEEDED", Cell(ROWS[2], "killed after", 2): "SUCCEEDED"}
    assert again.calls == {ROWS[1]: {"Start states:StartExecution ": 1}}


def test_a_changed_working_tree_begins_anew(tmp_path):
    file = tmp_path / "abc-changed.jsonl"
    Record(file).keep(CELL, "SUCCEEDED")
    assert Record(file).outcomes == {}


def test_every_row_is_in_one_part():
    rows = [Row(f"F{number}", "s3:GetObject", "uploads") for number in range(200)]
    for row in rows:
        assert sum(in_part(row, k, 8) for k in range(1, 9)) == 1
    shares = [sum(in_part(row, k, 8) for row in rows) for k in range(1, 9)]
    assert all(shares)


@pytest.mark.parametrize("text", ["", "1", "0/8", "9/8", "a/b", "1/"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ValueError):
        part(text)


@pytest.mark.starts
def test_the_commit_is_named_and_that_the_tree_has_changed(tmp_path):
    def git(*command):
        author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        return subprocess.run(
            ["git", "-C", tmp_path, *author, *command], capture_output=True, text=True, check=True
        ).stdout

    git("init", "-q")
    (tmp_path / "a").write_text("a")
    git("add", "a")
    git("commit", "-qm", "a")
    commit = git("rev-parse", "HEAD")[:12]
    assert revision(tmp_path) == commit
    (tmp_path / "a").write_text("b")
    assert revision(tmp_path) == commit + "-changed"


def test_the_document_names_the_cells_that_end_otherwise_and_the_commit():
    outcomes = {
        Cell(ROWS[0], "slow"): "SUCCEEDED",
        Cell(ROWS[0], "broken"): "503 ServiceUnavailable, SUCCEEDED",
        Cell(ROWS[2], "denied"): "FAILED AccessDenied",
        Cell(ROWS[2], "slow"): "a picture is missing",
    }
    text = exceptions(ROWS, outcomes, "abc", "2026-11-28")
    assert "on 2026-11-28, at commit abc: 4 cells, 1 wrong" in text
    assert "| DetectFaces | `s3:PutObject` results/work | denied | AccessDenied |" in text
    assert "| DetectFaces | `s3:PutObject` results/work | slow | **a picture is missing** |" in text
    assert "| Photo |" not in text, "they end right"


def test_a_lane_that_has_died_is_not_waited_for():
    class Empty(queue.Queue):
        def get(self, timeout):
            return super().get(timeout=0)

    dead, alive = (SimpleNamespace(exitcode=code, is_alive=lambda code=code: code is None) for code in (-9, None))
    with pytest.raises(RuntimeError, match="exit code -9"):
        next_result(Empty(), [alive, dead])
    results = Empty()
    results.put("a result that came before")
    assert next_result(results, [dead]) == "a result that came before"


def test_the_endpoint_that_paints_has_cells_of_its_own():
    """It is called in a chain of its own, and waited for as long as Bedrock."""
    assert PAINTING in rows_of(stack())
    assert scenario_of(PAINTING).__name__ == "a_visit_at_the_endpoint"
    assert fault_of(PAINTING, "slow")["seconds"] == limits.MODEL_CALL_SECONDS - 0.5
    assert {fault: expected(PAINTING, fault) for fault in ("reset", "denied", "unknown once", "unknown for long")} == {
        "reset": "SUCCEEDED",
        "denied": "FAILED ModelsUnavailable",
        "unknown once": "PARTIAL",
        "unknown for long": "FAILED NoModelLeft",
    }
