"""Segment Anything on a SageMaker endpoint.

The wire format is the customer's: `{"encode_image", "input_box"}` -> `{"mask_image"}`, a PNG that is black where the
face is, base64. SAM_PROTOCOL `extended`, that of `sam_model/`, takes all faces of a crop in one request, with
landmarks; `classic` takes a single box.

What is more than the faces (`Keep`) that endpoint is asked of the whole photo, in one request for all of a run's
pictures: `{"encode_image", "keep", "faces", "seconds"}` -> `{"alpha_images", "heads_by_matte"}`, see
sam_model/serving/protocol.py. An endpoint without a matte answers it with 422.
"""

import base64
import io
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from botocore.exceptions import ClientError
from PIL import Image

from booth.aws.clients import client
from booth.aws.errors import aws_errors, code_of
from booth.errors import NoMatte, ServiceUnavailable
from booth.keep import Keep
from booth.pixels import encoding
from booth.pixels.encoding import DECODER_ERRORS
from booth.pixels.geometry import Crop, Face, clip

READ_TIMEOUT_SECONDS = 15
MAX_IMAGE_BYTES = 4_600_000
"""Of a request's JPEG: in base64, with a hundred faces, it is less than the 6,291,456 bytes that InvokeEndpoint's Body
may have (botocore's service model)."""
HEADS_SECONDS = 9.0
"""Of the whole photo's call: a head that the endpoint has not found by then it takes from the matte near the face."""
LANDMARKS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
"""Those that the endpoint finds a head by."""
_REFUSALS = set(range(400, 500)) - {408, 429}
"""HTTP statuses by which the endpoint's container refuses a request: 422 without a matte, 400 an older release."""


def request_for(crop: Crop, faces: list[Face], image: bytes) -> bytes:
    """The extended request for one crop, JSON; boxes (left, top, right, bottom) and points (x, y) in its pixels.

    Args:
        crop, faces: in pixels of the normalised photo.
        image: the crop's pixels, as PNG or JPEG.
    """
    left, top, right, bottom = crop.box
    width, height = right - left, bottom - top
    boxes, points = [], []
    for index in crop.faces:
        l, t, r, b = faces[index].box
        boxes.append([round(side, 1) for side in clip((l - left, t - top, r - left, b - top), width, height)])
        marks = [(x - left, y - top) for x, y in faces[index].landmarks.values()]
        points.append([[round(x, 1), round(y, 1)] for x, y in marks if 0 <= x < width and 0 <= y < height])
    request = {"encode_image": base64.b64encode(image).decode(), "input_boxes": boxes, "input_points": points}
    return json.dumps(request).encode()


def request_for_more(keep: Sequence[Keep], faces: list[Face], size: tuple[int, int], photo: bytes) -> bytes:
    """The request for the alphas of a whole photo, JSON; coordinates in its pixels.

    Args:
        keep: what is wanted, each once.
        faces: of the visitors, in pixels of the photo.
        size: width and height of the photo.
        photo: JPEG.
    """
    found = [
        {
            "box": [round(side, 1) for side in clip(face.box, *size)],
            "landmarks": {
                name: [round(x, 1), round(y, 1)] for name, (x, y) in face.landmarks.items() if name in LANDMARKS
            },
        }
        for face in faces
    ]
    request = {"encode_image": base64.b64encode(photo).decode(), "keep": keep, "faces": found}
    return json.dumps(request | {"seconds": HEADS_SECONDS}).encode()


def alphas(request: bytes, keep: Sequence[Keep]) -> tuple[dict[Keep, bytes], int]:
    """What is kept of a whole photo: PNGs, 8-bit greyscale, 255 = kept as it is; and how many heads are the matte's.

    Args:
        request: as `request_for_more` makes it.
        keep: what it asks for.

    Raises:
        NoMatte: the endpoint takes no such request.
        Throttled, ServiceUnavailable, AccessDenied, InternalError: from the call.
        ServiceUnavailable: the answer has not every alpha.
    """
    if not _is_extended():
        raise NoMatte("the endpoint's protocol is classic")
    try:
        text = _answer_to(request)
    except ServiceUnavailable as error:
        if _is_refusal(error.__cause__):
            raise NoMatte("the endpoint does not take the request") from error
        raise
    try:
        answer = json.loads(text)
        found = {more: base64.b64decode(answer["alpha_images"][more]) for more in keep}
        for png in found.values():
            encoding.decode_alpha(png)
        return found, int(answer["heads_by_matte"])
    except DECODER_ERRORS as error:
        raise ServiceUnavailable("the SAM endpoint's answer has not every alpha") from error


def _is_refusal(error: BaseException | None) -> bool:
    """Whether the endpoint's container refused the request, which is no passing trouble: it answered 4xx."""
    if not isinstance(error, ClientError) or code_of(error) != "ModelError":
        return False
    return error.response.get("OriginalStatusCode") in _REFUSALS


def segment(request: bytes) -> np.ndarray:
    """The union of the faces' masks, bool, the crop's H x W, True = face.

    Args:
        request: as `request_for` makes it.

    Raises:
        Throttled, ServiceUnavailable, AccessDenied, InternalError: from the call.
        ServiceUnavailable: the answer is no mask.
    """
    if _is_extended():
        return _invoke(request)
    extended = json.loads(request)
    image, boxes = extended["encode_image"], extended["input_boxes"]
    requests = [json.dumps({"encode_image": image, "input_box": box}).encode() for box in boxes]
    with ThreadPoolExecutor(8) as pool:
        return np.logical_or.reduce(list(pool.map(_invoke, requests)))


def connect():
    """The client, made once."""
    return client("sagemaker-runtime", read_timeout=READ_TIMEOUT_SECONDS, attempts=1)


def _is_extended() -> bool:
    return os.environ.get("SAM_PROTOCOL", "extended") == "extended"


def _answer_to(body: bytes) -> bytes:
    with aws_errors():
        answer = connect().invoke_endpoint(
            EndpointName=os.environ["SAM_ENDPOINT"],
            ContentType="application/json",
            Accept="application/json",
            Body=body,
        )
        return answer["Body"].read()


def _invoke(body: bytes) -> np.ndarray:
    text = _answer_to(body)
    try:
        with Image.open(io.BytesIO(base64.b64decode(json.loads(text)["mask_image"])), formats=["PNG"]) as mask:
            return np.asarray(mask.convert("L")) < 128
    except DECODER_ERRORS as error:  # ValueError, KeyError, RecursionError are JSON's, too
        raise ServiceUnavailable("the SAM endpoint's answer is no mask") from error
