"""A pad that runs for days: a bad network, a bad clock, a browser that refuses to store anything, hands in a hurry."""

import http.client
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.support.booth import HOLD
from tests.support.page import (
    CODE,
    ONE_PICTURE,
    CannedBooth,
    await_empty_outbox,
    await_phase,
    await_pictures,
    kept_photos,
    request_id,
    take_photo,
)
from tests.support.photos import PHOTOS

EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
"""S3's answer to an old presigned URL; what else it names is left out."""
DAY = 24 * 60 * 60


class Network(BaseHTTPRequestHandler):
    """The way to the booth, and what some networks answer in its place."""

    protocol_version = "HTTP/1.1"
    mode = "booth"
    is_over = threading.Event()

    def do_GET(self):
        mode = self.mode
        if mode == "hangs" and self.path == "/":
            self.is_over.wait()
        elif mode == "portal":
            self.answer(200, {"Content-Type": "text/html"}, b"<title>Welcome to our network</title>")
        elif mode == "redirect":
            self.answer(302, {"Location": "/portal/login.html"}, b"")
        elif mode in ("busy", "hangs"):
            self.answer(503, {}, b"")
        else:
            booth = http.client.HTTPConnection(self.server.booth)
            booth.request("GET", self.path, headers={"Accept-Encoding": "identity"})
            found = booth.getresponse()
            headers = {name: value for name, value in found.getheaders() if name.lower() != "connection"}
            self.answer(found.status, headers, found.read())
            booth.close()

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def network(quick):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Network)
    server.daemon_threads = True
    server.booth = urllib.parse.urlsplit(quick.url).netloc
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    Network.is_over.set()
    Network.mode = "booth"
    server.shutdown()
    server.server_close()


def test_what_is_cached_serves_whatever_the_network_says(network, open_page):
    """A captive portal's page, its redirect, an error, no answer at all: none of it is shown, or cached."""
    pad = open_page(service_workers="allow", go=False)
    pad.goto(network)
    pad.wait_for_function("() => navigator.serviceWorker.controller")  # from now on all goes through it
    for mode in ("portal", "redirect", "hangs"):
        Network.mode = mode
        pad.reload()
        pad.wait_for_selector("#begin", timeout=10_000)
        pad.wait_for_selector("#drift img")
        assert pad.title() == "Photo Booth", mode
    pad.click("#begin")
    pad.click("#agree")
    assert pad.locator(".scene img").evaluate_all("images => images.every((image) => image.naturalWidth)")


def test_a_browser_that_refuses_to_store_anything(quick, open_page):
    """As with cookies blocked (stubs): the page opens, takes a token and a language, and a visit ends well."""
    pad = open_page(go=False)
    pad.add_init_script("""
      const refuse = () => { throw new DOMException("no", "SecurityError"); };
      for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"]) {
        Object.defineProperty(window, name, { get: refuse });
      }
      Object.defineProperty(navigator, "serviceWorker", { get: refuse });
      navigator.locks.request = navigator.locks.query = refuse;
    """)
    booth = CannedBooth(pad)
    booth.answer = (200, booth.told("DD"))
    pad.goto("/#pair=right")
    expect(pad.locator("#start-note")).to_have_text("This device is paired.")
    pad.get_by_role("button", name="한국어").click()
    pad.wait_for_selector("html[lang=ko]")
    pad.click("#begin")
    pad.click("#agree")
    values = pad.locator(".scene input").evaluate_all("boxes => boxes.map(({ value }) => value)")
    for value in values:
        pad.set_checked(f".scene input[value='{value}']", value in values[-2:])
    pad.click("#to-camera")
    pad.click("#shoot:not(:disabled)")
    with pad.expect_request("**/upload") as asked:
        pad.click("#use")
    assert asked.value.headers["authorization"] == "Bearer right"
    await_phase(pad, "ended")
    await_pictures(pad, 2)

    pad.get_by_role("button", name="한 장 더 찍기").click()  # with the scenes that were chosen
    pad.wait_for_selector("#shoot:not(:disabled)")
    pad.click("#camera .back")
    assert pad.locator(".scene input:checked").evaluate_all("boxes => boxes.map(({ value }) => value)") == values[-2:]
    pad.click("#scenes .back")
    pad.wait_for_selector("html[lang=en]")


