"""Painters with random weights, made on the spot; `make test-painter` installs what they need into .tools/painter."""

import base64
import io
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paint_model import inference
from paint_model.serving.client import Painter
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".tools" / "painter" / "bin" / "python"
# Both kinds in one process: importing torch is what takes the time.
BUILD = """
import sys, pathlib
from paint_model import tiny
for kind in tiny.KINDS:
    tiny.build(pathlib.Path(sys.argv[1], kind), kind)
"""


@pytest.fixture(scope="session", autouse=True)
def surroundings():
    """One thread for each process, since tests run side by side; a time limit that a busy machine keeps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PAINT_SECONDS", str(PATIENCE))
        patch.setenv("PAINT_DEVICE", "cpu")
        yield


@pytest.fixture(scope="session")
def folders(surroundings):
    """The folder that has a model's folder for each kind. Its path is short: a socket's may have 104 characters."""
    assert PYTHON.exists(), "The painter's packages aren't installed: run `make test-painter`."
    folder = Path(tempfile.mkdtemp(prefix="painter-test-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        subprocess.run([PYTHON, "-c", BUILD, folder], cwd=ROOT, check=True, capture_output=True, text=True)
        yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def start(folders):
    """A function that starts a painter of a kind, which has painted when it is returned."""
    painters = []

    def start(kind):
        with (folders / f"{kind}.log").open("a") as log:
            painters.append(Painter(folders / kind, PYTHON, log))
        painters[-1].wait(PATIENCE)
        return painters[-1]

    yield start
    for painter in painters:
        painter.end()


def encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def decoded(text):
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return np.asarray(image)


def body(photo, painted, seed=7, prompt="a beach at noon"):
    """A request's JSON. ``painted``: bool (height, width)."""
    mask = np.where(painted, np.uint8(255), np.uint8(0))
    return json.dumps({"image": encoded(photo), "mask": encoded(mask), "prompt": prompt, "seed": seed})


class Context:
    """The toolkit's, of which only the status is used."""

    def __init__(self):
        self.status = 200

    def set_response_status(self, code=200, phrase="", idx=0):
        self.status = code


def ask(painter, *request, **more):
    """Send a request through the serving code: its status and its answer."""
    context = Context()
    text = inference.transform_fn(painter, body(*request, **more), "application/json", "application/json", context)
    return context.status, json.loads(text)


def painted(painter, *request, **more):
    """The picture, uint8 (height, width, 3)."""
    status, answer = ask(painter, *request, **more)
    assert status == 200, answer
    return decoded(answer["image"])


def memory(pid):
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
