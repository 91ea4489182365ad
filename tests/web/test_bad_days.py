"""What goes wrong: no dead end, no raw error, no lost photo."""

import json
import re
import uuid

from playwright.sync_api import expect

from tests.support.pacing import INPAINT, TITAN, called_before_admission
from tests.support.page import (
    ONE_PICTURE,
    CannedBooth,
    await_phase,
    await_pictures,
    kept_photos,
    request_id,
    stop_clock,
    take_another,
    take_photo,
    use_photo_offline,
)
from tests.support.photos import PHOTOS, named_files


def test_offline_in_the_middle_of_an_upload(quick, open_page):
    """The photo is kept, survives a reload without a connection, and is painted when the connection is back."""
    pad = open_page(settings=ONE_PICTURE, service_workers="allow")
    pad.evaluate("navigator.serviceWorker.ready.then(() => true)")
    use_photo_offline(pad)
    assert pad.inner_text("#status") == "Your photo is safe on this device"
    asked = request_id(pad)
    pad.reload()
    expect(pad.locator("#note")).not_to_be_empty()
    assert pad.inner_text("#status") == "Your photo is safe on this device"
    assert request_id(pad) == asked
    assert pad.locator(".photo .placeholder").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    pad.context.set_offline(False)
    await_phase(pad, "ended")
    await_pictures(pad, 1)
    assert kept_photos(pad) == 0


LOST = "The connection is lost. We try again by ourselves."


def test_what_a_visit_needs_can_not_be_loaded_on_the_pad(quick, open_page):
    """No visit begins without it. Once all of it is to be had the page loads itself anew, and the visit can begin."""
    pad = open_page(go=False)
    pad.clock.install()
    missing = re.compile(r"/(screens/tiles|vendor/lean-qr)\.js$")
    pad.route(missing, lambda route: route.abort())
    pad.goto("/")
    expect(pad.locator("#start-note")).to_have_text(LOST)
    pad.click("#begin")
    assert pad.inner_text("#start-note") == LOST
    pad.evaluate("window.isOld = true")
    pad.unroute(missing)
    pad.route("**/lean-qr.js", lambda route: route.abort())
    with pad.expect_response("**/tiles.js"):  # asked for again; the other one is still missing
        pad.clock.run_for(2000)
    assert pad.evaluate("window.isOld") and pad.inner_text("#start-note") == LOST
    pad.unroute("**/lean-qr.js")
    with pad.expect_navigation():
        pad.clock.run_for(2000)
    expect(pad.locator("#start-note")).to_have_text("")
    pad.click("#begin")
    pad.wait_for_selector("#agree")


def test_what_a_visit_needs_never_comes(quick, open_page):
    """Only what the browser asks for to run it: after 30 s the page loads itself anew."""
    pad = open_page(go=False)
    pad.clock.install()
    held = []
    pad.route("**/tiles.js", lambda route: route.continue_() if held else held.append(route))
    pad.goto("/", wait_until="commit")
    pad.click("#begin")
    expect(pad.locator("#start-note")).to_have_text("One moment …")
    with pad.expect_navigation():
        pad.clock.run_for(30_000)
    pad.click("#begin")
    pad.wait_for_selector("#agree")


def test_what_a_visit_needs_can_not_be_loaded_on_a_phone(quick, open_page):
    """Once it can, the page shows what the link leads to: here, a visit that has expired."""
    phone = open_page("phone", f"#visit={uuid.uuid4()}", go=False)
    phone.clock.install()
    phone.route("**/screens/visit.js", lambda route: route.abort())
    phone.goto(f"/#visit={uuid.uuid4()}")
    expect(phone.locator("#staff")).to_have_text(LOST)
    assert phone.locator("#staff").is_visible()
    phone.unroute("**/screens/visit.js")
    phone.clock.run_for(2000)
    await_phase(phone, "missing")
    assert "Pictures are kept for 7 days" in phone.inner_text("#note")
    assert not phone.locator("#delete").is_visible()


