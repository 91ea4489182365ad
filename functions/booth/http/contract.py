"""The HTTP contract, docs/openapi.yaml: parses requests and builds answers. Nothing here calls AWS."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from booth import clock, keys
from booth.errors import BadRequest, ConsentNeeded, ForeignBucket, kind_of
from booth.keep import Keep, wanted
from booth.limits import CLEAN_SECONDS, LONG_POLL_SECONDS, URL_SECONDS
from booth.run import MAX_PICTURES, Run, Status, Step
from booth.scenes import Scene
from booth.wall import QUEUES, WallState

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_FILE_NAME = re.compile(r"[\x00-\x1f\x7f/\\\ufffe\uffff]")  # XML, which S3 uses, does not allow the last two
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")  # BCP 47, as in navigator.language
_MAX_POLICY = 64
_MAX_TIME = 40
_NONE: Mapping[str, Any] = MappingProxyType({})

# `progress` when a step begins; from GENERATE on it grows with each picture.
_PROGRESS = {
    Step.UPLOAD: 0.0,
    Step.QUEUE: 0.02,
    Step.DETECT: 0.05,
    Step.CROP: 0.15,
    Step.SEGMENT: 0.2,
    Step.MERGE: 0.35,
    Step.WAIT: 0.38,
    Step.GENERATE: 0.4,
}


@dataclass(frozen=True)
class UploadRequest:
    """The checked body of `POST /upload`."""

    filename: str
    content_type: str
    id: str
    """The caller's id; "" for none."""
    scenes: list[str]
    """Scene ids; empty for none."""
    consent: dict[str, Any] | None
    """policy, language, time, wall, and nothing else: so it has nobody's name in it."""
    keep: str = ""
    """What the pictures keep, a value of `Keep`; "" for what scene or stack say."""
    again: bool = False
    """Whether the photo is kept for further runs, see `AgainRequest`."""


@dataclass(frozen=True)
class AgainRequest:
    """The checked body of `POST /again`."""

    request_id: str
    key: str
    """Of the first run's photo; empty if the requestId comes alone."""
    done: bool
    """The visitor has left: no further run is wanted, and the photo is deleted. The rest is then empty."""
    new_request_id: str = ""
    """The further run's, as hard to guess as a UUID."""
    scenes: tuple[str, ...] = ()
    keep: str = ""


@dataclass(frozen=True)
class PhotoRequest:
    """The checked body of `POST /photo`."""

    request_id: str
    key: str
    """Empty if the requestId comes alone."""
    id: str
    """The caller's id; "" for none."""
    wait: int
    """Longest long poll, seconds; 0 answers at once."""
    progress: float | None
    """Of the client's last answer; with `wait`, a different one is answered at once. None: not given."""


@dataclass(frozen=True)
class OffWallRequest:
    """The checked body of `DELETE /wall/pictures`."""

    request_id: str
    key: str
    """Empty if the requestId comes alone."""
    picture: int | None
    """Number of the picture, from 1; None: all, those to come as well."""


def json_body(event: dict[str, Any]) -> dict[str, Any]:
    """The JSON object in an API Gateway event (payload format 2.0). Raises BadRequest."""
    body = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body, validate=True).decode()
        value = json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise BadRequest("The request must be a JSON object.") from None
    if not isinstance(value, dict):
        raise BadRequest("The request must be a JSON object.")
    return value


def _reject_constant(constant: str) -> None:
    # NaN and Infinity, which Python accepts, are not in JSON.
    raise ValueError(constant)


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"'{name}' must be a text that is not empty.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"'{name}' must be valid text.") from None
    return value


def _id(body: dict[str, Any], name: str) -> str:
    value = _text(body, name)
    if not _ID.fullmatch(value):
        raise BadRequest(f"'{name}' must be 1 to 64 letters, digits, '_' or '-'.")
    return value


