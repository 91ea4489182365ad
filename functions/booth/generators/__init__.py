"""The image models: a codec for each wire format, and the chain of candidates that a picture may be painted by.

A new model is a module here with a `Codec`, and a line in CODECS.
"""

import os
import time
import zlib
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from booth import bedrock
from booth.bedrock import CandidateGone, RequestRefused
from booth.errors import InternalError, ModelsUnavailable, ServiceUnavailable, Throttled
from booth.generators import nova, stability, titan
from booth.generators.codec import Codec, Style
from booth.log import count, logger
from booth.pixels import composite, frames
from booth.scenes import Scene

CODECS: dict[str, Codec] = {
    "amazon.titan-image-generator-v1": titan.TITAN,
    "amazon.titan-image-generator-v2:0": titan.TITAN,
    "amazon.nova-canvas-v1:0": nova.NOVA_CANVAS,
    "us.stability.stable-image-inpaint-v1:0": stability.INPAINT,
}

ASK_AGAIN_SECONDS = 15 * 60
"""A candidate that is gone is asked again after this long: a subscription takes up to 15 minutes to come into force."""


@dataclass(frozen=True)
class Candidate:
    """A model in a Region."""

    model: str
    region: str


_gone: dict[Candidate, float] = {}  # refused for good; when each is asked again, in time.monotonic()'s seconds


def parse_chain(text: str) -> list[Candidate]:
    """Candidates from `model@region,model@region,...`, in order of preference. Raises ValueError."""
    candidates = []
    for part in text.split(","):
        model, at, region = part.strip().rpartition("@")
        if not at or not region or model not in CODECS:
            raise ValueError(f"not a known model@region: {part.strip()!r}")
        candidates.append(Candidate(model, region))
    return candidates


def turn_of(run: str, picture: int) -> int:
    """Where in the rotation over Regions a picture (from 1) of a run (its id) begins.

    Runs begin at different places too: three pictures over two Regions would else always give the same one two of them.
    """
    return zlib.crc32(run.encode()) + picture


def in_turn(chain: list[Candidate], turn: int) -> list[Candidate]:
    """The candidates in the order in which one picture tries them.

    Successive turns begin at different Regions of a model, so that the Regions' quotas are used at once; the next model
    comes only after all Regions of the one before.
    """
    order: list[Candidate] = []
    for _, group in groupby(chain, key=lambda candidate: candidate.model):
        regions = list(group)
        shift = turn % len(regions)
        order += regions[shift:] + regions[:shift]
    return order


def paint(photo: np.ndarray, keep: np.ndarray, scene: Scene, seed: int, turn: int, attempt: int) -> np.ndarray:
    """One picture of the scene around the kept pixels, uint8 H x W x 3 of the photo's size.

    One slow call at most: when it fails, the state machine comes back with the next `attempt`, and that takes the next
    candidate. Candidates that refuse at once are passed over here and now.

    Args:
        photo: uint8, H x W x 3.
        keep: bool, H x W: what the model is to leave as it is.
        turn: where in the rotation over Regions this picture begins.
        attempt: 0 for the first, then the state machine's retry count.

    Raises:
        ContentBlocked, OutputBlocked, Throttled, ServiceUnavailable, AccessDenied, InternalError: from the call.
        ModelsUnavailable: every candidate is gone.
        InternalError: those that are not gone found the request invalid.
    """
    style = Style(os.environ["IMAGE_QUALITY"], float(os.environ["IMAGE_CFG_SCALE"]))
    order = in_turn(parse_chain(os.environ["IMAGE_MODELS"]), turn)
    refused: set[str] = set()  # models; their other Regions would say the same
    while alive := [each for each in order if each.model not in refused and time.monotonic() >= _gone.get(each, 0)]:
        candidate = alive[attempt % len(alive)]
        try:
            return _painted_by(candidate, photo, keep, scene, seed, style)
        except CandidateGone as refusal:
            _pass_over(candidate, str(refusal))
        except Throttled:
            count("ModelThrottled")
            raise
        except RequestRefused as refusal:
            refused.add(candidate.model)
            count("RequestRefused")
            logger.error("a model refused the request", **vars(candidate), reason=str(refusal))
    if refused:
        raise InternalError("no model takes the request")
    # Access may be granted in a minute: the next picture asks them all again.
    _gone.update(dict.fromkeys(_gone, 0.0))
    raise ModelsUnavailable("every candidate of the chain is gone")


def _painted_by(
    candidate: Candidate, photo: np.ndarray, keep: np.ndarray, scene: Scene, seed: int, style: Style
) -> np.ndarray:
    codec = CODECS[candidate.model]
    frame = frames.fit((photo.shape[1], photo.shape[0]), codec.sizes)
    # As a PNG a large photo could exceed the 5 MB that Titan takes. What is kept is not taken from the answer anyway.
    jpeg, mask = composite.encode_for_model(frame.place(photo)), composite.encode_png(frame.place_mask(keep))
    answer = bedrock.invoke(candidate.model, candidate.region, codec.request(jpeg, mask, scene, seed, style))
    try:
        return frame.restore(composite.decode(codec.picture(answer)))
    except OSError as error:
        raise ServiceUnavailable("the model's answer is no image") from error


def _pass_over(candidate: Candidate, reason: str) -> None:
    count("CandidateGone")
    if candidate not in _gone:  # told once as long as the function is warm
        logger.warning("candidate passed over", **vars(candidate), reason=reason)
    _gone[candidate] = time.monotonic() + ASK_AGAIN_SECONDS
