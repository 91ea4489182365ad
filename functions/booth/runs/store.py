"""The records of runs: reads, and the conditional writes by which a run proceeds from its claim to its end."""

import os
from collections.abc import Sequence
from typing import Any

from booth import clock, limits
from booth.aws import table
from booth.errors import RunEnded, TimedOut
from booth.keep import Keep, wanted
from booth.run import WINDOW_MS, Open, Run, Status, Step, Turn
from booth.scenes import Scene

RETENTION_SECONDS = int(os.environ.get("RETENTION_DAYS", "7")) * 86_400


def run_of(item: dict[str, Any]) -> Run:
    """The run of an item as DynamoDB returns it. Attributes that `Run` doesn't have are ignored."""
    known = item.keys() & Run.__dataclass_fields__.keys()
    fields: dict[str, Any] = {name: table.from_item(item[name]) for name in known}
    fields |= {"id": item["run"]["S"], "status": Status(fields["status"]), "step": Step(fields["step"])}
    for name in (
        "created",
        "upload_until",
        "per_day",
        "again",
        "claimed",
        "deadline",
        "ended",
        "faces",
        "due",
        "tries",
        "told",
        "hidden",
    ):
        fields[name] = int(fields.get(name, 0))
    turns = fields.get("turns", {}).items()
    fields["turns"] = {int(name[1:]): _turn_of(turn) for name, turn in turns}
    for name in ("scenes", "not_kept"):
        fields[name] = tuple(fields.get(name, ()))
    return Run(**fields)


def _turn_of(turn: dict[str, Any]) -> Turn:
    # The window is optional: records of an older release don't have it.
    return Turn(turn["candidate"], int(turn["slot"]), int(turn["at"]), int(turn.get("window", WINDOW_MS)))


def find(run_id: str) -> Run | None:
    """The run, or None if there is no record or it has expired, even if DynamoDB's TTL has not deleted it yet."""
    item = table.get(table.key_of("run", run_id))
    if item is None or int(item["expires"]["N"]) * 1000 < clock.now_ms():
        return None
    return run_of(item)


def get(run_id: str) -> Run:
    """The run. Raises RunEnded if there is none."""
    if found := find(run_id):
        return found
    raise RunEnded("the run's record is gone")


def claim(run_id: str, version: str) -> Run | None:
    """Claims the run: pins the photo's version and sets the deadline. None if it was claimed or ended before."""
    now = clock.now_ms()
    values = {
        "version": version,
        "step": Step.QUEUE,
        "now": now,
        "deadline": now + limits.RUN_SECONDS * 1000,
        "queued": Status.QUEUED,
        "open": Open.ACTIVE,
        "due": now + limits.CHECK_SECONDS * 1000,
    }
    answer = table.write(
        "update_item",
        **table.update_of(
            run_id,
            "SET #version = :version, #step = :step, #claimed = :now, #deadline = :deadline, "
            "#open = :open, #due = :due",
            values,
            "#status = :queued AND attribute_not_exists(#version)",
            ReturnValues="ALL_NEW",
        ),
    )
    return run_of(answer["Attributes"]) if answer else None


def refuse(run_id: str, version: str, error: str) -> bool:
    """Ends a run that is not claimed with this error's name and pins the photo's version, in one write.

    So no entry point sees it as claimed and starts it. False if it was claimed or ended before. It stays open until
    it is cleaned up.
    """
    now = clock.now_ms()
    values = {
        "version": version,
        "failed": Status.FAILED,
        "error": error,
        "step": Step.FINISH,
        "now": now,
        "queued": Status.QUEUED,
    }
    values |= {"open": Open.WAITING, "due": now + limits.CHECK_SECONDS * 1000}
    changes = (
        "SET #version = :version, #status = :failed, #error = :error, #step = :step, "
        "#claimed = :now, #ended = :now, #open = :open, #due = :due"
    )
    condition = "#status = :queued AND attribute_not_exists(#version)"
    return table.write("update_item", **table.update_of(run_id, changes, values, condition)) is not None


