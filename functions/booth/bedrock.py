"""Bedrock InvokeModel, in any Region."""

import json
from typing import Any

from botocore.exceptions import ClientError

from booth.aws import aws_errors, client, code_of
from booth.errors import ContentBlocked, ServiceUnavailable
from booth.limits import MODEL_CALL_SECONDS


class CandidateGone(Exception):
    """This model in this Region is retired, denied or unknown: an instant refusal that no retry mends."""


def invoke(model: str, region: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call of an image model; the SDK does not repeat it, for a repeated call is paid twice.

    Raises:
        CandidateGone, ContentBlocked, Throttled, ServiceUnavailable, InternalError.
    """
    runtime = client("bedrock-runtime", region=region, read_timeout=MODEL_CALL_SECONDS, attempts=1)
    with aws_errors():
        try:
            answer = runtime.invoke_model(
                modelId=model, contentType="application/json", accept="application/json", body=json.dumps(body)
            )
        except ClientError as error:
            text = error.response["Error"].get("Message", "")
            # AWS words the whole sentence differently by model and time; this part is in all of them.
            if "blocked by our content filters" in text:
                raise ContentBlocked("refused by the model's content filter") from error
            if code_of(error) in ("ResourceNotFoundException", "AccessDeniedException") or any(
                part in text for part in ("model identifier is invalid", "on-demand throughput")
            ):
                raise CandidateGone(code_of(error)) from error
            raise
        raw = answer["body"].read()
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise ServiceUnavailable("the model's answer is not JSON") from error
    if not isinstance(value, dict):
        raise ServiceUnavailable("the model's answer is not a JSON object")
    return value
