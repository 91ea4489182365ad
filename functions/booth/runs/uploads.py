"""Uploads, ids and requestIds: each is recorded once, in the transaction that writes its run's record."""

import json
from dataclasses import replace
from typing import Any

from booth import clock, limits
from booth.aws import table
from booth.errors import Conflict
from booth.run import Open, Run, Status, Step
from booth.runs import store


def find_by_upload(key: str) -> Run | None:
    """The run of an upload's Key, or None. Its `key` is set even if `store.forget` has removed it from the record."""
    run = _run_named_by("upload", key)
    return run and replace(run, key=key)


def find_by_request(request_id: str) -> Run | None:
    """The run that a requestId is bound to, or None."""
    return _run_named_by("request", request_id)


def _run_named_by(kind: str, name: str) -> Run | None:
    pointer = table.get(table.key_of(kind, name))
    return store.find(pointer["run"]["S"]) if pointer else None


def issue(
    run_id: str,
    key: str,
    *,
    picture_id: str,
    scenes: list[str],
    content_type: str,
    consent: Any,
    given: str = "",
    keep: str = "",
    per_day: int = 0,
    kept: bool = False,
) -> bool:
    """Records an upload whose photo is about to be put. False if the Key is taken.

    Args:
        picture_id: as `keys.picture_id` makes it.
        given: the caller's id; "" for none.
        keep: what the visitor chose that the pictures keep; "" for nothing.
        per_day: the day's budget that staff have set; 0 for none.
        kept: whether the visitor wants the photo kept for further runs.

    Raises:
        Conflict: `given` or `picture_id` is taken.
    """
    fields: dict[str, Any] = {"picture_id": picture_id, "content_type": content_type}
    if given:
        fields["given"] = table.hashed(given)
    fields["upload_until"] = clock.now_ms() + limits.URL_SECONDS * 1000
    if scenes:
        fields["scenes"] = scenes
    if keep:
        fields["keep"] = keep
    if per_day:
        fields["per_day"] = per_day
    if kept:
        fields["kept"] = True
    if consent is not None:
        fields["consent"] = json.dumps(consent)
        if consent["wall"]:
            fields["wall"] = {}
    first_check = clock.now_ms() + limits.FIRST_CHECK_SECONDS * 1000
    record = new_record(run_id, key, fields, due=first_check)
    if table.transact(table.put_once("upload", key, run_id), *_take_ids(run_id, given, picture_id), record):
        return True
    if table.get(table.key_of("id", given or picture_id)):
        raise Conflict("This id is taken. Please use another one.")
    return False


def _take_ids(run_id: str, given: str, picture_id: str) -> list[dict[str, Any]]:
    """Puts that take the caller's id and the one in the pictures' names, so that nobody can give either again."""
    return [table.put_once("id", each, run_id) for each in dict.fromkeys((given, picture_id)) if each]


def register(run_id: str, key: str, picture_id: str) -> Run | None:
    """Records a photo that was put without /upload, with a new run of this id.

    Returns the Key's run: the new one, or one that was recorded before; None if that one has expired.
    """
    record = new_record(run_id, key, {"picture_id": picture_id}, due=clock.now_ms())
    table.transact(table.put_once("upload", key, run_id), table.put_once("id", picture_id, run_id), record)
    return find_by_upload(key)


def new_record(run_id: str, key: str, fields: dict[str, Any], due: int) -> dict[str, Any]:
    """The Put of a run's record that waits for its photo. `due` in epoch ms."""
    created = clock.now_ms()
    item = {
        "run": run_id,
        "key": key,
        "status": Status.QUEUED,
        "step": Step.UPLOAD,
        "created": created,
        "open": Open.WAITING,
        "due": due,
    }
    item |= {"expires": created // 1000 + store.RETENTION_SECONDS} | fields
    return {
        "Put": {
            "TableName": table.table_name(),
            "Item": table.key_of("run", run_id) | {name: table.to_item(value) for name, value in item.items()},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def bind(run: Run, request_id: str, given: str = "", picture_id: str = "") -> Run:
    """Binds a requestId to the run's upload, permanently, and sets the pictures' id, once. Returns the run.

    Idempotent. The id is ignored once the run has started. A call that raises has written nothing.

    Args:
        given: the caller's id; "" for none.
        picture_id: the id in the pictures' names, as `keys.picture_id` makes it; by default `given`.

    Raises:
        Conflict: the requestId is bound to another upload, this upload to another requestId, the id is taken, or an
            earlier call has given another id.
    """
    picture_id = picture_id or given
    request = table.hashed(request_id)
    for _ in range(3):
        if run.request not in ("", request):
            break
        # Records of an older release have no `given`.
        is_named = (
            not given or given == run.picture_id or table.hashed(given) == run.given or not run.is_waiting_for_photo
        )
        if run.request and is_named:
            return run
        if run.named and not is_named:
            raise Conflict("This photo was given another id before.")
        if table.transact(*_binding(run, request_id, *(("", "") if is_named else (given, picture_id)))):
            return store.get(run.id)
        for kind, name, sentence in (
            ("request", request_id, "This requestId and this photo belong to different requests."),
            ("id", "" if is_named else given, "This id is taken. Please use another one."),
        ):
            pointer = name and table.get(table.key_of(kind, name))
            if pointer and pointer["run"]["S"] != run.id:
                raise Conflict(sentence)
        # The record has changed in between.
        run = store.get(run.id)
    raise Conflict("This requestId and this photo belong to different requests.")


def _binding(run: Run, request_id: str, given: str, picture_id: str) -> list[dict[str, Any]]:
    """The transaction of `bind`; with a `picture_id` of "" it sets none."""
    writes, changes, values, conditions = [], [], {}, ["attribute_exists(#pk)"]
    if not run.request:
        expires = clock.now_ms() // 1000 + store.RETENTION_SECONDS
        writes.append(table.put_once("request", request_id, run.id, expires=expires))
        changes.append("#request = :request")
        values["request"] = table.hashed(request_id)
        conditions.append("attribute_not_exists(#request)")
    if picture_id:
        writes += _take_ids(run.id, given, picture_id)
        changes.append("#picture_id = :id, #given = :given, #named = :true")
        values |= {"id": picture_id, "given": table.hashed(given), "true": True, "queued": Status.QUEUED}
        conditions.append("#status = :queued AND attribute_not_exists(#version) AND attribute_not_exists(#named)")
    update = table.update_of(run.id, "SET " + ", ".join(changes), values, " AND ".join(conditions))
    return [*writes, {"Update": update}]