def enter(run_id: str, step: Step) -> Run:
    """Called by a step first: sets status RUNNING and the step, and returns the run.

    Raises:
        RunEnded: the run has ended, or its record has expired.
        TimedOut: its deadline has passed.
    """
    answer = table.write(
        "update_item",
        **table.update_of(
            run_id,
            "SET #status = :running, #step = :step",
            {"running": Status.RUNNING, "queued": Status.QUEUED, "step": step, "now": clock.now_ms()},
            "#status IN (:queued, :running) AND #deadline > :now",
            ReturnValues="ALL_NEW",
        ),
    )
    if answer:
        return run_of(answer["Attributes"])
    check(run_id)
    raise TimedOut("the run's time is over")


def advance(run_id: str, step: Step, then: Step) -> None:
    """Sets the step from `step` to `then`, unless the run is at another one. Raises RunEnded, TimedOut as `enter`."""
    values = {"running": Status.RUNNING, "step": step, "next": then, "now": clock.now_ms()}
    condition = "#status = :running AND #step = :step AND #deadline > :now"
    if table.write("update_item", **table.update_of(run_id, "SET #step = :next", values, condition)) is None:
        check(run_id)


def check(run_id: str) -> Run:
    """The run, read only. Raises RunEnded, TimedOut as `enter`."""
    found = get(run_id)
    if found.is_ended:
        raise RunEnded("the run has ended")
    if found.deadline <= clock.now_ms():
        raise TimedOut("the run's time is over")
    return found


def _update_running(run_id: str, changes: str, values: dict[str, Any]) -> Run:
    """An update on condition that the run is RUNNING; see `table.update_of`. Returns the run. Raises RunEnded."""
    values = values | {"running": Status.RUNNING}
    request = table.update_of(run_id, changes, values, "#status = :running", ReturnValues="ALL_NEW")
    if answer := table.write("update_item", **request):
        return run_of(answer["Attributes"])
    raise RunEnded("the run has ended")


def publish_copy(run_id: str, key: str, scenes: list[Scene], chosen: str = "") -> None:
    """Writes the Key of the upright copy, and the pictures to come with what is painted and kept, one per scene.

    The pictures are written once: later attempts, perhaps by another catalogue, keep them.

    Args:
        chosen: what the visitor chose that the pictures keep; "" for nothing.

    Raises RunEnded: nothing was written.
    """
    pictures = {}
    for number, scene in enumerate(scenes, start=1):
        prompt = {"prompt": scene.prompt, "negative": scene.negative, "seed": scene.seed}
        keep = wanted(chosen, scene.keep)
        more = {} if keep == Keep.FACE else {"keep": keep}
        pictures[f"p{number}"] = {"scene": scene.id, "state": "WAITING"} | prompt | more
    # A second attempt must not overwrite pictures that are published, nor change the scenes.
    changes = "SET #original = :key, #pictures = if_not_exists(#pictures, :pictures)"
    _update_running(run_id, changes, {"key": key, "pictures": pictures})


def set_faces(run_id: str, faces: int, by_ellipse: int, not_kept: Sequence[Keep] = ()) -> None:
    """Writes the number of faces, of those whose mask the ellipse completed, and `Run.not_kept`; the step is then WAIT.

    Raises RunEnded.
    """
    changes = "SET #faces = :f, #faces_by_ellipse = :e, #step = :s"
    values: dict[str, Any] = {"f": faces, "e": by_ellipse, "s": Step.WAIT}
    if not_kept:
        changes, values = f"{changes}, #not_kept = :n", values | {"n": list(not_kept)}
    _update_running(run_id, changes, values)


def publish_picture(run_id: str, number: int, key: str, by: str = "") -> Run:
    """Writes a finished picture's Key and state DONE (`number` from 1), and until the run ends when that was and who
    painted it. Returns the run.

    Args:
        by: the candidate, `model@region`; "" if it isn't known.

    Raises RunEnded: nothing was written.
    """
    values = {"state": "DONE", "key": key, "at": clock.now_ms()} | ({"by": by} if by else {})
    changes = "SET " + ", ".join(f"#pictures.#p{number}.#{name} = :{name}" for name in values)
    return _update_running(run_id, changes, values)


def pass_over(run_id: str, number: int, candidate: str) -> Run:
    """Adds a candidate to those that are passed over for a picture (`number` from 1). Raises RunEnded."""
    part = f"#pictures.#p{number}.#passed_over"
    changes = f"SET {part} = list_append(if_not_exists({part}, :none), :candidate)"
    return _update_running(run_id, changes, {"none": [], "candidate": [candidate]})


