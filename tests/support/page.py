"""What tests of the booth's page do on it, and what they look at."""

import io
import re
import time
from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.waiting import PATIENCE

WEB = Path(__file__).parents[2] / "web"
CODE = "00000000-0000-4000-8000-000000000000"
"""A visit's."""
ONE_PICTURE = {"scenes": ["sky"]}
"""Settings for a visit of which the number of pictures tells nothing: one is painted, in place of three."""
ASPECTS = {"1:1": (480, 480), "4:3": (640, 480), "3:4": (480, 640), "2:1": (640, 320)}


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


def await_modules(page: Page) -> None:
    """Waits until the page has the modules that it loads after its start.

    30 s of a clock that a test moves on would end its time for them, and it would load itself anew.
    """
    [later] = re.findall(r"^const LATER = \[(.*?)\];", (WEB / "booth.js").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    page.evaluate("(later) => Promise.all(later.map((each) => import(each)))", re.findall(r'"\.(/[^"]+)"', later))


def speak(page: Page, language: str) -> None:
    """Before what stays in the language that it was opened in: the privacy text, a question, no camera."""
    page.evaluate("async (language) => { await (await import('/text.js')).setLanguage(language); }", language)


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


def take_another(page: Page) -> None:
    """From an ended visit to the picture of one more photo, in the one scene of ONE_PICTURE."""
    page.click("#another")
    page.click("#shoot:not(:disabled)")
    page.click("#use")
    await_phase(page, "ended")
    await_pictures(page, 1)


def await_phase(page: Page, phase: str) -> None:
    """Waits until the visit has come to this phase, see web/visit.js; a run ends within 120 s, well or not."""
    page.locator(f"#visit:is([data-phase={phase}], [data-phase=failed])").wait_for(timeout=2000 * PATIENCE)
    assert page.get_attribute("#visit", "data-phase") == phase, page.inner_text("#note")


def await_pictures(page: Page, count: int) -> None:
    """Waits until that many finished pictures are to be seen."""
    expect(page.locator(".tile.loaded")).to_have_count(count)


def await_empty_outbox(page: Page) -> None:
    """Waits until each photo that the device has kept has been sent or given up."""
    is_empty = """async (patience) => {
      const { unfinished } = await import("/outbox.js");
      for (let left = patience * 50; left && (await unfinished()).length; left -= 1) {
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
      return (await unfinished()).length === 0;
    }"""
    assert page.evaluate(is_empty, PATIENCE)


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


class CannedBooth:
    """Answers a page in the back end's place. `answer` is (status, JSON) of /photo; None lets it wait."""

    def __init__(self, page, aspect="4:3"):
        out = io.BytesIO()
        Image.new("RGB", ASPECTS[aspect], "teal").save(out, "JPEG")
        self.photo, self.answer, self.is_open, self._waiting = out.getvalue(), None, True, []
        uploaded = {"Bucket": "b", "Key": "k", "UploadURL": "/put", "Expires": 300}
        page.route("**/upload", lambda route: self.is_open and route.fulfill(json=uploaded))
        page.route("**/upload?wake", lambda route: route.fulfill(json={}))
        page.route("**/put", lambda route: route.fulfill())
        page.route(re.compile("/photo$"), self._answer)
        page.route(re.compile("/photo/"), lambda route: route.fulfill(body=self.photo, content_type="image/jpeg"))

    def _answer(self, route):
        if self.answer:
            route.fulfill(status=self.answer[0], json=self.answer[1])
        else:
            self._waiting.append(route)

    def say(self, page, states, status=200, wall=()):
        """Pictures in these states, the letters of "DONE", "FAILED", "WAITING"; the next question waits.

        Args:
            wall: how each stands with the event's wall; none is for it without.
        """
        while not self._waiting:
            page.wait_for_timeout(20)  # lets events in
        self._waiting.pop().fulfill(status=status, json=self.told(states, wall))

    def told(self, states, wall=()):
        """The JSON of /photo with pictures in these states, see `say`."""
        scenes = ("sky", "building", "forest", "unicorn", "cosmos")
        pictures = [
            {
                "scene": scene,
                "state": {"D": "DONE", "F": "FAILED", "W": "WAITING"}[letter],
                "url": "http://cdn/photo/1.jpg" if letter == "D" else None,
                "error": {"code": "OutputBlocked", "message": ""} if letter == "F" else None,
                "wall": on_wall,
            }
            for scene, letter, on_wall in zip(scenes, states, [*wall, *(None for _ in states)], strict=False)
        ]
        answer = {"status": "DONE", "step": "generate", "progress": 0.6, "pictures": pictures}
        return answer | {"url_original": "http://cdn/photo/p.jpg"}

    def choose_photo(self, page):
        """From the start to the question whether the photo is to be used."""
        page.click("#begin")
        page.click("#agree")
        page.click("#to-camera")
        page.set_input_files("#file", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": self.photo})
        page.wait_for_selector("#use")

    def show(self, page, states):
        """From the start to finished pictures."""
        self.choose_photo(page)
        page.click("#use")
        self.paint(page, states)

    def paint(self, page, states):
        """Of a photo that a page sends: it is taken, and then these pictures are finished."""
        self.say(page, "WW", status=202)
        self.say(page, states)
        await_phase(page, "ended")
        await_pictures(page, states.count("D"))
