"""Which run a call of /photo speaks of: by its requestId, or by the Key of its photo."""

from collections.abc import Callable

from booth import keys
from booth.aws import objects
from booth.errors import NotFound
from booth.run import Run
from booth.runs import uploads


def run_of_request(request_id: str) -> Run:
    """The run that a requestId is bound to. Raises NotFound."""
    if run := uploads.find_by_request(request_id):
        return run
    raise NotFound("Nothing is known under this requestId.")


def run_of_photo(key: str, register: Callable[[str], Run | None]) -> Run:
    """The run of a Key.

    Args:
        register: called with the version of a photo that was put into S3 without /upload; gives its run.

    Raises:
        NotFound: nothing is known under this Key, and no photo is there.
    """
    if run := uploads.find_by_upload(key):
        return run
    version = objects.newest_version(key) if keys.is_upload_key(key) else None
    if version and (run := register(version)):
        return run
    raise NotFound("Nothing is known under this key.")
