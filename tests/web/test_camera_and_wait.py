"""At the camera: where to look, what is heard, a file instead. Then the wait, and what a shared pad may not do."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.page import CannedBooth, await_phase, await_pictures, go_to_camera, stop_clock
from tests.support.photos import PHOTOS
from tests.web.test_looks import BOX, CODE, SIZES, is_over

BEEPS = """
window.beeps = [];
window.AudioContext = class {
  currentTime = 0;
  async resume() {}
  createOscillator() {
    const tone = { frequency: {}, connect: (to) => to, start() { beeps.push(this.frequency.value); }, stop() {} };
    return tone;
  }
  createGain() {
    const gain = { setValueAtTime() {}, exponentialRampToValueAtTime() {} };
    return { gain, connect: (to) => to };
  }
};
"""
# Boxes while it counts, with the lens at an edge: words and numeral, the camera's picture, what else is visible.
COUNTING = f"""(at) => {{
  document.getElementById("camera").dataset.at = at;
  const box = {BOX};
  const video = document.getElementById("preview");
  const {{ left, top, width, height }} = video.getBoundingClientRect();
  const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
  const [wide, high] = [video.videoWidth * scale, video.videoHeight * scale];
  const [x, y] = [left + (width - wide) / 2, top + (height - high) / 2];
  const picture = {{ left: x, top: y, right: x + wide, bottom: y + high, width: wide }};
  const others = [...document.querySelectorAll("#event, #languages, .camera-bar button")];
  return [box(document.getElementById("look")), picture, ...others.filter((each) => each.checkVisibility()).map(box)];
}}"""
NO_CAMERA = (
    "() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); }; }"
)


def test_the_countdown_leads_the_eyes_to_the_lens_and_lies_on_no_face(quick, open_page):
    """Faces may be anywhere in the camera's picture, so nothing lies on any of it, wherever the lens is. A photo taken
    again is used by itself.
    """
    pad = open_page(settings={"countdownSeconds": 3, "autoUseSeconds": 15}, go=False)
    stop_clock(pad)
    CannedBooth(pad)
    pad.add_init_script(BEEPS)
    pad.goto("/")
    go_to_camera(pad)
    assert not pad.is_visible("#look")
    pad.click("#shoot")
    expect(pad.locator("#countdown")).to_have_text("3")
    assert pad.get_attribute("#camera", "data-at") == "top"
    for language, words in (("ko", "여기를 봐 주세요"), ("en", "Look here")):
        pad.locator(f"#languages [lang={language}]").dispatch_event("click")
        expect(pad.locator("#look")).to_contain_text(words)
        for width, height in SIZES:
            pad.set_viewport_size({"width": width, "height": height})
            for at in ("top", "right", "bottom", "left"):
                look, picture, *others = pad.evaluate(COUNTING, at)
                where = (language, at, width, height)
                assert not [each for each in [picture, *others] if is_over(look, each)], where
                assert not [each for each in others if is_over(picture, each)], where
                assert look["left"] >= 0 and look["top"] >= 0, where
                assert look["right"] <= width and look["bottom"] <= height, where
                assert picture["width"] > min(width, height) / 2, where
                to_edge = {"top": look["top"], "left": look["left"]}
                to_edge |= {"bottom": height - look["bottom"], "right": width - look["right"]}
                assert to_edge[at] == min(to_edge.values()), where
    shot = count_down(pad)
    assert pad.evaluate("beeps") == [880, 880, 880, 1320]
    pad.click("#retake")
    pad.wait_for_selector("#shoot:not(:disabled):visible")
    assert not pad.is_visible("#look")
    pad.click("#shoot")
    assert count_down(pad) != shot
    pad.clock.run_for(14_000)
    assert pad.locator("#use").is_visible()
    with pad.expect_request("**/put"):
        pad.clock.run_for(1000)
    pad.wait_for_selector("#visit")  # nobody touched anything


def count_down(pad):
    """From 3 to the question whether the photo is to be used; gives the photo's address."""
    for number in ("3", "2", "1"):
        expect(pad.locator("#countdown")).to_have_text(number)
        pad.clock.run_for(1000)
    expect(pad.locator("#countdown")).to_be_empty()
    pad.clock.run_for(1000)
    pad.wait_for_selector("#use")
    return pad.get_attribute("#shot", "src")


