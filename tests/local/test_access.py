"""Who may take photos and how many: tokens, limits, consent, moderation."""

import http.client
import json
import time
import uuid
from urllib.parse import urlsplit

import boto3
import pytest

from booth import limits
from booth.aws import clients, table
from deploy import stack
from tests.support.booth import HOLD, ask_for_upload, await_status
from tests.support.photos import photo
from tests.support.tokens import NEW, OLD, OTHER, PHRASE, give_tokens, made_token
from tests.support.waiting import await_true

CONSENT = {"policy": "2026-11", "language": "en", "time": "2026-11-22T10:00:00Z", "wall": False}


def test_the_token_that_the_stack_made_opens_the_booth(quick):
    quick.redeploy(Access="token")
    assert ask_for_upload(quick)[0] == 401
    quick.token = made_token(quick)
    assert ask_for_upload(quick)[0] == 200


def test_the_smoke_test_of_a_deployment_wants_every_picture(quick, tmp_path):
    quick.redeploy(Access="token", RequireConsent="true")
    give_tokens(quick, json.dumps({"booth-1": [OLD, NEW]}))
    file = tmp_path / "grey.jpg"
    file.write_bytes(photo())
    stack.smoke(quick.url, OLD, file, tmp_path, print)
    assert len(list(tmp_path.glob("grey_*.jpeg"))) == 3

    with pytest.raises(stack.StackError, match="did not get through"):
        stack.smoke(quick.url, "wrong", file, tmp_path, print)
    quick.stand_in("rekognition", canned={"faces": 0})
    with pytest.raises(stack.StackError, match="ended FAILED"):
        stack.smoke(quick.url, OLD, file, tmp_path, print)


