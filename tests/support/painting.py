"""One picture's turn: a run with its files in an emulated S3, and the function that paints it."""

import os

import numpy as np
import pytest

from booth import scenes
from booth.aws import clients
from booth.painting import admission
from booth.pixels import encoding
from booth.runs import store, uploads

PIXELS = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)
KEEP = np.arange(96 * 128).reshape(96, 128) % 128 < 40
FILES = {
    "photo.webp": encoding.encode_exact(PIXELS),
    "photo.jpg": encoding.encode_for_model(PIXELS),
    "mask.png": encoding.encode_mask_for_model(KEEP),
}


def admit_run(environment: pytest.MonkeyPatch, models: str) -> None:
    """The run `r` of two pictures, the first admitted to the `models`. DynamoDB's emulator has its files, too."""
    environment.setenv("AWS_ENDPOINT_URL_S3", os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
    environment.setenv("RESULTS_BUCKET", "results")
    environment.setenv("IMAGE_MODELS", models)
    environment.setenv("IMAGE_QUALITY", "premium")
    environment.setenv("IMAGE_CFG_SCALE", "8.0")
    clients.client("s3").create_bucket(Bucket="results")
    for name, body in FILES.items():
        clients.client("s3").put_object(Bucket="results", Key=f"work/r/{name}", Body=body)
    given = {"scenes": ["library", "sky"], "content_type": "image/jpeg", "consent": None}
    assert uploads.issue("r", "photo/a.jpg", picture_id="id", **given)
    store.claim("r", "1")
    store.enter("r", "merge")
    store.publish_copy("r", "photo/a.jpg", scenes.chosen(("library", "sky")))
    admission.admit("r", [1])


def context() -> object:
    """Lambda's context of an invocation."""
    made = type("Context", (), dict.fromkeys(("function_name", "memory_limit_in_mb", "aws_request_id"), "1"))
    made.invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:generate"
    return made


def paint(attempt: int = 0, picture: int = 1) -> dict:
    """What generate_image returns for that picture."""
    import generate_image

    return generate_image.handler({"run": "r", "picture": picture, "attempt": attempt}, context())
