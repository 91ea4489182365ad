"""The documented calls, made as a customer's client makes them."""

import io
import json
import re
import threading
import uuid

import numpy as np
import pytest
from PIL import Image

from tests.support.application import SIDE
from tests.support.booth import HOLD

FIELDS = {
    *(
        "url_original",
        "url_generated",
        "time_taken",
        "requestId",
        "status",
        "step",
        "progress",
        "waiting_seconds",
        "error",
        "pictures",
    ),
}


def photo_of(colour, size=(400, 300)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", quality=95)
    return out.getvalue()


def mean_colour(image):
    return np.asarray(image).reshape(-1, 3).mean(axis=0)


def test_the_three_documented_calls(quick):
    request = {"type": "photo", "filename": "andy_portrait_2.jpg", "contentType": "image/jpeg"}
    status, headers, envelope = quick.post("/upload", request)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert envelope.keys() == {"statusCode", "body"}
    assert envelope["statusCode"] == 200
    uploaded = json.loads(envelope["body"])
    assert uploaded.keys() == {"Bucket", "Key", "Expires", "ContentType", "UploadURL"}
    assert uploaded["Key"] == "photo/andy_portrait_2.jpg"
    assert uploaded["Expires"] == 300
    assert uploaded["ContentType"] == "image/jpeg"
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in uploaded["UploadURL"]
    assert "content-type" in re.search(r"X-Amz-SignedHeaders=([^&]*)", uploaded["UploadURL"])[1]

    assert quick.put(uploaded, photo_of("teal")) == 200

    status, first = quick.ask(uploaded, "b123456abc")
    assert status in (200, 202)
    result = quick.await_end(uploaded, "b123456abc")
    assert first.keys() == result.keys() == FIELDS
    assert result["url_original"] == f"{quick.url}/photo/andy_portrait_2.jpg"
    pictures = json.loads(result["url_generated"])
    names = [re.fullmatch(rf"{quick.url}/photo/photo_([A-Za-z0-9_-]{{1,64}})_(\d)\.jpeg", url) for url in pictures]
    assert [name[2] for name in names] == ["1", "2", "3"]
    assert len({name[1] for name in names}) == 1
    assert isinstance(result["time_taken"], str)
    assert 0 < float(result["time_taken"]) < 60
    assert result["requestId"] == "b123456abc"
    assert (result["status"], result["progress"], result["error"]) == ("SUCCEEDED", 1.0, None)
    assert [picture["scene"] for picture in result["pictures"]] == ["sky", "building", "forest"]
    assert [picture["url"] for picture in result["pictures"]] == pictures
    for url in pictures:
        image = quick.picture(url)
        assert (image.format, image.size) == ("JPEG", (SIDE, SIDE * 3 // 4))
        assert image.info.keys() <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "xmp",
            "progressive",
            "progression",
        }
        assert b"compositeWithTrainedAlgorithmicMedia" in image.info["xmp"]
    original = quick.picture(result["url_original"])
    assert original.size == (SIDE, SIDE * 3 // 4)
    assert "xmp" not in original.info
    assert quick.await_clean(uploaded) == []


def test_asked_before_the_photo_came_and_again_after_the_end(quick):
    uploaded = quick.upload(scenes=["sky"])
    status, answer = quick.ask(uploaded, "early")
    assert (status, answer["status"], answer["step"], answer["progress"]) == (202, "QUEUED", "upload", 0.0)
    assert answer["url_generated"] == "[]"
    quick.put(uploaded, photo_of("olive"))
    result = quick.await_end(uploaded, "early")
    assert result["status"] == "SUCCEEDED"
    assert quick.ask(uploaded, "early") == (200, result)


def test_asked_first_when_the_event_is_late(quick):
    """The poll starts the run; the event that comes later changes nothing."""
    quick.app.drop_events = True
    uploaded = quick.upload(scenes=["sky"])
    quick.put(uploaded, photo_of("navy"))
    result = quick.await_end(uploaded, "poll-first")
    assert result["status"] == "SUCCEEDED"
    quick.app.drop_events = False
    quick.app.deliver(quick.dropped_event(uploaded))
    quick.await_quiet()
    assert quick.ask(uploaded, "poll-first") == (200, result)
    assert len(quick.executions(quick.record(uploaded)["run"])) == 1


def test_events_twice_and_polls_at_the_same_instant_make_one_run(quick):
    quick.app.drop_events = True
    uploaded = quick.upload(scenes=["sky"])
    before = quick.calls_at_rest("bedrock")
    quick.put(uploaded, photo_of("maroon"))
    event = quick.dropped_event(uploaded)
    request_id = str(uuid.uuid4())
    answers = []
    threads = [threading.Thread(target=quick.app.deliver, args=(event,)) for _ in range(3)]
    threads += [threading.Thread(target=lambda: answers.append(quick.ask(uploaded, request_id))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} <= {200, 202}
    assert quick.await_end(uploaded, request_id)["status"] == "SUCCEEDED"
    assert len(quick.executions(quick.record(uploaded)["run"])) == 1
    assert quick.calls("bedrock") - before == 1


def test_the_request_id_alone(quick):
    uploaded, long, short = quick.upload(), str(uuid.uuid4()), "b123456abd"
    assert quick.ask(uploaded, long)[0] == 202
    assert quick.post("/photo", {"requestId": long})[0] == 202
    other = quick.upload()
    assert quick.ask(other, short)[0] == 202
    assert quick.post("/photo", {"requestId": short})[0] == 400
    assert quick.post("/photo", {"requestId": str(uuid.uuid4())})[0] == 404


def test_one_request_id_and_one_upload_belong_together(quick):
    one, two = quick.upload(), quick.upload()
    assert quick.ask(one, "first-request")[0] == 202
    for uploaded, request_id in ((two, "first-request"), (one, "second-request")):
        status, answer = quick.ask(uploaded, request_id)
        assert (status, answer["error"]["code"]) == (409, "Conflict")
    # A refused pair binds nothing.
    assert quick.ask(two, "second-request")[0] == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"requestId": "x y", "bucket": "b", "key": "photo/a.jpg"}, 400),
        ({"requestId": 7, "bucket": "b", "key": "photo/a.jpg"}, 400),
        ({"requestId": "a", "bucket": "BUCKET"}, 400),
        ({"requestId": "a", "bucket": "BUCKET", "key": "photo/a.jpg", "wait": 21}, 400),
        ({"requestId": "a", "bucket": "BUCKET", "key": "photo/a.jpg", "progress": "half"}, 400),
        ({"requestId": "a", "bucket": "BUCKET", "key": "photo/a.jpg", "id": "../x"}, 400),
        ({"requestId": "a", "bucket": "somebody-elses", "key": "photo/a.jpg"}, 403),
        ({"requestId": "never-uploaded", "bucket": "BUCKET", "key": "photo/never.jpg"}, 404),
        ({"requestId": "a", "bucket": "BUCKET", "key": "work/x/mask.png"}, 404),
        ({"requestId": "a", "bucket": "BUCKET", "key": "photo/\ud83d"}, 400),
    ],
)
def test_refusals_of_photo(quick, body, status):
    if isinstance(body, dict) and body.get("bucket") == "BUCKET":
        body = body | {"bucket": quick.app.uploads_bucket}
    got, _, answer = quick.post("/photo", body)
    assert got == status
    assert answer.keys() == {"error"}
    assert answer["error"].keys() == {"code", "message"}
    assert "arn:" not in answer["error"]["message"]
    # A refused requestId is not bound: it is still nobody's.
    assert quick.post("/photo", {"requestId": "a" * 22})[0] == 404


