"""PUT /staff/settings: staff steer the event, by event.json in the page's bucket."""

import json
import os
from typing import Any

from booth import event as rules
from booth.aws import event as stored
from booth.aws.event import CONFLICT
from booth.errors import BadRequest, Conflict, WrongSetting
from booth.http import access, contract
from booth.http.endpoint import endpoint
from booth.log import logger


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    access.staff_of(event)
    wanted = wanted_event(event)
    version = int(wanted["version"])
    found = stored.find()
    if version != version_of(found):
        raise Conflict(CONFLICT)
    stored.write(json.dumps(wanted | {"version": version + 1}, ensure_ascii=False), found)
    # What is set, not to what: a title or reason may name somebody.
    logger.info("the event is steered", version=version + 1, fields=sorted(wanted.keys() - {"version"}))
    return contract.steer_answer(version + 1)


def wanted_event(event: dict[str, Any]) -> dict[str, Any]:
    """The event.json that is sent. Raises BadRequest, WrongSetting."""
    if len(event.get("body") or "") > rules.MAX_BYTES:
        raise BadRequest(f"The settings may have at most {rules.MAX_BYTES} characters.")
    wanted = contract.json_body(event)
    for field, sentence in rules.problems(wanted, int(os.environ["PHOTOS_PER_DAY"])):
        raise WrongSetting(field, sentence[:300])
    return wanted


def version_of(found: stored.Stored | None) -> int:
    """0 for none, and for one that can't be read, which is replaced like that."""
    try:
        return rules.read(found.text).version if found else 0
    except ValueError:
        return 0
