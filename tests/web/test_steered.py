"""Staff steer the real booth: a pad at its start takes that up, and a photo that meets a pause is not lost."""

import pytest
from playwright.sync_api import expect

from tests.local.test_steering import REASON
from tests.support.page import (
    ONE_PICTURE,
    await_empty_outbox,
    await_modules,
    await_phase,
    await_pictures,
    kept_photos,
    request_id,
    take_photo,
)

pytestmark = pytest.mark.starts

MINUTE = 60_000
WATCH = 10_000
"""Milliseconds between two looks of a page whether what it shows may still be seen."""


def test_a_pad_takes_up_what_staff_change_and_keeps_a_photo_that_meets_a_pause(quick, steered, open_page):
    pad = open_page(go=False)
    pad.clock.install()
    pad.goto("/")
    expect(pad.locator("h1")).to_have_text("Photo Booth")
    shown = {"title": {"en": "Summer party", "ko": "여름 잔치"}, "scenes": ["reef", "sky"], "mostScenes": 2}
    assert steered(**shown)[0] == 200
    await_modules(pad)
    pad.clock.run_for(MINUTE)
    expect(pad.locator("h1")).to_have_text("Summer party")
    pad.click("#begin")
    pad.click("#agree")
    assert pad.locator(".scene").all_inner_texts() == ["Above the clouds", "Underwater reef"]
    pad.click("#to-camera")
    pad.click("#shoot:not(:disabled)")
    pad.wait_for_selector("#use")

    assert steered(**shown, paused={"until": 0, "reason": REASON})[0] == 200
    pad.click("#use")
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    expect(pad.locator("#note")).to_contain_text(f"{REASON['en']} Please come back a little later.")
    pad.get_by_role("button", name="한국어").click()
    expect(pad.locator("#note")).to_contain_text(REASON["ko"])
    assert kept_photos(pad) == 1
    assert steered(**shown)[0] == 200
    pad.clock.run_for(MINUTE / 2 + 1000)
    await_phase(pad, "ended")
    await_pictures(pad, 1)  # of those ticked at first, sky alone is offered
    await_empty_outbox(pad)


def test_pad_phone_and_staff_at_once(quick, steered, open_page):
    """One visit: what staff do to it is seen on both, and what they do to the booth on the pad."""
    staff = open_page("phone", go=False, has_touch=True)
    staff.goto(f"/staff#token={quick.app.staff_token}")
    visits = staff.locator(".figure").first
    before = int(visits.inner_text())

    pad, phone = open_page(go=False, settings=ONE_PICTURE), open_page("phone", go=False, settings=ONE_PICTURE)
    both = (pad, phone)
    for page in both:
        page.clock.install()
    pad.goto("/")
    take_photo(pad)
    pad.click("#use")
    link = f"/#visit={request_id(pad)}"
    phone.goto(link)
    for page in both:
        await_phase(page, "ended")
        await_pictures(page, 1)

    staff.click("#tab-visit")
    staff.fill("#link", quick.url + link)
    staff.click("#link-form [type=submit]")
    staff.click("#hide-visit")
    expect(staff.locator("#found-done")).to_contain_text("Hidden.")
    for page in both:
        looks(page, "hidden")
        expect(page.locator("#note")).to_have_text("The booth's staff do not show these pictures at the moment.")
        expect(page.locator(".tile")).to_have_count(0)
        expect(page.locator("#delete")).to_be_visible()  # hidden or not, it is the visitor's
    assert not pad.is_visible("#phone-card")
    staff.click("#show-visit")
    expect(staff.locator("#found-done")).to_have_text("Shown again.")
    for page in both:
        looks(page, "ended")
        await_pictures(page, 1)
    staff.click("#hide-visit")
    expect(staff.locator("#found-done")).to_contain_text("Hidden.")
    phone.reload()
    await_phase(phone, "hidden")
    staff.click("#delete-visit")
    staff.click("#ask-yes")
    expect(staff.locator("#found-done")).to_have_text("Deleted.")
    for page in both:
        looks(page, "deleted")
        expect(page.locator(".tile")).to_have_count(0)

    pad.click("#done")
    staff.click("#pause")
    staff.select_option("#until-when", "0")
    staff.click("#pause-form [type=submit]")
    expect(staff.locator("#state-title")).to_have_text("The booth is paused")
    pad.clock.run_for(MINUTE)
    expect(pad.locator("#pause")).to_contain_text("A short break. We are back soon.")
    expect(pad.locator("#begin")).to_be_hidden()
    staff.click("#go-on")
    expect(staff.locator("#state-title")).to_have_text("The booth is open")
    pad.clock.run_for(MINUTE)
    expect(pad.locator("#begin")).to_be_visible()

    staff.click("#tab-today")
    staff.click("#refresh")
    expect(visits).to_have_text(str(before + 1))  # though it was deleted


def looks(page, phase):
    """Lets a page look once more how its visit is, by which it comes to this phase."""
    page.clock.run_for(WATCH + 1000)
    await_phase(page, phase)
