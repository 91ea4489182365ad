"""The stacks' alarms."""

import time

import boto3

from prove.step import ENVIRONMENTS, Context, Failure, name_of

SECONDS = 15 * 60
"""Timeout until all alarms are OK: that of `sweep` has no data for the first ten minutes (docs/deploy.md)."""
PAUSE_SECONDS = 15.0
SHOWN = 5
WITHOUT_SAM = "-faces-not-segmented"
"""The alarm that tells, rightly, that there is no SAM endpoint."""


def alarms(context: Context) -> str:
    """Waits until every alarm of both stacks is OK."""
    until, before = time.monotonic() + SECONDS, []
    while others := _not_ok(context):
        if time.monotonic() > until:
            raise Failure(f"after {SECONDS // 60} minutes not OK: {', '.join(others)}")
        if others != before:
            more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
            context.say(f"not OK yet: {', '.join(others[:SHOWN])}{more}")
        before = others
        time.sleep(PAUSE_SECONDS)
    count = sum(len(_states(environment)) for environment in ENVIRONMENTS)
    excused = [environment for environment in ENVIRONMENTS if not context.state.with_sam.get(environment)]
    more = f" ({WITHOUT_SAM[1:]} of {' and '.join(excused)} apart: there is no SAM endpoint)" if excused else ""
    return f"{count} alarms are OK{more}"


def _not_ok(context: Context) -> list[str]:
    """Alarms of both stacks that are not OK, each with its state. Raises Failure if a stack has none."""
    others = []
    for environment in ENVIRONMENTS:
        for name, state in _states(environment).items():
            is_excused = name.endswith(WITHOUT_SAM) and not context.state.with_sam.get(environment)
            if state != "OK" and not is_excused:
                others.append(f"{name} {state}")
    return others


def _states(environment: str) -> dict[str, str]:
    """The state of each of a stack's alarms, by name. Raises Failure if there is none."""
    pages = (
        boto3.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{name_of(environment)}-")
    )
    found = {each["AlarmName"]: each["StateValue"] for page in pages for each in page["MetricAlarms"]}
    if not found:
        raise Failure(f"{name_of(environment)} has no alarm")
    return found
