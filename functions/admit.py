"""Before generate_image: gives pictures of a run their turns at the image models, within the models' quotas."""

from typing import Any

from booth import clock, concurrency
from booth.aws import clients, table
from booth.handlers import step
from booth.log import count, logger
from booth.painting import admission

clients.at_init(table.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Gives the event's `pictures` (numbers, from 1) their turns.

    The event's `lost` is null, or the name of the error (TurnLost, TurnLate) for which these pictures need others.
    Returns for each picture the seconds to wait, whole, and how many pictures the Map runs at once (`at_once`).
    """
    run = admission.admit(event["run"], event["pictures"], event["lost"])
    turns = [{"picture": number, "wait": clock.seconds_until(run.turns[number].at)} for number in event["pictures"]]
    if waiting := [turn["wait"] for turn in turns if turn["wait"]]:
        count("PicturesQueued", len(waiting))
        logger.info("pictures wait for their turns", seconds=max(waiting))
    # Pictures that wait take no execution of a function, and their waits count from now: so all wait at the same time.
    return {"turns": turns, "at_once": len(turns) if waiting else concurrency.at_once()}
