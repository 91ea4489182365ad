"""Further runs of a photo that is kept: each is a run of its own, with a copy of the photo, a requestId and a link.

docs/decisions/0038-same-photo-again.md has the reasons.
"""

import uuid
from typing import Any

from booth import clock, keys, limits
from booth.aws import table
from booth.errors import ApiError, Conflict, Deleted, Hidden, PhotoNotKept
from booth.run import Run, Status
from booth.runs import store, uploads
from booth.wall import WallState

_GONE = "This photo is not kept any more. Please take a new one."
_SPENT = "There are no more pictures of this photo to be had. Please take a new one."
_WORKING = "The pictures of this photo are not finished yet."


def begin(first: Run, request_id: str, *, scenes: list[str], keep: str, most: int, per_day: int) -> tuple[Run, int]:
    """Records a further run of the photo of `first`, whose copy is about to be made, and counts it there.

    Idempotent by its requestId: one call that is repeated records and counts nothing. Returns the further run, and how
    many more there can be.

    Args:
        request_id: the further run's.
        scenes, keep, per_day: as of `uploads.issue`.
        most: further runs that a visit may have.

    Raises:
        Conflict: the requestId is taken, or `first` has not ended.
        Deleted, Hidden: `first` was deleted, or staff have taken it from view.
        PhotoNotKept: its photo isn't kept, or `most` were begun.
    """
    if found := uploads.find_by_request(request_id):
        if found.status == Status.DELETED:
            raise Deleted
        if found.first != first.id:
            raise Conflict("This requestId belongs to another request.")
        return found, max(most - first.again, 0)
    run_id, key, picture_id = str(uuid.uuid4()), keys.unguessable_key(first.content_type), str(uuid.uuid4())
    now = clock.now_ms()
    fields = {
        "picture_id": picture_id,
        "content_type": first.content_type,
        "upload_until": now + limits.URL_SECONDS * 1000,
        "request": table.hashed(request_id),
        "first": first.id,
        "kept": False,
    }
    fields |= {name: value for name, value in (("scenes", scenes), ("keep", keep), ("per_day", per_day)) if value}
    if consent := store.consent_of(first.id):
        fields["consent"] = consent
    if first.wall is not None and WallState.OFF not in [picture["state"] for picture in first.wall.values()]:
        fields["wall"] = {}
    written = table.transact(
        table.put_once("upload", key, run_id),
        table.put_once("id", picture_id, run_id),
        table.put_once("request", request_id, run_id, expires=now // 1000 + store.RETENTION_SECONDS),
        uploads.new_record(run_id, key, fields, due=now + limits.FIRST_CHECK_SECONDS * 1000),
        {"Update": _count(first.id, most, now)},
    )
    if written:
        return store.get(run_id), max(most - store.get(first.id).again, 0)
    if uploads.find_by_request(request_id):  # the same call came twice at once
        return begin(store.get(first.id), request_id, scenes=scenes, keep=keep, most=most, per_day=per_day)
    raise _refusal(store.get(first.id), most)


def _count(run_id: str, most: int, now: int) -> dict[str, Any]:
    """The Update that counts a further run, if there may be one now (epoch ms)."""
    values = {
        "one": 1,
        "none": 0,
        "most": most,
        "true": True,
        "since": now - limits.AGAIN_SECONDS * 1000,
        "succeeded": Status.SUCCEEDED,
        "partial": Status.PARTIAL,
        "failed": Status.FAILED,
    }
    condition = (
        "#kept = :true AND #claimed > :since AND #status IN (:succeeded, :partial, :failed) "
        "AND attribute_not_exists(#hidden) AND (attribute_not_exists(#again) OR #again < :most) AND :none < :most"
    )
    return table.update_of(run_id, "SET #again = if_not_exists(#again, :none) + :one", values, condition)


def _refusal(first: Run, most: int) -> ApiError:
    """Why no further run of `first` was recorded."""
    if first.status == Status.DELETED:
        return Deleted()
    if first.hidden:
        return Hidden()
    if not first.is_ended:
        return Conflict(_WORKING)
    return PhotoNotKept(_SPENT if first.kept and first.again >= most else _GONE)


def leave(run_id: str) -> None:
    """The visitor has left: the photo isn't kept any longer, and `sweep` removes it now, unless the caller does.

    Of a run that has been closed, or that nobody asked to keep, nothing is changed. Idempotent.
    """
    values = {"false": False, "true": True, "now": clock.now_ms()}
    table.write(
        "update_item",
        **table.update_of(
            run_id, "SET #kept = :false, #due = :now", values, "#kept = :true AND attribute_exists(#open)"
        ),
    )
