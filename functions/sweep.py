"""Every minute: looks after the open runs, so that each ends in time even if nobody polls and an event was lost."""

import time
from typing import Any

from booth import doors, ending, executions, limits, objects, store
from booth.errors import BoothError
from booth.log import count, logger, metrics
from booth.store import Run

WATCH_SECONDS = 58
"""How far ahead one sweep looks: until the next one."""


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> None:
    """Waits for each run that comes due in the next minute, so deadlines are kept to the second, not the minute."""
    until = store.now_ms() + WATCH_SECONDS * 1000
    failed: set[str] = set()
    while waiting := [(due, run) for due, run in store.due_before(until) if run not in failed]:
        due, name = waiting[0]
        # The index lags behind the records by some milliseconds: never ask it twice in the same instant.
        time.sleep(max(50, due - store.now_ms()) / 1000)
        logger.append_keys(run=name)
        try:
            run = store.find(name)
            if run is None:
                store.close(name)
            elif run.open and run.due <= store.now_ms():
                attend(run)
        except BoothError:
            # One run's trouble must not keep the others waiting; the next sweep comes back to it.
            logger.exception("a run could not be looked after")
            failed.add(name)


def attend(run: Run) -> None:
    """Does for one open run what is due. Every path ends or closes the run, or sets a later `due`."""
    now = store.now_ms()
    if run.is_ended:
        ending.clean(run)
    elif run.is_waiting_for_photo:
        await_photo(run, now)
    elif now >= run.claimed + limits.STOP_SECONDS * 1000:
        executions.stop(run.run)
        ending.settle(run, "States.Timeout")
    else:
        look_after_execution(run, now)


def look_after_execution(run: Run, now: int) -> None:
    running = executions.is_running(run.run)
    if running is None:
        executions.start(run.run)
    elif not running:
        # It ended, but could not settle the run itself.
        ending.settle(store.get(run.run), "InternalError")
        return
    stop = run.claimed + limits.STOP_SECONDS * 1000
    store.postpone(run.run, min(now + limits.CHECK_SECONDS * 1000, stop))


def await_photo(run: Run, now: int) -> None:
    if version := objects.newest_version(run.key):
        logger.warning("a photo had come, but its event had not")
        count("EventLost")
        doors.photo_arrived(run.key, version)
    elif now >= run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000:
        ending.settle(run, "PhotoNeverArrived")
    else:
        store.postpone(run.run, min(now + 60_000, run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000))
