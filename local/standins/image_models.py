"""Bedrock's image models for the stand-in: which of them answers in which Region, and what they say when they can't."""

import base64
import io
import json
from collections.abc import Callable

import numpy as np
from PIL import Image
from werkzeug.wrappers import Request, Response

from local.iam import caller_of
from local.standins.image_wires import MAX_BODY, Amazon, Filtered, Inpaint, Order, Refused, error
from local.standins.inventing import with_another_person

US = frozenset({"us-east-1", "us-east-2", "us-west-2"})
_TITAN = Amazon(frozenset({"us-east-1", "us-west-2"}), 512, (1, 1408), 1408 * 1408, 1408, may_size=True)
_NOVA = Amazon(frozenset({"us-east-1", "eu-west-1", "ap-northeast-1"}), 1024, (320, 4096), 4_194_303, 4, may_size=False)
PROFILES_ONLY = "stability.stable-image-inpaint-v1:0"
MODELS: dict[str, Amazon | Inpaint] = {
    "amazon.titan-image-generator-v1": _TITAN,
    "amazon.titan-image-generator-v2:0": _TITAN,
    "amazon.nova-canvas-v1:0": _NOVA,
    f"us.{PROFILES_ONLY}": Inpaint(US),
}
"""By the id that InvokeModel is called with. Regions as on the model cards; Titan v1 has none left, and gets v2's."""

FAULTS = {
    # Public repositories quote these two sentences, for Titan and Nova Canvas, too.
    "retired": (
        404,
        "ResourceNotFoundException",
        "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
    ),
    "legacy": (
        404,
        "ResourceNotFoundException",
        "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in "
        "the last 30 days. Please upgrade to an active model on Amazon Bedrock",
    ),
    # The pull request 1811 of Tracer-Cloud/opensre; "AWS Marketplace Agreement Failed" of Bedrock's error codes.
    "unpaid": (
        403,
        "AccessDeniedException",
        "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.. Your "
        "AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this "
        "issue, try again after 2 minutes.",
    ),
    # Public code for Nova Canvas; no page of AWS's has it.
    "filtered-exception": (
        400,
        "ValidationException",
        "Content in the all of the generated image(s) has been blocked and has been filtered from the response.",
    ),
    # Nobody's: a sentence that is not known yet.
    "unheard-of": (403, "AccessDeniedException", "The canvas of this request is at odds with its frame."),
    "no-picture": {},
    "filtered-prompt": "prompt",
    "filtered-input": "input",
    "filtered-output": "output",
    "inference-error": None,
    "invented-person": None,
}
"""To each of `local.faults.KINDS_OF_IMAGE_MODELS` Bedrock's error, a body with HTTP 200, or what was filtered, in the
model's words."""


_INVENTS = "booth.invents"
"""Set in a request's environment whose pictures have a person too many."""


def fault(kind: str, request: Request, respond: Callable[[], Response]) -> Response:
    """The answer of the model that `request` calls, with the fault `kind`. `respond` lets it paint."""
    if kind == "invented-person":
        request.environ[_INVENTS] = True
        return respond()
    said = FAULTS[kind]
    if isinstance(said, tuple):
        return error(*said)
    if isinstance(said, dict):
        return Response(json.dumps(said), content_type="application/json")
    model = MODELS.get(called(request)[0], _TITAN)
    return model.filtered(said) if said else model.inference_error()


def called(request: Request) -> tuple[str, str]:
    """Model id and Region of an InvokeModel. The Region is the one that the request is signed for."""
    return request.path.removeprefix("/model/").removesuffix("/invoke"), caller_of(request)[1]


def serve(request: Request, paint: Callable[[Order], list[np.ndarray]]) -> Response:
    """Answer `POST /model/{modelId}/invoke`; all else is Bedrock's UnknownOperationException (404).

    `paint` gives uint8 HxWx3 for each of the order's seeds.
    """
    if request.method != "POST" or not (request.path.startswith("/model/") and request.path.endswith("/invoke")):
        return error(404, "UnknownOperationException", "Unknown operation")
    name, region = called(request)
    try:
        model, order = _read(name, region, request.get_data())
    except Refused as refusal:
        return error(400, "ValidationException", str(refusal))
    except Filtered as filtered:
        return MODELS[name].filtered(str(filtered))
    pictures = paint(order)
    if _INVENTS in request.environ:
        pictures = [with_another_person(order.photo, order.kept, picture) for picture in pictures]
    return model.answer(order, [_encoded(picture, order.form) for picture in pictures])


def _read(name: str, region: str, body: bytes) -> tuple[Amazon | Inpaint, Order]:
    """Check a request in the service's order. Raises Refused, Filtered."""
    if name == PROFILES_ONLY:
        raise Refused(
            # Word by word Bedrock's, with its apostrophe.
            f"Invocation of model ID {name} with on-demand throughput isn’t supported. Retry your request with the ID "  # noqa: RUF001
            "or ARN of an inference profile that contains this model."
        )
    model = MODELS.get(name)
    if model is None or region not in model.regions:
        raise Refused("The provided model identifier is invalid.")
    if len(body) > MAX_BODY:
        raise Refused(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BODY}"
        )
    try:
        request = json.loads(body)
    except ValueError:
        raise Refused("Malformed input request, please reformat your input and try again.") from None
    return model, model.read(request)


def _encoded(picture: np.ndarray, form: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form, **({"compress_level": 1} if form == "PNG" else {"quality": 95}))
    return base64.b64encode(buffer.getvalue()).decode()
