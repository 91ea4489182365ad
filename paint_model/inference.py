"""An image model of one's own as a SageMaker endpoint: the two functions that SageMaker's serving containers call.

The Hugging Face container (multi-model-server) loads this file as ``code/inference.py``, calls `model_fn` once in each
worker and `transform_fn` for each request. Their code is in ``paint_model/serving/``, which lies beside this file, as
``code/paint_model/serving/``. The workers need numpy and Pillow; torch and diffusers are in a process that they share.
"""

import json
import logging
import traceback
from http import HTTPStatus
from typing import Protocol

import numpy as np

from paint_model.serving.client import Painter
from paint_model.serving.protocol import (
    BadRequest,
    Busy,
    Request,
    Unavailable,
    check_accept,
    read_request,
    write_answer,
)

logger = logging.getLogger(__name__)


class Paints(Protocol):
    """What `transform_fn` asks of a model."""

    def paint(self, request: Request) -> tuple[np.ndarray, float]:
        """As `Painter.paint`."""
        ...


def model_fn(model_dir: str) -> Painter:
    """Start the process that paints with the model in ``model_dir``, unless another worker has.

    Doesn't wait for it: multi-model-server calls itself healthy before any worker is, so requests come at once, and a
    refusal (503) is worth more to them than a queue that lasts until the weights are loaded.
    """
    return Painter(model_dir)


def transform_fn(model: Paints, body: bytes | str, content_type: str | None, accept: str | None, context) -> str:
    """Answer one request: return the answer's JSON text and set its HTTP status in ``context`` unless it is 200.

    The status goes through the toolkit's ``context``: it would answer any exception with 400.
    """
    try:
        request = read_request(body, content_type)
        check_accept(accept)
        return write_answer(*model.paint(request))
    except (BadRequest, Busy, Unavailable) as problem:
        status, message = problem.status_code, str(problem)
    except Exception as problem:  # without its text, which may hold a prompt
        frames = "".join(traceback.format_tb(problem.__traceback__))
        logger.error("A request failed with %s:\n%s", type(problem).__name__, frames)
        status, message = 500, "The painter failed. The endpoint's log says why."
    context.set_response_status(status, HTTPStatus(status).phrase)
    return json.dumps({"error": message})
