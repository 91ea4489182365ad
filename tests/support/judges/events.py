"""Events that AWS makes for functions, held against what AWS publishes of them for machines.

* S3's "Object Created": EventBridge's schema registry (object_created.json); what it lacks may not be there.
* EventBridge's frame, Scheduler's event, the HTTP API's format 2.0: the models of Powertools' parser, which is AWS's.
  Those overlook what they don't know; here that is wrong.

What a step of the state machine is given is the state machine's own, and no event of AWS's.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

from aws_lambda_powertools.utilities.parser.models import APIGatewayProxyEventV2Model, EventBridgeModel
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

BEYOND = {
    "event-version": '"For event schema versioning, see the event-version field in the detail field": EventBridge '
    "event message structure, in S3's User Guide; the registry's schema is older",
}
"""Fields of an "Object Created" that its schema does not have, with the page that does."""

_FORMS = {
    "id": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "account": r"\d{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "region": r"[a-z]{2}(-[a-z]+)+-\d",
}
"""Of the frame's fields, which the models call texts ("AWS service event metadata" of EventBridge's User Guide)."""


def event_problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event of EventBridge, Scheduler or an HTTP API; nothing is known of others."""
    if "detail-type" in event:
        return list(_bridge(event))
    if "routeKey" in event:
        return list(_http(event))
    return []


def _bridge(event: dict[str, Any]) -> Iterator[str]:
    yield from _by_model(EventBridgeModel, event)
    for name, form in _FORMS.items():
        if not re.fullmatch(form, str(event.get(name, ""))):
            yield f"{name} is {event.get(name)!r}, not in the form {form}"
    if event.get("source") == "aws.s3":
        detail = {name: value for name, value in event.get("detail", {}).items() if name not in BEYOND}
        for error in _object_created().iter_errors(detail):
            yield f"{'.'.join(['detail', *map(str, error.path)])}: {error.message}"
    elif event.get("source") == "aws.scheduler" and not isinstance(event.get("detail"), str):
        yield "detail is no text: Scheduler's is, and holds JSON (issue 6112 of powertools-lambda-python)"


@cache
def _object_created() -> Draft202012Validator:
    return Draft202012Validator(json.loads(Path(__file__).with_name("object_created.json").read_text()))


def _http(event: dict[str, Any]) -> Iterator[str]:
    yield from _by_model(APIGatewayProxyEventV2Model, event)
    kinds = {"isBase64Encoded": (event, bool), "timeEpoch": (event.get("requestContext", {}), int)}
    for name, (place, kind) in kinds.items():  # the model takes texts for them
        if type(place.get(name)) is not kind:
            yield f"{name} is {place.get(name)!r}"
    for name in event.get("headers", {}):
        if name != name.lower():
            yield f"the header {name} is not in small letters"
    if bool(event.get("rawQueryString")) != ("queryStringParameters" in event):
        yield "queryStringParameters are there if there is a query, and only then"
    if "body" not in event and event.get("isBase64Encoded"):
        yield "there is no body, and it is called encoded"


def _by_model(model: type[BaseModel], event: dict[str, Any]) -> Iterator[str]:
    try:
        model.model_validate_json(json.dumps(event))
    except ValidationError as wrong:
        for error in wrong.errors():
            yield f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
    yield from _unknown(model, event, "")


def _unknown(model: type[BaseModel], value: Any, where: str) -> Iterator[str]:
    """The names that a model overlooks."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, each in value.items() if isinstance(value, dict) else ():
        if name not in fields:
            yield f"{where}{name} is none of {model.__name__}'s"
            continue
        kinds = (fields[name].annotation, *get_args(fields[name].annotation))
        for kind in [
            kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.model_fields
        ]:
            yield from _unknown(kind, each, f"{where}{name}.")
