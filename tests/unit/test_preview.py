"""What a messenger shows of a link to the page."""

import json
import re
import shutil

import pytest
from PIL import Image

from deploy.preview import with_preview
from deploy.stack import WEB


def told(page):
    return dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', page.decode()))


def test_a_link_tells_of_the_event_and_nothing_of_a_visit():
    """Crawlers get an absolute address of a picture of at least 200 x 200 pixels; og:url would cost the fragment."""
    assert told(with_preview(WEB, "https://booth.example")) == {
        "title": "Photo Booth",
        "description": "Your face stays. The world around you changes.",
        "image": "https://booth.example/preview.jpg",
    }
    with Image.open(WEB / "preview.jpg") as picture:
        assert min(picture.size) >= 200


@pytest.mark.parametrize(
    ("settings", "title"),
    [
        (
            {"languages": ["ko", "en"], "title": {"en": "Fair", "ko": '하남 "축제" & <밤>'}},
            "하남 &quot;축제&quot; &amp; &lt;밤&gt;",
        ),
        ({"languages": ["ko"], "title": {"en": "Fair"}}, "Fair"),
        ({}, "Photo Booth"),
    ],
)
def test_it_has_the_events_own_title(tmp_path, settings, title):
    shutil.copytree(WEB / "languages", tmp_path / "languages")
    shutil.copy(WEB / "index.html", tmp_path)
    (tmp_path / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    assert told(with_preview(tmp_path, "https://booth.example"))["title"] == title
