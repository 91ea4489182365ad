"""All stand-ins in one process behind one loopback port, told apart by their wire protocols.

X-Amz-Target: RekognitionService.*    Rekognition
/endpoints/...                        SageMaker runtime
/model/...                            Bedrock runtime
GET /health                           200 once every model is loaded, 503 before
GET, PUT, DELETE /standins/{service}  how a service behaves: see `Behaviour`
GET, PUT /authority                   whose calls are allowed by which policies, and what was called: see `local.iam`
GET, PUT /faults                      what goes wrong with whose calls, and what was called: see `local.faults`
"""

import copy
import json
import math
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from werkzeug.wrappers import Request, Response

from local import http_server, iam
from local.faults import Fault, Faults, line_of, read, strike, take
from local.standins import image_models, image_wires, painter, rekognition, sagemaker

if TYPE_CHECKING:
    from local.standins.bedrock import Bedrock

FLAT_COLOUR = (96, 128, 160)  # RGB of what Bedrock's canned answer generates

Service = Callable[[Request], Response]


class Behaviour:
    """What one stand-in was told to do, and how often it was called. Set as a whole, in JSON:

    ``latency``  seconds that a call takes at least, whatever computes the answer; 0 by default. Or an object with
                 ``median`` (seconds), ``sigma`` and ``seed``: log-normal, as models' times are spread; sigma is the
                 standard deviation of the time's logarithm. The same seed gives the same times in the same order
                 New settings end it, and what a fault waits for, for calls that are under way
    ``canned``   null: the model answers; else an object with the canned answer's parameters (see `CANNED`)
    ``quota``    null, or how often a minute each thing may be called; more is answered as the fault "throttled".
                 The minute slides: what was answered in the last 60 s counts
    ``faults``   a list of faults, see `local.faults`; one of them is done in place of the answer

    A share is drawn from a generator with a fixed seed: the same calls in the same order meet the same faults.
    Several threads may use it.

    Args:
        own: kinds of faults that only this service has.
        clock: seconds.
    """

    def __init__(self, own: Collection[str] = (), clock: Callable[[], float] = time.monotonic):
        self._own = own
        self._clock = clock
        self._lock = threading.Lock()
        self.changed = threading.Event()
        """Set, and another one made, when new settings come."""
        self.reset()

    def reset(self) -> None:
        """Forget every setting and the counts."""
        with self._lock:
            self.latency, self.canned, self.quota = 0.0, None, None
            self.faults: list[Fault] = []
            self._times, self._shares = random.Random(), random.Random(1)
            self._end_waits()
            self.calls = self.failures = self.throttled = self.received = self.sent = 0
            self._minute: dict[str, deque[float]] = defaultdict(deque)

    def set(self, settings: object) -> None:
        """Take new settings; what they don't name gets its default. Raises `ValueError` and keeps the old ones."""
        if not isinstance(settings, dict) or not settings.keys() <= {"latency", "canned", "faults", "quota"}:
            raise ValueError("settings are an object with latency, canned, faults and quota")
        latency, canned = settings.get("latency", 0), settings.get("canned")
        seed = _checked_latency(latency)
        if canned is not None and not isinstance(canned, dict):
            raise ValueError("canned is null or an object")
        quota = settings.get("quota")
        if quota is not None and (type(quota) is not int or quota < 1):
            raise ValueError("quota is null or a number of requests a minute")
        faults = read(settings.get("faults", []), self._own)
        with self._lock:
            self.latency, self.canned, self.faults, self.quota = latency, canned, faults, quota
            self._times, self._shares = random.Random(seed), random.Random(1)
            self._end_waits()

    def _end_waits(self) -> None:
        self.changed.set()
        self.changed = threading.Event()

    def next_latency(self) -> float:
        """The seconds that the next call takes at least."""
        with self._lock:
            if isinstance(self.latency, dict):
                return self._times.lognormvariate(math.log(self.latency["median"]), self.latency["sigma"])
            return self.latency

    def next_fault(self, called: str, line: str = "") -> Fault | None:
        """Count a call to ``called`` (action and resource) and use up one time of the fault it meets, if any.

        ``line`` names the call to faults; by default the operator's.
        """
        with self._lock:
            self.calls += 1
            fault = take(self.faults, [line or f"Operator {called}"], self._shares.random())
            if fault is None and not self._is_within_quota(called):
                return cast(Fault, {"kind": "throttled"})
            return fault

    def _is_within_quota(self, called: str) -> bool:
        """Count a call against the quota, if there is one and it isn't used up."""
        if self.quota is None:
            return True
        minute, now = self._minute[called], self._clock()
        while minute and minute[0] <= now - 60:
            minute.popleft()
        if len(minute) >= self.quota:
            self.throttled += 1
            return False
        minute.append(now)
        return True

    def count(self, received: int, response: Response | None) -> None:
        """Count a call's bytes, and whether it ended in an error or without an answer."""
        with self._lock:
            self.received += received
            self.sent += len(response.get_data()) if response else 0
            self.failures += response is None or response.status_code >= 400

    def describe(self) -> dict:
        """Return the settings, with the times left, and what was counted so far."""
        with self._lock:
            names = ("latency", "canned", "faults", "quota", "calls", "failures", "throttled", "received", "sent")
            return copy.deepcopy({name: getattr(self, name) for name in names})


