"""Before painting: gives pictures of a run their turns at the image models, within the models' quotas."""

from typing import Any

from booth import clock, concurrency
from booth.aws import clients, table
from booth.handlers import step
from booth.log import count, logger
from booth.painting import admission

clients.at_init(table.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """How long each of the `pictures` has to wait, in whole seconds, and how many are painted at once.

    `lost`: by what error they lost their turns.
    """
    run = admission.admit(event["run"], event["pictures"], event["lost"])
    turns = [{"picture": number, "wait": clock.seconds_until(run.turns[number].at)} for number in event["pictures"]]
    if waiting := [turn["wait"] for turn in turns if turn["wait"]]:
        count("PicturesQueued", len(waiting))
        logger.info("pictures wait for their turns", seconds=max(waiting))
    # Those that wait hold no function meanwhile, and their waits are told from now: so they wait all at the same time.
    return {"turns": turns, "at_once": len(turns) if waiting else concurrency.at_once()}
