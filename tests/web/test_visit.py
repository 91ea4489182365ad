"""A visit from the first touch to the last."""

import io
import json
import zipfile

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from booth.pixels.encoding import AI_MARK, encode_jpeg
from tests.support.page import (
    CannedBooth,
    await_phase,
    await_pictures,
    go_to_camera,
    kept_photos,
    request_id,
    take_photo,
)
from tests.support.photos import PHOTOS
from tests.unit.test_page_settings import AGREED


def test_whole_visit(quick, open_page):
    """Nothing sent before consent, scenes of the visitor's choice, the phone's link, the archive, and all deleted."""
    pad = open_page(go=False)
    posted = []
    pad.on("request", lambda request: posted.append(request) if request.method not in ("GET", "HEAD") else None)
    pad.goto("/")
    pad.click("#begin")
    pad.click("#privacy-link")
    assert "Amazon Rekognition" in pad.inner_text("#privacy-text")
    pad.click("#close-privacy")
    pad.click("#refuse")
    assert posted == []
    pad.click("#begin")
    pad.emulate_media(reduced_motion="no-preference")
    pad.click("#agree")
    pad.get_by_role("checkbox", name="In the city").uncheck()
    pad.get_by_role("checkbox", name="Underwater reef").check()
    chosen = pad.locator("#scene-list li:has(:checked)").all_inner_texts()
    assert len(chosen) == 3
    assert pad.inner_text("#chosen") == "3 of 3 chosen"
    pad.click("#to-camera")
    pad.click("#shoot:not(:disabled)")
    pad.wait_for_selector("#use")
    assert [(each.url.rpartition("/")[2], each.post_data) for each in posted] == [("upload?wake", "{}")]
    with pad.expect_request("**/upload") as upload:
        pad.click("#use")
    consent = upload.value.post_data_json["consent"]
    assert consent.pop("time").endswith("Z")
    assert consent == {"policy": AGREED[0], "language": "en", "wall": False}
    pad.wait_for_selector("#visit")
    pad.emulate_media(reduced_motion="reduce")  # without a graphics card the tiles' shimmer keeps a core busy
    phone = open_page("phone", f"#visit={request_id(pad)}")
    await_phase(pad, "ended")
    pad.emulate_media(reduced_motion="no-preference")
    for page in (pad, phone):
        await_phase(page, "ended")
        await_pictures(page, 3)
        assert page.inner_text("#status") == "Your pictures are ready"
        assert sorted(page.locator(".tile:not(.photo) .caption").all_inner_texts()) == sorted(chosen)
    assert kept_photos(pad) == 0
    assert_shown_pictures_are_the_booths(quick, pad)

    pad.click("#done")
    pad.wait_for_selector("#begin")
    assert pad.locator(".tile").count() == 0
    pad.emulate_media(reduced_motion="reduce")  # the start's pictures drift by
    phone.reload()
    await_pictures(phone, 3)
    assert phone.locator(":is(#print-all, #done, #phone-card, #another):visible").count() == 0
    with phone.expect_download() as download:
        phone.click("#save-all")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert [name.split("-")[2] for name in archive.namelist()] == ["1", "2", "3"]
        for name in archive.namelist():
            Image.open(io.BytesIO(archive.read(name))).verify()

    phone.click("#delete")
    phone.click("#ask-yes")
    await_phase(phone, "deleted")
    assert phone.locator(".tile").count() == 0
    phone.reload()
    await_phase(phone, "deleted")


def assert_shown_pictures_are_the_booths(booth, page):
    """Without a frame or a logo the page changes nothing of a picture: what is saved is byte by byte the booth's."""
    asked = request_id(page)
    _, _, answer = booth.post("/photo", {"requestId": asked})
    page.click(".tile.loaded .enlarge >> nth=0")
    with page.expect_download() as download:
        page.click("#save")
    url = json.loads(answer["url_generated"])[0]
    assert download.value.path().read_bytes() == booth.http("GET", url)[2]
    page.click("#close-viewer")


def test_the_ticked_scenes_are_always_the_ones_that_will_be_sent(quick, open_page):
    """The next visitor begins with the booth's choice; one who takes another photo keeps theirs, after a reload too."""
    pad = open_page(settings={"idleSeconds": 600})
    booth = CannedBooth(pad)
    go_to_camera(pad)
    pad.click("#camera .back")
    shipped = ticked(pad)
    swap(pad, "In the city", "Underwater reef")
    assert ticked(pad) != shipped
    pad.click("#scenes .back")
    pad.click("#begin")
    pad.click("#agree")
    assert ticked(pad) == shipped

    swap(pad, "In the city", "Underwater reef")
    pad.get_by_role("radio", name="All of me").check()
    own = ticked(pad)
    pad.click("#to-camera")
    pad.click("#shoot:not(:disabled)")
    pad.click("#use")
    pad.wait_for_selector("#visit")
    booth.answer = (422, {"error": {"code": "NoFaceFound", "message": ""}})
    pad.reload()
    await_phase(pad, "failed")
    pad.click("#another")
    pad.click("#camera .back")
    assert ticked(pad) == own
    assert pad.get_by_role("radio", name="All of me").is_checked()


def ticked(page):
    return page.locator("#scene-list li:has(:checked)").all_inner_texts()


def swap(page, first, second):
    page.get_by_role("checkbox", name=first).uncheck()
    page.get_by_role("checkbox", name=second).check()


