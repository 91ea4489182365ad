"""The wall's page: what it shows, for how long, and what takes a picture off it."""

import hashlib
import io
import json
import re
from collections import Counter

import pytest
from PIL import Image
from playwright.sync_api import expect

from deploy.stack import consent
from tests.support.page import stop_clock
from tests.support.photos import photo
from tests.support.tokens import bearer
from tests.support.waiting import await_true
from tests.web.test_craft import check, check_texts

pytestmark = pytest.mark.starts

TOKEN = "the-token-of-a-wall-in-a-test"
TV, UPRIGHT_TV, SMALL = ({"width": w, "height": h} for w, h in ((1920, 1080), (1080, 1920), (480, 270)))
"""Screens; the small one is for what no size tells anything of: to draw a large one is most of the work."""
SHAPES = {"4:3": (240, 180), "3:4": (180, 240), "1:1": (180, 180), "2:3": (160, 240), "16:9": (240, 135)}
MIXED = ["4:3", "3:4", "3:4", "1:1", "16:9", "2:3", "3:4"]
STEP_MS = 500
SHOWN = "[...document.querySelectorAll('.slide:last-child img')].map(({ src }) => new URL(src).pathname)"
KEPT = "document.querySelectorAll('.slide img, .backdrop').length"
"""What of pictures is in the page, slides that fade out included."""
NOT_WHOLE = """() => {
  const images = [...document.querySelectorAll(".slide:last-child img")];
  const others = [...document.querySelectorAll("#name, #mark, #code, #pause")].filter((each) => each.checkVisibility());
  const boxes = [...images, ...others].map((each) => [each, each.getBoundingClientRect()]);
  const isIn = ({ left, top, right, bottom }) => left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const aspect = ({ naturalWidth, naturalHeight }) => naturalWidth / naturalHeight;
  const isCut = (image, box) => Math.abs(box.width / box.height / aspect(image) - 1) > 0.01;
  return boxes.flatMap(([each, box], index) => [
    ...(isIn(box) ? [] : [`${each.id || each.src} leaves the screen`]),
    ...(each.localName === "img" && isCut(each, box) ? [`${each.src} is cut`] : []),
    ...boxes.slice(index + 1).filter(([, other]) => meet(box, other)).map(([other]) => (
      `${each.id || each.src} lies on ${other.id || other.src}`
    )),
  ]);
}"""


def jpeg(shape):
    out = io.BytesIO()
    Image.effect_noise(SHAPES[shape], 80).convert("RGB").save(out, "JPEG")
    return out.getvalue()


PICTURES = {shape: jpeg(shape) for shape in SHAPES}


