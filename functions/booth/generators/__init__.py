"""The image models: a codec for each wire format, and the chain of candidates that a picture may be painted by.

A new model is a module here, with `request` and `image`, and a line in CODECS.
"""

import os
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from types import ModuleType

from booth import bedrock
from booth.bedrock import CandidateGone
from booth.errors import ModelsUnavailable
from booth.generators import titan
from booth.log import count, logger
from booth.scenes import Scene

CODECS: dict[str, ModuleType] = {
    "amazon.titan-image-generator-v1": titan,
    "amazon.titan-image-generator-v2:0": titan,
}


@dataclass(frozen=True)
class Candidate:
    """A model in a Region."""

    model: str
    region: str


_gone: set[Candidate] = set()  # refused for good, remembered as long as the function is warm


def parse_chain(text: str) -> list[Candidate]:
    """Candidates from `model@region,model@region,...`, in order of preference. Raises ValueError."""
    candidates = []
    for part in text.split(","):
        model, at, region = part.strip().rpartition("@")
        if not at or model not in CODECS:
            raise ValueError(f"not a known model@region: {part.strip()!r}")
        candidates.append(Candidate(model, region))
    return candidates


@cache
def _chain() -> tuple[Candidate, ...]:
    return tuple(parse_chain(os.environ["IMAGE_MODELS"]))


def in_turn(chain: tuple[Candidate, ...], picture: int) -> list[Candidate]:
    """The candidates in the order in which this picture tries them.

    Pictures begin at different Regions of a model, so that the Regions' quotas are used at once; the next model comes
    only after all Regions of the one before.
    """
    order: list[Candidate] = []
    for _, group in groupby(chain, key=lambda candidate: candidate.model):
        regions = list(group)
        shift = picture % len(regions)
        order += regions[shift:] + regions[:shift]
    return order


def paint(photo: bytes, mask: bytes, scene: Scene, seed: int, picture: int, attempt: int) -> bytes:
    """One picture of the scene around the kept pixels, encoded as the model sent it.

    One slow call at most: when it fails, the state machine comes back with the next `attempt`, and that takes the next
    candidate. Candidates that refuse at once are passed over here and now.

    Args:
        photo, mask: PNGs of the same size; the mask is black where the photo is kept, white where it is painted.
        picture: number of the picture, from 1.
        attempt: 0 for the first, then the state machine's retry count.

    Raises:
        ContentBlocked, Throttled, ServiceUnavailable, InternalError: from the call.
        ModelsUnavailable: every candidate is gone.
    """
    order = in_turn(_chain(), picture)
    while alive := [candidate for candidate in order if candidate not in _gone]:
        candidate = alive[attempt % len(alive)]
        codec = CODECS[candidate.model]
        try:
            answer = bedrock.invoke(candidate.model, candidate.region, codec.request(photo, mask, scene, seed))
        except CandidateGone as refusal:
            _gone.add(candidate)
            count("CandidateGone")
            logger.warning("candidate passed over", model=candidate.model, region=candidate.region, reason=str(refusal))
            continue
        return codec.image(answer)
    # Access may be granted in a minute: the next picture asks them all again.
    _gone.clear()
    raise ModelsUnavailable("every candidate of the chain is gone")