def test_everything_fails_once_or_twice(quick, open_page):
    """503, then 429 with a short Retry-After, then the PUT breaks off twice: the page goes on by itself."""
    pad = open_page()
    booth = CannedBooth(pad)
    booth.answer = (200, booth.told("D"))
    answers = [
        {"status": 503, "json": {"message": "Service Unavailable"}},
        {"status": 429, "json": {"message": "Too Many Requests"}, "headers": {"Retry-After": "1"}},
    ]
    breaks = ["connectionreset", "connectionaborted"]
    pad.route("**/upload", lambda route: route.fulfill(**answers.pop(0)) if answers else route.fallback())
    pad.route("**/put", lambda route: route.abort(breaks.pop(0)) if breaks else route.fallback())
    booth.choose_photo(pad)
    pad.evaluate("""() => {
      window.said = "";
      const note = document.getElementById("note");
      new MutationObserver(() => { said += note.textContent; }).observe(note, { childList: true });
    }""")
    pad.click("#use")
    await_phase(pad, "ended")
    await_pictures(pad, 1)
    assert answers == breaks == []
    busy, lost = pad.evaluate("['Very many people', 'There is no connection'].map((each) => said.indexOf(each))")
    assert 0 <= busy < lost


def test_the_image_models_are_in_great_demand(quick, open_page):
    """The visitor is told when the turn comes, and may walk on; the pictures come by themselves."""
    quick.redeploy(ImageModels=f"{TITAN}@us-east-1=3,{INPAINT}@us-east-1=3")
    pad = open_page(settings=ONE_PICTURE)
    take_photo(pad)
    called_before_admission(quick, -45, lambda: pad.click("#use"))
    expect(pad.locator("#status")).to_have_text(re.compile(r"Your turn in about [12]0 seconds"))
    expect(pad.locator("#note")).to_contain_text("You can walk on")
    await_phase(pad, "ended")
    await_pictures(pad, 1)


def test_without_long_polling_the_page_asks_again_when_retry_after_says(quick, open_page):
    """However often that is, the page never asks without a pause."""
    phone = open_page("phone", "#visit=11111111-2222-4333-8444-555555555555", go=False)
    stop_clock(phone)
    waiting = {"status": "QUEUED", "step": "wait", "progress": 0.38, "waiting_seconds": 60, "pictures": []}
    waiting |= {"url_original": "", "url_generated": "[]", "time_taken": "4.0", "requestId": "x", "error": None}
    asked = []

    def answer(route):
        asked.append(json.loads(route.request.post_data))
        route.fulfill(status=202, json=waiting, headers={"Retry-After": "20"})

    phone.route("**/photo", answer)
    phone.goto("/#visit=11111111-2222-4333-8444-555555555555")
    await_phase(phone, "working")
    phone.clock.run_for(15_000)
    assert len(asked) == 1
    for _ in range(2):
        with phone.expect_response("**/photo") as answered:
            phone.clock.run_for(20_000)
        answered.value.finished()
    assert [each.get("progress") for each in asked] == [None, 0.38, 0.38]


def test_no_face(quick, open_page):
    """The reason is told in the visitor's language, and the way on is another photo; the link shows it alone."""
    quick.stand_in("rekognition", canned={"faces": 0})
    pad = open_page(settings=ONE_PICTURE, locale="ko-KR")
    take_photo(pad)
    with pad.expect_request("**/photo") as asked:
        pad.click("#use")
    await_phase(pad, "failed")
    assert pad.inner_text("#note").startswith("사진에서 얼굴을 찾지 못했습니다.")
    pad.get_by_role("button", name="English").click()
    expect(pad.locator("#note")).to_contain_text("We could not find a face in this photo.")
    assert not pad.locator("#again").is_visible()
    phone = open_page("phone", f"#visit={asked.value.post_data_json['requestId']}")
    await_phase(phone, "failed")
    assert "We could not find a face in this photo." in phone.inner_text("#note")
    assert phone.locator(".tile").count() == 0
    quick.stand_in("rekognition", canned={"faces": 1})
    take_another(pad)


