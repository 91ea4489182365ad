"""The open runs: those that `sweep` has to look after, by the sparse index `open`."""

from typing import Any

from booth import clock, limits
from booth.aws import table
from booth.aws.errors import aws_errors
from booth.run import Run, Status
from booth.runs import store


def due_before(moment: int, kind: str, limit: int) -> list[tuple[int, str]]:
    """The open runs of a kind (GOES_ON, WAITS) that want attention before `moment` (epoch ms): when, and the run's id.

    The earliest first, and not more than `limit` of them: `sweep` comes again for the others.
    """
    with aws_errors():
        answer = table.connect().query(
            TableName=table.table_name(),
            IndexName="open",
            KeyConditionExpression="#open = :kind AND due < :moment",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues=table.attribute_values({"kind": kind, "moment": moment}),
            Limit=limit,
        )
    return [(int(item["due"]["N"]), item["pk"]["S"].removeprefix("run#")) for item in answer["Items"]]


def lease(run_id: str, due: int) -> Run | None:
    """`sweep` takes an open run to look at it; None if it is not due at `due` (epoch ms) any more, or is gone.

    If the look comes to no end, whatever stops it, the run comes due again by itself: after LOOK_SECONDS, the next time
    after twice as long, and so on up to LONGEST_LOOK_SECONDS; but not later than the moment at which it has to end.
    """
    item = table.get(table.key_of("run", run_id)) or {}
    if table.number(item, "due") != due:
        return None
    now, tries = clock.now_ms(), table.number(item, "tries")
    is_expired = "expires" in item and table.number(item, "expires") * 1000 < now
    if is_expired and item.get("status") != {"S": Status.DELETED}:
        close(run_id)
        return None
    again = now + min(limits.LEASE_SECONDS << min(tries, 10), limits.LONGEST_LEASE_SECONDS) * 1000
    ends = (
        table.number(item, "deadline") - (limits.RUN_SECONDS - limits.STOP_SECONDS) * 1000,
        table.number(item, "upload_until") + limits.LATE_UPLOAD_SECONDS * 1000,
    )
    values = {"due": min([again, *(each for each in ends if each > now)]), "tries": tries + 1, "seen": due}
    condition = "attribute_exists(#open) AND #due = :seen"
    request = table.update_of(run_id, "SET #due = :due, #tries = :tries", values, condition, ReturnValues="ALL_NEW")
    answer = table.write("update_item", **request)
    return store.run_of(answer["Attributes"]) if answer else None


def reschedule(run: Run, due: int, **fields: Any) -> None:
    """`sweep` looks at this open run again at `due` (epoch ms), unless its status or that time has changed in between.

    So of two that look after it at the same time the slower one changes nothing. The look has come to its end; `fields`
    are set with it.
    """
    values = fields | {"due": due, "status": run.status, "seen": run.due}
    condition = "attribute_exists(#open) AND #status = :status AND #due = :seen"
    changes = "SET " + ", ".join(f"#{name} = :{name}" for name in ("due", *fields)) + " REMOVE #tries"
    table.write("update_item", **table.update_of(run.id, changes, values, condition))


def close(run_id: str) -> None:
    """Nothing is left to do for this run. A deleted one is left to `forget`."""
    condition = "attribute_exists(#pk) AND #status <> :deleted"
    table.write("update_item", **table.update_of(run_id, "REMOVE #open, #due", {"deleted": Status.DELETED}, condition))
