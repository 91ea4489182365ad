"""Looks after the open runs, so that each ends in time even if nobody polls and an event was lost.

Several runs are looked at side by side, and those with a deadline apart from all others: neither an upload of 100,000
versions nor thousands of uploads that wait for their photos keep anybody else waiting.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from booth import clock, limits
from booth.aws import executions, objects
from booth.errors import BoothError, Throttled
from booth.lifecycle import deletion, ending, starting
from booth.log import count, logger, set_run_id
from booth.run import Open, Run, Status
from booth.runs import open_runs, store

WATCH_SECONDS = 118
"""How long one sweep watches. The next one begins within two minutes, however late the schedule fires."""

POLL_SECONDS = 2
"""Longest pause between two looks at the index while a run comes due."""

THREADS = {Open.ACTIVE: 5, Open.WAITING: 4}
"""So many runs are looked at side by side, by kind; with the index's reader as many as a client has connections."""

BUSY_SECONDS = 0.5
"""Pause between two looks at the index while some of what is due is being looked at."""

RUNS_READ = 100
"""So many runs of each kind are read from the index at a time, the earliest first."""

THROTTLE_SECONDS = 5
"""Step Functions is not asked how executions stand for this long after it throttled."""


class Watch:
    """Looks after the open runs of one kind, Open.ACTIVE or Open.WAITING."""

    def __init__(self, kind: str):
        self.kind = kind
        self.threads = ThreadPoolExecutor(THREADS[kind])
        self.not_before: dict[str, float] = {}
        """By run, epoch ms: infinite while it is looked at; a moment later, for the index lags behind the records."""

    def begin(self, until: int) -> list[float]:
        """Begins to look at what is due. Returns when to come again for each run that is due by `until`, epoch ms."""
        moments = []
        for due, name in open_runs.due_before(until, self.kind, RUNS_READ):
            moment, now = max(due, self.not_before.get(name, 0)), clock.now_ms()
            if moment <= now:
                self.not_before[name] = float("inf")
                self.threads.submit(self._look, name, due)
            moments.append(moment if now < moment < float("inf") else now + BUSY_SECONDS * 1000)
        return moments

    def _look(self, run_id: str, due: int) -> None:
        succeeded = handle_due(run_id, due)
        self.not_before[run_id] = clock.now_ms() + (1 if succeeded else limits.LEASE_SECONDS) * 1000


def watch() -> None:
    """Looks after every run that comes due within WATCH_SECONDS, so that deadlines are kept to seconds, not minutes.

    Ends at once if there is none.
    """
    until = clock.now_ms() + WATCH_SECONDS * 1000
    watches = [Watch(Open.ACTIVE), Watch(Open.WAITING)]
    try:
        while moments := [moment for watch in watches for moment in watch.begin(until)]:
            now = clock.now_ms()
            pause = min(max(min(moments) - now, 0), POLL_SECONDS * 1000)
            if now + pause > until:
                return
            time.sleep(pause / 1000)
    finally:
        for watch in watches:
            watch.threads.shutdown(cancel_futures=True)  # what was not begun is due still, for the next sweep


def handle_due(run_id: str, due: int) -> bool:
    """Does what is due for one run; False if that failed: it comes due again later, by itself."""
    set_run_id(run_id)
    try:
        if run := open_runs.lease(run_id, due):
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
    now = clock.now_ms()
    if run.status == Status.DELETED:
        deletion.erase(run)
    elif run.is_ended:
        ending.clean(run)
    elif run.is_waiting_for_photo:
        await_photo(run, now)
    elif now >= run.stops:
        # First the end, which refuses whatever comes later; it must not hang on Step Functions' answer, nor on S3's.
        ending.end(run, "States.Timeout", clean_after=0)
        executions.stop(run.id)
    else:
        check_execution(run, now)


class DescribeThrottle:
    """Until when Step Functions is not asked, epoch ms: it answers 15 DescribeExecutions a second, of all together."""

    until = 0


def check_execution(run: Run, now: int) -> None:
    begins = max([now, *(turn.at for turn in run.turns.values())])  # till then it may be waiting for its turn
    open_runs.reschedule(run, min(begins + limits.CHECK_SECONDS * 1000, run.stops))
    if now < DescribeThrottle.until:
        return
    try:
        running = executions.is_running(run.id)
    except Throttled:
        DescribeThrottle.until = clock.now_ms() + THROTTLE_SECONDS * 1000
        raise
    if running is None:
        executions.start(run.id)
    elif not running:
        # It ended, but could not settle the run itself.
        ending.end(store.get(run.id), "InternalError", clean_after=0)


def await_photo(run: Run, now: int) -> None:
    last_look = run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000
    if version := objects.newest_version(run.key):
        logger.warning("a photo had come, but its event had not")
        count("EventLost")
        starting.start(run, version)
    elif now >= last_look:
        ending.settle(run, "PhotoNeverArrived")
    else:
        open_runs.reschedule(run, run.upload_until if now < run.upload_until else last_look)
