"""The answer of `GET /staff/today`, made of what was counted and of the image models' pace. Nothing here calls AWS.

docs/decisions/0037-figures.md says how exact each figure is.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from booth import clock, scenes
from booth.errors import BadRequest, kind_of
from booth.histogram import quantile
from booth.http import contract
from booth.painting import pacing
from booth.painting.chain import Candidate
from booth.painting.models import MODELS
from booth.painting.pacing import Pace
from booth.runs import figures, store
from booth.runs.figures import Day

PHOTO_DOLLARS = 0.0035
"""What a photo costs besides its pictures, US dollars: 0.0025 of plumbing for one that comes alone, by `make cost` on
2026-11-28 (docs/performance.md), and 0.001 for Rekognition. Endpoints cost by the hour, and are not in it."""
SCORE_DOLLARS = 0.001
"""What a picture's score for the event's wall costs."""
THROTTLED_SECONDS = 120
"""A candidate is told as throttled for this long after its last throttled call."""


@dataclass(frozen=True)
class Now:
    """What is told of today alone."""

    pace: Pace
    pads: dict[str, int]
    """Of the day before, as `Day.pads`: a booth that has taken no photo since midnight (UTC) is told all the same."""
    photos: int
    """Claimed so far."""
    photos_per_day: int
    """The deployment's budget, which staff may have lowered by event.json; 0 for any number."""


def day_of(query: dict[str, str]) -> str:
    """The day that is asked for, as in 2026-11-28; today if none is. Raises BadRequest."""
    today = date.fromisoformat(figures.today())
    asked = query.get("day", today.isoformat())
    oldest = today - timedelta(seconds=store.RETENTION_SECONDS)
    # ISO's dates of this form sort as texts do; another form of the same date is not taken.
    if not _is_date(asked) or not oldest.isoformat() <= asked <= today.isoformat():
        raise BadRequest(f"'day' must be a date from {oldest} to {today}.")
    return asked


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def before(day: str) -> str:
    """The day before."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def answer(day: str, counted: Day, candidates: list[Candidate], now: Now | None = None) -> dict[str, Any]:
    """HTTP 200. Of an earlier day (`now` is None) `waiting` and `budget` are null, and no model's state is known."""
    visits = sum(counted.ended.values())
    value = {
        "day": day,
        "now": clock.now_ms() // 1000,
        "visits": visits,
        "pictures": sum(counted.pictures.values()),
        "ended": {status: counted.ended.get(status, 0) for status in ("SUCCEEDED", "PARTIAL", "FAILED")},
        "failures": [_failure(code, count) for code, count in _most_first(counted.failed)],
        "waiting": now and _waiting(now.pace, candidates),
        "models": _models(counted, candidates, now),
        "money": {"usd": round(_dollars(counted, visits), 2), "isEstimate": True},
        "budget": now and {"photos": now.photos, "photosPerDay": now.photos_per_day},
        "scenes": [{"id": name, "title": _title(name), "pictures": n} for name, n in _most_first(counted.pictures)],
        "first": _quantiles(counted.first),
        "last": _quantiles(counted.last),
        "pads": _pads((now.pads if now else {}) | counted.pads),
        "wall": counted.wall,
    }
    return contract.today_answer(value)


def _most_first(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _failure(code: str, count: int) -> dict[str, Any]:
    kind = kind_of(code)
    return {"code": code, "count": count, "message": kind.message, "advice": kind.advice}


def _waiting(pace: Pace, candidates: list[Candidate]) -> dict[str, int]:
    pictures, last = pacing.waiting(pace, candidates, clock.now_ms())
    return {"pictures": pictures, "seconds": clock.seconds_until(last)}


def _models(counted: Day, candidates: list[Candidate], now: Now | None) -> list[dict[str, Any]]:
    """The chain's candidates in its order, and after them those that were in it earlier that day."""
    names = dict.fromkeys([*map(str, candidates), *sorted({*counted.painted, *counted.missed})])
    return [
        {
            "name": name,
            "state": _state(name, counted, now.pace) if now else "unknown",
            "pictures": counted.painted.get(name, 0),
            "failures": counted.missed.get(name, 0),
        }
        for name in names
    ]


def _state(name: str, counted: Day, pace: Pace) -> str:
    """gone, since it was found unavailable and has not painted; throttled lately; alive, has painted today; unknown."""
    if name in pace.gone:
        return "gone"
    if clock.now_ms() // 1000 - counted.throttled.get(name, 0) < THROTTLED_SECONDS:
        return "throttled"
    return "alive" if counted.painted.get(name) else "unknown"


def _dollars(counted: Day, visits: int) -> float:
    """What the day's pictures cost by their models' prices, their scores for the wall, and its photos besides."""
    models = [(MODELS.get(name.partition("@")[0]), number) for name, number in counted.painted.items()]
    painted = sum(model.dollars * number for model, number in models if model)
    return painted + counted.wall.get("scored", 0) * SCORE_DOLLARS + visits * PHOTO_DOLLARS


def _title(scene: str) -> dict[str, str]:
    """The scene's titles; its id, if the catalogue has it no more."""
    found = scenes.catalogue().get(scene)
    return found.title if found else {"en": scene, "ko": scene}


def _quantiles(histogram: dict[int, int]) -> dict[str, float | None]:
    found = {"median": quantile(histogram, 0.5), "p95": quantile(histogram, 0.95)}
    return {name: seconds and round(seconds, 1) for name, seconds in found.items()}


def _pads(seen: dict[str, int]) -> list[dict[str, Any]]:
    return [{"name": name, "seen": seen[name]} for name in sorted(seen)]
