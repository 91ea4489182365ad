"""POST /again: begins a further run of a photo that is kept for it, or ends the keeping."""

from typing import Any

from booth import scenes
from booth.aws import clients, objects, table
from booth.aws.event import current as current_event
from booth.errors import Deleted, Paused, PhotoNotKept
from booth.http import access, contract, visit
from booth.http.endpoint import endpoint
from booth.lifecycle import budget
from booth.log import logger
from booth.run import Run, Status
from booth.runs import again, uploads

clients.at_init(table.connect, objects.connect)


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    request = contract.again_request(contract.json_body(event), objects.uploads_bucket(), set(scenes.catalogue()))
    # Leaving needs no more than deleting does: a requestId that can't be guessed, or a booth's token and the Key.
    booth = access.booth_of(event) if request.key or not request.done else ""
    first = visit.run_of_visitor(request.request_id, request.key)
    logger.append_keys(run=first.id)
    if first.status == Status.DELETED:
        raise Deleted
    if request.done:
        leave(first)
        return contract.done_answer(request.request_id)
    steered = current_event()
    if steered.paused:
        raise Paused(steered.paused)
    if not uploads.find_by_request(request.new_request_id):  # a call that is repeated counts once
        budget.count_upload(booth, access.caller_of(event), steered.photos_per_day)
    run, left = again.begin(
        first,
        request.new_request_id,
        scenes=steered.wanted(list(request.scenes)),
        keep=request.keep,
        most=steered.again,
        per_day=steered.photos_per_day,
    )
    copy(first, run)
    return contract.again_answer(request.new_request_id, run.key, left)


def copy(first: Run, run: Run) -> None:
    """Puts the photo of `first` under the further run's Key, where its S3 event starts it as any other.

    Raises PhotoNotKept: the photo was deleted meanwhile. `sweep` ends the further run.
    """
    if not run.is_waiting_for_photo or objects.newest_version(run.key):
        return
    if not objects.copy_upload(first.key, first.version, run.key):
        raise PhotoNotKept("This photo is not kept any more. Please take a new one.")
    logger.info("a further run of a photo begins", further=run.id)


def leave(first: Run) -> None:
    """Ends the keeping. The photo of a run that has ended goes now; of one under way, at its end."""
    if not first.kept:
        return
    again.leave(first.id)
    if first.is_ended:
        objects.delete_upload(first.key)  # what is left of it, and a call that is cut off, is for `sweep`
