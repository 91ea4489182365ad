"""What Lambda's Invoke API answers, and how much it takes."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

SYNC_LIMIT = 6 * 1024 * 1024  # bytes of payload, request and response (Lambda quotas)
ASYNC_LIMIT = 1024 * 1024  # bytes of payload of an event invocation (Lambda quotas)


@dataclass(frozen=True)
class InvokeResult:
    """The answer of Lambda's Invoke API: HTTP status, headers, body (the function's JSON, or an error's)."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def failed(self) -> bool:
        """Whether Lambda refused the call or the function ended with an error."""
        return self.status >= 400 or "X-Amz-Function-Error" in self.headers


def error(kind: str, message: str) -> bytes:
    """The body of the answer for a function that ended with an error."""
    return json.dumps({"errorType": kind, "errorMessage": message}, ensure_ascii=False).encode()


def throttled(reason: str) -> InvokeResult:
    """The answer to an invocation beyond a concurrency limit; `reason` as in TooManyRequestsException."""
    headers = {"x-amzn-ErrorType": "TooManyRequestsException", "x-amzn-RequestId": str(uuid.uuid4())}
    return InvokeResult(
        429, headers, json.dumps({"Reason": reason, "Type": "User", "message": "Rate Exceeded."}).encode()
    )


def refusal(status: int, kind: str, message: str) -> InvokeResult:
    """The answer to an invocation that Lambda refuses with another error."""
    headers = {"x-amzn-ErrorType": kind, "x-amzn-RequestId": str(uuid.uuid4())}
    return InvokeResult(status, headers, json.dumps({"Type": "User", "Message": message}).encode())
