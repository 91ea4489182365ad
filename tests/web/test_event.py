"""What staff change on the day: a pad takes it up at the start screen, and is paused by it."""

import json
import time

import pytest
from playwright.sync_api import expect

from tests.support.page import CannedBooth, await_empty_outbox, await_modules, kept_photos, stop_clock
from tests.unit.test_event import PNG, WHOLE, WRONG

pytestmark = pytest.mark.starts

REASON = {"en": "We refill the printer.", "ko": "프린터를 채우고 있습니다."}


class Served:
    """The event.json that the page gets; `event` None: there is none, "": no answer."""

    def __init__(self, page):
        self.event, self.asked = None, 0
        page.route("**/event.json", self._answer)

    def _answer(self, route):
        self.asked += 1
        if self.event == "":
            route.abort()
        elif self.event is None:
            route.fulfill(status=404, json={"message": "Not Found"})
        else:
            route.fulfill(json=self.event)


@pytest.fixture
def pad(quick, open_page):
    """On a clock that stands, with the `event.json` that the test sets."""
    page = open_page(go=False)
    stop_clock(page)
    page.served = Served(page)
    return page


def look(page):
    await_modules(page)
    page.clock.run_for(31_000)
    page.evaluate("fetch('settings.json').then((answer) => answer.text())")  # what was asked before is answered by then


def test_what_staff_change_is_taken_up_within_a_minute_and_not_during_a_visit(pad):
    """Title, languages, scenes and how many of them; no answer leaves it, no file is as deployed."""
    pad.goto("/")
    expect(pad.locator("h1")).to_have_text("Photo Booth")
    expect(pad.locator("#drift img").first).to_be_attached()
    title = {"en": "Summer party"}
    changes = {"title": title, "languages": ["en"], "scenes": ["reef", "sky"], "mostScenes": 1}
    pad.served.event = {"version": 1, **changes}
    look(pad)
    expect(pad.locator("h1")).to_have_text("Summer party")
    expect(pad.locator("#languages")).to_be_hidden()
    pad.served.event = ""
    look(pad)
    assert pad.inner_text("h1") == "Summer party"
    pad.click("#begin")
    pad.click("#agree")
    assert pad.locator(".scene").all_inner_texts() == ["Above the clouds", "Underwater reef"]
    assert pad.inner_text("#chosen") == "1 of 1 chosen"
    before = pad.served.asked
    pad.clock.run_for(50_000)
    assert pad.served.asked == before
    pad.served.event = {"version": 2, **changes, "title": {"en": 3}, "logo": "gone.png"}
    pad.click("#scenes .back")
    pad.wait_for_selector("#begin")  # what is due is decided once the start is shown
    look(pad)
    expect(pad.locator("h1")).to_have_text("Photo Booth")
    expect(pad.locator("#staff")).to_contain_text("event.json: title, logo: gone.png")
    pad.served.event = None
    look(pad)
    expect(pad.locator("#staff")).to_be_empty()
    expect(pad.locator("#languages button")).to_have_count(2)


def test_while_the_booth_is_paused_nobody_can_begin_and_it_goes_on_by_itself(pad):
    """The start says why and until when, in the visitor's language."""
    until = int(time.time()) + 600
    pad.served.event = {"version": 1, "paused": {"until": until, "reason": REASON}}
    pad.goto("/")
    at = pad.evaluate("(until) => new Date(until * 1000).toLocaleTimeString('en', { timeStyle: 'short' })", until)
    expect(pad.locator("#pause")).to_have_text(f"We refill the printer. We go on at {at}.")
    expect(pad.locator("#begin")).to_be_hidden()
    pad.click("#title")
    assert pad.get_attribute("body", "data-screen") == "start"
    pad.get_by_role("button", name="한국어").click()
    expect(pad.locator("#pause")).to_contain_text("프린터를 채우고 있습니다.")
    pad.served.event = {"version": 2, "paused": {"until": 0, "reason": REASON}}
    look(pad)
    expect(pad.locator("#pause")).to_contain_text("잠시 후 다시 찾아 주세요.")
    pad.served.event = {"version": 3, "paused": {"until": int(time.time()) + 120, "reason": REASON}}
    look(pad)
    expect(pad.locator("#pause")).to_contain_text("다시 시작합니다.")
    pad.clock.run_for(180_000)
    expect(pad.locator("#begin")).to_be_visible()
    assert pad.inner_text("#pause") == ""


def test_a_photo_that_a_paused_booth_does_not_take_waits_until_it_goes_on(quick, open_page):
    """Its visitor reads why, and may walk on."""
    pad = open_page()
    booth = CannedBooth(pad)
    error = {"code": "Paused", "message": REASON["en"], "reason": REASON, "until": 0}
    paused = {"statusCode": 503, "body": json.dumps({"error": error})}
    refuse = lambda route: route.fulfill(status=503, json=paused, headers={"Retry-After": "30"})
    pad.route("**/upload", refuse)
    booth.choose_photo(pad)
    pad.click("#use")
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    expect(pad.locator("#note")).to_contain_text("We refill the printer. Please come back a little later.")
    pad.get_by_role("button", name="한국어").click()
    expect(pad.locator("#note")).to_contain_text("프린터를 채우고 있습니다.")
    pad.click("#done")
    assert kept_photos(pad) == 1
    pad.unroute("**/upload", refuse)
    booth.answer = (200, booth.told("D"))
    pad.reload()
    await_empty_outbox(pad)


def test_what_staff_have_changed_is_there_after_a_reload_without_a_connection(steered, open_page):
    """Written by PUT /staff/settings, read from the page's bucket, kept by the service worker."""
    assert steered(title={"en": "Summer party"})[0] == 200
    pad = open_page(service_workers="allow")
    expect(pad.locator("h1")).to_have_text("Summer party")
    pad.evaluate("navigator.serviceWorker.ready.then(() => true)")
    pad.context.set_offline(True)
    pad.reload()
    expect(pad.locator("h1")).to_have_text("Summer party")


def test_the_page_refuses_what_the_back_end_refuses(quick, open_page):
    """Field by field; what depends on the catalogue, the deployment or a picture's bytes is the back end's alone."""
    page = open_page(go=False)
    page.goto("/event.js")
    told = """async (events) => {
      const { withEvent } = await import("/event.js");
      const deployed = { settings: {}, problems: [] };
      return events.map((event) => withEvent(deployed, JSON.stringify(event)).problems);
    }"""
    alone = (["atlantis"], 301, {"en": "half \ud83d"}, "data:image/png;base64,AAAA", PNG[:-1])
    wrong = [each for each in WRONG if each[2] not in alone]
    assert page.evaluate(told, [WHOLE]) == [[]]
    found = page.evaluate(told, [WHOLE | {name: value} for name, _, value in wrong])
    assert found == [[f"event.json: {name}"] for name, _, _ in wrong]
