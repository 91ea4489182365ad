"""What the API takes, for whatever somebody sends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booth import clock, keys
from booth.errors import BadRequest, ConsentNeeded, ContentBlocked, ForeignBucket, NoFaceFound
from booth.http import contract
from booth.run import Run, Status, Step, Turn
from booth.scenes import Scene

UPLOAD = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}
CONSENT = {"policy": "7", "language": "en", "time": "2026-11-22T10:00:00Z", "wall": True}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
consents = anything | st.fixed_dictionaries({name: anything | st.just(good) for name, good in CONSENT.items()})


@given(consents)
def test_a_consent_is_taken_whole_or_refused(consent):
    try:
        taken = contract.upload_request(UPLOAD | {"consent": consent}, set(), needs_consent=False).consent
    except BadRequest:
        assert consent is not None
        return
    assert taken is consent
    if taken is not None:
        assert taken.keys() == CONSENT.keys()
        assert isinstance(taken["wall"], bool)
        assert len(json.dumps(taken)) < 1000


@pytest.mark.parametrize(
    "time", ["2026-11-22", "2026-11-22T10:00", "2026-11-22T10:00:00.123+09:00", "20261122T100000Z"]
)
@pytest.mark.parametrize("language", ["en", "ko", "ko-KR", "zh-Hant-TW"])
def test_forms_of_time_and_language(time, language):
    consent = CONSENT | {"time": time, "language": language}
    assert contract.upload_request(UPLOAD | {"consent": consent}, set(), needs_consent=True).consent == consent


@given(st.from_regex("[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_the_callers_id_is_the_documented_name_or_the_beginning_of_one_that_nobody_guesses(caller):
    assert keys.picture_id(caller, documented=True) == caller
    names = {keys.picture_id(caller, documented=False) for _ in range(4)}
    assert len(names) == 4
    assert all(name.startswith(f"{caller}-") and len(name) == len(caller) + 33 for name in names)


def test_no_consent_where_it_is_needed():
    with pytest.raises(ConsentNeeded):
        contract.upload_request(UPLOAD, set(), needs_consent=True)


# What is asked


def event(body, **fields):
    return {"body": body, **fields}


@pytest.mark.parametrize(
    "given",
    [
        event('{"a": [1, 2.5, null]}'),
        event('{"a": [1, 2.5, null]}', isBase64Encoded=False),
        event("eyJhIjogWzEsIDIuNSwgbnVsbF19", isBase64Encoded=True),
    ],
)
def test_a_body_is_read_as_api_gateway_gives_it(given):
    assert contract.json_body(given) == {"a": [1, 2.5, None]}


@pytest.mark.parametrize(
    "given",
    [
        {},
        event(None),
        event(""),
        event("[]"),
        event('"text"'),
        event("{"),
        event('{"wait": NaN}'),
        event('{"wait": Infinity}'),
        event("[" * 100_000),
        event("e3*0=", isBase64Encoded=True),  # a character that base64 hasn't
        event("/w==", isBase64Encoded=True),  # a byte that UTF-8 hasn't
        event("e30=", isBase64Encoded=False),
    ],
    ids=lambda given: str(given)[:40],
)
def test_a_body_that_is_no_json_object_is_refused(given):
    with pytest.raises(BadRequest):
        contract.json_body(given)


def upload(**fields):
    return contract.upload_request(UPLOAD | fields, {"sky", "forest"}, needs_consent=False)


def test_an_upload_is_taken_as_it_was_asked_for():
    assert upload() == contract.UploadRequest("a.jpg", "image/jpeg", "", [], None)
    asked = upload(filename="사진.png", contentType="image/png", id="A-z_09", scenes=["forest", "sky"], consent=CONSENT)
    assert asked == contract.UploadRequest("사진.png", "image/png", "A-z_09", ["forest", "sky"], CONSENT)
    assert [upload(keep=keep).keep for keep in ("face", "head", "person")] == ["face", "head", "person"]


@pytest.mark.parametrize("value", ["", "Face", "hair", None, True, 1, ["head"], {"head": 1}, "face\ud800"], ids=repr)
def test_what_is_kept_is_one_of_three_words(value):
    with pytest.raises(BadRequest, match="'keep' must be"):
        upload(keep=value)


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp", "image/heic", "image/heif"])
def test_the_documented_types_of_photos_are_taken(content_type):
    assert upload(contentType=content_type).content_type == content_type


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": "x" * 255},
        {"id": "x"},
        {"id": "x" * 64},
        {"scenes": ["sky"]},
        {"scenes": ["sky"] * 5},
        {"consent": CONSENT | {"policy": "x" * 64}},
        {"consent": CONSENT | {"wall": False}},
        {"consent": CONSENT | {"language": "x" * 8 + ("-" + "y" * 8) * 3}},
        {"consent": CONSENT | {"time": "2026-11-22T10:00:00.123456+00:00:00.1234"}},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_what_just_fits_is_taken(fields):
    upload(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "video"},
        {"type": None},
        {"filename": ""},
        {"filename": 7},
        {"filename": None},
        {"filename": "x" * 256},
        {"filename": "\ud800"},
        {"contentType": "image/gif"},
        {"contentType": "IMAGE/JPEG"},
        {"contentType": ""},
        {"id": ""},
        {"id": None},
        {"id": "x" * 65},
        {"id": "a b"},
        {"id": "ü"},
        {"id": "a\n"},
        {"scenes": []},
        {"scenes": None},
        {"scenes": "sky"},
        {"scenes": {"sky": 1}},
        {"scenes": ["sky"] * 6},
        {"scenes": ["sky", 7]},
        {"scenes": ["sky", "moon"]},
        {"consent": {}},
        {"consent": "yes"},
        {"consent": CONSENT | {"name": "Anna"}},
        {"consent": {name: value for name, value in CONSENT.items() if name != "wall"}},
        {"consent": CONSENT | {"policy": ""}},
        {"consent": CONSENT | {"policy": "x" * 65}},
        {"consent": CONSENT | {"policy": "a\x7f"}},
        {"consent": CONSENT | {"policy": "a\x00"}},
        {"consent": CONSENT | {"policy": "a\x1f"}},
        {"consent": CONSENT | {"language": "e"}},
        {"consent": CONSENT | {"language": "en_US"}},
        {"consent": CONSENT | {"language": "x" * 9}},
        {"consent": CONSENT | {"language": "en" + "-a" * 4}},
        {"consent": CONSENT | {"time": "yesterday"}},
        {"consent": CONSENT | {"time": "2026-11-22T10:00:00.123456+00:00:00.12345"}},
        {"consent": CONSENT | {"wall": 1}},
        {"consent": CONSENT | {"wall": None}},
    ],
    ids=lambda fields: ascii(fields)[:60],
)
def test_an_upload_that_is_not_as_documented_is_refused(fields):
    with pytest.raises(BadRequest):
        upload(**fields)


@pytest.mark.parametrize("name", ["type", "filename", "contentType"])
def test_an_upload_that_lacks_a_field_is_refused(name):
    with pytest.raises(BadRequest):
        contract.upload_request({key: value for key, value in UPLOAD.items() if key != name}, set(), False)


UUID = "123e4567-e89b-42d3-a456-426614174000"
NAMED = {"bucket": "uploads", "key": "photo/a.jpg"}


def test_a_question_is_taken_as_it_was_asked():
    assert contract.photo_request({"requestId": UUID}, "uploads") == contract.PhotoRequest(UUID, "", "", 0, None)
    asked = contract.photo_request({"requestId": "1", "id": "me", "wait": 5.0, "progress": 0.4} | NAMED, "uploads")
    assert asked == contract.PhotoRequest("1", "photo/a.jpg", "me", 5, 0.4)
    assert type(asked.wait) is int


@pytest.mark.parametrize("wait", [0, 1, 20, 20.0])
@pytest.mark.parametrize("progress", [None, 0, 1, 0.38])
def test_how_long_a_question_waits_and_what_was_seen(wait, progress):
    asked = contract.photo_request({"requestId": UUID, "wait": wait, "progress": progress}, "uploads")
    assert (asked.wait, asked.progress) == (wait, progress)


@pytest.mark.parametrize(
    "fields",
    [
        {"wait": -1},
        {"wait": 21},
        {"wait": 20.5},
        {"wait": 0.5},
        {"wait": True},
        {"wait": False},
        {"wait": "5"},
        {"wait": None},
        {"progress": True},
        {"progress": "0.4"},
        {"progress": [0.4]},
        {"id": ""},
        {"id": "a b"},
        {"requestId": ""},
        {"requestId": None},
        {"requestId": "x" * 65},
        {"bucket": "uploads"},
        {"key": "photo/a.jpg"},
        {"bucket": "uploads", "key": ""},
        {"bucket": "", "key": "photo/a.jpg"},
    ],
    ids=str,
)
def test_a_question_that_is_not_as_documented_is_refused(fields):
    with pytest.raises(BadRequest):
        contract.photo_request({"requestId": UUID} | fields, "uploads")


def test_a_deletion_is_taken_as_it_was_asked_for():
    assert contract.delete_request({"requestId": UUID}, "uploads") == (UUID, "")
    assert contract.delete_request({"requestId": "1"} | NAMED, "uploads") == ("1", "photo/a.jpg")
    with pytest.raises(BadRequest):
        contract.delete_request({}, "uploads")


@pytest.mark.parametrize("ask", [contract.photo_request, contract.delete_request])
def test_another_bucket_is_refused_and_a_short_request_id_needs_the_key(ask):
    with pytest.raises(ForeignBucket):
        ask({"requestId": UUID} | NAMED, "another")
    with pytest.raises(BadRequest):
        ask({"requestId": "x" * 21}, "uploads")
    ask({"requestId": "x" * 22}, "uploads")


# What is answered

HEADERS = {"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff"}
CDN = "https://d111111abcdef8.cloudfront.net"
NOW = 1_800_000_000_000


@pytest.fixture
def now(monkeypatch):
    """The functions' clock stands still."""
    monkeypatch.setattr(clock, "now_ms", lambda: NOW)
    return NOW


