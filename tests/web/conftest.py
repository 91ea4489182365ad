"""The booth's page in a real browser with a fake camera, against the whole application."""

import json

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.application import app, booth, quick  # noqa: F401  (fixtures)
from tests.support.page import WEB, play_animations
from tests.support.photos import PHOTOS
from tests.support.waiting import PATIENCE
from tools import machine

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
    expect.set_options(timeout=PATIENCE * 1000)
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
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        page = context.new_page()
        play_animations(page, 20)  # a screen takes touches after 30 ms
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