class CannedWall:
    """Answers a wall's page in the back end's place. `status`: of the answers; 0: no network."""

    def __init__(self, page, shapes=()):
        self.page, self.status, self.shapes, self.pictures, self.asked = page, 200, {}, [], []
        self._number, self._pending = 0, set()
        self.add(*shapes)
        page.route("**/wall/pictures", self._answer)
        page.route("**/photo/*", self._picture)
        page.on("request", lambda request: (self.asked.append(request), self._pending.add(request)))
        for event in ("requestfinished", "requestfailed"):
            page.on(event, lambda request: self._pending.discard(request))

    def add(self, *shapes):
        """Pictures of these shapes have been finished; gives their addresses. The wall's end goes beyond 60."""
        new = []
        for shape in shapes:
            self._number += 1
            new.append(f"/photo/photo_{hashlib.sha256(b'%d' % self._number).hexdigest()[:32]}.jpeg")
            self.shapes[new[-1]] = shape
        self.pictures = [*reversed(new), *self.pictures][:60]
        return new

    def _answer(self, route):
        found = [{"url": url, "since": 1} for url in self.pictures]
        if self.status == 200:
            route.fulfill(json={"pictures": found})
        elif self.status:
            route.fulfill(status=self.status, json={"error": {"code": "X", "message": "no"}, "pictures": found})
        else:
            route.abort("internetdisconnected")

    def _picture(self, route):
        shape = self.shapes.get(re.sub("https?://[^/]+", "", route.request.url))
        if shape in PICTURES:
            route.fulfill(body=PICTURES[shape], content_type="image/jpeg")
        else:
            route.fulfill(status=403, body="<Error/>", content_type="application/xml")

    def open(self, fragment=f"#{TOKEN}", screen=SMALL):
        self.page.set_viewport_size(screen)
        self.page.goto(f"/wall{fragment}")

    def run(self, seconds, step=STEP_MS):
        """Lets time pass by the page's clock, and the page have the answers that it waits for."""
        for _ in range(round(seconds * 1000 / step)):
            self.page.clock.run_for(step)
            self.settle()

    def settle(self):
        self.page.wait_for_timeout(20)
        for _ in range(100):  # some are cut off with their page, and never end
            if self._pending:
                self.page.wait_for_timeout(5)
        self.page.wait_for_timeout(20)  # to decode

    def seconds_until(self, are_right, most=60):
        """Seconds by the page's clock until what is shown, a list of addresses, is right."""
        for step in range(most * 1000 // STEP_MS):
            if are_right(self.shown()):
                return step * STEP_MS / 1000
            self.run(STEP_MS / 1000)
        raise AssertionError(f"{self.shown()} after {most} s, {self.page.evaluate('document.body.outerHTML')}")

    def shown(self):
        return self.page.evaluate(SHOWN)


@pytest.fixture
def open_wall(quick, open_page):
    def open_wall(shapes=(), stopped=True, fragment=f"#{TOKEN}", screen=SMALL, **options):
        page = open_page(go=False, **options)
        if stopped:
            stop_clock(page)
        wall = CannedWall(page, shapes)
        wall.open(fragment, screen)
        return wall

    return open_wall


def test_a_new_picture_is_there_within_five_seconds_and_a_removed_one_gone_with_the_next_answer(quick, open_wall):
    wall = open_wall(["4:3", "16:9", "4:3"], screen=TV)
    wall.seconds_until(lambda shown: shown == wall.pictures[:1])
    wall.run(4)
    [new] = wall.add("3:4")
    assert wall.seconds_until(lambda shown: shown == [new]) <= 5, "alone, and first"
    siblings = wall.add("3:4", "3:4")
    assert wall.seconds_until(lambda shown: sorted(shown) == sorted(siblings)) <= 5, "though a new one is shown"

    wall.pictures.remove(siblings[0])
    assert wall.seconds_until(lambda shown: siblings[0] not in shown) <= 2.5, "also if it is being shown"
    assert siblings[0] not in wall.page.evaluate("document.body.innerHTML")
    wall.run(30, 1000)
    assert siblings[0] not in wall.page.evaluate("document.body.innerHTML")
    wall.pictures.clear()
    wall.run(2.5)
    assert (wall.page.evaluate(KEPT), wall.page.get_attribute("body", "data-state")) == (0, "title")
    wall.add("1:1")
    assert wall.seconds_until(lambda shown: shown == wall.pictures) <= 5

    for request in wall.asked:
        assert request.url.startswith(f"{quick.url}/") and TOKEN not in request.url
        assert ("authorization" in request.headers) == request.url.endswith("/wall/pictures")
    asked = [each for each in wall.asked if each.url.endswith("/wall/pictures")]
    assert {each.headers["authorization"] for each in asked} == {f"Bearer {TOKEN}"}
    assert wall.page.url == f"{quick.url}/wall"


def test_fifteen_seconds_without_an_answer_leave_the_title_alone(open_wall):
    wall = open_wall(MIXED)
    wall.seconds_until(bool)
    for status in (503, 0):
        wall.status = status
        wall.run(12, 2000)
        assert wall.shown(), "a short trouble is not seen"
        wall.run(4, 500)
        assert (wall.page.evaluate(KEPT), wall.shown()) == (0, [])
        expect(wall.page.locator("#title")).to_have_text("Photo Booth")
        wall.status = 200
        assert wall.seconds_until(bool) <= 5

    wall.status = 401
    wall.run(2.5)
    assert wall.page.evaluate(KEPT) == 0, "at once"
    expect(wall.page.locator("#problem")).not_to_be_empty()
    wall.status = 200
    assert wall.seconds_until(bool) <= 20
    expect(wall.page.locator("#problem")).to_be_empty()
    wall.status = 0
    wall.page.clock.fast_forward(60_000)  # it has slept
    wall.settle()
    assert wall.page.evaluate(KEPT) == 0


def test_an_answer_that_has_slept_with_the_device_counts_for_nothing(open_wall):
    wall = open_wall(["4:3"])
    wall.seconds_until(bool)
    held = []
    wall.page.unroute("**/wall/pictures")
    wall.page.route("**/wall/pictures", lambda route: held.append(route))
    wall.page.clock.run_for(2000)
    await_true(lambda: wall.page.wait_for_timeout(20) or held)  # lets events in
    wall.page.evaluate("() => { AbortController.prototype.abort = () => {}; }")  # it comes all the same
    wall.page.clock.fast_forward(3_600_000)
    held.pop(0).fulfill(json={"pictures": [{"url": wall.pictures[0], "since": 1}]})
    wall.settle()
    wall.page.clock.run_for(100)
    wall.settle()
    assert wall.page.evaluate(KEPT) == 0


def test_who_has_no_token_or_a_wrong_one_is_told_what_to_do(open_wall):
    wall = open_wall(["4:3"], stopped=False, fragment="", screen=TV)  # axe waits by the page's clock
    expect(wall.page.locator("#problem")).to_contain_text("does not belong to the booth yet")
    check(wall.page)
    assert not [each for each in wall.asked if each.url.endswith("/wall/pictures")]

    wall = open_wall(["4:3"], stopped=False, screen=TV, locale="ko-KR")
    picture, problem = wall.page.locator(".slide img"), wall.page.locator("#problem")
    expect(picture).to_have_count(1)
    wall.page.goto("/wall")  # the token is kept
    expect(picture).to_have_count(1)
    check(wall.page)
    wall.status = 401
    expect(problem).to_contain_text("make wall")
    assert wall.page.evaluate(KEPT) == 0
    expect(wall.page.locator("#title")).to_have_text("포토 부스")
    check(wall.page)


def test_a_picture_that_does_not_load_is_left_out(open_wall):
    wall = open_wall(["4:3", "broken", "4:3", "broken"], screen=TV)
    broken = {url for url, shape in wall.shapes.items() if shape == "broken"}
    seen, slides = set(), []
    wall.seconds_until(bool)
    for _ in range(25):
        seen.update(wall.shown() or ["nothing"])
        slides.append(wall.page.locator(".slide").count())
        wall.run(1, 1000)
    assert seen == wall.shapes.keys() - broken
    assert max(slides) == 2 and min(slides[-9:]) == 1, "one, and another one while it fades"
    wall.add("broken")
    wall.pictures = wall.pictures[:1]
    wall.run(5)
    assert (wall.page.evaluate(KEPT), wall.page.get_attribute("body", "data-state")) == (0, "title")


def test_each_picture_is_whole_within_the_screen_however_many_there_are(open_wall):
    """On a screen that lies and one that stands, with a code beside them; one picture alone stays as it is."""
    wall = open_wall(settings={"title": {"en": "Anna and Joon are getting married"}, "logo": "icon.svg"})
    wall.page.evaluate("document.documentElement.style.opacity = 0")  # where all lies is asked, not how it looks
    wall.page.evaluate("document.documentElement.classList.add('with-code')")
    wall.page.evaluate("document.getElementById('code').hidden = false")
    shapes = (MIXED * 9)[:60]
    for count in (1, 2, 7, 60):
        wall.add(*shapes[len(wall.pictures) : count])
        wall.run(4, 2000)
        seen = Counter()
        for turn in range(40):
            if turn >= 3 and len(seen) >= min(count, 7):
                break
            for size in (UPRIGHT_TV, TV):
                wall.page.set_viewport_size(size)
                wall.settle()
                await_true(lambda: wall.page.evaluate(NOT_WHOLE) == [])  # its ResizeObserver is told after the layout
            seen.update(wall.shown())
            first = wall.page.evaluate_handle("document.querySelector('.slide:last-child')")
            wall.run(13, 6500)
            if count == 1:
                assert first.evaluate("(slide) => slide.isConnected"), "no flicker"
        assert len(seen) >= min(count, 7), "they take turns"


def test_a_night_with_500_pictures_leaves_memory_flat(open_wall):
    wall = open_wall((MIXED * 9)[:60])
    browser = wall.page.context.new_cdp_session(wall.page)
    figures, shown = [], set()
    for answer in range(1, 51):
        wall.add(*(MIXED * 2)[:10])
        for _ in range(2):
            wall.run(2, 2000)
            shown.update(wall.shown())
        assert wall.page.evaluate(KEPT) <= 8
        if answer in (8, 50):
            browser.send("HeapProfiler.collectGarbage")
            heap = browser.send("Runtime.getHeapUsage")["usedSize"]
            figures.append(browser.send("Memory.getDOMCounters") | {"heap": heap})
    print(len(shown), figures)
    early, late = figures
    assert len(shown) > 100
    assert late["nodes"] <= early["nodes"] + 20
    assert late["jsEventListeners"] <= early["jsEventListeners"] + 20
    assert late["heap"] <= early["heap"] + 300_000


def test_it_moves_slowly_or_where_nobody_wants_that_not_at_all(open_wall):
    wall = open_wall(["4:3"], stopped=False, screen=TV)
    expect(wall.page.locator(".slide img")).to_have_count(1)
    assert wall.page.evaluate("document.getAnimations().length") == 0
    wall.page.emulate_media(reduced_motion="no-preference")
    names = "() => document.getAnimations().map(({ animationName }) => animationName).includes('drift')"
    assert wall.page.evaluate(names)
    assert wall.page.evaluate(NOT_WHOLE) == []


def test_the_screen_stays_awake_is_filled_by_a_tap_and_shows_no_pointer(quick, open_page):
    page = open_page(go=False)
    page.add_init_script("""
      window.locks = [];
      Object.defineProperty(navigator, "wakeLock", { value: { request: async (kind) => {
        locks.push({ kind, released: false });
        return locks.at(-1);
      } } });
    """)
    stop_clock(page)
    wall = CannedWall(page, ["4:3"])
    wall.open()
    wall.seconds_until(bool)
    assert page.evaluate("locks") == [{"kind": "screen", "released": False}]
    page.evaluate("locks[0].released = true")  # as a browser does with a page that was hidden
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    wall.settle()
    assert page.evaluate("locks.length") == 2
    wall.run(60, 30_000)
    assert page.evaluate("locks.length") == 2

    assert page.evaluate("getComputedStyle(document.body).cursor") == "none"
    page.mouse.move(200, 200)
    assert page.evaluate("getComputedStyle(document.body).cursor") != "none"
    expect(page.locator("#hint")).to_be_visible()
    page.clock.run_for(4000)
    assert page.evaluate("getComputedStyle(document.body).cursor") == "none"
    page.mouse.click(200, 200)
    expect(page.locator("html:fullscreen")).to_have_count(1)
    page.keyboard.press("f")
    expect(page.locator("html:fullscreen")).to_have_count(0)


def test_two_walls_show_what_a_visitor_agreed_to_until_it_is_taken_off_hidden_or_deleted(quick, open_page):
    """The whole application, in the walls' own time."""
    quick.clear_wall()
    quick.process(photo(), consent=consent(), scenes=["sky"])
    _, answer = quick.process(photo(), consent=consent() | {"wall": True}, scenes=["sky", "beach"])
    visit = {"requestId": answer["requestId"]}
    walls = [open_page(go=False) for _ in range(2)]
    for wall in walls:
        wall.set_viewport_size({"width": 270, "height": 480})  # it stands: two that lie have room
        wall.goto(f"/wall#token={quick.app.wall_token}")
    await_on(walls, 2)

    asked = [visit | {"picture": 1}, visit | {"hidden": True}, visit | {"hidden": False}]
    assert quick.http("DELETE", f"{quick.url}/wall/pictures", json.dumps(asked[0]).encode(), quick.headers())[0] == 200
    await_on(walls, 1)
    staff = bearer(quick.app.staff_token)
    for body, count in zip(asked[1:], (0, 1), strict=True):
        assert quick.http("POST", f"{quick.url}/staff/hide", json.dumps(body).encode(), staff)[0] == 200
        await_on(walls, count)
    assert quick.delete(visit["requestId"])[0] == 200
    await_on(walls, 0)


def await_on(walls, count):
    """Waits until each wall has that many pictures, and no slide is fading."""
    for wall in walls:
        expect(wall.locator(".slide img")).to_have_count(count)


def test_the_walls_texts_are_complete():
    check_texts("wall")