def test_a_quiet_booth_whose_lens_is_at_its_side_and_that_takes_no_files(quick, open_page):
    pad = open_page(settings={"countdownSeconds": 1, "sound": False, "cameraAt": "left", "file": False}, go=False)
    pad.add_init_script(BEEPS)
    pad.goto("/")
    go_to_camera(pad)
    pad.click("#shoot")
    expect(pad.locator("#camera")).to_have_attribute("data-at", "left")
    pad.wait_for_selector("#use")
    assert pad.evaluate("beeps") == []
    pad.click("#retake")
    pad.wait_for_selector("#shoot:not(:disabled)")
    lose_the_camera(pad, has_file=False)
    assert pad.locator("#choose-file:visible").count() == 0


def lose_the_camera(pad, has_file):
    """From the camera to the dialog that says that there is none, and the way on that there is."""
    expect(pad.locator(".camera-bar #choose-file")).to_be_visible(visible=has_file)
    pad.click("#camera .back")
    pad.evaluate(NO_CAMERA)
    pad.click("#to-camera")
    expect(pad.locator("#camera-note")).to_contain_text("No camera can be used")
    assert ("choose a photo" in pad.inner_text("#camera-note")) == has_file
    assert pad.locator("#open-camera-app").is_visible() == has_file
    assert pad.locator(".camera-bar #choose-file:visible").count() == 0


def test_a_shared_pad_saves_and_prints_nothing_and_the_visitors_phone_does(quick, open_page):
    settings = {"save": False, "print": False}
    pad = open_page(settings=settings)
    CannedBooth(pad).show(pad, "DDD")
    pad.click(".tile.loaded .enlarge >> nth=0")
    pad.wait_for_selector("#close-viewer")
    assert pad.locator(":is(#save-all, #print-all, #save, #print):visible").count() == 0
    phone = open_page("phone", settings=settings, go=False)
    booth = CannedBooth(phone)
    phone.goto(f"/#visit={CODE}")
    booth.say(phone, "DDD")
    await_pictures(phone, 3)
    phone.wait_for_selector("#save-all")
    phone.click(".tile.loaded .enlarge >> nth=0")
    phone.wait_for_selector("#save")


def follow_queued(open_page, pictures, **more):
    """A phone that follows a visit, on a clock that stands.

    Gives its page, /photo's answer, the bar's value, and what changes the answer and lets so many milliseconds pass.
    """
    page = open_page("phone", f"#visit={CODE}", go=False)
    page.clock.install()
    answer = {"url_original": None, "url_generated": "[]", "error": None, "pictures": pictures}
    answer |= {"status": "QUEUED", "step": "wait", "time_taken": "1.0"} | more
    page.route("**/photo", lambda route: route.fulfill(status=202 if page_is_open(answer) else 200, json=answer))

    def value():
        return page.locator("#bar").evaluate("(bar) => bar.value")

    def go_on(milliseconds, **change):
        answer.update(change)
        page.clock.run_for(milliseconds)

    page.goto(f"/#visit={CODE}")
    return page, answer, value, go_on


