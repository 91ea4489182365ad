"""The wall on the staff's page: what waits is decided with one tap or key, the list keeps still, and nothing blocks."""

import re
import time

from playwright.sync_api import expect

from tests.support.photos import PHOTOS
from tests.support.waiting import await_true
from tests.web.test_craft import check

PHOTO = (PHOTOS / "hopper.jpg").read_bytes()
SINCE = int(time.time()) - 1000


def waiting(number, label="Rude Gestures", score=87.6, since=None):
    """A picture as GET /staff/wall lists it; one of a higher number came later."""
    url = f"http://cdn/photo/photo_{number:032x}.jpeg"
    times = {"since": since or SINCE + number, "decided": None}
    return {"visit": f"visit-{number}", "picture": 1, "url": url, "label": label, "score": score} | times


class CannedWall:
    """Answers the staff's page by the contract in the back end's place.

    `lists` are by state, `refuse` has the status and code of the next answers to POST /staff/wall, `calls` what was
    asked: ("decide", number, state), ("hide", visit, hidden), ("delete", visit).
    """

    def __init__(self, page):
        self.now = SINCE + 200
        self.lists = {"waiting": [], "shown": [], "hidden": []}
        self.moderation, self.refuse, self.calls, self.looks = "on", [], [], 0
        self._hidden = []
        page.route("**/staff/today*", lambda route: route.fulfill(json=self.figures()))
        page.route("**/staff/wall", self._wall)
        page.route("**/staff/hide", self._hide)
        page.route("**/staff/photo", self._delete)
        page.route(re.compile("/photo/"), lambda route: route.fulfill(body=PHOTO, content_type="image/jpeg"))

    def figures(self):
        return {"day": "2026-11-29", "now": self.now, "wall": {"shown": 12, "waiting": 3, "would_wait": 1}}

    def _wall(self, route):
        if route.request.method == "GET":
            self.looks += 1
        else:
            asked = route.request.post_data_json
            number = int(asked["visit"].removeprefix("visit-"))
            self.calls.append(("decide", number, asked["state"]))
            if self.refuse:
                status, code = self.refuse.pop(0)
                if status:
                    self.move(number)
                    route.fulfill(status=status, json={"error": {"code": code, "message": code}})
                else:
                    route.abort()
                return
            self.move(number, asked["state"])
            route.fulfill(json=asked)
            return
        newest = {state: sorted(found, key=lambda each: -each["since"]) for state, found in self.lists.items()}
        oldest = min((each["since"] for each in self.lists["waiting"]), default=None)
        count = {"count": len(self.lists["waiting"]), "oldest": oldest}
        route.fulfill(json={"now": self.now, "moderation": self.moderation} | newest | count)

    def move(self, number, state=None):
        """To another list, or, without a state, out of all of them."""
        for found in self.lists.values():
            for each in [each for each in found if each["visit"] == f"visit-{number}"]:
                found.remove(each)
                if state:
                    self.lists[state].append(each)

    def _hide(self, route):
        asked = route.request.post_data_json
        self.calls.append(("hide", asked["visit"], asked["hidden"]))
        if asked["hidden"]:
            self._hidden = [each for each in self.lists["shown"] if each["visit"] == asked["visit"]]
            self.move(int(asked["visit"].removeprefix("visit-")))
        else:
            self.lists["shown"] += self._hidden
        route.fulfill(json={})

    def _delete(self, route):
        asked = route.request.post_data_json
        self.calls.append(("delete", asked["visit"]))
        self.move(int(asked["visit"].removeprefix("visit-")))
        route.fulfill(json={})


def open_wall(open_page, size="phone", tab="wall", **lists):
    """The staff's page, and its booth; time passes by `clock.run_for`, too."""
    page = open_page(size, go=False, has_touch=size == "phone")
    page.clock.install()
    booth = CannedWall(page)
    booth.lists |= lists
    page.goto("/staff#token=staff")
    if tab:
        page.click(f"#tab-{tab}")
    return page, booth


def look(page, seconds=5):
    """Until the page has asked again."""
    with page.expect_response("**/staff/wall"):
        page.clock.run_for(seconds * 1000)


def numbers(page, state):
    """Of the pictures in a list, as they are shown."""
    urls = page.locator(f"#{state} li:not(.gone) img").evaluate_all("(all) => all.map(({ src }) => src)")
    return [int(url.split("photo_")[1].split(".")[0], 16) for url in urls]


def tap(page, state, index, name):
    page.locator(f"#{state} li").nth(index).get_by_role("button", name=name, exact=True).click()
    page.clock.run_for(700)  # two taps at once are one


