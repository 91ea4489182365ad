"""Takes an ended visit from view, and shows it again; everything of it stays stored.

Hiding goes from what everybody asks first to what is kept furthest away: the record's `hidden`, by which `POST /photo`
tells no address any more; the objects' tags, by which S3 refuses them to the CDN; the CDN's copies. Staff are told that
a visit is hidden when all three are done, so a call that was cut off has told nothing, and another one does the rest.
Showing again goes the same way: until the tags are gone no picture is served.
"""

from booth.aws import cdn, objects
from booth.errors import BoothError, Conflict, Deleted
from booth.keys import address
from booth.run import Run, Status
from booth.runs import store


def set_hidden(run: Run, hidden: bool) -> None:
    """Hides the visit of a run, or shows it again. Idempotent.

    If two call it at the same time, the one whose write of the record came later wins: each does what the record says.

    Raises:
        Conflict: the run has not ended.
        Deleted: the visit was deleted.
    """
    run = _checked(store.set_hidden(run.id, hidden))
    while not _apply(run):
        run = _checked(store.get(run.id))


def _checked(run: Run) -> Run:
    """Raises Conflict, Deleted as `set_hidden`."""
    if run.status == Status.DELETED:
        raise Deleted
    if not run.is_ended:
        raise Conflict("These pictures are still being painted. Please wait until they are done.")
    return run


def _apply(run: Run) -> bool:
    """Does to objects and CDN what the record says; False if it says something else by now."""
    shown = sorted(run.stored)
    try:
        for key in shown:
            objects.set_hidden(key, bool(run.hidden))
        if run.hidden and shown:
            # The same time means the same invalidation: one that was made is neither repeated nor billed.
            cdn.invalidate([address(key) for key in shown], f"{run.id}-hidden-{run.hidden}")
    except BoothError:
        # Objects of a visit that was deleted meanwhile are gone, and copies that its visitor took off the wall.
        if _checked(store.get(run.id)).stored == run.stored:
            raise
        return False
    return _checked(store.get(run.id)).hidden == run.hidden
