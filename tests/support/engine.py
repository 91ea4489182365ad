"""Runs the deployed state machine without AWS: moto's interpreter, with Lambda functions that answer by script.

The interpreter calls Lambda over HTTP, as Step Functions does. Here a server on a loopback socket answers in the
functions' place with what AWS's Invoke API answers, errors included. In the interpreter the sleep before a
retry is written down instead, the draw of its length is written down too, and one fault is mended, see `__enter__`.

Sources: the reference of Lambda's Invoke API, and the Lambda guide's page on errors of Python functions.
"""

import copy
import json
import logging
import random
import re
import threading
import time
import types
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import create_backend_app
from moto.stepfunctions.parser.asl.component.common.retry import jitter_strategy_decl, retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from werkzeug.wrappers import Request, Response

from booth.errors import kind_of
from local import http_server
from local.emulator import speed
from local.template.application import Application
from local.template.reader import load
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
STACK = "workflow-tests"

_LOG = logging.getLogger("moto.stepfunctions.parser")
_INVOKE = re.compile(r"/2015-03-31/functions/(?P<name>.+)/invocations")


def read_application() -> Application:
    """The template as the local application reads it."""
    attributes = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "pictures.example"}
    return load(ROOT / "template.yaml", stack=STACK, region=REGION, attributes=attributes)


def tasks_of(states: Mapping[str, dict]) -> dict[str, dict]:
    """All Task states by name, those inside of Maps included; `states` is an ASL object `States`."""
    found = {}
    for name, state in states.items():
        if state["Type"] == "Task":
            found[name] = state
        elif state["Type"] == "Map":
            found |= tasks_of(state["ItemProcessor"]["States"])
    return found


def change(*path: str | int, remove: Iterable[str] = (), **fields: object) -> Callable[[Any], None]:
    """A change of the object at `path` in a definition: fields of it removed, then others given or given anew."""

    def change(definition: Any) -> None:
        for name in path:
            definition = definition[name]
        for name in remove:
            del definition[name]
        definition |= fields

    return change


# What Lambda answers


@dataclass(frozen=True)
class Answer:
    """An answer of the Invoke API: HTTP status, headers, and a body that becomes JSON."""

    status: int
    headers: Mapping[str, str]
    body: object


def ok(result: object) -> Answer:
    """The function returned `result`."""
    return Answer(200, {}, result)


def error(name: str, message: str = "the exception's text") -> Answer:
    """The function raised an exception of the class `name`, or Lambda ended it and calls that `name`."""
    body = {"errorMessage": message, "errorType": name, "requestId": str(uuid.uuid4()), "stackTrace": []}
    return Answer(200, {"X-Amz-Function-Error": "Unhandled"}, body)


def refusal(status: int, name: str) -> Answer:
    """Lambda itself refused the call or broke."""
    return Answer(status, {"x-amzn-ErrorType": name}, {"Type": "Service", "message": "Lambda's own words"})


HANG = "no answer before the execution has ended"


_STATUS = {"TooManyRequestsException": 429, "ResourceNotFoundException": 404}
"""The HTTP statuses of Lambda's exceptions, by its service model; 500 for the others that are played."""


def failing(name: str) -> Answer:
    """The answer that makes the machine see the error `name`.

    `Lambda.X` is what Step Functions calls an exception X of Lambda's API. Those that its own SDK makes
    (SdkClientException, ClientExecutionTimeoutException) have no wire form; the interpreter names them the same way.
    """
    service, _, exception = name.partition(".")
    if service != "Lambda" or exception == "Unknown":
        return error(name)
    return refusal(_STATUS.get(exception, 500), exception)


# What a run does


@dataclass(frozen=True)
class Call:
    """One invocation: logical id of the function, and the payload it got."""

    function: str
    payload: dict


