"""boto3 clients with our timeouts, and AWS's errors turned into ours.

boto3 itself is pointed elsewhere by its own AWS_ENDPOINT_URL_* variables; nothing here knows where it runs.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
)
from botocore.parsers import ResponseParserError

from booth.errors import AccessDenied, BoothError, InternalError, ServiceUnavailable, Throttled

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
        # The default would presign with SigV2, which binds no Content-Type.
        config = config.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    with _one_at_a_time:  # boto3's session is not thread-safe while it makes a client; clients are
        return boto3.client(service, region_name=region, config=config)


def at_init(*connects: Callable[[], object]) -> None:
    """Makes a function's clients while Lambda starts it, when it has a whole processor, not while a visitor waits.

    Outside Lambda, where there may be no Region yet, they are made when they are needed.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        for connect in connects:
            connect()


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
    except (HTTPClientError, ConnectionError, ResponseParserError) as error:
        # Not "from error": that would put the URL into the log, and with it the photo's name.
        raise ServiceUnavailable(type(error).__name__) from None
    except BotoCoreError as error:
        raise InternalError(type(error).__name__) from None
