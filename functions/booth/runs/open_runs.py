"""The open runs: those that `sweep` has to handle, by the sparse index `open` of the table."""

from typing import Any

from booth import clock, limits
from booth.aws import table
from booth.aws.errors import aws_errors
from booth.run import Run, Status
from booth.runs import store


def due_before(moment: int, kind: str, limit: int) -> list[tuple[int, str]]:
    """The open runs of a kind (see `Open`) that are due before `moment`: when, epoch ms, and the run's id.

    The earliest first, `limit` at most. The index is eventually consistent.
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
    """Leases an open run to `sweep`; None if its `due` (epoch ms) has changed, or it has expired or is closed.

    If the lease is not ended (by `reschedule`, `close` or the run's end), the run is due again when it is over: after
    LEASE_SECONDS, after twice as long the next time, and so on up to LONGEST_LEASE_SECONDS, but not later than the
    moment at which the run has to end.
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
    """Ends the lease of an open run: `sweep` checks it again at `due` (epoch ms). `fields` are set in the same write.

    Nothing is written if the run's status or `due` has changed since `run` was read: so of two that handle it at the
    same time the slower one changes nothing.
    """
    values = fields | {"due": due, "status": run.status, "seen": run.due}
    condition = "attribute_exists(#open) AND #status = :status AND #due = :seen"
    changes = "SET " + ", ".join(f"#{name} = :{name}" for name in ("due", *fields)) + " REMOVE #tries"
    table.write("update_item", **table.update_of(run.id, changes, values, condition))


def close(run_id: str) -> None:
    """Closes a run: takes it out of the index. Not a deleted one, which `store.forget` closes."""
    condition = "attribute_exists(#pk) AND #status <> :deleted"
    table.write("update_item", **table.update_of(run_id, "REMOVE #open, #due", {"deleted": Status.DELETED}, condition))
