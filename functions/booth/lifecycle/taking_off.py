"""Takes pictures off the event's wall for their visitor: the record first, so that no wall lists them from then on."""

from booth import keys
from booth.aws import cdn, objects
from booth.errors import ServiceUnavailable, Throttled
from booth.log import logger
from booth.run import MAX_PICTURES, Run
from booth.runs import wall


def take_off(run: Run, number: int | None) -> Run:
    """Takes a picture (`number` from 1) off the wall for good; None: all of the visit, those to come as well.

    Returns the run as it is then. On return the copies are deleted and the CDN's are invalidated; if CloudFront can't
    be called now, these expire after CACHE_SECONDS, at addresses that no wall is told any more. Idempotent. If a call
    is cut off, another one or `sweep` deletes the copies.

    Raises Deleted.
    """
    run = wall.take_off(run.id, number)
    if run.wall is None:
        return run
    copies = [keys.wall_key(run.id, each) for each in ([number] if number else range(1, MAX_PICTURES + 1))]
    objects.delete_results(copies)
    if run.wall_copies:
        try:
            # Nothing is put there again, so one invalidation is enough: a repeated one is neither made nor billed.
            cdn.invalidate([keys.address(key) for key in copies], f"{run.id}-off-{number or 'all'}")
        except (Throttled, ServiceUnavailable) as error:
            logger.warning("the CDN's copies could not be invalidated", error=type(error).__name__, reason=str(error))
    return run
