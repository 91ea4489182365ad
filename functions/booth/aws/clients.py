"""boto3 clients with our timeouts and retries, whose calls are logged and whose JSON answers are checked.

The local mode points boto3 at its emulator by boto3's own AWS_ENDPOINT_URL_* variables; no code here depends on it.
"""

import json
import os
import threading
import time
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.parsers import ResponseParserError

from booth.log import logger

_session_lock = threading.Lock()


@cache
def client(service: str, region: str | None = None, read_timeout: int = 5, attempts: int = 3):
    """A boto3 client, made once per process and set of arguments.

    Args:
        region: the function's own by default.
        read_timeout: in seconds.
        attempts: botocore's `total_max_attempts`: the first request and its retries.
    """
    config = Config(
        connect_timeout=2,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    if service == "s3":
        # botocore's default presigns with SigV2, which does not sign the Content-Type. Regional endpoint: otherwise
        # us-east-1 alone gets <bucket>.s3.amazonaws.com, which the page's Content-Security-Policy does not allow.
        s3 = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
        config = config.merge(Config(signature_version="s3v4", s3=s3))
    with _session_lock:  # clients are thread-safe, boto3's default session is not
        made = boto3.client(service, region_name=region, config=config)
    # botocore passes the same `context` to all events of one call.
    made.meta.events.register("before-call", lambda context, **_: context.update(booth_began=time.monotonic()))
    for event in ("after-call", "after-call-error"):
        made.meta.events.register(event, _log_call)
    made.meta.events.register("after-call", _check_json_body)
    return made


def _log_call(event_name: str, context: dict[str, Any], **_: object) -> None:
    """Logs at DEBUG the ms from a call to its parsed answer, the SDK's retries included; never its parameters."""
    service, operation = event_name.split(".")[1:]
    took = (time.monotonic() - context["booth_began"]) * 1000
    logger.debug("aws_call", call=f"{service}.{operation}", ms=round(took, 1))


def at_init(*connects: Callable[[], object]) -> None:
    """Makes a function's clients in Lambda's init phase, which has a full vCPU, instead of in its first invocation.

    Outside Lambda, where no Region may be configured, each is made at its first use.

    Args:
        connects: the `connect` functions of the modules whose clients the function uses.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        for connect in connects:
            connect()


def _check_json_body(http_response: Any, model: Any, **_: Any) -> None:
    """Handler of botocore's event `after-call`. Raises ResponseParserError, as botocore itself does for broken XML.

    botocore parses a body that is no JSON, or truncated, as {}: as if the item did not exist, or the update returned
    nothing. Of an error it takes the status for the code: a condition that was false would be an error nobody knows.
    Content-Length and DynamoDB's x-amz-crc32 are checked as well. Other statuses say by themselves what they mean.
    """
    if model.service_model.resolved_protocol != "json" or http_response.status_code not in (200, 400):
        return
    body, headers = http_response.content, http_response.headers
    try:
        if int(headers.get("content-length", len(body))) != len(body):
            raise ValueError("cut short")
        if int(headers.get("x-amz-crc32", zlib.crc32(body))) != zlib.crc32(body):  # DynamoDB's
            raise ValueError("not what was sent")
        if body:
            json.loads(body)
    except ValueError as error:
        raise ResponseParserError(f"malformed answer of {model.name}") from error
