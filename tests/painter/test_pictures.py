"""What is painted, with tiny pipelines of the real classes, FLUX.2 [klein] and SDXL inpainting, and random weights.

So this says nothing about how a picture looks; it says which pixels it can depend on.
"""

import dataclasses
import json
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from booth.painting.codecs.own import PAINTER
from booth.pixels.frames import fit
from booth.pixels.intake import normalise
from tests.painter.conftest import PYTHON, ROOT, ask, memory, painted

PHOTOS = ROOT / "tests" / "photos"


@pytest.fixture(scope="module")
def klein(start):
    return start("klein")


@pytest.fixture(scope="module")
def sdxl(start):
    return start("sdxl")


@pytest.fixture(scope="module", params=["klein", "sdxl"])
def painter(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def photo():
    with Image.open(PHOTOS / "astronaut.jpg") as image:
        return np.asarray(image.resize((256, 256)))


RIGHT = np.zeros((256, 256), bool)
RIGHT[:, 128:] = True


def test_the_same_seed_gives_the_same_picture_and_another_one_another(painter, photo):
    first, again, other = (painted(painter, photo, RIGHT, seed) for seed in (7, 7, 8))
    assert first.shape == (256, 256, 3)
    assert (first == again).all()
    assert (first[RIGHT] != other[RIGHT]).mean() > 0.2


def test_another_prompt_gives_another_picture(painter, photo):
    assert (painted(painter, photo, RIGHT) != painted(painter, photo, RIGHT, prompt="snow at night")).any()


def test_what_is_painted_of_the_photo_cant_reach_the_picture_and_what_is_kept_does(painter, photo):
    """White is painted: changed pixels there change nothing, whatever they are; changed ones under black do."""
    before = painted(painter, photo, RIGHT)
    assert (painted(painter, np.where(RIGHT[..., None], 255 - photo, photo), RIGHT) == before).all()
    assert (painted(painter, np.where(RIGHT[..., None], photo, 255 - photo), RIGHT) != before).any()


def seeds_differ(painter, photo, mask):
    """How much pictures of two seeds differ, float (height, width)."""
    first, other = (painted(painter, photo, mask, seed).astype(int) for seed in (7, 8))
    return np.abs(first - other).mean(axis=2)


def test_klein_keeps_what_is_black_and_paints_what_is_white(klein, photo):
    right, left = seeds_differ(klein, photo, RIGHT), seeds_differ(klein, photo, ~RIGHT)
    near = 32  # pixels from the edge, as far as the decoder's convolutions look
    assert right[:, 128:].mean() > 3 * right[:, : 128 - near].mean()
    assert left[:, :128].mean() > 3 * left[:, 128 + near :].mean()


def test_klein_paints_a_block_of_which_four_pixels_are_white(klein, photo):
    mask = np.zeros((256, 256), bool)
    mask[96:98, 174:176] = True  # the upper right corner of a block: its centre is black
    differ = seeds_differ(klein, photo, mask)
    block = differ[96:112, 160:176].mean()
    assert block > 0 and block > 10 * differ[:, :96].mean()


def test_klein_gets_no_picture_to_go_by(folders):
    """The model is shown the picture that it paints and the prompt; diffusers would show it the photo as well."""
    code = """
import json, pathlib, sys
import numpy as np
from paint_model.serving import pipelines
from paint_model.serving.protocol import Request
painting = pipelines.load(pathlib.Path(sys.argv[1]))
shapes = set()
painting._pipeline.transformer.register_forward_pre_hook(
    lambda module, args, named: shapes.add(named["hidden_states"].shape[1]), with_kwargs=True)
painting.paint(Request(np.zeros((256, 320, 3), np.uint8), np.ones((256, 320), bool), "a beach", 1), lambda: False)
print(json.dumps(sorted(shapes)))
"""
    done = subprocess.run(
        [PYTHON, "-c", code, folders / "klein"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [(256 // 16) * (320 // 16)]


def frames(max_pixels):
    """Each shape that the test photos have once the application has scaled and padded them for the endpoint."""
    sizes = dataclasses.replace(PAINTER.sizes, max_pixels=max_pixels)
    photos = [normalise(path.read_bytes()) for path in sorted(PHOTOS.iterdir()) if path.suffix != ".md"]
    return {frame.canvas: (photo, frame) for photo in photos for frame in [fit(photo.size, sizes)]}.values()


@pytest.mark.parametrize(("kind", "max_pixels"), [("klein", PAINTER.sizes.max_pixels), ("sdxl", 512 * 384)])
def test_every_photo_comes_back_in_its_own_size(request, kind, max_pixels):
    """SDXL in smaller sizes: its twenty steps take long without a card."""
    found = frames(max_pixels)
    assert len(found) >= 5
    for photo, frame in found:
        canvas = frame.place(np.asarray(photo.photo))
        picture = painted(request.getfixturevalue(kind), canvas, np.ones(canvas.shape[:2], bool))
        assert picture.shape == canvas.shape
        assert frame.restore(picture).shape == np.asarray(photo.photo).shape


def test_a_long_prompt_is_not_repeated_in_the_log(painter, folders, photo):
    painted(painter, photo, RIGHT, prompt="secret words " * 150)
    for log in folders.glob("*.log"):
        assert "secret" not in log.read_text()


def test_memory_is_given_back_after_each_picture(klein, photo):
    pid = klein._process.pid
    large = np.asarray(Image.fromarray(photo).resize((768, 768)))
    painted(klein, large, np.ones((768, 768), bool))
    before = memory(pid)
    for _ in range(2):
        painted(klein, large, np.ones((768, 768), bool))
    assert memory(pid) < before + 50_000_000


def test_too_little_memory_is_told_and_the_next_picture_is_painted(klein, photo):
    pid = klein._process.pid
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    large = np.asarray(Image.fromarray(photo).resize((1024, 1024)))
    before = resource.prlimit(pid, resource.RLIMIT_AS, (used + 60_000_000, resource.RLIM_INFINITY))
    try:
        status, answer = ask(klein, large, np.ones((1024, 1024), bool))
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, before)
    assert (status, answer) == (503, {"error": "The painter has too little memory for this picture."})
    assert painted(klein, photo, RIGHT).shape == photo.shape
    assert klein._process.pid == pid
