"""The table: uploads, requestIds, ids and runs. Every write is conditional.

One item per record, under a single hash key `pk`:

    upload#<hash of Key>         run                 a Key is given once; never deleted
    id#<hash of id>              run                 an id is given once; never deleted
    request#<hash of requestId>  run, expires        the upload that a requestId answers for
    run#<run id>                 see `Run`, expires  the run of one upload
    count#<hash of a name>       count, expires      how often something was done, see `count_up`
    pace                         slots, gone, ...    when each image model will be called, see `booth.pacing`
    setting#<hash of its name>   value               what SSM holds under this name, see `booth.settings`
    slot#<hash of its name>      at, expires         when a slot of an image model was used last

Names are kept as hashes only, so the records that outlive the data say nothing about anybody. A run that needs
`sweep`'s attention carries `open` and `due`, the keys of the sparse index `open`: `open` is GOES_ON from the claim to
the end, else WAITS (for the photo, or to be cleaned up). Times are epoch milliseconds.
A deleted visit leaves its run as a tombstone: the status DELETED, times and hashes (see `forget`).
"""

import hashlib
import json
import os
import random
import re
import time
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from booth import limits
from booth.aws import aws_errors, client, code_of
from booth.errors import Conflict, RunEnded, Throttled, TimedOut

QUEUED, RUNNING, SUCCEEDED, PARTIAL, FAILED = "QUEUED", "RUNNING", "SUCCEEDED", "PARTIAL", "FAILED"
DELETED = "DELETED"
ENDED = (SUCCEEDED, PARTIAL, FAILED, DELETED)

GOES_ON, WAITS = "1", "2"

RETENTION_SECONDS = int(os.environ.get("RETENTION_DAYS", "7")) * 86_400

# Its answers take milliseconds, and the functions that visitors wait for have to answer something in the end.
_LIMITS = {"read_timeout": 2, "attempts": 2}

_PACE = {"pk": {"S": "pace"}}

_to_item, _from_item = TypeSerializer().serialize, TypeDeserializer().deserialize


@dataclass(frozen=True)
class Turn:
    """When a picture may be asked for, and of whom."""

    candidate: str
    """`model@region`."""
    slot: int
    """Number of the slot among the candidate's, from 0."""
    at: int
    """Epoch milliseconds."""


