"""Visits to the stacks, as a client makes them by the documented calls, and what is left of them."""

import io
import json
import time
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import boto3
from PIL import Image, ImageOps

from booth.run import Run, Status
from client.booth import Booth, shortfall
from deploy import stack
from deploy.build import ROOT
from prove.step import Context, Deployed, Failure

T = TypeVar("T")

PHOTOS = ROOT / "tests" / "photos"
PORTRAIT, NO_FACE, GROUP = (PHOTOS / name for name in ("astronaut.jpg", "no_face.jpg", "group.jpg"))
FACES = 10
EVENT_SECONDS = 60
"""By then S3's event has started a photo; after that it may have been `sweep` (booth/limits.py FIRST_CHECK_SECONDS)."""
GONE_SECONDS = 180
"""Timeout until all of a deleted visit is gone: a step that was at work takes back what it wrote, and at the latest
`sweep` removes it (booth/limits.py CLEAN_SECONDS)."""
PAUSE_SECONDS = 2.0


def documented(context: Context) -> str:
    """A photo by the documented calls, its picture saved."""
    booth, folder = context.stack("dev"), context.folder / "pictures"
    for old in folder.glob("*"):  # an earlier try's
        old.unlink()
    context.ask_pictures(1)
    stack.smoke(booth.url, booth.token, PORTRAIT, folder, context.say, _one_scene(booth.booth(context.say)))
    [picture] = folder.glob(f"{PORTRAIT.stem}_*")
    with Image.open(picture) as opened:
        width, height = opened.size
    return f"a JPEG of {width} x {height} pixels by the CDN: pictures/{picture.name}"


def ten_faces(context: Context) -> str:
    """A photo of ten faces: two groups of five, one above the other."""
    booth, photo = context.stack("dev"), context.folder / "ten_faces.jpg"
    photo.write_bytes(group_of_ten())
    context.ask_pictures(1)
    key, result = _visit(booth.booth(context.say), photo)
    if problem := shortfall(result, 1):
        raise Failure(f"the photo {problem}")
    run = booth.find_run(key)
    if run is None or run.faces != FACES:
        raise Failure(f"{run.faces if run else 'no'} faces were kept")
    return f"{FACES} faces are kept, and the picture came after {result['time_taken']} s"


def group_of_ten() -> bytes:
    """A JPEG with ten faces."""
    with Image.open(GROUP) as group:
        both = Image.new("RGB", (group.width, 2 * group.height))
        both.paste(group, (0, 0))
        both.paste(ImageOps.mirror(group), (0, group.height))
    out = io.BytesIO()
    both.save(out, "JPEG", quality=90)
    return out.getvalue()


def no_face(context: Context, environment: str) -> str:
    """A photo without a face: it ends with a sentence for its visitor, and nothing is painted."""
    _, result = _visit(context.stack(environment).booth(context.say), NO_FACE)
    error = result["error"] or {}
    if (result["status"], error.get("code")) != ("FAILED", "NoFaceFound"):
        raise Failure(f"it ended {result['status']}, {error.get('code', 'without an error')}")
    return f"FAILED, NoFaceFound: {error['message']}"


def deleted_meanwhile(context: Context) -> str:
    """A visit that is deleted while it runs: nothing is left of it, and nothing comes of it any more."""
    booth, s3 = context.stack("dev"), boto3.client("s3")
    client, before = booth.booth(context.say), _objects(s3, booth.results)
    context.ask_pictures(1)
    body = _sent(client, PORTRAIT)
    answer = next(each for each in client.follow(body) if each["status"] != Status.QUEUED)
    if answer["status"] != Status.RUNNING:
        raise Failure(f"it ended {answer['status']} before it could be deleted")
    if (run := booth.find_run(body["key"])) is None:
        raise Failure("its run is not in the table")
    status, said = client.delete(body)
    if (status, said.get("status")) != (200, "DELETED"):
        raise Failure(f"DELETE /photo answered HTTP {status} {said}")
    status, told, _ = client.poll(body)
    if (status, told.get("error", {}).get("code")) != (404, "Deleted"):
        raise Failure(f"POST /photo answered HTTP {status} afterwards, not 404 Deleted")

    def left() -> list[str]:
        return _versions(s3, booth.uploads, body["key"]) + sorted(_objects(s3, booth.results) - before)

    _await(lambda: not left(), GONE_SECONDS, lambda: f"{len(left())} objects are left: {left()[0]}")
    # DescribeExecution is eventually consistent.
    _await(lambda: _execution_status(booth, run) != "RUNNING", GONE_SECONDS, lambda: "its execution still runs")
    state = _execution_status(booth, run)
    return f"deleted at step {answer['step']}: its execution is {state}, no version of an object is left"