def _consent(body: dict[str, Any], required: bool) -> dict[str, Any] | None:
    consent = body.get("consent")
    if consent is None:
        if required:
            raise ConsentNeeded("Please agree to how your photo is used, and then take it again.")
        return None
    if not isinstance(consent, dict) or consent.keys() != {"policy", "language", "time", "wall"}:
        raise BadRequest("'consent' must have exactly 'policy', 'language', 'time' and 'wall'.")
    policy, language, time = (_text(consent, name) for name in ("policy", "language", "time"))
    if len(policy) > _MAX_POLICY or _CONTROL.search(policy):
        raise BadRequest(f"The consent's 'policy' must be a version of at most {_MAX_POLICY} characters.")
    if not _LANGUAGE.fullmatch(language):
        raise BadRequest("The consent's 'language' must be a language tag such as \"en\".")
    try:
        datetime.fromisoformat(time if len(time) <= _MAX_TIME else "")
    except ValueError:
        raise BadRequest("The consent's 'time' must be in ISO 8601.") from None
    if not isinstance(consent["wall"], bool):
        raise BadRequest("The consent's 'wall' must be true or false.")
    return consent


def upload_request(body: dict[str, Any], known_scenes: set[str], needs_consent: bool) -> UploadRequest:
    """Checks the body of `POST /upload`. Raises BadRequest, ConsentNeeded.

    Args:
        known_scenes: the catalogue's ids.
        needs_consent: whether `consent` is required.
    """
    if body.get("type") != "photo":
        raise BadRequest("'type' must be \"photo\".")
    filename, content_type = _text(body, "filename"), _text(body, "contentType")
    if content_type not in keys.CONTENT_TYPES:
        raise BadRequest(f"'contentType' must be one of {', '.join(keys.CONTENT_TYPES)}.")
    if len(filename) > 255 or filename in (".", "..") or _NO_FILE_NAME.search(filename):
        raise BadRequest("'filename' must be a plain file name of at most 255 characters.")
    scenes = _scene_ids(body["scenes"], known_scenes) if "scenes" in body else []
    given = _id(body, "id") if "id" in body else ""
    consent = _consent(body, needs_consent)
    keep = _keep(body) if "keep" in body else ""
    return UploadRequest(filename, content_type, given, scenes, consent, keep, _switch(body, "again"))


def _switch(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"'{name}' must be true or false.")
    return value


def again_request(body: dict[str, Any], bucket: str, known_scenes: set[str]) -> AgainRequest:
    """Checks the body of `POST /again`; `bucket` is the uploads bucket. Raises BadRequest, ForeignBucket.

    Args:
        known_scenes: the catalogue's ids.
    """
    request_id = _id(body, "requestId")
    key = _key(body, request_id, bucket)
    scenes = _scene_ids(body["scenes"], known_scenes) if "scenes" in body else []
    keep = _keep(body) if "keep" in body else ""
    if _switch(body, "done"):
        return AgainRequest(request_id, key, done=True)
    new = _id(body, "newRequestId")
    if not is_hard_to_guess(new):
        raise BadRequest("'newRequestId' must be as hard to guess as a UUID.")
    return AgainRequest(request_id, key, done=False, new_request_id=new, scenes=tuple(scenes), keep=keep)


def _keep(body: dict[str, Any]) -> str:
    value = _text(body, "keep")
    if value not in list(Keep):
        raise BadRequest(f"'keep' must be one of {', '.join(Keep)}.")
    return value


def _scene_ids(value: Any, known: set[str]) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_PICTURES or not all(isinstance(s, str) for s in value):
        raise BadRequest(f"'scenes' must be a list of 1 to {MAX_PICTURES} scene ids.")
    if set(value) - known:
        raise BadRequest("'scenes' holds an id that is not in the catalogue.")
    return value


