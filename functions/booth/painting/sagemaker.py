"""The painter of one's own, an endpoint of SageMaker's: InvokeEndpoint in its Region, and its errors."""

import json
import os
from typing import Any

from botocore.exceptions import ClientError

from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.limits import MODEL_CALL_SECONDS
from booth.painting import answers
from booth.painting.answers import CandidateGone


def connect(region: str, seconds: int = MODEL_CALL_SECONDS):
    """The client for a Region and read timeout, made once. botocore does not retry: the endpoint would paint twice."""
    return client("sagemaker-runtime", region=region, read_timeout=seconds, attempts=1)


def invoke(
    region: str, body: dict[str, Any], seconds: int = MODEL_CALL_SECONDS, endpoint: str | None = None
) -> dict[str, Any]:
    """Calls the endpoint once; returns the parsed JSON object.

    Args:
        body: as the endpoint's codec makes it.
        seconds: read timeout.
        endpoint: its name; None for that of the environment's PAINT_ENDPOINT.

    Raises:
        CandidateGone, RequestRefused, UnknownAnswer, Throttled: as `answers.of_endpoint`.
        UnknownAnswer, ServiceUnavailable: as `answers.parsed`; and ServiceUnavailable if it passes.
        InternalError: botocore did not make the call.
    """
    name = endpoint or os.environ.get("PAINT_ENDPOINT")
    if not name:
        raise CandidateGone("ImageModels names the endpoint, but PaintEndpoint is empty")
    runtime = connect(region, seconds)
    with aws_errors():
        try:
            answer = runtime.invoke_endpoint(
                EndpointName=name, ContentType="application/json", Accept="application/json", Body=json.dumps(body)
            )
        except ClientError as error:
            raise answers.of_endpoint(error) from error
        raw = answer["Body"].read()
    return answers.parsed(raw)
