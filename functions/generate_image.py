"""Step 5, once per picture: an image model paints everything but what is kept, whose pixels are put back."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from booth import clock, limits, scenes, work
from booth.aws import clients, objects, table
from booth.errors import TimedOut
from booth.handlers import step
from booth.lifecycle import ending, publishing
from booth.log import logger, measure
from booth.painting import admission, kept, paint, records, repainting
from booth.painting.chain import Candidate
from booth.parallel import gather
from booth.pixels import encoding
from booth.run import Step
from booth.runs import store

clients.at_init(table.connect, objects.connect, paint.connect, repainting.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    began, number, attempt = time.monotonic(), event["picture"], event["attempt"]
    logger.append_keys(picture=number, attempt=attempt)
    # All files are read before the model is called: a read that fails must not cost a picture that is paid for.
    run, pace, jpeg, faces = gather(
        lambda: store.enter(event["run"], Step.GENERATE),
        records.pace,
        lambda: work.read_jpeg(event["run"]),
        lambda: kept.read_faces(event["run"]),
    )
    if clock.now_ms() > run.turns[number].at + limits.LATEST_PAINTING_SECONDS * 1000:
        raise TimedOut("too late for another model call")
    order = admission.candidates_for(run, pace, number, attempt)
    keeps = kept.read_more(run.id, run.kept_in(number), faces)
    prompt = scenes.prompt_of(run.pictures[f"p{number}"])
    prompt = replace(prompt, text=scenes.for_people(prompt.text, run.faces))
    seed = scenes.seed_for(prompt, run.id, number, attempt)
    if not attempt:
        admission.await_slot(run.turns[number])
    try:  # The seam is prepared while the model paints.
        (painted, candidate), seam = gather(
            lambda: paint.paint(jpeg, keeps.mask_for, prompt, seed, order),
            keeps.seam,
        )
    except paint.PassedOver as passed:
        raise admission.pass_over(run, number, passed.candidate) from passed

    def finished(painted: np.ndarray, candidate: Candidate) -> bytes:
        if (change := seam.change_of_kept(painted)) is not None:
            measure("KeptChange", change, model=candidate.model)
        return encoding.encode_jpeg(seam.blend(painted), xmp=encoding.AI_MARK)

    def paint_again(candidate: Candidate) -> bytes:
        return finished(*paint.paint(jpeg, keeps.mask_for, prompt, seed + 1, [candidate], again=True))

    picture = finished(painted, candidate)
    if repainting.is_due(run, number, began) and repainting.shows_invented_people(picture, run.faces):
        picture = repainting.painted_again(run, number, paint_again) or picture
    published = publishing.publish_picture(run, number, picture, by=str(candidate))
    ending.end_if_complete(published)
    admission.note_answered(candidate, pace)
    return {"picture": number, "wall": published.wall is not None}
