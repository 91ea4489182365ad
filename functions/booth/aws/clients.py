"""boto3 clients with our timeouts, and AWS's errors turned into ours.

boto3 itself is pointed elsewhere by its own AWS_ENDPOINT_URL_* variables; nothing here knows where it runs.
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
    """A boto3 client, made once per process; `read_timeout` in seconds, `attempts` the SDK's own tries in all."""
    config = Config(
        connect_timeout=2,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    if service == "s3":
        # The default would presign with SigV2, which binds no Content-Type. Regional, or us-east-1 alone would get
        # <bucket>.s3.amazonaws.com, to which the page's Content-Security-Policy lets no browser PUT.
        s3 = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
        config = config.merge(Config(signature_version="s3v4", s3=s3))
    with _session_lock:  # boto3's session is not thread-safe while it makes a client; clients are
        made = boto3.client(service, region_name=region, config=config)
    # A call's events share a context of their own.
    made.meta.events.register("before-call", lambda context, **_: context.update(booth_began=time.monotonic()))
    for event in ("after-call", "after-call-error"):
        made.meta.events.register(event, _log_call)
    made.meta.events.register("after-call", _check_json_body)
    return made


def _log_call(event_name: str, context: dict[str, Any], **_: object) -> None:
    """At DEBUG, how long a call took until its answer began, the SDK's repetitions included; never what was asked."""
    _, service, operation = event_name.split(".")
    took = (time.monotonic() - context["booth_began"]) * 1000
    logger.debug("aws_call", call=f"{service}.{operation}", ms=round(took, 1))


def at_init(*connects: Callable[[], object]) -> None:
    """Makes a function's clients while Lambda starts it, when it has a whole processor, not while a visitor waits.

    Outside Lambda, where there may be no Region yet, they are made when they are needed.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        for connect in connects:
            connect()


def _check_json_body(http_response: Any, model: Any, **_: Any) -> None:
    """Called by botocore with each answer, its own tries over. Raises ResponseParserError, as it does for broken XML.

    Of an answer that is no JSON, or cut short, it makes an empty one: a record that is missing, an update that said
    nothing.
    """
    if model.service_model.resolved_protocol != "json" or http_response.status_code != 200:
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
        raise ResponseParserError(f"nonsense from {model.name}") from error
