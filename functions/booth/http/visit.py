"""Which run a call speaks of: by its requestId, by the Key of its photo, or, for staff, by the run's id."""

from collections.abc import Callable

from booth import keys
from booth.aws import objects, table
from booth.errors import NotFound
from booth.run import Run
from booth.runs import store, uploads


def run_of_request(request_id: str) -> Run:
    """The run that a requestId is bound to. Raises NotFound."""
    if run := uploads.find_by_request(request_id):
        return run
    raise NotFound("Nothing is known under this requestId.")


def run_of_visitor(request_id: str, key: str) -> Run:
    """The run that a requestId is bound to. With a Key ("" for none), that Key's run. Raises NotFound."""
    if not key:
        return run_of_request(request_id)
    run = uploads.find_by_upload(key)
    if run and run.request == table.hashed(request_id):
        return run
    raise NotFound("Nothing is known under this requestId and key.")


def run_of_staffs(name: str, value: str) -> Run:
    """The run that staff name, as `contract.staffs_visit` gives it. Raises NotFound."""
    if name == "requestId":
        return run_of_request(value)
    if run := store.find(value):
        return run
    raise NotFound("There is no such visit.")


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
