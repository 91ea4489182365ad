"""What is on the event's wall: the attribute `wall` of the runs' records, and the sparse index by which it is found.

A run's record alone says it, so one write takes pictures off: the tombstone of a deletion, staff's decision, the
visitor's. In the index a run is listed by `on_wall`, see `booth.wall.queue_of`, and `wall_at`, when its newest picture
was put there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from booth import clock, limits
from booth.aws import table
from booth.aws.errors import aws_errors
from booth.errors import Conflict, Deleted, NotFound, Throttled
from booth.run import MAX_PICTURES, Open, Run, Status
from booth.runs import store
from booth.wall import QUEUES, Verdict, WallState, queue_of

_TRIES = 10
"""Writes of one record that meet another one: at most MAX_PICTURES and staff change it at the same time."""
_MOST_DECISIONS = 20
"""Decisions on one picture that are kept, the latest."""

_UNKNOWN = "There is no such picture."

Wall = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Listed:
    """A run as the index lists it."""

    run_id: str
    wall: Wall
    """As `Run.wall`."""
    at: int
    """When its newest picture was put on the wall, epoch ms."""


def put(run_id: str, number: int, verdict: Verdict) -> bool:
    """Puts a finished picture (`number` from 1) on the wall, by its verdict.

    False, and nothing is written, unless its visitor agrees, the visit is neither deleted nor failed, and nothing was
    said of the picture before.
    """
    name = f"p{number}"

    def change(run: Run) -> Wall | None:
        picture = run.pictures.get(name, {})
        if run.wall is None or name in run.wall or picture.get("state") != "DONE" or run.status == Status.FAILED:
            return None
        entry = {"state": verdict.state, "at": clock.now_ms()}
        if verdict.label:
            entry |= {"label": verdict.label, "score": Decimal(str(round(verdict.score, 1)))}
        return run.wall | {name: entry}

    return _change(run_id, change, is_put=verdict.state in QUEUES)[1]


def decide(run_id: str, number: int, state: WallState, by: str) -> Run:
    """Writes staff's decision on a picture (`number` from 1), with its time. Returns the run as it is then.

    Args:
        state: one of QUEUES; WAITING takes a decision back.
        by: whose token it was.

    Raises:
        NotFound: there is no such picture.
        Deleted: the visit was deleted.
        Conflict: its visitor has taken it off the wall, or its moderation labels keep it off.
    """
    name = f"p{number}"

    def change(run: Run) -> Wall:
        entry = (run.wall or {}).get(name)
        if entry is None:
            raise NotFound(_UNKNOWN)
        if entry["state"] not in QUEUES:
            raise Conflict("This picture can't be shown on the wall: its visitor has taken it off, or it was refused.")
        decision = {"state": state, "at": clock.now_ms(), "by": by}
        decisions = [*entry.get("decisions", []), decision][-_MOST_DECISIONS:]
        return (run.wall or {}) | {name: entry | {"state": state, "decisions": decisions}}

    run, _ = _change(run_id, change)
    if run.status == Status.DELETED:
        raise Deleted
    return run


def take_off(run_id: str, number: int | None) -> Run:
    """Takes a picture (`number` from 1) off the wall for its visitor, for good; None: all, those to come as well.

    Idempotent. Returns the run as it is then. Nothing is written if the visitor had not agreed. The caller deletes the
    copies; if it is cut off, `sweep` does, or the run's end.

    Raises Deleted.
    """
    names = [f"p{each}" for each in ([number] if number else range(1, MAX_PICTURES + 1))]

    def change(run: Run) -> Wall | None:
        if run.wall is None:
            return None
        off = {"state": WallState.OFF, "at": clock.now_ms()}
        left = [name for name in names if run.wall.get(name, {}).get("state") != WallState.OFF]
        return run.wall | {name: off for name in left} if left else None

    run, _ = _change(run_id, change, is_swept=True)
    if run.status == Status.DELETED:
        raise Deleted
    return run


def _change(
    run_id: str, change: Callable[[Run], Wall | None], *, is_put: bool = False, is_swept: bool = False
) -> tuple[Run, bool]:
    """Writes what `change` makes of a run's `wall`; nothing if that is None, or if the visit was deleted.

    Returns the run as it is then, and whether it was written.

    Args:
        is_put: a picture is put on the wall: so the run is the newest, and there are copies.
        is_swept: copies are to be deleted: of a run that has ended `sweep` looks what is left, a minute later.

    Raises:
        NotFound: there is no record.
        Throttled: others have written each time in between.
    """
    for _ in range(_TRIES):
        run = store.find(run_id)
        if run is None:
            raise NotFound(_UNKNOWN)
        if run.status == Status.DELETED or (wall := change(run)) is None:
            return run, False
        values = {"wall": wall, "seen": run.wall, "deleted": Status.DELETED, "queue": queue_of(wall)}
        sets = ["#wall = :wall"] + (["#on_wall = :queue"] if values["queue"] else [])
        if is_put:
            sets += ["#wall_at = :now", "#wall_copies = :true"]
            values |= {"now": clock.now_ms(), "true": True}
        if is_swept and run.is_ended:
            sets += ["#open = :open", "#due = :due"]
            values |= {"open": Open.WAITING, "due": clock.now_ms() + limits.DELETE_SECONDS * 1000}
        changes = "SET " + ", ".join(sets)
        if not values["queue"]:
            changes += " REMOVE #on_wall"
            del values["queue"]
        request = table.update_of(run_id, changes, values, "#wall = :seen AND #status <> :deleted")
        if table.write("update_item", **request) is not None:
            return replace(run, wall=wall, wall_copies=run.wall_copies or is_put), True
    raise Throttled("others write the same record")


def listed(queue: WallState, limit: int, *, oldest_first: bool = False) -> list[Listed]:
    """The runs that the index lists under `queue`, the newest first; `limit` are looked at.

    Not those that staff have hidden, nor those that have expired. The index is eventually consistent.
    """
    with aws_errors():
        answer = table.connect().query(
            TableName=table.table_name(),
            IndexName="wall",
            KeyConditionExpression="#on_wall = :queue",
            ExpressionAttributeNames={"#on_wall": "on_wall"},
            ExpressionAttributeValues=table.attribute_values({"queue": queue}),
            ScanIndexForward=oldest_first,
            Limit=limit,
        )
    now = clock.now_ms()
    return [
        Listed(item["pk"]["S"].removeprefix("run#"), table.from_item(item["wall"]), table.number(item, "wall_at"))
        for item in answer["Items"]
        if not table.number(item, "hidden") and table.number(item, "expires") * 1000 >= now
    ]
