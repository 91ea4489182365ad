"""boto3 clients with our timeouts, and AWS's errors turned into ours.

boto3 itself is pointed elsewhere by its own AWS_ENDPOINT_URL_* variables; nothing here knows where it runs.
"""

import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.parsers import ResponseParserError

from booth.errors import AccessDenied, BoothError, InternalError, ServiceUnavailable, Throttled
from booth.log import logger

_THROTTLES = {
    "ThrottlingException",
    "Throttling",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ServiceQuotaExceededException",
    "ModelNotReadyException",
    "SlowDown",
    "TransactionInProgressException",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "TooManyInvalidationsInProgress",
}
_DENIALS = {
    "AccessDeniedException",
    "AccessDenied",
    "UnrecognizedClientException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "ResourceNotFoundException",
    "NoSuchBucket",
    "StateMachineDoesNotExist",
    "ParameterNotFound",
}


_one_at_a_time = threading.Lock()


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
    with _one_at_a_time:  # boto3's session is not thread-safe while it makes a client; clients are
        made = boto3.client(service, region_name=region, config=config)
    # A call's events share a context of their own.
    made.meta.events.register("before-call", lambda context, **_: context.update(booth_began=time.monotonic()))
    for event in ("after-call", "after-call-error"):
        made.meta.events.register(event, _log_call)
    made.meta.events.register("after-call", _refuse_nonsense)
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


def _refuse_nonsense(http_response: Any, model: Any, **_: Any) -> None:
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


def code_of(error: ClientError) -> str:
    """AWS's name of an error, such as `ThrottlingException`."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    """The HTTP status of an error answer; 0 if there was none."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def typed(error: ClientError) -> BoothError:
    """Our error for one of AWS's: throttled, passing, refused, or a defect in what we sent."""
    code, status = code_of(error), status_of(error)
    if code == "TransactionCanceledException":
        reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
        code = next((reason for reason in reasons if reason in _THROTTLES), code)
    if code in _THROTTLES or status == 429:
        return Throttled(code)
    if code in _DENIALS or status in (401, 403):
        return AccessDenied(code)
    if status >= 500 or status in (408, 424):
        return ServiceUnavailable(code)
    return InternalError(f"{error.operation_name}: {code}")


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turns what an AWS call raises into one of our errors. AWS's own answer stays as the cause, for the log.

    Raises:
        Throttled, ServiceUnavailable: worth another try.
        AccessDenied, InternalError: not.
    """
    try:
        yield
    except ClientError as error:
        raise typed(error) from error
    except (
        HTTPClientError,
        ConnectionError,
        ResponseParserError,
        IncompleteReadError,
        FlexibleChecksumError,
    ) as error:
        # Not "from error": that would put the URL into the log, and with it the photo's name.
        raise ServiceUnavailable(type(error).__name__) from None
    except BotoCoreError as error:
        raise InternalError(type(error).__name__) from None
