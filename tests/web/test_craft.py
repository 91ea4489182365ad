"""How the page is made: sizes, keyboard, screen reader, weight, security headers, languages."""

import gzip
import hashlib
import json
import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.support.page import WEB, CannedBooth, await_phase, await_pictures, speak
from tests.web.conftest import SIZES

MAX_BYTES = 150_000
MAX_WIRE_BYTES = 54_000
MAX_BYTES_BEFORE_A_VISIT = 185_000
MAX_WIRE_BYTES_BEFORE_A_VISIT = 69_000

# A finger needs 44 CSS pixels.
SMALL_TARGETS = """() => [...document.querySelectorAll("button, a, summary, label:has(input), input")]
  .filter((element) => element.checkVisibility({ opacityProperty: false }) && element.getClientRects().length)
  .map((element) => ({ name: element.id || element.textContent, box: element.getBoundingClientRect() }))
  .filter(({ box }) => box.width && (box.width < 44 || box.height < 44))
  .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`)"""
# To hand over all of axe's report would be half of the work, as would waiting for media; no serious rule does.
SERIOUS = """axe.run({ resultTypes: ["violations"], preload: false }).then(({ violations }) => violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => [id, nodes[0].html]))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def check(page, sizes=()):
    """Nothing serious for axe, nothing too small for a finger, nothing that needs scrolling sideways.

    Args:
        sizes: names of SIZES, the page's own last: fingers and scrolling are asked at each, axe, which is dear, at it.
    """
    for size in sizes:
        page.set_viewport_size(SIZES[size])
        assert page.evaluate(SMALL_TARGETS) == [], size
        assert page.evaluate(OVERFLOW) == 0, size
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    assert page.evaluate(SERIOUS) == []
    assert page.evaluate(SMALL_TARGETS) == []
    assert page.evaluate(OVERFLOW) == 0


def test_every_screen(quick, open_page):
    """In both languages, first the browser's own, each at sizes of its own."""
    page = open_page("pad", locale="ko-KR", has_touch=True)
    booth = CannedBooth(page)
    page.wait_for_selector("#drift img")
    assert page.inner_text("h1") == "포토 부스"
    check_in_both(page)
    assert page.inner_text("h1") == "Photo Booth"
    page.click("#begin")
    check_in_both(page)
    check_in_both(page, "#privacy-link", "#close-privacy")
    page.click("#agree")
    check_in_both(page)
    page.click("#to-camera")
    page.wait_for_selector("#shoot:not(:disabled)")
    check_in_both(page)
    page.click("#shoot")
    page.wait_for_selector("#use")
    check_in_both(page)
    page.click("#use")
    booth.say(page, "WWW", status=202)
    booth.say(page, "DDD")
    await_phase(page, "ended")
    await_pictures(page, 3)
    check_in_both(page)
    check_in_both(page, ".tile.loaded .enlarge >> nth=0", "#close-viewer")
    check_in_both(page, "#delete", "#ask-no")


def check_in_both(page, opens=None, closes=None):
    """A screen, or the dialog that one control opens and another one closes."""
    no_text = "() => [...document.querySelectorAll('[data-text]')].filter(({ textContent }) => !textContent).length"
    for language, sizes in {"ko": ["upright pad", "pad"], "en": ["laptop", "phone"]}.items():
        speak(page, language)
        if opens:
            page.click(opens)
        check(page, sizes)
        if closes:
            page.click(closes)
        assert page.evaluate("document.getAnimations().length") == 0
        assert page.evaluate(no_text) == 0


@pytest.mark.parametrize("fragment", ["#visit=00000000-0000-4000-8000-000000000000", "#pair"])
def test_screens_behind_an_address(quick, open_page, fragment):
    page = open_page("phone", fragment)
    page.wait_for_selector("#visit[data-phase=missing], #token")
    check(page)


def test_the_privacy_page_by_itself(quick, open_page):
    page = open_page("phone", "privacy.html")
    page.wait_for_selector("#privacy-text p")
    check(page)
    page.get_by_role("button", name="한국어").click()
    page.wait_for_selector("html[lang=ko]")
    assert "하지 않는 일" in page.inner_text("#privacy-text")