def test_the_answer_to_an_upload_to_the_byte():
    inner = '{"Bucket": "b", "Key": "photo/a.jpg", "Expires": 300, "ContentType": "image/jpeg", "UploadURL": "https:"}'
    assert contract.upload_answer("b", "photo/a.jpg", "image/jpeg", "https:") == {
        "statusCode": 200,
        "headers": HEADERS,
        "body": json.dumps({"statusCode": 200, "body": inner}),
    }


def test_errors_to_the_byte():
    error = '{"error": {"code": "Conflict", "message": "Taken."}}'
    assert contract.photo_error(409, "Conflict", "Taken.") == {"statusCode": 409, "headers": HEADERS, "body": error}
    assert contract.upload_error(409, "Conflict", "Taken.") == {
        "statusCode": 409,
        "headers": HEADERS,
        "body": json.dumps({"statusCode": 409, "body": error}),
    }


def test_the_answer_to_a_deletion_to_the_byte():
    body = '{"requestId": "r", "status": "DELETED"}'
    assert contract.delete_answer("requestId", "r") == {"statusCode": 200, "headers": HEADERS, "body": body}


def test_the_scenes_to_the_byte():
    sky = Scene("sky", {"en": "Sky", "ko": "하늘"}, "{people}", "dark", "#112233", 7)
    sea = Scene("sea", {"en": "Sea", "ko": "바다"}, "{people}", "dark", "#445566", keep="head")
    assert contract.scenes_answer([sky, sea], [sea]) == {
        "statusCode": 200,
        "headers": HEADERS,
        "body": json.dumps(
            {
                "scenes": [
                    {
                        "id": "sky",
                        "title": sky.title,
                        "color": "#112233",
                        "thumbnail": "/thumbnails/sky.jpg",
                        "keep": "face",
                        "ownKeep": False,
                    },
                    {
                        "id": "sea",
                        "title": sea.title,
                        "color": "#445566",
                        "thumbnail": "/thumbnails/sea.jpg",
                        "keep": "head",
                        "ownKeep": True,
                    },
                ],
                "default": ["sea"],
            }
        ),
    }


