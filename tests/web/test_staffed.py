"""What the staff has set wrongly: the booth goes on with what is usual, and says what to mend."""

from playwright.sync_api import expect

from tests.support.page import CannedBooth, await_phase, stop_clock, take_photo
from tests.unit.test_page_settings import TEXT, WRONG, changed

IN_SIGHT = """(element) => {
  const { top, bottom, height } = element.getBoundingClientRect();
  return height > 0 && top >= 0 && bottom <= innerHeight;
}"""


def test_a_broken_settings_file_leaves_a_booth_that_works(quick, open_page):
    """Each kind of mistake in the file, also in the privacy page; the words are the visitor's language's."""
    pad = open_page(go=False)
    served = [TEXT.replace('"wall"', "wall")]
    pad.context.route("**/settings.json", lambda route: route.fulfill(body=served[0], content_type="application/json"))
    pad.goto("/")
    expect(pad.locator("#staff")).to_contain_text("For the booth's staff: settings.json or event.json is not right")
    assert pad.inner_text("h1") == "Photo Booth"
    assert pad.locator("#staff").evaluate(IN_SIGHT)
    pad.get_by_role("button", name="한국어").click()
    expect(pad.locator("#staff")).to_contain_text("부스 담당자께")
    pad.goto("/privacy.html")
    pad.wait_for_selector("#privacy-text p")
    told = """async (values) => {
      const { checked } = await import("/settings.js");
      return values.map((value) => checked(value).problems);
    }"""
    assert pad.evaluate(told, [changed(name, value) for name, value in WRONG]) == [[name] for name, _ in WRONG]
    served[0] = "[]"
    pad.goto("/")
    take_photo(pad)


def test_a_missing_settings_file_or_language_leaves_a_booth_that_works(quick, open_page):
    pad = open_page(settings={"languages": ["de", "ko"], "scenes": ["skies"]}, go=False)
    stop_clock(pad)
    pad.goto("/")
    expect(pad.locator("h1")).to_have_text("포토 부스")
    expect(pad.locator("#staff")).to_contain_text("고쳐 주세요: languages: de")
    pad.context.route("**/settings.json", lambda route: route.fulfill(status=404, json={"message": "Not Found"}))
    pad.goto("/?anew")
    expect(pad.locator("#staff")).to_contain_text("HTTP 404")
    pad.context.route("**/languages/*", lambda route: route.abort())
    pad.goto("/?once-more")
    expect(pad.locator("#staff")).to_contain_text("can't load its texts")
    pad.context.unroute("**/languages/*")
    pad.clock.run_for(10_000)
    expect(pad.locator("#staff")).to_contain_text("HTTP 404")  # it has tried again by itself


def test_a_wrong_frame_is_told_to_the_staff_and_no_picture_is_held_back(quick, open_page):
    pad = open_page(settings={"frame": "/event/gone.png", "logo": "privacy.html"})
    booth = CannedBooth(pad)
    expect(pad.locator("#staff")).to_contain_text("frame: /event/gone.png, logo: privacy.html")
    take_photo(pad)
    assert not pad.locator("#staff").is_visible()
    pad.click("#use")
    booth.paint(pad, "D")
    phone = open_page("phone", "#visit=abc", settings={"frame": "/event/gone.png"})
    await_phase(phone, "failed")
    assert not phone.locator("#staff").is_visible()
    assert phone.inner_text("#note") == "This link is not complete. Please scan the QR code again."
    assert not phone.locator("#delete").is_visible()
    phone.get_by_role("button", name="한국어").click()
    expect(phone.locator("#note")).to_contain_text("링크가 완전하지 않습니다.")
