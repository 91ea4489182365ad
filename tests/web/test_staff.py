"""The staff's page on a phone, in the whole application: the figures, the settings, and one visit at a time."""

import base64
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from PIL import Image
from playwright.sync_api import expect

from booth.aws import table
from tests.support.booth import ask_for_upload
from tests.support.photos import photo
from tests.web.test_craft import check, check_texts

pytestmark = pytest.mark.starts


CAMERA = """
  let stream;
  window.isCameraOff = () => stream.getTracks().every(({ readyState }) => readyState === "ended");
  navigator.mediaDevices.getUserMedia = async () => {
    const { generate } = await import("/vendor/lean-qr.js");
    const code = Object.assign(document.createElement("canvas"), { width: 1280, height: 960 });
    const context = code.getContext("2d");
    const small = document.createElement("canvas");
    generate(LINK).toCanvas(small, { on: [14, 11, 22, 255], off: [255, 255, 255, 255] });
    context.imageSmoothingEnabled = false;
    const draw = () => {
      context.fillStyle = "#777";
      context.fillRect(0, 0, 1280, 960);
      context.drawImage(small, 420, 260, 440, 440);
    };
    setInterval(draw, 50); // a canvas gives a picture of what is drawn only
    draw();
    stream = code.captureStream(20);
    return stream;
  };
"""
"""A camera before which the QR code of LINK is held."""


def file_of(name, size, colour):
    """A PNG to choose, of one colour; `colour`: red, green, blue, alpha."""
    out = io.BytesIO()
    Image.new("RGBA", size, colour).save(out, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}


def picture_in(url):
    """(format, size) of a data: URL's picture."""
    head, _, data = url.partition(",")
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert head == f"data:image/{picture.format.lower()};base64"
        return picture.format, picture.size


def count_on(booth, day, **numbers):
    """Puts a day's figures into the table, by kind and name joined by "_"."""
    values = {name.replace("_", " "): {"N": str(number)} for name, number in numbers.items()}
    expires = {"expires": {"N": str(int(datetime.now(UTC).timestamp()) + 3600)}}
    booth.table.put_item(TableName=booth.table_name, Item=table.key_of("stats", day) | values | expires)


def open_staffs_page(quick, open_page, token, **options):
    page = open_page("phone", go=False, has_touch=True, **options)
    page.goto(f"/staff#token={token}")
    return page


def test_only_a_staff_token_opens_it_and_it_leaves_the_address(quick, open_page):
    page = open_staffs_page(quick, open_page, "a-token-of-nobody")
    expect(page.locator("#token-problem")).to_have_text("The booth does not accept this token.")
    assert page.url.endswith("/staff")
    check(page)
    page.fill("#staff-token", quick.app.staff_token)
    page.click("#token-form [type=submit]")
    expect(page.locator("#state-title")).to_have_text("The booth is open")
    page.reload()
    expect(page.locator("#state-title")).to_have_text("The booth is open")
    page.click("#sign-out")
    page.reload()
    expect(page.locator("#sign-in")).to_be_visible()


def test_a_device_that_is_a_pad_too_keeps_nothing_of_staffs_or_the_walls(quick, open_page):
    """Its service worker keeps the visitors' page. Kept figures would be shown as new, even without a token."""
    page = open_page("phone", service_workers="allow")
    page.wait_for_function("() => navigator.serviceWorker.controller")
    page.goto(f"/staff#token={quick.app.staff_token}")
    expect(page.locator("#state-title")).to_have_text("The booth is open")
    page.goto("/wall")
    expect(page.locator("#problem")).not_to_be_empty()
    kept = page.evaluate("caches.open('page').then((cache) => cache.keys()).then((keys) => keys.map(({ url }) => url))")
    assert kept and not [url for url in kept if url.startswith((f"{quick.url}/staff", f"{quick.url}/wall"))]


def test_figures_a_pause_and_one_tap_to_go_on(quick, steered, open_page):
    """What staff see is what the booth has counted, today and on earlier days; what they set is what it does."""
    quick.process(photo(), scenes=["sky"])
    before = datetime.now(UTC).date() - timedelta(days=1)
    count_on(quick, before.isoformat(), ended_SUCCEEDED=40, ended_FAILED=1, failed_NoFaceFound=1, pictures_reef=80)
    page = open_staffs_page(quick, open_page, quick.app.staff_token, locale="ko-KR")
    expect(page.locator(".figure").first).not_to_have_text("0")
    expect(page.locator("#figures")).to_contain_text("이미지 모델")
    check(page)
    page.click("#languages [lang=en]")
    today = page.input_value("#day")
    assert date.fromisoformat(today) > before
    expect(page.locator("#figures")).to_contain_text("No limit is set")

    page.fill("#day", before.isoformat())
    expect(page.locator(".figure").first).to_have_text("41")
    shown = page.inner_text("#figures")
    assert "40 complete, 0 in part, 1 without a picture" in shown
    assert "Underwater reef" in shown
    assert "No limit is set" not in shown, "what is told of today alone"
    assert page.locator(".figure").nth(2).inner_text() == "\u2013", "pictures that wait"
    page.fill("#day", today)
    expect(page.locator("#figures")).to_contain_text("No limit is set")

    page.click("#pause")
    page.select_option("#until-when", "0")
    check(page)
    assert steered(copies=1)[0] == 200  # by somebody else, meanwhile
    page.click("#pause-form [type=submit]")
    expect(page.locator("#state-title")).to_have_text("The booth is paused")
    expect(page.locator("#pause-dialog")).to_be_hidden()
    check(page)
    quick.app.restart("Upload")  # what it had read is believed for ten seconds
    status, _, body = ask_for_upload(quick)
    assert (status, body["error"]["message"]) == (503, "A short break. We are back soon.")
    assert quick.http("GET", f"{quick.url}/event.json")[2]["copies"] == 1, "what somebody else has set"
    page.click("#go-on")
    expect(page.locator("#state-title")).to_have_text("The booth is open")
    quick.app.restart("Upload")
    assert ask_for_upload(quick)[0] == 200


