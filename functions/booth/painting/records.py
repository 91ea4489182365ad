"""The table's records of turns: the pace, the turns in the runs' records, and the last use of each slot."""

from dataclasses import replace
from typing import Any

from booth import clock, limits
from booth.aws import table
from booth.painting.pacing import Pace
from booth.run import Run, Status, Step, Turn

_PACE = {"pk": {"S": "pace"}}


def pace() -> Pace:
    """Reads the pace; an empty one if there is no record yet."""
    item = table.get(_PACE)
    if item is None:
        return Pace({}, {}, 0)
    value = {name: table.from_item(field) for name, field in item.items()}
    slots = {name: [int(at) for at in times] for name, times in value["slots"].items()}
    gone = {name: int(until) for name, until in value["gone"].items()}
    # Optional: records of an older release don't have them.
    free = {name: [(int(slot), int(at)) for slot, at in turns] for name, turns in value.get("free", {}).items()}
    line = {name: [int(at) for at in times] for name, times in value.get("line", {}).items()}
    count, at = value.get("recent", (0, 0))
    return Pace(slots, gone, int(value["version"]), free, line, (int(count), int(at)))


def write_pace(pace: Pace) -> bool:
    """Writes the pace; False if another write has come, or is in progress, since it was read (by its `version`)."""
    return table.write_if_unchanged("update_item", **_pace_update(pace))


def _pace_update(pace: Pace) -> dict[str, Any]:
    """Parameters of the conditional UpdateItem that writes the pace."""
    free = {name: [list(turn) for turn in turns] for name, turns in pace.free.items() if turns}
    fields = {"slots": pace.slots, "gone": pace.gone, "free": free, "line": pace.line, "recent": list(pace.recent)}
    versions = {"next": pace.version + 1} | ({"seen": pace.version} if pace.version else {})
    return {
        "TableName": table.table_name(),
        "Key": _PACE,
        "UpdateExpression": f"SET {', '.join(f'#{name} = :{name}' for name in fields)}, #version = :next",
        "ConditionExpression": "#version = :seen" if pace.version else "attribute_not_exists(pk)",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*fields, "version")},
        "ExpressionAttributeValues": table.attribute_values(fields | versions),
    }


def write_turns(run: Run, turns: dict[int, Turn], pace: Pace | None) -> Run | None:
    """Writes turns of a run, the deadline that follows from them, and the pace (None: unchanged), in one transaction.

    Returns the run with them; None if run or pace have been changed, or are being changed, since they were read.
    """
    together = run.turns | turns
    deadline = max(turn.at for turn in together.values()) + limits.RUN_SECONDS * 1000
    values: dict[str, Any] = {"running": Status.RUNNING, "deadline": deadline, "seen": run.deadline}
    written = {f"p{number}": vars(turn) for number, turn in turns.items()}
    if run.turns:  # each by itself: another picture's turn may be written at the same time
        changes, values = ", ".join(f"#turns.#{name} = :{name}" for name in written), values | written
    else:
        changes, values = "#turns = :turns, #step = :step", values | {"turns": written, "step": Step.WAIT}
    update = table.update_of(
        run.id, f"SET {changes}, #deadline = :deadline", values, "#status = :running AND #deadline = :seen"
    )
    updates = [update, *([_pace_update(pace)] if pace else [])]
    if table.write_if_unchanged("transact_write_items", TransactItems=[{"Update": each} for each in updates]):
        return replace(run, turns=together, deadline=deadline, step=run.step if run.turns else Step.WAIT)
    return None


def remove_turns(run: Run, pace: Pace) -> bool:
    """Removes an ended or deleted run's turns from its record and writes the pace, in one transaction.

    False if the run has no turns, or if run or pace have been changed, or are being changed, since they were read.
    """
    update = table.update_of(
        run.id, "REMOVE #turns", {"status": run.status}, "#status = :status AND attribute_exists(#turns)"
    )
    return table.write_if_unchanged(
        "transact_write_items", TransactItems=[{"Update": update}, {"Update": _pace_update(pace)}]
    )


def slot_last_used(turn: Turn) -> int:
    """Time of the last call at the turn's slot, epoch ms; 0 if there was none."""
    item = table.get(_slot(turn))
    return int(item["at"]["N"]) if item else 0


def use_slot(turn: Turn) -> bool:
    """Takes the turn's slot: writes now as its last use; False if that is less than its window after the one before."""
    now = clock.now_ms()
    answer = table.write(
        "update_item",
        TableName=table.table_name(),
        Key=_slot(turn),
        UpdateExpression="SET #at = :now, #expires = :expires",
        ConditionExpression="attribute_not_exists(#at) OR #at <= :free",
        ExpressionAttributeNames={"#at": "at", "#expires": "expires"},
        ExpressionAttributeValues=table.attribute_values(
            {"now": now, "free": now - turn.window, "expires": now // 1000 + 3600}
        ),
    )
    return answer is not None


def _slot(turn: Turn) -> dict[str, Any]:
    return table.key_of("slot", f"{turn.candidate} {turn.slot}")