@dataclass
class Run:
    """An execution of the machine: what the functions will answer, then what happened.

    `script` gives a function's answers, in order, by its logical id, or by id and number ("SegmentCrop", 3) for one
    item of a Map; where it says nothing (more) the function succeeds. An answer may be a callable that gives it, or
    None for success. `at_once` is how many crops, or pictures, are made at once; with `wall` the visitor agrees to the
    event's wall. After the end, `end` is the last state, `status` Step Functions' own, `output` the parsed output of a
    success, `error` and `cause` a failure's, `waits` the seconds before each retry in order, `longest_waits` those that
    its jitter was drawn from, `history` the events as GetExecutionHistory gives them.
    """

    crops: int
    pictures: int
    script: dict[str | tuple[str, int], Iterator[Answer | str | Callable[[], Answer | None]]]
    at_once: int = 10
    wall: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    calls: list[Call] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    longest_waits: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    status: str = "RUNNING"
    end: str = ""
    output: dict | None = None
    error: str | None = None
    cause: str | None = None
    history: list[dict] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def payloads(self, function: str, **number: int) -> list[dict]:
        """What the function was given, call by call; `crop=` or `picture=` keeps one item's calls."""
        called = [call.payload for call in self.calls if call.function == function]
        return [payload for payload in called if number.items() <= payload.items()]

    @property
    def called(self) -> list[str]:
        """The functions in the order of their first calls."""
        return list(dict.fromkeys(call.function for call in self.calls))

    @property
    def finish(self) -> dict:
        """What Finish was given, last."""
        return self.payloads("Finish")[-1]

    def answer(self, function: str, payload: dict) -> Answer | str:
        """The next answer of the function to `payload`."""
        number = payload.get("crop", payload.get("picture"))
        with self._lock:
            self.calls.append(Call(function, payload))
            for key in ((function, number), function):
                scripted = next(self.script.get(key, iter(())), None)
                if scripted is not None:
                    break
        if callable(scripted):
            scripted = scripted()
        return ok(self._result(function, payload)) if scripted is None else scripted

    def _result(self, function: str, payload: dict) -> dict:
        """What the function returns when all is well."""
        return {
            "DetectFaces": lambda: {"faces": self.crops},
            "CropFaces": lambda: {"crops": list(range(self.crops)), "at_once": self.at_once},
            "SegmentCrop": lambda: {"crop": payload["crop"]},
            "MergeMasks": lambda: self._turns(range(1, self.pictures + 1)),
            "Admit": lambda: self._turns(payload["pictures"]),
            "GenerateImage": lambda: {"picture": payload["picture"], "wall": self.wall},
            "ModeratePicture": lambda: {"picture": payload["picture"]},
            "Finish": lambda: _settled(payload),
        }[function]()

    def _turns(self, pictures: Iterable[int]) -> dict:
        return {"turns": [{"picture": number, "wait": 0} for number in pictures], "at_once": self.at_once}


def _settled(payload: dict) -> dict:
    """What Finish returns, told by its payload: here no picture shows elsewhere."""
    pictures = payload.get("pictures", [])
    failed = [picture["error"] for picture in pictures if "error" in picture]
    if len(failed) < len(pictures):
        return {"status": "PARTIAL" if failed else "SUCCEEDED", "error": "None"}
    name = payload["error"]["Error"] if "error" in payload else failed[0]
    return {"status": "FAILED", "error": kind_of(name).__name__}


# The interpreter


