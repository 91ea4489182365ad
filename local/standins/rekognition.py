"""Rekognition's DetectFaces on a real face detector (CenterFace), over the service's own wire protocol.

Protocol: AWS JSON 1.1, ``POST /`` with ``X-Amz-Target: RekognitionService.DetectFaces``. The limits and errors are
those of the API reference. Real are boxes and landmarks, and the confidence is the detector's, on the service's scale;
pose and quality are estimates from them and from the pixels, and the attributes beyond DEFAULT are accepted but not
computed.

DetectModerationLabels is answered too, but nothing looks at the photo: it finds what its canned answer says, and
without one nothing.
"""

import base64
import binascii
import io
import json
import math
import uuid
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from werkzeug.wrappers import Request, Response

MODEL = Path(__file__).resolve().parents[2] / "models" / "faces" / "centerface.onnx"
MAX_BYTES = 5 * 1024 * 1024
MAX_SIDE = 10_000
MIN_SIDE = 80
MAX_FACES = 100
ATTRIBUTES = {
    "DEFAULT", "ALL", "AGE_RANGE", "BEARD", "EMOTIONS", "EYE_DIRECTION", "EYEGLASSES", "EYES_OPEN", "GENDER",
    "MOUTH_OPEN", "MUSTACHE", "FACE_OCCLUDED", "SMILE", "SUNGLASSES",
}  # fmt: skip

DETECTOR_SIDE = 1280  # the photo's long side for the detector: finds faces of 1/60 of the photo's width
STRIDE = 4  # the detector's outputs have one cell for 4x4 pixels
# Of the image's longer side: "40x40 pixels in an image with 1920x1080 pixels" (Rekognition guidelines and quotas).
MIN_FACE = 40 / 1920
MIN_SCORE = 0.35  # below are only hits that DetectFaces would not tell
# The detector's score is no share of right answers: at 0.5, its usual threshold, nearly all are faces. So it is told as
# the Confidence that the service would have there; between these points it is interpolated.
CONFIDENCE = ((MIN_SCORE, 0.5, 1.0), (50.0, 80.0, 100.0))
MAX_OVERLAP = 0.3  # intersection over union from which two detections are one face
LANDMARKS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")  # the detector's order; left as seen


class ServiceError(Exception):
    """An error that the service answers with."""

    def __init__(self, kind: str, message: str, status: int = 400):
        super().__init__(message)
        self.kind, self.status = kind, status


class Rekognition:
    """The service: called with a request, it returns the answer. Several threads may call it."""

    def __init__(self, model: Path = MODEL):
        self.detector = FaceDetector(model)

    def __call__(self, request: Request) -> Response:
        try:
            if operation(request) == "DetectModerationLabels":
                return moderation(request, {})
            image = _image(_parameters(request))
            return answer([_face(detection, image) for detection in self.detector(image)])
        except ServiceError as problem:
            return error(problem.status, problem.kind, str(problem))


