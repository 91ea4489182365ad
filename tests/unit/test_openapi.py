"""docs/openapi.yaml is a valid document, says what the contract takes, and its checker can fail."""

import json

import pytest
from openapi_spec_validator import validate

from booth import errors
from booth.errors import BadRequest
from booth.http import contract
from tests.support import openapi

BUCKET = "uploads"
UPLOAD = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}
UUID = "1b671a64-40d5-491e-99b0-da01ff1f3341"
CONSENT = {"policy": "1", "language": "en", "time": "2026-11-22T10:00:00Z", "wall": True}


def request_schema(method, path):
    return openapi.document()["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]


def test_the_document_is_valid():
    validate(openapi.document())


def test_every_route_of_the_template_is_documented_and_no_other():
    from pathlib import Path

    from local.template.reader import load

    root = Path(__file__).parents[2]
    attributes = {"Cdn": "E1", "Cdn.DomainName": "cdn"}
    routes = load(root / "template.yaml", stack="unit", region="us-east-1", attributes=attributes).routes
    documented = {
        (method.upper(), path) for path, operations in openapi.document()["paths"].items() for method in operations
    }
    assert {(route.method, route.path) for route in routes} == documented


@pytest.mark.parametrize(
    "change",
    [
        {}, {"scenes": ["sky"]}, {"scenes": []}, {"scenes": ["sky"] * 6}, {"scenes": None}, {"scenes": [1]},
        {"id": "a-b_C9"}, {"id": ""}, {"id": "ä"}, {"id": "x" * 65}, {"type": "video"}, {"filename": ""},
        {"filename": "a/b"}, {"filename": "a\\b"}, {"filename": "a\x00b"}, {"filename": "x" * 256},
        {"filename": "한 글+%.jpg"}, {"contentType": "image/gif"}, {"contentType": None},
        {"consent": None}, {"consent": CONSENT}, {"consent": {}}, {"consent": CONSENT | {"wall": 1}},
        {"consent": CONSENT | {"policy": "x" * 65}}, {"consent": CONSENT | {"more": 1}},
        {"consent": CONSENT | {"policy": "a\nb"}}, {"consent": CONSENT | {"language": "한국어"}},
        {"consent": CONSENT | {"time": "2026-11-25T10:00:00." + "0" * 40}}, {"filename": "."}, {"filename": ".."},
    ],
)  # fmt: skip
def test_document_and_contract_take_the_same_uploads(change):
    body = UPLOAD | change
    try:
        contract.upload_request(body, {"sky"}, needs_consent=False)
        taken = True
    except BadRequest:
        taken = False
    assert taken is not any(openapi.faults(request_schema("post", "/upload"), body))


@pytest.mark.parametrize(
    "change",
    [
        {}, {"bucket": BUCKET, "key": "photo/a.jpg"}, {"bucket": BUCKET}, {"key": "photo/a.jpg"},
        {"bucket": BUCKET, "key": ""}, {"wait": 20}, {"wait": 21}, {"wait": -1}, {"wait": 1.5}, {"wait": True},
        {"wait": 5.0}, {"requestId": "short"}, {"requestId": "short", "bucket": BUCKET, "key": "photo/a.jpg"},
        {"progress": 0.4}, {"progress": None}, {"progress": "x"}, {"id": "a"}, {"id": "a b"}, {"requestId": ""},
    ],
)  # fmt: skip
def test_document_and_contract_take_the_same_questions(change):
    body = {"requestId": UUID} | change
    try:
        contract.photo_request(body, BUCKET)
        taken = True
    except BadRequest:
        taken = False
    assert taken is not any(openapi.faults(request_schema("post", "/photo"), body))


def test_the_checker_sees_what_is_wrong():
    headers = {"Cache-Control": "no-store", "Content-Type": "application/json"}
    good = {"requestId": UUID, "status": "DELETED"}
    openapi.check("DELETE", "/photo", 200, headers, good)
    for status, head, answer in [
        (418, headers, good),
        (200, {}, good),
        (200, headers, good | {"more": 1}),
        (200, headers, {"requestId": UUID}),
        (404, headers, {"error": {"code": "NotFound"}}),
    ]:
        with pytest.raises(AssertionError):
            openapi.check("DELETE", "/photo", status, head, answer)
    inside = {"statusCode": 400, "body": json.dumps({"error": {"code": "BadRequest"}})}
    with pytest.raises(AssertionError):
        openapi.check("POST", "/upload", 400, headers, inside)


def test_every_error_of_the_api_has_a_documented_status():
    statuses = {
        status
        for path in openapi.document()["paths"].values()
        for each in path.values()
        for status in each["responses"]
    }
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ApiError)]
    assert {str(kind.status) for kind in kinds} <= statuses
