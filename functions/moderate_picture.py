"""After step 5, once per picture whose visitor agrees to it: Rekognition scores the picture for the event's wall."""

import os
from typing import Any

from booth import wall
from booth.aws import clients, objects, rekognition, table
from booth.errors import BoothError, ServiceUnavailable, Throttled
from booth.handlers import step
from booth.lifecycle import publishing
from booth.log import count, logger
from booth.run import Run
from booth.runs import figures, store
from booth.wall import Verdict, WallState

clients.at_init(table.connect, objects.connect, rekognition.connect)

_LAST_ATTEMPT = 2
"""From here on the state machine may retry no more, whichever errors came before: see ModeratePicture's `Retry`."""


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    number, attempt = event["picture"], event["attempt"]
    logger.append_keys(picture=number, attempt=attempt)
    run = store.get(event["run"])
    if (key := _undecided(run, number)) and (jpeg := objects.find(key)):
        verdict, notes = _moderated(jpeg, attempt)
        if publishing.publish_on_wall(run, number, jpeg, verdict):
            figures.count_wall(verdict.state, *notes)
    return {"picture": number}


def _undecided(run: Run, number: int) -> str:
    """Key of a finished picture of which the wall has heard nothing yet; "" if it isn't for the wall, or deleted."""
    name = f"p{number}"
    if run.wall is None or name in run.wall:
        return ""
    return run.pictures.get(name, {}).get("key", "")


def _moderated(jpeg: bytes, attempt: int) -> tuple[Verdict, list[str]]:
    """What becomes of a picture by WALL_MODERATION, and what is to be counted besides, see `figures.Day.wall`.

    Raises Throttled, ServiceUnavailable as Rekognition does, until _LAST_ATTEMPT.
    """
    mode = os.environ["WALL_MODERATION"]
    if mode == "off":
        return Verdict(WallState.SHOWN), []
    try:
        verdict = _scored(jpeg)
    except BoothError as error:
        if attempt < _LAST_ATTEMPT and isinstance(error, (Throttled, ServiceUnavailable)):
            raise
        count("PicturesNotScored")
        logger.warning("a picture for the wall has no score", error=type(error).__name__, reason=str(error))
        return Verdict(WallState.SHOWN if mode == "shadow" else WallState.WAITING), ["unscored"]
    if mode == "shadow":
        would = {WallState.WAITING: ["would_wait"], WallState.REFUSED: ["would_refuse"]}
        return Verdict(WallState.SHOWN), ["scored", *would.get(verdict.state, [])]
    return verdict, ["scored"]


def _scored(jpeg: bytes) -> Verdict:
    doubt, refuse = float(os.environ["WALL_DOUBT_THRESHOLD"]), float(os.environ["WALL_REFUSE_THRESHOLD"])
    return wall.verdict(rekognition.moderation_labels(jpeg, min(doubt, refuse)), doubt, refuse)
