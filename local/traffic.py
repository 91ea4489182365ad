"""What the emulated services are asked for: requests and bytes by caller, service and operation."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from werkzeug.wrappers import Request

from local import iam

Application = Callable[[dict, Callable], Iterable[bytes]]

OTHERS = "others"
"""The caller's name for all that is no function: Step Functions, the CDN, the operator, tests."""


@dataclass
class Count:
    """Requests of one kind; bytes of their bodies and of the answers' bodies."""

    requests: int = 0
    received: int = 0
    sent: int = 0


class Traffic:
    """Counts the requests to a set of applications. Threads may share it.

    Args:
        names: the functions' names by access key id; a presigned URL counts as its signer's.
    """

    def __init__(self, names: Mapping[str, str]):
        self._names = names
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], Count] = {}

    def counted(self, application: Application) -> Application:
        """The WSGI application, with each request counted when its answer begins."""

        def counting(environ: dict, start_response: Callable) -> Iterable[bytes]:
            request = Request(environ)
            caller, kind = self._names.get(iam.caller_of(request)[0], OTHERS), kind_of(request)

            def start(status: str, headers: list, *more: object) -> Callable:
                self._add(caller, kind, int(environ.get("CONTENT_LENGTH") or 0), _length(request, headers))
                return start_response(status, headers, *more)

            return application(environ, start)

        return counting

    def _add(self, caller: str, kind: str, received: int, sent: int) -> None:
        with self._lock:
            count = self._counts.setdefault((caller, kind), Count())
            count.requests, count.received, count.sent = (
                count.requests + 1,
                count.received + received,
                count.sent + sent,
            )

    def take(self) -> dict[tuple[str, str], Count]:
        """What was counted since the last `take`, by caller and "service.Operation"."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts


def kind_of(request: Request) -> str:
    """A request's service and operation, as AWS bills them: "dynamodb.UpdateItem", "s3.put", "s3.list", ..."""
    target = request.headers.get("X-Amz-Target", "")
    if target:
        prefix, _, operation = target.rpartition(".")
        return f"{prefix.partition('_')[0].lower()}.{operation}"
    if request.path.startswith("/2015-03-31/functions/"):
        return "lambda.Invoke"
    if request.path.startswith("/2020-05-31/"):
        return "cloudfront.CreateInvalidation"
    is_object = "/" in request.path.strip("/")
    if request.method == "DELETE" or (request.method == "POST" and "delete" in request.args):
        return "s3.delete"
    if request.method == "GET" and not is_object:
        return "s3.list"
    return f"s3.{request.method.lower()}"


def _length(request: Request, headers: list[tuple[str, str]]) -> int:
    if request.method == "HEAD":
        return 0
    return next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
