"""What a visitor's page says of the event's wall, and how a picture is taken off it there."""

import json

from playwright.sync_api import expect

from tests.support.page import CODE, CannedBooth, await_pictures
from tests.web.test_craft import check

STANDING = ["Wall: being checked", "Wall: staff look first", "On the wall", "Not on the wall"]


def test_each_picture_says_how_it_stands_with_the_wall_and_is_taken_off_there(quick, open_page):
    """While one is being checked the page asks every 3 s. What can't be taken off is as before, and says so."""
    phone = open_page("phone", go=False, has_touch=True)
    phone.clock.install()
    booth = CannedBooth(phone)
    phone.goto(f"/#visit={CODE}")
    asked, answers = [], [503, 503, 503, 200]

    def take_off(route):
        asked.append((route.request.method, json.loads(route.request.post_data)))
        route.fulfill(status=answers.pop(0), json={})

    phone.route("**/wall/pictures", take_off)
    booth.say(phone, "DDDD", wall=["checking", "waiting", "shown", "off"])
    await_pictures(phone, 4)
    rows = phone.locator(".on-wall p")
    expect(rows).to_have_text(STANDING)
    buttons = phone.locator(".on-wall button")
    expect(buttons).to_have_text(["Don't show it", "Don't show it", "Take it off", "Don't show it"])
    expect(buttons.nth(3)).to_be_hidden()
    check(phone)
    phone.clock.run_for(3000)
    booth.say(phone, "DDDD", wall=["shown", "waiting", "shown", "off"])
    expect(rows.first).to_have_text("On the wall")

    buttons.nth(2).click()
    expect(rows.nth(2)).to_have_text("Not on the wall")
    phone.clock.run_for(10_000)
    expect(rows.nth(2)).to_have_text("That didn't work. Please try again.")
    assert asked == [("DELETE", {"requestId": CODE, "picture": 3})] * 3
    phone.click("#languages [lang=ko]")
    expect(buttons.nth(2)).to_have_text("화면에서 내리기")
    buttons.nth(2).click()
    expect(rows.nth(2)).to_have_text("행사장 화면에 없음")
    expect(buttons.nth(2)).to_be_hidden()
    assert len(asked) == 4
    booth.say(phone, "DDDD", wall=["shown", "shown", "shown", "off"])  # asked for before
    expect(rows.nth(1)).to_have_text("행사장 화면에 있음")
    expect(rows.nth(2)).to_have_text("행사장 화면에 없음")
    check(phone)


def test_a_visit_that_is_not_for_the_wall_loads_nothing_of_it(quick, open_page):
    phone = open_page("phone", go=False)
    booth = CannedBooth(phone)
    loaded = []
    phone.on("request", lambda request: loaded.append(request.url))
    phone.goto(f"/#visit={CODE}")
    booth.say(phone, "D")
    await_pictures(phone, 1)
    expect(phone.locator("#save-all")).to_be_visible()
    assert not [url for url in loaded if "wall" in url]