KEEP = """([age, since]) => new Promise((resolve) => {
  const opening = indexedDB.open("photo-booth", 1);
  opening.onsuccess = () => {
    const transaction = opening.result.transaction("visits", "readwrite");
    transaction.objectStore("visits").put({
      requestId: crypto.randomUUID(), created: Date.now() - 60000, age, since, bytes: new ArrayBuffer(10), left: true,
      contentType: "image/jpeg", scenes: ["beach"], consent: null, uploaded: null, sent: false, bound: false,
    });
    transaction.oncomplete = () => { opening.result.close(); resolve(); };
  };
})"""


def test_a_clock_that_is_set_loses_no_photo(quick, open_page):
    """By a day, both ways, with reloads; and S3 says that a URL has expired, of which the pad knows nothing."""
    pad = open_page(settings=ONE_PICTURE, go=False)
    pad.clock.install()
    now = pad.evaluate("Date.now()") / 1000
    pad.goto("/")
    pad.route("**/upload", lambda route: route.abort())
    take_photo(pad)
    pad.click("#use")
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    request = request_id(pad)
    for days in (1, -1):
        pad.clock.set_system_time(now + days * DAY)
        pad.reload()
        pad.wait_for_selector("#begin, #visit")
        assert kept_photos(pad) == 1, days
    pad.clock.set_system_time(now)

    answers = [403]
    allow = {"Access-Control-Allow-Origin": "*"}

    def refuse(route):
        if route.request.method == "PUT" and answers:
            route.fulfill(status=answers.pop(), body=EXPIRED, content_type="application/xml", headers=allow)
        else:
            route.continue_()

    pad.route("**/*X-Amz-Signature*", refuse)
    pad.unroute("**/upload")
    pad.evaluate("dispatchEvent(new Event('online'))")
    await_empty_outbox(pad)
    assert answers == []
    assert kept_photos(pad) == 0
    assert quick.post("/photo", {"requestId": request})[0] in (200, 202)


def test_a_photo_is_kept_for_a_day_at_most(quick, open_page):
    """By the time that pages have run, and by the booth's clock, whatever the pad's own says."""
    pad = open_page()
    pad.wait_for_selector("#begin")
    sent = []
    pad.on("request", lambda each: sent.append(each.url) if each.method in ("POST", "PUT") else None)
    pad.evaluate(KEEP, [DAY * 1000, None])
    pad.reload()
    pad.wait_for_selector("#begin")
    assert (kept_photos(pad), sent) == (0, [])
    pad.evaluate(KEEP, [0, pad.evaluate("Date.now()") - (DAY + 60) * 1000])
    pad.clock.set_fixed_time("2020-01-01")
    pad.reload()
    await_empty_outbox(pad)
    assert kept_photos(pad) == 0
    assert [url.rsplit("/", 1)[1] for url in sent] == ["upload"]


