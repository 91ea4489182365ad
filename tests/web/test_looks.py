"""What lies over what, and what a visitor reads: the choice of scenes, tiles, the slider, the start, errors."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.page import CannedBooth, await_phase, await_pictures

SIZES = [(1180, 820), (820, 1180), (1024, 768), (768, 1024), (1080, 1920), (1920, 1080), (390, 844), (844, 390)]
BOX = """(element) => {
  const { left, top, right, bottom, width, height } = element.getBoundingClientRect();
  return { left, top, right, bottom, width, height };
}"""
BOXES = f"(elements) => elements.map({BOX})"
# Of a text with what lies behind it, the backgrounds of its ancestors, on white; as WCAG counts it.
CONTRAST_ON_WHITE = """(element) => {
  const luminance = (colour) => colour.map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0.05);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const layers = [];
  for (let at = element; at.id !== "top"; at = at.parentElement) {
    layers.unshift(numbers(getComputedStyle(at).backgroundColor));
  }
  const under = layers.reduce(
    (below, [red, green, blue, alpha = 1]) => (
      [red, green, blue].map((each, at) => alpha * each + (1 - alpha) * below[at])),
    [255, 255, 255],
  );
  const [light, dark] = [luminance(numbers(getComputedStyle(element).color).slice(0, 3)), luminance(under)];
  return Math.max(light, dark) / Math.min(light, dark);
}"""
CODE = "00000000-0000-4000-8000-000000000000"


def boxes(page, selector):
    return page.locator(selector).evaluate_all(BOXES)


def box(page, selector):
    return page.locator(selector).evaluate(BOX)


def is_over(one, other):
    """Whether two boxes have more than a line of half a pixel in common."""
    apart = one["right"] <= other["left"] + 0.5 or other["right"] <= one["left"] + 0.5
    return not (apart or one["bottom"] <= other["top"] + 0.5 or other["bottom"] <= one["top"] + 0.5)


def test_the_way_to_the_camera(quick, open_page):
    """As it looks, on one page."""
    pad = open_page()
    assert_the_start_fills_the_screen_from_its_first_pixel(pad)
    pad.click("#begin")
    pad.click("#agree")
    pad.wait_for_selector(".scene")
    assert_all_scenes_are_in_view_with_their_titles_below(pad)
    pad.set_viewport_size({"width": 1180, "height": 820})
    assert_one_scene_too_many_is_not_taken_and_that_is_said(pad)
    pad.click("#to-camera")
    pad.wait_for_selector("#shoot:not(:disabled)")
    assert_the_head_can_be_read_whatever_the_camera_shows(pad)


def assert_the_start_fills_the_screen_from_its_first_pixel(pad):
    """The notice of the local mode below it is in the visitor's language."""
    pad.wait_for_selector("#drift img")
    for language in ("en", "ko"):
        pad.click(f"#languages [lang={language}]")
        expect(pad.locator("html")).to_have_attribute("lang", language)
        assert box(pad, "#start")["top"] == 0
        seen = pad.locator("#notice summary:visible").all_inner_texts()
        assert len(seen) == 1
        assert bool(re.search("[가-힣]", seen[0])) == (language == "ko")


def assert_all_scenes_are_in_view_with_their_titles_below(pad):
    """At each size, in both languages; phones scroll.

    No tile looks disabled, none is left alone, no title lies over its picture.
    """
    for width, height in SIZES:
        pad.set_viewport_size({"width": width, "height": height})
        for language in ("ko", "en"):
            pad.click(f"#languages [lang={language}]")
            expect(pad.locator("html")).to_have_attribute("lang", language)
            pad.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert_scenes_are_in_view(pad, width, height)
    looks = pad.locator(".scene img").evaluate_all("(all) => all.map((each) => getComputedStyle(each).filter)")
    assert set(looks) == {"none"}


def assert_scenes_are_in_view(pad, width, height):
    both = boxes(pad, ".scene :is(img, span)")
    tiles, pictures, titles = boxes(pad, ".scene"), both[::2], both[1::2]
    assert not any(is_over(a, b) for a, b in zip(pictures, titles, strict=True))
    assert all(title["height"] < picture["height"] / 2 for picture, title in zip(pictures, titles, strict=True))
    rows = [sum(tile["top"] == top for tile in tiles) for top in sorted({tile["top"] for tile in tiles})]
    assert rows[-1] >= rows[0] / 2, (width, rows)
    assert pad.evaluate("document.documentElement.scrollWidth") <= width
    if min(width, height) > 500:
        assert max(tile["bottom"] for tile in tiles) <= box(pad, "#scenes .sticky")["top"] + 10, (width, height)
    parts = boxes(pad, ".part")
    assert len(parts) == 3
    assert all(part["left"] >= 0 and part["right"] <= width for part in parts), (width, height)
    assert all(part["bottom"] <= height for part in parts), (width, height)
    assert not any(is_over(a, b) for a in parts for b in boxes(pad, "#scenes :is(.back, #to-camera, #chosen)"))


