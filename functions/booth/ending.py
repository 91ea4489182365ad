"""How a run ends: its state is settled once, then everything that is not a result is removed."""

import json
import os
from collections.abc import Callable

from booth import limits, objects, pacing, store
from booth.aws import aws_errors, client
from booth.errors import PhotoError, RunEnded, ServiceUnavailable, TimedOut, kind_of
from booth.log import count, logger
from booth.store import DELETED, FAILED, PARTIAL, SUCCEEDED, Run


def settle(run: Run, error: str, picture_errors: dict[int, str] | None = None) -> Run:
    """Ends the run by what was published, unless it has ended, and cleans up.

    Args:
        error: name of the error that ended it; "" if the state machine came to its end.
        picture_errors: by picture number, the name of the error that a picture failed with.

    Returns the run as it then stands: ended, unless the photo came while the run was ended for want of it. A deleted
    run is left to its deletion.
    """
    version = run.version
    while not run.is_ended and run.version == version:
        status, code, pictures = _outcome(run, error, picture_errors or {})
        if store.end(run, status, code, pictures):
            count(status.capitalize())
            if kind_of(error) is TimedOut:
                count("TimedOut")
            logger.info("run ended", status=status, error=code)
        # Refused, it has moved on since it was read: a picture was published, or its photo came after all.
        run = store.get(run.run)
    if run.is_ended and run.status != DELETED:
        clean(run)
    return run


def _outcome(run: Run, error: str, picture_errors: dict[int, str]) -> tuple[str, str, dict[str, dict[str, str]]]:
    """Status, error name ("" if there is a picture) and pictures of a run that ends now."""
    pictures = {name: dict(picture) for name, picture in run.pictures.items()}
    for name, picture in pictures.items():
        if picture["state"] != "DONE":
            reason = picture_errors.get(int(name[1:])) or error or "States.Timeout"
            picture |= {"state": "FAILED", "error": kind_of(reason).__name__}
    failures = [picture["error"] for picture in pictures.values() if picture["state"] == "FAILED"]
    if len(failures) < len(pictures):
        return PARTIAL if failures else SUCCEEDED, "", pictures
    return FAILED, kind_of(error).__name__ if error else [*failures, "InternalError"][0], pictures


def clean(run: Run) -> None:
    """Removes what an ended run leaves, and tells the world. Safe to repeat; `sweep` does until it went through.

    A picture that was being written when the run ended, but not published, goes too. After CLEAN_SECONDS nobody can
    write any more, and the run is closed.
    """
    numbers = [int(name[1:]) for name in run.pictures]
    written = {run.key, *(objects.picture_key(run.picture_id, number) for number in numbers)}
    objects.delete_results(sorted(written - run.published))
    objects.delete_work(run.run)
    pacing.give_back(run)
    again_until = run.ended + (limits.TRY_AGAIN_SECONDS * 1000 if keeps_upload(run) else 0)
    if store.now_ms() >= again_until:
        objects.delete_upload(run.key)
    last_look = max(again_until, run.ended + limits.CLEAN_SECONDS * 1000)
    if run.due < last_look:  # nobody has come this far yet
        _tell_the_world(run)
    if store.now_ms() >= last_look:
        store.close(run.run)
    else:
        store.postpone(run, last_look)


def confirm(run: str, look: Callable[[str], object] = store.check) -> None:
    """A step asks after its last write under work/ whether the run still goes on; if it has ended, its files go again.

    Args:
        look: how it asks, given the run.

    Raises RunEnded, TimedOut (the run is about to be ended, and cleaned up).
    """
    try:
        look(run)
    except RunEnded:
        objects.delete_work(run)
        raise


def withdraw(run: str, key: str) -> None:
    """Removes a result that could not be published because the run has ended. What it published stays."""
    ended = store.find(run)
    if ended is None or key not in ended.published:
        objects.delete_results([key])


def keeps_upload(run: Run) -> bool:
    """Whether an ended run's upload is kept for TRY_AGAIN_SECONDS: it failed through no fault of the photo."""
    return run.status == FAILED and not issubclass(kind_of(run.error), PhotoError)


def _tell_the_world(run: Run) -> None:
    """Publishes `PhotoFinished`: the run's id and how it ended, nothing about the people in it."""
    detail = {"run": run.run, "status": run.status, "error": run.error or None}
    detail["pictures"] = sorted(run.published - {run.original})
    entry = {"Source": "photo-booth", "DetailType": "PhotoFinished", "Detail": json.dumps(detail)}
    with aws_errors():
        answer = client("events").put_events(Entries=[entry | {"EventBusName": os.environ["EVENT_BUS"]}])
    if answer["FailedEntryCount"]:
        raise ServiceUnavailable("EventBridge did not take PhotoFinished")
