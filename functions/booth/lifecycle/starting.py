"""Starts runs. The three entry points (S3 event, first poll, `sweep`) call this, in any order and any number of times,
and each photo is processed once."""

import uuid

from booth.aws import executions, objects
from booth.lifecycle import budget, ending
from booth.log import count, logger, set_run_id
from booth.run import Run, Status
from booth.runs import figures, store, uploads


def photo_arrived(key: str, version: str) -> Run | None:
    """Starts the run of a photo that was put under this Key, see `start`; registers one if it has none.

    Returns the run; None if the Key's run has expired: then this version is deleted.
    """
    run = uploads.find_by_upload(key) or uploads.register(str(uuid.uuid4()), key, picture_id=str(uuid.uuid4()))
    if run is None:
        logger.warning("a photo under a Key that was used before is dropped")
        objects.delete_version(key, version)
        return None
    return start(run, version)


def start(run: Run, version: str) -> Run:
    """Claims the run for this version of its photo and starts its execution. Idempotent; returns the run.

    The first claim pins the version. Later calls start the execution as well, under the same name, in case a caller was
    killed between claim and start. Another version of the Key (the presigned URL was used again) is not processed: it
    is deleted with the run's upload, or now if the run has ended or was deleted.
    """
    set_run_id(run.id)
    if run.is_waiting_for_photo:
        run = claim(run, version)
    if run.is_ended:
        # Without versioning another PUT has the same version id, null, and replaces the photo.
        put_again = version == objects.NULL_VERSION and not ending.keeps_upload(run)
        if run.version != version or put_again:
            objects.delete_version(run.key, version)
        return run
    if run.version != version:
        count("PhotoPutAgain")
    if run.status == Status.QUEUED:
        executions.start(run.id)
    return run


def start_if_uploaded(run: Run) -> Run:
    """Starts the run if it is QUEUED and its photo is in the uploads bucket; returns the run."""
    if run.status != Status.QUEUED:
        return run
    version = run.version or objects.newest_version(run.key)
    return start(run, version) if version else run


def claim(run: Run, version: str) -> Run:
    """Claims the run, and returns it as it is then: ended with BudgetSpent if the day's budget of photos is spent.

    The photo is counted before it is claimed. So every claimed photo was counted, and a refused one was never claimed:
    no other entry point starts it. If another one has claimed it, the count is undone; a function that is killed in
    between has counted one too many.
    """
    day = budget.today()
    if not budget.spend(day, run.per_day):
        has_ended = store.refuse(run.id, version, "BudgetSpent")
        run = store.get(run.id)
        if has_ended:
            count("BudgetSpent")
            figures.count_end(run, Status.FAILED, "BudgetSpent", {})
        return run
    if claimed := store.claim(run.id, version):
        return claimed
    budget.refund(day)
    return store.get(run.id)
