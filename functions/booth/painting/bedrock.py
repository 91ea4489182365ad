"""Bedrock Runtime: InvokeModel in any Region, and its errors."""

import json
from typing import Any

from botocore.exceptions import ClientError

from booth.aws.clients import client
from booth.aws.errors import aws_errors, code_of
from booth.errors import ServiceUnavailable
from booth.limits import MODEL_CALL_SECONDS
from booth.painting.chain import chain
from booth.painting.content_filters import block_of

# Messages of ValidationException that are not about the request: no model in this Region has the id, the model needs
# an inference profile, the account may not use Bedrock. Retired and Legacy models give ResourceNotFoundException.
_GONE = ("model identifier is invalid", "on-demand throughput", "Operation not allowed")


class CandidateGone(Exception):
    """The model is unavailable in this Region: retired, denied or unknown. Refused at once; a retry can't help."""


class RequestRefused(Exception):
    """The model rejects the request as invalid, at once: a defect of ours. Another model may accept it."""


def connect(region: str, seconds: int = MODEL_CALL_SECONDS):
    """The client for a Region and read timeout, made once. botocore does not retry: a repeated call is billed twice."""
    return client("bedrock-runtime", region=region, read_timeout=seconds, attempts=1)


def connect_all() -> None:
    """Makes the clients of all Regions in the chain."""
    for region in {candidate.region for candidate in chain()}:
        connect(region)


def invoke(model: str, region: str, body: dict[str, Any], seconds: int = MODEL_CALL_SECONDS) -> dict[str, Any]:
    """Calls an image model once; returns the parsed JSON object.

    Args:
        model: model id or inference profile.
        body: as the model's codec makes it.
        seconds: read timeout.

    Raises:
        CandidateGone, RequestRefused: see there; the text is AWS's, for the log.
        ContentBlocked, OutputBlocked: by a content filter that answers with an exception.
        Throttled, ServiceUnavailable, AccessDenied, InternalError: as `aws_errors`.
    """
    runtime = connect(region, seconds)
    with aws_errors():
        try:
            answer = runtime.invoke_model(
                modelId=model, contentType="application/json", accept="application/json", body=json.dumps(body)
            )
        except ClientError as error:
            code, text = code_of(error), error.response["Error"].get("Message", "")
            if blocked := block_of(text):
                raise blocked from error
            if code in ("ResourceNotFoundException", "AccessDeniedException") or any(part in text for part in _GONE):
                raise CandidateGone(f"{code}: {text}") from error
            if code == "ValidationException":
                raise RequestRefused(f"{code}: {text}") from error
            raise
        raw = answer["body"].read()
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise ServiceUnavailable("the model's answer is not JSON") from error
    if not isinstance(value, dict):
        raise ServiceUnavailable("the model's answer is not a JSON object")
    return value
