"""How a run ends: its state is settled once, then everything that is not a result is removed."""

from collections.abc import Callable

from booth import clock, keys, limits
from booth.aws import events, objects
from booth.errors import PhotoError, RunEnded, TimedOut, kind_of
from booth.log import count, logger
from booth.painting import admission
from booth.run import Run, Status
from booth.runs import open_runs, store


def settle(run: Run, error: str, picture_errors: dict[int, str] | None = None) -> Run:
    """Ends the run by what was published, unless it has ended, and cleans up; see `end`.

    A deleted run is left to its deletion.
    """
    run = end(run, error, picture_errors)
    if run.is_ended and run.status != Status.DELETED:
        clean(run)
    return run


def end(
    run: Run, error: str, picture_errors: dict[int, str] | None = None, clean_after: int = limits.CHECK_SECONDS
) -> Run:
    """Ends the run by what was published, unless it has ended. Nothing but the table is asked.

    Args:
        error: name of the error that ended it; "" if the state machine came to its end.
        picture_errors: by picture number, the name of the error that a picture failed with.
        clean_after: seconds after which `sweep` cleans up if nobody has.

    Returns the run as it then stands: ended, unless the photo came while the run was ended for want of it.
    """
    version = run.version
    while not run.is_ended and run.version == version:
        status, code, pictures = _outcome(run, error, picture_errors or {})
        if store.end(run, status, code, pictures, clean_after):
            count(status.capitalize())
            if kind_of(error) is TimedOut:
                count("TimedOut")
            logger.info("run ended", status=status, error=code)
        # Refused, it has moved on since it was read: a picture was published, or its photo came after all.
        run = store.get(run.id)
    return run


def _outcome(run: Run, error: str, picture_errors: dict[int, str]) -> tuple[str, str, dict[str, dict[str, str]]]:
    """Status, error name ("" if there is a picture) and pictures of a run that ends now."""
    kept = ("scene", "state", "key", "error")
    pictures = {
        name: {part: picture[part] for part in kept if part in picture} for name, picture in run.pictures.items()
    }
    for name, picture in pictures.items():
        if picture["state"] != "DONE":
            reason = picture_errors.get(int(name[1:])) or error or "States.Timeout"
            picture |= {"state": "FAILED", "error": kind_of(reason).__name__}
    failures = [picture["error"] for picture in pictures.values() if picture["state"] == "FAILED"]
    if len(failures) < len(pictures):
        return Status.PARTIAL if failures else Status.SUCCEEDED, "", pictures
    return Status.FAILED, kind_of(error).__name__ if error else [*failures, "InternalError"][0], pictures


def clean(run: Run) -> None:
    """Tells the world that a run has ended, and removes what it leaves. `sweep` repeats it until it has worked.

    The world is told first, for a deletion that comes meanwhile is not to be followed by the event. If that fails, the
    rest is removed all the same. After CLEAN_SECONDS nobody can write any more, and the run is closed.
    """
    try:
        if not run.told:
            events.publish_photo_finished(run)
            store.mark_event_published(run.id)
    finally:
        is_clean = _remove_what_is_left(run)
    last_look = max(_kept_until(run), run.ended + limits.CLEAN_SECONDS * 1000)
    if not is_clean:
        open_runs.reschedule(run, clock.now_ms() + limits.CONTINUE_SECONDS * 1000)
    elif clock.now_ms() >= last_look:
        open_runs.close(run.id)
    else:
        open_runs.reschedule(run, last_look)


def _remove_what_is_left(run: Run) -> bool:
    """A picture that was being written when the run ended, but not published, goes too. False if there is more."""
    numbers = [int(name[1:]) for name in run.pictures]
    written = {run.key, *(keys.picture_key(run.picture_id, number) for number in numbers)}
    objects.delete_results(sorted(written - run.published))
    objects.delete_work(run.id)
    admission.release_turns(run)
    return clock.now_ms() < _kept_until(run) or objects.delete_upload(run.key)


def _kept_until(run: Run) -> int:
    """Until when the upload of an ended run is kept, epoch ms."""
    return run.ended + (limits.TRY_AGAIN_SECONDS * 1000 if keeps_upload(run) else 0)


def confirm_running(run_id: str, look: Callable[[str], object] = store.check) -> None:
    """A step asks after its last write under work/ whether the run still goes on; if it has ended, its files go again.

    Args:
        look: how it asks, given the run.

    Raises RunEnded, TimedOut (the run is about to be ended, and cleaned up).
    """
    try:
        look(run_id)
    except RunEnded:
        objects.delete_work(run_id)
        raise


def keeps_upload(run: Run) -> bool:
    """Whether an ended run's upload is kept for TRY_AGAIN_SECONDS: it failed through no fault of the photo."""
    return run.status == Status.FAILED and not issubclass(kind_of(run.error), PhotoError)
