"""POST /photo: binds a requestId to an upload, starts its run if the S3 event hasn't, and answers its status."""

import os
from typing import Any

from booth import keys
from booth.aws import clients, executions, objects, settings, table
from booth.errors import Deleted, Hidden
from booth.http import access, contract, long_polling, visit
from booth.http.contract import PhotoRequest
from booth.http.endpoint import endpoint
from booth.lifecycle import starting
from booth.log import logger
from booth.parallel import gather
from booth.run import Run, Status
from booth.runs import uploads

clients.at_init(table.connect, executions.connect)  # S3 is called only if the event has not come yet


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    request = contract.photo_request(contract.json_body(event), objects.uploads_bucket())
    if request.key:
        access.booth_of(event)
    run, pause = find_run(request), 0
    if request.wait:
        run, pause = long_polling.wait_for_news(run, request)
    if run.status == Status.DELETED:
        raise Deleted
    if run.hidden:
        raise Hidden
    cdn = settings.cdn() if run.original or run.pictures else ""
    return contract.photo_answer(run, request.request_id, cdn, pause)


def find_run(request: PhotoRequest) -> Run:
    """The run that is asked for, started if its photo is there. With a Key, the requestId is bound to that Key's run.

    A photo is processed whether or not its requestId can be bound, as by its event: so both are done at once. Not where
    the caller gives an id, which counts only before the run has started.

    Raises:
        NotFound: nothing is known under this requestId or Key.
        Deleted: the visit was deleted.
        Conflict: requestId, Key or id belong to another request.
    """
    if not request.key:
        run = visit.run_of_request(request.request_id)
        logger.append_keys(run=run.id)
        return starting.start_if_uploaded(run)
    run = visit.run_of_photo(request.key, lambda version: starting.photo_arrived(request.key, version))
    logger.append_keys(run=run.id)
    if run.status == Status.DELETED:
        raise Deleted
    if request.id:
        name = keys.picture_id(request.id, os.environ["DOCUMENTED_KEYS"] == "true")
        return starting.start_if_uploaded(uploads.bind(run, request.request_id, request.id, name))
    bound, started = gather(
        lambda: uploads.bind(run, request.request_id),
        lambda: starting.start_if_uploaded(run),
    )
    return bound if started is run else started
