"""Staff steer the real booth: a pad at its start takes that up, and a photo that meets a pause is not lost."""

import pytest
from playwright.sync_api import expect

from tests.local.test_steering import REASON
from tests.support.page import await_empty_outbox, await_phase, await_pictures, kept_photos

pytestmark = pytest.mark.starts

MINUTE = 60_000


def test_a_pad_takes_up_what_staff_change_and_a_pause(quick, steered, open_page):
    pad = open_page(go=False)
    pad.clock.install()
    pad.goto("/")
    expect(pad.locator("h1")).to_have_text("Photo Booth")
    shown = {"title": {"en": "Summer party", "ko": "여름 잔치"}, "scenes": ["reef", "sky"], "mostScenes": 2}
    assert steered(**shown)[0] == 200
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
    expect(pad.locator("#note")).to_contain_text(REASON["en"])
    assert kept_photos(pad) == 1
    assert steered(**shown)[0] == 200
    pad.clock.run_for(MINUTE / 2 + 1000)
    await_phase(pad, "ended")
    await_pictures(pad, 1)  # of those ticked at first, sky alone is offered
    await_empty_outbox(pad)

    assert steered(**shown, paused={"until": 0, "reason": REASON})[0] == 200
    pad.click("#done")
    pad.clock.run_for(MINUTE)
    expect(pad.locator("#pause")).to_contain_text(REASON["en"])
    expect(pad.locator("#begin")).to_be_hidden()
    assert steered(**shown)[0] == 200
    pad.clock.run_for(MINUTE)
    expect(pad.locator("#begin")).to_be_visible()
