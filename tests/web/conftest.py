"""The booth's page in a real browser with a fake camera, against the whole application."""

import io
import json
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageOps
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.application import app, booth, quick  # noqa: F401  (fixtures)
from tests.support.photos import PHOTOS
from tools import machine

WEB = Path(__file__).parents[2] / "web"
SIZES = {
    "pad": {"width": 1180, "height": 820},
    "upright pad": {"width": 820, "height": 1180},
    "phone": {"width": 390, "height": 844},
    "laptop": {"width": 1366, "height": 768},
}
SETTINGS = json.loads((WEB / "settings.json").read_text()) | {"countdownSeconds": 0, "autoUseSeconds": 0}
EXPECTED = ("ERR_INTERNET_DISCONNECTED", "Failed to load resource", "net::ERR")
"""What the browser itself writes when a test takes the network away or answers an error."""


@pytest.fixture(scope="package")
def browser(tmp_path_factory):
    film = tmp_path_factory.mktemp("camera") / "film.mjpeg"
    with Image.open(PHOTOS / "astronaut.jpg") as photo:
        ImageOps.pad(photo.convert("RGB"), (640, 480)).save(film, "JPEG", quality=90)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    arguments += ["--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    arguments += [f"--use-file-for-fake-video-capture={film}"]
    path = machine.browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, app):  # noqa: F811
    """Opens the page on a device of its own; fails the test if a page met an error of its own.

    Args of what it gives: a name of SIZES, the fragment of the address, settings to change, options of the context.
    """
    contexts, problems = [], []

    def open_page(size="pad", fragment="", settings=None, go=True, **options) -> Page:
        usual = {"locale": "en-US", "service_workers": "block", "permissions": ["camera"]}
        usual["reduced_motion"] = "reduce"  # Playwright waits for the end of each animation
        options = usual | options
        context = browser.new_context(viewport=SIZES[size], base_url=app.url, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        context.route("**/settings.json", lambda route: route.fulfill(json=SETTINGS | (settings or {})))
        if go:
            page.goto(f"/{fragment}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [problem for problem in problems if not any(known in problem for known in EXPECTED)] == []


def go_to_camera(page: Page) -> None:
    """From the start to the camera, with the scenes that are ticked at first."""
    page.click("#begin")
    page.click("#agree")
    page.click("#to-camera")
    page.wait_for_selector("#shoot:not(:disabled)")


def take_photo(page: Page) -> None:
    """From the start to the question whether the photo is to be used."""
    go_to_camera(page)
    page.click("#shoot")
    page.wait_for_selector("#use")


def await_phase(page: Page, phase: str) -> None:
    """Waits until the visit has come to this phase, see web/visit.js; a run ends within 120 s, well or not."""
    page.locator(f"#visit:is([data-phase={phase}], [data-phase=failed])").wait_for(timeout=130_000)
    assert page.get_attribute("#visit", "data-phase") == phase, page.inner_text("#note")


def await_pictures(page: Page, count: int) -> None:
    """Waits until that many finished pictures are to be seen."""
    expect(page.locator(".tile.loaded")).to_have_count(count, timeout=20_000)


def kept_photos(page: Page) -> int:
    """How many photos the device keeps."""
    return page.evaluate(
        """() => new Promise((resolve, reject) => {
          const opening = indexedDB.open("photo-booth", 1);
          opening.onerror = () => reject(opening.error);
          opening.onsuccess = () => {
            const count = opening.result.transaction("visits").objectStore("visits").count();
            count.onsuccess = () => { opening.result.close(); resolve(count.result); };
          };
        })"""
    )


def request_id(page: Page) -> str:
    """The requestId in the QR code on the page, read as a phone reads it."""
    picture = Image.open(io.BytesIO(page.locator("#phone-card").screenshot()))
    [code] = zxingcpp.read_barcodes(picture)
    return code.text.split("#visit=")[1]
