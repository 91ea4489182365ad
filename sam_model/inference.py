"""Segment Anything and a matte as a SageMaker endpoint: the two functions that SageMaker's serving containers call.

The PyTorch container (sagemaker-pytorch-inference on TorchServe) and the Hugging Face container (multi-model-server)
load this file as ``code/inference.py``, call `model_fn` once in each worker and `transform_fn` for each request.
Their code is in ``sam_model/serving/``, which lies beside this file in the archive, as ``code/sam_model/serving/``. All
of it needs numpy, Pillow and ONNX Runtime only.
"""

import json
import logging
from http import HTTPStatus
from typing import Protocol

import numpy as np

from sam_model.serving.keep import Face, KeepRequest, read_keep
from sam_model.serving.people import Alphas, People
from sam_model.serving.protocol import (
    BadRequest,
    Prompt,
    check_accept,
    read_fields,
    read_request,
    write_alphas,
    write_answer,
)

logger = logging.getLogger(__name__)


class Segmenter(Protocol):
    """What `transform_fn` asks of a model."""

    def segment(self, pixels: np.ndarray, prompts: list[Prompt]) -> np.ndarray:
        """As `SegmentAnything.segment`."""
        ...

    def alphas(self, request: KeepRequest) -> Alphas:
        """As `People.alphas`."""
        ...


def model_fn(model_dir: str) -> People:
    """Load the models in ``model_dir`` and run them once, so that the first request doesn't wait for allocations.

    Raises ONNX Runtime's errors for missing or broken files and `ValueError` for an export with another interface.
    """
    _keep_bodies_as_bytes()
    model = People(model_dir)
    pixels, box = np.zeros((64, 64, 3), np.uint8), np.array([8, 8, 56, 56], np.float32)
    model.segment(pixels, [Prompt(box, np.zeros((0, 2), np.float32))])
    if model.matte:
        model.alphas(KeepRequest(pixels, ("person",), [Face(box, {})], seconds=0))
    return model


def transform_fn(model: Segmenter, body: bytes | str, content_type: str | None, accept: str, context) -> str:
    """Answer one request: return the answer's JSON text and set its HTTP status in ``context`` unless it is 200.

    The status goes through the serving toolkit's ``context`` because none of them answers an exception well:
    sagemaker-inference appends the stack trace to its own error class's message and makes 500 of all others, the
    Hugging Face toolkit makes 400 of everything, a failing model included.
    """
    try:
        fields = read_fields(body, content_type)
        if "keep" in fields:
            return _alphas(model, read_keep(fields), accept)
        request = read_request(fields)
        check_accept(accept)
        return write_answer(model.segment(request.pixels, request.prompts))
    except BadRequest as problem:
        status, message = problem.status_code, str(problem)
    except Exception:
        logger.exception("The model failed.")
        status, message = 500, "The model failed. The endpoint's log says why."
    context.set_response_status(status, HTTPStatus(status).phrase)
    return json.dumps({"code": status, "message": message})


def _alphas(model: Segmenter, request: KeepRequest, accept: str) -> str:
    check_accept(accept)
    found = model.alphas(request)
    return write_alphas(found.images, found.heads_by_matte)


def _keep_bodies_as_bytes() -> None:
    """Have sagemaker-inference, if it is the toolkit, hand over JSON bodies as they came.

    It decodes them itself before it calls `transform_fn`, and answers a body that is no UTF-8 with its stack trace.
    """
    try:
        from sagemaker_inference.content_types import UTF8_TYPES  # pyright: ignore[reportMissingImports]  the container's
    except ImportError:
        return
    UTF8_TYPES[:] = [kind for kind in UTF8_TYPES if kind != "application/json"]