def test_hands_in_a_hurry_and_a_printer_that_takes_its_time(quick, open_page):
    """Two taps save and print once. The idle time leaves the sheet to AirPrint (a stub), but not for long."""
    pad = open_page(go=False)
    pad.clock.install()
    pad.add_init_script("window.printed = 0; window.print = () => { printed += 1; };")
    pad.goto("/")
    CannedBooth(pad).show(pad, "DDD")
    saved = []
    pad.on("download", lambda download: saved.append(download))
    pad.evaluate(
        "for (const id of ['save-all', 'print-all', 'save-all', 'print-all']) document.getElementById(id).click()"
    )
    pad.wait_for_selector("#print-now:visible")
    pad.evaluate("for (let taps = 2; taps; taps -= 1) document.getElementById('print-now').click()")
    pad.wait_for_function("() => printed && document.querySelectorAll('#sheet .pictures img').length === 3")
    pad.clock.run_for(700)
    with pad.expect_download():
        pad.click("#save-all")
    assert (len(saved), pad.evaluate("printed")) == (2, 1)
    pad.clock.run_for(80_000)
    pad.wait_for_selector("#begin")
    assert pad.locator("#sheet .pictures img").count() == 3
    pad.clock.run_for(180_000)
    assert pad.locator("#sheet img").count() == 0

    phone = open_page("phone", go=False)
    phone.clock.install()
    phone.add_init_script("""
      window.shared = 0;
      navigator.canShare = () => true;
      navigator.share = () => {
        shared += 1;
        return shared > 1 ? Promise.reject(new DOMException("", "InvalidStateError")) : new Promise(() => {});
      };
    """)
    booth = CannedBooth(phone)
    phone.goto(f"/#visit={CODE}")
    booth.say(phone, "DDD")
    await_pictures(phone, 3)
    phone.evaluate("const button = document.getElementById('share-all'); button.click(); button.click()")
    assert phone.evaluate("shared") == 1
    phone.clock.run_for(11_000)
    with phone.expect_download():
        phone.click("#share-all")


def test_a_visit_that_failed_while_it_was_polled_is_watched_for_its_deletion(quick, open_page):
    pad = open_page(go=False)
    pad.clock.install()
    pad.goto("/")
    booth, refusal = CannedBooth(pad), {"error": {"code": "AccessDenied", "message": "no"}}

    def refuse(route):
        polls = "key" not in route.request.post_data_json
        route.fulfill(status=403, json=refusal) if polls else route.fallback()

    pad.route("**/photo", refuse)
    booth.choose_photo(pad)
    pad.click("#use")
    booth.say(pad, "W", status=202)
    pad.locator("#visit[data-phase=failed]").wait_for()
    assert kept_photos(pad) == 1
    pad.unroute("**/photo")
    booth.answer = (410, {"error": {"code": "Deleted", "message": "This visit was deleted."}})
    pad.clock.run_for(11_000)
    pad.locator("#visit[data-phase=deleted]").wait_for()
    assert kept_photos(pad) == 0


WATCHED = """
  window.live = new Set();
  window.canvases = [];
  window.moved = 0;
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob) => { const url = createObjectURL.call(URL, blob); live.add(url); return url; };
  URL.revokeObjectURL = (url) => { live.delete(url); revokeObjectURL.call(URL, url); };
  const { createElement } = document;
  document.createElement = function (name) {
    const element = createElement.call(document, name);
    if (name === "canvas") {
      canvases.push(new WeakRef(element));
    }
    return element;
  };
  const { now } = Date;
  Date.now = () => now() + moved;
"""
VISIT = """async (status, photo) => {
  const $ = (id) => document.getElementById(id);
  const until = (isSo) => new Promise((resolve) => {
    const look = () => {
      if (isSo()) {
        changes.disconnect();
        resolve();
      }
    };
    const changes = new MutationObserver(look);
    changes.observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
    look();
  });
  const on = (screen) => () => document.body.dataset.screen === screen;
  $("begin").click();
  await until(on("consent"));
  $("agree").click();
  $("to-camera").click();
  if (photo) {
    const chosen = new DataTransfer();
    chosen.items.add(new File([photo], "photo.jpg"));
    $("file").files = chosen.files;
    $("file").dispatchEvent(new Event("change"));
  } else {
    await until(() => !$("shoot").disabled);
    $("shoot").click();
  }
  await until(on("review"));
  $("use").click();
  await until(() => $("status").textContent === status);
  await until(() => status.includes("safe") || document.querySelector(".tile.loaded"));
  $("done").click();
  await until(on("start"));
}"""


STUB = """async ([answers, photo]) => {
  const { fetch } = window;
  window.isCut = false;
  window.photo = await (await fetch(photo)).blob();
  window.fetch = async (address, options) => {
    const { pathname } = new URL(address, location.href);
    if (isCut) {
      throw new TypeError("Failed to fetch");
    }
    if (pathname.startsWith("/photo/")) {
      return new Response(window.photo);
    }
    const answer = answers[pathname];
    return answer ? Response.json(answer) : fetch(address, options);
  };
}"""