def unpolled(context: Context) -> str:
    """A photo that nobody polls, in prod: S3's event starts it, and it ends by itself."""
    booth = context.stack("prod")
    client = booth.booth(context.say)
    context.ask_pictures(1)
    body = _sent(client, PORTRAIT)
    context.say("the photo is put; nobody polls")

    def ended() -> list[Run]:
        run = booth.find_run(body["key"])
        return [run] if run and run.is_ended else []

    [run] = _await(ended, stack.END_SECONDS, lambda: "it did not end")
    late = (run.claimed - run.created) / 1000
    if late >= EVENT_SECONDS:
        raise Failure(f"it started only after {late:.0f} s: S3's event did not come, and sweep found it")
    if run.status != Status.SUCCEEDED:
        raise Failure(f"it ended {run.status} {run.error}")
    status, told, _ = client.poll(body)
    size = _size(json.loads(told["url_generated"])[0]) if status == 200 else 0
    if not size:
        raise Failure(f"its status was answered by HTTP {status}")
    return (
        f"started {late:.0f} s after POST /upload, ended after {(run.ended - run.claimed) / 1000:.0f} s, {size} bytes"
    )


def strangers(context: Context) -> str:
    """Who has no token, or gives no consent, may not upload. Nothing is uploaded."""
    booth = context.stack("prod")
    asked = {"type": "photo", "filename": PORTRAIT.name, "contentType": "image/jpeg"}
    stranger = replace(booth, token="").booth(context.say)
    came = []
    for client, more, code in (
        (stranger, {"consent": stack.consent()}, "BoothTokenNeeded"),
        (booth.booth(context.say), {}, "ConsentNeeded"),
    ):
        status, answer = client.call("/upload", asked | more)
        error = json.loads(answer["body"]) if "body" in answer else answer
        found = (error.get("error") or {}).get("code")
        if found != code:
            raise Failure(f"POST /upload answered HTTP {status} {found or 'with an upload URL'}, not {code}")
        came.append(f"{status} {code}")
    return ", ".join(came)


def _one_scene(booth: Booth) -> list[str]:
    """The first of the scenes that are painted by default. Raises VisitError."""
    return booth.catalogue()["default"][:1]


def _sent(booth: Booth, photo: Path) -> dict[str, Any]:
    """Uploads a photo for one picture, with consent; gives what POST /photo asks with. Raises VisitError."""
    uploaded = booth.upload(photo, scenes=_one_scene(booth), consent=stack.consent())
    return {"requestId": str(uuid.uuid4()), "bucket": uploaded["Bucket"], "key": uploaded["Key"]}


def _visit(booth: Booth, photo: Path) -> tuple[str, dict[str, Any]]:
    """A visit to its end; gives the upload's Key and the result. Raises VisitError."""
    body, result = _sent(booth, photo), {}
    for result in booth.follow(body):
        booth.show(f"{photo.name}: {result['step']} {result['progress']:.0%}")
    return body["key"], result


def _execution_status(booth: Deployed, run: Run) -> str:
    """Of a run's execution, whose name is the run's id."""
    arn = f"{booth.machine.replace(':stateMachine:', ':execution:')}:{run.id}"
    return boto3.client("stepfunctions").describe_execution(executionArn=arn)["status"]


def _versions(s3: Any, bucket: str, key: str) -> list[str]:
    """Every version and delete marker under a Key."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
    return [each["Key"] for page in pages for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]


def _objects(s3: Any, bucket: str) -> set[str]:
    """The keys in a bucket."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {each["Key"] for page in pages for each in page.get("Contents", [])}


def _size(url: str) -> int:
    """Bytes of a picture, as the CDN gives it. Raises OSError."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return len(answer.read())


def _await(look: Callable[[], T], seconds: float, problem: Callable[[], str]) -> T:
    """What `look` gives when that is true for the first time. Raises Failure after so many seconds."""
    until = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > until:
            raise Failure(f"after {seconds:.0f} s {problem()}")
        time.sleep(PAUSE_SECONDS)
    return found
