"""The application in which all calls happen."""

import contextlib
import json
import time
import types
from collections.abc import Iterator

from local.account import REGION
from local.app import PAINT_ENDPOINT, ROOT, STACK, App
from local.template.application import Application
from local.template.reader import load
from tests.support.booth import Booth
from tests.support.tokens import give_tokens, made_token

WAITS_SCALED = 0.1


PARAMETERS = {"Access": "token", "ModerationThreshold": "80", "PhotosPerDay": "100000", "PhotosPerMinute": "100000"}
PARAMETERS |= {"RepaintInventedPeople": "true", "PaintEndpoint": PAINT_ENDPOINT}
"""With these every function makes all of its calls."""


def stack() -> Application:
    """It, as the template has it."""
    attributes = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"}
    return load(ROOT / "template.yaml", stack=STACK, region=REGION, parameters=PARAMETERS, attributes=attributes)


@contextlib.contextmanager
def short_waits() -> Iterator[None]:
    """The state machine's waits before a retry are shorter; how long they would be is drawn as ever."""
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl

    before = retrier_decl.time
    retrier_decl.time = types.SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * WAITS_SCALED))
    try:
        yield
    finally:
        retrier_decl.time = before


@contextlib.contextmanager
def whole_application() -> Iterator[Booth]:
    """The application in which all calls happen."""
    with short_waits(), App(port=0, parameters=PARAMETERS) as app:
        yield signed_in(Booth(app))


def redeploy(booth: Booth, **parameters: str) -> None:
    """Deploys with other parameters; the booth's token stays, which functions keep while they are warm."""
    booth.app.redeploy(**parameters)
    give_tokens(booth, json.dumps({"booth": booth.token}))


def signed_in(booth: Booth) -> Booth:
    """With the booth's token."""
    booth.token = made_token(booth)
    return booth
