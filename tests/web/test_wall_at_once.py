"""One visit of the real booth on pad, phone, staff's page and the wall at the same time."""

import pytest
from playwright.sync_api import expect

from deploy.stack import consent
from tests.support.page import ONE_PICTURE, await_phase, await_pictures, request_id
from tests.support.photos import photo
from tests.web.test_wall import SMALL

pytestmark = pytest.mark.starts

WITH_WALL = ONE_PICTURE | {"wall": True}


def test_pad_phone_staff_and_wall_at_once(quick, open_page):
    """A doubtful picture waits for staff; what they, its visitor and the network do is seen on the wall at once."""
    quick.clear_wall()
    quick.stand_in("rekognition", canned={"faces": 1, "labels": {"Violence": 61.0}})
    wall, staff = open_page(go=False), open_page("phone", go=False, has_touch=True)
    wall.set_viewport_size(SMALL)
    wall.goto(f"/wall#token={quick.app.wall_token}")
    on_wall = wall.locator(".slide img")
    staff.goto(f"/staff#token={quick.app.staff_token}")
    staff.click("#tab-wall")
    expect(staff.locator("#no-waiting")).to_be_visible()

    pad = open_page(go=False, settings=WITH_WALL)
    pad.goto("/")
    pad.click("#begin")
    pad.check("#wall")
    pad.click("#agree")
    pad.click("#to-camera")
    pad.click("#shoot:not(:disabled)")
    pad.click("#use")
    phone = open_page("phone", go=False, settings=WITH_WALL, has_touch=True)
    phone.goto(f"/#visit={request_id(pad)}")
    for page in (pad, phone):
        await_phase(page, "ended")
        await_pictures(page, 1)
    says = phone.locator(".on-wall p")
    expect(says).to_have_text("Wall: staff look first")
    expect(staff.locator("#waiting li")).to_have_count(1)
    expect(staff.locator("#waiting li")).to_contain_text("61")
    expect(on_wall).to_have_count(0)

    staff.locator("#waiting li").get_by_role("button", name="Show", exact=True).click()
    expect(on_wall).to_have_count(1)
    assert wall.evaluate("document.querySelector('.slide img').naturalWidth") > 0
    assert request_id(pad) not in wall.content()
    phone.reload()
    expect(says).to_have_text("On the wall")

    staff.click("#undo")
    expect(on_wall).to_have_count(0)
    staff.locator("#waiting li").get_by_role("button", name="Show", exact=True).click()
    expect(on_wall).to_have_count(1)

    wall.context.set_offline(True)
    expect(on_wall).to_have_count(0, timeout=20_000)
    expect(wall.locator("#title")).to_be_visible()
    wall.context.set_offline(False)
    expect(on_wall).to_have_count(1)

    phone.locator(".on-wall button").click()
    expect(says).to_have_text("Not on the wall")
    expect(on_wall).to_have_count(0)
    expect(staff.locator("#shown li:not(.gone)")).to_have_count(0)
    expect(pad.locator(".on-wall p")).to_have_text("Not on the wall")


def test_each_mode_of_moderation_is_seen_on_wall_and_staffs_page_until_the_visit_expires(quick, open_page):
    quick.clear_wall()
    wall, staff = open_page(go=False), open_page("phone", go=False, has_touch=True)
    wall.set_viewport_size(SMALL)
    wall.goto(f"/wall#token={quick.app.wall_token}")
    on_wall = wall.locator(".slide img")
    staff.goto(f"/staff#token={quick.app.staff_token}")
    staff.click("#tab-wall")
    shown = staff.locator("#shown li:not(.gone)")
    runs = []
    for mode, says, count in (
        ("on", "Moderation is on", 0),
        ("shadow", "Moderation only counts", 1),
        ("off", "Moderation is off", 2),
    ):
        quick.redeploy(WallModeration=mode)
        quick.stand_in("rekognition", canned={"faces": 1, "labels": {"Explicit": 90.0}})
        uploaded, _ = quick.process(photo(), consent=consent() | {"wall": True}, scenes=["sky"])
        runs.append(quick.record(uploaded)["run"])
        expect(staff.locator("#wall-mode")).to_contain_text(says)
        expect(on_wall).to_have_count(count)
    staff.click("#shown-new")  # the list doesn't move by itself
    expect(shown).to_have_count(2)
    expect(staff.locator("#waiting li")).to_have_count(0)

    for left, run in ((1, runs[1]), (0, runs[2])):
        quick.expire(run)
        expect(on_wall).to_have_count(left)
