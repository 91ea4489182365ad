"""Calls of the API, right and wrong ones, made by schemathesis from docs/openapi.yaml, against the running application.

Each answer must be one that the document has, in status, headers and body; right requests must not be refused as
malformed, and wrong ones must be; and nothing may end in 5xx.
"""

import json
import random
import traceback
import urllib.request
import uuid
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth, missing_required_header, unsupported_method

from client.booth import Booth
from local.app import App
from tests.fuzz.workers import ROOT, Outcome
from tests.support import openapi

load_all_checks()

EXCLUDED = [ignored_auth, missing_required_header, unsupported_method]
"""The application runs without tokens here, and API Gateway answers 404 for methods that there are not."""


def attack(url: str, places: list[dict[str, str]], examples: int, number: int) -> list[Outcome]:
    """So many examples of each call, half of them wrong, made from the seed `number`.

    Args:
        places: bucket and key of real uploads, put into many of the requests, so that they reach further.
    """
    outcomes: list[Outcome] = []
    document = _without_examples(openapi.document())
    ids = [scene["id"] for scene in json.loads((ROOT / "functions/scenes.json").read_text("utf-8"))]
    for request in ("UploadRequest", "AgainRequest"):
        document["components"]["schemas"][request]["properties"]["scenes"]["items"]["enum"] = ids
    for operation in schemathesis.openapi.from_dict(document).get_all_operations():
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            call = operation.ok()
            if mode is GenerationMode.POSITIVE or call.body:
                outcomes += _calls(url, call.as_strategy(generation_mode=mode), places, examples // 2, number)
    return outcomes


def _calls(url: str, strategy, places: list[dict[str, str]], examples: int, number: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    rng = random.Random(number)

    def call(case: Case) -> None:
        case.body = _reaching(case.body, rng.choice(places)) if rng.random() < 0.5 else case.body
        kind = f"{case.method} {case.path} {case.meta.generation.mode.value}"
        try:
            response = case.call(base_url=url)
            case.validate_response(response, excluded_checks=EXCLUDED)
            openapi.check(case.method, case.path, response.status_code, _first(response.headers), response.json())
        except (FailureGroup, AssertionError, ValueError) as error:
            outcomes.append(Outcome(kind, "wrong", "".join(traceback.format_exception_only(error)), len(outcomes)))
        else:
            outcomes.append(Outcome(kind, str(response.status_code), number=len(outcomes)))

    checks = {"deadline": None, "database": None, "phases": (Phase.generate,), "suppress_health_check": HealthCheck}
    seed(number)(settings(max_examples=examples, **checks)(given(strategy)(call)))()
    return outcomes


def _without_examples(part: object) -> Any:
    """A copy of a part of the document without its examples: whoever plays them after this finds their names unused."""
    if isinstance(part, list):
        return [_without_examples(each) for each in part]
    if isinstance(part, dict):
        return {name: _without_examples(each) for name, each in part.items() if name not in ("example", "examples")}
    return part


def _first(headers: dict[str, list[str]]) -> dict[str, str]:
    return {name.title(): values[0] for name, values in headers.items()}


def _reaching(body: object, place: dict[str, str]) -> object:
    """The body with a bucket and key that there are, where it has any, and without a long wait."""
    if not isinstance(body, dict):
        return body
    body = body | {name: place[name] for name in place if isinstance(body.get(name), str)}
    return body | ({"wait": 0} if type(body.get("wait")) is int and 0 <= body["wait"] <= 20 else {})


def places_of(url: str) -> list[dict[str, str]]:
    """Bucket and key of a photo that has been put, of one that never comes, and of one that there never was."""
    photo = ROOT / "tests" / "photos" / "hopper.jpg"
    uploaded = Booth(url).upload(photo)
    answer = Booth(url).call(
        "/upload", {"type": "photo", "filename": f"{uuid.uuid4()}.jpg", "contentType": "image/jpeg"}
    )[1]
    never = json.loads(answer["body"])
    places = [{"bucket": each["Bucket"], "key": each["Key"]} for each in (uploaded, never)]
    return [*places, places[0] | {"key": "photo/there-never-was.jpg"}]


def run(examples: int, number: int) -> list[Outcome]:
    """`attack` on an application that is started for it, with canned answers in place of the models."""
    with App(port=0) as app:
        for service, canned in (("rekognition", {"faces": 1}), ("sagemaker", {}), ("bedrock", {})):
            settings = json.dumps({"canned": canned}).encode()
            url = f"{app.standins_url}/standins/{service}"
            urllib.request.urlopen(urllib.request.Request(url, settings, method="PUT")).close()
        return attack(app.url, places_of(app.url), examples, number)
