"""No command that could not do what was asked exits with 0, and each says why.

Where the reasons are those of AWS or of a booth: test_visit.py, test_deploy_stack.py, test_sam_deploy.py,
test_sam_check.py, test_preflight.py.
"""

import os
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.starts

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:9"

IMPOSSIBLE = (
    f"local photo tests/photos/hopper.jpg --url {NOBODY}",
    "local run --port 70000",
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
    "benchmarks.load --photos 0 --minutes 0",
    "benchmarks.polling --booths 201",
    "benchmarks.waterfall --history nowhere",
    "tests.upgrade.capture nowhere",
    "tests.fuzz --only api --case 1",
    "tests.fuzz --count 0",
    "tests.odd_photos nobody",
    "tests.faults --lanes 1 --only nothing",
)


def run(*command):
    nobody = {
        "AWS_ENDPOINT_URL": NOBODY,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    environment = os.environ | nobody | {"AWS_DEFAULT_REGION": "us-east-1", "CONFIRM": "photo-booth-dev"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode, (done.stderr or done.stdout).strip()


def test_what_can_not_be_done_is_told_and_is_no_success():
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda line: run(sys.executable, "-m", *line.split()), IMPOSSIBLE))
    assert {
        line: said
        for line, (status, said) in zip(IMPOSSIBLE, ends, strict=True)
        if not status or not said or "Traceback" in said
    } == {}


@pytest.mark.parametrize("command", ["deploy account", "operate.preflight --config-env dev", "sam_model.check nowhere"])
def test_without_credentials_or_region_the_first_word_is_what_to_set(command):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true"}
    command = [sys.executable, "-m", *command.split()]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode
    assert (
        done.stderr == "No AWS credentials or Region: set AWS_PROFILE and AWS_DEFAULT_REGION, or run aws configure.\n"
    )


def test_nothing_is_deleted_where_nobody_can_be_asked():
    command = [sys.executable, "-m", "deploy", "destroy", "photo-booth-dev"]
    environment = os.environ | {"CONFIRM": ""}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert done.stderr == "That is not its name; nothing was deleted.\n"


def test_a_booth_that_can_not_be_opened_says_why(tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    status, said = run(sys.executable, "-m", "local", "run", "--port", str(port))
    assert (status, said) == (1, f"Port {port} is taken; choose another one with PORT=.")
    taken.close()
    (tmp_path / f"photo-booth-{port}.log").mkdir()
    status, said = run("env", f"TMPDIR={tmp_path}", sys.executable, "-m", "local", "run", "--port", str(port))
    assert status == 1
    assert re.match(r"The log can't be written: .*photo-booth-\d+\.log", said) and "\n" not in said


def test_make_deploys_no_environment_that_there_is_not():
    for target in ("deploy", "destroy"):
        status, said = run("make", target, "ENV=moon")
        assert status
        assert "ENV=dev or ENV=prod" in said