def test_one_tap_decides_and_the_last_decision_can_be_undone(quick, open_page):
    """In both languages, with the reason in words; from what is shown, too."""
    found = [waiting(1), waiting(2, "", 0), waiting(3, "Swimwear or Underwear", 51.2)]
    page, booth = open_wall(open_page, waiting=found, shown=[waiting(9)])
    expect(page.locator("#wall-mode")).to_contain_text("Moderation is on")
    expect(page.locator("#waiting li")).to_have_count(3)
    await_true(lambda: numbers(page, "waiting") == [3, 2, 1])
    reasons = [re.compile("^Swimwear or underwear, 51% · "), re.compile("^Could not be checked · ")]
    expect(page.locator("#waiting .hint")).to_have_text([*reasons, re.compile("^Rude gesture, 88% · ")])
    expect(page.locator("#wall-count")).to_have_text("3")
    check(page)

    tap(page, "waiting", 0, "Hide")
    tap(page, "waiting", 0, "Show")
    await_true(lambda: numbers(page, "waiting") == [1])
    expect(page.locator("#wall-count")).to_have_text("1")
    expect(page.locator("#undo-text")).to_have_text("It is shown on the wall.")
    check(page)
    page.click("#undo")
    expect(page.locator("#undo")).to_be_hidden()
    await_true(lambda: numbers(page, "waiting") == [2, 1])
    assert booth.calls == [("decide", 3, "hidden"), ("decide", 2, "shown"), ("decide", 2, "waiting")]
    page.click("#languages [lang=ko]")
    expect(page.locator("#waiting .hint").first).to_contain_text("검사하지 못함")
    check(page)
    tap(page, "hidden", 0, "다시 보이기")
    tap(page, "shown", 0, "숨기기")
    assert booth.calls[3:] == [("decide", 3, "shown"), ("decide", 9, "hidden")]
    look(page)
    assert (numbers(page, "waiting"), numbers(page, "shown"), numbers(page, "hidden")) == ([2, 1], [3], [9])


def test_nothing_moves_under_the_finger(quick, open_page):
    """New pictures wait for a tap, and come by themselves when none is left; one decided elsewhere keeps its place. Two
    taps of one gesture decide one picture.
    """
    page, booth = open_wall(open_page, waiting=[waiting(1), waiting(2), waiting(3)])
    expect(page.locator("#waiting li")).to_have_count(3)
    tops = "(all) => all.map((each) => each.getBoundingClientRect().top + scrollY)"
    before = page.locator("#waiting .primary").evaluate_all(tops)
    booth.lists["waiting"] += [waiting(4), waiting(5)]
    booth.move(2)
    look(page)
    expect(page.locator("#waiting-new")).to_have_text("New: 2")
    expect(page.locator("#waiting .gone .problem")).to_contain_text("No longer here")
    assert page.locator("#waiting .gone img").get_attribute("src") is None
    assert page.locator("#waiting .primary").evaluate_all(tops) == before
    check(page)
    tap(page, "waiting", 0, "Show")
    await_true(lambda: numbers(page, "waiting") == [1])
    page.click("#waiting-new")
    await_true(lambda: numbers(page, "waiting") == [5, 4, 1])
    page.locator("#waiting li").nth(0).get_by_role("button", name="Show", exact=True).dblclick()
    await_true(lambda: numbers(page, "waiting") == [4, 1])
    assert booth.calls == [("decide", 3, "shown"), ("decide", 5, "shown")]
    page.clock.run_for(700)
    for _ in range(2):
        tap(page, "waiting", 0, "Hide")
    expect(page.locator("#no-waiting")).to_be_visible()
    booth.lists["waiting"].append(waiting(6))
    look(page)
    await_true(lambda: numbers(page, "waiting") == [6])


REFUSALS = [
    (409, "Conflict", "Its visitor has taken it off, or moderation has refused it."),
    (404, "NotFound", "This picture is gone. Its days may be over."),
    (410, "Deleted", "Its visit was deleted."),
    (0, "", "The booth can't be reached at the moment. Please try again."),
]
"""HTTP status (0: no answer), code, and what staff read; all but the last are final."""