@dataclass(frozen=True)
class Pace:
    """The calls of the image models, all together. Times in epoch milliseconds, by `model@region`."""

    slots: dict[str, list[int]]
    """The last turn that was given at each slot; a candidate has as many as it takes requests a minute."""
    gone: dict[str, int]
    """Those that refused for good: until when they are not asked. They stay here after that, until they paint."""
    version: int
    """Counts the writes; 0 before the first one."""
    free: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Turns that were given back before they came: slot and time."""


@dataclass(frozen=True)
class Run:
    """One upload's way through the booth, as the table holds it."""

    run: str
    """Random UUID; also the name of the Step Functions execution."""
    status: str
    step: str
    """What is being done now: upload, queue, detect, crop, segment, merge, wait, generate, finish."""
    created: int
    key: str = ""
    """Key of the upload in the uploads bucket; empty once a deleted visit is forgotten."""
    scenes: tuple[str, ...] = ()
    """Scene ids, one per picture; empty: the catalogue's default ones."""
    version: str = ""
    """S3 version of the photo, pinned by the claim; empty as long as nobody claimed it."""
    picture_id: str = ""
    """The id in the pictures' names: `id` of the contract, or what was made of it, or a random one."""
    given: str = ""
    """Hash of the `id` that the caller gave, in /upload or /photo, if any."""
    named: bool = False
    """Whether /photo has given an `id`: for each one that is taken a record stays for good, so it may do that once."""
    request: str = ""
    """Hash of the requestId that is bound to this upload, if any."""
    content_type: str = ""
    upload_until: int = 0
    """When the presigned URL expires; 0 for a photo that came without /upload."""
    claimed: int = 0
    deadline: int = 0
    ended: int = 0
    original: str = ""
    """Key of the published upright copy of the photo."""
    faces: int = 0
    pictures: dict[str, dict[str, str]] = field(default_factory=dict)
    """By number ("p1", "p2", ...): scene, state (WAITING, DONE, FAILED), and key or error."""
    turns: dict[int, Turn] = field(default_factory=dict)
    """By picture number; empty before the run is admitted to painting."""
    error: str = ""
    """Name of the error class of a failed run."""
    open: str = ""
    due: int = 0
    tries: int = 0
    """How many looks of `sweep` in a row have come to no end."""
    told: int = 0
    """When `PhotoFinished` was published; 0 if it has not been."""
    erased: bool = False
    """Of a deleted run: all that was there has been removed once, and the CDN told. Its last looks are to come."""

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED

    @property
    def stops(self) -> int:
        """When `sweep` stops the execution, epoch ms."""
        return self.deadline - (limits.RUN_SECONDS - limits.STOP_SECONDS) * 1000

    @property
    def published(self) -> set[str]:
        """Keys in the results bucket that visitors have been shown."""
        keys = {picture.get("key", "") for picture in self.pictures.values()} | {self.original}
        return keys - {""}

    @property
    def is_waiting_for_photo(self) -> bool:
        return not self.version and not self.is_ended


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def seconds_until(moment: int) -> int:
    """Whole seconds, rounded up, from now to a moment (epoch ms); 0 if it has passed."""
    return max(0, -((now_ms() - moment) // 1000))


def hashed(name: str) -> str:
    """SHA-256 hex of a Key, id or requestId."""
    return hashlib.sha256(name.encode()).hexdigest()


def connect():
    """The client, made once."""
    return client("dynamodb", **_LIMITS)


@cache
def _table() -> str:
    return os.environ["TABLE"]


def _pk(kind: str, name: str) -> dict[str, Any]:
    return {"pk": {"S": f"{kind}#{name if kind == 'run' else hashed(name)}"}}


def _values(values: dict[str, Any]) -> dict[str, Any]:
    return {f":{name}": _to_item(value) for name, value in values.items()}


def _run_of(item: dict[str, Any]) -> Run:
    fields = {name: _from_item(value) for name, value in item.items() if name in Run.__dataclass_fields__}
    for name in ("created", "upload_until", "claimed", "deadline", "ended", "faces", "due", "tries", "told"):
        fields[name] = int(fields.get(name, 0))
    turns = fields.get("turns", {}).items()
    fields["turns"] = {
        int(name[1:]): Turn(turn["candidate"], int(turn["slot"]), int(turn["at"])) for name, turn in turns
    }
    return Run(**fields | {"scenes": tuple(fields.get("scenes", ()))})


def _put_once(kind: str, name: str, run: str, **fields: Any) -> dict[str, Any]:
    item = _pk(kind, name) | {"run": {"S": run}} | {key: _to_item(value) for key, value in fields.items()}
    return {"Put": {"TableName": _table(), "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}


def _set(run: str, changes: str, values: dict[str, Any], condition: str, **more: Any) -> dict[str, Any]:
    """An update of one run's record. Attribute names are written as #name, for many are reserved words."""
    return {
        "TableName": _table(),
        "Key": _pk("run", run),
        "UpdateExpression": changes,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in re.findall(r"#(\w+)", f"{changes} {condition}")},
        "ExpressionAttributeValues": _values(values),
    } | more


def _reasons(error: ClientError) -> set[str]:
    if code_of(error) == "TransactionCanceledException":
        return {reason.get("Code", "") for reason in error.response.get("CancellationReasons", [])}
    return {code_of(error)}


class _WriteConflict(Exception):
    """Another transaction is writing the same item at this moment. Whoever writes goes again, or plans anew."""


def _write_once(operation: str, **request: Any) -> dict[str, Any] | None:
    """One conditional write; None if its condition did not hold. Raises _WriteConflict."""
    with aws_errors():
        try:
            return getattr(connect(), operation)(**request)
        except ClientError as error:
            reasons = _reasons(error)
            if reasons & {"ConditionalCheckFailed", "ConditionalCheckFailedException"}:
                return None
            if reasons & {"TransactionConflict", "TransactionConflictException"}:
                raise _WriteConflict("write conflict") from error
            raise


def _write(operation: str, **request: Any) -> dict[str, Any] | None:
    """One conditional write; None if its condition did not hold.

    A write that meets another one's transaction on the same item is told so at once and goes again.
    """
    for pause in (0.02, 0.05, 0.1, 0.2, 0.4, 0):
        try:
            return _write_once(operation, **request)
        except _WriteConflict:
            time.sleep(pause * random.random())
    raise Throttled("write conflicts")


def _transact(*writes: dict[str, Any]) -> bool:
    return _write("transact_write_items", TransactItems=list(writes)) is not None


def _get(pk: dict[str, Any]) -> dict[str, Any] | None:
    with aws_errors():
        return connect().get_item(TableName=_table(), Key=pk, ConsistentRead=True).get("Item")


def _run_named_by(kind: str, name: str) -> Run | None:
    pointer = _get(_pk(kind, name))
    return find(pointer["run"]["S"]) if pointer else None


def find(run: str) -> Run | None:
    """The run, or None if there is none (any more): expired items count as gone even before TTL has swept them."""
    item = _get(_pk("run", run))
    if item is None or int(item["expires"]["N"]) * 1000 < now_ms():
        return None
    return _run_of(item)


def get(run: str) -> Run:
    """The run. Raises RunEnded if there is none."""
    if found := find(run):
        return found
    raise RunEnded("the run's record is gone")


def find_by_upload(key: str) -> Run | None:
    """The run of an upload's Key. It has that Key even if it was deleted and its record has forgotten it."""
    run = _run_named_by("upload", key)
    return run and replace(run, key=key)


def find_by_request(request_id: str) -> Run | None:
    """The run that a requestId is bound to."""
    return _run_named_by("request", request_id)


def _new_record(run: str, key: str, fields: dict[str, Any], due: int) -> dict[str, Any]:
    created = now_ms()
    item = {"run": run, "key": key, "status": QUEUED, "step": "upload", "created": created, "open": WAITS, "due": due}
    item |= {"expires": created // 1000 + RETENTION_SECONDS} | fields
    return {
        "Put": {
            "TableName": _table(),
            "Item": _pk("run", run) | {name: _to_item(value) for name, value in item.items()},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def issue(
    run: str, key: str, *, picture_id: str, scenes: list[str], content_type: str, consent: Any, given: str = ""
) -> bool:
    """Records an upload that is about to come. False if the Key was given before.

    Args:
        given: the caller's id, if `picture_id` was made of one.

    Raises:
        Conflict: `picture_id` or `given` was given before.
    """
    fields: dict[str, Any] = {"picture_id": picture_id, "content_type": content_type}
    if given:
        fields["given"] = hashed(given)
    fields["upload_until"] = now_ms() + limits.URL_SECONDS * 1000
    if scenes:
        fields["scenes"] = scenes
    if consent is not None:
        fields["consent"] = json.dumps(consent)
    first_look = now_ms() + limits.FIRST_LOOK_SECONDS * 1000
    record = _new_record(run, key, fields, due=first_look)
    if _transact(_put_once("upload", key, run), *_take_ids(run, given, picture_id), record):
        return True
    if _get(_pk("id", given or picture_id)):
        raise Conflict("This id is taken. Please use another one.")
    return False


def _take_ids(run: str, given: str, picture_id: str) -> list[dict[str, Any]]:
    """Takes the caller's id, and the one in the pictures' names: who has seen it there can't have it either."""
    return [_put_once("id", each, run) for each in dict.fromkeys((given, picture_id)) if each]


def adopt(run: str, key: str, picture_id: str) -> Run | None:
    """Records a photo that was put without /upload.

    Returns its run: this one, or the one that somebody recorded a moment before; None if the Key was used long ago.
    """
    record = _new_record(run, key, {"picture_id": picture_id}, due=now_ms())
    _transact(_put_once("upload", key, run), _put_once("id", picture_id, run), record)
    return find_by_upload(key)


def claim(run: str, version: str) -> Run | None:
    """Pins the photo's version and admits the run; None if somebody has already."""
    now = now_ms()
    values = {
        "version": version,
        "step": "queue",
        "now": now,
        "deadline": now + limits.RUN_SECONDS * 1000,
        "queued": QUEUED,
        "open": GOES_ON,
        "due": now + limits.CHECK_SECONDS * 1000,
    }
    answer = _write(
        "update_item",
        **_set(
            run,
            "SET #version = :version, #step = :step, #claimed = :now, #deadline = :deadline, "
            "#open = :open, #due = :due",
            values,
            "#status = :queued AND attribute_not_exists(#version)",
            ReturnValues="ALL_NEW",
        ),
    )
    return _run_of(answer["Attributes"]) if answer else None


def refuse(run: str, version: str, error: str) -> bool:
    """Pins the photo's version and ends the run with this error, in one write: no door sees it as one to start.

    False if somebody has claimed or ended it already. It stays open until it is cleaned for good, like every other.
    """
    now = now_ms()
    values = {"version": version, "failed": FAILED, "error": error, "step": "finish", "now": now, "queued": QUEUED}
    values |= {"open": WAITS, "due": now + limits.CHECK_SECONDS * 1000}
    changes = (
        "SET #version = :version, #status = :failed, #error = :error, #step = :step, "
        "#claimed = :now, #ended = :now, #open = :open, #due = :due"
    )
    condition = "#status = :queued AND attribute_not_exists(#version)"
    return _write("update_item", **_set(run, changes, values, condition)) is not None


def bind(run: Run, request_id: str, given: str = "", picture_id: str = "") -> Run:
    """Binds a requestId to the run's upload, once and for good, and takes the caller's id for the pictures, once.

    The id counts only before the run has started. A refused call changes nothing.

    Args:
        given: the caller's id.
        picture_id: what the pictures' names get, if that isn't `given`.

    Raises:
        Conflict: the requestId belongs to another upload, this upload to another requestId, the id is taken, or a
            call before has given another one.
    """
    picture_id = picture_id or given
    request = hashed(request_id)
    for _ in range(3):
        if run.request not in ("", request):
            break
        # Records of an older version have no `given`.
        is_named = not given or given == run.picture_id or hashed(given) == run.given or not run.is_waiting_for_photo
        if run.request and is_named:
            return run
        if run.named and not is_named:
            raise Conflict("This photo was given another id before.")
        if _transact(*_binding(run, request_id, *(("", "") if is_named else (given, picture_id)))):
            return get(run.run)
        for kind, name, sentence in (
            ("request", request_id, "This requestId and this photo belong to different requests."),
            ("id", "" if is_named else given, "This id is taken. Please use another one."),
        ):
            pointer = name and _get(_pk(kind, name))
            if pointer and pointer["run"]["S"] != run.run:
                raise Conflict(sentence)
        # The run has moved on in between.
        run = get(run.run)
    raise Conflict("This requestId and this photo belong to different requests.")


def _binding(run: Run, request_id: str, given: str, picture_id: str) -> list[dict[str, Any]]:
    writes, changes, values, conditions = [], [], {}, ["attribute_exists(#pk)"]
    if not run.request:
        expires = now_ms() // 1000 + RETENTION_SECONDS
        writes.append(_put_once("request", request_id, run.run, expires=expires))
        changes.append("#request = :request")
        values["request"] = hashed(request_id)
        conditions.append("attribute_not_exists(#request)")
    if picture_id:
        writes += _take_ids(run.run, given, picture_id)
        changes.append("#picture_id = :id, #given = :given, #named = :true")
        values |= {"id": picture_id, "given": hashed(given), "true": True, "queued": QUEUED}
        conditions.append("#status = :queued AND attribute_not_exists(#version) AND attribute_not_exists(#named)")
    update = _set(run.run, "SET " + ", ".join(changes), values, " AND ".join(conditions))
    return [*writes, {"Update": update}]


def enter(run: str, step: str) -> Run:
    """Called by a step first: marks the step and gives the run.

    Raises:
        RunEnded: the run has ended or is gone.
        TimedOut: its time is over.
    """
    answer = _write(
        "update_item",
        **_set(
            run,
            "SET #status = :running, #step = :step",
            {"running": RUNNING, "queued": QUEUED, "step": step, "now": now_ms()},
            "#status IN (:queued, :running) AND #deadline > :now",
            ReturnValues="ALL_NEW",
        ),
    )
    if answer:
        return _run_of(answer["Attributes"])
    check(run)
    raise TimedOut("the run's time is over")


def hand_on(run: str, step: str, then: str) -> None:
    """Marks the next step, unless the run has left this one already. Raises RunEnded, TimedOut as `enter` does."""
    values = {"running": RUNNING, "step": step, "next": then, "now": now_ms()}
    condition = "#status = :running AND #step = :step AND #deadline > :now"
    if _write("update_item", **_set(run, "SET #step = :next", values, condition)) is None:
        check(run)


def check(run: str) -> Run:
    """The run, if it goes on. Raises RunEnded, TimedOut as `enter` does."""
    found = get(run)
    if found.is_ended:
        raise RunEnded("the run has ended")
    if found.deadline <= now_ms():
        raise TimedOut("the run's time is over")
    return found


def pace() -> Pace:
    """The pace of the image models."""
    item = _get(_PACE)
    if item is None:
        return Pace({}, {}, 0)
    value = {name: _from_item(field) for name, field in item.items()}
    slots = {name: [int(at) for at in times] for name, times in value["slots"].items()}
    gone = {name: int(until) for name, until in value["gone"].items()}
    # Absent in a record that was last written before turns were given back.
    free = {name: [(int(slot), int(at)) for slot, at in turns] for name, turns in value.get("free", {}).items()}
    return Pace(slots, gone, int(value["version"]), free)


def write_pace(pace: Pace) -> bool:
    """Writes the pace; False if somebody has since it was read, or is doing so."""
    return _write_unless_moving("update_item", **_new_pace(pace))


def _write_unless_moving(operation: str, **request: Any) -> bool:
    """Writes what was planned from records that were read; False if one has moved on since, or is just being written.

    It would be no use to write the same again a moment later: the other write makes this one's condition false.
    """
    try:
        return _write_once(operation, **request) is not None
    except _WriteConflict:
        return False


def _new_pace(pace: Pace) -> dict[str, Any]:
    free = {name: [list(turn) for turn in turns] for name, turns in pace.free.items() if turns}
    values = {"slots": pace.slots, "gone": pace.gone, "free": free, "next": pace.version + 1}
    if pace.version:
        values["seen"] = pace.version
    return {
        "TableName": _table(),
        "Key": _PACE,
        "UpdateExpression": "SET #slots = :slots, #gone = :gone, #free = :free, #version = :next",
        "ConditionExpression": "#version = :seen" if pace.version else "attribute_not_exists(pk)",
        "ExpressionAttributeNames": {f"#{name}": name for name in ("slots", "gone", "free", "version")},
        "ExpressionAttributeValues": _values(values),
    }


def admit(run: Run, turns: dict[int, Turn], pace: Pace | None) -> Run | None:
    """Writes turns of a run, the deadline that follows from them, and the pace (None: as it is), all or nothing.

    Returns the run with them, or None if run or pace have moved on since they were read, or are doing so.
    """
    together = run.turns | turns
    deadline = max(turn.at for turn in together.values()) + limits.RUN_SECONDS * 1000
    values: dict[str, Any] = {"running": RUNNING, "deadline": deadline, "seen": run.deadline}
    written = {f"p{number}": vars(turn) for number, turn in turns.items()}
    if run.turns:  # one by one: the others may be given anew in the same moment
        changes, values = ", ".join(f"#turns.#{name} = :{name}" for name in written), values | written
    else:
        changes, values = "#turns = :turns, #step = :step", values | {"turns": written, "step": "wait"}
    update = _set(run.run, f"SET {changes}, #deadline = :deadline", values, "#status = :running AND #deadline = :seen")
    updates = [update, *([_new_pace(pace)] if pace else [])]
    if _write_unless_moving("transact_write_items", TransactItems=[{"Update": each} for each in updates]):
        return replace(run, turns=together, deadline=deadline, step=run.step if run.turns else "wait")
    return None


def give_back(run: Run, pace: Pace) -> bool:
    """Takes an ended or deleted run's turns from its record and writes the pace with them, all or nothing.

    False if the run has no turns any more, or if run or pace have moved on since they were read, or are doing so.
    """
    update = _set(run.run, "REMOVE #turns", {"status": run.status}, "#status = :status AND attribute_exists(#turns)")
    return _write_unless_moving("transact_write_items", TransactItems=[{"Update": update}, {"Update": _new_pace(pace)}])


def slot_used(turn: Turn) -> int:
    """When the turn's slot was used last, epoch ms; 0 if never."""
    item = _get(_slot(turn))
    return int(item["at"]["N"]) if item else 0


def use_slot(turn: Turn, pause: int) -> bool:
    """Notes that the turn's slot is used now; False if that is less than `pause` ms after its last use."""
    now = now_ms()
    answer = _write(
        "update_item",
        TableName=_table(),
        Key=_slot(turn),
        UpdateExpression="SET #at = :now, #expires = :expires",
        ConditionExpression="attribute_not_exists(#at) OR #at <= :free",
        ExpressionAttributeNames={"#at": "at", "#expires": "expires"},
        ExpressionAttributeValues=_values({"now": now, "free": now - pause, "expires": now // 1000 + 3600}),
    )
    return answer is not None


def _slot(turn: Turn) -> dict[str, Any]:
    return _pk("slot", f"{turn.candidate} {turn.slot}")


def _update_running(run: str, changes: str, values: dict[str, Any]) -> None:
    request = _set(run, changes, values | {"running": RUNNING}, "#status = :running")
    if not _write("update_item", **request):
        raise RunEnded("the run has ended")


def publish_copy(run: str, key: str, scenes: list[str]) -> None:
    """Shows the upright copy of the photo to the polls, and which pictures will come.

    Raises:
        RunEnded: nothing is published any more.
    """
    pictures = {f"p{number}": {"scene": scene, "state": "WAITING"} for number, scene in enumerate(scenes, start=1)}
    # A second attempt must not undo what was published after the first.
    changes = "SET #original = :key, #pictures = if_not_exists(#pictures, :pictures)"
    _update_running(run, changes, {"key": key, "pictures": pictures})


def note_faces(run: str, faces: int, by_ellipse: int) -> None:
    """Keeps the number of faces, and of those that the ellipse had to complete. Raises RunEnded."""
    _update_running(run, "SET #faces = :f, #faces_by_ellipse = :e", {"f": faces, "e": by_ellipse})


def publish_picture(run: str, number: int, key: str) -> None:
    """Shows a finished picture to the polls.

    Raises:
        RunEnded: nothing is published any more.
    """
    changes = f"SET #pictures.#p{number}.#state = :done, #pictures.#p{number}.#key = :key"
    _update_running(run, changes, {"done": "DONE", "key": key})


def end(
    run: Run, status: str, error: str, pictures: dict[str, dict[str, str]], after: int = limits.CHECK_SECONDS
) -> bool:
    """Ends the run, once. False if it has ended already or has moved on since `run` was read.

    A failed run shows no copy of the photo any more: nobody came for that alone. It stays open until it is cleaned for
    good: by whoever ended it, or else by `sweep` after so many seconds (`after`).
    """
    now = now_ms()
    values: dict[str, Any] = {"status": status, "error": error, "pictures": pictures, "now": now, "step": "finish"}
    values |= {"queued": QUEUED, "running": RUNNING, "open": WAITS, "due": now + after * 1000}
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
    if status == FAILED:
        changes += " REMOVE #original"
    return bool(_write("update_item", **_set(run.run, changes, values, " AND ".join(conditions))))


def mark_deleted(run: str, due: int) -> Run:
    """Makes the run a deleted one, whatever it was, and gives it as it then stands.

    From here on no step enters or publishes, no claim and no end succeeds. What the record says of the visit goes at
    once; the names of what has to be removed stay until `forget`. It is open, for `sweep` to look at from `due`
    (epoch ms), so a deletion that breaks off is taken up again.
    """
    now = now_ms()
    values = {"deleted": DELETED, "now": now, "open": WAITS, "due": due, "expires": now // 1000 + RETENTION_SECONDS}
    changes = (
        "SET #status = :deleted, #ended = if_not_exists(#ended, :now), #open = :open, #due = :due, #expires = :expires "
        "REMOVE #version, #scenes, #content_type, #consent, #original, #pictures, #faces, "
        "#faces_by_ellipse, #error, #tries"
    )
    condition = "attribute_exists(#pk) AND #status <> :deleted"
    answer = _write("update_item", **_set(run, changes, values, condition, ReturnValues="ALL_NEW"))
    return _run_of(answer["Attributes"]) if answer else get(run)


def forget(run: str) -> None:
    """Nothing of a deleted run is left and nothing can come any more: what stays is a tombstone without names."""
    changes = (
        "REMOVE #key, #picture_id, #given, #named, #upload_until, #claimed, #deadline, #turns, #open, #due, "
        "#tries, #told, #erased"
    )
    _write("update_item", **_set(run, changes, {"deleted": DELETED}, "#status = :deleted"))


def postpone(run: Run, due: int, **fields: Any) -> None:
    """`sweep` looks at this open run again at `due` (epoch ms), unless its status or that time has changed in between.

    So of two that look after it at the same time the slower one changes nothing. The look has come to its end; `fields`
    are set with it.
    """
    values = fields | {"due": due, "status": run.status, "seen": run.due}
    condition = "attribute_exists(#open) AND #status = :status AND #due = :seen"
    changes = "SET " + ", ".join(f"#{name} = :{name}" for name in ("due", *fields)) + " REMOVE #tries"
    _write("update_item", **_set(run.run, changes, values, condition))


def take(run: str, due: int) -> Run | None:
    """`sweep` takes an open run to look at it; None if it is not due at `due` (epoch ms) any more, or is gone.

    If the look comes to no end, whatever stops it, the run comes due again by itself: after LOOK_SECONDS, the next time
    after twice as long, and so on up to LONGEST_LOOK_SECONDS; but not later than the moment at which it has to end.
    """
    item = _get(_pk("run", run)) or {}
    if _number(item, "due") != due:
        return None
    now, tries = now_ms(), _number(item, "tries")
    is_expired = "expires" in item and _number(item, "expires") * 1000 < now
    if is_expired and item.get("status") != {"S": DELETED}:
        close(run)
        return None
    again = now + min(limits.LOOK_SECONDS << min(tries, 10), limits.LONGEST_LOOK_SECONDS) * 1000
    ends = (
        _number(item, "deadline") - (limits.RUN_SECONDS - limits.STOP_SECONDS) * 1000,
        _number(item, "upload_until") + limits.LATE_UPLOAD_SECONDS * 1000,
    )
    values = {"due": min([again, *(each for each in ends if each > now)]), "tries": tries + 1, "seen": due}
    condition = "attribute_exists(#open) AND #due = :seen"
    request = _set(run, "SET #due = :due, #tries = :tries", values, condition, ReturnValues="ALL_NEW")
    answer = _write("update_item", **request)
    return _run_of(answer["Attributes"]) if answer else None


def _number(item: dict[str, Any], name: str) -> int:
    """A number of a record that may lack it, or have something else in its place; 0 then."""
    return int(item.get(name, {}).get("N", 0))


def note_told(run: str) -> None:
    """The run's end has been published."""
    condition = "attribute_exists(#pk) AND #status <> :deleted"
    _write("update_item", **_set(run, "SET #told = :now", {"now": now_ms(), "deleted": DELETED}, condition))


def close(run: str) -> None:
    """Nothing is left to do for this run. A deleted one is left to `forget`."""
    condition = "attribute_exists(#pk) AND #status <> :deleted"
    _write("update_item", **_set(run, "REMOVE #open, #due", {"deleted": DELETED}, condition))


def count_up(name: str, limit: int, expires: int) -> bool:
    """Adds one to a counter; False, and nothing is added, if it stands at `limit`. `expires` in epoch seconds."""
    request = {
        "TableName": _table(),
        "Key": _pk("count", name),
        "UpdateExpression": "ADD #count :one SET #expires = :expires",
        "ConditionExpression": "attribute_not_exists(#count) OR #count < :limit",
        "ExpressionAttributeNames": {"#count": "count", "#expires": "expires"},
        "ExpressionAttributeValues": _values({"one": 1, "limit": limit, "expires": expires}),
    }
    return _write("update_item", **request) is not None


def count_down(name: str) -> None:
    """Takes one off a counter again."""
    _write(
        "update_item",
        TableName=_table(),
        Key=_pk("count", name),
        UpdateExpression="ADD #count :less",
        ConditionExpression="#count > :none",
        ExpressionAttributeNames={"#count": "count"},
        ExpressionAttributeValues=_values({"less": -1, "none": 0}),
    )


def counted(name: str) -> int:
    """How far a counter is."""
    item = _get(_pk("count", name))
    return int(item["count"]["N"]) if item else 0


def setting(name: str) -> str | None:
    """What was last kept under the name of an SSM parameter; None if nothing was."""
    item = _get(_pk("setting", name))
    return item["value"]["S"] if item else None


def keep_setting(name: str, value: str) -> None:
    """Keeps what SSM holds under a parameter's name."""
    _write(
        "update_item",
        TableName=_table(),
        Key=_pk("setting", name),
        UpdateExpression="SET #value = :value",
        ExpressionAttributeNames={"#value": "value"},
        ExpressionAttributeValues=_values({"value": value}),
    )


def due_before(moment: int, kind: str, limit: int) -> list[tuple[int, str]]:
    """The open runs of a kind (GOES_ON, WAITS) that want attention before `moment` (epoch ms): when, and the run's id.

    The earliest first, and not more than `limit` of them: `sweep` comes again for the others.
    """
    with aws_errors():
        answer = connect().query(
            TableName=_table(),
            IndexName="open",
            KeyConditionExpression="#open = :kind AND due < :moment",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues=_values({"kind": kind, "moment": moment}),
            Limit=limit,
        )
    return [(int(item["due"]["N"]), item["pk"]["S"].removeprefix("run#")) for item in answer["Items"]]