@pytest.fixture
def second_photo(quick, tmp_path, monkeypatch):
    """The smoke test's second photo, put by the operator; gives its Key when that has come to its end."""
    file = tmp_path / "grey.jpg"
    file.write_bytes(photo())
    name = quick.app.stack.tables["Table"].name
    monkeypatch.setenv("TABLE", name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep another test's credentials
    monkeypatch.setattr(stack, "EVENT_SECONDS", 3)
    monkeypatch.setattr(stack, "END_SECONDS", 60)
    clients.client.cache_clear()
    table.table_name.cache_clear()

    def send():
        before = set(quick.results("photo/"))
        stack.smoke_event(quick.app.uploads_bucket, name, file, print)
        return set(quick.results("photo/")) - before

    yield send
    clients.client.cache_clear()
    table.table_name.cache_clear()


def test_the_smoke_test_proves_that_s3s_events_arrive(quick, second_photo):
    """Nobody asks for this photo, and sweep doesn't know it: but for the event it would not be painted."""
    polls = lambda: quick.app.authority.counts["Photo", "dynamodb:GetItem"]
    before = polls()
    shown = second_photo()
    assert sum("/photo_" in key for key in shown) == 3
    assert polls() == before


def test_the_smoke_test_says_what_to_look_at_if_no_event_comes(quick, second_photo):
    quick.app.drop_events = True
    with pytest.raises(stack.StackError, match=r"EventBridge is on for the bucket.*LostCalls"):
        second_photo()
    key = quick.app.dropped[-1]["detail"]["object"]["key"]
    assert quick.versions({"Bucket": quick.app.uploads_bucket, "Key": key}) == []


def test_the_smoke_test_wants_the_second_photo_painted(quick, second_photo):
    quick.stand_in("rekognition", canned={"faces": 0})
    with pytest.raises(stack.StackError, match="second photo ended FAILED: We could not find a face"):
        second_photo()


def test_every_valid_token_opens_the_booth(guarded):
    for token in (OLD, NEW, OTHER):
        guarded.token = token
        uploaded = guarded.upload()
        request_id = str(uuid.uuid4())
        assert guarded.ask(uploaded, request_id)[0] == 202
        # From here on the visitor's phone needs nothing but the requestId.
        guarded.token = ""
        assert guarded.post("/photo", {"requestId": request_id})[0] == 202
        assert guarded.delete(request_id)[0] == 200


def test_without_a_valid_token_nothing_opens(guarded):
    guarded.token = OLD
    uploaded = guarded.upload()
    upload = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}
    place = {"bucket": uploaded["Bucket"], "key": uploaded["Key"], "requestId": str(uuid.uuid4())}
    calls = [("POST", "/upload", upload), ("POST", "/photo", place), ("DELETE", "/photo", place)]
    wrong = [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {OLD}", OLD, f"Bearer {OLD} {NEW}", "Bearer é😀"]
    wrong += [f"Bearer {word}" for word in (PHRASE, *PHRASE.split())]
    for header in wrong:
        headers = {"Content-Type": "application/json"}
        if header is not None:
            headers["Authorization"] = header.encode("utf-8").decode("latin-1")
        answers = [
            guarded.http(method, guarded.url + path, json.dumps(body).encode(), headers) for method, path, body in calls
        ]
        assert [status for status, _, _ in answers] == [401, 401, 401], header
        assert answers[0][2]["statusCode"] == 401
        bodies = [json.loads(answers[0][2]["body"]), answers[1][2], answers[2][2]]
        assert [body["error"]["code"] for body in bodies] == ["BoothTokenNeeded"] * 3
    # The refused calls bound nothing and deleted nothing.
    assert guarded.ask(uploaded, str(uuid.uuid4()))[0] == 202


@pytest.mark.parametrize("value", ["no JSON", '["a"]', '{"booth": 7}', '{"booth": [7]}'])
def test_tokens_that_can_not_be_read_let_nobody_in(quick, value):
    quick.redeploy(Access="token")
    give_tokens(quick, value)
    quick.token = "7"
    assert ask_for_upload(quick)[0] == 503


def count_to(booth, name, count):
    """Sets a counter of the table, as that many photos would."""
    item = {"pk": {"S": f"count#{table.hashed(name)}"}, "count": {"N": str(count)}}
    booth.table.put_item(TableName=booth.table_name, Item=item | {"expires": {"N": str(int(time.time()) + 9999)}})


def counted(booth, name):
    """How far a counter of the table is."""
    key = {"pk": {"S": f"count#{table.hashed(name)}"}}
    return int(booth.table.get_item(TableName=booth.table_name, Key=key, ConsistentRead=True)["Item"]["count"]["N"])


def within_one_minute(booth, scene):
    """What `scene` gives, with all counters at 0 before and after. One that a minute's end has met is played again."""
    ended = True
    while ended:
        forget_counters(booth)
        minute = int(time.time()) // 60
        given = scene()
        ended = int(time.time()) // 60 != minute
    forget_counters(booth)
    return given


def test_a_booth_that_asks_too_fast_waits_a_little_and_the_others_do_not(guarded):
    def ask(token):
        guarded.token = token
        return ask_for_upload(guarded)

    def scene():
        count_to(guarded, f"booth-1 {int(time.time()) // 60 * 60}", 29)
        return [ask(token) for token in (OLD, NEW, OLD, OTHER)]

    answers = within_one_minute(guarded, scene)
    assert [status for status, _, _ in answers] == [200, 429, 429, 200]
    for _, headers, body in answers[1:3]:
        assert body["error"]["code"] == "TooManyPhotos"
        assert 0 < int(headers["Retry-After"]) <= 60


DAY = 86_400


def test_the_days_budget_ends_in_a_clear_answer_not_a_bill(quick):
    quick.redeploy(PhotosPerDay="5")
    today = int(time.time()) // DAY
    both = [f"day {today}", f"day {today + 1}"]  # midnight may pass at any moment
    for day in both:
        count_to(quick, day, 4)
    uploads = [quick.upload(scenes=["sky"]) for _ in range(2)]
    quick.put(uploads[0], photo())
    # The last one: were it to come by two entry points at once, the second would find the day spent.
    await_true(lambda: "version" in quick.record(uploads[0]))
    assert quick.await_end(uploads[0])["status"] == "SUCCEEDED"
    assert sorted(counted(quick, day) for day in both) == [4, 5]
    for day in both:
        count_to(quick, day, 5)
    # The day's last photo is taken: no URL any more, and the one that was given before leads to a clear end.
    before = int(time.time())
    status, headers, body = ask_for_upload(quick)
    assert (status, body["error"]["code"]) == (429, "TooManyPhotos")
    seconds = range(before, int(time.time()) + 1)
    assert int(headers["Retry-After"]) in [DAY - second % DAY for second in seconds]
    quick.put(uploads[1], photo())
    result = quick.await_end(uploads[1])
    assert (result["status"], result["error"]["code"]) == ("FAILED", "BudgetSpent")
    # A photo that was put without /upload is counted as well.
    other = {"Bucket": quick.app.uploads_bucket, "Key": f"photo/{uuid.uuid4().hex}.jpg"}
    quick.s3.put_object(Bucket=other["Bucket"], Key=other["Key"], Body=photo())
    assert quick.await_end(other)["error"]["code"] == "BudgetSpent"
    for refused in (uploads[1], other):
        assert quick.executions(quick.record(refused)["run"]) == []
    # Nothing is lost: the photo is kept for another try, and goes when the time for it is over.
    assert len(quick.left_over(uploads[1])) == 1
    quick.age(uploads[1], limits.TRY_AGAIN_SECONDS)
    quick.sweep()
    assert quick.await_clean(uploads[1]) == []


def test_consent_is_needed_where_it_is_required(quick):
    quick.redeploy(RequireConsent="true")
    for fields in ({}, {"consent": None}):
        status, _, body = ask_for_upload(quick, **fields)
        assert (status, body["error"]["code"]) == (400, "ConsentNeeded")
    assert ask_for_upload(quick, consent=CONSENT)[0] == 200


@pytest.fixture
def moderated(quick):
    quick.redeploy(ModerationThreshold="80")
    return quick


def test_a_photo_that_moderation_refuses_is_not_painted_and_not_shown(moderated):
    moderated.stand_in("rekognition", canned={"faces": 1, "labels": {"Explicit": 80.1}})
    before = moderated.calls_at_rest("bedrock")
    uploaded, result = moderated.process(photo())
    assert (result["status"], result["error"]["code"]) == ("FAILED", "PhotoRefused")
    assert result["url_original"] == ""
    assert moderated.calls("bedrock") == before
    assert moderated.await_clean(uploaded) == []
    shown = moderated.s3.list_objects_v2(Bucket=moderated.app.results_bucket, Prefix=uploaded["Key"])
    assert shown["KeyCount"] == 0


def test_a_party_is_painted(moderated):
    labels = {"Explicit": 79.9, "Alcohol": 99.0, "Swimwear or Underwear": 99.0}
    moderated.stand_in("rekognition", canned={"faces": 1, "labels": labels})
    assert moderated.process(photo(), scenes=["sky"])[1]["status"] == "SUCCEEDED"


def test_moderation_that_does_not_answer_lets_nothing_through(moderated):
    dead = {"status": 500, "type": "InternalServerError", "message": "dead", "match": "*:DetectModerationLabels *"}
    moderated.stand_in("rekognition", canned={"faces": 1}, faults=[dead])
    uploaded = moderated.upload()
    moderated.put(uploaded, photo())
    record = await_status(moderated, uploaded)
    assert (record["status"], record["error"]) == ("FAILED", "ServiceUnavailable")
    assert "original" not in record


def test_moderation_takes_place_while_the_faces_are_looked_for(moderated):
    """Both calls are under way before either has ended."""
    moderated.await_rest()
    moderated.app.fail()
    moderated.stand_in("rekognition", canned={"faces": 1}, latency=HOLD)
    uploaded = moderated.upload(scenes=["sky"])
    moderated.put(uploaded, photo())
    asked = [f"DetectFaces rekognition:{action} " for action in ("DetectFaces", "DetectModerationLabels")]
    await_true(lambda: all(any(call.startswith(each) for call in moderated.app.failed()["calls"]) for each in asked))
    moderated.stand_in("rekognition", canned={"faces": 1})
    assert moderated.await_end(uploaded)["status"] == "SUCCEEDED"


def upload_from(booth, address, url=None, headers=None):
    """POST /upload from an address of this machine, 127.0.0.0/8; gives the status."""
    place = urlsplit(url or booth.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60, source_address=(address, 0))
    body = json.dumps({"type": "photo", "filename": f"{uuid.uuid4().hex}.jpg", "contentType": "image/jpeg"})
    connection.request("POST", "/upload", body, {"Content-Type": "application/json"} | (headers or {}))
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture
def opened(quick):
    """Open to all, with the template's own limits."""
    quick.redeploy(Access="open", PhotosPerCaller="10", PhotosPerMinute="30")
    return quick


def counters(booth):
    pages = booth.table.get_paginator("scan").paginate(TableName=booth.table_name)
    return [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("count#")]


def forget_counters(booth):
    for item in counters(booth):
        booth.table.delete_item(TableName=booth.table_name, Key={"pk": item["pk"]})


def test_one_caller_does_not_shut_the_others_out(opened):
    # A header of its own is the CDN's to overwrite, and what comes past the CDN has the address that it came from.
    forged = {
        "CloudFront-Viewer-Address": "198.51.100.7:4711",
        "X-Cdn-Key": "guessed",
        "X-Forwarded-For": "198.51.100.7",
    }
    api = opened.app.api_url

    def scene():
        one = [upload_from(opened, "127.0.0.2") for _ in range(12)]
        one += [upload_from(opened, "127.0.0.2", url, forged) for url in (opened.url, api)]
        pads = [upload_from(opened, "127.0.0.3") for _ in range(10)]
        others = [upload_from(opened, "127.0.0.4", api, forged) for _ in range(10)]
        return one, pads, others, upload_from(opened, "127.0.0.5")

    one, pads, others, all_together = within_one_minute(opened, scene)
    assert one == [200] * 10 + [429] * 4
    assert pads == others == [200] * 10
    assert all_together == 429, "all together are no more than PhotosPerMinute"


def test_of_an_address_a_part_of_a_hash_is_kept_for_an_hour_at_most(opened):
    status, kept = within_one_minute(opened, lambda: (upload_from(opened, "127.0.0.2"), counters(opened)))
    assert status == 200
    assert len(kept) == 2, "the caller's, and that of all"
    assert all(item.keys() == {"pk", "count", "expires"} for item in kept)
    assert min(int(item["expires"]["N"]) for item in kept) <= time.time() + 3600
    assert "127.0.0.2" not in json.dumps(kept)


def test_where_a_token_is_needed_no_address_is_kept(guarded):
    guarded.token = OLD
    asked, kept = within_one_minute(
        guarded, lambda: ([ask_for_upload(guarded)[0] for _ in range(12)], counters(guarded))
    )
    assert asked == [200] * 12
    assert len(kept) == 1, "the booth's"