def test_what_fails_is_told_at_the_picture_and_blocks_no_other(quick, open_page):
    page, booth = open_wall(open_page, waiting=[waiting(number) for number in range(1, 9)])
    expect(page.locator("#waiting li")).to_have_count(8)
    for status, code, sentence in REFUSALS:
        refused, other, *_ = numbers(page, "waiting")
        booth.refuse = [(status, code)]
        tap(page, "waiting", 0, "Show")
        expect(page.locator("#waiting li").last.locator(".problem")).to_have_text(sentence)
        expect(page.locator("#undo-text")).to_contain_text("could not be decided")
        tap(page, "waiting", 0, "Show")
        expect(page.locator("#undo-text")).to_have_text("It is shown on the wall.")
        assert booth.calls == [("decide", refused, "shown"), ("decide", other, "shown")]
        booth.calls.clear()
    left = page.locator("#waiting li:not(.gone)")
    expect(left).to_have_count(1)
    left.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#no-waiting")).to_be_visible()
    assert booth.calls == [("decide", refused, "shown")]


def test_a_whole_visit_is_hidden_and_shown_again_or_deleted(quick, open_page):
    page, booth = open_wall(open_page, shown=[waiting(1), waiting(2)])
    expect(page.locator("#shown li")).to_have_count(2)
    page.locator("#shown li").nth(0).get_by_role("button", name="Its visit").click()
    check(page)
    page.click("#wall-visit-hide")
    expect(page.locator("#undo-text")).to_have_text("The visit is hidden.")
    await_true(lambda: numbers(page, "shown") == [1])
    page.clock.run_for(700)
    page.click("#undo")
    expect(page.locator("#shown-new")).to_have_text("New: 1")
    page.click("#shown-new")
    await_true(lambda: numbers(page, "shown") == [2, 1])
    page.locator("#shown li").nth(1).get_by_role("button", name="Its visit").click()
    page.click("#wall-visit-delete")
    expect(page.locator("#ask-title")).to_have_text("Delete this visit?")
    page.press("#ask-yes", "Enter")  # a tap so soon after the one that closed a dialog is swallowed
    expect(page.locator("#undo-text")).to_have_text("Deleted.")
    await_true(lambda: numbers(page, "shown") == [2])
    assert booth.calls == [("hide", "visit-2", True), ("hide", "visit-2", False), ("delete", "visit-1")]


def test_one_person_decides_with_the_keyboard_alone(quick, open_page):
    page, booth = open_wall(open_page, "laptop", waiting=[waiting(number) for number in range(1, 5)])
    expect(page.locator("#wall-keys")).to_be_visible()
    expect(page.locator("#waiting li.marked img")).to_have_count(1)
    for key in ("s", "h", "u", "ArrowDown", "s"):
        page.keyboard.press(key)
    expect(page.locator("#waiting li")).to_have_count(2)
    steps = [("decide", 4, "shown"), ("decide", 3, "hidden"), ("decide", 3, "waiting"), ("decide", 2, "shown")]
    await_true(lambda: page.evaluate("true") and len(booth.calls) == len(steps))
    assert sorted(booth.calls) == sorted(steps)
    await_true(lambda: numbers(page, "waiting") == [3, 1])
    page.keyboard.press("Control+s")
    page.click("#tab-event")
    page.keyboard.press("h")
    page.fill("#title-en", "sh")
    assert len(booth.calls) == len(steps)
    check(page)


def test_what_waits_longer_than_five_minutes_is_told_on_every_tab(quick, open_page):
    page, booth = open_wall(open_page, tab="", waiting=[waiting(100), waiting(150)])
    expect(page.locator("#tab-wall")).to_have_text("Wall 2")
    expect(page.locator("#figures")).to_contain_text("Had to wait for staff")
    expect(page.locator("#late")).to_be_hidden()
    assert page.title() == "Booth staff"
    booth.now += 240
    look(page, 30)
    expect(page.locator("#late-text")).to_have_text("Pictures waiting for the wall: 2, the longest for 5 min.")
    assert page.title() == "(2) Booth staff"
    check(page)
    page.click("#languages [lang=ko]")
    expect(page.locator("#late-text")).to_contain_text("2장")
    assert page.title() == "(2) 부스 담당자"
    page.click("#languages [lang=en]")
    page.click("#late-go")
    expect(page.locator("#waiting-title")).to_have_text("Waiting: 2, the longest for 5 min")
    expect(page.locator("#late")).to_be_hidden()
    tap(page, "waiting", 1, "Hide")
    expect(page.locator("#waiting-title")).to_have_text("Waiting for you")
    assert page.title() == "Booth staff"

    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.clock.run_for(100)
    before = booth.looks
    page.clock.run_for(60_000)
    assert booth.looks == before, "nobody looks"
    page.evaluate("delete document.hidden")
    with page.expect_response("**/staff/wall"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
