"""Stand-in for Titan Image Generator on Bedrock runtime: its limits and errors, procedural scenes."""

import base64
import io
import json
import threading
from dataclasses import dataclass

import jsonschema
import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from werkzeug.wrappers import Request, Response

from local.standins.matte import Matte
from local.standins.scenes import render
from local.standins.scenes.noise import blur

MODELS = frozenset({"amazon.titan-image-generator-v1", "amazon.titan-image-generator-v2:0"})
MAX_BODY = 25_000_000  # bytes, InvokeModel's body
MAX_SIDE = 1408  # pixels, longer side of image and mask
BLOCKED_WORDS = frozenset({"blood", "bloody", "gore", "gory", "naked", "nude", "nudity", "porn"})

TEXT = {"type": "string", "maxLength": 512}
SCHEMA = {
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
                "text": {**TEXT, "minLength": 1},
                "negativeText": {**TEXT, "minLength": 1},
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
                "height": {"type": "integer", "minimum": 1, "maximum": MAX_SIDE},
                "width": {"type": "integer", "minimum": 1, "maximum": MAX_SIDE},
                "cfgScale": {"type": "number", "minimum": 1.1, "maximum": 10.0},
                "seed": {"type": "integer", "minimum": 0, "maximum": 2_147_483_646},
            },
        },
    },
}
"""The request as Titan's parameters page gives it, for the one task this stand-in has."""

# In JSON Schema 1.0 is an integer; AWS's validator (Java's JSON classes) tells them apart.
VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft7Validator,
    type_checker=jsonschema.Draft7Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)(SCHEMA)

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


class Refused(Exception):
    """A ValidationException (HTTP 400) with its message."""


@dataclass(frozen=True)
class Order:
    """A valid request: what to paint, into which photo (uint8 HxWx3), `kept` (bool HxW, the mask's black)."""

    text: str
    negative: str
    photo: np.ndarray
    kept: np.ndarray
    seeds: range


class Bedrock:
    """Bedrock runtime: a request in, a response out. Threads may share it; the model loads at first use."""

    def __init__(self):
        self._matte: Matte | None = None
        self._loading = threading.Lock()

    def __call__(self, request: Request) -> Response:
        """Answer `POST /model/{modelId}/invoke`; all else is Bedrock's UnknownOperationException (404)."""
        path = request.path
        if request.method != "POST" or not (path.startswith("/model/") and path.endswith("/invoke")):
            return _error(404, "UnknownOperationException", "Unknown operation")
        try:
            model = path.removeprefix("/model/").removesuffix("/invoke")
            order = read_order(model, request.get_data())
        except Refused as refusal:
            return _error(400, "ValidationException", str(refusal))
        images = paint(order, self._loaded_matte())
        return Response(json.dumps({"images": images, "error": None}), content_type="application/json")

    def _loaded_matte(self) -> Matte:
        with self._loading:
            if self._matte is None:
                self._matte = Matte()
            return self._matte


