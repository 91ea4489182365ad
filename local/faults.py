"""Faults at the wire: what goes wrong with which AWS call of which function, whatever service it goes to.

A call is named by one line: the function's logical id, the action and the resource, as `local.iam` tells them from the
request: `GenerateImage s3:PutObject arn:aws:s3:::photo-booth-resultsbucket/photo/photo_1.jpeg`. Step Functions, which
invokes the functions, is called PhotoMachine. A fault's `match` is such a line with the shell's wildcards.

What the stand-ins do to every caller (a model that is retired, a filter) is told to them: `local.standins.server`.
"""

import fnmatch
import io
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from local import iam
from local.aws_errors import error

KINDS = ("throttled", "broken", "denied", "reset", "hang", "slow", "malformed", "cut", "killed before", "killed after")
"""throttled, broken, denied   the service's own error; nothing took effect
reset                       the call takes effect, and the connection is closed without an answer
hang                        the call takes effect, and no answer comes: closed after `seconds` (90)
slow                        the answer comes after `seconds`
malformed                   the call takes effect, the answer has as many bytes as the right one, but others
cut                         the call takes effect, the connection is closed in the middle of the answer
killed before, after        the calling process is killed, before or after the call takes effect"""

_WORDS = {
    "dynamodb": ((400, "ThrottlingException"), (500, "InternalServerError"), (400, "AccessDeniedException")),
    "s3": ((503, "SlowDown"), (500, "InternalError"), (403, "AccessDenied")),
    "states": ((400, "ThrottlingException"), (500, "InternalFailure"), (400, "AccessDeniedException")),
    "events": ((400, "ThrottlingException"), (500, "InternalException"), (400, "AccessDeniedException")),
    "ssm": ((400, "ThrottlingException"), (500, "InternalServerError"), (400, "AccessDeniedException")),
    "secretsmanager": ((400, "ThrottlingException"), (500, "InternalServiceError"), (400, "AccessDeniedException")),
    "cloudfront": ((400, "Throttling"), (500, "InternalFailure"), (403, "AccessDenied")),
    "lambda": ((429, "TooManyRequestsException"), (500, "ServiceException"), (403, "AccessDeniedException")),
    "rekognition": ((400, "ThrottlingException"), (500, "InternalServerError"), (400, "AccessDeniedException")),
    "sagemaker": ((400, "ThrottlingException"), (500, "InternalFailure"), (403, "AccessDeniedException")),
    "bedrock": ((429, "ThrottlingException"), (500, "InternalServerException"), (403, "AccessDeniedException")),
}
"""HTTP status and code of a throttle, a failure and a denial of each service, by the action's first part. Sources: the
errors in botocore's service models, "Error responses" of S3, "Common errors" of the others' API references."""

Fault = dict[str, Any]


def take(faults: Iterable[Fault], meets: Callable[[str], bool], drawn: float = 0) -> Fault | None:
    """The first fault whose `match` is met and that has times left (None: for ever); that uses up one of them.

    With `skip`, so many calls that meet it go well before the first one that does not. With `share`, it strikes this
    share of the calls: those for which `drawn`, from 0 to 1, is below it; the shares of several faults add up.
    """
    for fault in faults:
        if fault["times"] != 0 and meets(fault["match"]):
            if fault.get("skip"):
                fault["skip"] -= 1
                continue
            share = fault.get("share", 1)
            if drawn >= share:
                drawn -= share
                continue
            if fault["times"] is not None:
                fault["times"] -= 1
            return dict(fault)
    return None


