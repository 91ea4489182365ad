"""The painter at home: `make run PAINTER=<folder>` with a tiny pipeline of random weights, from photo to pictures.

The booth runs under `.venv`, its painter under `.tools/painter`; of either's packages this needs Pillow and numpy.
"""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from client.booth import Booth
from paint_model.serving.client import Painter

ROOT = Path(__file__).resolve().parents[2]
PAINTER = ROOT / ".tools" / "painter" / "bin" / "python"
PHOTO = ROOT / "tests" / "photos" / "astronaut.jpg"
FACE = np.s_[200:280, 416:496]
"""Within the face of PHOTO, which is scaled to 1024 x 1024; in whole blocks of a JPEG, which in each file of the same
pixels are the same."""
CORNERS = (np.s_[:128, :128], np.s_[:128, -128:])
"""Behind the person: painted anew."""


class RunningBooth:
    """`python -m local run --painter FOLDER`, and what it has said until it was open."""

    def __init__(self, folder):
        command = [ROOT / ".venv" / "bin" / "python", "-m", "local", "run", "--port", "0", "--painter", folder]
        self.folder, self.said = folder, []
        self.process = subprocess.Popen(
            ["env", "--default-signal=INT", f"TMPDIR={folder.parent}", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stdout:
            self.said.append(line.strip())
            if opened := re.match(r"The booth is open: (\S+)", line):
                self.booth = Booth(opened[1], show=lambda _: None)
                return
        raise AssertionError((self.said, self.process.stderr.read()))

    def painters(self):
        """The ids of the processes that paint with this folder."""
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended
            if b"paint_model.serving" in words and os.fsencode(self.folder) in words:
                found.append(int(file.parent.name))
        return found

    def visit(self, out):
        """The end of a visit: how it ended, the photo's upright copy, and the pictures, uint8."""
        result = self.booth.send(PHOTO, out)
        fetched = [result["url_original"], *json.loads(result["url_generated"])]
        original, *pictures = (np.asarray(Image.open(io.BytesIO(_get(url)))) for url in fetched)
        return result["status"], original, pictures


def _get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def folder(folders):
    """A model of these tests' own: what has a folder of its own has a process of its own."""
    return shutil.copytree(folders / "klein", folders / "home")


@pytest.fixture(scope="module")
def running(folder):
    booth = RunningBooth(folder)
    yield booth
    if booth.process.poll() is None:
        booth.process.kill()
        booth.process.wait()


def test_it_says_what_it_does_where_it_paints_and_how_long_that_takes(running):
    text = "\n".join(running.said)
    assert text.index("Loading the painter (0.0 GB) onto the processor ...") < text.index("Painting a first picture")
    assert re.search(
        r"The painter is ready: a picture of 1024 x 1024 takes \d+\.\d s on the processor, so a photo's three pictures "
        r"take \d+ (s|minutes)\.",
        text,
    )


def test_a_photo_gets_three_pictures_in_which_the_face_is_as_it_was(running, tmp_path):
    status, original, pictures = running.visit(tmp_path)
    assert (status, len(pictures)) == ("SUCCEEDED", 3)
    for picture in pictures:
        assert picture.shape == original.shape
        assert (picture[FACE] == original[FACE]).all()
        for corner in CORNERS:
            away = np.abs(picture[corner].astype(int) - original[corner])
            assert away.mean() > 10 and picture[corner].std() > 1  # noise: the weights are random
    assert len({picture[CORNERS[0]].tobytes() for picture in pictures}) == 3


def test_a_painter_that_dies_is_started_again_and_the_next_photo_gets_its_pictures(running, tmp_path):
    [before] = running.painters()
    os.kill(before, signal.SIGKILL)
    while not (after := [each for each in running.painters() if each != before]):
        assert running.process.poll() is None
    Painter(running.folder, PAINTER).wait(600)
    status, _, pictures = running.visit(tmp_path)
    assert (status, len(pictures)) == ("SUCCEEDED", 3)
    assert running.painters() == after


def test_ctrl_c_ends_all_of_it(running):
    running.process.send_signal(signal.SIGINT)
    _, said = running.process.communicate(timeout=60)
    assert (running.process.returncode, said.splitlines()[-1], "Traceback" in said) == (130, "Stopped.", False)
    assert running.painters() == []


def test_ctrl_c_while_it_is_loaded_leaves_nothing(folder):
    command = [ROOT / ".venv" / "bin" / "python", "-m", "local", "run", "--port", "0", "--painter", folder]
    process = subprocess.Popen(
        ["env", "--default-signal=INT", f"TMPDIR={folder.parent}", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not process.stdout.readline().startswith("Loading the painter"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1], "Traceback" in said) == (130, "Stopped.", False)
    assert str(folder) not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout


def test_the_check_before_the_start_knows_the_classes_that_the_painter_has():
    known = "from paint_model.serving.pipelines import CLASSES; print(*sorted(CLASSES))"
    checked = "from paint_model.serving.models import PIPELINES; print(*sorted(PIPELINES))"
    said = [
        subprocess.run([python, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for python, program in ((PAINTER, known), (ROOT / ".venv" / "bin" / "python", checked))
    ]
    assert said[0] == said[1] != ""
