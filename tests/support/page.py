"""What tests of the booth's page do on it, and what they look at."""

import io
import time
from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.waiting import PATIENCE

WEB = Path(__file__).parents[2] / "web"


def play_animations(page: Page, rate: float) -> None:
    """Lets the style sheet's animations run that many times as fast as they are written."""
    tools = page.context.new_cdp_session(page)
    tools.send("Animation.enable")
    tools.send("Animation.setPlaybackRate", {"playbackRate": rate})


def stop_clock(page: Page) -> None:
    """Before the page is opened: its time passes by `clock.run_for` alone, or again by itself after `clock.resume`."""
    now = time.time()
    page.clock.install(time=now)
    page.clock.pause_at(now + 1)


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


def use_photo_offline(page: Page) -> None:
    """From the start to a visit whose photo can't be sent: the connection is lost before it is used."""
    take_photo(page)
    page.context.set_offline(True)
    page.click("#use")
    expect(page.locator("#note")).not_to_be_empty()


def await_phase(page: Page, phase: str) -> None:
    """Waits until the visit has come to this phase, see web/visit.js; a run ends within 120 s, well or not."""
    page.locator(f"#visit:is([data-phase={phase}], [data-phase=failed])").wait_for(timeout=2000 * PATIENCE)
    assert page.get_attribute("#visit", "data-phase") == phase, page.inner_text("#note")


def await_pictures(page: Page, count: int) -> None:
    """Waits until that many finished pictures are to be seen."""
    expect(page.locator(".tile.loaded")).to_have_count(count)


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