class Faults:
    """What is to go wrong, and a count of all calls. Threads may share it.

    Args:
        names: the function's name by access key id.
    """

    def __init__(self, names: Mapping[str, str]):
        self.names = dict(names)
        self._lock = threading.Lock()
        self.set([])

    def set(self, faults: list[Fault]) -> None:
        """Takes a list of faults (`kind`, `match`; `times`, `skip`, `seconds`) for the ones before, and counts anew."""
        for fault in faults:
            if fault["kind"] not in KINDS:
                raise ValueError(f"a fault's kind is one of {', '.join(KINDS)}")
        with self._lock:
            self._faults = [{"times": None, "skip": 0, "seconds": 90, **fault} for fault in faults]
            self._calls: Counter[str] = Counter()
            self._struck: Counter[str] = Counter()

    def record(self) -> dict[str, Any]:
        """Since the last `set`: `calls`, how often each line was called (without what follows its last slash, so that a
        request for many objects is one), and how often each fault `struck`, by "kind match".
        """
        with self._lock:
            return {"calls": dict(self._calls), "struck": dict(self._struck)}

    def answer(self, request: Request, respond: Callable[[], Response | None]) -> Response | None:
        """The answer to a request, by `respond` or by a fault. None: the connection is to be closed without one."""
        key, region = iam.caller_of(request)
        name = "PhotoMachine" if request.path.startswith("/2015-03-31/") else self.names.get(key)
        if name is None:  # the operator, the tests
            return respond()
        body = request.get_data()
        request.environ["wsgi.input"] = io.BytesIO(body)  # for whoever answers it
        is_s3 = "/s3/aws4_request" in request.headers.get("Authorization", request.args.get("X-Amz-Credential", ""))
        calls = iam.s3_calls(request, body) if is_s3 else iam.calls_of(request, body, region)
        lines = [f"{name} {call.action} {call.resource}" for call in calls]
        with self._lock:
            self._calls.update({line.rsplit("/", 1)[0] for line in lines})
            fault = take(self._faults, lambda match: any(fnmatch.fnmatchcase(line, match) for line in lines))
            if fault:
                self._struck[f"{fault['kind']} {fault['match']}"] += 1
        return _strike(fault, request, calls[0].action, respond) if fault else respond()


class Gate:
    """WSGI application: another one with faults."""

    def __init__(self, application: Callable, faults: Faults):
        self._application = application
        self._faults = faults

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        respond = lambda: Response.from_app(self._application, environ)  # noqa: E731
        response = self._faults.answer(Request(environ), respond)
        if response is None:
            raise ConnectionResetError  # the server closes the connection
        return response(environ, start_response)


def _strike(fault: Fault, request: Request, action: str, respond: Callable[[], Response | None]) -> Response | None:
    kind = fault["kind"]
    if kind in ("throttled", "broken", "denied"):
        status, code = _WORDS[action.partition(":")[0]][("throttled", "broken", "denied").index(kind)]
        return error(request, status, code, "A fault that was asked for.")
    if kind == "killed before":
        _kill_caller(request)
        return None
    if kind == "slow":
        time.sleep(fault["seconds"])
        return respond()
    response = respond()
    if response is None:
        return None
    data = response.get_data()
    if kind in ("reset", "hang", "killed after"):
        if kind == "killed after":
            _kill_caller(request)
        response.close()  # S3 sends its event then
        time.sleep(fault["seconds"] if kind == "hang" else 0)
        return None
    response.set_data(bytes(byte ^ 0x5A for byte in data) if kind == "malformed" else data[: len(data) // 2])
    if kind == "cut" and request.method != "HEAD":
        response.headers["Content-Length"] = str(len(data))
    return response


def _kill_caller(request: Request) -> None:
    """Kills the process at the other end of the request's connection, which is on this machine.

    Linux tells a socket's inode by the addresses of its two ends, and a process's sockets by their inodes. Both ends
    count: another process may use the same port towards another server.
    """
    ends = [f"0100007F:{int(request.environ[name]):04X}" for name in ("REMOTE_PORT", "SERVER_PORT")]
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    links = {f"socket:[{fields[9]}]" for fields in sockets if fields[1:3] == ends}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) in links and (pid := int(link.parts[2])) != os.getpid():
                os.kill(pid, signal.SIGKILL)
        except OSError:
            continue  # it has ended, or is somebody else's
