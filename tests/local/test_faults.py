"""Cells of the fault matrix, of each kind of fault and each kind of outcome; `make faults` plays all of them."""

import pytest

from tests.faults.application import PARAMETERS, short_waits, signed_in
from tests.faults.calls import WHOLE_PHOTO, Row, rows_of
from tests.faults.kinds import CRASHES, FAULTS, Cell
from tests.faults.outcomes import expected
from tests.faults.play import play
from tests.faults.scenarios import scenario_of
from tests.support.booth import Booth


@pytest.fixture(scope="module")
def booth(app):
    app.redeploy(**PARAMETERS)
    with short_waits():
        yield signed_in(Booth(app))
    app.redeploy()
    assert not app.calls("refused")


CELLS = [
    Cell(Row("Upload", "s3:PutObject", "uploads"), "reset"),
    Cell(Row("Photo", "dynamodb:GetItem"), "malformed"),
    Cell(Row("Start", "states:StartExecution"), "killed after"),
    Cell(Row("DetectFaces", "s3:GetObjectVersion", "uploads"), "malformed"),
    Cell(Row("DetectFaces", "rekognition:DetectFaces"), "throttled for long"),
    Cell(Row("CropFaces", "s3:GetObject", "results/work"), "cut"),
    Cell(Row("CropFaces", "s3:GetObject", "results/work"), "denied"),
    Cell(Row("SegmentCrop", "sagemaker:InvokeEndpoint"), "unknown once"),
    Cell(WHOLE_PHOTO, "broken"),
    Cell(Row("MergeMasks", "dynamodb:UpdateItem"), "hang"),
    Cell(Row("MergeMasks", "dynamodb:UpdateItem"), "slow"),
    Cell(Row("GenerateImage", "bedrock:InvokeModel"), "unknown for long"),
    Cell(Row("GenerateImage", "s3:PutObject", "results/photo"), "reset"),
    Cell(Row("ModeratePicture", "rekognition:DetectModerationLabels"), "throttled for long"),
    Cell(Row("ModeratePicture", "dynamodb:UpdateItem"), "denied"),
    Cell(Row("PhotoMachine", "lambda:InvokeFunction", "photo-booth-generateimage"), "throttled once"),
    Cell(Row("DeletePhoto", "cloudfront:CreateInvalidation"), "broken"),
    Cell(Row("Steer", "s3:PutObject", "page/event.json"), "reset"),
    Cell(Row("Staff", "dynamodb:GetItem"), "cut"),
    Cell(Row("Wall", "dynamodb:Query"), "throttled for long"),
    Cell(Row("Sweep", "dynamodb:UpdateItem"), "killed before"),
    Cell(Row("HidePhoto", "cloudfront:CreateInvalidation"), "throttled for long"),
    Cell(Row("LeaveWall", "s3:DeleteObject", "results/photo"), "killed before"),
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.row.function} {cell.row.action} {cell.fault}")
def test_a_fault_has_the_outcome_that_is_named(booth, cell):
    assert play(booth, cell) == expected(cell.row, cell.fault)


def test_every_call_that_is_allowed_has_its_row_and_scene(booth):
    """A function can call nothing else: a call that is refused fails the tests of this folder."""
    rows = rows_of(booth.app.stack)
    assert {row.function for row in rows} == {*booth.app.stack.functions, "PhotoMachine"} - {"ListScenes"}
    for row in rows:
        assert scenario_of(row)


def test_each_kind_of_fault_is_played_here_in_cells_of_the_matrix(booth):
    assert {cell.fault for cell in CELLS} == {*FAULTS, *CRASHES}
    assert {cell.row for cell in CELLS} <= set(rows_of(booth.app.stack))
