"""What a visitor sees of which fault."""

from tests.faults.calls import BROWSERS_PUT, PAINTING, READ_BY_AGAIN, READ_BY_UPLOAD, STEPS, WHOLE_PHOTO, Row
from tests.faults.kinds import CRASHES, LASTING
from tests.faults.scenarios import (
    AFTER_THE_END,
    a_foreign_photo,
    a_photo_kept_for_another_try,
    a_visit,
    a_visit_for_the_wall,
    an_old_upload,
    an_overdue_run,
    no_face,
    scenario_of,
)

API_FUNCTIONS = ("Upload", "PaintAgain", "Photo", "DeletePhoto", "Staff", "HidePhoto", "Steer")
API_FUNCTIONS += ("Wall", "LeaveWall", "StaffWall", "DecidePicture")


def end_of(row: Row) -> str:
    """How a row's scenario ends without a fault."""
    scenario = scenario_of(row)
    if scenario.__name__.startswith("a_deletion"):
        return "DELETED"
    if scenario in (an_overdue_run, *AFTER_THE_END):
        return "FAILED TimedOut"
    other = {an_old_upload: "gone", no_face: "FAILED NoFaceFound", a_photo_kept_for_another_try: "FAILED AccessDenied"}
    return other.get(scenario, "SUCCEEDED")


def expected(row: Row, fault: str) -> str:
    """The outcome that a cell is to have."""
    scenario, end = scenario_of(row), end_of(row)
    lasts = fault in LASTING
    if row.function in API_FUNCTIONS:
        return _at_a_door(row, fault) + end
    if row.function == "Start" and lasts:
        return {a_foreign_photo: "by /photo, ", a_visit: "by sweep, "}.get(scenario, "") + end
    if row.function == "PhotoMachine":
        return _of_an_invocation(row, fault)
    if scenario is a_visit_for_the_wall:  # the visitor's pictures are there all the same
        return (("for staff, " if row.service == "rekognition" else "undecided, ") if lasts else "") + end
    if row.function not in STEPS or scenario in AFTER_THE_END or end == "DELETED":
        return end  # nobody sees it: who was disturbed tries again, or sweep does
    # Segment Anything is asked twice in all.
    short = ("broken", "reset", "unknown once")
    if row.function == "SegmentCrop" and (lasts or (row.service == "sagemaker" and fault in short)):
        return "SUCCEEDED by face" if row == WHOLE_PHOTO else "SUCCEEDED by ellipse"
    if row == PAINTING and fault == "unknown once":
        return "PARTIAL"  # it stands alone in the chain: of three pictures one has nobody left
    if not lasts or (row.function, row.service) == ("GenerateImage", "rekognition"):
        return end  # a picture in which nobody could be counted is published
    if row.service == "bedrock" or row == PAINTING:  # throttled, it is asked again until the picture's minute is over
        return {"denied": "FAILED ModelsUnavailable", "unknown for long": "FAILED NoModelLeft"}.get(
            fault, "FAILED TimedOut"
        )
    return "FAILED AccessDenied" if fault == "denied" else "FAILED Throttled"


def _at_a_door(row: Row, fault: str) -> str:
    """What a visitor is told before it goes right, on asking again."""
    if fault in CRASHES:
        return "500, "
    if row == BROWSERS_PUT:
        codes = {"denied": [403], "broken": [500] * 3, "reset": ["without an answer"] * 3}
        return "".join(f"PUT {code}, " for code in codes.get(fault, [503]))
    if fault in ("throttled once", "slow"):
        return ""
    # What the CDN was not told sweep tells it; a copy for the wall goes by itself.
    if row.function in ("DeletePhoto", "LeaveWall") and row.service == "ssm":
        return ""
    if row.function in ("DeletePhoto", "LeaveWall") and row.service == "cloudfront" and fault != "denied":
        return ""
    if row.service in ("ssm", "secretsmanager") or row in (READ_BY_UPLOAD, READ_BY_AGAIN):
        return "503 ServiceUnavailable, "
    if fault == "throttled for long" and (row.action, row.where) == ("s3:GetObject", "uploads"):
        return "503 ServiceUnavailable, "  # a HEAD's answer has no words, and 503 is both
    told = {"throttled for long": "503 Throttled, ", "denied": "500 InternalError, "}
    return told.get(fault, "503 ServiceUnavailable, ")


def _of_an_invocation(row: Row, fault: str) -> str:
    """Of Lambda's refusals and failures, which the state machine sees."""
    step = row.where.rpartition("-")[2]
    if step == "moderatepicture":
        return ("undecided, " if fault == "throttled for long" else "") + "SUCCEEDED"
    if fault == "throttled once" or (fault == "broken" and step != "segmentcrop"):
        return "SUCCEEDED"
    return {"finish": "SUCCEEDED", "segmentcrop": "SUCCEEDED by ellipse"}.get(step, "FAILED ServiceUnavailable")
