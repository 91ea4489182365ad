"""Every minute: looks after the open runs, so that each ends in time even if nobody polls and an event was lost."""

import time
from typing import Any

from booth import deletion, doors, ending, executions, limits, objects, store
from booth.errors import BoothError
from booth.log import count, entry, logger
from booth.store import Run

WATCH_SECONDS = 118
"""How long one sweep watches. The next one begins within two minutes, however late the schedule fires."""

LOOK_AGAIN_SECONDS = 2
"""Longest pause between two looks at the index while a run comes due."""


@entry
def handler(event: dict[str, Any], context: object) -> None:
    """Waits for the runs that come due, so that deadlines are kept to seconds, not minutes; ends if there are none."""
    until = store.now_ms() + WATCH_SECONDS * 1000
    not_before: dict[str, int] = {}
    while waiting := [(max(due, not_before.get(run, 0)), run) for due, run in store.due_before(until)]:
        now = store.now_ms()
        for name in [name for due, name in waiting if due <= now]:
            # The index lags behind the records: the same run may be listed once more.
            not_before[name] = store.now_ms() + 1000
            if not look_at(name):
                not_before[name] += 4000
        pause = min(waiting)[0] - store.now_ms()
        if store.now_ms() + pause > until:
            return
        time.sleep(min(max(pause, 100), LOOK_AGAIN_SECONDS * 1000) / 1000)


def look_at(name: str) -> bool:
    """Does what is due for one run; False if that failed: its trouble must not keep the others waiting."""
    logger.append_keys(run=name)
    try:
        run = store.find(name)
        if run is None:
            store.close(name)
        elif run.open and run.due <= store.now_ms():
            attend(run)
    except BoothError as error:
        logger.error("a run could not be looked after", error=type(error).__name__, reason=str(error))
        return False
    except Exception:
        logger.exception("a defect")
        return False
    return True


def attend(run: Run) -> None:
    """Does for one open run what is due. Every path ends or closes the run, or sets a later `due`."""
    now = store.now_ms()
    if run.status == store.DELETED:
        deletion.erase(run)
    elif run.is_ended:
        ending.clean(run)
    elif run.is_waiting_for_photo:
        await_photo(run, now)
    elif now >= run.stops:
        # First the end, which refuses whatever comes later; it must not hang on Step Functions' answer.
        ending.settle(run, "States.Timeout")
        executions.stop(run.run)
    else:
        look_after_execution(run, now)


def look_after_execution(run: Run, now: int) -> None:
    begins = max([now, *(turn.at for turn in run.turns.values())])  # till then it may be waiting for its turn
    store.postpone(run, min(begins + limits.CHECK_SECONDS * 1000, run.stops))
    running = executions.is_running(run.run)
    if running is None:
        executions.start(run.run)
    elif not running:
        # It ended, but could not settle the run itself.
        ending.settle(store.get(run.run), "InternalError")


def await_photo(run: Run, now: int) -> None:
    last_look = run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000
    if version := objects.newest_version(run.key):
        logger.warning("a photo had come, but its event had not")
        count("EventLost")
        doors.admit(run, version)
    elif now >= last_look:
        ending.settle(run, "PhotoNeverArrived")
    else:
        store.postpone(run, run.upload_until if now < run.upload_until else last_look)
