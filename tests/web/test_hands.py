"""What fingers do: on a pad the page stays where it is; a phone's visitor zooms, presses long, saves, shares, copies.

The share sheet and what only iOS has are stubs: `navigator.share`, `canShare` and `standalone`, gesture events.
"""

import io
import zipfile

from playwright.sync_api import expect

from tests.support.page import CODE, CannedBooth, await_pictures, stop_clock

SHARES = """
  window.shared = [];
  navigator.canShare = ({ files }) => files.length > 0;
  navigator.share = async ({ files }) => { shared.push(files.map(({ name, type }) => `${name} ${type}`)); };
"""
REFUSES = "navigator.share = () => Promise.reject(new DOMException('', 'NotAllowedError'));"
NEVER_ANSWERS = "() => { navigator.share = () => { shared.push('asked'); return new Promise(() => {}); }; }"
INSTALLED = "Object.defineProperty(navigator, 'standalone', { value: true });"
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
SILENT_CLIPBOARD = "() => { navigator.clipboard.writeText = () => new Promise(() => {}); }"
IN_AN_APP = "Mozilla/5.0 (Linux; Android 14; SM-S911N; wv) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
FILES = ["photo-booth-1-sky.jpg image/jpeg", "photo-booth-2-building.jpg image/jpeg"]

# Whether the page kept the browser from what it does by itself at such an event.
PREVENTED = """([selector, name, more]) => {
  const event = Object.assign(new Event(name, { bubbles: true, cancelable: true }), more);
  document.querySelector(selector).dispatchEvent(event);
  return event.defaultPrevented;
}"""
STYLE = "(element, name) => getComputedStyle(element)[name]"


def open_phone(open_page, *stubs, **options):
    """A phone with two finished pictures."""
    phone = open_page("phone", go=False, has_touch=True, **options)
    for stub in stubs:
        phone.add_init_script(stub)
    booth = CannedBooth(phone)
    phone.goto(f"/#visit={CODE}")
    booth.say(phone, "DD")
    await_pictures(phone, 2)
    return phone


def open_pad(open_page, *stubs, **options):
    """A pad with two finished pictures."""
    pad = open_page(go=False, has_touch=True, **options)
    for stub in stubs:
        pad.add_init_script(stub)
    booth = CannedBooth(pad)
    pad.goto("/")
    booth.show(pad, "DD")
    return pad


def prevented(page, selector, name, **more):
    return page.evaluate(PREVENTED, [selector, name, more])


def test_a_pads_page_stays_where_it_is(quick, open_page):
    """A pad in a browser downloads, though it could share."""
    pad = open_pad(open_page, SHARES)
    with pad.expect_download():
        pad.click("#save-all")
    for selector in ("body", "#status", ".enlarge img", "#done", "#qr"):
        for name in ("gesturestart", "gesturechange", "contextmenu", "dragstart", "drop"):
            assert prevented(pad, selector, name), (selector, name)
        assert prevented(pad, selector, "wheel", ctrlKey=True)
        assert not prevented(pad, selector, "wheel", ctrlKey=False)
        element = pad.locator(selector).first
        assert element.evaluate(STYLE, "touchAction") == "pan-x pan-y"
        assert element.evaluate(STYLE, "userSelect") == "none"
    assert pad.locator("html").evaluate(STYLE, "overscrollBehaviorY") == "none"
    pad.mouse.move(600, 400)
    pad.keyboard.down("Control")
    pad.mouse.wheel(0, -500)
    pad.keyboard.up("Control")
    touch = pad.context.new_cdp_session(pad)
    touch.send("Input.synthesizePinchGesture", {"x": 500, "y": 400, "scaleFactor": 2})
    assert pad.evaluate("visualViewport.scale") == 1
    pad.goto("/#pair")
    pad.wait_for_selector("#token")
    assert not prevented(pad, "#token", "contextmenu")  # a token is pasted there
    assert pad.locator("#token").evaluate(STYLE, "userSelect") != "none"


