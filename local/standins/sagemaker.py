"""SageMaker runtime's InvokeEndpoint around the serving code that is deployed: sam_model/inference.py.

`endpoint` does the same around any other endpoint's container (`local.standins.painter`).

Protocol: ``POST /endpoints/{name}/invocations``. What the model's container refuses or fails at arrives at the
caller as ModelError 424 with the container's status and message inside, as it does from AWS.
"""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
from werkzeug.wrappers import Request, Response

from local.account import ACCOUNT, REGION
from sam_model import inference
from sam_model.serving.keep import KeepRequest
from sam_model.serving.people import Alphas, People
from sam_model.serving.protocol import BadRequest, Prompt

MODEL_DIR = Path(__file__).resolve().parents[2] / "models" / "sam"
MAX_BODY = 6_291_456  # of the request, in bytes: botocore's service model
PATH = re.compile(r"/endpoints/([^/]+)/invocations")


class SageMaker:
    """The service with one endpoint: called with a request, it returns the answer. Several threads may call it."""

    def __init__(self, endpoint: str, model_dir: Path = MODEL_DIR):
        self.endpoint = endpoint
        self.model = People(model_dir)  # without the endpoint's warm-up inference: 3 s

    def __call__(self, request: Request) -> Response:
        return invoke(request, self.endpoint, self.model)


class Ellipses:
    """A model that answers at once: the ellipse in each box is the mask.

    A head is that ellipse, two and a half times as large, a person also what is below it; both fade out in half a box.
    """

    def __init__(self, matte: bool = True):
        self.matte = matte

    def segment(self, pixels: np.ndarray, prompts: list[Prompt]) -> np.ndarray:
        """As the serving code's `People.segment`: bool HxW."""
        mask = np.zeros(pixels.shape[:2], bool)
        for prompt in prompts:
            across, down = _from_the_middle(prompt.box, pixels.shape)
            mask |= across**2 + down**2 <= 1
        return mask

    def alphas(self, request: KeepRequest) -> Alphas:
        """As the serving code's `People.alphas`."""
        if not self.matte:
            raise BadRequest("This endpoint has no matte.", 422)
        images = {keep: np.zeros(request.pixels.shape[:2], np.uint8) for keep in request.keep}
        for face in request.faces:
            across, down = _from_the_middle(face.box, request.pixels.shape)
            away = np.hypot(across, down)
            below = np.where(down > 0, np.abs(across), away)
            for keep, image in images.items():
                edge = away if keep == "head" else np.minimum(away, below)
                np.maximum(image, np.clip((2.5 - edge) * 255, 0, 255).astype(np.uint8), out=image)
        return Alphas(images, heads_by_matte=0)


def _from_the_middle(box: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """How far each pixel of an image of this shape lies from the middle of a box, across and down, in half boxes."""
    left, top, right, bottom = box
    y, x = np.ogrid[: shape[0], : shape[1]]
    across = (x + 0.5 - (left + right) / 2) / ((right - left) / 2)
    return across, (y + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)


class Context:
    """What the serving code sees of a serving toolkit's context: a place for the answer's HTTP status."""

    status = 200

    def set_response_status(self, code: int, phrase: str) -> None:
        self.status = code


def canned(request: Request, endpoint: str, matte: bool = True) -> Response:
    """Answer without the models, but after their checks, as `Ellipses` does."""
    return invoke(request, endpoint, Ellipses(matte))


def invoke(request: Request, name: str, model: inference.Segmenter) -> Response:
    """Answer a request to the endpoint of this name by the serving code around `model`."""

    def transform(body: bytes, content_type: str, accept: str) -> tuple[int, str]:
        context = Context()
        text = inference.transform_fn(model, body, content_type, accept, context)
        return context.status, text

    return endpoint(request, name, transform)


Container = Callable[[bytes, str, str], tuple[int, str]]
"""What an endpoint runs: body, content type and accepted types to HTTP status and text."""


def endpoint(request: Request, name: str, container: Container) -> Response:
    """Do what the service does around the container of the endpoint of this name."""
    path = PATH.fullmatch(request.path)
    if path is None or request.method != "POST":
        return error(404, "UnknownOperationException", "This stand-in answers InvokeEndpoint only.")
    if path[1] != name:
        return not_found(path[1])
    body = request.get_data()
    if len(body) > MAX_BODY:
        limit = f"Member must have length less than or equal to {MAX_BODY}"
        return error(
            400,
            "ValidationError",
            f"1 validation error detected: Value at 'body' failed to satisfy constraint: {limit}",
        )
    status, text = container(body, request.content_type or "", request.headers.get("Accept", "application/json"))
    if status != 200:
        return model_error(name, status, text)
    response = _respond(200, text)
    response.headers["x-Amzn-Invoked-Production-Variant"] = "AllTraffic"
    return response


def not_found(name: str) -> Response:
    """Return the error for an endpoint that doesn't exist, or was deleted."""
    return error(400, "ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")


def error(status: int, kind: str, message: str) -> Response:
    """Return an error in the service's format: its type in the header ``x-amzn-ErrorType``."""
    response = _respond(status, json.dumps({"Message": message}))
    response.headers["x-amzn-ErrorType"] = kind
    return response


def model_error(endpoint: str, status: int, message: str) -> Response:
    """Return the ModelError that wraps a container's answer of ``status``."""
    logs = f"/aws/sagemaker/Endpoints/{endpoint}"
    side = "client" if status < 500 else "server"
    fields = {
        "Message": f'Received {side} error ({status}) from primary with message "{message}". '
        f"See {logs} in account {ACCOUNT} for more information.",
        "OriginalMessage": message,
        "OriginalStatusCode": status,
        "LogStreamArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{logs}",
    }
    response = _respond(424, json.dumps(fields))
    response.headers["x-amzn-ErrorType"] = "ModelError"
    return response


def _respond(status: int, text: str) -> Response:
    response = Response(text, status, content_type="application/json")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response
