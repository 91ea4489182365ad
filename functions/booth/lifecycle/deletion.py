"""Deletes a visit: first marks its run's record as DELETED, so that nothing is added, then removes what is stored."""

from booth import clock, keys, limits
from booth.aws import cdn, executions, objects
from booth.errors import ServiceUnavailable, StillRemoving, Throttled
from booth.keys import address
from booth.log import logger
from booth.painting import admission
from booth.run import MAX_PICTURES, Run, Status
from booth.runs import open_runs, store


def delete(run: Run) -> None:
    """Deletes a visit, whatever its run's status; on return nothing of it is left in the buckets.

    The CDN's copies are invalidated; if CloudFront can't be called now, `sweep` does it (they expire after
    CACHE_SECONDS by themselves). Idempotent: once everything was removed (`erased`), another call does nothing. If a
    call is cut off, `sweep` continues. Of a run after `store.forget` only an upload is deleted that was put since under
    the Key that the caller named.

    Raises StillRemoving: versions of the upload are left, for `sweep`.
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
        logger.warning("the CDN's copies could not be invalidated", error=type(error).__name__, reason=str(error))
        if is_gone:
            return
    if not is_gone:
        _continue_soon(run)
        raise StillRemoving
    _schedule_next_check(run, began)


def erase(run: Run) -> bool:
    """Removes what is stored of a deleted run, for `sweep`, and schedules its next check.

    False if versions of the upload are left; `sweep` continues after CONTINUE_SECONDS.
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
    """Removes everything that is stored, public objects first. False if versions of the upload are left."""
    if run.claimed:
        executions.stop(run.id)
    objects.delete_results([run.key, *_pictures(run), *_wall_copies(run)])
    objects.delete_work(run.id)
    is_gone = objects.delete_upload(run.key)
    admission.release_turns(run)
    return is_gone


def _continue_soon(run: Run) -> None:
    open_runs.reschedule(run, clock.now_ms() + limits.CONTINUE_SECONDS * 1000)


def _pictures(run: Run) -> list[str]:
    return [keys.picture_key(run.picture_id, number) for number in range(1, MAX_PICTURES + 1)]


def _wall_copies(run: Run) -> list[str]:
    return [keys.wall_key(run.id, number) for number in range(1, MAX_PICTURES + 1)]


def _invalidate(run: Run, began: int) -> None:
    """Invalidates the CDN's copies of everything that the run can have published.

    The CallerReference is one before `_steps_end`, another after it, and the paths are always the same: so
    CloudFront neither repeats nor bills an invalidation that was made before.

    Args:
        began: when this removal began, epoch ms.
    """
    if not run.claimed:  # nothing was published
        return
    shown = [run.key, *_pictures(run), *(_wall_copies(run) if run.wall_copies else ())]
    paths = [address(key) for key in shown]
    phase = 1 if began < _steps_end(run) else 2
    cdn.invalidate(paths, f"{run.id}-{phase}")


def _schedule_next_check(run: Run, began: int) -> None:
    """Schedules another check after each moment until which something could still be written; after both, forgets.

    A step that could not publish deletes what it wrote, and `starting.start` deletes a photo whose event comes. The
    checks are for steps that were killed and for events that were lost.

    Args:
        began: when this removal began, epoch ms.
    """
    moments = (_steps_end(run), _uploads_end(run))
    if later := [moment for moment in moments if moment > began]:
        open_runs.reschedule(run, min(later), erased=True)
    else:
        store.forget(run.id)


def _steps_end(run: Run) -> int:
    """From when on no step of a deleted run can write any more, epoch ms."""
    return run.ended + limits.CLEAN_SECONDS * 1000


def _uploads_end(run: Run) -> int:
    """From when on no photo can come by the presigned URL any more, epoch ms; long past if there was none."""
    return run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000
