"""Calls of the API, right and wrong ones, made by schemathesis from docs/openapi.yaml, against the running application.

Each answer must be one that the document has, in status, headers and body; right requests must not be refused as
malformed, and wrong ones must be; and nothing may end in 5xx.
"""

import json
import random
import traceback
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth, missing_required_header, unsupported_method

from local.app import App
from tests.fuzz.workers import ROOT, Outcome
from tests.support import openapi
from tests.support.booth import CONSENT, Booth
from tests.support.tokens import bearer
from tests.support.waiting import await_true

load_all_checks()

EXCLUDED = [ignored_auth, missing_required_header, unsupported_method]
"""The booth needs no token here, staff and the wall always send theirs, and API Gateway answers 404 for methods that
there are not."""
ORDER = ("GET", "POST", "DELETE", "PUT")
"""By methods: after a DELETE a visit is gone, and a PUT of staff's may pause the booth."""

EMPTY_PNG = "data:image/png;base64,iVBORw0KGgo="
"""A picture by its first bytes, which are all that the back end looks at."""


def attack(app: App, examples: int, number: int) -> list[Outcome]:
    """So many examples of each call, half of them wrong, made from the seed `number`.

    The names of real visits are put into many of the requests, so that they reach further.
    """
    names = _names(app)
    outcomes: list[Outcome] = []
    document = _without_examples(openapi.document())
    ids = [scene["id"] for scene in json.loads((ROOT / "functions/scenes.json").read_text("utf-8"))]
    schemas = document["components"]["schemas"]
    for request in ("UploadRequest", "AgainRequest", "SteerRequest"):
        schemas[request]["properties"]["scenes"]["items"]["enum"] = ids
    for picture in ("frame", "logo"):
        schemas["SteerRequest"]["properties"][picture]["enum"] = ["", "frame.png", EMPTY_PNG]
    today = datetime.now(UTC).date()
    [day] = document["paths"]["/staff/today"]["get"]["parameters"]
    day["schema"]["enum"] = [(today - timedelta(days=days)).isoformat() for days in (0, 1)]
    calls = [operation.ok() for operation in schemathesis.openapi.from_dict(document).get_all_operations()]
    for call in sorted(calls, key=lambda call: ORDER.index(call.method.upper())):
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            if mode is GenerationMode.POSITIVE or call.body:
                outcomes += _calls(app, call.as_strategy(generation_mode=mode), names, examples // 2, number)
    return outcomes


def _calls(app: App, strategy, names: list[dict[str, str]], examples: int, number: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    rng = random.Random(number)

    def call(case: Case) -> None:
        mode = case.meta.generation.mode
        if rng.random() < 0.5 and isinstance(case.body, dict):
            body = _reaching(case.body, rng.choice(names))
            # What was wrong may have been the name.
            case.body = body if mode is GenerationMode.POSITIVE or _is_wrong(case, body) else case.body
        kind = f"{case.method} {case.path} {mode.value}"
        try:
            response = case.call(base_url=app.url, headers=_token(app, case.path))
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


def _token(app: App, path: str) -> dict[str, str]:
    """The header with the token of whoever makes this call; a visitor has none."""
    if path.startswith("/staff/"):
        return bearer(app.staff_token)
    return bearer(app.wall_token) if path == "/wall/pictures" else {}


def _first(headers: dict[str, list[str]]) -> dict[str, str]:
    return {name.title(): values[0] for name, values in headers.items()}


def _is_wrong(case: Case, body: dict[str, Any]) -> bool:
    request = openapi.document()["paths"][case.path][case.method.lower()]["requestBody"]
    return any(openapi.faults(request["content"]["application/json"]["schema"], body))


def _reaching(body: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The body with names that there are, where it has any, and without a long wait."""
    body = body | {name: names[name] for name in names if isinstance(body.get(name), str)}
    return body | ({"wait": 0} if type(body.get("wait")) is int and 0 <= body["wait"] <= 20 else {})


def _names(app: App) -> list[dict[str, str]]:
    """Of a visit that has ended, with a picture for the wall, all its names; of a photo that never comes, and of one
    that there never was, bucket and key.
    """
    booth = Booth(app)
    uploaded = booth.upload(consent=CONSENT, scenes=["sky"])
    assert booth.put(uploaded, (ROOT / "tests" / "photos" / "hopper.jpg").read_bytes()) == 200
    request_id = str(uuid.uuid4())
    booth.await_end(uploaded, request_id)
    await_true(lambda: booth.record(uploaded)["wall"])
    ended, never = ({"bucket": each["Bucket"], "key": each["Key"]} for each in (uploaded, booth.upload()))
    all_names = ended | {"requestId": request_id, "visit": booth.record(uploaded)["run"]}
    return [all_names, never, ended | {"key": "photo/there-never-was.jpg"}]


def run(examples: int, number: int) -> list[Outcome]:
    """`attack` on an application that is started for it, with canned answers in place of the models."""
    with App(port=0) as app:
        for service, canned in (("rekognition", {"faces": 1}), ("sagemaker", {}), ("bedrock", {})):
            settings = json.dumps({"canned": canned}).encode()
            url = f"{app.standins_url}/standins/{service}"
            urllib.request.urlopen(urllib.request.Request(url, settings, method="PUT")).close()
        return attack(app, examples, number)