def test_a_phones_visitor_zooms_and_presses_long_and_gets_files_without_a_share_sheet(quick, open_page):
    phone = open_phone(open_page)
    assert phone.locator("#share-all").is_hidden()
    with phone.expect_download() as download:
        phone.click("#save-all")
    assert len(names(download.value)) == 2
    with phone.expect_download() as download:
        phone.click(".tile.loaded .save >> nth=1")
    assert download.value.suggested_filename == "photo-booth-2-building.jpg"
    for selector in ("body", "#status", ".enlarge img", "#large"):
        for name in ("gesturestart", "contextmenu"):
            assert not prevented(phone, selector, name)
        assert "none" not in (
            phone.locator(selector).first.evaluate(STYLE, "userSelect"),
            phone.locator("html").evaluate(STYLE, "overscrollBehaviorY"),
        )
    phone.click(".tile.loaded .enlarge >> nth=0")
    phone.click("#compare", trial=True)
    pressed = """() => {
      const { left, top, width, height } = document.getElementById("compare").getBoundingClientRect();
      return document.elementFromPoint(left + width / 2, top + height / 2).id;
    }"""
    assert phone.evaluate(pressed) == "large"
    phone.fill("#split", "80")
    assert phone.evaluate(pressed) == "large-photo"
    touch = phone.context.new_cdp_session(phone)
    touch.send("Input.synthesizePinchGesture", {"x": 200, "y": 400, "scaleFactor": 2})
    assert phone.evaluate("visualViewport.scale") > 1.5


def test_pictures_go_one_by_one_through_the_share_sheet(quick, open_page):
    """Into the gallery, without an archive; a sheet that the visitor closes is no reason for a download."""
    phone = open_phone(open_page, SHARES)
    downloads = []
    phone.on("download", lambda each: downloads.append(each))
    for button in ("#save-all", "#share-all", ".tile.loaded .save >> nth=0", ".tile.loaded .share >> nth=1"):
        phone.click(button)
    phone.click(".tile.loaded .enlarge >> nth=1")
    phone.click("#save")
    assert phone.evaluate("shared") == [FILES, FILES, FILES[:1], FILES[1:], FILES[1:]]
    phone.evaluate("() => { navigator.share = () => Promise.reject(new DOMException('', 'AbortError')); }")
    phone.click("#save")
    phone.evaluate("new Promise((done) => requestAnimationFrame(done))")
    assert downloads == []


def test_a_share_sheet_that_refuses_or_never_answers_has_a_way_on(quick, open_page):
    phone = open_phone(open_page, SHARES, REFUSES)
    with phone.expect_download() as download:
        phone.click("#share-all")
    assert names(download.value) == [name.split()[0] for name in FILES]
    phone.evaluate(NEVER_ANSWERS)
    stop_clock(phone)
    phone.click("#save-all")
    phone.click("#save-all")  # a double tap is one step
    phone.clock.run_for(1000)
    with phone.expect_download() as download:
        phone.click("#save-all")
    assert names(download.value) == [name.split()[0] for name in FILES]
    assert phone.evaluate("shared") == ["asked"]


def names(download):
    with zipfile.ZipFile(io.BytesIO(download.path().read_bytes())) as archive:
        return archive.namelist()


def test_an_installed_page_uses_the_share_sheet(quick, open_page):
    """An iPad's (stubs): a pad in a browser would download."""
    pad = open_pad(open_page, SHARES, INSTALLED)
    pad.click("#save-all")
    pad.click(".tile.loaded .enlarge >> nth=0")
    pad.click("#save")
    assert pad.evaluate("shared") == [FILES, FILES[:1]]


def test_on_a_home_screen_without_a_share_sheet_pictures_are_pressed_long(quick, open_page):
    """An iPad's (a stub)."""
    assert_pictures_are_pressed_long(open_pad(open_page, INSTALLED))


def assert_pictures_are_pressed_long(page):
    """There is a way back."""
    downloads = []
    page.on("download", lambda each: downloads.append(each))
    page.click("#save-all")
    shown = page.locator("#by-hand img")
    expect(shown).to_have_count(2)
    assert page.inner_text("#by-hand h2") == "Press a picture long to save it."
    for image in shown.all():
        assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    assert not prevented(page, "#by-hand img", "contextmenu")
    page.click("#close-by-hand")
    assert page.locator("#visit").is_visible()
    expect(shown).to_have_count(0)
    assert downloads == []


def test_in_an_app_pictures_are_pressed_long_and_the_link_is_copied_or_shown(quick, open_page, app):
    """In a browser inside an app of Android."""
    phone = open_phone(open_page, user_agent=IN_AN_APP, permissions=["clipboard-read", "clipboard-write"])
    assert_pictures_are_pressed_long(phone)
    link = f"{app.url}/#visit={CODE}"
    phone.click("#copy-link")
    expect(phone.locator("#copy-link")).to_have_text("Copied")
    assert phone.evaluate("navigator.clipboard.readText()") == link
    stop_clock(phone)
    for stub in (SILENT_CLIPBOARD, NO_CLIPBOARD):
        phone.evaluate(stub)
        phone.click("#copy-link")
        phone.clock.run_for(4000)
        expect(phone.locator("#by-hand input")).to_have_value(link)
        assert phone.evaluate("getSelection().toString()") == link
        phone.click("#close-by-hand")
        expect(phone.locator("#by-hand input")).to_have_count(0)
