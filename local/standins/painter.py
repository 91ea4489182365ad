"""The painter's endpoint on SageMaker: procedural scenes behind the wire format of paint_model/."""

import json
import time
from collections.abc import Callable

import numpy as np
from werkzeug.wrappers import Request, Response

from local.standins import painter_wire, sagemaker
from local.standins.image_wires import Order
from local.standins.inventing import with_another_person

Paint = Callable[[Order], list[np.ndarray]]

FAULTS = {
    "busy": (429, "The painter is busy: the queue is full."),
    "restarting": (503, "The painter is being started again."),
    "failed": (500, "The painter failed. The endpoint's log says why."),
    "refused": (400, "The request is not one that the painter takes."),
    "off": None,
    "no-picture": None,
    "invented-person": None,
}
"""To each of `local.faults.KINDS_OF_PAINTER` the container's status and sentence, if it answers so."""

_INVENTS = "booth.invents"
"""Set in a request's environment whose picture has a person too many."""


def serve(request: Request, endpoint: str, paint: Paint) -> Response:
    """Answer InvokeEndpoint on the endpoint of this name. `paint` is as for `local.standins.image_models.serve`."""

    def container(body: bytes, content_type: str, accept: str) -> tuple[int, str]:
        try:
            asked = painter_wire.read_request(body, content_type)
        except painter_wire.BadRequest as problem:
            return problem.status_code, json.dumps({"error": str(problem)})
        began = time.monotonic()
        order = Order(asked.prompt, "", asked.pixels, ~asked.mask, range(asked.seed, asked.seed + 1))
        [picture] = paint(order)
        if _INVENTS in request.environ:
            picture = with_another_person(order.photo, order.kept, picture)
        return 200, painter_wire.write_answer(picture, time.monotonic() - began)

    return sagemaker.endpoint(request, endpoint, container)


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