def _error(status: int, kind: str, message: str) -> Response:
    response = Response(json.dumps({"message": message}), status, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    return response


def read_order(model: str, body: bytes) -> Order:
    """Check a request in the service's order. Raises Refused."""
    if model not in MODELS:
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
    task = request.get("taskType") if isinstance(request, dict) else None
    if isinstance(task, str) and task != "OUTPAINTING":
        raise Refused("This stand-in paints OUTPAINTING only; the task type was another.")
    _check_schema(request)
    params, config = request["outPaintingParams"], request.get("imageGenerationConfig", {})
    if "maskImage" not in params:
        raise Refused("This stand-in needs maskImage; it cannot find a mask from a maskPrompt.")
    if "maskPrompt" in params:
        raise Refused("Only one of maskPrompt and maskImage may be given.")
    words = {word.strip(".,;:!?()\"'") for word in params["text"].lower().split()}
    if words & BLOCKED_WORDS:
        raise Refused(FILTERED_PROMPT)
    photo, mask = _picture(params["image"], "image", "RGB"), _picture(params["maskImage"], "maskImage", "L")
    if photo.size != mask.size:
        raise Refused(f"The mask image's size {mask.size} differs from the image's size {photo.size}.")
    first, count = config.get("seed", 42), config.get("numberOfImages", 1)
    return Order(
        params["text"],
        params.get("negativeText", ""),
        np.asarray(photo),
        np.asarray(mask) < 128,
        range(first, first + count),
    )


def _check_schema(request: object) -> None:
    errors = sorted(VALIDATOR.iter_errors(request), key=lambda error: list(map(str, error.path)))
    if not errors:
        return
    if len(errors) > 1:
        said = f"{len(errors)} schema violations found"
    else:
        error = errors[0]
        said = f"{'/'.join(['#', *map(str, error.path)])}: {VIOLATIONS[error.validator](error)}"
    raise Refused(f"Malformed input request: {said}, please reformat your input and try again.")


def _picture(encoded: str, name: str, mode: str) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)), formats=("JPEG", "PNG"))
        if max(picture.size) <= MAX_SIDE:
            return picture.convert(mode)
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        raise Refused(f"The {name} could not be decoded: it must be a base64-encoded JPEG or PNG.") from None
    raise Refused(f"The longer side of {name} is {max(picture.size)} pixels; it must be at most {MAX_SIDE}.")


def paint(order: Order, matte: Matte) -> list[str]:
    """One base64 PNG for each seed, of the photo's size."""
    height, width = order.kept.shape
    person, colours = cut_out(order.photo, order.kept, matte)
    images = []
    for seed in order.seeds:
        scene = render(order.text, order.negative, seed, width, height)
        buffer = io.BytesIO()
        Image.fromarray(compose(order.photo, order.kept, person, colours, scene)).save(buffer, "PNG", compress_level=1)
        images.append(base64.b64encode(buffer.getvalue()).decode())
    return images


def cut_out(photo: np.ndarray, kept: np.ndarray, matte: Matte) -> tuple[np.ndarray, np.ndarray]:
    """The people that the kept faces belong to: alpha float32 HxW 0..1, and their colours float32 HxWx3 0..1.

    `photo` is uint8 HxWx3, `kept` bool HxW. Colours at soft edges are freed from the old background, so that
    hair has no halo: Forte, "Approximate Fast Foreground Colour Estimation" (2021), equations 4 to 6.
    """
    faces = face_boxes(kept)
    windows = [_surroundings(face, kept.shape) for face in faces]
    closer = [w for w in windows if min(w[2] - w[0], w[3] - w[1]) < 0.7 * min(kept.shape)]
    alpha = np.maximum(matte.person_matte(photo, closer), kept)
    alpha = connected(alpha, kept)
    for face in faces:
        if _neck(alpha, face) < 0.35:
            alpha = np.maximum(alpha, bust(face, kept.shape))
    image = photo.astype(np.float32) / 255
    radius = max(kept.shape) / 90
    weight = alpha[..., None]
    covered = blur(alpha, radius)[..., None]
    mean = blur(image * weight, radius)
    inside = mean / (covered + 1e-3)
    outside = (blur(image, radius) - mean) / (1 - covered + 1e-3)
    colours = inside + weight * (image - weight * inside - (1 - weight) * outside)
    return alpha, np.clip(np.where(weight > 0.98, image, colours), 0, 1)


def face_boxes(kept: np.ndarray) -> list[tuple[int, int, int, int]]:
    """The boxes (left, top, right, bottom in pixels) of the kept region's parts, to the 128th of the photo."""
    height, width = kept.shape
    scale = 128 / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = _shrunk(kept, size).point(lambda v: 255 if v > 64 else 0)
    boxes = []
    while len(boxes) < 100 and (places := np.argwhere(np.asarray(small) == 255)).size:
        ImageDraw.floodfill(small, (int(places[0][1]), int(places[0][0])), 128)
        rows, columns = np.nonzero(np.asarray(small) == 128)
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        boxes.append(tuple(int(v / scale) for v in (left, top, right, bottom)))
        small = small.point(lambda v: 0 if v == 128 else v)
    return boxes


