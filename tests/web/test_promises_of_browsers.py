"""What a browser promises and doesn't keep. What only iOS or Android does is done by stubs, as each test says."""

import shutil

from playwright.sync_api import expect

from tests.support.page import CannedBooth, await_empty_outbox, kept_photos, take_photo
from tests.support.photos import PHOTOS

KEEPS_EMPTY_BLOBS = """
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (record) {
    const emptied = Object.entries(record).map(([key, value]) => [key, value instanceof Blob ? new Blob() : value]);
    return put.call(this, Object.fromEntries(emptied));
  };
"""

# Chromium encodes what `toBlob` is given when it is idle, or after 11 seconds (24 on Android).
NEVER_IDLE = "HTMLCanvasElement.prototype.toBlob = () => {};"


def choose(pad, file):
    pad.click("#begin")
    pad.click("#agree")
    pad.click("#to-camera")
    pad.set_input_files("#file", file)
    pad.wait_for_selector("#use")


def test_a_file_that_changes_after_it_was_chosen(quick, open_page, tmp_path):
    """Chromium itself refuses to upload such a file (ERR_UPLOAD_FILE_CHANGED), to a real server at least."""
    quick.app.drop_events = True  # nothing is painted
    pad = open_page()
    file = tmp_path / "photo.jpg"
    shutil.copy(PHOTOS / "astronaut.jpg", file)
    choose(pad, file)
    file.write_bytes(b"another one")
    with pad.expect_response(lambda response: response.request.method == "PUT" and response.ok):
        pad.click("#use")


def test_blobs_that_come_back_empty_from_the_database(quick, open_page):
    """As in Safari 26.5 (a stub): what is sent after a reload is the photo. One that is lost is no success."""
    pad = open_page(go=False)
    pad.add_init_script(KEEPS_EMPTY_BLOBS)
    booth = CannedBooth(pad)
    refuse = lambda route: route.abort()
    pad.route("**/upload", refuse)
    pad.goto("/")
    take_photo(pad)
    pad.click("#use")
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    pad.reload()
    sent = []
    pad.on("request", lambda request: sent.append(request) if request.method == "PUT" else None)
    pad.unroute("**/upload", refuse)
    booth.paint(pad, "D")
    assert [len(request.post_data_buffer or b"") > 1000 for request in sent] == [True]

    kept_by_an_older_page = """async () => {
      const { uuid } = await import("/api.js");
      const record = { requestId: uuid(), created: Date.now(), blob: new Blob(), contentType: "image/jpeg",
                       scenes: ["beach"], consent: null, uploaded: null, sent: false, bound: false };
      const opening = indexedDB.open("photo-booth", 1);
      await new Promise((resolve) => { opening.onsuccess = resolve; });
      const transaction = opening.result.transaction("visits", "readwrite");
      transaction.objectStore("visits").put(record);
      await new Promise((resolve) => { transaction.oncomplete = resolve; });
      opening.result.close();
    }"""
    pad.evaluate(kept_by_an_older_page)
    sent.clear()
    pad.reload()
    pad.locator("#visit[data-phase=failed]").wait_for()
    assert pad.inner_text("#note") == "This photo is damaged or incomplete. Please take it again."
    assert sent == []
    pad.click("#another")
    pad.wait_for_selector("#shoot:not(:disabled)")
    assert kept_photos(pad) == 0


def test_two_tabs_send_a_photo_once(quick, open_page):
    """The second one leaves it to the first; if that is closed, it goes on where the first one was."""
    pad = open_page()
    booth = CannedBooth(pad.context)
    issued, held = [], [True]

    def hold(route):
        issued.append(route.request)
        if held:
            route.abort()
        else:
            route.fallback()

    pad.context.route("**/upload", hold)
    take_photo(pad)
    pad.click("#use")
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    second = pad.context.new_page()
    second.goto("/")
    second.wait_for_selector("#begin")
    before = len(issued)
    held.clear()
    with pad.expect_request(lambda request: request.method == "PUT"):
        booth.paint(pad, "D")
    second.reload()
    second.wait_for_selector("#begin")
    assert len(issued) == before + 1

    pad.bring_to_front()  # a tab behind another one has one frame a second
    pad.click("#done")
    held.append(True)
    take_photo(pad)
    pad.click("#use")
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    second.reload()
    second.wait_for_selector("#begin")
    assert kept_photos(second) == 1
    held.clear()
    with second.expect_response(lambda response: response.request.method == "PUT" and response.ok):
        pad.close()
    booth.say(second, "D")
    await_empty_outbox(second)


