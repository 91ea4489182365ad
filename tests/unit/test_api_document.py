"""docs/openapi.yaml, the tables of docs/api.md and the contract in functions/booth/ say the same."""

import copy
import json
import re

import pytest
import yaml

from booth import errors, keys, limits
from booth.errors import BoothError, PhotoError
from booth.http import contract
from booth.keep import Keep
from booth.run import MAX_PICTURES, Run, Status, Step
from booth.scenes import Scene
from tests.support import openapi
from tools.api_tables import DOCUMENT, PAGE, Mismatch, Tables, codes_of, page_of

UUID = "1b671a64-40d5-491e-99b0-da01ff1f3341"
CONSENT = {"policy": "1", "language": "en", "time": "2026-11-22T10:00:00Z", "wall": True}


def document():
    """The document, to be changed."""
    return yaml.load(DOCUMENT.read_text("utf-8"), yaml.CSafeLoader)


def at(document, *path):
    for name in path:
        document = document[name]
    return document


def schemas(document, name, *path):
    return at(document, "components", "schemas", name, *path)


class Asked(dict):
    """A body that writes down which fields are looked for."""

    def __init__(self, **fields):
        super().__init__(fields)
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name):
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name):
        self.names.add(name)
        return super().__contains__(name)


def fields_read():
    """By schema: the fields that the contract reads of a request."""
    upload = Asked(
        type="photo", filename="a.jpg", contentType="image/jpeg", id="a", scenes=["sky"], keep="head", consent=CONSENT
    )
    photo = Asked(requestId=UUID, bucket="b", key="photo/a.jpg", id="a", wait=1, progress=0.1)
    delete = Asked(requestId=UUID, bucket="b", key="photo/a.jpg")
    contract.upload_request(upload, {"sky"}, needs_consent=True)
    contract.photo_request(photo, "b")
    contract.delete_request(delete, "b")
    return {"UploadRequest": upload.names, "PhotoRequest": photo.names, "DeleteRequest": delete.names}


def fields_answered():
    """By schema (and field): the fields of the contract's answers."""
    picture = {"scene": "sky", "state": "DONE", "key": "photo/photo_a_1.jpeg"}
    run = Run("1", Status.RUNNING, Step.GENERATE, created=1, original="photo/a.jpg", pictures={"p1": picture})
    photo = json.loads(contract.photo_answer(run, UUID, "https://cdn")["body"])
    upload = json.loads(contract.upload_answer("b", "photo/a.jpg", "image/jpeg", "https://s3/")["body"])
    scene = Scene("sky", {"en": "Sky", "ko": "하늘"}, "a", "b", "#ffffff")
    scenes = json.loads(contract.scenes_answer([scene], [scene])["body"])
    failed = json.loads(
        contract.photo_answer(Run("1", Status.FAILED, Step.FINISH, 1, error="TimedOut"), UUID, "")["body"]
    )
    return {
        ("Photo",): photo,
        ("Photo", "properties", "pictures", "items"): photo["pictures"][0],
        ("UploadEnvelope",): upload,
        ("UploadEnvelope", "properties", "body", "contentSchema"): json.loads(upload["body"]),
        ("Scenes",): scenes,
        ("Scenes", "properties", "scenes", "items"): scenes["scenes"][0],
        ("Failure",): failed["error"],
    }


