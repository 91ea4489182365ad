"""No command that could not do what was asked exits with 0, and each says why.

Where the reasons are those of AWS or of a booth: test_visit.py, test_deploy_stack.py, test_sam_deploy.py,
test_sam_check.py, test_preflight.py.
"""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local.app import App, StartError
from tests.support import programs
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.starts

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:9"
PYTHON = ("env", "--default-signal=INT", sys.executable)
"""Ctrl-C reaches it, also where this runs in a shell's background."""

IMPOSSIBLE = (
    f"local photo tests/photos/hopper.jpg --url {NOBODY}",
    "local run --port -1",
    "local run --lan 192.0.2.77 --port 0",
    "local run --lan nowhere.invalid --port 0",
    "local run --lan 0.0.0.0 --port 0",
    "local run --lan fd00::2 --port 0",
    "local run --painter nowhere",
    "local run --painter docs",
    "local.standins",
    "deploy page photo-booth-dev",
    "deploy smoke photo-booth-dev",
    "deploy pair photo-booth-dev",
    "deploy destroy photo-booth-dev",
    "sam_model.package --model nowhere",
    "sam_model.package --out README.md/model.tar.gz",
    "sam_model.deploy deploy moon",
    "sam_model.deploy off moon",
    "sam_model.deploy destroy dev",
    "sam_model.check nowhere",
    "operate.preflight --config-env moon",
    "operate.preflight --config-env dev",
    "prove --yes",
    "prove --clean",
    "benchmarks.load --photos 0 --minutes 0",
    "benchmarks.waterfall --history nowhere",
    "tests.upgrade.capture nowhere",
    "tests.fuzz --only api --case 1",
    "tests.fuzz --count 0",
    "tests.odd_photos nobody",
    "tests.faults --lanes 1 --only nothing",
)


def environment():
    """Of an account where nobody answers, and of an operator who says yes."""
    nobody = {
        "AWS_ENDPOINT_URL": NOBODY,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    return os.environ | nobody | {"AWS_DEFAULT_REGION": "us-east-1", "CONFIRM": "photo-booth-dev"}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    with programs.Programs(tmp_path_factory.mktemp("said")) as python:
        yield python


def run(*command):
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode, (done.stderr or done.stdout).strip()


def test_what_can_not_be_done_is_told_and_is_no_success(python):
    ends = {line: python.run(line, environment()) for line in IMPOSSIBLE}
    assert {
        line: end
        for line, end in ends.items()
        if not end.status or not end.out + end.error or "Traceback" in end.out + end.error
    } == {}


@pytest.mark.parametrize(
    "line", ["deploy account", "operate.preflight --config-env dev", "prove", "sam_model.check nowhere"]
)
def test_without_credentials_or_region_the_first_word_is_what_to_set(python, line):
    ended = python.run(line, {"PATH": os.environ["PATH"], "HOME": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true"})
    assert ended.status
    assert (
        ended.error == "No AWS credentials or Region: set AWS_PROFILE and AWS_DEFAULT_REGION, or run aws configure.\n"
    )


def test_nothing_is_deleted_where_nobody_can_be_asked(python):
    ended = python.run("deploy destroy photo-booth-dev", os.environ | {"CONFIRM": ""})
    assert ended.status
    assert ended.error == "That is not its name; nothing was deleted.\n"


def test_a_booth_that_can_not_be_opened_says_why(python, tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    ended = python.run(f"local run --port {port}", environment())
    assert (ended.status, ended.error) == (1, f"Port {port} is taken; choose another one with PORT=.\n")
    taken.close()
    (tmp_path / f"photo-booth-{port}.log").mkdir()
    ended = python.run(f"local run --port {port}", environment() | {"TMPDIR": str(tmp_path)})
    assert ended.status == 1
    assert re.fullmatch(r"The log can't be written: .*photo-booth-\d+\.log.*\n", ended.error)


@pytest.mark.parametrize(("port", "told"), [("abc", "'abc'"), ("70000", "70000"), ("8000.5", "'8000.5'"), ("''", "''")])
def test_a_port_that_is_none_is_told_in_one_line(python, port, told):
    ended = python.run(f"local run --port {port}", environment())
    assert (ended.status, ended.error) == (1, f"{told} is no port: 1 to 65535.\n")


def test_a_port_without_the_right_to_it(monkeypatch):
    def refuse(port, address):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("local.app.listen", refuse)
    with pytest.raises(
        StartError, match=r"^Port 80 can't be had \(Permission denied\); choose another one with PORT=.$"
    ):
        App(80).__enter__()


WAITING = (
    "local photo tests/photos/hopper.jpg --url {}",
    "deploy page photo-booth-dev",
    "deploy smoke photo-booth-dev",
    "deploy pair photo-booth-dev",
    "deploy destroy photo-booth-dev",
    "sam_model.deploy off dev",
    "sam_model.check nowhere",
    "operate.preflight --config-env dev",
    "prove --yes",
)


@pytest.mark.parametrize("line", WAITING)
def test_ctrl_c_while_somebody_is_waited_for_is_one_line(python, line):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = python.start(line.format(url), environment() | {"AWS_ENDPOINT_URL": url})
        asked, _ = silent.accept()
        with asked:
            os.killpg(process, signal.SIGINT)
            ended = python.wait(process)
    assert (ended.status, ended.error) == (130, "Stopped.\n")


@pytest.mark.parametrize("package", ["local", "deploy", "operate", "prove", "sam_model", "benchmarks", "tests"])
def test_ctrl_c_while_a_program_is_still_being_loaded_is_one_line(package):
    status, said = run(*PYTHON, "-c", f"import os, {package}; os.kill(os.getpid(), 2)")
    assert (status, said) == (130, "Stopped.")


def test_a_process_that_a_program_has_started_leaves_the_line_to_it():
    program = "import os, benchmarks; os.kill(os.getpid(), 2)"
    status, said = run(*PYTHON, "-c", program, "--multiprocessing-fork")
    assert (status, said) == (-signal.SIGINT, "")


def test_make_deploys_no_environment_that_there_is_not():
    for target in ("deploy", "destroy"):
        status, said = run("make", target, "ENV=moon")
        assert status
        assert "ENV=dev or ENV=prod" in said
