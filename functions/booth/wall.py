"""How a picture stands with the event's wall, and what Rekognition's moderation labels say of it.

Nothing here calls AWS. docs/decisions/0039-wall.md and 0040-moderation.md have the reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class WallState(StrEnum):
    """How a picture stands with the wall."""

    SHOWN = "shown"
    WAITING = "waiting"
    """Staff are to look at it first."""
    HIDDEN = "hidden"
    """Staff have taken it off, and may put it back."""
    REFUSED = "refused"
    """By its moderation labels it is never shown."""
    OFF = "off"
    """Its visitor took it off, for good."""


QUEUES = (WallState.WAITING, WallState.SHOWN, WallState.HIDDEN)
"""What a picture can be of which there is a copy for the wall. A run is listed under the first of them that one of its
pictures has, see `queue_of`."""

REFUSED_LABELS = frozenset(
    {"Explicit", "Obstructed Intimate Parts", "Graphic Violence", "Visually Disturbing", "Hate Symbols"}
)
"""The moderation labels for which a photo is refused, of Rekognition's first two levels ("Label Categories" in its
guide, model 7). Others are usual at a party: drinks, a kiss, a bare back."""

_DOUBTFUL_LABELS = REFUSED_LABELS | {
    "Non-Explicit Nudity",
    "Swimwear or Underwear",
    "Violence",
    "Rude Gestures",
    "Drugs & Tobacco",
}
"""Those for which staff look at a picture before a room does."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a finished picture at the wall."""

    state: WallState
    """SHOWN, WAITING or REFUSED."""
    label: str = ""
    """The moderation label that decided; "" for none, or if there is no score."""
    score: float = 0.0
    """Rekognition's confidence in it, percent."""


def verdict(labels: Mapping[str, float], doubt: float, refuse: float) -> Verdict:
    """The verdict by Rekognition's moderation labels, each with its parents.

    Args:
        labels: confidence, percent, by name.
        doubt: confidence, percent, from which a doubtful label has a picture wait for staff.
        refuse: confidence, percent, from which one of REFUSED_LABELS keeps it off the wall.
    """
    refused = {name: score for name, score in labels.items() if name in REFUSED_LABELS and score >= refuse}
    doubtful = {name: score for name, score in labels.items() if name in _DOUBTFUL_LABELS and score >= doubt}
    for state, reasons in ((WallState.REFUSED, refused), (WallState.WAITING, doubtful)):
        if reasons:
            label = max(reasons, key=lambda name: (reasons[name], name))
            return Verdict(state, label, reasons[label])
    return Verdict(WallState.SHOWN)


def queue_of(wall: Mapping[str, Mapping[str, Any]]) -> str:
    """Under which of QUEUES a run is listed; "" for none.

    Args:
        wall: the run's pictures as `Run.wall` has them.
    """
    states = {picture["state"] for picture in wall.values()}
    return next((queue for queue in QUEUES if queue in states), "")
