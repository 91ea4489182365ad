"""POST /photo: binds a requestId to an upload, starts its run if the event hasn't, and tells how it stands."""

import os
import time
from typing import Any

from booth import concurrency, keys, limits
from booth.aws import clients, counters, executions, objects, settings, table
from booth.errors import Deleted, NotFound
from booth.http import access, contract
from booth.http.contract import PhotoRequest
from booth.http.endpoint import endpoint
from booth.lifecycle import starting
from booth.log import logger
from booth.run import Run, Status, Step
from booth.runs import store, uploads

clients.at_init(table.connect, executions.connect)  # S3 is asked only if the event has not come yet

LOOK_AGAIN_SECONDS = 0.3
"""Pause between two looks at the table while an answer is held."""
LOOK_FOR_PICTURES_SECONDS = 0.1
"""The same while pictures are painted, which are waited for more eagerly."""
LOOKS_SHARE = 10
"""A look takes at most one part in so many of the time, up to a pause of a second: a slow table is asked less."""


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    request = contract.photo_request(contract.json_body(event), objects.uploads_bucket())
    if request.key:
        access.booth_of(event)
    run = find_run(request)
    logger.append_keys(run=run.id)
    run, pause = let_in(run), 0
    if request.wait:
        run, pause = wait_for_news(run, request)
    if run.status == Status.DELETED:
        raise Deleted
    cdn = settings.cdn() if run.original or run.pictures else ""
    return contract.photo_answer(run, request.request_id, cdn, pause)


def find_run(request: PhotoRequest) -> Run:
    """The run that is asked for, with the requestId bound to it. Raises NotFound, Deleted, Conflict."""
    if not request.key:
        if run := uploads.find_by_request(request.request_id):
            return run
        raise NotFound("Nothing is known under this requestId.")
    run = uploads.find_by_upload(request.key) or adopt(request.key)
    if run.status == Status.DELETED:
        raise Deleted
    name = keys.picture_id(request.id, os.environ["DOCUMENTED_KEYS"] == "true") if request.id else ""
    return uploads.bind(run, request.request_id, request.id, name)


def adopt(key: str) -> Run:
    """The run of a photo that was put without /upload. Raises NotFound."""
    version = objects.newest_version(key) if keys.is_upload_key(key) else None
    if run := version and starting.photo_arrived(key, version):
        return run
    raise NotFound("Nothing is known under this key.")


def let_in(run: Run) -> Run:
    """Claims and starts the run if its photo lies there and nothing has started it yet."""
    if run.status != Status.QUEUED:
        return run
    version = run.version or objects.newest_version(run.key)
    return starting.admit(run, version) if version else run


def wait_for_news(run: Run, request: PhotoRequest) -> tuple[Run, int]:
    """The run as soon as it is further than the client was shown (or than it is now), or after `wait` seconds.

    If the answer isn't held: also in how many seconds to ask again, else 0. Who holds one is counted by the time at
    which it began, so those that died are forgotten when it is over.
    """
    seen = contract.progress(run) if request.progress is None else request.progress
    if has_news(run, seen):
        return run, 0
    if pause := contract.quiet_seconds(run, request.wait):
        return run, pause
    now = int(time.time())
    held = f"held {run.id} {now // limits.WAIT_SECONDS}"
    if not counters.count_up(held, concurrency.held_answers(), expires=now + 3 * limits.WAIT_SECONDS):
        return run, limits.ASK_AGAIN_SECONDS
    try:
        return watch(run, seen, request.wait), 0
    finally:
        counters.count_down(held)


def has_news(run: Run, seen: float) -> bool:
    """Whether the run has ended or stands elsewhere than the client has seen."""
    return run.is_ended or contract.progress(run) != seen


def watch(run: Run, seen: float, seconds: int) -> Run:
    """Looks at the run again and again, until it has news or the time is over."""
    until = time.monotonic() + seconds
    looks, took = 0, 0.0
    while not has_news(run, seen) and time.monotonic() < until:
        pause = LOOK_FOR_PICTURES_SECONDS if run.step == Step.GENERATE else LOOK_AGAIN_SECONDS
        time.sleep(max(pause, min(took * (LOOKS_SHARE - 1), 1)))
        asked = time.monotonic()
        run, looks = store.get(run.id), looks + 1
        took = time.monotonic() - asked
        if looks % 3 == 0:
            run = let_in(run)
    return run