def test_keyboard_alone_and_a_screen_reader_hears_the_steps(quick, open_page):
    page = open_page(go=False)
    page.add_init_script("""addEventListener("DOMContentLoaded", () => {
      window.heard = [];
      const live = document.getElementById("announce");
      new MutationObserver(() => heard.push(live.textContent)).observe(live, { childList: true });
    })""")
    booth = CannedBooth(page)
    page.goto("/")
    page.wait_for_selector("#drift img")

    def press_on(selector):
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                page.keyboard.press("Enter")
                return
        raise AssertionError(f"Tab never came to {selector}")

    press_on("#begin")
    press_on("#agree")
    press_on("#to-camera")
    page.wait_for_selector("#shoot:not(:disabled)")
    press_on("#shoot")
    page.wait_for_selector("#use")
    press_on("#use")
    for _ in range(2):  # the photo is taken; it is being painted
        booth.say(page, "WWW", status=202)
    page.wait_for_function("() => heard.some((text) => text.startsWith('Painting your 3 pictures, '))")
    booth.say(page, "DDD")
    await_phase(page, "ended")
    heard = page.evaluate("heard")
    assert (heard[0], heard[-1]) == ("Sending", "Your pictures are ready. ")
    await_pictures(page, 3)
    press_on(".enlarge")
    press_on("#split")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#split") == "1"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('.enlarge')")
    press_on("#done")
    page.wait_for_selector("#begin")


def test_the_page_weighs_little(quick, open_page):
    """What a cheap tablet has to load and read before the start's pictures, and before a visit; on the wire, too.

    What the start does without is held back until it stands. Brotli, which CloudFront prefers, is smaller than gzip.
    """
    page = open_page(go=False)
    later = {f"{quick.url}/{name}" for name in loaded_later()}
    loaded, held = [], []

    def weigh():
        sizes = [(len(each.response().body()), each.sizes()["responseBodySize"]) for each in loaded]
        read, wire = (sum(each) for each in zip(*sizes, strict=True))
        print(f"{read} bytes, {wire} on the wire")
        return read, wire

    def note(request):
        if request.method == "GET" and not request.url.endswith((".jpg", "settings.json")):
            loaded.append(request)

    page.on("requestfinished", note)
    page.route(lambda url: url in later, lambda route: held.append(route))
    page.goto("/", wait_until="commit")  # "load" may wait for what is held back
    page.wait_for_selector("#drift img")
    page.click("#begin")
    expect(page.locator("#start-note")).to_have_text("One moment …")
    read, wire = weigh()
    assert 50_000 < read < MAX_BYTES
    assert 15_000 < wire < MAX_WIRE_BYTES
    assert {each.request.url for each in held} == later
    for route in held:
        route.continue_()
    page.wait_for_selector("#agree")
    read, wire = weigh()
    assert read < MAX_BYTES_BEFORE_A_VISIT
    assert wire < MAX_WIRE_BYTES_BEFORE_A_VISIT


def test_strict_security_headers(quick):
    _, headers, _ = quick.http("GET", quick.url + "/")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"].split() == ["'self'", quick.app.s3_url]
    assert policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert headers["Permissions-Policy"] == "camera=(self), microphone=(), geolocation=()"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_is_compressed_as_by_the_cdn(quick):
    """Text of 1,000 bytes and more, for those who can read it."""

    def get(path, encodings):
        return quick.http("GET", f"{quick.url}/{path}", headers={"Accept-Encoding": encodings})[1:]

    css = (WEB / "booth.css").read_bytes()
    headers, body = get("booth.css", "gzip, deflate")
    assert (headers["Content-Encoding"], headers["Vary"], gzip.decompress(body)) == ("gzip", "Accept-Encoding", css)
    assert get("booth.css", "identity")[1] == css
    for path in ("icon.svg", "icon.png", "manifest.webmanifest", "scenes"):
        assert get(path, "gzip")[0]["Content-Encoding"] is None, path


def languages():
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (WEB / "languages").glob("*.json")}


