"""Removes everything of a visit: first the mark that nothing may come any more, then all that is there."""

from urllib.parse import quote

from booth import executions, limits, objects, pacing, settings, store
from booth.aws import aws_errors, client
from booth.contract import MAX_PICTURES
from booth.errors import StillRemoving
from booth.store import Run


def delete(run: Run) -> None:
    """Deletes a visit, in whatever state it is; on return nothing of it is left in the buckets and the CDN.

    Idempotent. If it breaks off, `sweep` goes on. Of a visit that is forgotten only the Key may be known, because the
    caller named it: what has been put there since goes.

    Raises StillRemoving if something is left, for `sweep`.
    """
    if run.status != store.DELETED:
        run = store.mark_deleted(run.run, due=store.now_ms() + limits.DELETE_SECONDS * 1000)
    is_gone = erase(run) if run.open else not run.key or objects.delete_upload(run.key)
    if not is_gone:
        raise StillRemoving


def erase(run: Run) -> bool:
    """Removes what is left of a deleted run; `sweep` repeats it when nothing can come any more, and forgets the names.

    What visitors could see goes first. False if versions of the upload are left: `sweep` goes on with them in a moment.

    Until then a step that was at work may still write (for CLEAN_SECONDS after the end), and a photo may come through
    the presigned URL. A step takes back what it could not publish, and `admit` deletes what comes with an event; the
    second look is for those that were killed or lost.
    """
    if run.claimed:
        executions.stop(run.run)
        pacing.give_back(run)
    pictures = [objects.picture_key(run.picture_id, number) for number in range(1, MAX_PICTURES + 1)]
    objects.delete_results([run.key, *pictures])
    objects.delete_work(run.run)
    if run.claimed:  # before, nothing could be shown
        _invalidate(run)
    if not objects.delete_upload(run.key):
        store.postpone(run, store.now_ms() + limits.GO_ON_SECONDS * 1000)
        return False
    last_look = run.ended + limits.CLEAN_SECONDS * 1000
    if run.upload_until:
        last_look = max(last_look, run.upload_until + limits.LATE_UPLOAD_SECONDS * 1000)
    if store.now_ms() >= last_look:
        store.forget(run.run)
    else:
        store.postpone(run, last_look)
    return True


def _invalidate(run: Run) -> None:
    """The CDN forgets its copies at once; by itself it does so after five minutes."""
    paths = ["/" + quote(run.key), f"/photo/photo_{run.picture_id}_*"]
    batch = {
        "Paths": {"Quantity": len(paths), "Items": paths},
        "CallerReference": f"{run.run}-{store.now_ms()}",  # one that was used before would do nothing
    }
    with aws_errors():
        client("cloudfront").create_invalidation(DistributionId=settings.distribution(), InvalidationBatch=batch)