def test_the_days_budget_is_spent_then_a_service_fails_and_the_same_photo_is_sent_again(quick, open_page):
    """429 with a long Retry-After: nobody is left waiting, and the photo can be sent later; as after a failed run."""
    denied = {"status": 400, "type": "AccessDeniedException", "message": "no"}
    quick.stand_in("rekognition", canned={"faces": 1}, faults=[denied])
    pad = open_page(settings=ONE_PICTURE)
    refusal = {"error": {"code": "TooManyPhotos", "message": "Come back tomorrow."}}
    answer = {"statusCode": 429, "body": json.dumps(refusal)}
    pad.route("**/upload", lambda route: route.fulfill(status=429, json=answer, headers={"Retry-After": "3600"}))
    take_photo(pad)
    pad.click("#use")
    await_phase(pad, "failed")
    assert pad.inner_text("#note").startswith("The booth has painted as many photos as it may")
    pad.unroute("**/upload")
    pad.click("#again")
    expect(pad.locator("#note")).to_contain_text("Something went wrong")
    await_phase(pad, "failed")
    assert pad.inner_text("#note") == "Something went wrong on our side. Please try again."
    assert kept_photos(pad) == 1
    quick.stand_in("rekognition", canned={"faces": 1})
    pad.click("#again")
    await_phase(pad, "ended")
    await_pictures(pad, 1)
    assert kept_photos(pad) == 0


def test_a_partial_result(quick, open_page):
    pad = open_page(settings={"scenes": ["sky", "building"]})
    booth = CannedBooth(pad)
    answer = booth.told("DF")
    answer["pictures"][1]["error"]["code"] = "ContentBlocked"
    booth.answer = (200, answer)
    booth.choose_photo(pad)
    pad.click("#use")
    await_phase(pad, "ended")
    await_pictures(pad, 1)
    assert pad.inner_text("#status") == "1 of 2 pictures are ready"
    assert pad.inner_text(".tile.failed .note").startswith("The image service did not want to paint this picture.")


def test_a_chosen_file_is_taken_by_its_first_bytes(quick, open_page):
    """Whatever its name and its type say."""
    page = open_page(go=False)
    page.goto("/photo.js")
    told = """async ([name, type, text]) => {
      const { contentTypeOf } = await import("/photo.js");
      const bytes = Uint8Array.from(text, (each) => each.charCodeAt(0));
      return contentTypeOf(new File([bytes], name, { type })).catch((error) => error.code);
    }"""
    for name, type, data, content_type in named_files():
        got = page.evaluate(told, [name, type, data.decode("latin-1")])
        assert got == (content_type or "UnsupportedPhoto"), (name, type, data[:20])
    gone = """async () => {
      const { contentTypeOf } = await import("/photo.js");
      const file = new File(["x"], "photo.jpg", { type: "image/jpeg" });
      file.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException("", "NotReadableError")) });
      return contentTypeOf(file).catch((error) => error.code);
    }"""
    assert page.evaluate(gone) == "UnreadablePhoto"


