"""The two wire formats of Bedrock's image models, for the stand-in.

Amazon's OUTPAINTING (Titan Image Generator, Nova Canvas) and Stability AI's inpainting. Requests are checked against
the models' pages. Refusals are in AWS's own words where those are known; where they aren't (sizes, masks, undecodable
pictures) the stand-in says what is wrong in its own.
"""

import base64
import io
import json
import secrets
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jsonschema import Draft7Validator, validators
from PIL import Image, ImageFilter
from werkzeug.wrappers import Response

MAX_BODY = 25_000_000  # bytes, InvokeModel's body
BLOCKED_WORDS = frozenset({"blood", "bloody", "gore", "gory", "naked", "nude", "nudity", "porn"})


@dataclass(frozen=True)
class Order:
    """A valid request: what to paint, into which photo (uint8 HxWx3), `kept` (bool HxW, the mask's black).

    `form` is the format of the pictures to answer with: PNG, JPEG or WEBP.
    """

    text: str
    negative: str
    photo: np.ndarray
    kept: np.ndarray
    seeds: range
    form: str = "PNG"


class Refused(Exception):
    """A ValidationException (HTTP 400) with its message."""


class Filtered(Exception):
    """The content filter refused what came in: "prompt" or "input"."""


# Amazon


def _text(longest: int) -> dict:
    return {"type": "string", "minLength": 1, "maxLength": longest}


@dataclass(frozen=True)
class Amazon:
    """Titan's and Nova Canvas's format, with one model's limits."""

    regions: frozenset[str]
    longest_text: int
    sides: tuple[int, int]
    most_pixels: int
    most_aspect: float
    may_size: bool
    """Whether width and height may be given."""

    def read(self, request: Any) -> Order:
        """The order in a request (JSON). Raises Refused, Filtered."""
        task = request.get("taskType") if isinstance(request, dict) else None
        if isinstance(task, str) and task != "OUTPAINTING":
            raise Refused("This stand-in paints OUTPAINTING only; the task type was another.")
        self._check_schema(request)
        params, config = request["outPaintingParams"], request.get("imageGenerationConfig", {})
        if "maskImage" not in params:
            raise Refused("This stand-in needs maskImage; it cannot find a mask from a maskPrompt.")
        if "maskPrompt" in params:
            raise Refused("Only one of maskPrompt and maskImage may be given.")
        _filter(params["text"])
        photo, mask = (_picture(params[name], name, ("JPEG", "PNG")) for name in ("image", "maskImage"))
        for name, picture in (("image", photo), ("maskImage", mask)):
            _check_size(name, picture.size, self.sides, self.most_pixels, self.most_aspect)
        if photo.size != mask.size:
            raise Refused(f"The mask image's size {mask.size} differs from the image's size {photo.size}.")
        if photo.has_transparency_data and np.asarray(photo.convert("RGBA"))[..., 3].min() < 255:
            raise Refused("The image has transparent pixels; it must be opaque.")
        grey = np.asarray(mask.convert("L"))
        if not np.isin(grey, (0, 255)).all():
            raise Refused("The mask image holds pixels that are neither pure black nor pure white.")
        first = config.get("seed", 42)
        seeds = range(first, first + config.get("numberOfImages", 1))
        return Order(
            params["text"], params.get("negativeText", ""), np.asarray(photo.convert("RGB")), grey < 128, seeds
        )

    def _check_schema(self, request: object) -> None:
        validator = STRICT_INTEGERS(_amazon_schema(self.longest_text, self.sides[1] if self.may_size else 0))
        errors = sorted(validator.iter_errors(request), key=lambda error: list(map(str, error.path)))
        if not errors:
            return
        if len(errors) > 1:
            said = f"{len(errors)} schema violations found"
        else:
            error = errors[0]
            said = f"{'/'.join(['#', *map(str, error.path)])}: {VIOLATIONS[error.validator](error)}"
        raise Refused(f"Malformed input request: {said}, please reformat your input and try again.")

    def answer(self, order: Order, images: list[str]) -> Response:
        """The answer with the pictures, base64."""
        return _json(200, {"images": images, "error": None})

    def filtered(self, what: str) -> Response:
        """The answer when a filter refused "prompt", "input" or "output"."""
        if what == "output":
            blocked = "All of the generated images have been blocked by our content filters."
            return _json(200, {"images": [], "error": blocked})
        return error(400, "ValidationException", FILTERED_PROMPT if what == "prompt" else FILTERED_INPUT)

    def inference_error(self) -> Response:
        return error(424, "ModelErrorException", "The system encountered an unexpected error during processing.")


