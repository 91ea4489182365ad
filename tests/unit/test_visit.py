"""`python -m local photo` and the smoke test's first photo: they reach the booth that was asked for, or say why not."""

import json
import sys

import pytest
from werkzeug.wrappers import Response

import client.booth
from booth.keys import CONTENT_TYPES
from deploy import __main__ as deploy
from deploy import stack
from local import __main__ as command
from tests.support.fakes.booth import FakeBooth, html, told
from tests.support.photos import named_files

pytestmark = pytest.mark.starts

FAILED = {"status": "FAILED", "error": {"code": "NoFaceFound", "message": "We could not find a face."}}


@pytest.fixture(scope="module")
def running():
    booth = FakeBooth()
    yield booth
    booth.close()


@pytest.fixture
def booth(running):
    running.reset()
    return running


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "us.jpg"
    file.write_bytes(b"photo")
    return file


@pytest.fixture
def send(monkeypatch, photo, tmp_path, capsys):
    """`python -m local photo`; gives exit status, what was printed and what was said. No booth is started."""

    class NoApp:
        def __init__(self, *_, **__):
            raise AssertionError("a booth was started")

    monkeypatch.setattr(command, "App", NoApp)
    monkeypatch.setattr(client.booth, "LONGEST_BACKOFF_SECONDS", 0)

    def send(*arguments, files=(photo,)):
        command_line = ["local", "photo", *map(str, files), "--out", str(tmp_path / "out"), *arguments]
        monkeypatch.setattr(sys, "argv", command_line)
        try:
            status = command.main()
        except SystemExit as refusal:
            status = refusal.code
        return status, *capsys.readouterr()

    return send


def test_the_booth_that_was_named_gets_the_photo_with_token_scenes_and_consent(booth, send, tmp_path):
    status, printed, _ = send(
        "--url", booth.url + "/", "--token", "secret", "--scenes", "sea,sky,forest", "--consent", "7"
    )
    assert (status, json.loads(printed)["status"]) == (0, "SUCCEEDED")
    assert {key for method, _, key, _ in booth.requests if method == "POST"} == {"Bearer secret"}
    [asked] = booth.asked("/upload")
    assert asked["scenes"] == ["sea", "sky", "forest"]
    assert asked["consent"].keys() == {"policy", "language", "time", "wall"}
    assert asked["consent"]["policy"] == "7"
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["us_1.jpeg", "us_2.jpeg", "us_3.jpeg"]


@pytest.mark.parametrize(("name", "_", "data", "content_type"), named_files())
def test_a_photo_is_sent_as_what_its_first_bytes_tell(booth, send, tmp_path, name, _, data, content_type):
    """What is no photo goes to the booth as well: it says so in its own words."""
    file = tmp_path / name
    file.write_bytes(data)
    assert send("--url", booth.url, files=[file])[0] == 0
    [asked] = booth.asked("/upload")
    assert asked["contentType"] == content_type if content_type else asked["contentType"] in CONTENT_TYPES
    assert [body for method, _, _, body in booth.requests if method == "PUT"] == [data]


