"""The page in a browser, as visitors have it: a pad with a camera, and a phone that reads the pad's QR code."""

import io
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from prove.step import Context, Failure, NotTried
from prove.visits import PORTRAIT
from tools import machine

OPTIONS = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
"""Chromium's own camera, which shows a film, and which nobody has to allow."""
PAD, PHONE = {"width": 1180, "height": 820}, {"width": 390, "height": 844}
TOUCH_MS = 30_000
"""Timeout of what a page does by itself."""
VISIT_MS = 20 * 60_000
"""Timeout of a visit, with the longest wait for turns."""


def visit(context: Context) -> str:
    """Camera, upload, QR code, phone and deletion, on the page at BoothUrl."""
    if context.stack("dev").token:
        raise NotTried("the parameters give dev a token; the page is tried where none is needed")
    path = machine.find_browser()
    if path is None:
        raise NotTried("there is no browser here: make browser finds or fetches one")
    from playwright.sync_api import Error, sync_playwright

    film = make_film(context.folder)
    # A container's root can't use Chromium's sandbox; the one page that is opened is the booth's own.
    arguments = [*OPTIONS, f"--use-file-for-fake-video-capture={film}", "--no-sandbox", "--disable-gpu"]
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=arguments)
            try:
                return walk(context, browser)
            finally:
                browser.close()
    except Error as error:
        raise Failure(f"the page: {error.message.splitlines()[0]}") from error


def make_film(folder: Path) -> Path:
    """What the camera sees: a portrait, as a film of one picture."""
    film = folder / "camera.mjpeg"
    with Image.open(PORTRAIT) as photo:
        ImageOps.pad(photo.convert("RGB"), (640, 480)).save(film, "JPEG", quality=90)
    return film


def walk(context: Context, browser: Any) -> str:
    """A visit on dev's page, for one scene, with the pad, then with the phone. Raises Failure, playwright's Error."""
    url, has_sam = context.stack("dev").url, context.state.with_sam.get("dev", False)
    pad = _open(browser, url, PAD)
    pad.click("#begin")
    pad.click("#agree")
    chosen = pad.locator("#scene-list input:checked")
    while chosen.count() > 1:
        chosen.last.uncheck()
    if not has_sam:  # else the alarm `kept-less` would tell, rightly, that heads can't be kept
        pad.check("#keep-choice input[value=face]")
    pad.click("#to-camera")
    pad.click("#shoot:not(:disabled)")
    context.ask_pictures(1)
    pad.click("#use")
    _await_end(pad)
    link = _read_code(pad)
    phone = _open(browser, link, PHONE)
    _await_end(phone)
    phone.click("#delete")
    phone.click("#ask-yes")
    phone.wait_for_selector("#visit[data-phase=deleted]")
    again = _open(browser, link, PHONE)
    again.wait_for_selector("#visit[data-phase=deleted]")
    return f"{browser.version}: camera, upload, 1 picture, QR code, the same on the phone, deleted from there"


def _open(browser: Any, url: str, size: dict[str, int]) -> Any:
    """A device of its own with the page at an address."""
    device = browser.new_context(viewport=size, locale="en-US", permissions=["camera"], reduced_motion="reduce")
    device.set_default_timeout(TOUCH_MS)
    page = device.new_page()
    page.goto(url)
    return page


def _await_end(page: Any) -> None:
    """Waits for a visit's end and its one picture. Raises Failure."""
    page.locator("#visit:is([data-phase=ended], [data-phase=failed])").wait_for(timeout=VISIT_MS)
    if page.get_attribute("#visit", "data-phase") != "ended":
        raise Failure(f"the page says: {page.inner_text('#note')}")
    page.locator(".tile.loaded:not(.photo)").wait_for()


def _read_code(page: Any) -> str:
    """The link in the QR code on the page, read as a phone reads it. Raises Failure."""
    import zxingcpp

    shot = Image.open(io.BytesIO(page.locator("#phone-card").screenshot()))
    codes = zxingcpp.read_barcodes(shot)
    if len(codes) != 1 or "#visit=" not in codes[0].text:
        raise Failure("the pad's QR code can't be read")
    return codes[0].text