def assert_one_scene_too_many_is_not_taken_and_that_is_said(pad):
    chosen = pad.locator(".scene:has(:checked)")
    before = chosen.all_inner_texts()
    pad.get_by_role("checkbox", name="Underwater reef").click()
    assert chosen.all_inner_texts() == before
    assert "tap one of yours first" in pad.inner_text("#chosen")
    pad.get_by_role("checkbox", name="In the city").click()
    pad.get_by_role("checkbox", name="Underwater reef").click()
    assert "Underwater reef" in chosen.all_inner_texts()
    assert pad.inner_text("#chosen") == "3 of 3 chosen"


def assert_the_head_can_be_read_whatever_the_camera_shows(pad):
    """Over a white picture, too: the contrast of 4.5 that WCAG asks for."""
    for selector in ("#event", "#languages button"):
        assert pad.locator(selector).first.evaluate(CONTRAST_ON_WHITE) >= 4.5, selector


def test_where_one_scene_is_chosen_another_takes_its_place(quick, open_page):
    single = open_page(settings={"mostScenes": 1, "scenes": ["skies"]})
    single.click("#begin")
    single.click("#agree")
    single.get_by_role("checkbox", name="Underwater reef").click()
    assert single.locator(".scene:has(:checked)").all_inner_texts() == ["Underwater reef"]


def test_nothing_lies_over_a_picture_and_the_handle_is_on_its_line(quick, open_page):
    """With pictures that came and with one that did not."""
    pad = open_page("phone", f"#visit={CODE}", go=False)
    pad.clock.install()
    pictures = [
        {"scene": scene, "state": "DONE", "url": f"http://cdn/photo/{number}.jpg", "error": None}
        for number, scene in enumerate(("sky", "building", "forest"))
    ]
    answer = {"status": "DONE", "step": "generate", "progress": 1, "pictures": pictures}
    answer["url_original"] = "http://cdn/photo/p.jpg"
    pad.route("**/photo", lambda route: route.fulfill(json=answer))
    pad.route(re.compile("/photo/[p01]"), lambda route: route.fulfill(path="web/thumbnails/sky.jpg"))
    pad.route(re.compile("/photo/2"), lambda route: route.abort())
    pad.goto(f"/#visit={CODE}")
    await_phase(pad, "ended")
    await_pictures(pad, 2)
    pad.clock.run_for(20_000)
    pad.wait_for_selector(".reload:visible")
    for width, height in SIZES:
        pad.set_viewport_size({"width": width, "height": height})
        both = boxes(pad, ".tile :is(.frame, .caption)")  # of one moment: the layout may still change
        frames, captions = both[::2], both[1::2]
        assert not any(is_over(a, b) for a in frames for b in captions)
        note, reload = boxes(pad, ".tile:has(.reload:not([hidden])) :is(.note, .reload)")
        assert not is_over(note, reload), (width, height)
    pad.click(".tile.loaded .enlarge >> nth=0")
    pad.click("#compare", trial=True)  # once it takes a touch
    compare = box(pad, "#compare")
    for share in (0.25, 0.5, 0.9):
        pad.mouse.click(compare["left"] + compare["width"] * share, compare["top"] + 30)
        line = box(pad, "#handle")
        middle = (line["left"] + line["right"]) / 2
        assert abs(middle - compare["left"] - compare["width"] * share) < compare["width"] / 100 + 1
        knob = pad.locator("#handle").evaluate("(line) => getComputedStyle(line, '::after').transform")
        size = pad.locator("#handle").evaluate("(line) => parseFloat(getComputedStyle(line, '::after').width)")
        assert float(knob.split(",")[4]) == pytest.approx(-size / 2)


def test_no_sentence_for_programmers_reaches_a_visitor(quick, open_page):
    pad = open_page()
    booth = CannedBooth(pad)
    for code in ("BadRequest", "SomethingNew"):
        message = "A short requestId needs 'bucket' and 'key' with each call."
        booth.answer = (400, {"error": {"code": code, "message": message}})
        booth.choose_photo(pad)
        pad.click("#use")
        await_phase(pad, "failed")
        expect(pad.locator("#note")).to_contain_text("Something went wrong on our side.")
        pad.get_by_role("button", name="한국어").click()
        expect(pad.locator("#note")).to_contain_text("문제가 생겼습니다.")
        pad.click("#done")