def run_at(step, status=Status.RUNNING, **fields):
    return Run("run", status, step, NOW - 9000, key="photo/a.jpg", **fields)


def painted(*states):
    """Pictures of these states; what one has of key or error belongs to its number."""
    fields = {"WAITING": {}, "DONE": {"key": "photo/photo_a~b_{}.jpeg"}, "FAILED": {"error": "ContentBlocked"}}
    return {
        f"p{number}": {"scene": "sky", "state": state}
        | {name: value.format(number) for name, value in fields[state].items()}
        for number, state in enumerate(states, start=1)
    }


def test_the_answer_while_a_photo_is_painted_to_the_byte(now):
    run = run_at(Step.GENERATE, claimed=now - 8500, original="photo/my photo.jpg", pictures=painted("WAITING", "DONE"))
    answer = contract.photo_answer(run, "r", CDN)
    assert answer == {"statusCode": 202, "headers": HEADERS, "body": answer["body"]}
    picture = f"{CDN}/photo/photo_a%7Eb_2.jpeg"
    assert answer["body"] == json.dumps(
        {
            "url_original": f"{CDN}/photo/my%20photo.jpg",
            "url_generated": json.dumps([picture]),
            "time_taken": "8.5",
            "requestId": "r",
            "status": "RUNNING",
            "step": "generate",
            "progress": 0.675,
            "waiting_seconds": 0,
            "error": None,
            "pictures": [
                {
                    "scene": "sky",
                    "state": "WAITING",
                    "keep": "face",
                    "url": None,
                    "error": None,
                    "waiting_seconds": 0,
                    "wall": None,
                },
                {
                    "scene": "sky",
                    "state": "DONE",
                    "keep": "face",
                    "url": picture,
                    "error": None,
                    "waiting_seconds": 0,
                    "wall": None,
                },
            ],
        }
    )


