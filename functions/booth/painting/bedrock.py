"""Bedrock InvokeModel, in any Region."""

import json
from typing import Any

from botocore.exceptions import ClientError

from booth.aws.clients import client
from booth.aws.errors import aws_errors, code_of
from booth.errors import ServiceUnavailable
from booth.limits import MODEL_CALL_SECONDS
from booth.painting.chain import chain
from booth.painting.content_filters import block_of

# What ValidationException says when it isn't about the request: an id of no model in this Region, one that needs its
# inference profile, an account that may not use Bedrock. Retired and Legacy models come as ResourceNotFoundException.
_GONE = ("model identifier is invalid", "on-demand throughput", "Operation not allowed")


class CandidateGone(Exception):
    """This model in this Region is retired, denied or unknown: an instant refusal that no retry mends."""


class RequestRefused(Exception):
    """This model finds the request invalid, at once: a defect of ours, which another model may not mind."""


def connect(region: str):
    """The client for a Region, made once."""
    return client("bedrock-runtime", region=region, read_timeout=MODEL_CALL_SECONDS, attempts=1)


def connect_all() -> None:
    """Makes the clients for the Regions of the chain."""
    for region in {candidate.region for candidate in chain()}:
        connect(region)


def invoke(model: str, region: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call of an image model; the SDK does not repeat it, for a repeated call is paid twice.

    Raises:
        CandidateGone, RequestRefused: refused at once; the text is AWS's, for the log.
        ContentBlocked, OutputBlocked, Throttled, ServiceUnavailable, AccessDenied, InternalError.
    """
    runtime = connect(region)
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