def photo_request(body: dict[str, Any], bucket: str) -> PhotoRequest:
    """Checks the body of `POST /photo`; `bucket` is the uploads bucket. Raises BadRequest, ForeignBucket."""
    request_id = _id(body, "requestId")
    wait = body.get("wait", 0)
    # 5.0 is a whole number too: JSON has one type of number, and some clients write it so.
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait <= LONG_POLL_SECONDS or wait % 1:
        raise BadRequest(f"'wait' must be a whole number of seconds from 0 to {LONG_POLL_SECONDS}.")
    seen = body.get("progress")
    if seen is not None and (isinstance(seen, bool) or not isinstance(seen, int | float)):
        raise BadRequest("'progress' must be the number of the last answer.")
    given = _id(body, "id") if "id" in body else ""
    return PhotoRequest(request_id, _key(body, request_id, bucket), given, int(wait), seen)


def delete_request(body: dict[str, Any], bucket: str) -> tuple[str, str]:
    """Checks the body of `DELETE /photo`; returns requestId and Key ("" if the requestId comes alone).

    Raises BadRequest, ForeignBucket.
    """
    request_id = _id(body, "requestId")
    return request_id, _key(body, request_id, bucket)


def staffs_visit(body: dict[str, Any]) -> tuple[str, str]:
    """By which field staff name a visit, and its value: `requestId`, its visitor's, or `visit`, the run's id.

    Raises BadRequest.
    """
    names = [name for name in ("requestId", "visit") if name in body]
    if len(names) != 1:
        raise BadRequest("Either 'requestId' or 'visit' is needed.")
    return names[0], _id(body, names[0])


def hide_request(body: dict[str, Any]) -> tuple[tuple[str, str], bool]:
    """Checks the body of `POST /staff/hide`; returns the visit as `staffs_visit`, and whether it is to be hidden.

    Raises BadRequest.
    """
    hidden = body.get("hidden")
    if not isinstance(hidden, bool):
        raise BadRequest("'hidden' must be true or false.")
    return staffs_visit(body), hidden


def off_wall_request(body: dict[str, Any], bucket: str) -> OffWallRequest:
    """Checks the body of `DELETE /wall/pictures`; `bucket` is the uploads bucket. Raises BadRequest, ForeignBucket."""
    request_id = _id(body, "requestId")
    picture = _picture(body) if "picture" in body else None
    return OffWallRequest(request_id, _key(body, request_id, bucket), picture)


def decision_request(body: dict[str, Any]) -> tuple[str, int, WallState]:
    """Checks the body of `POST /staff/wall`; returns the run's id, the picture's number, and its state to be.

    Raises BadRequest.
    """
    state = body.get("state")
    if state not in QUEUES:
        raise BadRequest(f"'state' must be one of {', '.join(QUEUES)}.")
    return _id(body, "visit"), _picture(body), WallState(state)


def _picture(body: dict[str, Any]) -> int:
    value = body.get("picture")
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in range(1, MAX_PICTURES + 1):
        raise BadRequest(f"'picture' must be a whole number from 1 to {MAX_PICTURES}.")
    return int(value)


def _key(body: dict[str, Any], request_id: str, bucket: str) -> str:
    if "bucket" in body or "key" in body:
        if _text(body, "bucket") != bucket:
            raise ForeignBucket("This bucket does not belong to the booth.")
        return _text(body, "key")
    if not is_hard_to_guess(request_id):
        raise BadRequest("A short requestId needs 'bucket' and 'key' with each call.")
    return ""


def is_hard_to_guess(request_id: str) -> bool:
    """Whether it is at least as long as 128 random bits in base64url (22 characters), as a UUID is."""
    return len(request_id) >= 22


def _answer(status: int, value: Any, **more: str) -> dict[str, Any]:
    headers = {"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return {"statusCode": status, "headers": headers | more, "body": json.dumps(value)}


def _error(code: str, message: str, details: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message} | dict(details)}


def _reason(name: str) -> dict[str, str] | None:
    """Code and message of an error class by its name; None for no name."""
    return {"code": name, "message": kind_of(name).message} if name else None


