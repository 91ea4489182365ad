"""Handles the open runs when they are due, so that each ends in time even if nobody polls and an event was lost.

Runs are handled by threads, those with a deadline in a pool of their own: so neither an upload of 100,000 versions nor
thousands of uploads that wait for their photos delay a deadline.
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
"""How long one sweep handles runs that come due. The next one begins within two minutes of it (schedule: 1 min)."""

POLL_SECONDS = 2
"""Longest pause between two queries of the index."""

THREADS = {Open.ACTIVE: 5, Open.WAITING: 4}
"""Threads by kind of run; with the one that queries the index as many as a client has connections (10)."""

BUSY_SECONDS = 0.5
"""Pause between two queries of the index while runs that are due are being handled."""

RUNS_READ = 100
"""Limit of a query of the index, per kind of run; the earliest come first."""

THROTTLE_SECONDS = 5
"""Back off: no DescribeExecution for this long after a throttled one."""


class Watch:
    """Handles the open runs of one kind, Open.ACTIVE or Open.WAITING, in threads of its own."""

    def __init__(self, kind: Open):
        self.kind = kind
        self.threads = ThreadPoolExecutor(THREADS[kind])
        self.not_before: dict[str, float] = {}
        """By run id, epoch ms: not handled again before. Infinite while it is handled, then past the index's lag."""

    def begin(self, until: int) -> list[float]:
        """Begins to handle what is due. Returns for each run that is due by `until` when to query again; epoch ms."""
        moments = []
        for due, name in open_runs.due_before(until, self.kind, RUNS_READ):
            moment, now = max(due, self.not_before.get(name, 0)), clock.now_ms()
            if moment <= now:
                self.not_before[name] = float("inf")
                self.threads.submit(self._handle, name, due)
            moments.append(moment if now < moment < float("inf") else now + BUSY_SECONDS * 1000)
        return moments

    def _handle(self, run_id: str, due: int) -> None:
        succeeded = handle_due(run_id, due)
        self.not_before[run_id] = clock.now_ms() + (1 if succeeded else limits.LEASE_SECONDS) * 1000


def watch() -> None:
    """Handles every run that comes due within WATCH_SECONDS, so that deadlines are kept to seconds, not minutes.

    Returns at once if none does.
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
            watch.threads.shutdown(cancel_futures=True)  # what was not begun stays due, for the next sweep


def handle_due(run_id: str, due: int) -> bool:
    """Leases one run and does what is due for it. False if that failed: it is due again when the lease is over."""
    set_run_id(run_id)
    try:
        if run := open_runs.lease(run_id, due):
            handle(run)
    except BoothError as error:
        logger.error("a run could not be handled", error=type(error).__name__, reason=str(error))
        return False
    except Exception:
        logger.exception("a defect")
        return False
    return True


def handle(run: Run) -> None:
    """Does what is due for one open run. Every branch ends or closes the run, or sets a later `due`."""
    now = clock.now_ms()
    if run.status == Status.DELETED:
        deletion.erase(run)
    elif run.is_ended:
        ending.clean(run)
    elif run.is_waiting_for_photo:
        await_photo(run, now)
    elif now >= run.stop_at:
        # The end first, after which every step is refused: it must not wait for Step Functions, nor for S3.
        ending.end(run, "States.Timeout", clean_after=0)
        executions.stop(run.id)
    else:
        check_execution(run, now)


class DescribeBackOff:
    """Until when DescribeExecution is not called, epoch ms: the account's quota is 15 a second."""

    until = 0


def check_execution(run: Run, now: int) -> None:
    """Starts a run's execution if there is none, and ends the run if its execution has ended. Epoch ms."""
    begins = max([now, *(turn.at for turn in run.turns.values())])  # until then it may be waiting for its turn
    open_runs.reschedule(run, min(begins + limits.CHECK_SECONDS * 1000, run.stop_at))
    if now < DescribeBackOff.until:
        return
    try:
        running = executions.is_running(run.id)
    except Throttled:
        DescribeBackOff.until = clock.now_ms() + THROTTLE_SECONDS * 1000
        raise
    if running is None:
        executions.start(run.id)
    elif not running:
        # The execution ended without ending the run.
        ending.end(store.get(run.id), "InternalError", clean_after=0)


def await_photo(run: Run, now: int) -> None:
    """Starts a run whose photo has come without its event; ends one whose photo has never come. Epoch ms."""
    last_check = run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000
    if version := objects.newest_version(run.key):
        logger.warning("a photo had come, but its event had not")
        count("EventLost")
        starting.start(run, version)
    elif now >= last_check:
        ending.settle(run, "PhotoNeverArrived")
    else:
        open_runs.reschedule(run, run.upload_until if now < run.upload_until else last_check)
