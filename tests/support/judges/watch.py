"""Has every exchange judged that a server of ours has in a process: the first of each kind.

A kind is an operation with its status, the headers on both sides, and the structure of both bodies: what the wire looks
like, without the values. So a kind's enums, lengths and times are judged in its first exchange alone, and the thousands
that follow cost a look at their structure.
"""

import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from local.faults import SPOILT
from local.http_server import BODY, Handler
from local.lambdas.host import LambdaHost
from local.lambdas.results import InvokeResult
from local.standins.process import StandinsProcess
from tests.support.judges.events import event_problems
from tests.support.judges.exceptions import is_excepted
from tests.support.judges.exchanges import Exchange
from tests.support.judges.wire import problems

_TAGS = re.compile(rb"<([A-Za-z][\w:]*)")


class Watch:
    """What the judges say of this process's servers. Threads may share it.

    `rests`: nothing is said for the moment. `strange`: since it rests, something would have been.
    """

    def __init__(self):
        self.rests = self.strange = False
        self.said: list[str] = []
        self.say: Callable[[str], object] = self.said.append
        self._lock = threading.Lock()
        self._seen: set[object] = set()

    def install(self) -> None:
        """From now on every server of `local.http_server` in this process is watched, and what functions are given."""
        answer, invoke, watch = Handler.answer, LambdaHost.invoke, self

        def watched(handler: Handler, request: Request) -> Response | None:
            spoilt = request.environ[SPOILT] = []  # a list: what it comes to may be given a copy of the environment
            response = answer(handler, request)
            if response is not None and not spoilt:
                watch.look(request, response)
            return response

        def given(host: LambdaHost, name: str, payload: bytes, **how: Any) -> InvokeResult:
            watch.look_at_event(payload)
            return invoke(host, name, payload, **how)

        Handler.answer, LambdaHost.invoke = watched, given

    def look(self, request: Request, response: Response) -> None:
        """Judge an exchange, if it is the first of its kind and is signed for a service."""
        exchange = exchange_of(request, response)
        if not exchange.service or exchange.method == "OPTIONS":  # no operation: CORS's preflight
            return
        if self.rests:
            self.strange = self.strange or any(not is_excepted(each) for each in problems(exchange))
        elif self._is_new(_kind(exchange)):
            self._tell(problems(exchange))

    def look_at_event(self, payload: bytes) -> None:
        """Judge what a function is given, if it is the first of its kind and an event of AWS's."""
        try:
            event = json.loads(payload)
        except ValueError:
            return  # refused by Lambda
        is_aws = isinstance(event, dict) and event.keys() & {"detail-type", "routeKey"}
        if is_aws and not self.rests and self._is_new(frozenset(_names(event, ()))):
            name = event.get("routeKey", event.get("source"))
            self._tell(f"event {name}: {each}" for each in event_problems(event))

    def _is_new(self, kind: object) -> bool:
        with self._lock:
            is_new = kind not in self._seen
            self._seen.add(kind)
            return is_new

    def _tell(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            if not is_excepted(sentence) and self._is_new(sentence):
                self.say(sentence)

    def take(self) -> list[str]:
        """What was said since the last time, here and by the stand-ins' process."""
        said = [self.said.pop(0) for _ in range(len(self.said))]
        if STANDINS_SAID.exists():
            taken = STANDINS_SAID.rename(STANDINS_SAID.with_suffix(".taken"))  # what is written from now on comes next
            said += taken.read_text().splitlines()
            taken.unlink()
        return said


STANDINS_SAID = Path(tempfile.gettempdir()) / f"photo-booth-watched-{os.getpid()}"
"""Where `tests.support.judges.standins`, the process of the stand-ins, writes what is said of it."""


class _Everywhere(Watch):
    """The one of this process and of the stand-ins that it starts."""

    def install(self) -> None:
        super().install()
        os.environ["WATCHED"] = str(STANDINS_SAID)
        StandinsProcess.module = "tests.support.judges.standins"


WATCH = _Everywhere()


def exchange_of(request: Request, response: Response) -> Exchange:
    """What went over the wire."""
    address = urlsplit(request.environ.get("RAW_URI") or request.full_path)
    return Exchange(
        request.method,
        address.path,
        address.query,
        {name.lower(): value for name, value in request.headers.items()},
        request.environ[BODY].whole,
        response.status_code,
        {name.lower(): value for name, value in response.get_wsgi_headers(request.environ).items()},
        b"" if request.method == "HEAD" else response.get_data(),
    )


def _kind(exchange: Exchange) -> object:
    """What two exchanges have in common of which one is judged."""
    asked = exchange.sent.get("x-amz-target") or (exchange.path.count("/"), *(name for name, _ in exchange.arguments))
    return (
        *(exchange.service, exchange.method, asked, exchange.status, *exchange.sent.keys(), *exchange.headers.keys()),
        *(_structure(exchange.sent, exchange.request), _structure(exchange.headers, exchange.body)),
    )


def _structure(headers: Any, body: bytes) -> object:
    """Of a body in JSON the names in it, of one in XML or of a form too; of any other one nothing."""
    kind = headers.get("content-type", "")
    if "x-amz-json" in kind or (kind == "application/json" and len(body) < 10_000):
        try:
            return frozenset(_names(json.loads(body or b"{}"), ()))
        except ValueError:
            return body[:100]
    if "xml" in kind:
        return frozenset(_TAGS.findall(body))
    return tuple(re.findall(rb"(?:^|&)([\w.]+)=", body)) if "x-www-form-urlencoded" in kind else None


def _names(value: Any, path: tuple) -> Iterator[tuple]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _names(each, (*path, name))
    elif isinstance(value, list):
        for each in value:
            yield from _names(each, (*path, 0))
    else:
        yield (*path, type(value))