def upload_answer(bucket: str, key: str, content_type: str, url: str) -> dict[str, Any]:
    """HTTP 200 with the documented envelope, whose `body` is JSON text inside JSON."""
    body = {"Bucket": bucket, "Key": key, "Expires": URL_SECONDS, "ContentType": content_type, "UploadURL": url}
    return _answer(200, {"statusCode": 200, "body": json.dumps(body)})


def upload_error(status: int, code: str, message: str, details: Mapping[str, Any] = _NONE) -> dict[str, Any]:
    """An error in the envelope of /upload; the HTTP status is the envelope's."""
    return _answer(status, {"statusCode": status, "body": json.dumps(_error(code, message, details))})


def photo_error(status: int, code: str, message: str, details: Mapping[str, Any] = _NONE) -> dict[str, Any]:
    """An error answer of every route but `/upload`."""
    return _answer(status, _error(code, message, details))


def scenes_answer(scenes: list[Scene], default: list[Scene]) -> dict[str, Any]:
    """HTTP 200 with the catalogue and the ids of the default scenes; `ownKeep`: the scene itself says what is kept."""
    shown = [
        {
            "id": each.id,
            "title": each.title,
            "color": each.color,
            "thumbnail": f"/thumbnails/{each.id}.jpg",
            "keep": wanted("", each.keep),
            "ownKeep": each.keep is not None,
        }
        for each in scenes
    ]
    return _answer(200, {"scenes": shown, "default": [each.id for each in default]})


def again_answer(request_id: str, key: str, left: int) -> dict[str, Any]:
    """HTTP 200: the further run of this requestId will begin. `left`: how many more there can be."""
    return _answer(200, {"requestId": request_id, "key": key, "left": left})


def done_answer(request_id: str) -> dict[str, Any]:
    """HTTP 200: the photo of this visit isn't kept any longer."""
    return _answer(200, {"requestId": request_id, "left": 0})


def steer_answer(version: int) -> dict[str, Any]:
    """HTTP 200: event.json is written, and has this version now."""
    return _answer(200, {"version": version})


def today_answer(figures: dict[str, Any]) -> dict[str, Any]:
    """HTTP 200 with a day's figures, as `booth.http.today` makes them."""
    return _answer(200, figures)


def delete_answer(name: str, value: str) -> dict[str, Any]:
    """HTTP 200: the visit, which was named by this field, is deleted."""
    return _answer(200, {name: value, "status": Status.DELETED})


def hide_answer(name: str, value: str, hidden: bool) -> dict[str, Any]:
    """HTTP 200: the visit, which was named by this field, is hidden, or is shown again."""
    return _answer(200, {name: value, "hidden": hidden})


def wall_answer(lists: dict[str, Any]) -> dict[str, Any]:
    """HTTP 200 with lists of pictures, as `booth.http.wall` makes them."""
    return _answer(200, lists)


def decision_answer(run_id: str, picture: int, state: WallState) -> dict[str, Any]:
    """HTTP 200: the picture's state is this one."""
    return _answer(200, {"visit": run_id, "picture": picture, "state": state})


def off_wall_answer(request_id: str, run: Run) -> dict[str, Any]:
    """HTTP 200: how the pictures of the visit stand with the wall."""
    numbers = sorted(int(name[1:]) for name in run.pictures)
    pictures = [{"picture": number, "wall": _on_wall(run, number)} for number in numbers]
    return _answer(200, {"requestId": request_id, "pictures": pictures})


