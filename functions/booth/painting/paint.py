"""Generates one picture: scales for the model, calls it, decodes its answer, and scales back."""

import os
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from booth.errors import InternalError, Throttled
from booth.limits import MODEL_CALL_SECONDS, REPAINT_CALL_SECONDS
from booth.log import count, logger
from booth.painting import admission, bedrock, sagemaker
from booth.painting.answers import CandidateGone, RequestRefused, UnknownAnswer
from booth.painting.chain import Candidate, chain
from booth.painting.codecs.codec import Codec, Style
from booth.painting.models import ENDPOINT, codec_of
from booth.pixels import encoding, frames
from booth.runs import figures
from booth.scenes import Prompt

THROTTLE_PAUSES = (1, 2, 4)
"""Back off before each retry of a throttled call: seconds, times 0.5 to 1.5 (jitter)."""


def connect() -> None:
    """Makes the clients of all candidates of the chain."""
    for candidate in chain():
        (sagemaker if candidate.model == ENDPOINT else bedrock).connect(candidate.region)


class PassedOver(Exception):
    """The candidate neither painted nor said why in words that are known: this picture goes to another one."""

    def __init__(self, candidate: Candidate):
        super().__init__(str(candidate))
        self.candidate = candidate


def paint(
    photo: bytes,
    mask_for: Callable[[Codec], bytes],
    prompt: Prompt,
    seed: int,
    order: list[Candidate],
    again: bool = False,
) -> tuple[np.ndarray, Candidate]:
    """A generated picture around the kept pixels, uint8, the photo's H x W x 3, and the candidate that painted it.

    Photo and mask are sent unchanged if the model takes their size, otherwise scaled and padded. At most one slow call
    is made: when it fails, the state machine retries with another order.

    Args:
        photo: JPEG, since a large photo as a PNG could exceed Titan's limit of 5 MB. The kept pixels of the result are
            replaced by the caller, so the loss doesn't matter.
        mask_for: gives a model's mask, an 8-bit greyscale PNG of the photo's size, 0 = kept, 255 = generated.
        seed: any number from 0; the codec reduces it to the model's range.
        order: the first candidate is called, others only if a model rejects the request as invalid, which is fast.
        again: there is a picture already: the call gets REPAINT_CALL_SECONDS, and one that is throttled isn't retried.

    Raises:
        ContentBlocked, OutputBlocked, Throttled, ServiceUnavailable, AccessDenied, InternalError: from the call.
        TurnLost: the candidate is unavailable, another one is available.
        ModelsUnavailable: no candidate is available.
        PassedOver: see there.
        InternalError: every model rejected the request.
    """
    style = Style(os.environ["IMAGE_QUALITY"], float(os.environ["IMAGE_CFG_SCALE"]))
    refused: set[str] = set()  # models: their other Regions would reject it as well
    for candidate in order:
        if candidate.model in refused:
            continue
        try:
            return _painted_by(candidate, photo, mask_for, prompt, seed, style, again), candidate
        except CandidateGone as refusal:
            logger.warning("a candidate is gone", candidate=str(candidate), reason=str(refusal))
            raise admission.note_unavailable(candidate) from refusal
        except RequestRefused as refusal:
            refused.add(candidate.model)
            count("RequestRefused")
            logger.error("a model refused the request", candidate=str(candidate), reason=str(refusal))
        except UnknownAnswer as answer:
            count("UnknownAnswer")
            logger.error("an answer that is not known", candidate=str(candidate), answer=str(answer))
            raise PassedOver(candidate) from answer
    raise InternalError("no model takes the request")


def _invoke(candidate: Candidate, body: dict[str, Any], again: bool) -> dict[str, Any]:
    """Calls the candidate; retries throttled calls here, for at the next candidate every slot has its turn, too."""
    if again:
        return _call(candidate, body, REPAINT_CALL_SECONDS)
    for pause in THROTTLE_PAUSES:
        try:
            return _call(candidate, body)
        except Throttled:
            count("ModelThrottled")
            if pause == THROTTLE_PAUSES[0]:
                figures.note_throttled(str(candidate))
            time.sleep(pause * (0.5 + random.random()))
    return _call(candidate, body)


def _call(candidate: Candidate, body: dict[str, Any], seconds: int = MODEL_CALL_SECONDS) -> dict[str, Any]:
    if candidate.model == ENDPOINT:
        return sagemaker.invoke(candidate.region, body, seconds)
    return bedrock.invoke(candidate.model, candidate.region, body, seconds)


def _painted_by(
    candidate: Candidate,
    photo: bytes,
    mask_for: Callable[[Codec], bytes],
    prompt: Prompt,
    seed: int,
    style: Style,
    again: bool,
) -> np.ndarray:
    codec = codec_of(candidate.model)
    mask = mask_for(codec)
    frame = frames.fit(encoding.size_of(photo), codec.sizes)
    if not frame.is_unchanged:
        photo = encoding.encode_for_model(frame.place(encoding.decode(photo)))
        mask = encoding.encode_mask_for_model(frame.place_mask(encoding.decode_mask(mask)))
    body = codec.request(photo, mask, prompt, seed, style)
    picture = codec.picture(_invoke(candidate, body, again))
    try:
        size = encoding.size_of(picture)
        if not frame.takes(size):
            raise UnknownAnswer(f"200: a picture of {size[0]} x {size[1]} for {frame.canvas[0]} x {frame.canvas[1]}")
        return frame.restore(encoding.decode(picture))
    except OSError as error:
        raise UnknownAnswer("200: the picture is broken") from error
