"""POST /staff/hide: staff take a visit from view, or show it again, by the requestId that its visitor's QR has, or as
`GET /staff/wall` names it."""

from typing import Any

from booth.aws import clients, objects, table
from booth.http import access, contract, visit
from booth.http.endpoint import endpoint
from booth.lifecycle import hiding
from booth.log import logger

clients.at_init(table.connect, objects.connect)


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    access.staff_of(event)
    (name, value), hidden = contract.hide_request(contract.json_body(event))
    run = visit.run_of_staffs(name, value)
    logger.append_keys(run=run.id)
    hiding.set_hidden(run, hidden)
    logger.info("staff have changed what is shown", hidden=hidden)
    return contract.hide_answer(name, value, hidden)