def test_the_wait_says_how_long_and_its_bar_never_arrives_before_the_pictures(quick, open_page):
    pictures = [{"scene": scene, "state": "RUNNING", "url": None, "error": None} for scene in ("sky", "reef", "forest")]
    page, answer, value, go_on = follow_queued(open_page, pictures, waiting_seconds=40, progress=0.4)
    status = page.locator("#status")
    expect(status).to_have_text("Your turn in about 40 seconds")
    go_on(30_000)
    assert value() == pytest.approx(0.2)
    go_on(11_000, status="RUNNING", step="generate", waiting_seconds=0, time_taken="41.0")
    expect(status).to_have_text(re.compile("^Painting your 3 pictures, about (10|20) seconds$"))
    first = value()
    go_on(10_000)
    expect(status).to_have_text("Painting your 3 pictures, about 10 seconds")
    assert first < value() < 0.92
    go_on(60_000)
    expect(status).to_have_text("Painting your 3 pictures, a moment more")
    assert 0.92 <= value() < 1
    go_on(11_000, status="SUCCEEDED", time_taken="120.0")
    await_phase(page, "ended")
    assert page.evaluate("localStorage.getItem('booth-seconds')") is None  # a queue's time tells nothing
    answer |= {"status": "RUNNING", "time_taken": "4.0", "pictures": pictures[:1]}
    page.reload()
    expect(status).to_have_text("Painting your picture, about 20 seconds")
    go_on(11_000, status="SUCCEEDED", time_taken="52.0")
    await_phase(page, "ended")
    answer |= {"status": "RUNNING", "time_taken": "4.0", "pictures": pictures}
    page.reload()
    expect(status).to_have_text("Painting your 3 pictures, about 50 seconds")
    page.get_by_role("button", name="한국어").click()
    expect(status).to_contain_text("사진 3장을 그리는 중, 약 50초")


def test_who_gets_one_picture_before_the_others_is_told_when_the_first_and_when_all_come(quick, open_page):
    def pictures(*waits, done=0):
        states = ["DONE"] * done + ["WAITING"] * (3 - done)
        scenes = ("sky", "reef", "forest")
        return [
            {"scene": scene, "state": state, "url": None, "error": None, "waiting_seconds": wait}
            for scene, state, wait in zip(scenes, states, waits, strict=True)
        ]

    page, _, value, go_on = follow_queued(open_page, pictures(10, 70, 72), waiting_seconds=10, progress=0.38)
    status = page.locator("#status")
    # A visit is taken to be painted in 20 s on a device that has seen none.
    expect(status).to_have_text("First picture in about 30 seconds, all 3 in about 100 seconds")
    expect(page.locator("#note")).to_contain_text("Very many pictures are being painted")
    go_on(12_000, status="RUNNING", step="generate", waiting_seconds=0, progress=0.4, pictures=pictures(0, 58, 60))
    expect(status).to_have_text(re.compile("^First picture in about (10|20) seconds, all 3 in about 80 seconds$"))
    go_on(11_000, progress=0.583, pictures=pictures(0, 49, 50, done=1))
    expect(status).to_have_text(re.compile("^All 3 pictures in about 70 seconds$"))
    begun = value()
    assert 0.2 < begun < 0.6
    go_on(8_000)
    expect(status).to_have_text(re.compile("^All 3 pictures in about (60|70) seconds$"))
    assert begun <= value() < 0.7
    go_on(60_000, pictures=pictures(0, 0, 0, done=1))
    expect(status).to_have_text(re.compile("^Painting your 3 pictures, (about (10|20) seconds|a moment more)$"))
    assert value() < 1


def page_is_open(answer):
    return answer["status"] in ("QUEUED", "RUNNING")


def test_the_booth_is_told_of_a_photo_when_the_camera_opens_and_not_again_for_some_minutes(quick, open_page):
    """The request uploads nothing, and a booth that can't be reached then keeps nobody from their photo, nor does the
    lack of a camera.
    """
    pad = open_page(settings={"countdownSeconds": 0}, go=False)
    pad.clock.install()
    asked = []
    pad.route("**/upload?wake", lambda route: (asked.append(route.request.post_data_json), route.abort()))
    pad.goto("/")
    go_to_camera(pad)
    expect(pad.locator("#shoot")).to_be_enabled()
    assert asked == [{}]
    pad.click("#camera .back")
    pad.click("#to-camera")
    expect(pad.locator("#shoot")).to_be_enabled()
    assert asked == [{}]
    pad.click("#camera .back")
    pad.clock.fast_forward("04:00")  # meanwhile the visitor has left
    pad.wait_for_selector("#begin")
    go_to_camera(pad)
    assert asked == [{}, {}]

    lose_the_camera(pad, has_file=True)
    with pad.expect_file_chooser() as chooser:
        pad.click("#camera-problem #choose-file")
    chooser.value.set_files(PHOTOS / "hopper.jpg")
    pad.wait_for_selector("#use")