def canned(request: Request, faces: int | list[dict], labels: dict[str, float]) -> Response:
    """Answer without looking at the image: ``faces`` equal faces in a grid, none touching another, or ``labels``.

    ``faces`` may also be the answer's FaceDetails.

    DetectLabels, which only the benchmark's old sequence calls, finds nothing.
    """
    if operation(request) == "DetectModerationLabels":
        return moderation(request, labels)
    if operation(request) == "DetectLabels":
        return _respond(200, {"Labels": [], "LabelModelVersion": "3.0"})
    if isinstance(faces, list):
        return answer(faces)
    columns = math.ceil(math.sqrt(faces))
    rows = math.ceil(faces / columns) if faces else 0
    marks = {"eyeLeft": (0.3, 0.4), "eyeRight": (0.7, 0.4), "mouthLeft": (0.35, 0.75), "mouthRight": (0.65, 0.75)}
    marks["nose"] = (0.5, 0.58)
    details = []
    for number in range(faces):
        width, height = 0.5 / columns, 0.5 / rows
        left, top = (number % columns + 0.25) / columns, (number // columns + 0.25) / rows
        details.append(
            {
                "BoundingBox": {"Width": width, "Height": height, "Left": left, "Top": top},
                "Landmarks": [
                    {"Type": kind, "X": left + x * width, "Y": top + y * height} for kind, (x, y) in marks.items()
                ],
                "Pose": {"Roll": 0.0, "Yaw": 0.0, "Pitch": 0.0},
                "Quality": {"Brightness": 80.0, "Sharpness": 80.0},
                "Confidence": 99.9,
            }
        )
    return answer(details)


def answer(details: list[dict]) -> Response:
    """Return the service's answer with these FaceDetails."""
    return _respond(200, {"FaceDetails": details})


def operation(request: Request) -> str:
    """The name of the operation that a request is for."""
    return request.headers.get("X-Amz-Target", "").partition(".")[2]


def moderation(request: Request, labels: dict[str, float]) -> Response:
    """Answer DetectModerationLabels: top-level ``labels`` with their confidence, those above the MinConfidence."""
    try:
        fields = json.loads(request.get_data())
        _image(fields)
        least = fields.get("MinConfidence", 50)
        if type(least) not in (int, float) or not 0 <= least <= 100:
            raise ServiceError("InvalidParameterException", "Request has invalid parameters")
    except ValueError:
        return error(400, "SerializationException", "The body is not JSON.")
    except ServiceError as problem:
        return error(problem.status, problem.kind, str(problem))
    found = [
        {"Confidence": confidence, "Name": name, "ParentName": "", "TaxonomyLevel": 1}
        for name, confidence in labels.items()
        if confidence >= least
    ]
    return _respond(200, {"ModerationLabels": found, "ModerationModelVersion": "7.0", "ContentTypes": []})


def error(status: int, kind: str, message: str) -> Response:
    """Return an error in the service's format: its type in ``__type``."""
    return _respond(status, {"__type": kind, "message": message})


def _respond(status: int, body: dict) -> Response:
    response = Response(json.dumps(body), status, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def _parameters(request: Request) -> dict:
    if operation(request) != "DetectFaces":
        message = f"This stand-in answers DetectFaces and DetectModerationLabels, not {operation(request)}."
        raise ServiceError("UnknownOperationException", message)
    try:
        fields = json.loads(request.get_data())
    except ValueError:
        raise ServiceError("SerializationException", "The body is not JSON.") from None
    attributes = fields.get("Attributes", ["DEFAULT"]) if isinstance(fields, dict) else None
    if not isinstance(attributes, list) or not set(map(str, attributes)) <= ATTRIBUTES:
        raise ServiceError("InvalidParameterException", "Request has invalid parameters")
    return fields


def _image(fields: dict) -> Image.Image:
    """Return the request's image as RGB, upright for a JPEG with EXIF orientation, as the service does."""
    image = fields.get("Image")
    if not isinstance(image, dict) or not isinstance(image.get("Bytes"), str):
        message = "This stand-in takes the image as Bytes." if isinstance(image, dict) else ""
        raise ServiceError("InvalidParameterException", message or "Request has invalid parameters")
    try:
        data = base64.b64decode(image["Bytes"], validate=True)
    except (binascii.Error, ValueError):
        raise ServiceError("SerializationException", "Image.Bytes is not base64.") from None
    if len(data) > MAX_BYTES:
        raise ServiceError("ImageTooLargeException", "Image size is too large.")
    bad_format = ServiceError("InvalidImageFormatException", "Request has invalid image format.")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as photo:
            if max(photo.size) > MAX_SIDE:
                raise ServiceError("ImageTooLargeException", "Image size is too large.")
            if min(photo.size) < MIN_SIDE:
                raise ServiceError("InvalidParameterException", "Request has invalid parameters")
            upright = ImageOps.exif_transpose(photo) if photo.format == "JPEG" else photo
            return upright.convert("RGB")
    except Image.DecompressionBombError:
        raise ServiceError("ImageTooLargeException", "Image size is too large.") from None
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for foreign, broken and truncated files
        raise bad_format from None


class FaceDetector:
    """CenterFace: finds faces with five landmarks. Several threads may call it."""

    def __init__(self, model: Path):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # the export holds unused weights, which is worth no warning
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the cores
        self.session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name

    def __call__(self, image: Image.Image) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """Return (score 0..1, box (4,) left top right bottom, landmarks (5, 2) x y) of each face of an RGB image.

        Coordinates are ratios of the image's width and height, and may lie outside 0..1 for faces that the
        border cuts. The largest faces come first, at most 100.
        """
        scale = min(1.0, DETECTOR_SIDE / max(image.size))
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)
        padded = np.zeros((1, 3, -(-size[1] // 32) * 32, -(-size[0] // 32) * 32), np.float32)
        padded[0, :, : size[1], : size[0]] = pixels.transpose(2, 0, 1)
        heat, extent, offset, marks = (
            np.asarray(part)[0] for part in self.session.run(None, {self.input_name: padded})
        )

        rows, columns = np.nonzero(heat[0] > MIN_SCORE)
        scores = heat[0, rows, columns]
        cells = np.stack([columns, rows], axis=1)
        # The network's channels run y, x; extents are logarithms, in cells. A centre lies in the cell's middle.
        extents = np.exp(extent[::-1, rows, columns].T) * STRIDE
        centres = (cells + offset[::-1, rows, columns].T + 0.5) * STRIDE
        starts = centres - extents / 2
        boxes = np.concatenate([starts, starts + extents], axis=1)
        points = starts[:, None] + marks[:, rows, columns].T.reshape(-1, 5, 2)[:, :, ::-1] * extents[:, None]
        keep = _non_maximum_suppression(boxes, scores)
        keep = keep[extents[keep].max(axis=1) >= MIN_FACE * max(size)]
        keep = keep[np.argsort(-extents[keep].prod(axis=1), kind="stable")][:MAX_FACES]
        ratio = np.array(size, np.float32)
        return [(float(scores[k]), boxes[k] / np.tile(ratio, 2), points[k] / ratio) for k in keep]


def _non_maximum_suppression(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the indices of the boxes that overlap no kept one of a higher score by more than MAX_OVERLAP."""
    keep: list[int] = []
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    for k in np.argsort(-scores, kind="stable"):
        others = boxes[keep]
        common = np.minimum(others[:, 2:], boxes[k, 2:]) - np.maximum(others[:, :2], boxes[k, :2])
        shared = np.clip(common, 0, None).prod(axis=1)
        if not (shared > MAX_OVERLAP * (areas[keep] + areas[k] - shared)).any():
            keep.append(int(k))
    return np.array(keep, int)


def _face(detection: tuple[float, np.ndarray, np.ndarray], image: Image.Image) -> dict:
    """Return one FaceDetail, with pose and quality estimated."""
    score, box, points = detection
    left, top, right, bottom = (float(side) for side in box)
    eye_left, eye_right, nose, mouth_left, mouth_right = points * image.size
    eyes, mouth = (eye_left + eye_right) / 2, (mouth_left + mouth_right) / 2
    across, down = eye_right - eye_left, mouth - eyes
    # A frontal face has its nose on the middle line, half way from the eyes to the mouth; a full sideward or
    # upward shift of the nose by that distance is taken for 90 degrees.
    shift = (nose - (eyes + mouth) / 2) / max(float(np.hypot(*down)), 1.0)
    sides = (left * image.width, top * image.height, right * image.width, bottom * image.height)
    l, t, r, b = (round(side) for side in sides)
    grey = np.asarray(image.convert("L").crop((l, t, r, b)), np.float32)
    detail = np.abs(np.diff(grey, axis=1)).mean() if grey.shape[1] > 1 else 0.0
    return {
        "BoundingBox": {"Width": right - left, "Height": bottom - top, "Left": left, "Top": top},
        "Landmarks": [
            {"Type": kind, "X": float(x), "Y": float(y)} for kind, (x, y) in zip(LANDMARKS, points, strict=True)
        ],
        "Pose": {
            "Roll": math.degrees(math.atan2(across[1], across[0])),
            "Yaw": float(np.clip(shift[0], -1, 1)) * 90,
            "Pitch": float(np.clip(-shift[1], -1, 1)) * 90,
        },
        "Quality": {"Brightness": float(grey.mean()) / 2.55, "Sharpness": min(100.0, 10.0 * float(detail))},
        "Confidence": confidence(score),
    }


def confidence(score: float) -> float:
    """DetectFaces' Confidence, 50 to 100, for a score of the detector."""
    return float(np.interp(score, *CONFIDENCE))
