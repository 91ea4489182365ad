"""AWS's errors turned into ours."""

from collections.abc import Iterator
from contextlib import contextmanager

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