def _checked_latency(latency: Any) -> int | None:
    """The seed of a latency, None for a fixed one. Raises `ValueError` if it is none."""
    if type(latency) in (int, float) and 0 <= latency < 3600:
        return None
    if isinstance(latency, dict) and latency.keys() == {"median", "sigma", "seed"}:
        median, sigma, seed = latency["median"], latency["sigma"], latency["seed"]
        numbers = type(median) in (int, float) and type(sigma) in (int, float) and type(seed) is int
        if numbers and 0 < median < 3600 and 0 <= sigma <= 1:
            return seed
    raise ValueError("latency is a number of seconds, or an object with median, sigma (0..1) and seed")


class StandIns:
    """WSGI application: the services behind their routes.

    ``loaders`` by service name; each is called once, in a thread of its own. ``endpoint``: the name of Segment
    Anything's, the service "sagemaker"; ``paint_endpoint``: that of the painter's, the service "painter".
    """

    def __init__(self, loaders: dict[str, Callable[[], Service]], endpoint: str, paint_endpoint: str = ""):
        self.endpoints = {"sagemaker": endpoint, "painter": paint_endpoint}
        self.authority = iam.Authority()
        self.faults = Faults({})
        kinds = {"bedrock": image_models.FAULTS, "painter": painter.FAULTS}
        self.behaviours = {name: Behaviour(kinds.get(name, ())) for name in loaders}
        pool = ThreadPoolExecutor(len(loaders), thread_name_prefix="load")
        self.services: dict[str, Future[Service]] = {name: pool.submit(load) for name, load in loaders.items()}
        pool.shutdown(wait=False)

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        """The stand-ins as a WSGI application."""
        response = self.answer(Request(environ))
        if response is None:
            raise ConnectionResetError  # the server closes the connection
        return response(environ, start_response)

    def wait(self) -> None:
        """Wait until every service is loaded. Raises what the first that failed raised."""
        for service in self.services.values():
            service.result()

    def answer(self, request: Request) -> Response | None:
        """Answer a request; None closes the connection without an answer."""
        if request.path == "/health":
            ready = all(service.done() and not service.exception() for service in self.services.values())
            return _json(200 if ready else 503, {"ready": ready})
        head, _, rest = request.path.lstrip("/").partition("/")
        if head == "standins" and rest in self.behaviours:
            return self._configure(request, self.behaviours[rest])
        if request.path == "/authority":
            return self._authority(request)
        if request.path == "/faults":
            return self._faults(request)
        return self.faults.answer(request, lambda: self._answer_call(request, head))

    def _answer_call(self, request: Request, head: str) -> Response | None:
        if refusal := iam.refused(self.authority, request):
            return refusal
        if request.headers.get("X-Amz-Target", "").startswith("RekognitionService."):
            return self._serve("rekognition", request)
        is_painter = request.path == f"/endpoints/{self.endpoints['painter']}/invocations"
        service = {"endpoints": "painter" if is_painter else "sagemaker", "model": "bedrock"}.get(head)
        if service in self.services:
            return self._serve(service, request)
        return _json(404, {"message": f"No stand-in answers {request.method} {request.path}."})

    def _configure(self, request: Request, behaviour: Behaviour) -> Response:
        if request.method == "PUT":
            try:
                behaviour.set(json.loads(request.get_data()))
            except (TypeError, ValueError) as problem:
                return _json(400, {"message": str(problem)})
        elif request.method == "DELETE":
            behaviour.reset()
        elif request.method != "GET":
            return _json(405, {"message": "GET, PUT or DELETE"})
        return _json(200, behaviour.describe())

    def _authority(self, request: Request) -> Response:
        if request.method == "PUT":
            self.authority.decide_like(request.get_data())
            self.faults.names = self.authority.names
        return _json(200, self.authority.record())

    def _faults(self, request: Request) -> Response:
        if request.method == "PUT":
            self.faults.set(json.loads(request.get_data()))
        return _json(200, self.faults.record())

    def _serve(self, name: str, request: Request) -> Response | None:
        started = time.monotonic()
        behaviour = self.behaviours[name]
        changed, latency = behaviour.changed, behaviour.next_latency()
        response = self._outcome(name, request, behaviour, changed)
        behaviour.count(len(request.get_data()), response)
        changed.wait(max(0.0, started + latency - time.monotonic()))
        return response

    def _outcome(self, name: str, request: Request, behaviour: Behaviour, changed: threading.Event) -> Response | None:
        def respond() -> Response:
            if behaviour.canned is None:
                return self.services[name].result()(request)
            return CANNED[name](request, self.endpoints.get(name, ""), behaviour.canned)

        key, region = iam.caller_of(request)
        call = iam.calls_of(request, b"{}", region)[0]  # path and headers say what is called
        line = line_of(self.authority.names.get(key, "Operator"), call, request.get_data())
        fault = behaviour.next_fault(f"{call.action} {call.resource}", line)
        if fault is None:
            return respond()
        if name == "painter" and fault["kind"] in painter.FAULTS:
            return painter.fault(fault["kind"], request, self.endpoints[name], respond)
        if fault["kind"] in image_models.FAULTS:
            return image_models.fault(fault["kind"], request, respond)
        service = "sagemaker" if name in self.endpoints else name
        return strike(fault, request, service, respond, lambda *words: self._error(name, *words), changed.wait)

    def _error(self, name: str, status: int, kind: str, message: str) -> Response:
        if name == "rekognition":
            return rekognition.error(status, kind, message)
        if name in self.endpoints and kind == "ModelError":
            return sagemaker.model_error(self.endpoints[name], 500, message)
        if name in self.endpoints:
            return sagemaker.error(status, kind, message)
        return image_wires.error(status, kind, message)