def test_the_answer_before_the_photo_has_come_to_the_byte():
    answer = contract.photo_answer(run_at(Step.UPLOAD, Status.QUEUED), "r", CDN)
    assert (answer["statusCode"], answer["headers"]) == (202, HEADERS)
    assert answer["body"] == json.dumps(
        {
            "url_original": "",
            "url_generated": "[]",
            "time_taken": "0.0",
            "requestId": "r",
            "status": "QUEUED",
            "step": "upload",
            "progress": 0.0,
            "waiting_seconds": 0,
            "error": None,
            "pictures": [],
        }
    )


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.PARTIAL, Status.FAILED, Status.DELETED])
def test_an_ended_run_is_answered_with_200_its_time_and_its_reasons(now, status):
    run = run_at(
        Step.FINISH, status, claimed=now - 90_000, ended=now - 78_750, error="NoFaceFound", pictures=painted("FAILED")
    )
    answer = contract.photo_answer(run, "r", CDN, pause=2)
    assert (answer["statusCode"], answer["headers"]) == (200, HEADERS)
    body = json.loads(answer["body"])
    assert (body["status"], body["step"], body["progress"], body["time_taken"]) == (status, "finish", 1.0, "11.25")
    assert body["error"] == {"code": "NoFaceFound", "message": NoFaceFound.message}
    [picture] = body["pictures"]
    reason = {"code": "ContentBlocked", "message": ContentBlocked.message}
    assert picture == {
        "scene": "sky",
        "state": "FAILED",
        "keep": "face",
        "url": None,
        "error": reason,
        "waiting_seconds": 0,
        "wall": None,
    }


def test_each_picture_tells_what_it_keeps():
    pictures = painted("DONE", "WAITING", "FAILED")
    pictures["p1"]["keep"], pictures["p3"]["keep"] = "person", "head"
    body = json.loads(contract.photo_answer(run_at(Step.GENERATE, pictures=pictures), "r", CDN)["body"])
    assert [picture["keep"] for picture in body["pictures"]] == ["person", "face", "head"]
    run = run_at(Step.GENERATE, pictures=pictures, not_kept=("person",))
    body = json.loads(contract.photo_answer(run, "r", CDN)["body"])
    assert [picture["keep"] for picture in body["pictures"]] == ["face", "face", "head"]


def test_pictures_are_told_in_the_order_of_their_numbers():
    run = run_at(Step.GENERATE, pictures=dict(reversed(painted("DONE", "FAILED", "DONE").items())))
    body = json.loads(contract.photo_answer(run, "r", CDN)["body"])
    assert [picture["state"] for picture in body["pictures"]] == ["DONE", "FAILED", "DONE"]
    assert json.loads(body["url_generated"]) == [f"{CDN}/photo/photo_a%7Eb_{number}.jpeg" for number in (1, 3)]


def test_who_gets_no_long_poll_is_told_when_to_ask_again():
    answer = contract.photo_answer(run_at(Step.DETECT), "r", CDN, pause=7)
    assert (answer["statusCode"], answer["headers"]) == (202, HEADERS | {"retry-after": "7"})
    assert json.loads(answer["body"])["status"] == "RUNNING"


@pytest.mark.parametrize(
    ("step", "fields", "share"),
    [
        (Step.UPLOAD, {}, 0.0),
        (Step.QUEUE, {}, 0.02),
        (Step.DETECT, {}, 0.05),
        (Step.DETECT, {"original": "photo/a.jpg"}, 0.1),
        (Step.CROP, {"original": "photo/a.jpg"}, 0.15),
        (Step.SEGMENT, {}, 0.2),
        (Step.MERGE, {}, 0.35),
        (Step.WAIT, {}, 0.38),
        (Step.GENERATE, {}, 0.4),
        (Step.GENERATE, {"pictures": painted("WAITING", "FAILED")}, 0.4),
        (Step.GENERATE, {"pictures": painted("DONE", "WAITING", "FAILED")}, 0.583),
        (Step.GENERATE, {"pictures": painted("DONE", "DONE")}, 0.95),
        (Step.FINISH, {"pictures": painted("DONE", "DONE")}, 0.4),
    ],
)
def test_progress_of_each_step(step, fields, share):
    assert contract.progress(run_at(step, **fields)) == share


