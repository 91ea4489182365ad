"""The day's figures: one item of the table for each day (UTC), to which is added what happens, when it happens.

Every field is an attribute of its own, `<kind> <name>`, so that DynamoDB adds to it without a read and without a
condition: writers at the same time never meet, and nothing is written while the booth is idle. Nothing in it is about a
visitor. An error is logged, not raised: no visit fails, nor waits for another try, for the sake of a figure.
docs/decisions/0037-figures.md says how exact they are.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from booth import clock
from booth.aws import table
from booth.errors import BoothError
from booth.histogram import bin_of
from booth.log import logger
from booth.run import Run
from booth.runs import store

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """What was counted on a day. Times are epoch seconds."""

    ended: dict[str, int] = field(default_factory=dict)
    """Visits by `Status`; those that were deleted before their end are not among them."""
    failed: dict[str, int] = field(default_factory=dict)
    """By error name: visits that ended with it, or with a picture that failed so; each once for each name."""
    pictures: dict[str, int] = field(default_factory=dict)
    """Finished pictures of visits that have ended, by scene."""
    painted: dict[str, int] = field(default_factory=dict)
    """The same by candidate, `model@region`."""
    missed: dict[str, int] = field(default_factory=dict)
    """Failed pictures by the candidate of their last turn."""
    first: dict[int, int] = field(default_factory=dict)
    """Histogram of the seconds from the claim to the visit's first picture, see `booth.histogram`."""
    last: dict[int, int] = field(default_factory=dict)
    """The same of its last one."""
    throttled: dict[str, int] = field(default_factory=dict)
    """By candidate, when a call of it was throttled last."""
    pads: dict[str, int] = field(default_factory=dict)
    """By the booth's name, when it asked for an upload last."""
    wall: dict[str, int] = field(default_factory=dict)
    """Pictures for the event's wall. By what became of them: shown, waiting, refused. By their score: scored, unscored;
    where WallModeration is shadow also would_wait, would_refuse. Staff's decisions: approved, hidden."""


_BINS = ("first", "last")


def today() -> str:
    """Today's date, as in 2026-11-28; days begin at midnight UTC."""
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC).date().isoformat()


def count_end(run: Run, status: str, error: str, pictures: Mapping[str, Mapping[str, Any]]) -> None:
    """Counts a run that has ended. Called once for each, by whoever's write has ended it.

    Args:
        run: as it was before.
        error: name of the error that it ended with; "" for none.
        pictures: as it ended.
    """
    add = Counter([f"ended {status}"])
    done = [name for name, picture in pictures.items() if picture["state"] == "DONE"]
    missed = [picture["error"] for picture in pictures.values() if picture["state"] == "FAILED"]
    add.update(f"failed {reason}" for reason in {*missed, error} - {""})
    add.update(f"pictures {pictures[name]['scene']}" for name in done)
    # Both are missing in a record of an older release.
    add.update(f"painted {by}" for name in done if (by := run.pictures[name].get("by")))
    seconds = [(at - run.claimed) / 1000 for name in done if (at := int(run.pictures[name].get("at", 0)))]
    if seconds:
        add.update([f"first {bin_of(min(seconds))}", f"last {bin_of(max(seconds))}"])
    turns = [run.turns.get(int(name[1:])) for name in pictures if name not in done]
    add.update(f"missed {turn.candidate}" for turn in turns if turn)
    _write(add, {})


def note_throttled(candidate: str) -> None:
    """Notes that a call of this candidate, `model@region`, was throttled now."""
    _write({}, {f"throttled {candidate}": clock.now_ms() // 1000})


def note_pad(booth: str) -> None:
    """Notes that a booth of this name has asked for an upload now."""
    _write({}, {f"pads {booth}": clock.now_ms() // 1000})


def count_wall(*names: str) -> None:
    """Counts a picture for the event's wall under each of these names, see `Day.wall`."""
    _write(Counter(f"wall {name}" for name in names), {})


def _write(add: Mapping[str, int], put: Mapping[str, int]) -> None:
    """Adds to attributes of today's item, and sets others. The item expires when its day is RETENTION_DAYS ago."""
    day = today()
    names = {f"#a{place}": name for place, name in enumerate((*add, *put))} | {"#expires": "expires"}
    values = {f":a{place}": value for place, value in enumerate((*add.values(), *put.values()))}
    sums = ", ".join(f"#a{place} :a{place}" for place in range(len(add)))
    sets = ", ".join(["#expires = :expires", *(f"#a{place} = :a{place}" for place in range(len(add), len(names) - 1))])
    try:
        table.write(
            "update_item",
            TableName=table.table_name(),
            Key=table.key_of("stats", day),
            UpdateExpression=f"SET {sets}" + (f" ADD {sums}" if sums else ""),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                name: table.to_item(value) for name, value in (values | {":expires": _expires(day)}).items()
            },
        )
    except BoothError as error:
        logger.warning("a figure is lost", error=type(error).__name__, reason=str(error))


def _expires(day: str) -> int:
    """Until when a day's item is kept, epoch seconds."""
    end = datetime.combine(date.fromisoformat(day) + _DAY, datetime.min.time(), UTC)
    return int(end.timestamp()) + store.RETENTION_SECONDS


def read(day: str) -> Day:
    """What was counted on a day, as `today` names it; empty if nothing was, or if it has expired."""
    item = table.get(table.key_of("stats", day))
    if item is None or table.number(item, "expires") * 1000 < clock.now_ms():
        return Day()
    found: dict[str, dict[Any, int]] = {name: {} for name in Day.__dataclass_fields__}
    for attribute in item:
        kind, _, name = attribute.partition(" ")
        if name and kind in found:
            found[kind][int(name) if kind in _BINS else name] = table.number(item, attribute)
    return Day(**found)
