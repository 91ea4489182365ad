"""Calls that no client would make: by schemathesis from the document, and bodies that no document can describe."""

import json
import uuid

import pytest

from tests.support.booth import CONSENT

UPLOAD = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}


@pytest.mark.usefixtures("steered")
def test_the_api_is_as_documented_whatever_is_sent(quick):
    """A slice of `make fuzz`."""
    from tests.fuzz import api  # with schemathesis, half a second, which not every worker has to spend

    outcomes = api.attack(quick.app, examples=8, number=4)
    assert [each.fault for each in outcomes if each.fault] == []
    assert {each.result for each in outcomes} >= {"200", "400", "403", "404", "409"}


BODIES = {
    "none": None,
    "no JSON": b"type=photo&filename=a.jpg",
    "cut off": json.dumps(UPLOAD).encode()[:-1],
    "two": json.dumps(UPLOAD).encode() * 2,
    "null": b"null",
    "a list": json.dumps([UPLOAD]).encode(),
    "a text": json.dumps(json.dumps(UPLOAD)).encode(),
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "no UTF-8": b'{"type": "\xff\xfe\xfa"}',
    "UTF-16": json.dumps(UPLOAD).encode("utf-16"),
    "a NUL": b"\0",
    "NaN": b'{"requestId": NaN, "type": NaN}',
    "a number of 5,000 digits": b'{"requestId": ' + b"9" * 5000 + b', "type": 1}',
}


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/octet-stream", "multipart/form-data", ""]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/upload"), ("POST", "/photo"), ("DELETE", "/photo")])
def test_what_is_no_json_object_is_refused_in_words(quick, method, path, kind):
    for name, body in BODIES.items():
        status, _, answer = quick.http(method, quick.url + path, body, {"Content-Type": kind} if kind else {})
        assert status == 400, (name, status)
        error = json.loads(answer["body"]) if path == "/upload" else answer
        assert error["error"]["code"] == "BadRequest", name


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": "\ud800.jpg"},
        {"filename": "a" * 1_000_000},
        {"contentType": "image/jpeg\r\nx-amz-acl: public-read"},
        {"contentType": ["image/jpeg"]},
        {"id": "\ud800"},
        {"scenes": ["sky"] * 500_000},
        {"scenes": [{}]},
        {"consent": CONSENT | {"time": "2026-11-25T10:00:00." + "0" * 500_000}},
        {"consent": CONSENT | {"time": "9" * 5000}},
        {"consent": CONSENT | {"policy": "\ud800"}},
        {"consent": CONSENT | {"language": "e" * 1_000_000}},
    ],
)
def test_uploads_that_no_client_would_ask_for(quick, fields):
    assert quick.post("/upload", UPLOAD | fields)[0] == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"requestId": "\ud800" * 22},
        {"requestId": "x" * 1_000_000},
        {"key": "\ud800"},
        {"wait": 1e400},
        {"wait": 10**400},
        {"wait": 0.5},
        {"wait": "5"},
        {"progress": float("inf")},
        {"progress": [1]},
    ],
)
def test_questions_that_no_client_would_ask(quick, fields):
    uploaded = quick.upload()
    place = {"bucket": uploaded["Bucket"], "key": uploaded["Key"]}
    assert quick.post("/photo", {"requestId": str(uuid.uuid4())} | place | fields)[0] == 400


def test_what_is_odd_but_right_is_taken(quick):
    uploaded = quick.upload(filename="한 글+%20😀" * 9 + ".jpg")
    body = {"requestId": str(uuid.uuid4()), "bucket": uploaded["Bucket"], "key": uploaded["Key"]}
    for more in ({"wait": 0.0}, {"wait": -0.0}, {"progress": 10**400}, {"progress": -1e300}, {"more": [{}] * 1000}):
        assert quick.post("/photo", body | more)[0] == 202, more
    twice = json.dumps(body).encode()[:-1] + b', "key": "photo/other.jpg"}'
    assert quick.post("/photo", None, raw=twice)[0] == 404  # the last one counts, as everywhere
    key = "photo/" + "k" * 1_000_000
    assert quick.post("/photo", body | {"key": key, "requestId": str(uuid.uuid4())})[0] == 404


def test_a_body_over_ten_megabytes_is_refused_by_the_gateway(quick):
    assert quick.post("/upload", UPLOAD | {"more": "x" * 10_500_000})[0] == 413
