"""DELETE /photo and DELETE /staff/photo: delete everything that is stored of a visit, in whatever state its run is."""

import uuid
from typing import Any

from booth.aws import clients, executions, objects, table
from booth.http import access, contract, visit
from booth.http.endpoint import endpoint
from booth.lifecycle import deletion
from booth.log import count, logger
from booth.run import Run
from booth.runs import uploads

STAFFS = "DELETE /staff/photo"

clients.at_init(table.connect, objects.connect, executions.connect)


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    if event.get("routeKey") == STAFFS:
        access.staff_of(event)
        name, value = contract.staffs_visit(contract.json_body(event))
        run = visit.run_of_staffs(name, value)
    else:
        name = "requestId"
        value, key = contract.delete_request(contract.json_body(event), objects.uploads_bucket())
        if key:
            access.booth_of(event)
        run = find_run(value, key)
    logger.append_keys(run=run.id)
    deletion.delete(run)
    count("Deleted")
    return contract.delete_answer(name, value)


def find_run(request_id: str, key: str) -> Run:
    """The run that this requestId is bound to. With a Key, the requestId is bound to that Key's run first.

    Args:
        key: Key of the upload; "" if the requestId comes alone.

    Raises:
        NotFound: nothing is known under this requestId or Key.
        Conflict: this requestId and this Key belong to different requests.
    """
    if not key:
        return visit.run_of_request(request_id)
    run = visit.run_of_photo(key, lambda _: uploads.register(str(uuid.uuid4()), key, picture_id=str(uuid.uuid4())))
    return uploads.bind(run, request_id)