def _amazon_schema(longest_text: int, longest_side: int) -> dict:
    """The request as the parameters' pages give it, for the one task this stand-in has."""
    side = {"type": "integer", "minimum": 1, "maximum": longest_side}
    return {
        "type": "object",
        "required": ["taskType", "outPaintingParams"],
        "additionalProperties": False,
        "properties": {
            "taskType": {"type": "string"},
            "outPaintingParams": {
                "type": "object",
                "required": ["text", "image"],
                "additionalProperties": False,
                "properties": {
                    "text": _text(longest_text),
                    "negativeText": _text(longest_text),
                    "image": {"type": "string"},
                    "maskImage": {"type": "string"},
                    "maskPrompt": {"type": "string"},
                    "returnMask": {"type": "boolean"},
                    "outPaintingMode": {"type": "string", "enum": ["DEFAULT", "PRECISE"]},
                },
            },
            "imageGenerationConfig": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "quality": {"type": "string", "enum": ["standard", "premium"]},
                    "numberOfImages": {"type": "integer", "minimum": 1, "maximum": 5},
                    **({"height": side, "width": side} if longest_side else {}),
                    "cfgScale": {"type": "number", "minimum": 1.1, "maximum": 10.0},
                    "seed": {"type": "integer", "minimum": 0, "maximum": 2_147_483_646},
                },
            },
        },
    }


# In JSON Schema 1.0 is an integer; AWS's validator (Java's JSON classes) tells them apart.
STRICT_INTEGERS = validators.extend(
    Draft7Validator,
    type_checker=Draft7Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)

JAVA_TYPES = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "BigDecimal",
    type(None): "Null",
}
SCHEMA_TYPES = {
    "object": "JSONObject",
    "string": "String",
    "boolean": "Boolean",
    "integer": "Integer",
    "number": "Number",
}

VIOLATIONS = {
    "maxLength": lambda e: f"expected maxLength: {e.validator_value}, actual: {len(e.instance)}",
    "minLength": lambda e: f"expected minLength: {e.validator_value}, actual: {len(e.instance)}",
    "maximum": lambda e: f"{e.instance} is not less or equal to {e.validator_value}",
    "minimum": lambda e: f"{e.instance} is not greater or equal to {e.validator_value}",
    "enum": lambda e: f"{e.instance} is not a valid enum value",
    "type": lambda e: f"expected type: {SCHEMA_TYPES[e.validator_value]}, found: {JAVA_TYPES[type(e.instance)]}",
    "required": lambda e: f"required key [{next(k for k in e.validator_value if k not in e.instance)}] not found",
    "additionalProperties": lambda e: (
        f"extraneous key [{min(e.instance.keys() - e.schema['properties'])}] is not permitted"
    ),
}
"""How AWS words each violated keyword."""

FILTERED_PROMPT = (
    "This request has been blocked by our content filters. Our filters automatically flagged this prompt "
    "because it may conflict our AUP or AWS Responsible AI Policy. Please adjust your text prompt to submit a "
    "new request."
)
FILTERED_INPUT = (
    "This request has been blocked by our content filters. Please adjust your input image to submit a new request."
)


# Stability AI

STYLES = {
    *("3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art"),
    *("isometric", "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art"),
    *("tile-texture",),
}


