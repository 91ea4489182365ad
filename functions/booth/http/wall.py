"""The answers of `GET /wall/pictures` and `GET /staff/wall`, made of what the index lists. Nothing here calls AWS."""

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any

from booth import clock, keys
from booth.http import contract
from booth.runs.wall import Listed
from booth.wall import WallState

MOST_SHOWN = 60
"""Pictures on a wall, or in staff's lists of those that are shown and hidden."""
MOST_WAITING = 100
"""Pictures in staff's list of those that wait."""

Picture = dict[str, Any]


def pictures_answer(runs: Iterable[Listed]) -> dict[str, Any]:
    """HTTP 200 with what the wall shows, the newest first: the address of each copy, and since when it is shown.

    Args:
        runs: those of the queues `waiting` and `shown`.
    """
    shown = sorted(_pictures(runs, WallState.SHOWN), key=_changed, reverse=True)[:MOST_SHOWN]
    return contract.wall_answer({"pictures": [{"url": each["url"], "since": _changed(each)} for each in shown]})


def staff_answer(runs: Iterable[Listed], moderation: str) -> dict[str, Any]:
    """HTTP 200 with staff's lists, the newest first.

    Args:
        runs: of all queues; of `waiting` also those that have waited longest.
        moderation: the parameter WallModeration.
    """
    runs = list(runs)
    waiting = sorted(_pictures(runs, WallState.WAITING), key=itemgetter("since"), reverse=True)
    shown, hidden = (
        sorted(_pictures(runs, state), key=_changed, reverse=True)[:MOST_SHOWN]
        for state in (WallState.SHOWN, WallState.HIDDEN)
    )
    return contract.wall_answer(
        {
            "now": clock.now_ms() // 1000,
            "moderation": moderation,
            "waiting": waiting[:MOST_WAITING],
            "shown": shown,
            "hidden": hidden,
            "count": len(waiting),
            "oldest": waiting[-1]["since"] if waiting else None,
        }
    )


def _changed(picture: Picture) -> int:
    """When it got its state, epoch seconds."""
    return picture["decided"] or picture["since"]


def _pictures(runs: Iterable[Listed], state: WallState) -> Iterator[Picture]:
    """The pictures in this state, as staff see them. A run that is listed twice, for it changes, counts once."""
    for run in {each.run_id: each for each in runs}.values():
        for name, entry in run.wall.items():
            if entry["state"] == state:
                number, decisions = int(name[1:]), entry.get("decisions")
                yield {
                    "visit": run.run_id,
                    "picture": number,
                    "url": keys.address(keys.wall_key(run.run_id, number)),
                    "since": int(entry["at"]) // 1000,
                    "label": entry.get("label", ""),
                    "score": float(entry.get("score", 0)),
                    "decided": int(decisions[-1]["at"]) // 1000 if decisions else None,
                }
