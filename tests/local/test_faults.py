"""Some cells of the fault matrix, one of each kind at least; `make faults` plays all of them."""

import pytest

from tests.faults.application import PARAMETERS, short_waits, signed_in
from tests.faults.calls import READ_BY_UPLOAD, WHOLE_PHOTO, Row, rows_of
from tests.faults.kinds import Cell
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
    Cell(Row("Steer", "s3:PutObject", "page/event.json"), "reset"),
    Cell(READ_BY_UPLOAD, "throttled for long"),
    Cell(Row("Photo", "dynamodb:GetItem"), "malformed"),
    Cell(Row("Photo", "states:StartExecution"), "broken"),
    Cell(Row("Photo", "ssm:GetParameter"), "throttled once"),
    Cell(Row("Start", "states:StartExecution"), "killed after"),
    Cell(Row("DetectFaces", "s3:GetObjectVersion", "uploads"), "malformed"),
    Cell(Row("DetectFaces", "rekognition:DetectFaces"), "throttled for long"),
    Cell(Row("CropFaces", "s3:GetObject", "results/work"), "cut"),
    Cell(Row("CropFaces", "s3:GetObject", "results/work"), "denied"),
    Cell(Row("SegmentCrop", "sagemaker:InvokeEndpoint"), "broken"),
    Cell(Row("SegmentCrop", "sagemaker:InvokeEndpoint"), "unknown once"),
    Cell(WHOLE_PHOTO, "broken"),
    Cell(WHOLE_PHOTO, "malformed"),
    Cell(WHOLE_PHOTO, "killed after"),
    Cell(Row("MergeMasks", "dynamodb:UpdateItem"), "hang"),
    Cell(Row("GenerateImage", "bedrock:InvokeModel"), "unknown once"),
    Cell(Row("GenerateImage", "bedrock:InvokeModel"), "unknown for long"),
    Cell(Row("GenerateImage", "s3:PutObject", "results/photo"), "reset"),
    Cell(Row("GenerateImage", "s3:PutObject", "results/photo"), "killed after"),
    Cell(Row("ModeratePicture", "s3:PutObject", "results/photo"), "killed after"),
    Cell(Row("ModeratePicture", "rekognition:DetectModerationLabels"), "throttled for long"),
    Cell(Row("ModeratePicture", "dynamodb:UpdateItem"), "denied"),
    Cell(Row("Finish", "dynamodb:UpdateItem"), "killed after"),
    Cell(Row("PhotoMachine", "lambda:InvokeFunction", "photo-booth-generateimage"), "throttled once"),
    Cell(Row("DeletePhoto", "cloudfront:CreateInvalidation"), "broken"),
    Cell(Row("HidePhoto", "s3:PutObjectTagging", "results/photo"), "killed after"),
    Cell(Row("HidePhoto", "cloudfront:CreateInvalidation"), "throttled for long"),
    Cell(Row("Staff", "dynamodb:GetItem"), "cut"),
    Cell(Row("Wall", "dynamodb:Query"), "throttled for long"),
    Cell(Row("LeaveWall", "cloudfront:CreateInvalidation"), "throttled for long"),
    Cell(Row("LeaveWall", "s3:DeleteObject", "results/photo"), "killed before"),
    Cell(Row("DeletePhoto", "ssm:GetParameter"), "throttled for long"),
    Cell(Row("DeletePhoto", "s3:DeleteObject", "results/photo"), "slow"),
    Cell(Row("Sweep", "dynamodb:UpdateItem"), "killed before"),
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


def test_the_cells_that_are_played_here_are_cells_of_the_matrix(booth):
    assert {cell.row for cell in CELLS} <= set(rows_of(booth.app.stack))
