"""How a photo gets in: the S3 event, the first poll and `sweep` all come through here, in any order, any number of
times, and the photo is processed once."""

import uuid

from booth.aws import executions, objects
from booth.lifecycle import budget, ending
from booth.log import count, logger, set_run_id
from booth.run import Run, Status
from booth.runs import store, uploads


def photo_arrived(key: str, version: str) -> Run | None:
    """Admits the photo that was put under this Key; see `start`.

    Returns the run, or None if the Key's record has expired.
    """
    run = uploads.find_by_upload(key) or uploads.register(str(uuid.uuid4()), key, picture_id=str(uuid.uuid4()))
    if run is None:
        logger.warning("a photo under a Key that was used before is dropped")
        objects.delete_version(key, version)
        return None
    return start(run, version)


def start(run: Run, version: str) -> Run:
    """Claims the run for this version of its photo and starts it, whoever calls and however often.

    The first claim pins the version. Every later call starts the execution all the same, under the same name: so a
    caller that died between claim and start loses nothing. Any other version of the Key (a presigned URL used again)
    is not processed and goes when the run does, or now if the run has ended. A deleted run takes no version at all.
    """
    set_run_id(run.id)
    if run.is_waiting_for_photo:
        run = claim(run.id, version)
    if run.is_ended:
        # What is put again as version null replaces the run's own and can't be told from it.
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
    """Claims and starts the run if its photo lies there and nothing has started it yet."""
    if run.status != Status.QUEUED:
        return run
    version = run.version or objects.newest_version(run.key)
    return start(run, version) if version else run


def claim(run_id: str, version: str) -> Run:
    """Claims the run and gives it as it then stands: ended, if the day's budget of photos is spent.

    It counts first and claims then. So a photo that is claimed has been counted, and one that is refused was never
    seen as claimed: no other door starts it. A door that is second gives its count back; one that dies in between has
    counted one too many.
    """
    day = budget.today()
    if not budget.spend(day):
        if store.refuse(run_id, version, "BudgetSpent"):
            count("BudgetSpent")
        return store.get(run_id)
    if run := store.claim(run_id, version):
        return run
    budget.refund(day)
    return store.get(run_id)