def photo_answer(run: Run, request_id: str, cdn: str, pause: int = 0) -> dict[str, Any]:
    """Status and results so far: HTTP 202 until the run has ended, then 200, whatever its status.

    Args:
        cdn: base URL of the CDN without a slash at the end, such as https://d111111abcdef8.cloudfront.net.
        pause: Retry-After in seconds, for a long poll that was answered at once; 0 for none.
    """

    def url(key: str) -> str:
        return cdn + keys.address(key) if key else ""

    waiting = waiting_seconds(run)
    numbered = [(int(name[1:]), run.pictures[name]) for name in sorted(run.pictures)]
    done = [url(picture["key"]) for _, picture in numbered if picture["state"] == "DONE"]
    value = {
        "url_original": url(run.original),
        "url_generated": json.dumps(done),
        "time_taken": str(_seconds(run)),
        "requestId": request_id,
        "status": Status.QUEUED if waiting else run.status,
        "step": run.step,
        "progress": progress(run),
        "waiting_seconds": waiting,
        "error": _reason(run.error),
        "pictures": [
            {
                "scene": picture["scene"],
                "state": picture["state"],
                "keep": run.kept_in(number),
                "url": url(picture.get("key", "")) or None,
                "error": _reason(picture.get("error", "")),
                "waiting_seconds": 0 if run.is_ended else _until_turn(run, [number]),
                "wall": _on_wall(run, number),
            }
            for number, picture in numbered
        ],
    }
    if pause and not run.is_ended:
        return _answer(202, value, **{"retry-after": str(pause)})
    return _answer(200 if run.is_ended else 202, value)


def _on_wall(run: Run, number: int) -> str | None:
    """How a picture stands with the event's wall; None if it isn't for the wall.

    "off" is what its visitor has taken off, staff have hidden or moderation has refused: which, nobody is told.
    """
    name = f"p{number}"
    if run.wall is None:
        return None
    if name in run.wall:
        state = run.wall[name]["state"]
        return state if state in (WallState.WAITING, WallState.SHOWN) else WallState.OFF
    # Nothing that could still decide is at work this long after the end.
    is_over = run.is_ended and clock.now_ms() >= run.ended + CLEAN_SECONDS * 1000
    return None if is_over or run.pictures[name]["state"] == "FAILED" else "checking"


def waiting_seconds(run: Run) -> int:
    """Whole seconds until the first picture's turn, while the run waits for it; else 0."""
    return 0 if run.is_ended or run.step in (Step.GENERATE, Step.FINISH) else _until_turn(run, list(run.turns))


def _until_turn(run: Run, pictures: list[int]) -> int:
    """Whole seconds until the first turn of these pictures; 0 if it has come, or if they have none."""
    turns = [run.turns[number].at for number in pictures if number in run.turns]
    return clock.seconds_until(min(turns)) if turns else 0


def seconds_without_news(run: Run, wait: int) -> int:
    """Retry-After in seconds for a long poll of `wait` seconds that can have no news; 0 if it can.

    It can't if the turns of all pictures that are left come later, or if its photo has not come and the presigned URL
    has expired.
    """
    left = [number for number in run.turns if run.pictures.get(f"p{number}", {}).get("state", "WAITING") == "WAITING"]
    quiet = _until_turn(run, left) if run.step in (Step.WAIT, Step.GENERATE) and not run.is_ended else 0
    if run.is_waiting_for_photo and 0 < run.upload_until <= clock.now_ms():
        quiet = LONG_POLL_SECONDS + 1
    return min(quiet, LONG_POLL_SECONDS) if quiet > wait else 0


def _seconds(run: Run) -> float:
    """From the claim to the end, or till now; 0 before the claim."""
    if not run.claimed:
        return 0.0
    return ((run.ended or clock.now_ms()) - run.claimed) / 1000


def progress(run: Run) -> float:
    """How far the run is, from 0 to 1. It changes whenever the answer has something new to show."""
    if run.is_ended:
        return 1.0
    share = _PROGRESS.get(run.step, 0.4)
    if run.step == Step.DETECT and run.original:
        share += 0.05
    if run.step == Step.GENERATE and run.pictures:
        done = sum(picture["state"] == "DONE" for picture in run.pictures.values())
        share += (0.95 - share) * done / len(run.pictures)
    return round(share, 3)
