"""The booth's page in a real browser with a fake camera, against the whole application."""

import contextlib
import json
from collections import defaultdict

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Page, expect, sync_playwright

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
WITHOUT = [
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "LensOverlay"),
    *("HttpsFirstBalancedModeAutoEnable", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled"),
    *("PreconnectToSearch", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
]
"""Chromium's features that the tests do without. Each page is in a window of its own, and the last two load two hidden
pages for each window's address bar: 0.6 s of processor time. Chromium takes one list, so Playwright's is in it, too."""
EXPECTED = ("ERR_INTERNET_DISCONNECTED", "Failed to load resource", "net::ERR")
"""What the browser itself writes when a test takes the network away or answers an error."""


def still_film(picture):
    """A film of one picture (RGB, both sides even) for Chromium's fake camera, as YUV4MPEG2, which says how many frames
    a second has: with five, a camera takes half of the processor time that it takes with thirty.
    """
    luma, *chroma = picture.convert("YCbCr").split()
    halves = [plane.reduce(2) for plane in chroma]
    head = f"YUV4MPEG2 W{picture.width} H{picture.height} F5:1 Ip A1:1 C420jpeg\nFRAME\n"
    return head.encode() + b"".join(plane.tobytes() for plane in (luma, *halves))


@pytest.fixture(scope="package")
def browser(tmp_path_factory):
    film = tmp_path_factory.mktemp("camera") / "film.y4m"
    with Image.open(PHOTOS / "astronaut.jpg") as photo:
        film.write_bytes(still_film(ImageOps.pad(photo.convert("RGB"), (640, 480))))
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    arguments += ["--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    arguments += [f"--use-file-for-fake-video-capture={film}", f"--disable-features={','.join(WITHOUT)}"]
    path = machine.browser()
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


HAS_OWN_TIME = "Function.prototype.toString.call(setTimeout).includes('native code')"
"""Whether a page's time is the browser's: a clock that Playwright has installed can't be taken out again."""


class Devices:
    """Browser contexts, each a device of its own, which are wiped between two tests.

    A new one costs as much processor time as opening the page does.
    """

    def __init__(self, browser, origin):
        self._browser, self._origin = browser, origin
        self._wiped = defaultdict(list)
        """By their options: a context, and the blank page that keeps it open."""

    @contextlib.contextmanager
    def lent(self, options):
        """A device with nothing on it. One that gets a clock, or a service worker, is not lent again."""
        wiped = self._wiped[json.dumps(options, sort_keys=True)]
        if wiped:
            device, blank = wiped.pop()
        else:
            device = self._browser.new_context(base_url=self._origin, **options)
            blank = device.new_page()
        yield device
        pages = [page for page in device.pages if page != blank]
        if options["service_workers"] == "allow" or not all(page.evaluate(HAS_OWN_TIME) for page in pages):
            device.close()
            return
        for page in pages:
            page.close()
        device.set_offline(False)
        device.unroute_all()
        device.clear_cookies()
        everything = {"origin": self._origin, "storageTypes": "all"}
        device.new_cdp_session(blank).send("Storage.clearDataForOrigin", everything)
        wiped.append((device, blank))


@pytest.fixture(scope="package")
def devices(browser, app):
    return Devices(browser, app.url)


@pytest.fixture
def open_page(devices):
    """Opens the page on a device of its own; fails the test if a page met an error of its own.

    Args of what it gives: a name of SIZES, the fragment of the address, settings to change, options of the context.
    """
    problems = []

    def open_page(size="pad", fragment="", settings=None, go=True, **options) -> Page:
        usual = {"locale": "en-US", "service_workers": "block", "permissions": ["camera"]}
        usual["reduced_motion"] = "reduce"  # Playwright waits for the end of each animation
        options = usual | options
        context = lent.enter_context(devices.lent(options))
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        page.set_viewport_size(SIZES[size])
        play_animations(page, 20)  # a screen takes touches after 30 ms
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        context.route("**/settings.json", lambda route: route.fulfill(json=SETTINGS | (settings or {})))
        if go:
            page.goto(f"/{fragment}")
        return page

    with contextlib.ExitStack() as lent:
        yield open_page
    assert [problem for problem in problems if not any(known in problem for known in EXPECTED)] == []
