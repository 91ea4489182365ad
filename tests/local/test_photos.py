"""Real photos through the real detector, Segment Anything and the painter."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.support.application import SIDE
from tests.support.heic import clap, coded, heic
from tests.support.photos import PHOTOS, photo

ROOT = Path(__file__).parents[2]
FACES = {"group": 5, "rotated": 1}


@pytest.mark.parametrize("name", FACES)
def test_faces_stay_and_the_rest_is_new(booth, name):
    data = (PHOTOS / f"{name}.jpg").read_bytes()
    uploaded, result = booth.process(data, f"{name}.jpg", scenes=["sky", "forest"])
    assert result["status"] == "SUCCEEDED"
    assert booth.record(uploaded)["faces"] == FACES[name]
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).size
    one, two = pictures = [np.asarray(booth.picture(url), float) for url in json.loads(result["url_generated"])]
    original = np.asarray(booth.picture(result["url_original"]), float)
    for picture in pictures:
        assert picture.shape == original.shape
        assert picture.shape[1] / picture.shape[0] == pytest.approx(upright[0] / upright[1], rel=0.01)
    # What both pictures have in common with the photo are the people; the rest differs from it and between them.
    alike = np.all([np.abs(picture - original).max(axis=2) < 24 for picture in pictures], axis=0)
    assert 0.02 < alike.mean() < 0.9
    assert (np.abs(one - two).max(axis=2) > 24).mean() > 0.2


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("cropped.heic", lambda: heic(coded().with_properties(clap(240, 1, 240, 1, -60, 1, 0, 1)))),
        ("telephone.jpg", lambda: (PHOTOS / "turned.heic").read_bytes()),
        ("cut.jpg", lambda: photo()[:-2]),
        ("png.jpg", lambda: photo("PNG")),
    ],
)
def test_a_photo_is_taken_by_what_it_is(quick, name, make):
    _, result = quick.process(make(), name, "image/jpeg", scenes=["sky"])
    assert (result["status"], result["error"]) == ("SUCCEEDED", None)
    width, height = quick.picture(result["url_original"]).size
    assert (width, height) == ((SIDE, SIDE) if name == "cropped.heic" else (SIDE, SIDE * 3 // 4))


def broken(name):
    portrait = (PHOTOS / "astronaut.jpg").read_bytes()
    if name == "no_face.jpg":
        return (PHOTOS / name).read_bytes()
    if name == "text.jpg":
        return b"This is not a photo at all.\n" * 40
    if name == "truncated.jpg":
        return portrait[: len(portrait) // 2]
    if name == "empty.jpg":
        return b""
    out = io.BytesIO()
    size = {"bomb.png": (10_000, 10_000), "tiny.png": (60, 60), "ribbon.png": (1000, 100)}[name]
    Image.new("1", size).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no_face.jpg", "NoFaceFound"),
        ("text.jpg", "UnsupportedPhoto"),
        ("empty.jpg", "UnsupportedPhoto"),
        ("truncated.jpg", "UnreadablePhoto"),
        ("bomb.png", "PhotoTooLarge"),
        ("tiny.png", "PhotoTooSmall"),
        ("ribbon.png", "PhotoTooNarrow"),
    ],
)
def test_a_photo_that_can_not_be_used_fails_with_a_reason(booth, name, code):
    uploaded, result = booth.process(broken(name), name, "image/png" if name.endswith("png") else "image/jpeg")
    assert (result["status"], result["error"]["code"], result["url_generated"]) == ("FAILED", code, "[]")
    assert result["error"]["message"].endswith(".")
    assert float(result["time_taken"]) < 30
    assert booth.await_clean(uploaded) == []


def test_the_program_on_the_front_page_gets_the_pictures(quick, tmp_path):
    [program] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "tests" / "photos").mkdir(parents=True)
    shutil.copy(PHOTOS / "group.jpg", tmp_path / "tests" / "photos")
    program = program.replace("http://127.0.0.1:8000", quick.app.url)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pictures = [tmp_path / name for name in done.stdout.splitlines() if name.endswith(".jpeg")]
    assert len(pictures) == 3
    for picture in pictures:
        with Image.open(picture) as image:
            assert image.format == "JPEG"