def test_the_event_is_changed_and_two_who_do_so_at_once_lose_nothing(quick, steered, open_page):
    page = open_staffs_page(quick, open_page, quick.app.staff_token)
    page.click("#tab-event")
    expect(page.locator("#title-en")).to_have_value("Photo Booth")
    check(page)
    page.fill("#number-mostScenes", "9")
    page.click("#save-event")
    expect(page.locator("#problem-mostScenes")).to_have_text("Please choose a number from 1 to 5.")
    page.fill("#number-mostScenes", "1")
    choose = lambda name, *file: page.set_input_files(f"#field-{name} [type=file]", file_of(*file))
    choose("frame", "opaque.png", (80, 60), (255, 0, 0, 255))
    expect(page.locator("#problem-frame")).to_contain_text("No part of this picture shows through")
    choose("frame", "frame.png", (2400, 1800), (255, 0, 0, 100))
    expect(page.locator("#field-frame .preview img")).to_be_visible()
    choose("logo", "logo.png", (1000, 500), (0, 0, 255, 255))
    expect(page.locator("#field-logo .preview img")).to_be_visible()
    page.fill("#title-ko", "두\u2028줄")
    page.click("#save-event")  # what the page takes, and the booth does not
    expect(page.locator("#problem-title")).to_contain_text("must be one line of 1 to 120 characters")
    expect(page.locator("#title-ko")).to_be_focused()
    expect(page.locator("#title-ko")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#save-problem")).to_have_text("One field is not right yet.")
    page.fill("#title-ko", "포토 부스")
    page.fill("#title-en", "Mine")
    page.fill("#number-photosPerDay", "1234")

    assert steered(title={"en": "Theirs", "ko": "그들"}, copies=0)[0] == 200
    page.click("#save-event")
    expect(page.locator("#save-problem")).to_contain_text("Somebody else has saved meanwhile.")
    expect(page.locator("#field-title .theirs")).to_contain_text("Theirs / 그들")
    assert page.input_value("#title-en") == "Mine"
    assert page.input_value("#number-copies") == "0", "nobody has touched it here"
    page.click("#save-event")
    expect(page.locator("#saved")).to_contain_text("Saved.")
    event = quick.http("GET", f"{quick.url}/event.json")[2]
    assert (event["title"]["en"], event["mostScenes"], event["copies"], event["version"]) == ("Mine", 1, 0, 2)
    page.click("#tab-today")
    expect(page.locator("#figures")).to_contain_text("of 1,234 for the day")
    assert picture_in(event["frame"]) == ("WEBP", (1600, 1200))
    assert picture_in(event["logo"]) == ("WEBP", (640, 320))


def test_a_visit_is_scanned_hidden_shown_again_and_deleted(quick, open_page):
    """The camera, a stub, sees the code. Chromium on Linux has no reader of its own: the vendored one is loaded."""
    _, answer = quick.process(photo(), scenes=["sky"])
    asked = {"requestId": answer["requestId"]}
    page = open_page("phone", go=False, has_touch=True)
    page.add_init_script(f"const LINK = '{quick.url}/#visit={answer['requestId']}';{CAMERA}")
    page.goto(f"/staff#token={quick.app.staff_token}")
    page.click("#tab-visit")
    check(page)
    page.fill("#link", "nothing")
    page.click("#link-form [type=submit]")
    expect(page.locator("#link-problem")).to_have_text("This is no link of a visit.")
    page.click("#scan")
    expect(page.locator("#found-title")).to_have_text(f"Visit … {answer['requestId'][-6:]}")
    expect(page.locator("#scanner")).to_be_hidden()
    assert page.evaluate("isCameraOff()")
    page.click("#hide-visit")
    expect(page.locator("#found-done")).to_contain_text("Hidden.")
    check(page)
    assert quick.post("/photo", asked)[2]["error"]["code"] == "Hidden"
    page.click("#show-visit")
    expect(page.locator("#found-done")).to_have_text("Shown again.")
    assert quick.post("/photo", asked)[0] == 200
    page.click("#delete-visit")
    page.click("#ask-yes")
    expect(page.locator("#found-done")).to_have_text("Deleted.")
    assert quick.post("/photo", asked)[2]["error"]["code"] == "Deleted"


def test_staffs_texts_are_complete():
    check_texts("staff")
