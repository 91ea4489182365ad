"""GET /staff/today: how the booth is doing, for its staff: what was counted today or on an earlier day."""

import os
from typing import Any

from booth.aws import clients, table
from booth.http import access, contract, today
from booth.http.endpoint import endpoint
from booth.lifecycle import budget
from booth.painting import records
from booth.painting.chain import chain
from booth.runs import figures

clients.at_init(table.connect)


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    access.staff_of(event)
    day = today.day_of(event.get("queryStringParameters") or {})
    if day != figures.today():
        return today.answer(day, figures.read(day), chain())
    day_before = figures.read(today.before(day))
    now = today.Now(records.pace(), day_before.pads, budget.spent(), int(os.environ["PHOTOS_PER_DAY"]))
    return today.answer(day, figures.read(day), chain(), now)