def test_the_visitor_walks_on_while_it_paints(quick, open_page):
    """The pad is free at once and shows the next visitor nothing of the last one."""
    pad = open_page()
    booth = CannedBooth(pad)
    booth.choose_photo(pad)
    pad.click("#use")
    booth.say(pad, "WWW", status=202)
    booth.say(pad, "DWW", status=202)
    await_pictures(pad, 1)
    assert pad.get_attribute("#visit", "data-phase") == "working"
    first = request_id(pad)
    pad.click("#done")
    booth.choose_photo(pad)
    pad.click("#use")
    pad.wait_for_selector("#visit")
    assert pad.locator(".tile.loaded").count() == 0
    assert request_id(pad) != first


def test_each_picture_shows_the_moment_it_is_finished(quick, open_page):
    """With one picture still to come, the others are there, and words, steps and bar say so."""
    pad = open_page()
    booth = CannedBooth(pad)
    booth.choose_photo(pad)
    pad.click("#use")
    booth.say(pad, "WWW", status=202)
    booth.say(pad, "DDW", status=202)
    await_pictures(pad, 2)
    assert pad.get_attribute("#visit", "data-phase") == "working"
    assert pad.inner_text("#status").startswith("Painting your 3 pictures, ")
    assert pad.inner_text("#steps [aria-current=step]") == "Painting"
    assert 0.65 < pad.evaluate("document.getElementById('bar').value") < 1
    booth.say(pad, "DDD")
    await_phase(pad, "ended")
    await_pictures(pad, 3)


def test_enlarge_compare_and_print(quick, open_page):
    pad = open_page(go=False)
    pad.add_init_script("window.print = () => { document.documentElement.dataset.printed = 'yes'; }")
    booth = CannedBooth(pad)
    pad.route("**/photo/p.jpg", lambda route: route.fulfill(path=PHOTOS / "hopper.jpg"))
    pad.goto("/")
    take_photo(pad)
    pad.click("#use")
    booth.paint(pad, "DDD")
    pad.click(".tile.loaded .enlarge >> nth=0")
    before = pixel_at_a_quarter(pad)
    pad.fill("#split", "50")
    assert pixel_at_a_quarter(pad) != before
    pad.fill("#split", "0")
    assert pixel_at_a_quarter(pad) == before
    first = pad.inner_text("#viewer-title")
    pad.click("#next")
    assert pad.inner_text("#viewer-title") != first
    pad.click("#previous")
    assert pad.inner_text("#viewer-title") == first
    pad.click("#close-viewer")

    pad.click("#print-all")
    pad.check("#kinds [value=each]")
    pad.click("#print-now")
    expect(pad.locator("html")).to_have_attribute("data-printed", "yes")
    pad.emulate_media(media="print")
    assert pad.locator("#sheet .pictures img:visible").count() == 3
    assert not pad.locator("#visit").is_visible()
    pad.evaluate("dispatchEvent(new Event('afterprint'))")  # on iOS before the sheet is printed
    assert pad.locator("#sheet .pictures img:visible").count() == 3
    pad.emulate_media(media="screen")
    pad.click("#done")
    pad.wait_for_selector("#begin")
    assert pad.locator("#sheet img").count() == 0


def pixel_at_a_quarter(page):
    picture = Image.open(io.BytesIO(page.locator("#compare").screenshot()))
    return picture.getpixel((picture.width // 4, 40))


def test_the_operators_frame_and_logo(quick, open_page):
    """They lie on what is shown and on what is saved, and the mark that it is AI-generated stays in the file."""
    pad = open_page(settings={"frame": "/frame.svg", "logo": "/logo.svg"}, go=False)
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30" width="40" height="30">'
    frame = head + '<path d="M0 0h40v30H0zM1 1v28h38V1z" fill="#ff00ff" fill-rule="evenodd"/></svg>'
    logo = head + '<path d="M0 0h40v30H0z" fill="#00ff00"/></svg>'
    booth = CannedBooth(pad)
    booth.photo = encode_jpeg(np.full((480, 640, 3), 128, np.uint8), AI_MARK)  # as the booth does
    pad.add_init_script("HTMLCanvasElement.prototype.toBlob = () => {};")  # a browser that is never idle
    pad.route("**/frame.svg", lambda route: route.fulfill(body=frame, content_type="image/svg+xml"))
    pad.route("**/logo.svg", lambda route: route.fulfill(body=logo, content_type="image/svg+xml"))
    pad.goto("/")
    take_photo(pad)
    pad.click("#use")
    booth.paint(pad, "D")
    pad.click(".tile.loaded .enlarge >> nth=0")
    with pad.expect_download() as download:
        pad.click("#save")
    data = download.value.path().read_bytes()
    assert b"compositeWithTrainedAlgorithmicMedia" in data
    saved = Image.open(io.BytesIO(data)).convert("RGB")
    shown = Image.open(io.BytesIO(pad.locator("#compare").screenshot())).convert("RGB")
    for picture in (saved, shown):
        assert is_near(picture.getpixel((picture.width // 2, 2)), (255, 0, 255))
        corner = (round(picture.width * 0.94), round(picture.height * 0.92))
        assert is_near(picture.getpixel(corner), (0, 255, 0))
        middle = picture.getpixel((picture.width // 2, picture.height // 2))
        assert not is_near(middle, (255, 0, 255)) and not is_near(middle, (0, 255, 0))


def is_near(colour, wanted):
    return all(abs(a - b) < 60 for a, b in zip(colour, wanted, strict=True))
