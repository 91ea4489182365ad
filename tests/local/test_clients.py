"""Strangers' clients against the whole application: as docs/api.md shows them, as they are recorded, in a browser, over
HTTP/2."""

import contextlib
import json
import subprocess
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from local import lan
from tests.support import strangers
from tools import machine

HABITS = strangers.habits()
SLOW = [name for name, habit in HABITS.items() if habit.program == "java"]
LIVE = [name for name in HABITS if name not in SLOW or name == "Java as documented"]
"""Java takes a second of processor time each time, and waits for ever where it asks and is refused: it is recorded."""


@pytest.fixture
def uploads(quick):
    """Gives uploads whose photos nobody takes up, and what has been stored of them."""
    quick.app.drop_events = True
    return quick


def stored(booth, uploaded):
    """What lies under the upload's Key; None for nothing."""
    if not booth.versions(uploaded):
        return None
    return booth.s3.get_object(Bucket=uploaded["Bucket"], Key=uploaded["Key"])["Body"].read()


def address_of(uploaded):
    """The address of an upload's URL, and what a request's first line has of it."""
    url = urlsplit(uploaded["UploadURL"])
    return (url.hostname, url.port), f"{url.path}?{url.query}"


@pytest.mark.parametrize("name", [name for name in LIVE if strangers.is_there(HABITS[name].program)])
def test_a_client_that_is_installed_is_answered_as_by_s3(uploads, name):
    uploaded = uploads.upload()
    done = strangers.run(HABITS[name], uploaded["UploadURL"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ("" if "documented" in name else str(HABITS[name].status))
    assert stored(uploads, uploaded) == (strangers.PHOTO if HABITS[name].status == 200 else None)


@pytest.mark.parametrize("name", HABITS)
def test_a_client_that_is_recorded_is_answered_as_by_s3(uploads, name):
    """Who asks whether to go on is told so if S3 takes the photo, and refused without it if not."""
    record, status = strangers.recorded()[name], HABITS[name].status
    assert record["code"] == HABITS[name].code, "run: .venv/bin/python -m tests.support.strangers"
    uploaded = uploads.upload()
    address, target = address_of(uploaded)
    asks = "expect:" in record["head"].lower()
    assert strangers.replay(record, address, target) == ([100] if asks and status == 200 else []) + [status]
    assert stored(uploads, uploaded) == (strangers.PHOTO if status == 200 else None)


SWIFT = (
    "{} HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n{}Accept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: gzip, deflate\r\n"
    "User-Agent: Booth/1 CFNetwork/1498.700.2 Darwin/23.6.0\r\nConnection: keep-alive\r\n\r\n"
)
"""URLSession, written after what is known of it: no program here has been recorded."""


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Content-Type: image/jpeg\r\nContent-Length: 6\r\n", "pixels", 200),  # upload(for:fromFile:)
        (
            "Content-Type: image/jpeg\r\nTransfer-Encoding: Chunked\r\n",
            "6\r\npixels\r\n0\r\n\r\n",
            501,
        ),  # httpBodyStream
        ("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n", "pixels", 403),  # its own type
    ],
)
def test_swifts_urlsession_is_answered_as_by_s3(uploads, headers, body, status):
    uploaded = uploads.upload()
    address, target = address_of(uploaded)
    record = {"head": SWIFT.format("PUT /put", headers), "body": body}
    assert strangers.replay(record, address, target) == [status]
    assert stored(uploads, uploaded) == (strangers.PHOTO if status == 200 else None)


@pytest.mark.parametrize("name", ["curl from a pipe", "Java with a stream", "Java asking whether to go on", "Swift"])
def test_the_calls_take_what_the_put_does_not(uploads, name):
    """Chunks, offers of HTTP/2, a question whether to go on: POST /photo understands each."""
    uploaded = uploads.upload()
    body = json.dumps({"requestId": str(uuid.uuid4()), "bucket": uploaded["Bucket"], "key": uploaded["Key"]})
    chunks = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    swift = {"head": SWIFT.format("PUT /put", "Transfer-Encoding: Chunked\r\n")}
    head = (strangers.recorded() | {"Swift": swift})[name]["head"]
    head = head.replace("PUT", "POST").replace("Content-Length: 6", f"Content-Length: {len(body)}")
    record = {"head": head, "body": chunks if "ransfer-" in head else body}
    statuses = strangers.replay(record, ("127.0.0.1", uploads.app.port), "/photo")
    assert statuses == ([100] if "Expect" in head else []) + [202]


@contextlib.contextmanager
def http2(port, folder):
    """The address of HTTP/2 before a server on this machine."""
    certificate, _ = lan.certificate("127.0.0.1", folder)
    command = ["node", str(Path(strangers.__file__).with_name("http2.mjs")), str(certificate), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"https://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def browser():
    path = machine.browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


XHR = """async ([url, type, more]) => new Promise((resolve) => {
  const request = new XMLHttpRequest();
  request.open("PUT", url);
  request.onload = () => resolve(request.status);
  request.onerror = () => resolve("refused before it was sent");
  for (const [name, value] of Object.entries(more)) request.setRequestHeader(name, value);
  request.send(type ? new Blob(["pixels"], { type }) : "pixels");
})"""


def test_a_page_puts_a_blob(uploads, browser):
    """As documented, by XMLHttpRequest, and in the ways that fail."""
    page = browser.new_page()
    page.goto(f"{uploads.url}/settings.json")
    uploaded = uploads.upload()
    call = f"(url) => {{ {strangers.examples()['javascript']} return put(url, new Blob(['pixels'])); }}"
    page.evaluate(call, uploaded["UploadURL"])
    assert stored(uploads, uploaded) == strangers.PHOTO
    for kind, headers, answer in [
        ("image/jpeg", {}, 200),
        ("image/jpeg", {"content-type": "image/jpeg"}, 200),
        ("", {"Content-Type": "image/jpeg"}, 200),
        ("", {}, 403),  # a text is text/plain;charset=UTF-8 by itself
        ("", {"Content-Type": "image/jpeg;charset=utf-8"}, 403),
        ("image/jpeg", {"X-Requested-With": "XMLHttpRequest"}, "refused before it was sent"),
    ]:
        uploaded = uploads.upload()
        assert page.evaluate(XHR, [uploaded["UploadURL"], kind, headers]) == answer
        assert stored(uploads, uploaded) == (strangers.PHOTO if answer == 200 else None)
    page.close()


STREAM = """async (body) => {
  const stream = new Blob([body]).stream();
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/upload", { method: "POST", headers, body: stream, duplex: "half" });
  const [page] = performance.getEntriesByType("navigation");
  return [page.nextHopProtocol, answer.status, await answer.json()];
}"""


def test_a_browser_streams_a_call_over_http2(uploads, browser, tmp_path):
    """Lower-case names, no length and no chunks before the CDN; chunks behind it. Over HTTP/1.1 it streams nothing."""
    with (
        http2(uploads.app.port, tmp_path) as url,
        contextlib.closing(browser.new_context(ignore_https_errors=True)) as seen,
    ):
        page = seen.new_page()
        page.goto(f"{url}/settings.json")
        body = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}
        protocol, status, answer = page.evaluate(STREAM, json.dumps(body))
    assert (protocol, status, answer["statusCode"]) == ("h2", 200, 200)