def test_languages_are_complete():
    """Each has the same texts with the same placeholders, and every text that the page names."""
    english = languages()["en"]
    for code, words in languages().items():
        assert words.keys() == english.keys(), code
        for key, value in words.items():
            assert type(value) is type(english[key]), (code, key)
            assert placeholders(value) == placeholders(english[key]), (code, key)
    named = set(re.findall(r'data-(?:text|label|alt)="([^"]+)"', (WEB / "index.html").read_text(encoding="utf-8")))
    for script in {*WEB.rglob("*.js")} - {*WEB.glob("*-page/*")}:
        named |= set(re.findall(r'\btext\("([^"]+)"', script.read_text(encoding="utf-8")))
    assert named <= english.keys()


def placeholders(value):
    return set(re.findall(r"\{\w+\}", json.dumps(value)))


def check_texts(page):
    """A page with languages of its own, `page`.html, has all the texts that it names, in each language and whole."""
    texts = {file.stem: json.loads(file.read_text("utf-8")) for file in (WEB / "languages" / page).glob("*.json")}
    named = set(re.findall(r'data-(?:text|label)="([^"]+)"', (WEB / f"{page}.html").read_text("utf-8")))
    for script in (WEB / f"{page}-page").glob("*.js"):
        named |= set(re.findall(r'\btext\("([^"]+)"', script.read_text("utf-8")))
    assert sorted(texts) == ["en", "ko"]
    for words in texts.values():
        assert named <= words.keys() == texts["en"].keys()
        for key, value in words.items():
            assert value and placeholders(value) == placeholders(texts["en"][key]), key


def test_every_reason_of_the_back_end_has_words():
    from booth import errors

    final = {kind.__name__ for kind in errors._families(errors.BoothError)} - {
        kind.__name__ for kind in errors._families(errors.ApiError)
    }
    told_in_general = {"BoothError", "PhotoError", "RunEnded", "AccessDenied", "InternalError", "TurnLost", "TurnLate"}
    told_in_general |= {"NoMatte"}  # no run and no picture fails of it
    for code, words in languages().items():
        missing = {name for name in final - told_in_general if f"error.{name}" not in words}
        assert missing == set(), code


def test_the_service_worker_keeps_the_whole_page():
    """Every file that the page needs is in its list, so that a reload without a connection works."""
    text = (WEB / "sw.js").read_text()
    kept = set(re.findall(r'"([\w./-]+\.\w+)"', text.split("FILES = [")[1].split("];")[0]))
    files = {file.relative_to(WEB).as_posix() for file in WEB.rglob("*") if file.is_file()}
    files -= {name for name in files if name.startswith(("staff", "wall", "vendor/qr/"))}  # they need a connection
    needed = {name for name in files if name.endswith((".js", ".css", ".html", ".webmanifest", "settings.json"))}
    assert kept - {"icon.svg"} == needed - {"sw.js", "index.html"}


def imported(*names):
    """What these modules import, directly or not, and they themselves."""
    needed, found = set(names), set()
    while name := next(iter(needed - found), None):
        found.add(name)
        imports = re.findall(r'^import .*? from "([^"]+)";$', (WEB / name).read_text(), re.M)
        needed |= {(WEB / name).parent.joinpath(each).resolve().relative_to(WEB).as_posix() for each in imports}
    return needed


def loaded_later():
    """The modules that booth.js loads once the start stands."""
    [names] = re.findall(r"^const LATER = \[(.*?)^\];", (WEB / "booth.js").read_text(), re.M | re.S)
    return set(re.findall(r'"\./([^"]+)"', names))


def test_every_module_of_the_page_is_preloaded():
    """index.html names all that booth.js imports, directly or not, booth.js all that comes later: side by side."""
    preloaded = re.findall(r'modulepreload" href="([^"]+)"', (WEB / "index.html").read_text())
    needed = imported("booth.js")
    assert sorted(preloaded) == sorted(needed - {"booth.js"})
    assert imported(*loaded_later()) - needed == loaded_later()


def test_vendored_files_are_as_published():
    folder = WEB / "vendor"
    listed = re.findall(r"^\| `([\w./-]+)` \|.*`([0-9a-f]{64})` \|$", (folder / "README.md").read_text(), re.M)
    hashes = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*.js")}
    assert sorted(listed) == sorted((file.relative_to(folder).as_posix(), hashes[file]) for file in hashes)