def test_fifty_visits_leave_nothing_behind(quick, open_page):
    """The network is cut ten times, the clock moved by a day both ways. A stub answers."""
    pad = open_page(settings={"scenes": ["beach"]}, go=False)
    pad.set_viewport_size({"width": 300, "height": 300})  # a small window is drawn fast
    pad.add_init_script(WATCHED)
    put = []
    url = f"{quick.app.s3_url}/stub?X-Amz-Signature=0"
    issued = {"Bucket": "b", "Key": "photo/k", "UploadURL": url, "Expires": 300}
    ended = {"status": "SUCCEEDED", "step": "done", "progress": 1, "error": None, "waiting_seconds": 0}
    ended["url_original"] = f"{quick.url}/photo/stub.jpg"
    ended["pictures"] = [{"scene": "beach", "state": "DONE", "url": f"{quick.url}/photo/stub_1.jpg", "error": None}]

    def take(route):
        put.append(len(route.request.post_data_buffer))
        route.fulfill(headers={"Access-Control-Allow-Origin": "*"})

    pad.route(url, take)
    pad.route("**/stub.jpg", lambda route: route.fulfill(path=PHOTOS / "hopper.jpg", content_type="image/jpeg"))
    pad.goto("/")
    pad.wait_for_selector("#drift img")
    pad.evaluate("document.body.style.visibility = 'hidden'")  # what isn't seen isn't drawn
    pad.evaluate(f"() => {{ window.visit = {VISIT}; }}")
    answers = {"/upload": {"statusCode": 200, "body": json.dumps(issued)}, "/photo": ended}
    pad.evaluate(STUB, [answers, "/photo/stub.jpg"])
    ready, kept = "Your pictures are ready", "Your photo is safe on this device"
    browser = pad.context.new_cdp_session(pad)
    seen = []
    for visit in range(50):
        is_cut = visit % 5 == 4
        pad.evaluate(f"isCut = {'true' if is_cut else 'false'}")
        pad.evaluate(f"visit('{kept if is_cut else ready}', {'null' if visit % 10 == 0 else 'photo'})")
        if is_cut:
            pad.evaluate(f"moved += {DAY * 1000 * (1 if visit % 10 == 4 else -1)}")
            pad.evaluate("() => { isCut = false; dispatchEvent(new Event('online')); }")
            await_empty_outbox(pad)
        if visit in (9, 49):
            browser.send("HeapProfiler.collectGarbage")
            counted = browser.send("Memory.getDOMCounters")
            seen.append(
                {
                    "heap": browser.send("Runtime.getHeapUsage")["usedSize"],
                    "nodes": counted["nodes"],
                    "listeners": counted["jsEventListeners"],
                    "canvases": pad.evaluate("canvases.filter((each) => each.deref()).length"),
                    "urls": pad.evaluate("live.size"),
                }
            )
    print(seen)
    early, late = seen
    assert len(put) == 50
    assert kept_photos(pad) == 0
    assert late["urls"] == 0
    assert late["canvases"] <= early["canvases"] + 1
    assert late["nodes"] <= early["nodes"] + 100
    assert late["listeners"] <= early["listeners"] + 100
    assert late["heap"] <= early["heap"] + 1_000_000


def test_a_booth_at_home_that_was_started_again_gets_the_photo_again(quick, open_page):
    """It has forgotten all of it, but the pad has the photo still."""
    quick.stand_in("bedrock", canned={}, latency=HOLD)
    pad = open_page(settings=ONE_PICTURE)
    take_photo(pad)
    pad.click("#use")
    await_phase(pad, "working")
    asked = request_id(pad)
    quick.forget_everything()
    quick.stand_in("bedrock", canned={})
    await_phase(pad, "ended")
    await_pictures(pad, 1)
    assert (request_id(pad), kept_photos(pad)) == (asked, 0)  # the same link on the phones
