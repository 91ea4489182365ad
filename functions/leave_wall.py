"""DELETE /wall/pictures: a visitor takes a picture off the event's wall, or all of the visit, for good."""

from typing import Any

from booth.aws import clients, objects, table
from booth.http import access, contract, visit
from booth.http.endpoint import endpoint
from booth.lifecycle import taking_off
from booth.log import logger

clients.at_init(table.connect, objects.connect)


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    request = contract.off_wall_request(contract.json_body(event), objects.uploads_bucket())
    if request.key:
        access.booth_of(event)
    run = visit.run_of_visitor(request.request_id, request.key)
    logger.append_keys(run=run.id)
    run = taking_off.take_off(run, request.picture)
    logger.info("a visitor has taken pictures off the wall", picture=request.picture or "all")
    return contract.off_wall_answer(request.request_id, run)
