"""Publishes results: stores an object and shows it to the polls. Of a run that has ended nothing more is published."""

from booth import keys
from booth.aws import objects
from booth.errors import RunEnded
from booth.run import Run
from booth.runs import store
from booth.scenes import Scene


def publish_copy(run: Run, jpeg: bytes, scenes: list[Scene]) -> None:
    """Publishes the upright copy of the photo, and which pictures will come. Raises RunEnded; no work file is left."""
    objects.put_result(run.key, jpeg)
    try:
        store.publish_copy(run.id, run.key, scenes)
    except RunEnded:
        _withdraw(run.id, run.key)
        objects.delete_work(run.id)
        raise


def publish_picture(run: Run, number: int, jpeg: bytes) -> None:
    """Publishes a picture (numbered from 1). An earlier attempt's picture stays as it is. Raises RunEnded."""
    key = keys.picture_key(run.picture_id, number)
    objects.put_result(key, jpeg)
    try:
        store.publish_picture(run.id, number, key)
    except RunEnded:
        _withdraw(run.id, key)
        raise


def _withdraw(run_id: str, key: str) -> None:
    """Removes a result that could not be published because the run has ended. What it published stays."""
    ended = store.find(run_id)
    if ended is None or key not in ended.published:
        objects.delete_results([key])