def test_a_database_and_locks_that_never_answer(quick, open_page):
    """Both as stubs: the start comes, the photo is sent, and it is deleted."""
    pad = open_page(go=False)
    booth = CannedBooth(pad)
    pad.add_init_script("""
      indexedDB.open = () => ({});
      navigator.locks.request = navigator.locks.query = () => new Promise(() => {});
      navigator.serviceWorker.register = () => new Promise(() => {});
    """)
    pad.goto("/")
    take_photo(pad)
    with pad.expect_request("**/put"):
        pad.click("#use")
    booth.paint(pad, "D")
    booth.answer = (200, {})
    pad.click("#delete")
    with pad.expect_request(lambda request: request.method == "DELETE"):
        pad.click("#ask-yes")
    expect(pad.locator("#start-note")).to_contain_text("deleted")


def test_a_camera_that_never_answers_and_one_that_stands_still(quick, open_page):
    """Stubs: getUserMedia that doesn't settle, a second camera, the lock screen of an iPad, a browser never idle."""
    pad = open_page(settings={"countdownSeconds": 3}, go=False)
    pad.add_init_script(NEVER_IDLE)
    pad.add_init_script("""
      const devices = navigator.mediaDevices;
      const open = devices.getUserMedia.bind(devices);
      window.asked = [];
      window.streams = [];
      window.isStuck = true;
      devices.getUserMedia = async (wanted) => {
        asked.push(wanted.video.deviceId?.exact);
        if (isStuck) {
          await new Promise((resolve) => { window.answer = resolve; });
        }
        streams.push(await open({ video: true }));
        return streams.at(-1);
      };
      const cameras = ["front", "back"].map((deviceId) => ({ kind: "videoinput", deviceId }));
      devices.enumerateDevices = async () => cameras;
    """)
    pad.clock.install()
    pad.goto("/")
    pad.click("#begin")
    pad.click("#agree")
    pad.click("#to-camera")
    assert pad.inner_text("#camera-note") == "The camera is starting …"
    pad.clock.run_for(9000)
    assert pad.inner_text("#camera-note").startswith("The camera shows no picture yet.")
    pad.set_viewport_size({"width": 844, "height": 390})
    pad.click("#retry-camera", trial=True)  # nothing lies over it
    pad.evaluate("answer()")  # a late one is taken
    pad.wait_for_selector("#shoot:not(:disabled)")
    assert not pad.locator("#camera-problem").is_visible()

    pad.evaluate("asked.length = 0; isStuck = false")
    pad.evaluate("const button = document.getElementById('switch'); button.click(); button.click()")
    pad.wait_for_selector("#shoot:not(:disabled)")
    assert pad.evaluate("asked.length") == 1

    pad.evaluate("document.getElementById('preview').pause()")
    pad.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    pad.wait_for_selector("#shoot:not(:disabled)")
    assert pad.evaluate("asked.length") == 2
    assert not pad.evaluate("document.getElementById('preview').paused")
    live = "streams.filter((stream) => stream.getTracks().some(({ readyState }) => readyState === 'live')).length"
    assert pad.evaluate(live) == 1

    pad.click("#shoot")  # a camera that is opened anew meanwhile takes the picture all the same
    pad.evaluate("isStuck = true; document.dispatchEvent(new Event('woke'))")
    pad.clock.run_for(4000)
    assert pad.locator("#shoot").is_disabled()
    pad.evaluate("answer()")
    pad.wait_for_selector("#use")
    assert pad.evaluate(live) == 0

    pad.evaluate("isStuck = false")
    pad.click("#retake")
    pad.wait_for_selector("#shoot:not(:disabled)")
    assert pad.evaluate(live) == 1
    pad.click("#camera .back")
    assert pad.evaluate(live) == 0


def test_what_is_due_is_decided_when_the_pad_wakes(quick, open_page):
    """Timers that sleep with the device, as a stub: the clock goes on, they don't."""
    pad = open_page(settings={"autoUseSeconds": 15}, go=False)
    pad.clock.install()
    booth = CannedBooth(pad)

    def sleep(seconds, event="document.dispatchEvent(new Event('visibilitychange'))"):
        pad.clock.set_system_time(pad.evaluate("Date.now()") / 1000 + seconds)
        pad.evaluate(event)

    pad.goto("/")
    take_photo(pad)
    sleep(20)
    assert pad.locator("#visit").is_visible()
    booth.paint(pad, "D")
    sleep(3600)
    pad.wait_for_selector("#begin", timeout=60_000)  # timers alone would take longer
    assert pad.locator(".tile").count() == 0

    asked = []
    pad.on("request", lambda request: asked.append(request.url) if request.method != "GET" else None)
    take_photo(pad)
    sleep(3600, event="0")  # a sleep that no event tells of
    pad.clock.run_for(1000)
    pad.wait_for_selector("#begin", timeout=60_000)  # timers alone would take longer
    assert (asked, kept_photos(pad)) == ([], 0)
