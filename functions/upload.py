"""POST /upload: issues a Key for a photo that is about to be put, and a presigned URL for the PUT."""

import os
import uuid
from typing import Any

from booth import keys, scenes, warming
from booth.aws import clients, objects, table
from booth.aws.event import current as current_event
from booth.errors import Paused, ServiceUnavailable
from booth.event import Event
from booth.http import access, contract
from booth.http.contract import UploadRequest
from booth.http.endpoint import endpoint
from booth.lifecycle import budget
from booth.log import count, logger
from booth.parallel import gather
from booth.runs import figures, uploads

clients.at_init(table.connect, objects.connect, warming.connect)


@endpoint(contract.upload_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    booth = access.booth_of(event)
    with warming.ahead():
        steered = current_event()  # first: what the page asks when a camera opens has the connection to S3 made as well
        needs_consent = os.environ["REQUIRE_CONSENT"] == "true"
        request = contract.upload_request(contract.json_body(event), set(scenes.catalogue()), needs_consent)
        if steered.paused:
            raise Paused(steered.paused)
        budget.count_upload(booth, access.caller_of(event), steered.photos_per_day)
        key, _ = gather(lambda: issue_key(request, steered), lambda: figures.note_pad(booth))
    count("UploadIssued")
    url = objects.presigned_put(key, request.content_type)
    return contract.upload_answer(objects.uploads_bucket(), key, request.content_type, url)


def issue_key(request: UploadRequest, steered: Event) -> str:
    """Records the upload and returns its Key: the documented one if that may be given, else an unguessable one.

    Raises:
        Conflict: the caller's id is taken.
        ServiceUnavailable: every Key that was tried is taken.
    """
    choices = [keys.unguessable_key(request.content_type)]
    is_documented = os.environ["DOCUMENTED_KEYS"] == "true"
    documented = keys.documented_key(request.filename) if is_documented else None
    if documented and is_free(documented):
        choices.insert(0, documented)
    run = str(uuid.uuid4())
    logger.append_keys(run=run)
    for key in choices:
        if uploads.issue(
            run,
            key,
            picture_id=keys.picture_id(request.id, is_documented),
            given=request.id,
            scenes=steered.wanted(request.scenes),
            content_type=request.content_type,
            consent=request.consent,
            keep=request.keep,
            per_day=steered.photos_per_day,
            kept=request.again and steered.again > 0,
        ):
            return key
    raise ServiceUnavailable("no Key could be given")


def is_free(key: str) -> bool:
    """Whether a Key was never given, as far as can be seen, and no photo lies under it.

    Another system may have put one whose event is still under way.
    """
    run, version = gather(lambda: uploads.find_by_upload(key), lambda: objects.newest_version(key))
    return run is None and version is None
