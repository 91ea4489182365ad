"""The next visitor meets nothing of the last one, and no gesture takes two steps."""

from playwright.sync_api import expect

from tests.support.page import (
    ONE_PICTURE,
    CannedBooth,
    await_phase,
    await_pictures,
    go_to_camera,
    kept_photos,
    play_animations,
    request_id,
    stop_clock,
    take_photo,
    use_photo_offline,
)

PICTURES = "document.querySelectorAll('img[src^=\"blob:\"]').length"


def test_who_has_left_is_left_after_a_reload_too(quick, open_page):
    """The photo is still sent, but neither it nor its QR code is shown again. The one that was scanned before shows the
    pictures.
    """
    pad = open_page(settings=ONE_PICTURE, service_workers="allow")
    pad.evaluate("navigator.serviceWorker.ready.then(() => true)")
    use_photo_offline(pad)
    phone = open_page("phone", f"#visit={request_id(pad)}")
    await_phase(phone, "missing")
    pad.click("#done")
    pad.wait_for_selector("#begin")
    for _ in range(2):
        pad.reload()
        pad.wait_for_selector("#begin, #visit")
        assert pad.locator("#begin").is_visible()
        assert not pad.locator("#qr").is_visible()
        assert pad.evaluate(PICTURES) == 0
    assert kept_photos(pad) == 1
    pad.context.set_offline(False)
    await_phase(phone, "ended")
    await_pictures(phone, 1)
    expect(pad.locator("#begin")).to_be_visible()
    assert kept_photos(pad) == 0


def test_what_one_device_deletes_the_others_stop_showing(quick, open_page):
    """Pictures on the pad, enlarged on another phone; and the photo of a visit that failed, in the database too."""
    pad = open_page(settings=ONE_PICTURE, go=False)
    pad.clock.install()
    pad.goto("/")
    take_photo(pad)
    pad.click("#use")
    await_phase(pad, "ended")
    await_pictures(pad, 1)
    phone = open_page("phone", go=False)
    phone.clock.install()
    phone.goto(f"/#visit={request_id(pad)}")
    await_pictures(phone, 1)
    phone.click(".tile.loaded .enlarge >> nth=0")
    assert quick.delete(request_id(pad))[0] == 200
    for page in (pad, phone):
        page.clock.run_for(11_000)
        await_phase(page, "deleted")
        assert page.evaluate(PICTURES) == 0
        assert not page.locator("#viewer").is_visible()
        assert not page.locator("#qr").is_visible()

    pad.click("#done")
    quick.stand_in("rekognition", canned={"faces": 0})
    with pad.expect_request("**/photo") as asked:
        take_photo(pad)
        pad.click("#use")
    pad.locator("#visit[data-phase=failed]").wait_for()
    assert kept_photos(pad) == 1
    assert quick.delete(asked.value.post_data_json["requestId"])[0] == 200
    pad.clock.run_for(11_000)
    pad.locator("#visit[data-phase=deleted]").wait_for()
    assert pad.evaluate(PICTURES) == 0
    assert kept_photos(pad) == 0


WATCH = """() => {
  window.reached = [];
  const look = () => document.querySelectorAll(":is(main, dialog) :is(button, label, input)").forEach((element) => {
    const box = element.getBoundingClientRect();
    const hit = box.width && document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    if (hit && element.contains(hit)) {
      window.reached.push(`${document.body.dataset.screen}: ${element.id}`);
    }
  });
  document.addEventListener("shown", look);
  new MutationObserver((changes) => changes.some(({ target }) => target.open) && look())
    .observe(document.body, { attributeFilter: ["open"], subtree: true });
}"""


def test_no_screen_and_no_dialog_can_be_touched_by_the_tap_that_opened_it(quick, open_page):
    pad = open_page()
    booth = CannedBooth(pad)
    pad.evaluate(WATCH)
    go_to_camera(pad)
    pad.click("#camera .back")
    pad.click("#scenes .back")
    pad.click("#begin")
    pad.click("#privacy-link")
    pad.click("#close-privacy")
    pad.click("#agree")
    pad.click("#to-camera")
    pad.click("#shoot:not(:disabled)")
    pad.click("#retake")
    pad.click("#shoot:not(:disabled)")
    booth.answer = (422, {"error": {"code": "NoFaceFound", "message": ""}})
    pad.click("#use")
    pad.locator("#visit[data-phase=failed]").wait_for()
    booth.answer = None
    pad.click("#another")
    pad.click("#shoot:not(:disabled)")
    pad.click("#use")
    booth.paint(pad, "D")
    pad.click(".tile.loaded .enlarge >> nth=0")
    pad.click("#close-viewer")
    pad.click("#delete")
    pad.click("#ask-no")
    pad.click("#done")
    pad.wait_for_selector("#begin")
    assert pad.evaluate("window.reached") == []


def test_a_double_tap_is_one_step(quick, open_page):
    """On the start, where #agree will lie; on a dialog, over what lies below it. Who has gone is not waited for."""
    pad = open_page(go=False)
    stop_clock(pad)  # of events, too
    pad.goto("/")
    pad.click("#begin")
    middle = middle_of(pad, "#agree")
    pad.click("#refuse")
    expect(pad.locator("#begin")).to_be_visible()
    pad.click("#start", trial=True)  # waits until it takes touches
    play_animations(pad, 0.001)  # however long a slow machine takes from the first tap to the second
    pad.mouse.dblclick(*middle)
    assert pad.locator("#consent").is_visible()

    play_animations(pad, 20)
    pad.clock.run_for(61_000)
    assert pad.inner_text("#ask-title") == "Are you still there?"
    pad.click("#ask-no", trial=True)
    x, y = middle_of(pad, "#ask-no")
    pad.evaluate(
        "([x, y]) => Object.assign(document.getElementById('agree').style,"
        " { position: 'fixed', left: `${x - 40}px`, top: `${y - 20}px` })",
        [x, y],
    )
    pad.mouse.dblclick(x, y)
    expect(pad.locator("#ask")).to_be_hidden()
    assert pad.locator("#consent").is_visible()
    pad.clock.run_for(61_000)
    pad.clock.run_for(16_000)
    pad.wait_for_selector("#begin")
    assert not pad.locator("#ask").is_visible()


def test_a_held_or_repeated_enter_is_one_step(quick, open_page):
    """At a visit whose photo was not sent yet; the dialog that it opens deletes it."""
    pad = open_page()
    use_photo_offline(pad)
    pad.focus("#delete")
    for _ in range(3):
        pad.keyboard.press("Enter")
    expect(pad.locator("#ask")).to_be_visible()
    assert kept_photos(pad) == 1
    pad.keyboard.press("Escape")
    pad.focus("#delete")
    pad.evaluate("addEventListener('click', () => { window.clicks = (window.clicks ?? 0) + 1; }, true)")
    for _ in range(3):
        pad.keyboard.down("Enter")  # without an up: the key repeats
    pad.keyboard.up("Enter")
    assert pad.evaluate("window.clicks") == 1
    pad.click("#ask-yes")
    pad.wait_for_selector("#begin")
    assert kept_photos(pad) == 0
    assert "deleted" in pad.inner_text("#start-note")


def middle_of(page, selector):
    box = page.wait_for_selector(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