@dataclass(frozen=True)
class Inpaint:
    """stable-image-inpaint's format. AWS passes its refusals on as JSON text with a `detail`."""

    regions: frozenset[str]

    # field: type and, of a number, its range, of a text its greatest length
    fields: ClassVar[dict[str, tuple]] = {
        "image": (str, MAX_BODY),
        "prompt": (str, 10_000),
        "mask": (str, MAX_BODY),
        "grow_mask": (int, (0, 20)),
        "negative_prompt": (str, 10_000),
        "seed": (int, (0, 4_294_967_294)),
        "output_format": (str, {"jpeg", "png", "webp"}),
        "style_preset": (str, STYLES),
    }

    def read(self, request: object) -> Order:
        """The order in a request. Raises Refused, Filtered."""
        if not isinstance(request, dict):
            raise Refused("Malformed input request, please reformat your input and try again.")
        for name in request:
            if name not in self.fields:
                known = ", ".join(self.fields)
                raise _detail(f"Invalid field '{name}' in request. Available fields for inpaint are: {known}")
        for name in ("prompt", "image"):
            if name not in request:
                raise _detail(f"{name} is required")
        for name, value in request.items():
            self._check(name, value)
        if "mask" not in request:
            raise _detail("This stand-in needs a mask; it does not look at the image's alpha.")
        _filter(request["prompt"])
        photo, mask = (_picture(request[name], name, ("JPEG", "PNG", "WEBP")) for name in ("image", "mask"))
        _check_size("image", photo.size, (64, 9_437_184), 9_437_184, 2.5)
        grey = mask.convert("L").resize(photo.size)
        if grow := request.get("grow_mask", 5):
            grey = grey.filter(ImageFilter.MaxFilter(2 * grow + 1))
        seed = request.get("seed", 0) or 1 + secrets.randbelow(4_294_967_294)
        form = request.get("output_format", "png").upper()
        pixels, kept = np.asarray(photo.convert("RGB")), np.asarray(grey) < 128
        return Order(request["prompt"], request.get("negative_prompt", ""), pixels, kept, range(seed, seed + 1), form)

    def _check(self, name: str, value: Any) -> None:
        kind, limit = self.fields[name]
        if type(value) is not kind:
            raise _detail(f"{name} must be of type {kind.__name__}")
        if isinstance(limit, tuple) and not limit[0] <= value <= limit[1]:
            raise _detail(f"{name} must be from {limit[0]} to {limit[1]}")
        if isinstance(limit, int) and len(value) > limit:
            raise _detail(f"{name} must have at most {limit} characters")
        if isinstance(limit, set) and value not in limit:
            raise _detail(f"{name} must be one of {', '.join(sorted(limit))}")

    def answer(self, order: Order, images: list[str]) -> Response:
        """The answer with the pictures, base64."""
        return _json(200, {"seeds": list(order.seeds), "finish_reasons": [None], "images": images})

    def filtered(self, what: str) -> Response:
        """The answer when a filter refused "prompt", "input" or "output"."""
        reason = {"prompt": "prompt", "input": "input image", "output": "output image"}[what]
        return self._finished(f"Filter reason: {reason}")

    def inference_error(self) -> Response:
        return self._finished("Inference error")

    def _finished(self, reason: str) -> Response:
        return _json(200, {"seeds": [1], "finish_reasons": [reason], "images": []})


def _detail(text: str) -> Refused:
    return Refused(json.dumps({"detail": text}))


# Both


def _filter(prompt: str) -> None:
    words = {word.strip(".,;:!?()\"'") for word in prompt.lower().split()}
    if words & BLOCKED_WORDS:
        raise Filtered("prompt")


def _picture(encoded: str, name: str, forms: tuple[str, ...]) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)), formats=forms)
        picture.load()
        return picture
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        raise Refused(f"The {name} could not be decoded: it must be a base64-encoded {' or '.join(forms)}.") from None


def _check_size(name: str, size: tuple[int, int], sides: tuple[int, int], pixels: int, aspect: float) -> None:
    shorter, longer = sorted(size)
    if longer > sides[1]:
        raise Refused(f"The longer side of {name} is {longer} pixels; it must be at most {sides[1]}.")
    if shorter < sides[0]:
        raise Refused(f"The shorter side of {name} is {shorter} pixels; it must be at least {sides[0]}.")
    if shorter * longer > pixels:
        raise Refused(f"The {name} has {shorter * longer} pixels; it must have at most {pixels}.")
    if longer > aspect * shorter:
        raise Refused(f"The aspect of {name} is {longer / shorter:.2f}:1; it must be at most {aspect:g}:1.")


def error(status: int, kind: str, message: str) -> Response:
    """An error in Bedrock's format."""
    response = _json(status, {"message": message})
    response.headers["x-amzn-ErrorType"] = f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    return response


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