@pytest.mark.parametrize(
    "change",
    [
        {"type": "video"},
        {"filename": ""},
        {"filename": "../secret.jpg"},
        {"filename": "a\\b.jpg"},
        {"filename": "line\nbreak.jpg"},
        {"filename": "x" * 256},
        {"filename": None},
        {"contentType": "image/svg+xml"},
        {"contentType": "text/html"},
        {"id": "a b"},
        {"scenes": ["nowhere"]},
        {"scenes": "sky"},
        {"scenes": []},
        {"scenes": None},
        {"scenes": ["sky"] * 6},
        {"consent": "yes"},
        {"consent": {"policy": "1"}},
    ],
)
def test_refusals_of_upload_keep_the_envelope(quick, change):
    request = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"} | change
    status, _, envelope = quick.post("/upload", request)
    assert status == envelope["statusCode"] == 400
    assert json.loads(envelope["body"])["error"].keys() == {"code", "message"}


def test_text_that_is_no_json_is_refused(quick):
    assert quick.post("/upload", None, raw=b"{")[0] == 400
    assert quick.post("/upload", None, raw=b'{"consent": ' + b"1" * 5000 + b"}")[0] == 400
    assert quick.post("/photo", None, raw=b"[" * 100_000)[0] == 400
    assert quick.post("/photo", None, raw=b"\xff\xfe")[0] == 400
    assert quick.http("POST", quick.url + "/photo", b"requestId=a", {"Content-Type": "text/plain"})[0] == 400


