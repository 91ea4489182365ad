"""The matrix's rows: the calls that the template's policies allow. A function can make no other."""

import json
from dataclasses import dataclass

from local.iam import as_list

STEPS = ("DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "Admit", "GenerateImage", "ModeratePicture")


@dataclass(frozen=True, order=True)
class Row:
    """A call: the function (logical id), the action, and for S3 the bucket and folder, for Lambda the function."""

    function: str
    action: str
    where: str = ""

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]

    @property
    def match(self) -> str:
        """As `local.faults` wants it."""
        return f"{self.function} {self.action} *{self.where.replace('/', '*/')}*"


BROWSERS_PUT = Row("Upload", "s3:PutObject", "uploads")
"""The PUT through the presigned URL, which Upload has signed."""

WHOLE_PHOTO = Row("SegmentCrop", "sagemaker:InvokeEndpoint", "keep")
"""The call for what is more than the faces (`keep`): of a run's calls to the endpoint the one that no crop is in."""


PAINTING = Row("GenerateImage", "sagemaker:InvokeEndpoint")
"""The call of the endpoint that paints."""

READ_BY_UPLOAD = Row("Upload", "s3:GetObject", "page/event.json")
READ_BY_AGAIN = Row("PaintAgain", "s3:GetObject", "page/event.json")
"""What staff have set, which is kept while a function is warm."""

# Allowed, but never a call of its own.
NO_CALL = {
    Row(function, "s3:ListBucket", "uploads"): "only lets S3 say 404 of a photo that is not there"
    for function in ("Upload", "PaintAgain", "Photo", "DeletePhoto", "Sweep", "DetectFaces")
}
NO_CALL |= {
    Row(function, "s3:ListBucket", "page"): "only lets S3 say 404 where staff have set nothing"
    for function in ("Upload", "PaintAgain", "Steer")
}
NO_CALL[Row("GenerateImage", "s3:ListBucket", "results")] = (
    "lets S3 say 404 of files that were deleted in the milliseconds between the look at the run and the reading of all "
    "its files: tests/local/test_deletion.py tries random moments"
)
NO_CALL[Row("ModeratePicture", "s3:ListBucket", "results")] = (
    "lets S3 say 404 of a picture that was deleted in the milliseconds since the look at the run"
)


def rows_of(stack) -> list[Row]:
    """Every call that the template's policies allow its functions, and the invocations by its state machine."""
    rows = {
        Row(function, action, _where(resource))
        for function, statements in stack.policies.items()
        for statement in statements
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    } | {WHOLE_PHOTO}
    order = list(stack.functions)
    machine = json.dumps(stack.state_machines["PhotoMachine"].definition)
    names = [function.name for function in stack.functions.values() if f":{function.name}" in machine]
    return sorted(rows - NO_CALL.keys(), key=lambda row: (order.index(row.function), row)) + [
        Row("PhotoMachine", "lambda:InvokeFunction", name) for name in names
    ]


def _where(resource: str) -> str:
    if not resource.startswith("arn:aws:s3:::"):
        return ""
    bucket, _, key = resource.partition("/")
    if "uploads" in bucket:
        return "uploads"
    if "page" in bucket:
        return f"page/{key}" if key else "page"
    return f"results/{key.partition('/')[0]}" if key else "results"
