"""GET /wall/pictures: what the event's wall shows. It is asked every two seconds."""

from typing import Any

from booth.aws import clients, table
from booth.http import access, contract
from booth.http import wall as lists
from booth.http.endpoint import endpoint
from booth.parallel import gather
from booth.runs import wall
from booth.wall import WallState

clients.at_init(table.connect)


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    access.wall_of(event)
    # Some pictures of a visit may be shown while others wait.
    waiting, shown = gather(
        lambda: wall.listed(WallState.WAITING, lists.MOST_WAITING),
        lambda: wall.listed(WallState.SHOWN, lists.MOST_SHOWN),
    )
    return lists.pictures_answer([*waiting, *shown])
