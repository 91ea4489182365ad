"""Publishes results: stores an object, then writes its Key into the run's record, unless the run has ended."""

from booth import keys
from booth.aws import objects
from booth.errors import RunEnded
from booth.run import Run
from booth.runs import store, wall
from booth.scenes import Scene
from booth.wall import QUEUES, Verdict


def publish_copy(run: Run, jpeg: bytes, scenes: list[Scene]) -> None:
    """Publishes the upright copy of the photo (JPEG), and in the record the pictures to come, one per scene.

    Raises RunEnded: nothing was published, and the run's work files are deleted.
    """
    objects.put_result(run.key, jpeg)
    try:
        store.publish_copy(run.id, run.key, scenes, run.keep)
    except RunEnded:
        _withdraw(run.id, run.key)
        objects.delete_work(run.id)
        raise


def publish_picture(run: Run, number: int, jpeg: bytes, by: str) -> Run:
    """Publishes a picture (JPEG; numbered from 1). One that an earlier attempt stored is published instead, unchanged.

    Returns the run as it is then.

    Args:
        by: the candidate that painted it, `model@region`.

    Raises RunEnded: nothing was published.
    """
    key = keys.picture_key(run.picture_id, number)
    objects.put_result(key, jpeg)
    try:
        return store.publish_picture(run.id, number, key, by)
    except RunEnded:
        _withdraw(run.id, key)
        raise


def publish_on_wall(run: Run, number: int, jpeg: bytes, verdict: Verdict) -> bool:
    """Publishes a finished picture's copy (JPEG; numbered from 1) on the event's wall, or writes that it is refused.

    False if an attempt before did, its visitor has taken it off, or the visit was deleted: nothing was published.
    """
    key = keys.wall_key(run.id, number)
    if verdict.state in QUEUES:
        objects.put_result(key, jpeg)
    if wall.put(run.id, number, verdict):
        return True
    _withdraw(run.id, key)
    return False


def _withdraw(run_id: str, key: str) -> None:
    """Deletes a result that could not be published, unless another attempt had published it before the run ended."""
    ended = store.find(run_id)
    if ended is None or key not in ended.stored:
        objects.delete_results([key])
