"""The painter's endpoint on SageMaker, around the serving code that is deployed: paint_model/inference.py.

What paints is the procedural painter (`Scenes`), or a model on this machine (`OwnPainter`).
"""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from werkzeug.wrappers import Request, Response

from local.standins import sagemaker
from local.standins.image_wires import Order
from local.standins.inventing import with_another_person
from local.standins.process import PAINTER_PYTHON
from paint_model import inference
from paint_model.serving import protocol
from paint_model.serving.client import Painter

FAULTS = {
    "busy": (429, "The painter is busy: others wait already."),
    "restarting": (503, "The painter is being started."),
    "failed": (500, "The painter failed. The endpoint's log says why."),
    "refused": (400, "The body must be a JSON object of image, mask, prompt and seed."),
    "off": None,
    "no-picture": None,
    "invented-person": None,
}
"""To each of `local.faults.KINDS_OF_PAINTER` the container's status and sentence, if it answers so."""

PAUSE_SECONDS = 1.0
"""How often a painter that is being started is asked again, and looked after."""

_INVENTS = "booth.invents"
"""Set in a request's environment whose picture has a person too many."""


class Scenes:
    """The procedural painter as the serving code's model. `paint` is as for `local.standins.image_models.serve`."""

    def __init__(self, paint: Callable[[Order], list[np.ndarray]]):
        self._paint = paint

    def paint(self, request: protocol.Request) -> tuple[np.ndarray, float]:
        """As `Painter.paint`."""
        began = time.monotonic()
        [picture] = self._paint(order_of(request))
        return picture, time.monotonic() - began


class OwnPainter:
    """A model on this machine: a process of its own, which is started again whenever it has ended.

    While it is being started, a request waits: nobody else could paint.

    Args:
        folder: of the model.
        seconds: the time limit of a picture.
    """

    def __init__(self, folder: Path, seconds: float):
        os.environ["PAINT_SECONDS"] = str(seconds)
        self._seconds = seconds
        self._painter = Painter(folder, PAINTER_PYTHON, sys.stdout)
        self._has_ended = threading.Event()
        threading.Thread(target=self._look_after, daemon=True).start()

    def paint(self, request: protocol.Request) -> tuple[np.ndarray, float]:
        """As `Painter.paint`."""
        until = time.monotonic() + self._seconds
        while True:
            try:
                return self._painter.paint(request)
            except protocol.Unavailable:
                if time.monotonic() + PAUSE_SECONDS > until:
                    raise
            time.sleep(PAUSE_SECONDS)

    def _look_after(self) -> None:
        """Starts it again at once: by the next visit it is loaded."""
        while not self._has_ended.wait(PAUSE_SECONDS):
            with contextlib.suppress(protocol.Unavailable):  # it ended a moment ago: again later
                self._painter.ensure()

    def end(self) -> None:
        """Ends the process, and looks after it no more."""
        self._has_ended.set()
        self._painter.end()


def order_of(request: protocol.Request) -> Order:
    """The request in the words of the procedural painter."""
    return Order(request.prompt, "", request.pixels, ~request.mask, range(request.seed, request.seed + 1))


def serve(request: Request, endpoint: str, model: inference.Paints) -> Response:
    """Answer InvokeEndpoint on the endpoint of this name."""

    def container(body: bytes, content_type: str, accept: str) -> tuple[int, str]:
        context = sagemaker.Context()
        text = inference.transform_fn(_Inventing(model, request), body, content_type, accept, context)
        return context.status, text

    return sagemaker.endpoint(request, endpoint, container)


class _Inventing:
    """A model whose picture has a person too many, if the HTTP request is to meet that fault."""

    def __init__(self, model: inference.Paints, met: Request):
        self._model, self._met = model, met

    def paint(self, request: protocol.Request) -> tuple[np.ndarray, float]:
        picture, seconds = self._model.paint(request)
        if _INVENTS in self._met.environ:
            picture = with_another_person(request.pixels, ~request.mask, picture)
        return picture, seconds


def fault(kind: str, request: Request, endpoint: str, respond: Callable[[], Response]) -> Response:
    """The endpoint's answer with the fault `kind`. `respond` lets it paint."""
    if said := FAULTS[kind]:
        status, sentence = said
        return sagemaker.model_error(endpoint, status, json.dumps({"error": sentence}))
    if kind == "off":
        return sagemaker.not_found(endpoint)
    if kind == "invented-person":
        request.environ[_INVENTS] = True
        return respond()
    return Response("{}", content_type="application/json")
