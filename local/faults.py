"""Faults: what goes wrong with which AWS call. One vocabulary for the wire and for the stand-ins.

At the wire (`Faults`, `Gate`) the calls of the functions meet them, whatever service they go to; at a stand-in
(`local.standins.server`) every call to it does. docs/reliability.md has the words for whoever writes a fault.

A call is named by one line: the function's logical id, the action and the resource, as `local.iam` tells them from the
request: `GenerateImage s3:PutObject arn:aws:s3:::photo-booth-resultsbucket/photo/photo_1.jpeg`. Step Functions, which
invokes the functions, is called PhotoMachine, and whoever has no role Operator. A call to the SAM endpoint for more
than faces has the word `keep` before the resource.
"""

import io
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

from werkzeug.wrappers import Request, Response

from local import iam
from local.aws_errors import error

KINDS = {
    "error": "the error that `status`, `type` and `message` name; nothing takes effect",
    "throttled": "the service's own error for too many calls; nothing takes effect",
    "broken": "the service's own failure (5xx); nothing takes effect",
    "denied": "the service's own refusal of a caller without the right; nothing takes effect",
    "reset": "the call takes effect, and the connection is closed without an answer",
    "hang": "the call takes effect, and no answer comes: closed after `seconds` (90)",
    "slow": "the answer comes after `seconds` (90)",
    "malformed": "the call takes effect, and the answer has as many bytes as the right one, but others",
    "cut": "the call takes effect, and the connection is closed in the middle of the answer",
    "killed before": "the calling process is killed before the call takes effect",
    "killed after": "the calling process is killed after the call has taken effect",
}
"""What any call can meet. The default is error."""

KINDS_OF_IMAGE_MODELS = {
    "retired": "the model has reached the end of its life",
    "legacy": "the provider lets only accounts call it that have called it of late",
    "unpaid": "AWS Marketplace has no payment method of the account's for the model",
    "filtered-prompt": "the content filter refuses the prompt",
    "filtered-input": "the content filter refuses the photo",
    "filtered-output": "the content filter refuses what was painted",
    "filtered-exception": "the content filter refuses what was painted, in an exception's words",
    "inference-error": "the model failed",
    "unheard-of": "a refusal in words that nobody knows",
    "no-picture": "an answer with HTTP 200 that has no picture",
    "invented-person": "the model paints a person who is not in the photo",
}
"""What only Bedrock's stand-in can be told, in the words of the model that is called."""

KINDS_OF_PAINTER = {
    "busy": "its queue is full (429)",
    "restarting": "it is being started again (503)",
    "failed": "it failed (500)",
    "refused": "it does not take the request (400)",
    "off": "there is no such endpoint: it is off",
    "no-picture": "an answer with HTTP 200 that has no picture",
    "invented-person": "it paints a person who is not in the photo",
}
"""What only the stand-in of the painter's endpoint can be told, in the serving code's words."""

SPOILT = "booth.spoilt"
"""Key of a list in the WSGI environment: what was done to an answer that is no longer the service's own."""

_DEFAULTS = {"kind": "error", "match": "*", "times": None, "skip": 0, "share": 1}
_OWN_FIELDS = {"error": {"status", "type", "message"}, "hang": {"seconds"}, "slow": {"seconds"}}
_LONG_SECONDS = 90

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

_SENTENCES = {
    ("bedrock", "throttled"): "Too many requests, please wait before trying again.",
    ("bedrock", "denied"): "You don't have access to the model with the specified model ID.",
    ("sagemaker", "denied"): "User: x is not authorized to perform: sagemaker:InvokeEndpoint on resource: x because no "
    "identity-based policy allows the sagemaker:InvokeEndpoint action",
}
"""Where the message matters to whoever reads it; elsewhere it says that the fault was asked for.

Sources: Bedrock's throttle aws/fmeval#124, its denial `functions/booth/painting/known_answers.py`; SageMaker's "Access
denied error message examples" of IAM's User Guide.
"""


class Fault(TypedDict):
    """What goes wrong with which calls, as `read` gives it."""

    kind: str
    """One of KINDS, or of the service's own."""
    match: str
    """A call's line, with IAM's wildcards (* is any text, ? any character); by default `*`."""
    times: int | None
    """How often it strikes; None, the default: for ever."""
    skip: int
    """So many calls that match go well before the first one that does not; by default 0."""
    share: float
    """The share of the calls that it strikes, 0..1, by default 1; the shares of several faults add up."""
    seconds: float
    """Of hang and slow alone, as the next three are of error."""
    status: int
    type: str
    message: str


def read(faults: object, own: Collection[str] = ()) -> list[Fault]:
    """Faults out of JSON, with the defaults for what they leave out.

    Args:
        own: further kinds, those of the service.

    Raises ValueError, with a sentence.
    """
    if not isinstance(faults, list):
        raise ValueError("faults are a list")
    return [_read(fault, (*KINDS, *own)) for fault in faults]