def _canned_picture(order: image_wires.Order) -> list[np.ndarray]:
    """The kept (black) region on a flat colour, for each seed."""
    pixels = np.where(order.kept[..., None], order.photo, np.array(FLAT_COLOUR, np.uint8))
    return [pixels] * len(order.seeds)


# The canned answers by service: called with the request, the endpoint's name and the parameters set.
CANNED: dict[str, Callable[[Request, str, dict[str, Any]], Response]] = {
    "rekognition": lambda request, _, canned: rekognition.canned(
        request, canned.get("faces", 1), canned.get("labels", {})
    ),
    "sagemaker": lambda request, endpoint, canned: sagemaker.canned(request, endpoint, canned.get("matte", True)),
    "bedrock": lambda request, _endpoint, _canned: image_models.serve(request, _canned_picture),
    "painter": lambda request, endpoint, _canned: painter.serve(request, endpoint, painter.Scenes(_canned_picture)),
}


def serve_until_ended(port: int, endpoint: str, paint_endpoint: str, own: painter.OwnPainter | None) -> None:
    """Serve every stand-in until the process is ended. ``own`` paints behind ``paint_endpoint`` if there is one.

    Raises what a model that can't be loaded raises.
    """
    stand_ins = StandIns(
        {
            "rekognition": rekognition.Rekognition,
            "sagemaker": lambda: sagemaker.SageMaker(endpoint),
            "bedrock": _load_bedrock,
            "painter": lambda: partial(
                painter.serve, endpoint=paint_endpoint, model=own or painter.Scenes(_load_bedrock().paint)
            ),
        },
        endpoint,
        paint_endpoint,
    )
    server = http_server.serve(http_server.listen(port), stand_ins)
    print(f"Stand-ins on http://127.0.0.1:{server.port}; their models are being loaded.", flush=True)
    stand_ins.wait()
    print("The stand-ins are ready.", flush=True)
    threading.Event().wait()


def _load_bedrock() -> "Bedrock":
    from local.standins.bedrock import BEDROCK  # brings the scene painter, which the other services don't need

    return BEDROCK


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
