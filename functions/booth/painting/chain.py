"""The chain: the image models in order of preference, each in its Regions, with what each can take."""

import os
import re
from dataclasses import dataclass
from itertools import groupby

from booth.painting.models import ENDPOINT, ENDPOINT_PICTURES_A_MINUTE, MODELS
from booth.run import WINDOW_MS

_CANDIDATE = re.compile(r"(?P<model>[^@=]+)@(?P<region>[a-z0-9-]+)(=(?P<requests>[1-9][0-9]*))?")
_ENDPOINT = re.compile(
    ENDPOINT + r"(=(?P<pictures>0\.[0-9]*[1-9][0-9]*|[1-9][0-9]*(\.[0-9]+)?)(x(?P<instances>[1-9][0-9]*))?)?"
)


@dataclass(frozen=True)
class Candidate:
    """A model in a Region."""

    model: str
    """Bedrock's id, or ENDPOINT."""
    region: str
    slots: int
    """How many calls may be made within `window`: the quota of requests a minute, or the endpoint's instances."""
    window: int = WINDOW_MS
    """Shortest time between two calls at a slot, ms."""

    def __str__(self) -> str:
        return f"{self.model}@{self.region}"

    @property
    def pictures_a_minute(self) -> float:
        """How many pictures it paints a minute at most, by its pacing."""
        return self.slots * 60_000 / self.window


def parse_chain(text: str, paint_region: str = "") -> list[Candidate]:
    """Candidates from `model@region,model@region=20,endpoint=12x2,...`, in order of preference. Raises ValueError.

    The number after `=` is the account's quota of requests a minute, by default AWS's, see `models.MODELS`; of the
    endpoint it is the pictures a minute that one instance paints, and after `x` the number of instances.

    Args:
        paint_region: the endpoint's Region.
    """
    return [_candidate(part.strip(), paint_region) for part in text.split(",")]


def _candidate(part: str, paint_region: str) -> Candidate:
    if match := _ENDPOINT.fullmatch(part):
        pictures = float(match["pictures"] or ENDPOINT_PICTURES_A_MINUTE)
        return Candidate(ENDPOINT, paint_region, int(match["instances"] or 1), round(60_000 / pictures))
    match = _CANDIDATE.fullmatch(part)
    if not match or match["model"] not in MODELS:
        raise ValueError(f"not a known model@region: {part!r}")
    requests = int(match["requests"] or MODELS[match["model"]].requests_a_minute)
    return Candidate(match["model"], match["region"], requests)


def chain() -> list[Candidate]:
    """The chain of the environment's IMAGE_MODELS and PAINT_REGION (parameters `ImageModels`, `PaintRegion`).

    Raises ValueError.
    """
    return parse_chain(os.environ["IMAGE_MODELS"], os.environ.get("PAINT_REGION", ""))


def rotated(candidates: list[Candidate], offset: int) -> list[Candidate]:
    """The candidates, each model's Regions rotated by `offset`: so that the quotas of all Regions are used at once."""
    ordered: list[Candidate] = []
    for _, group in groupby(candidates, key=lambda candidate: candidate.model):
        regions = list(group)
        shift = offset % len(regions)
        ordered += regions[shift:] + regions[:shift]
    return ordered
