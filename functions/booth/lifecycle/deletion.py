"""Removes everything of a visit: first the mark that nothing may come any more, then all that is there."""

from booth import clock, keys, limits
from booth.aws import cdn, executions, objects
from booth.errors import ServiceUnavailable, StillRemoving, Throttled
from booth.keys import address
from booth.log import logger
from booth.painting import admission
from booth.run import MAX_PICTURES, Run, Status
from booth.runs import open_runs, store


def delete(run: Run) -> None:
    """Deletes a visit, in whatever state it is; on return nothing of it is left in the buckets.

    Of a visit that is forgotten only the Key may be known, because the caller named it: what has been put there since
    goes. The CDN is told to forget its copies. If it can't be told now, `sweep` does it; by themselves they go five
    minutes after they were fetched. Once everything was removed, the record says so, and another call does nothing. If
    a call breaks off, `sweep` goes on.

    Raises StillRemoving if something is left, for `sweep`.
    """
    if run.status != Status.DELETED:
        run = store.mark_deleted(run.id, due=clock.now_ms() + limits.DELETE_SECONDS * 1000)
    if not run.open:
        if run.key and not objects.delete_upload(run.key):
            raise StillRemoving
        return
    if run.erased:
        return
    began = clock.now_ms()
    is_gone = _remove(run)
    try:
        _invalidate(run, began)
    except (Throttled, ServiceUnavailable) as error:
        logger.warning("the CDN could not be told", error=type(error).__name__, reason=str(error))
        if is_gone:
            return
    if not is_gone:
        _continue_soon(run)
        raise StillRemoving
    _schedule_next_check(run, began)


def erase(run: Run) -> bool:
    """Removes what is left of a deleted run; `sweep` does it at each of its looks, and in the end forgets the names.

    False if versions of the upload are left: `sweep` goes on with them in a moment.
    """
    began = clock.now_ms()
    is_gone = _remove(run)
    _invalidate(run, began)
    if is_gone:
        _schedule_next_check(run, began)
    else:
        _continue_soon(run)
    return is_gone


def _remove(run: Run) -> bool:
    """Removes what there is, what visitors could see first. False if versions of the upload are left."""
    if run.claimed:
        executions.stop(run.id)
    objects.delete_results([run.key, *_pictures(run)])
    objects.delete_work(run.id)
    is_gone = objects.delete_upload(run.key)
    admission.release_turns(run)
    return is_gone


def _continue_soon(run: Run) -> None:
    open_runs.reschedule(run, clock.now_ms() + limits.CONTINUE_SECONDS * 1000)


def _pictures(run: Run) -> list[str]:
    return [keys.picture_key(run.picture_id, number) for number in range(1, MAX_PICTURES + 1)]


def _invalidate(run: Run, began: int) -> None:
    """The CDN forgets its copies. Told the same again at the same look, it answers and neither does nor bills it twice.

    The paths are all that there can be, whatever there was: an order that is repeated has to be the same.
    """
    if not run.claimed:  # nothing could be shown
        return
    paths = [address(key) for key in (run.key, *_pictures(run))]
    look = 1 if began < _steps_are_over(run) else 2
    cdn.invalidate(paths, f"{run.id}-{look}")


def _schedule_next_check(run: Run, began: int) -> None:
    """A look that began before something could come no more is followed by one afterwards.

    A step that was at work takes back what it could not publish, and `doors.admit` deletes the photo that comes with an
    event; the later looks are for those that were killed or lost.
    """
    moments = (_steps_are_over(run), _uploads_are_over(run))
    if later := [moment for moment in moments if moment > began]:
        open_runs.reschedule(run, min(later), erased=True)
    else:
        store.forget(run.id)


def _steps_are_over(run: Run) -> int:
    """When no step of a deleted run can be alive any more, which might write a picture; epoch ms."""
    return run.ended + limits.CLEAN_SECONDS * 1000


def _uploads_are_over(run: Run) -> int:
    """When no photo can come through the presigned URL any more; epoch ms, 0 if there was none."""
    return run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000 if run.upload_until else 0