def limits_of(document):
    """What the document says, beside what the code says, by name."""
    upload = schemas(document, "UploadRequest", "properties")
    photo = schemas(document, "Photo", "properties")
    envelope = schemas(document, "UploadEnvelope", "properties", "body", "contentSchema", "properties")
    consent = schemas(document, "Consent", "properties")
    types = list(keys.CONTENT_TYPES)
    bare = schemas(document, "PhotoRequest", "anyOf")[0]["properties"]["requestId"]["minLength"]
    return {
        "content types": (upload["contentType"]["enum"], types),
        "content types answered": (envelope["ContentType"]["enum"], types),
        "ids": (schemas(document, "Id", "pattern"), f"^{contract._ID.pattern}$"),
        "language": (consent["language"]["pattern"], f"^{contract._LANGUAGE.pattern}$"),
        "policy": (consent["policy"]["maxLength"], contract._MAX_POLICY),
        "time": (consent["time"]["maxLength"], contract._MAX_TIME),
        "what is kept": (schemas(document, "Keep", "enum"), list(Keep)),
        "scenes": (upload["scenes"]["maxItems"], MAX_PICTURES),
        "pictures": (photo["pictures"]["maxItems"], MAX_PICTURES),
        "default scenes": (schemas(document, "Scenes", "properties", "default", "maxItems"), MAX_PICTURES),
        "wait": (schemas(document, "PhotoRequest", "properties", "wait", "maximum"), limits.LONG_POLL_SECONDS),
        "waiting": (photo["waiting_seconds"]["maximum"], limits.QUEUE_SECONDS),
        "waiting of a picture": (
            photo["pictures"]["items"]["properties"]["waiting_seconds"]["maximum"], limits.QUEUE_SECONDS
        ),
        "expiry": (envelope["Expires"]["const"], limits.URL_SECONDS),
        "status": ({each["const"] for each in photo["status"]["oneOf"]}, set(Status) - {Status.DELETED}),
        "step": ([each["const"] for each in photo["step"]["oneOf"]], list(Step)),
        "a requestId alone": (
            [contract.is_hard_to_guess("x" * length) for length in (bare - 1, bare)], [False, True]
        ),
    }  # fmt: skip


def families(base):
    return {base, *(kind for sub in base.__subclasses__() for kind in families(sub))}


def errors_of_a_run():
    """The classes by which a run or a picture can end."""
    inner = families(errors.ApiError) | {BoothError, PhotoError, errors.RunEnded, errors.TurnLost, errors.TurnLate}
    inner |= {errors.NoMatte}
    return {kind.__name__ for kind in families(BoothError) - inner}


def errors_of_calls():
    """By code: the status with which `booth.http.endpoint` answers it."""
    own = {kind.__name__: kind.status for kind in families(errors.ApiError) - {errors.ApiError}}
    return own | {"Throttled": 503, "ServiceUnavailable": 503, "InternalError": 500}


def documented_errors(document):
    """Code and status of every error that a call's description names."""
    responses = [
        (status, each) for call in Tables(document).calls.values() for status, each in call["responses"].items()
    ]
    return {
        (code, int(status))
        for status, response in responses
        if status >= "400"
        for codes, _ in codes_of(response)
        for code in codes
    }


def differences(document):
    """In what the document and functions/booth/ differ."""
    found = [name for name, (said, done) in limits_of(document).items() if said != done]
    for name, read in fields_read().items():
        found += sorted(f"{name}: {field}" for field in read ^ set(schemas(document, name, "properties")))
    for path, answer in fields_answered().items():
        schema = schemas(document, *path)
        found += sorted(f"{path[0]}: {field}" for field in set(answer) ^ set(schema["properties"]))
        found += sorted(f"{path[0]}: {field} may be missing" for field in set(answer) ^ set(schema["required"]))
    found += sorted(set(errors_of_calls().items()) ^ documented_errors(document))
    codes = {each["const"] for each in schemas(document, "Failure", "properties", "code", "oneOf")}
    return found + sorted(codes ^ errors_of_a_run())


def is_made_of(document, page):
    """Whether the page has the document's calls and tables."""
    try:
        return page_of(document, page) == page
    except Mismatch:
        return False


def test_the_tables_of_api_md_are_those_of_the_document():
    assert is_made_of(document(), PAGE.read_text("utf-8")), "make api"


def test_document_and_code_have_the_same_fields_limits_statuses_and_errors():
    assert differences(document()) == []


def route(document):
    document["paths"]["/uploads"] = document["paths"].pop("/upload")


def field(document):
    properties = schemas(document, "Photo", "properties")
    properties["seconds"] = properties.pop("time_taken")


def needed(document):
    schemas(document, "UploadRequest", "required").append("id")


def kind(document):
    schemas(document, "Consent", "properties", "wall")["type"] = "string"


def limit(document):
    schemas(document, "PhotoRequest", "properties", "wait")["maximum"] = 25


def length(document):
    schemas(document, "UploadRequest", "properties", "filename")["maxLength"] = 256


