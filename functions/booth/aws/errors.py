"""Maps botocore's exceptions to the errors of `booth.errors`."""

import traceback
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
    """The error's Code, such as `ThrottlingException`; "" if the answer has none, or one that is no text."""
    code = error.response.get("Error", {}).get("Code", "")
    return code if isinstance(code, str) else ""


def status_of(error: ClientError) -> int:
    """The HTTP status of an error answer; 0 if the answer has none."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def typed(error: ClientError) -> BoothError:
    """The BoothError for an error answer, by its Code and HTTP status.

    Throttled, ServiceUnavailable (5xx, 408, 424), AccessDenied (denied, or the resource does not exist), and for every
    other one InternalError: we sent what AWS does not accept.
    """
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
    """Context manager around AWS calls: botocore's exceptions are raised as ours. A ClientError stays as the cause.

    Raises:
        Throttled, ServiceUnavailable: transient, a retry may help.
        AccessDenied, InternalError: final.
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
        # Not "from error": its text has the URL, and with it the photo's name, which must not get into the log.
        raise ServiceUnavailable(type(error).__name__) from None
    except BotoCoreError as error:
        raise InternalError(type(error).__name__) from None
    except (AttributeError, TypeError, LookupError, ValueError, RecursionError) as error:
        if not _is_of_an_answer(error):
            raise
        raise ServiceUnavailable(type(error).__name__) from None


def _is_of_an_answer(error: Exception) -> bool:
    """Whether botocore can't read an answer: JSON of another shape, or no UTF-8, as a proxy's page may be. Its parsers,
    which its endpoint calls, expect what the service's model says, and raise whatever comes of anything else."""
    modules = (frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__))
    return "botocore.endpoint" in modules