def test_a_client_without_a_json_content_type_is_understood(quick):
    """curl -d sends a form's content type; API Gateway then hands the body over in base64."""
    body = json.dumps({"type": "photo", "filename": "curl.jpg", "contentType": "image/jpeg"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert quick.http("POST", quick.url + "/upload", body, headers)[0] == 200


def test_the_same_file_name_twice_gets_another_key(quick):
    first, second = (quick.upload("twice.jpg", scenes=["sky"]) for _ in range(2))
    assert first["Key"] == "photo/twice.jpg"
    assert re.fullmatch(r"photo/[0-9a-f-]{36}\.jpg", second["Key"])
    quick.put(first, photo_of("red"))
    quick.put(second, photo_of("blue"))
    ends = [quick.await_end(uploaded) for uploaded in (first, second)]
    colours = [mean_colour(quick.picture(end["url_original"])) for end in ends]
    assert colours[0][0] > 200 > 50 > colours[0][2]
    assert colours[1][2] > 200 > 50 > colours[1][0]


@pytest.mark.parametrize(
    "name",
    [
        *("a b+c%20d.jpg", "사진 🎉.jpg", "x" * 251 + ".jpg", "q?&=#'\"<>.jpg", ".hidden", "é~!*().jpg"),
        *("..%2f..%2fwork%00.png", "\u202egpj.\u200f.jpg"),
    ],
    ids=ascii,
)
def test_any_file_name_works(quick, name):
    uploaded, result = quick.process(photo_of("gray"), name, scenes=["sky"])
    assert uploaded["Key"] == f"photo/{name}"
    assert result["status"] == "SUCCEEDED"
    assert quick.picture(result["url_original"]).size == (SIDE, SIDE * 3 // 4)


def test_a_name_like_a_generated_picture_is_never_given(quick):
    assert "photo_" not in quick.upload("photo_x_1.jpeg")["Key"]


def test_a_used_presigned_url_changes_nothing(quick):
    uploaded = quick.upload(scenes=["sky"])
    assert quick.put(uploaded, photo_of("lime")) == 200
    assert quick.ask(uploaded, "used-twice")[1]["step"] != "upload"  # taken up: this version it is
    assert quick.put(uploaded, photo_of("black")) == 200
    result = quick.await_end(uploaded, "used-twice")
    assert quick.put(uploaded, photo_of("black")) == 200
    assert mean_colour(quick.picture(result["url_original"]))[1] > 200
    assert quick.await_clean(uploaded) == []
    assert quick.await_end(uploaded, result["requestId"]) == result


def test_a_put_with_another_content_type_is_refused(quick):
    uploaded = quick.upload()
    assert quick.put(uploaded, b"<html>", content_type="text/html") == 403


def test_the_callers_id_names_the_pictures_and_is_given_once(quick):
    uploaded = quick.upload(id="caller-1", scenes=["sky"])
    status, _, envelope = quick.post(
        "/upload", {"type": "photo", "filename": "b.jpg", "contentType": "image/jpeg", "id": "caller-1"}
    )
    assert status == envelope["statusCode"] == 409
    other = quick.upload(scenes=["sky"])
    assert quick.ask(other, "with-taken-id", id="caller-1")[0] == 409
    assert quick.ask(other, "with-free-id", id="caller-2")[0] == 202
    for each, picture_id, request_id in ((uploaded, "caller-1", "with-id"), (other, "caller-2", "with-free-id")):
        quick.put(each, photo_of("pink"))
        result = quick.await_end(each, request_id)
        assert json.loads(result["url_generated"]) == [f"{quick.url}/photo/photo_{picture_id}_1.jpeg"]
    # After the start it counts no more, and is not even looked at.
    assert quick.ask(other, "with-free-id", id="caller-3")[0] == 200


def test_the_id_in_a_url_opens_nothing(quick):
    """Whoever has seen somebody's picture URL can't have its id, and so neither show nor delete those pictures."""
    _, result = quick.process(photo_of("red"), scenes=["sky"])
    url = json.loads(result["url_generated"])[0]
    seen = re.search(r"photo_(.+)_1\.jpeg", url)[1]
    request = {"type": "photo", "filename": "thief.jpg", "contentType": "image/jpeg", "id": seen}
    assert quick.post("/upload", request)[0] == 409
    uploaded = quick.upload()
    assert quick.ask(uploaded, "thief", id=seen)[0] == 409
    assert quick.picture(url).size == (SIDE, SIDE * 3 // 4)


def test_a_photo_that_lies_under_a_documented_key_is_not_given_to_a_visitor(quick):
    quick.app.drop_events = True
    quick.s3.put_object(Bucket=quick.app.uploads_bucket, Key="photo/lies there.jpg", Body=photo_of("black"))
    uploaded = quick.upload("lies there.jpg")
    assert uploaded["Key"] != "photo/lies there.jpg"
    assert quick.ask(uploaded, "not-mine")[1]["status"] == "QUEUED"


CONSENT = {"policy": "2026-11", "language": "ko-KR", "time": "2026-11-22T10:00:00.123Z", "wall": False}


def test_consent_is_kept_without_the_photo(quick):
    uploaded = quick.upload(consent=CONSENT)
    assert json.loads(quick.record(uploaded)["consent"]) == CONSENT
    assert "consent" not in quick.record(quick.upload(consent=None))


@pytest.mark.parametrize(
    "change",
    [
        {"policy": 1.25},
        {"policy": ""},
        {"policy": "x" * 65},
        {"policy": "\ud83d"},
        {"language": "English please"},
        {"time": "yesterday"},
        {"time": 1795341600},
        {"wall": "yes"},
        {"wall": None},
        {"name": "Anna"},
    ],
)
def test_consent_is_given_whole_and_says_nothing_else(quick, change):
    request = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg", "consent": CONSENT | change}
    status, _, envelope = quick.post("/upload", request)
    assert (status, json.loads(envelope["body"])["error"]["code"]) == (400, "BadRequest")


def test_the_scenes_that_can_be_chosen_are_listed(quick):
    status, headers, answer = quick.http("GET", quick.url + "/scenes")
    assert (status, headers["Cache-Control"], headers.get_content_type()) == (200, "no-store", "application/json")
    assert answer.keys() == {"scenes", "default"}
    assert answer["default"] == ["sky", "building", "forest"]
    ids = [scene["id"] for scene in answer["scenes"]]
    assert len(set(ids)) == len(ids) >= 12 and ids[:3] == answer["default"]
    for scene in answer["scenes"]:
        assert scene.keys() == {"id", "title", "color", "thumbnail", "keep", "ownKeep"}, "prompts are the operator's"
        assert scene["title"].keys() == {"en", "ko"} and all(scene["title"].values())
        assert scene["keep"] == "face"
        assert re.fullmatch("#[0-9a-f]{6}", scene["color"])
        thumbnail = quick.picture(quick.url + scene["thumbnail"])
        assert thumbnail.size == (320, 240)
    quick.upload(scenes=ids[-5:])


def test_scenes_are_chosen_by_id(quick):
    _, result = quick.process(photo_of("white"), scenes=["forest", "sky", "forest", "building", "sky"])
    assert [picture["scene"] for picture in result["pictures"]] == ["forest", "sky", "forest", "building", "sky"]
    assert len(json.loads(result["url_generated"])) == 5


def test_a_photo_of_another_system_is_welcome(quick):
    """Put without /upload: the event starts it, /photo finds it, both with and without the event."""
    for number, drop in enumerate((False, True)):
        quick.app.drop_events = drop
        uploaded = {"Bucket": quick.app.uploads_bucket, "Key": f"photo/other system+{number}.jpg"}
        quick.s3.put_object(Bucket=uploaded["Bucket"], Key=uploaded["Key"], Body=photo_of("tan"))
        result = quick.await_end(uploaded, f"other-{number}")
        assert result["status"] == "SUCCEEDED"
        # The Key stays used: nobody else is given it.
        assert quick.upload(uploaded["Key"].removeprefix("photo/"))["Key"] != uploaded["Key"]


def test_results_never_start_the_pipeline(quick):
    _, result = quick.process(photo_of("gray"), scenes=["sky"])
    picture = quick.http("GET", json.loads(result["url_generated"])[0])[2]
    quick.await_rest()  # what earlier tests have left to sweep is started late
    before = len(quick.steps.list_executions(stateMachineArn=quick.machine)["executions"])
    # A picture written again, and even one that gets into the uploads bucket under its own name.
    for bucket in (quick.app.results_bucket, quick.app.uploads_bucket):
        quick.s3.put_object(Bucket=bucket, Key="photo/photo_somebody_1.jpeg", Body=picture)
    body = {"requestId": "loop", "bucket": quick.app.uploads_bucket, "key": "photo/photo_somebody_1.jpeg"}
    assert quick.post("/photo", body)[0] == 404
    assert len(quick.steps.list_executions(stateMachineArn=quick.machine)["executions"]) == before


def test_an_answer_is_held_until_something_changes(quick):
    uploaded = quick.upload(scenes=["sky"])
    quick.ask(uploaded, "waiting")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(quick.ask(uploaded, "waiting", wait=20)))
    waiting.start()
    quick.put(uploaded, photo_of("gold"))
    waiting.join()
    [(_, answer)] = answers
    assert answer["step"] != "upload"
    quick.await_end(uploaded, "waiting")


def test_news_from_between_two_calls_is_not_waited_for(quick):
    """The client says what it was shown last: whatever is further is answered at once, however long it may wait."""
    quick.stand_in("bedrock", canned={}, faults=[{"kind": "hang", "seconds": HOLD, "times": 1}])
    uploaded = quick.upload()
    seen = quick.ask(uploaded, "shown")[1]["progress"]
    quick.put(uploaded, photo_of("gold"))
    shown = [seen]
    while shown[-1] < 0.7:  # two of three pictures; the third hangs
        answer = quick.ask(uploaded, "shown", wait=20, progress=shown[-1])[1]
        assert answer["progress"] > shown[-1]
        shown.append(answer["progress"])
    assert len(json.loads(answer["url_generated"])) == 2
    assert quick.ask(uploaded, "shown", wait=20, progress=seen)[1]["progress"] == shown[-1]
    quick.stand_in("bedrock", canned={})
    assert quick.await_end(uploaded, "shown")["status"] == "SUCCEEDED"


def test_only_results_under_photo_are_shown(quick):
    quick.s3.put_object(Bucket=quick.app.results_bucket, Key="work/x/mask.png", Body=b"secret")
    for path in (
        "/work/x/mask.png",
        "/photo/../work/x/mask.png",
        "/photo/%2e%2e/work/x/mask.png",
        "/photo/missing.jpeg",
    ):
        assert quick.http("GET", quick.url + path)[0] in (403, 404)
    assert quick.http("GET", f"{quick.app.s3_url}/{quick.app.results_bucket}/work/x/mask.png")[0] == 403


def test_a_pages_put_needs_an_allowed_origin(quick):
    uploaded = quick.upload()

    def preflight(origin):
        wish = {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type",
        }
        status, headers, _ = quick.http("OPTIONS", uploaded["UploadURL"], headers=wish)
        return status, headers["Access-Control-Allow-Origin"]

    assert preflight(quick.url) == (200, quick.url)
    assert preflight("https://elsewhere.example") == (403, None)