class Engine:
    """The interpreter with the photo machine in it. Use it as a context manager; it runs one execution at a time."""

    def __init__(self):
        application = read_application()
        [machine] = application.state_machines.values()
        self.definition = machine.definition
        tasks = tasks_of(self.definition["States"]).values()
        self.function_arns = {task["Parameters"]["FunctionName"] for task in tasks}
        self._functions = {function.name: name for name, function in application.functions.items()}
        self._runs: dict[str, Run] = {}
        self._waits: list[float] = []
        self._longest_waits: list[float] = []
        self._machines: dict[str, str] = {}

    def __enter__(self) -> "Engine":
        step_functions = create_backend_app("stepfunctions")

        def aws(environ, start_response):
            invoked = _INVOKE.fullmatch(environ["PATH_INFO"])
            return (self._invoke if invoked else step_functions)(environ, start_response)

        speed.patch_moto()
        self._server = http_server.serve(http_server.listen(0), aws)
        self._patch = pytest.MonkeyPatch()
        self._patch.setenv("MOTO_PORT", str(self._server.port))  # where the interpreter looks for Lambda
        self._patch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
        self._patch.setattr(retrier_decl, "time", types.SimpleNamespace(sleep=self._waits.append))
        self._patch.setattr(jitter_strategy_decl, "random", types.SimpleNamespace(uniform=self._draw))
        # A retrier counts under a key that is made when it is first asked for. Two items of a Map that fail at the
        # same moment get a key each, and one of them then starts to count anew.
        self._patch.setattr(EvalComponent, "heap_key", property(id))
        _LOG.setLevel(logging.CRITICAL)  # it logs its whole inner state for every error
        self._client = boto3.client(
            "stepfunctions",
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{self._server.port}",
            aws_access_key_id="AKIATEST",
            aws_secret_access_key="a secret",
        )
        return self

    def __exit__(self, *_: object) -> None:
        _LOG.setLevel(logging.NOTSET)
        self._patch.undo()
        self._server.shutdown()

    def run(
        self,
        script: Mapping[str | tuple[str, int], Iterable[Answer | str]] | None = None,
        *,
        crops: int = 1,
        pictures: int = 1,
        at_once: int = 10,
        wall: bool = False,
        definition: dict | None = None,
    ) -> Run:
        """Run the machine to its end, with `crops` crops and `pictures` scenes in the photo, `at_once` of each at once.

        With `wall` its visitor agrees to the event's wall.

        Args:
            script: the functions' answers, see `Run`.
            definition: another definition than the deployed one.
        """
        run = Run(crops, pictures, {key: iter(answers) for key, answers in (script or {}).items()}, at_once, wall)
        self._runs[run.id] = run
        self._waits.clear()
        self._longest_waits.clear()
        arn = self._client.start_execution(
            stateMachineArn=self._machine(definition or self.definition), name=run.id, input=json.dumps({"run": run.id})
        )["executionArn"]
        try:
            told = self._await_end(arn)
        finally:
            run.over.set()
        run.waits, run.longest_waits = list(self._waits), list(self._longest_waits)
        run.status, run.error, run.cause = told["status"], told.get("error"), told.get("cause")
        run.output = json.loads(told["output"]) if "output" in told else None
        pages = self._client.get_paginator("get_execution_history").paginate(executionArn=arn)
        run.history = [event for page in pages for event in page["events"]]
        entered = [event["stateEnteredEventDetails"] for event in run.history if "stateEnteredEventDetails" in event]
        run.end = entered[-1]["name"]
        return run

    def with_timeout(self, task: str, seconds: int) -> dict:
        """The definition with another TimeoutSeconds of one Task."""
        definition = copy.deepcopy(self.definition)
        tasks_of(definition["States"])[task]["TimeoutSeconds"] = seconds
        return definition

    def _draw(self, shortest: float, longest: float) -> float:
        self._longest_waits.append(longest)
        return random.uniform(shortest, longest)

    def _machine(self, definition: dict) -> str:
        """ARN of a state machine with this definition."""
        text = json.dumps(definition)
        if text not in self._machines:
            self._machines[text] = self._client.create_state_machine(
                name=f"{STACK}-{uuid.uuid4()}",
                definition=text,
                roleArn=f"arn:aws:iam::123456789012:role/{STACK}",
            )["stateMachineArn"]
        return self._machines[text]

    def _await_end(self, arn: str) -> dict:
        until = time.monotonic() + PATIENCE
        while (told := self._client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < until, "the execution does not end"
            time.sleep(0.03)
        return told

    def _invoke(self, environ, start_response):
        """Lambda's Invoke, for all functions of the template."""
        request = Request(environ)
        arn = unquote(_INVOKE.fullmatch(request.path)["name"])
        payload = json.loads(request.get_data())
        run = self._runs[payload["run"]]
        answer = run.answer(self._functions[arn.rpartition(":")[2]], payload)
        if answer is HANG:
            run.over.wait()
            answer = ok({})
        headers = {"x-amzn-RequestId": str(uuid.uuid4()), "X-Amz-Executed-Version": "$LATEST", **answer.headers}
        response = Response(json.dumps(answer.body), answer.status, headers, content_type="application/json")
        return response(environ, start_response)