def _shrunk(field: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """A field of 0..1 as 8-bit picture of `size` (width, height), averaged."""
    return Image.fromarray((field * 255.0).astype(np.uint8)).resize(size, Image.Resampling.BOX)


def _surroundings(face: tuple[int, int, int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """A square window with the face's head and shoulders, inside the photo."""
    left, top, right, bottom = face
    half = round(1.9 * max(right - left, bottom - top))
    x, y = (left + right) // 2, (top + bottom) // 2 + half // 4
    return max(0, x - half), max(0, y - half), min(shape[1], x + half), min(shape[0], y + half)


def connected(alpha: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The matte without parts that don't hang together with a kept face (float32 HxW)."""
    height, width = alpha.shape
    scale = 128 / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    person = _shrunk(alpha, size).point(lambda v: 255 if v > 40 else 0)
    reached, grown = None, _shrunk(kept, size).point(lambda v: 255 if v > 0 else 0)
    while grown != reached:
        reached = grown
        grown = ImageChops.lighter(reached, ImageChops.darker(reached.filter(ImageFilter.MaxFilter(3)), person))
    around = reached.filter(ImageFilter.MaxFilter(3))
    return alpha * (np.asarray(around.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 255)


def _neck(alpha: np.ndarray, face: tuple[int, int, int, int]) -> float:
    """Mean alpha just under a face; 1 where the photo ends there."""
    left, top, right, bottom = face
    tall, inset = bottom - top, (right - left) // 4
    under = alpha[bottom + tall // 8 : bottom + tall // 2, left + inset : right - inset]
    return float(under.mean()) if under.size else 1.0


def bust(face: tuple[int, int, int, int], shape: tuple[int, int]) -> np.ndarray:
    """A soft head-and-shoulders shape round a face, float32 HxW, for where the matte found nobody."""
    left, top, right, bottom = face
    x, y, w, h = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    drawing = Image.new("L", (shape[1], shape[0]))
    draw = ImageDraw.Draw(drawing)
    draw.ellipse((x - 0.72 * w, y - 0.80 * h, x + 0.72 * w, y + 0.62 * h), fill=255)
    draw.rectangle((x - 0.36 * w, y, x + 0.36 * w, y + 1.1 * h), fill=255)
    draw.rounded_rectangle((x - 1.35 * w, y + 0.85 * h, x + 1.35 * w, y + 6 * h), 0.9 * w, fill=255)
    return np.asarray(drawing.filter(ImageFilter.GaussianBlur(0.07 * h)), np.float32) / 255


def compose(
    photo: np.ndarray, kept: np.ndarray, alpha: np.ndarray, colours: np.ndarray, scene: np.ndarray
) -> np.ndarray:
    """People over the scene, in its light; kept pixels are the photo's own. uint8 HxWx3.

    The scene's light acts fully far from the kept region and not at all at its border, so that no edge shows.
    """
    background = scene.astype(np.float32) / 255
    near = blur(kept.astype(np.float32), max(kept.shape) / 40)
    away = np.clip(1 - 2 * near, 0, 1)[..., None]
    ambient = background.mean((0, 1))
    grey = float(ambient.mean())
    tint = (ambient / max(grey, 0.05)) ** 0.35 * (0.72 + 0.28 * min(1.0, grey / 0.5))
    spill = blur(background, max(kept.shape) / 40)
    rim = (4 * alpha * (1 - alpha))[..., None]
    lit = colours * (1 + away * (tint - 1))
    lit = lit + 0.25 * rim * away * (spill - lit)
    mixed = background + (lit - background) * alpha[..., None]
    result = (np.clip(mixed, 0, 1) * 255 + 0.5).astype(np.uint8)
    result[kept] = photo[kept]
    return result
