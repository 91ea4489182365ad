"""The matrix's columns: faults at the wire (`local/faults.py`)."""

from dataclasses import dataclass

from tests.faults.calls import BROWSERS_PUT, PAINTING, Row

# Read timeouts in seconds and the SDK's own tries of each service's clients: functions/booth.
CLIENTS = {
    "dynamodb": (2, 2),
    "s3": (8, 2),
    "states": (5, 3),
    "events": (5, 3),
    "ssm": (2, 2),
    "secretsmanager": (2, 2),
    "cloudfront": (5, 3),
    "rekognition": (5, 2),
    "sagemaker": (15, 1),
    "bedrock": (40, 1),
}
AT_ONCE = {
    ("Photo", "dynamodb:UpdateItem"): 2,
    ("Wall", "dynamodb:Query"): 2,
    ("StaffWall", "dynamodb:Query"): 4,
}
"""Calls that a function makes several of at the same time: a fault is to use up the tries of each."""
LASTING = ("throttled for long", "denied", "unknown for long")
CRASHES = ("killed before", "killed after")
FAULTS = ("throttled once", "throttled for long", "broken", "reset", "hang", "denied", "malformed")
FAULTS += ("cut", "slow", "unknown once", "unknown for long")
UNKNOWN = {"kind": "error", "status": 400, "type": "ValidationException", "message": "In words that nobody knows."}


def fault_of(row: Row, name: str) -> dict | None:
    """The fault as `local.faults` wants it; None if the call can't meet it."""
    timeout, tries = CLIENTS["bedrock"] if row == PAINTING else CLIENTS.get(row.service, (0, 1))
    tries *= AT_ONCE.get((row.function, row.action), 1)
    # The SDK itself notices that DynamoDB's answers don't fit their checksum, and that S3's XML is none.
    is_read_again = row.service in ("dynamodb", "s3") and not row.action.startswith("s3:GetObject")
    kinds = {
        "throttled once": {"kind": "throttled", "times": 1},
        "throttled for long": {"kind": "throttled"},
        # More often than the SDK tries by itself: the function's own caller has to try again.
        "broken": {"kind": "broken", "times": tries + 1},
        "reset": {"kind": "reset", "times": tries + 1},
        "hang": {"kind": "hang", "times": tries},
        "denied": {"kind": "denied"},
        "malformed": {"kind": "malformed", "times": tries if is_read_again else 1},
        "cut": {"kind": "cut", "times": tries if is_read_again else 1},
        "slow": {"kind": "slow", "seconds": timeout - 0.5},
        "unknown once": UNKNOWN | {"times": 1},
        "unknown for long": UNKNOWN,
        "killed before": {"kind": "killed before", "times": 1},
        "killed after": {"kind": "killed after", "times": 1},
    }
    tagging = ("s3:PutObjectTagging", "s3:DeleteObjectTagging")
    without_body = row.action in ("s3:PutObject", *tagging) or (row.action, row.where) == (
        "s3:GetObject",
        "uploads",
    )  # HEAD
    if name in ("malformed", "cut") and without_body:
        return None
    if row.service == "lambda" and name not in ("throttled once", "throttled for long", "broken"):
        return None  # Step Functions' own client is not ours
    if name.startswith("unknown") and row.service not in ("bedrock", "sagemaker"):
        return None  # only models have words of their own
    if row == BROWSERS_PUT and name in ("hang", "slow", *CRASHES):
        return None  # as long as the browser likes
    return kinds[name] | {"match": row.match}


@dataclass(frozen=True)
class Cell:
    """A fault at a call. Of a crash also at the how-manieth call of its kind, from 1."""

    row: Row
    fault: str
    nth: int = 1
