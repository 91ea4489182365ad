"""Bedrock Runtime: InvokeModel in any Region, and its errors."""

import json
from typing import Any

from botocore.exceptions import ClientError

from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.limits import MODEL_CALL_SECONDS
from booth.painting import answers


def connect(region: str, seconds: int = MODEL_CALL_SECONDS):
    """The client for a Region and read timeout, made once. botocore does not retry: a repeated call is billed twice."""
    return client("bedrock-runtime", region=region, read_timeout=seconds, attempts=1)


def invoke(model: str, region: str, body: dict[str, Any], seconds: int = MODEL_CALL_SECONDS) -> dict[str, Any]:
    """Calls an image model once; returns the parsed JSON object.

    Args:
        model: model id or inference profile.
        body: as the model's codec makes it.
        seconds: read timeout.

    Raises:
        ContentBlocked, OutputBlocked, CandidateGone, RequestRefused, UnknownAnswer, Throttled: as `answers.of_error`.
        UnknownAnswer, ServiceUnavailable: as `answers.parsed`; and ServiceUnavailable if it passes.
        InternalError: botocore did not make the call.
    """
    runtime = connect(region, seconds)
    with aws_errors():
        try:
            answer = runtime.invoke_model(
                modelId=model, contentType="application/json", accept="application/json", body=json.dumps(body)
            )
        except ClientError as error:
            raise answers.of_error(error) from error
        raw = answer["body"].read()
    return answers.parsed(raw)
