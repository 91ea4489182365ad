"""One picture: asks an image model for it, and brings its answer to the photo's size."""

import os
import random
import time
from typing import Any

import numpy as np

from booth.errors import InternalError, ServiceUnavailable, Throttled
from booth.log import count, logger
from booth.painting import admission, bedrock
from booth.painting.bedrock import CandidateGone, RequestRefused
from booth.painting.chain import Candidate
from booth.painting.codecs.codec import Style
from booth.painting.models import MODELS
from booth.pixels import encoding, frames
from booth.scenes import Prompt

THROTTLE_PAUSES = (1, 2, 4)
"""Seconds, give or take a half, before a throttled call is made again."""


def paint(
    photo: bytes,
    mask: bytes,
    prompt: Prompt,
    seed: int,
    order: list[Candidate],
) -> tuple[np.ndarray, Candidate]:
    """One picture of the prompt around the kept pixels, uint8 H x W x 3 of the photo's size, and who painted it.

    Photo and mask go to the model as they are if it takes their size.

    One slow call at most: when it fails, the state machine comes back with another order.

    Args:
        photo: JPEG. As a PNG a large photo could exceed the 5 MB that Titan takes, and what is kept is not taken from
            the answer anyway.
        mask: PNG of 8 bits, 0 where the model is to leave the photo as it is, 255 elsewhere; of the photo's size.
        order: the first candidate is asked; others only if its model finds the request invalid, which it says at once.

    Raises:
        ContentBlocked, OutputBlocked, Throttled, ServiceUnavailable, AccessDenied, InternalError: from the call.
        TurnLost, ModelsUnavailable: the candidate is gone, and whether there is another one.
        InternalError: every model found the request invalid.
    """
    style = Style(os.environ["IMAGE_QUALITY"], float(os.environ["IMAGE_CFG_SCALE"]))
    refused: set[str] = set()  # models; their other Regions would say the same
    for candidate in order:
        if candidate.model in refused:
            continue
        try:
            return _painted_by(candidate, photo, mask, prompt, seed, style), candidate
        except CandidateGone as refusal:
            logger.warning("a candidate is gone", candidate=str(candidate), reason=str(refusal))
            raise admission.note_gone(candidate) from refusal
        except RequestRefused as refusal:
            refused.add(candidate.model)
            count("RequestRefused")
            logger.error("a model refused the request", candidate=str(candidate), reason=str(refusal))
    raise InternalError("no model takes the request")


def _invoke(candidate: Candidate, body: dict[str, Any]) -> dict[str, Any]:
    """The model's answer. A throttle is told at once and may pass in seconds; the next candidate has a plan, too."""
    for pause in THROTTLE_PAUSES:
        try:
            return bedrock.invoke(candidate.model, candidate.region, body)
        except Throttled:
            count("ModelThrottled")
            time.sleep(pause * (0.5 + random.random()))
    return bedrock.invoke(candidate.model, candidate.region, body)


def _painted_by(
    candidate: Candidate,
    photo: bytes,
    mask: bytes,
    prompt: Prompt,
    seed: int,
    style: Style,
) -> np.ndarray:
    codec = MODELS[candidate.model].codec
    frame = frames.fit(encoding.size_of(photo), codec.sizes)
    if not frame.is_whole:
        photo = encoding.encode_for_model(frame.place(encoding.decode(photo)))
        mask = encoding.encode_mask_for_model(frame.place_mask(encoding.decode_mask(mask)))
    body = codec.request(photo, mask, prompt, seed, style)
    answer = _invoke(candidate, body)
    try:
        return frame.restore(encoding.decode(codec.picture(answer)))
    except OSError as error:
        raise ServiceUnavailable("the model's answer is no image") from error