NO_BOOTH = {
    "another server's page": ("/scenes", html(200), "answered HTTP 200 with text/html"),
    "the CDN's page": ("/scenes", html(403), "answered HTTP 403 with text/html"),
    "no catalogue": ("/scenes", told(403, message="Forbidden"), "is no booth"),
    "a list": ("/scenes", Response("[]", 200, content_type="application/json"), "no answer of a booth"),
    "cut short": ("/scenes", Response('{"scenes": [', 200, content_type="application/json"), "no answer of a booth"),
    "a redirect": (
        "/scenes",
        Response("", 301, {"Location": "https://booth.example/scenes"}),
        "redirects to https://booth",
    ),
    "a page for /upload": ("/upload", html(502), "answered HTTP 502 with text/html"),
    "a redirect of /upload": (
        "/upload",
        Response("", 308, {"Location": "https://x.example"}),
        "redirects to https://x",
    ),
    "no token": (
        "/upload",
        told(401, statusCode=401, body=json.dumps({"error": {"message": "No token."}})),
        "No token.",
    ),
    "the bucket refuses": ("/put", html(403), "the upload failed: HTTP 403"),
    "a page for /photo": ("/photo", html(504), "answered HTTP 504 with text/html"),
    "refused": ("/photo", told(404, error={"code": "NotFound", "message": "Nothing is known."}), "Nothing is known."),
    "the gateway refuses": ("/photo", told(503, message="Service Unavailable"), "Service Unavailable"),
    "a page for a picture": ("/photo/", html(200), "not with a picture"),
    "no picture": ("/photo/", Response("", 403, content_type="image/jpeg"), "not with a picture"),
}


@pytest.mark.parametrize(("path", "answer", "said"), NO_BOOTH.values(), ids=NO_BOOTH)
def test_what_is_no_booth_or_refuses_is_told_and_nothing_else_is_tried(booth, send, path, answer, said):
    booth.first[path] = [answer] * client.booth.ATTEMPTS
    status, _, error = send("--url", booth.url, "--token", "secret")
    assert status == 1
    assert said in error


@pytest.mark.parametrize("url", ["http://booth.invalid", "http://127.0.0.1:9"])
def test_a_booth_that_does_not_answer_is_told(send, url):
    status, printed, error = send("--url", url)
    assert (status, printed) == (1, "")
    assert f"{url} does not answer" in error


@pytest.mark.parametrize(
    "url", ["", "booth.example", "file:///etc/passwd", "https://", "https://x.example/photo", "http://["]
)
def test_what_is_no_address_is_refused(send, url):
    status, _, error = send("--url", url)
    assert status
    assert "--url" in error


@pytest.mark.parametrize(
    "result", [FAILED, {"status": "PARTIAL"}, {"status": "SUCCEEDED"}], ids=lambda each: each["status"]
)
def test_fewer_pictures_than_were_asked_for_are_no_success(booth, send, result):
    booth.pictures = 0 if result is FAILED else 2
    booth.result |= result
    status, printed, error = send("--url", booth.url)
    assert (status, json.loads(printed)["status"]) == (1, result["status"])
    assert ("could not find a face" if result is FAILED else "2 of 3 pictures came. This took too long.") in error


def test_four_scenes_and_three_pictures_are_no_success(booth, send):
    assert send("--url", booth.url, "--scenes", "sea,sky,forest,building")[0] == 1


def test_what_the_pictures_are_to_keep_is_asked_for_and_less_is_no_success(booth, send):
    booth.keeps = ["head"] * 3
    assert send("--url", booth.url, "--keep", "head")[0] == 0
    booth.keeps = ["head", "face", "head"]
    status, _, error = send("--url", booth.url, "--keep", "head")
    assert (status, "1 of 3 pictures do not keep the head." in error) == (1, True)
    assert [asked.get("keep") for asked in booth.asked("/upload")] == ["head", "head"]
    assert send("--url", booth.url)[0] == 0
    assert "keep" not in booth.asked("/upload")[2]


def test_one_photo_of_several_that_fails_is_no_success(booth, send, photo, tmp_path):
    status, printed, error = send("--url", booth.url, files=(photo, tmp_path / "missing.jpg"))
    assert (status, [each["status"] for each in json.loads(printed)]) == (1, ["SUCCEEDED", "FAILED"])
    assert "missing.jpg: can't be read" in error


def test_photos_whose_pictures_would_replace_each_other_are_refused(booth, send, photo, tmp_path):
    status, _, error = send("--url", booth.url, files=(photo, tmp_path / "more" / "us.png"))
    assert status
    assert "same name" in error
    assert booth.requests == []


