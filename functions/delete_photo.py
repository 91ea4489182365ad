"""DELETE /photo: removes everything of a visit, at once and for good."""

import uuid
from typing import Any

from booth import keys
from booth.aws import clients, executions, objects, table
from booth.errors import NotFound
from booth.http import access, contract
from booth.http.endpoint import endpoint
from booth.lifecycle import deletion
from booth.log import count, logger
from booth.run import Run
from booth.runs import uploads

clients.at_init(table.connect, objects.connect, executions.connect)


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    request_id, key = contract.delete_request(contract.json_body(event), objects.uploads_bucket())
    if key:
        access.booth_of(event)
    run = find_run(request_id, key)
    logger.append_keys(run=run.id)
    deletion.delete(run)
    count("Deleted")
    return contract.delete_answer(request_id)


def find_run(request_id: str, key: str) -> Run:
    """The run that this requestId answers for; an upload that nobody has asked for yet is bound to it first.

    Raises NotFound, Conflict.
    """
    if not key:
        if run := uploads.find_by_request(request_id):
            return run
        raise NotFound("Nothing is known under this requestId.")
    return uploads.bind(uploads.find_by_upload(key) or adopt(key), request_id)


def adopt(key: str) -> Run:
    """The run of a photo that was put without /upload and is not known yet. Raises NotFound."""
    lies_there = keys.is_upload_key(key) and objects.newest_version(key)
    if run := lies_there and uploads.register(str(uuid.uuid4()), key, picture_id=str(uuid.uuid4())):
        return run
    raise NotFound("Nothing is known under this key.")
