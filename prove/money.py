"""What `make prove` can cost at most, said before it begins, and what its runs have cost, by their own history."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import boto3

from benchmarks.cost import ALARM_METRICS, priced, prices_of_today, transitions
from booth.painting.models import MODELS
from prove.step import ENVIRONMENTS, Context, Failure, Step

PAINTED = 2
"""How often a picture may be painted and billed: once more after OutputBlocked (statemachine/photo.asl.json). Bedrock
bills no call that fails."""
TRIES = 3
"""How often a step that asks Rekognition may be tried: first, and two retries."""
PHOTO_DOLLARS = 0.005
"""What a photo costs besides its models: `make cost` reckons 0.0025 to 0.004."""
PATHS = 9
"""Invalidation paths of a deletion's two looks with one picture and the copy, of PHOTOS_DELETED, and a page's one."""
PHOTOS_DELETED = 2
HOURS = 2
"""For which the rest is reckoned: deploying and destroying take most of an hour."""
MONTH_HOURS = 730
LARGEST_GB = 1769 / 1024
"""Memory of the pipeline's largest functions, by which all seconds are reckoned."""


def prices() -> dict[str, Any]:
    """benchmarks/prices.toml, and what a picture costs."""
    return prices_of_today()


def dearest_picture(chain: str, prices: dict[str, Any]) -> float:
    """Dollars of a picture by the dearest model of ImageModels; an endpoint of one's own costs by the hour, not by the
    picture. Raises Failure for a model without a price."""
    dollars = [0.0]
    for candidate in (part.strip() for part in chain.split(",")):
        if candidate.startswith("endpoint"):
            continue
        model = MODELS.get(candidate.partition("@")[0])
        if model is None:
            raise Failure(f"{candidate} has no price, so what it costs can't be said")
        dollars.append(prices["pictures"][model.name])
    return max(dollars)


def hour(prices: dict[str, Any]) -> float:
    """Dollars that two idle stacks cost an hour: alarms, metrics of their own, dashboards, secrets, sweeps, traces."""
    cloudwatch, month = prices["cloudwatch"], 0.0
    month += ALARM_METRICS * cloudwatch["alarm_metric_month"] + 26 * cloudwatch["metric_month"]
    month += cloudwatch["dashboard_month"]
    month += 3 * 0.40  # the secrets, docs/deploy.md
    idle = {"scheduler.call": 61, "xray.trace": 61, "lambda.gb_second": 60, "lambda.request": 61, "dynamodb.read": 180}
    return len(ENVIRONMENTS) * (month / MONTH_HOURS + sum(priced(Counter(idle), prices).values()))


def most(steps: Sequence[Step], chain: str, counted: bool, prices: dict[str, Any]) -> dict[str, float]:
    """Dollars that these steps can cost at most, by what they are for.

    Args:
        chain: ImageModels.
        counted: whether pictures are counted and painted once more (RepaintInventedPeople).
    """
    pictures, photos = sum(step.pictures for step in steps), sum(step.photos for step in steps)
    picture = dearest_picture(chain, prices)
    painted = pictures * PAINTED * (1 + counted)
    calls = (photos + 2 * len(ENVIRONMENTS)) * TRIES + painted * counted  # preflight's two, too
    paths = PATHS * PHOTOS_DELETED
    tested = sum(step.states for step in steps)
    found = {
        f"{pictures} pictures, each painted {PAINTED * (1 + counted)} times at {picture:g}": painted * picture,
        f"Rekognition, {calls} calls": calls * prices["rekognition"]["image"],
        f"all else of {photos} photos": photos * PHOTO_DOLLARS,
        "the CDN's invalidations, if the month's free ones are used up": paths
        * prices["cloudfront"]["invalidation_path"],
        f"two stacks for {HOURS} hours": HOURS * hour(prices),
    }
    if tested:  # AWS's price list has no line for it; an execution's transition is the dearest thing it could be
        found[f"{tested} states tested, each reckoned as a transition"] = (
            tested * prices["step_functions"]["transition"]
        )
    return found


def used(history: Iterable[dict[str, Any]]) -> Counter:
    """Of an execution's history: `pictures` that were painted, transitions, GB-seconds and calls of Lambda, at most."""
    events = {event["id"]: event for event in history}
    use = Counter({"step_functions.transition": transitions(events.values())})
    for event in events.values():
        begun = events.get(event.get("previousEventId", 0))
        if event["type"] not in ("TaskSucceeded", "TaskFailed") or begun is None:
            continue
        seconds = (event["timestamp"] - begun["timestamp"]).total_seconds()
        use["lambda.request"] += 1
        use["lambda.gb_second"] += seconds * LARGEST_GB
        use["pictures"] += _was_painted(event)
    return use


def _was_painted(event: dict[str, Any]) -> bool:
    """Whether a task's end tells that an image model has painted: a picture, or one that its filter kept back."""
    if event["type"] == "TaskFailed":
        return event["taskFailedEventDetails"].get("error") == "OutputBlocked"
    payload = json.loads(event["taskSucceededEventDetails"].get("output") or "{}").get("Payload")
    return isinstance(payload, dict) and "picture" in payload


def spent(context: Context, chain: str) -> str:
    """What all runs of both stacks have cost, by their executions' history. Raises Failure if it is more than that."""
    steps, use, runs = boto3.client("stepfunctions"), Counter(), 0
    for environment in ENVIRONMENTS:
        machine = context.stack(environment).machine
        for page in steps.get_paginator("list_executions").paginate(stateMachineArn=machine):
            for each in page["executions"]:
                arn = each["executionArn"]
                pages = steps.get_paginator("get_execution_history").paginate(executionArn=arn)
                use += used(event for page in pages for event in page["events"])
                runs += 1
    pictures = use.pop("pictures", 0)
    use["rekognition.image"] = runs
    dollars = pictures * dearest_picture(chain, context.prices) + sum(priced(use, context.prices).values())
    came = (
        f"{runs} runs painted {pictures} pictures in {use['step_functions.transition']} transitions: "
        f"${dollars:.2f} at most, of ${context.state.stated:.2f} that were stated, which the stacks' hours are part of"
    )
    if dollars > context.state.stated:
        raise Failure(came)
    return came