def test_no_camera_permission_but_a_file_that_is_sent_as_what_it_is(quick, open_page):
    """Though it has neither a name that tells nor a type; what is no photo is not taken."""
    pad = open_page(go=False)
    refuse = "() => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    pad.add_init_script(f"navigator.mediaDevices.getUserMedia = {refuse}")
    pad.goto("/")
    CannedBooth(pad)
    pad.click("#begin")
    pad.click("#agree")
    pad.click("#to-camera")
    pad.wait_for_selector("#camera-problem")
    assert pad.inner_text("#camera-note").startswith("The camera is not allowed on this page.")
    heic = (PHOTOS / "quarters.heic").read_bytes()
    for name, wrong in (("empty.jpg", b""), ("photo.jpg", b"GIF89a" + bytes(100)), ("notes.txt", b"no photo")):
        content_type = "text/plain" if name.endswith("txt") else "image/jpeg"
        pad.set_input_files("#file", {"name": name, "mimeType": content_type, "buffer": wrong})
        expect(pad.locator("#camera-note")).to_contain_text("This file is not a photo we can read.")
    pad.set_input_files("#file", {"name": "1000012345", "mimeType": "application/octet-stream", "buffer": heic})
    with pad.expect_request("**/upload") as asked, pad.expect_request("**/put") as put:
        pad.click("#use")
    assert asked.value.post_data_json["contentType"] == put.value.headers["content-type"] == "image/heic"
    assert put.value.post_data_buffer == heic


def test_pairing(quick, open_page):
    """A booth that asks for a token: it is typed once, the waiting photo goes on, and the device keeps it for the next
    one. Once it is lost a pairing link does the same.
    """
    pad = open_page()
    booth = CannedBooth(pad)
    booth.answer = (200, booth.told("D"))
    demand_token(pad)
    booth.choose_photo(pad)
    pad.click("#use")
    pad.wait_for_selector("#token")
    assert kept_photos(pad) == 1
    pad.fill("#token", "wrong")
    pad.click("#pair-form [type=submit]")
    expect(pad.locator("#pair-problem")).to_have_text("The booth does not accept this token.")
    pad.fill("#token", "right")
    pad.click("#pair-form [type=submit]")
    await_phase(pad, "ended")
    assert pad.evaluate("localStorage.getItem('booth-token')") == "right"
    pad.evaluate("localStorage.clear()")
    pad.click("#done")
    booth.choose_photo(pad)
    pad.click("#use")
    pad.wait_for_selector("#token")
    pad.goto("/#pair=right")
    await_phase(pad, "ended")
    assert kept_photos(pad) == 0


def demand_token(page):
    """Answers POST /upload with 401 in the envelope unless it brings the one right token."""
    refusal = '{"error": {"code": "BoothTokenNeeded", "message": "This device must be paired."}}'

    def guard(route):
        if route.request.headers.get("authorization") == "Bearer right":
            route.fallback()
        else:
            route.fulfill(status=401, json={"statusCode": 401, "body": refusal})

    page.route("**/upload", guard)


def test_a_pairing_link_is_believed_only_after_the_booth_has_taken_its_token(quick, open_page):
    """A wrong token is told and doesn't replace the right one; without a connection it can be tried again. It doesn't
    stay in the address, and a photo needs no further question.
    """
    pad = open_page(go=False)
    booth = CannedBooth(pad)
    demand_token(pad)
    pad.goto("/")
    pad.evaluate("localStorage.setItem('booth-token', 'right')")
    pad.goto("/#pair=wrong")
    expect(pad.locator("#pair-problem")).to_have_text("The booth does not accept this token.")
    assert "wrong" not in pad.url
    assert pad.evaluate("localStorage.getItem('booth-token')") == "right"

    pad.evaluate("localStorage.clear()")
    abort = lambda route: route.abort()
    pad.route("**/upload", abort)
    pad.goto("/#pair=right")
    expect(pad.locator("#pair-problem")).to_contain_text("can't be reached")
    assert pad.evaluate("localStorage.getItem('booth-token')") is None
    pad.unroute("**/upload", abort)
    pad.click("#pair-form [type=submit]")
    expect(pad.locator("#start-note")).to_have_text("This device is paired.")
    assert pad.evaluate("localStorage.getItem('booth-token')") == "right"
    assert "right" not in pad.url
    booth.choose_photo(pad)
    with pad.expect_request("**/photo"):  # it is sent
        pad.click("#use")