def pattern(document):
    schemas(document, "Id")["pattern"] = "^[A-Za-z0-9_-]{1,65}$"


def value(document):
    schemas(document, "UploadRequest", "properties", "contentType", "enum").append("image/gif")


def state(document):
    schemas(document, "Photo", "properties", "status", "oneOf").append({"const": "LOST"})


def status(document):
    responses = at(document, "paths", "/photo", "post", "responses")
    responses["410"] = responses.pop("404")


def code(document):
    response = at(document, "paths", "/upload", "post", "responses", "429")
    response["description"] = response["description"].replace("TooManyPhotos", "TooMany")


def failure(document):
    schemas(document, "Failure", "properties", "code", "oneOf")[0]["const"] = "NoFace"


ALL = [route, field, needed, kind, limit, length, pattern, value, state, status, code, failure]


@pytest.mark.parametrize("plant", ALL)
def test_a_difference_between_document_and_page_is_found(plant):
    changed, page = document(), PAGE.read_text("utf-8")
    plant(changed)
    assert not is_made_of(changed, page)


# The template's routes, required fields, types and lengths of requests are held against the code by test_openapi.
@pytest.mark.parametrize("plant", [field, limit, pattern, value, state, status, code, failure])
def test_a_difference_between_document_and_code_is_found(plant):
    changed = document()
    plant(changed)
    assert differences(changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("## `POST /upload`", "## `PUT /upload`"),
        ("| `waiting_seconds` |", "| `waiting` |"),
        ("| true or false |", "| text |"),
        ("whole number, 0 to 20;", "whole number, 0 to 25;"),
        ("| 429 | `TooManyPhotos` |", "| 420 | `TooManyPhotos` |"),
        ("| 401 | `BoothTokenNeeded` |", "| 401 | `TokenNeeded` |"),
        ("| `QueueFull` |", "| `Full` |"),
        ("<!-- make api: Consent -->", "<!-- make api: Agreement -->"),
    ],
)
def test_a_change_of_the_page_alone_is_found(old, new):
    page = PAGE.read_text("utf-8")
    assert old in page
    changed = page.replace(old, new)
    assert not is_made_of(document(), changed)


def prose_of(page):
    """The page by call, without its tables."""
    parts = re.split(r"^## ", re.sub(r"<!-- make api.*?<!-- end -->", "", page, flags=re.DOTALL), flags=re.MULTILINE)
    return {part.split("\n")[0].strip("`"): part for part in parts[1:]}


def foreign_words(document, page):
    """Statuses and codes in the page's prose that the document does not have, by call."""
    tables, found = Tables(document), []
    codes = {code for code, _ in documented_errors(document)}
    codes |= {each["const"] for each in schemas(document, "Failure", "properties", "code", "oneOf")}
    for call, text in prose_of(page).items():
        if call in tables.calls:
            named = set(re.findall(r"\b(?:HTTP|gets|answers|code|after an?|A) ([2-5]\d\d)\b", text, re.IGNORECASE))
            known = {status for each in tables.calls.values() for status in each["responses"]}
            found += sorted(named - known)
        if call != "Clients":  # which has S3's codes, and names of libraries
            found += sorted(set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", text)) - codes - WORDS)
    return found


WORDS = {"PhotoFinished", "RequireConsent"}
"""An event, and a parameter of the stack."""


def test_the_prose_names_statuses_and_codes_that_there_are():
    page = PAGE.read_text("utf-8")
    assert foreign_words(document(), page) == []
    assert foreign_words(document(), page.replace("answers 404", "answers 410").replace("`Deleted`.", "`IsDeleted`."))


def test_an_answer_with_another_code_than_the_document_names_is_found():
    headers = {"Cache-Control": "no-store", "Content-Type": "application/json"}
    answer = {"error": {"code": "NotFound", "message": "Nothing is known under this key."}}
    openapi.check("POST", "/photo", 404, headers, answer)
    other = copy.deepcopy(answer)
    other["error"]["code"] = "Unknown"
    with pytest.raises(AssertionError):
        openapi.check("POST", "/photo", 404, headers, other)
    with pytest.raises(AssertionError):
        openapi.check("POST", "/upload", 409, headers, {"statusCode": 409, "body": json.dumps(answer)})