def test_without_an_address_the_booth_that_runs_here_is_asked(booth, send, monkeypatch):
    monkeypatch.setattr(command, "HERE", booth.url)
    assert send()[0] == 0
    assert len(booth.asked("/upload")) == 1


@pytest.mark.parametrize("here", ["nobody", "another server"])
def test_without_an_address_a_booth_is_started_if_none_runs_here(booth, send, monkeypatch, here):
    other = FakeBooth()
    other.first["/scenes"] = [html(200)]
    monkeypatch.setattr(command, "HERE", "http://127.0.0.1:9" if here == "nobody" else other.url)

    class Started:
        def __init__(self, port):
            self.url = booth.url

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(command, "App", Started)
    status, _, error = send()
    other.close()
    assert (status, len(booth.asked("/upload")), other.asked("/upload")) == (0, 1, [])
    assert "starting a booth" in error


# The smoke test of a deployment


@pytest.fixture
def smoke(monkeypatch, booth, photo, tmp_path):
    monkeypatch.setattr(client.booth, "LONGEST_BACKOFF_SECONDS", 0)
    said = []

    def smoke(seconds):
        monkeypatch.setattr(stack, "OPEN_SECONDS", seconds)
        stack.smoke(booth.url, "secret", photo, tmp_path / "out", said.append)
        return said

    return smoke


def test_the_smoke_test_waits_for_a_booth_that_the_cdn_does_not_know_yet(booth, smoke, tmp_path):
    for path in ("/scenes", "/upload", "/put", "/photo", "/photo/"):
        booth.first[path] = [html(403), html(404), html(502), told(503, message="Service Unavailable")]
    booth.first["/put"] = [html(503)]
    said = smoke(60)
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert any("answered HTTP 403 with text/html" in each and "trying again" in each for each in said)


@pytest.mark.parametrize("path", ["/scenes", "/upload", "/photo", "/photo/"])
def test_the_smoke_test_gives_up_and_says_what_came(booth, smoke, path):
    booth.first[path] = [html(502)] * 1000
    with pytest.raises(stack.StackError, match=r"did not get through: .* HTTP 502 with text/html"):
        smoke(0.2)


def test_the_smoke_test_does_not_try_again_what_the_booth_refuses(booth, smoke):
    booth.first["/upload"] = [told(400, statusCode=400, body=json.dumps({"error": {"message": "No."}}))]
    with pytest.raises(stack.StackError, match="did not get through: No"):
        smoke(60)


@pytest.mark.parametrize(("until", "told_as"), [(0, "until further notice"), (4102488000, "until 2100-01-01 ")])
def test_a_pause_stops_a_visitors_photo_of_the_smoke_test_alone(booth, monkeypatch, capsys, until, told_as):
    second = []
    monkeypatch.setattr(stack, "outputs", lambda _: {"BoothUrl": booth.url, "UploadsBucketName": "uploads"})
    monkeypatch.setattr(stack, "booth_token", lambda _: "secret")
    monkeypatch.setattr(stack, "physical_id", lambda *_: "table")
    monkeypatch.setattr(stack, "smoke_event", lambda bucket, *_: second.append(bucket))
    monkeypatch.setattr(sys, "argv", ["deploy", "smoke", "booth-dev"])
    error = {"code": "Paused", "message": "Lunch.", "reason": {"en": "Lunch."}, "until": until}
    booth.first["/upload"] = [told(503, statusCode=503, body=json.dumps({"error": error}))]
    assert deploy.main() == 0
    assert len(booth.asked("/upload")) == 1, "a pause isn't waited for"
    said = capsys.readouterr().out
    assert f"not tried: the booth is paused {told_as}" in said
    assert ": Lunch.\nAfterwards" in said
    assert second == ["uploads"]


def test_the_smoke_test_wants_every_picture(booth, smoke):
    booth.pictures = 2
    with pytest.raises(stack.StackError, match="2 of 3 pictures came"):
        smoke(60)
