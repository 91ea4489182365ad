"""GET /staff/wall: the pictures for the event's wall as staff see them: those that wait, are shown, or are hidden."""

import os
from typing import Any

from booth.aws import clients, table
from booth.http import access, contract
from booth.http import wall as lists
from booth.http.endpoint import endpoint
from booth.parallel import gather
from booth.runs import wall
from booth.wall import WallState

clients.at_init(table.connect)

_OLDEST = 20
"""Of the visits that have waited longest: those that staff have hidden are left out after the read."""


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    access.staff_of(event)
    found = gather(
        lambda: wall.listed(WallState.WAITING, _OLDEST, oldest_first=True),
        lambda: wall.listed(WallState.HIDDEN, lists.MOST_SHOWN),
        lambda: wall.listed(WallState.WAITING, lists.MOST_WAITING),
        lambda: wall.listed(WallState.SHOWN, lists.MOST_SHOWN),
    )
    return lists.staff_answer([run for runs in found for run in runs], os.environ["WALL_MODERATION"])
