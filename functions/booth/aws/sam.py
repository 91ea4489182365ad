"""Segment Anything on a SageMaker endpoint.

The wire format is the customer's: `{"encode_image", "input_box"}` -> `{"mask_image"}`, a PNG that is black where the
face is, base64. SAM_PROTOCOL `extended`, that of `sam_model/`, takes all faces of a crop in one request, with
landmarks; `classic` takes a single box.
"""

import base64
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from booth.aws.clients import client
from booth.aws.errors import aws_errors
from booth.errors import ServiceUnavailable
from booth.pixels.encoding import DECODER_ERRORS
from booth.pixels.geometry import Crop, Face, clip

READ_TIMEOUT_SECONDS = 15


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


def segment(request: bytes) -> np.ndarray:
    """The union of the faces' masks, bool, the crop's H x W, True = face.

    Args:
        request: as `request_for` makes it.

    Raises:
        Throttled, ServiceUnavailable, AccessDenied, InternalError: from the call.
        ServiceUnavailable: the answer is no mask.
    """
    if os.environ.get("SAM_PROTOCOL", "extended") == "extended":
        return _invoke(request)
    extended = json.loads(request)
    image, boxes = extended["encode_image"], extended["input_boxes"]
    requests = [json.dumps({"encode_image": image, "input_box": box}).encode() for box in boxes]
    with ThreadPoolExecutor(8) as pool:
        return np.logical_or.reduce(list(pool.map(_invoke, requests)))


def connect():
    """The client, made once."""
    return client("sagemaker-runtime", read_timeout=READ_TIMEOUT_SECONDS, attempts=1)


def _invoke(body: bytes) -> np.ndarray:
    with aws_errors():
        answer = connect().invoke_endpoint(
            EndpointName=os.environ["SAM_ENDPOINT"],
            ContentType="application/json",
            Accept="application/json",
            Body=body,
        )
        text = answer["Body"].read()
    try:
        with Image.open(io.BytesIO(base64.b64decode(json.loads(text)["mask_image"])), formats=["PNG"]) as mask:
            return np.asarray(mask.convert("L")) < 128
    except DECODER_ERRORS as error:  # ValueError, KeyError, RecursionError are JSON's, too
        raise ServiceUnavailable("the SAM endpoint's answer is no mask") from error
