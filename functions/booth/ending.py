"""How a run ends: its state is settled once, then everything that is not a result is removed."""

import json
import os

from booth import limits, objects, store
from booth.aws import aws_errors, client
from booth.errors import PhotoError, kind_of
from booth.log import count, logger
from booth.store import FAILED, PARTIAL, SUCCEEDED, Run


def settle(run: Run, error: str, picture_errors: dict[int, str] | None = None) -> Run:
    """Ends the run by what was published, unless it has ended, and cleans up.

    Args:
        error: name of the error that ended it; "" if the state machine came to its end.
        picture_errors: by picture number, the name of the error that a picture failed with.

    Returns the ended run.
    """
    pictures = {name: dict(picture) for name, picture in run.pictures.items()}
    for name, picture in pictures.items():
        if picture["state"] != "DONE":
            reason = (picture_errors or {}).get(int(name[1:])) or error or "States.Timeout"
            picture |= {"state": "FAILED", "error": kind_of(reason).__name__}
    done = [picture for picture in pictures.values() if picture["state"] == "DONE"]
    status = FAILED if not done else PARTIAL if len(done) < len(pictures) else SUCCEEDED
    failures = [picture["error"] for picture in pictures.values() if "error" in picture]
    code = "" if done else kind_of(error).__name__ if error else failures[0] if failures else "InternalError"
    if store.end(run, status, code, pictures):
        count(status.capitalize())
        logger.info("run ended", status=status, error=code, pictures=len(done))
    ended = store.get(run.run)
    clean(ended)
    return ended


def clean(run: Run) -> None:
    """Removes what an ended run leaves, and tells the world. Safe to repeat; `sweep` does until it went through.

    A picture that was being written when the run ended, but not published, goes too. After CLEAN_SECONDS nobody can
    write any more, and the run is closed.
    """
    numbers = [int(name[1:]) for name in run.pictures]
    written = {run.key, *(objects.picture_key(run.picture_id, number) for number in numbers)}
    objects.delete_results(sorted(written - run.published))
    objects.delete_work(run.run)
    again_until = run.ended + (limits.TRY_AGAIN_SECONDS * 1000 if _may_be_tried_again(run) else 0)
    if store.now_ms() >= again_until:
        objects.delete_upload(run.key)
    last_look = max(again_until, run.ended + limits.CLEAN_SECONDS * 1000)
    if run.due <= run.ended:
        _tell_the_world(run)
    if store.now_ms() >= last_look:
        store.close(run.run)
    else:
        store.postpone(run.run, last_look)


def withdraw(run: str, key: str) -> None:
    """Removes a result that could not be published because the run has ended. What it published stays."""
    ended = store.find(run)
    if ended is None or key not in ended.published:
        objects.delete_results([key])


def _may_be_tried_again(run: Run) -> bool:
    return run.status == FAILED and not issubclass(kind_of(run.error), PhotoError)


def _tell_the_world(run: Run) -> None:
    """Publishes `PhotoFinished`: the run's id and how it ended, nothing about the people in it."""
    detail = {"run": run.run, "status": run.status, "error": run.error or None}
    detail["pictures"] = sorted(run.published - {run.original})
    entry = {"Source": "photo-booth", "DetailType": "PhotoFinished", "Detail": json.dumps(detail)}
    with aws_errors():
        client("events").put_events(Entries=[entry | {"EventBusName": os.environ["EVENT_BUS"]}])