def turns(*moments):
    return {number: Turn("model@region", 0, at) for number, at in enumerate(moments, start=1)}


def test_who_waits_for_the_first_turn_is_told_how_long(now):
    waiting = run_at(Step.WAIT, turns=turns(now + 30_001, now + 12_001, now + 15_000))
    assert contract.waiting_seconds(waiting) == 13
    body = json.loads(contract.photo_answer(waiting, "r", CDN)["body"])
    assert (body["status"], body["step"], body["waiting_seconds"]) == ("QUEUED", "wait", 13)
    come = run_at(Step.WAIT, turns=turns(now, now + 9000))
    assert contract.waiting_seconds(come) == 0
    assert json.loads(contract.photo_answer(come, "r", CDN)["body"])["status"] == "RUNNING"
    assert contract.waiting_seconds(run_at(Step.GENERATE, turns=turns(now + 9000))) == 0
    assert contract.waiting_seconds(run_at(Step.MERGE, turns=turns(now + 9000))) == 9, "the turns may be there before"
    assert contract.waiting_seconds(run_at(Step.MERGE)) == 0
    assert contract.waiting_seconds(run_at(Step.WAIT, Status.FAILED, turns=turns(now + 9000))) == 0


def test_each_picture_tells_how_long_it_waits_for_its_turn(now):
    pictures, moments = painted("DONE", "WAITING", "WAITING"), turns(now - 9000, now, now + 30_001)

    def told(run):
        body = json.loads(contract.photo_answer(run, "r", CDN)["body"])
        return [picture["waiting_seconds"] for picture in body["pictures"]]

    assert told(run_at(Step.GENERATE, pictures=pictures, turns=moments)) == [0, 0, 31]
    assert told(run_at(Step.MERGE, pictures=pictures)) == [0, 0, 0]
    assert told(run_at(Step.FINISH, Status.FAILED, ended=now, pictures=pictures, turns=moments)) == [0, 0, 0]


@pytest.mark.parametrize(("turn", "wait", "seconds"), [(6, 5, 6), (5, 5, 0), (20, 5, 20), (99, 5, 20), (99, 20, 20)])
def test_there_is_no_long_poll_for_a_turn_that_comes_later_than_it_waits(now, turn, wait, seconds):
    run = run_at(Step.WAIT, version="v", turns=turns(now + turn * 1000))
    assert contract.seconds_without_news(run, wait) == seconds


@pytest.mark.parametrize(
    ("step", "states", "seconds"),
    [
        (Step.GENERATE, ("DONE", "WAITING", "WAITING"), 20),
        (Step.GENERATE, ("WAITING", "WAITING", "WAITING"), 0),
        (Step.GENERATE, ("FAILED", "DONE", "WAITING"), 20),
        (Step.GENERATE, ("DONE", "DONE", "DONE"), 0),
        (Step.MERGE, ("WAITING", "WAITING", "WAITING"), 0),
        (Step.WAIT, ("WAITING", "WAITING", "WAITING"), 0),
    ],
)
def test_there_is_no_long_poll_while_the_pictures_that_are_left_wait_for_their_turns(now, step, states, seconds):
    run = run_at(step, version="v", pictures=painted(*states), turns=turns(now - 1, now + 60_000, now + 61_000))
    assert contract.seconds_without_news(run, 5) == seconds


@pytest.mark.parametrize(
    ("until", "version", "status", "seconds"),
    [
        (NOW, "", Status.QUEUED, 20),
        (NOW - 1, "", Status.QUEUED, 20),
        (1, "", Status.QUEUED, 20),
        (NOW + 1, "", Status.QUEUED, 0),
        (0, "", Status.QUEUED, 0),  # it came without /upload: there was no URL
        (NOW, "v", Status.RUNNING, 0),
        (NOW, "", Status.FAILED, 0),
    ],
)
def test_there_is_no_long_poll_for_a_photo_whose_url_has_expired(now, until, version, status, seconds):
    run = run_at(Step.UPLOAD, status, version=version, upload_until=until)
    assert contract.seconds_without_news(run, 20) == seconds