def end(
    run: Run, status: str, error: str, pictures: dict[str, dict[str, str]], after: int = limits.CHECK_SECONDS
) -> bool:
    """Ends the run. False if it has ended before, or its pictures or version have changed since `run` was read.

    The copy of a failed run's photo is unpublished. The run stays open until it is cleaned up.

    Args:
        pictures: the final `Run.pictures`.
        after: seconds until it is due for `sweep`, which cleans up unless that was done.
    """
    now = clock.now_ms()
    values: dict[str, Any] = {"status": status, "error": error, "pictures": pictures, "now": now, "step": Step.FINISH}
    values |= {"queued": Status.QUEUED, "running": Status.RUNNING, "open": Open.WAITING, "due": now + after * 1000}
    conditions = ["#status IN (:queued, :running)"]
    for name, seen in (("pictures", run.pictures), ("version", run.version)):
        if seen:
            values[f"seen_{name}"] = seen
            conditions.append(f"#{name} = :seen_{name}")
        else:
            conditions.append(f"attribute_not_exists(#{name})")
    changes = (
        "SET #status = :status, #error = :error, #pictures = :pictures, #ended = :now, #step = :step, "
        "#open = :open, #due = :due"
    )
    if status == Status.FAILED:
        changes += " REMOVE #original"
    return bool(table.write("update_item", **table.update_of(run.id, changes, values, " AND ".join(conditions))))


def mark_deleted(run_id: str, due: int) -> Run:
    """Sets the status DELETED, whatever it was, and returns the run as it is then.

    After this no step enters or publishes, and no claim and no end succeeds. What the record has about the visit is
    removed at once; Key and picture id, which name what has to be deleted, stay until `forget`. The run is open and due
    at `due` (epoch ms), so `sweep` continues a deletion that was cut off.
    """
    now = clock.now_ms()
    values = {
        "deleted": Status.DELETED,
        "now": now,
        "open": Open.WAITING,
        "due": due,
        "expires": now // 1000 + RETENTION_SECONDS,
    }
    changes = (
        "SET #status = :deleted, #ended = if_not_exists(#ended, :now), #open = :open, #due = :due, #expires = :expires "
        "REMOVE #version, #scenes, #keep, #kept, #again, #first, #not_kept, #content_type, #consent, #original, "
        "#pictures, #faces, #faces_by_ellipse, #error, #tries, #hidden, #wall, #on_wall, #wall_at"
    )
    condition = "attribute_exists(#pk) AND #status <> :deleted"
    answer = table.write("update_item", **table.update_of(run_id, changes, values, condition, ReturnValues="ALL_NEW"))
    return run_of(answer["Attributes"]) if answer else get(run_id)


def set_hidden(run_id: str, hidden: bool) -> Run:
    """Sets since when an ended run is hidden, unless it is, or removes that. Returns the run as it is then.

    Nothing is written if the run has not ended, or was deleted.
    """
    values: dict[str, Any] = {"succeeded": Status.SUCCEEDED, "partial": Status.PARTIAL, "failed": Status.FAILED}
    changes = "REMOVE #hidden"
    if hidden:
        changes, values = "SET #hidden = if_not_exists(#hidden, :now)", values | {"now": clock.now_ms()}
    condition = "#status IN (:succeeded, :partial, :failed)"
    answer = table.write("update_item", **table.update_of(run_id, changes, values, condition, ReturnValues="ALL_NEW"))
    return run_of(answer["Attributes"]) if answer else get(run_id)


def forget(run_id: str) -> None:
    """Removes Key and picture id of a deleted run and closes it; called when nothing of it can be written any more."""
    changes = (
        "REMOVE #key, #picture_id, #given, #named, #upload_until, #claimed, #deadline, #turns, #open, #due, "
        "#tries, #told, #erased, #wall_copies"
    )
    table.write("update_item", **table.update_of(run_id, changes, {"deleted": Status.DELETED}, "#status = :deleted"))


def mark_event_published(run_id: str) -> None:
    """Sets `told`, unless the run was deleted."""
    condition = "attribute_exists(#pk) AND #status <> :deleted"
    table.write(
        "update_item",
        **table.update_of(run_id, "SET #told = :now", {"now": clock.now_ms(), "deleted": Status.DELETED}, condition),
    )


def consent_of(run_id: str) -> str:
    """The consent that a run's record has, as JSON; "" for none."""
    item = table.get(table.key_of("run", run_id)) or {}
    return item.get("consent", {}).get("S", "")