def _read(given: object, kinds: Collection[str]) -> Fault:
    if not isinstance(given, dict) or given.get("kind", "error") not in kinds:
        raise ValueError(f"a fault is an object whose kind is one of {', '.join(kinds)}")
    fault = _DEFAULTS | given
    own = _OWN_FIELDS.get(fault["kind"], set())
    if "seconds" in own:
        fault = {"seconds": _LONG_SECONDS} | fault
    if fault.keys() != _DEFAULTS.keys() | own:
        raise ValueError(f"a fault of kind {fault['kind']} has {', '.join([*sorted(own), *_DEFAULTS])}")
    checks = {
        "match": isinstance(fault["match"], str),
        "times": fault["times"] is None or _is_number(fault["times"], int),
        "skip": _is_number(fault["skip"], int),
        "share": _is_number(fault["share"], int, float) and fault["share"] <= 1,
        "seconds": _is_number(fault.get("seconds", 0), int, float),
        "status": _is_number(fault.get("status", 400), int) and 100 <= fault.get("status", 400) < 600,
        "type": isinstance(fault.get("type", ""), str),
        "message": isinstance(fault.get("message", ""), str),
    }
    if wrong := [name for name, is_right in checks.items() if not is_right]:
        raise ValueError(f"a fault can't have the {wrong[0]} {fault[wrong[0]]!r}")
    return cast(Fault, fault)


def _is_number(value: Any, *types: type) -> bool:
    return type(value) in types and value >= 0


def take(faults: Iterable[Fault], lines: Collection[str], drawn: float) -> Fault | None:
    """The first fault that strikes a call with these lines, if any; that uses up one of its times.

    Args:
        drawn: from 0 to 1; a fault strikes if its share is above it.
    """
    for fault in faults:
        if fault["times"] == 0 or not any(iam.matches(fault["match"], line) for line in lines):
            continue
        if fault["skip"]:
            fault["skip"] -= 1
            continue
        if drawn >= fault["share"]:
            drawn -= fault["share"]
            continue
        if fault["times"] is not None:
            fault["times"] -= 1
        return fault.copy()
    return None


def line_of(caller: str, call: iam.Call, body: bytes) -> str:
    """The line that names a call with this body."""
    more = "keep " if call.action == "sagemaker:InvokeEndpoint" and b'"keep"' in body else ""
    return f"{caller} {call.action} {more}{call.resource}"


def strike(
    fault: Fault,
    request: Request,
    service: str,
    respond: Callable[[], Response | None],
    say: Callable[[int, str, str], Response],
    pause: Callable[[float], object] = time.sleep,
) -> Response | None:
    """What a call is answered that meets a fault of KINDS; None: the connection is to be closed without an answer.

    Args:
        service: the first part of the action.
        respond: lets the call take effect.
        say: words an error (status, code, message) as the service does.
        pause: waits so many seconds, or less.
    """
    kind = fault["kind"]
    if kind == "error":
        return say(fault["status"], fault["type"], fault["message"])
    if kind in ("throttled", "broken", "denied"):
        status, code = _WORDS[service][("throttled", "broken", "denied").index(kind)]
        return say(status, code, _SENTENCES.get((service, kind), "A fault that was asked for."))
    if kind == "killed before":
        _kill_caller(request)
        return None
    if kind == "slow":
        pause(fault["seconds"])
        return respond()
    response = respond()
    if response is None:
        return None
    if kind in ("malformed", "cut"):
        request.environ.get(SPOILT, []).append(kind)
        return _spoilt(response, kind, request.method)
    if kind == "killed after":
        _kill_caller(request)
    response.close()  # S3 sends its event then
    if kind == "hang":
        pause(fault["seconds"])
    return None


def _spoilt(response: Response, kind: str, method: str) -> Response:
    data = response.get_data()
    response.set_data(bytes(byte ^ 0x5A for byte in data) if kind == "malformed" else data[: len(data) // 2])
    if kind == "cut" and method != "HEAD":
        response.headers["Content-Length"] = str(len(data))
    return response


class Faults:
    """What is to go wrong with the functions' calls, and a count of all calls. Threads may share it.

    Args:
        names: the function's name by access key id.
    """

    def __init__(self, names: Mapping[str, str]):
        self.names = dict(names)
        self._lock = threading.Lock()
        self.set([])

    def set(self, faults: list[dict[str, Any]]) -> None:
        """Takes faults, see `read`, for the ones before, and counts anew. Raises ValueError and keeps the old ones."""
        taken = read(faults)
        with self._lock:
            self._faults, self._shares = taken, random.Random(1)
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
        is_s3 = "/s3/aws4_request" in request.headers.get("Authorization", request.args.get("X-Amz-Credential", ""))
        body = b""
        if not (is_s3 and request.method == "PUT"):  # whose body says nothing, and S3 may refuse it unread
            body = request.get_data()
            request.environ["wsgi.input"] = io.BytesIO(body)  # for whoever answers it
        calls = iam.s3_calls(request, body) if is_s3 else iam.calls_of(request, body, region)
        lines = [line_of(name, call, body) for call in calls]
        with self._lock:
            self._calls.update({line.rsplit("/", 1)[0] for line in lines})
            fault = take(self._faults, lines, self._shares.random())
            if fault:
                self._struck[f"{fault['kind']} {fault['match']}"] += 1
        if fault is None:
            return respond()
        service = calls[0].action.partition(":")[0]
        return strike(fault, request, service, respond, lambda *words: error(request, *words))


class Gate:
    """WSGI application: another one with faults."""

    def __init__(self, application: Callable, faults: Faults):
        self._application = application
        self._faults = faults

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        respond = lambda: Response.from_app(self._application, environ)
        response = self._faults.answer(Request(environ), respond)
        if response is None:
            raise ConnectionResetError  # the server closes the connection
        return response(environ, start_response)


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
