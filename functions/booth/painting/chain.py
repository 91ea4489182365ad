"""The chain: the image models in order of preference, each in its Regions, with their quotas."""

import os
import re
from dataclasses import dataclass
from itertools import groupby

from booth.painting.models import MODELS

_CANDIDATE = re.compile(r"(?P<model>[^@=]+)@(?P<region>[a-z0-9-]+)(=(?P<requests>[1-9][0-9]*))?")


@dataclass(frozen=True)
class Candidate:
    """A model in a Region."""

    model: str
    region: str
    requests: int
    """Quota of requests a minute."""

    def __str__(self) -> str:
        return f"{self.model}@{self.region}"


def parse_chain(text: str) -> list[Candidate]:
    """Candidates from `model@region,model@region=20,...`, in order of preference. Raises ValueError.

    The number after `=` is the account's quota of requests a minute; by default AWS's, see `models.MODELS`.
    """
    candidates = []
    for part in text.split(","):
        match = _CANDIDATE.fullmatch(part.strip())
        if not match or match["model"] not in MODELS:
            raise ValueError(f"not a known model@region: {part.strip()!r}")
        requests = int(match["requests"] or MODELS[match["model"]].requests_a_minute)
        candidates.append(Candidate(match["model"], match["region"], requests))
    return candidates


def chain() -> list[Candidate]:
    """The chain of the environment's IMAGE_MODELS (parameter `ImageModels`). Raises ValueError."""
    return parse_chain(os.environ["IMAGE_MODELS"])


def rotated(candidates: list[Candidate], offset: int) -> list[Candidate]:
    """The candidates, each model's Regions rotated by `offset`: so that the quotas of all Regions are used at once."""
    ordered: list[Candidate] = []
    for _, group in groupby(candidates, key=lambda candidate: candidate.model):
        regions = list(group)
        shift = offset % len(regions)
        ordered += regions[shift:] + regions[:shift]
    return ordered
