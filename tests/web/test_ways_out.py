"""What leaves the booth: files that say that they are AI-generated, and sheets from a printer."""

import base64
import io
import re
import zipfile

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tests.support.page import await_phase, await_pictures, request_id, take_photo

pytestmark = pytest.mark.starts

MARK = b"compositeWithTrainedAlgorithmicMedia"
"""What XMP's Iptc4xmpExt:DigitalSourceType ends with in a picture that was painted around a photo."""
SHARES = """
  window.shared = [];
  navigator.canShare = () => true;
  navigator.share = async ({ files }) => {
    for (const file of files) {
      const bytes = Array.from(new Uint8Array(await file.arrayBuffer()));
      shared.push(btoa(bytes.map((byte) => String.fromCharCode(byte)).join("")));
    }
  };
"""
"""A share sheet, which Chromium on a desktop doesn't have: keeps what it is given."""


def paper(page):
    """The sizes of the sheets that are printed, in inches."""
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", page.pdf(prefer_css_page_size=True))
    return [(round(float(width) / 72, 2), round(float(height) / 72, 2)) for width, height in boxes]


def test_each_file_that_leaves_says_that_it_is_made_with_ai(quick, open_page):
    """Of each picture by itself test_visit.py has it, with the operator's frame drawn on it."""
    pad = open_page(go=False)
    pad.clock.install()
    pad.add_init_script("window.print = () => { window.printed = (window.printed ?? 0) + 1; };")
    pad.goto("/")
    take_photo(pad)
    pad.click("#use")
    await_phase(pad, "ended")
    await_pictures(pad, 3)
    with pad.expect_download() as download:
        pad.click("#save-all")
    with zipfile.ZipFile(download.value.path()) as archive:
        files = [archive.read(name) for name in archive.namelist()]
    assert [MARK in each for each in files] == [True] * 3

    link = f"/#visit={request_id(pad)}"
    phone = open_page("phone", go=False)
    phone.add_init_script(SHARES)
    phone.goto(link)
    await_pictures(phone, 3)
    phone.click("#share-all")
    phone.wait_for_function("() => shared.length === 3")
    shared = [base64.b64decode(each) for each in phone.evaluate("shared")]
    assert sorted(shared) == sorted(files)

    prints_what_it_shows(pad, link)


def prints_what_it_shows(pad, link):
    """From the pictures of a visit of three, of which three sheets may be printed, to the last of them."""
    pad.click("#print-all")
    expect(pad.locator("#sheets-left")).to_have_text("Sheets left: 3")
    assert pad.locator("#pages .page").count() == 1
    assert "AI-generated" in pad.inner_text("#pages")
    pad.check("#kinds [value=strips]")
    assert pad.locator("#pages .strip .pictures img").count() == 6
    pad.click("#print-now")
    pad.wait_for_function("() => window.printed === 1")
    assert paper(pad) == [(4.0, 6.0)]
    pad.emulate_media(media="print")
    codes = zxingcpp.read_barcodes(Image.open(io.BytesIO(pad.screenshot(full_page=True))))
    assert [code.text.endswith(link) for code in codes] == [True] * 2
    pad.emulate_media(media="null")

    pad.clock.run_for(700)  # or it is the tap before once more
    pad.click("#print-all")
    assert pad.is_enabled("#print-now")  # one sheet of the two that are left
    pad.check("#kinds [value=each]")
    assert (pad.locator("#pages .page").count(), pad.is_enabled("#print-now")) == (3, False)
    pad.check("#kinds [value=all]")
    pad.click("#print-now")
    pad.wait_for_function("() => window.printed === 2")
    assert paper(pad) == [(6.0, 4.0)]
    pad.click(".tile.loaded .enlarge >> nth=0")
    pad.click("#print")
    expect(pad.locator("#kinds [value=all]")).to_have_count(0)
    expect(pad.locator("#sheets-left")).to_have_text("Sheets left: 1")
