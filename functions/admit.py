"""Gives a picture that has lost its turn at an image model another one. First turns are given by merge_masks."""

from typing import Any

from booth.aws import clients, table
from booth.handlers import step
from booth.painting import admission

clients.at_init(table.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Gives the event's `pictures` (numbers, from 1) their turns; returns these, see `admission.turns_of`.

    The event's `lost` is the name of the error (TurnLost, TurnLate) for which these pictures need others; null in
    executions of the previous release, whose definition has all first turns given here.
    """
    run = admission.admit(event["run"], event["pictures"], event["lost"])
    return admission.turns_of(run, event["pictures"])
