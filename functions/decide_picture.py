"""POST /staff/wall: staff let a picture onto the event's wall, hide it, or take that back."""

from typing import Any

from booth.aws import clients, table
from booth.http import access, contract
from booth.http.endpoint import endpoint
from booth.log import logger
from booth.runs import figures, wall
from booth.wall import WallState

clients.at_init(table.connect)

_COUNTED = {WallState.SHOWN: "approved", WallState.HIDDEN: "hidden"}


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    staff = access.staff_of(event)
    run_id, picture, state = contract.decision_request(contract.json_body(event))
    wall.decide(run_id, picture, state, staff)
    logger.append_keys(run=run_id)
    logger.info("staff have decided on a picture for the wall", picture=picture, state=state)
    if state in _COUNTED:
        figures.count_wall(_COUNTED[state])
    return contract.decision_answer(run_id, picture, state)
