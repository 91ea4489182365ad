"""Ends a run: one conditional write sets its final status, then everything that is not a result is removed."""

from collections.abc import Callable

from booth import clock, keys, limits
from booth.aws import events, objects
from booth.errors import BoothError, PhotoError, RunEnded, TimedOut, kind_of
from booth.log import count, logger
from booth.painting import admission
from booth.run import Run, Status
from booth.runs import figures, open_runs, store


def settle(run: Run, error: str, picture_errors: dict[int, str] | None = None) -> Run:
    """Ends the run, unless it has ended, and cleans up; arguments and result as of `end`.

    A deleted run is not cleaned up here, but by `deletion`.
    """
    run = end(run, error, picture_errors)
    if run.is_ended and run.status != Status.DELETED:
        clean(run)
    return run


def end(
    run: Run, error: str, picture_errors: dict[int, str] | None = None, clean_after: int = limits.CHECK_SECONDS
) -> Run:
    """Ends the run, unless it has ended: SUCCEEDED, PARTIAL or FAILED by the pictures that are published.

    Calls no AWS service but DynamoDB.

    Args:
        error: name of the error that ended it; "" if the state machine reached its end.
        picture_errors: by picture number, the name of the error that a picture failed with.
        clean_after: seconds after which `sweep` cleans up, unless that was done.

    Returns the run as it is then: ended, unless it was to end as PhotoNeverArrived and its photo came meanwhile.
    """
    version = run.version
    while not run.is_ended and run.version == version:
        status, code, pictures = _outcome(run, error, picture_errors or {})
        if store.end(run, status, code, pictures, clean_after):
            count(status.capitalize())
            if kind_of(error) is TimedOut:
                count("TimedOut")
            logger.info("run ended", status=status, error=code)
            figures.count_end(run, status, code, pictures)
        # If the write was refused, the record has changed: a picture was published, or the photo came.
        run = store.get(run.id)
    return run


def end_if_complete(run: Run) -> None:
    """Ends a run whose pictures are all published: its visitor waits for no further step. `finish` cleans up.

    An error is logged, not raised: a retry would paint the last picture again, and `finish` ends the run as well.
    """
    if not all(picture["state"] == "DONE" for picture in run.pictures.values()):
        return
    try:
        end(run, "")
    except BoothError as error:
        logger.warning("the run is left to finish", error=type(error).__name__)


def _outcome(run: Run, error: str, picture_errors: dict[int, str]) -> tuple[str, str, dict[str, dict[str, str]]]:
    """Status, error name ("" if there is a picture) and pictures, of which less is kept, of a run that ends now."""
    kept = ("scene", "state", "keep", "key", "error")
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
    """Publishes PhotoFinished for an ended run and removes what it left. `sweep` repeats it until it has succeeded.

    The event is published first, so that none follows a deletion that comes meanwhile; if that fails, the removal is
    done all the same. Once CLEAN_SECONDS after the end have passed, no step can write any more, and the run is closed.
    """
    try:
        if not run.told:
            events.publish_photo_finished(run)
            store.mark_event_published(run.id)
    finally:
        is_clean = _remove_leftovers(run)
    last_check = max(_kept_until(run), run.ended + limits.CLEAN_SECONDS * 1000)
    if not is_clean:
        open_runs.reschedule(run, clock.now_ms() + limits.CONTINUE_SECONDS * 1000)
    elif clock.now_ms() >= last_check:
        open_runs.close(run.id)
    else:
        open_runs.reschedule(run, last_check)


def _remove_leftovers(run: Run) -> bool:
    """Removes unpublished results, work files, turns, and the upload unless it is kept.

    False if versions of the upload are left.
    """
    numbers = [int(name[1:]) for name in run.pictures]
    written = {run.key, *(keys.picture_key(run.picture_id, number) for number in numbers)}
    if run.wall is not None and clock.now_ms() >= run.ended + limits.CLEAN_SECONDS * 1000:
        # Not before: a copy that is not listed yet may be listed in a moment.
        written |= {keys.wall_key(run.id, number) for number in numbers}
    objects.delete_results(sorted(written - run.stored))
    objects.delete_work(run.id)
    admission.release_turns(run)
    return clock.now_ms() < _kept_until(run) or objects.delete_upload(run.key)


def _kept_until(run: Run) -> int:
    """Until when the upload of an ended run is kept, epoch ms; its end if it is not."""
    if not keeps_upload(run):
        return run.ended
    return run.claimed + limits.AGAIN_SECONDS * 1000 if run.kept else run.ended + limits.TRY_AGAIN_SECONDS * 1000


def confirm_running(run_id: str, check: Callable[[str], object] = store.check) -> None:
    """Called by a step after its last write under work/: if the run has ended meanwhile, deletes its work files.

    Args:
        check: raises RunEnded if the run with this id has ended; by default `store.check`.

    Raises:
        RunEnded: the run has ended.
        TimedOut: its deadline has passed; `sweep` will end it and clean up.
    """
    try:
        check(run_id)
    except RunEnded:
        objects.delete_work(run_id)
        raise


def keeps_upload(run: Run) -> bool:
    """Whether an ended run's upload is kept: its visitor asked for it, for AGAIN_SECONDS after the claim; else if it
    failed, for TRY_AGAIN_SECONDS. Not with a PhotoError, and not once its visitor has left."""
    if run.status == Status.DELETED or issubclass(kind_of(run.error), PhotoError):
        return False
    return run.status == Status.FAILED if run.kept is None else run.kept
