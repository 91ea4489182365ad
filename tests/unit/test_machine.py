"""Of what a machine lacks a sentence tells, before minutes go into the rest: Makefile, tools/machine.py."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools import machine

pytestmark = pytest.mark.starts

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("Makefile", "requirements-dev.txt", "tools", "functions/scenes.json")
READ = ("benchmarks", "layers", "sam_model")
SHELL = ("sh", "make", "sed", "mkdir", "cp", "touch", "rm", "env", "cat")


def write_script(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


class Checkout:
    """A checkout on a machine that has a shell and make, no more."""

    def __init__(self, folder):
        self.root, self.bin = folder / "checkout", folder / "bin"
        for name in NEEDED:
            source, target = ROOT / name, self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(source, target)
        for name in READ:
            (self.root / name).symlink_to(ROOT / name)
        self.bin.mkdir()
        for name in SHELL:
            (self.bin / name).symlink_to(shutil.which(name))

    def install(self, name, text="exit 0"):
        """Puts a program on PATH; without a text one that does nothing."""
        write_script(self.bin / name, text)

    def install_python(self):
        self.install("python3", f'exec {sys.executable} "$@"')

    def install_venv(self, text):
        """A .venv whose Python is this script; it notes what it was asked in `asked`."""
        write_script(self.root / ".venv" / "bin" / "python", f'echo "$@" >> {self.root}/asked\n{text}')
        (self.root / ".venv" / ".pip").touch()
        os.utime(self.root / "tools" / "pip.txt", (0, 0))

    @property
    def asked(self):
        lines = (self.root / "asked").read_text().splitlines()
        return [line for line in lines if line != "-c "]

    def make(self, *arguments):
        """Exit status and the lines that were printed, make's own last word apart."""
        environment = {"PATH": str(self.bin), "HOME": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        command = ["make", "--no-print-directory", *arguments]
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        return done.returncode, [line for line in lines if not re.match(r"make(\[\d\])?: \*\*\*", line)]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


TARGETS = ("run", "test", "test-fast", "check", "deploy", "sam-deploy", "preflight", "bench", "audit")


@pytest.mark.parametrize("target", TARGETS)
def test_without_python_one_line_says_what_to_type(checkout, target):
    checkout.install("npm")
    checkout.install("python3", "exit 1")  # an old one, or one without venv or pip
    status, [line] = checkout.make(target)
    assert status
    assert line.startswith("Python 3.11 or later with venv and pip is missing. Debian")
    assert all(each in line for each in ("Ubuntu", "sudo apt install python3-venv", "Fedora: sudo dnf install python3"))
    assert not (checkout.root / ".venv").exists()


@pytest.mark.parametrize("target", TARGETS)
def test_without_npm_one_line_says_what_to_type(checkout, target):
    checkout.install_python()
    status, [line] = checkout.make(target)
    assert status
    assert re.match(r"npm is missing\. Debian and Ubuntu: sudo apt install npm; +Fedora: sudo dnf install", line)
    assert not (checkout.root / ".venv").exists()


def test_a_venv_whose_python_has_gone_is_told(checkout):
    checkout.install_python()
    checkout.install("npm")
    (checkout.root / ".venv" / "bin").mkdir(parents=True)
    (checkout.root / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.11")
    status, [line] = checkout.make("run")
    assert status
    assert line == "The Python of .venv is gone. Begin anew: rm -rf .venv .tools"


@pytest.mark.parametrize("lacking", ["browser", "python 3.13 3.12"])
def test_what_only_the_tests_need_is_asked_for_before_anything_is_installed(checkout, lacking):
    checkout.install_python()
    checkout.install("npm")
    checkout.install_venv(f'case "$*" in "-m tools.machine {lacking}") echo "It is missing." >&2; exit 1;; esac')
    status, lines = checkout.make("test")
    assert status
    assert lines == ["It is missing."]
    assert checkout.asked[-1] == f"-m tools.machine {lacking}"
    assert not [line for line in checkout.asked if "pip" in line]


@pytest.mark.parametrize("target", ["run", "test-fast", ".tools/sam/.installed", ".tools/runtime/.installed"])
def test_packages_that_do_not_come_are_told_in_a_sentence(checkout, target):
    checkout.install_python()
    checkout.install("npm")
    checkout.install_venv('case "$*" in *"pip "*) echo "ERROR: no network" >&2; exit 1;; esac')
    status, lines = checkout.make(target)
    assert status
    assert lines[-2] == "ERROR: no network"
    assert re.match(r"Installing .* failed for the reason above: mend it \(.*\) and try again\.", lines[-1])


def test_packages_of_npm_that_do_not_come_are_told_in_a_sentence(checkout):
    checkout.install_python()
    checkout.install("npm", 'echo "npm error network" >&2; exit 1')
    status, lines = checkout.make(".tools/npm/.installed")
    assert status
    assert lines[0] == "npm error network" and "failed for the reason above" in lines[1]
    assert not (checkout.root / ".tools" / "npm" / ".installed").exists()


def test_a_deployment_without_credentials_ends_before_the_build(checkout):
    checkout.install_python()
    checkout.install("npm")
    checkout.install_venv('case "$*" in "-m deploy account") echo "No AWS credentials." >&2; exit 1;; esac')
    (checkout.root / ".venv" / ".installed").touch()
    os.utime(checkout.root / "tools" / "photo-booth.pth", (0, 0))
    status, lines = checkout.make("deploy")
    assert status
    assert lines[-1] == "No AWS credentials."
    assert checkout.asked[-1] == "-m deploy account"


@pytest.mark.parametrize("target", ["trace", "faults", "odd-photos", "fuzz", "deploy"])
def test_a_folder_that_can_not_be_written_is_told_first(checkout, target):
    checkout.install_python()
    checkout.install("npm")
    (checkout.root / "out").write_text("a file")
    status, lines = checkout.make(target)
    assert status
    assert lines[-1] == "The folder out can't be written; what this makes is written there."
    assert not (checkout.root / ".venv").exists()


# The help


def targets():
    text = subprocess.run(["make", "-pnq", "help"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"^([a-z][\w-]*):", text, re.MULTILINE))


def test_make_alone_prints_a_help_that_fits_a_screen(checkout):
    status, lines = checkout.make()
    assert status == 0
    assert len(lines) < 24 and max(map(len, lines)) <= 80
    named = {word for line in lines for word in re.findall(r"make ([a-z-]+)", line)}
    assert named <= targets() | {"bench-"}
    assert {"run", "test", "deploy", "destroy", "preflight", "prove"} <= named


def test_what_can_be_measured_is_listed(checkout):
    status, lines = checkout.make("bench-help")
    assert status == 0
    measures = {each for each in targets() if each.startswith("bench-")} - {"bench-help"}
    assert {line.split(":")[0] for line in lines} == {f"make {each}" for each in measures}
    assert "make bench-pixels: What each step's pixel work takes" in lines


# What the tests need besides


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without other Pythons and browsers, and without a network."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(machine, "UV", tmp_path / "uv")
    monkeypatch.setattr(machine, "PYTHONS", tmp_path / "python")
    monkeypatch.setattr(machine, "_playwrights_own", lambda: None)
    return tmp_path


def write_uv(folder, script):
    """The wheel of a uv that is this shell script."""
    [pin] = (ROOT / "tools" / "uv.txt").read_text().split()
    version = pin.removeprefix("uv==")
    info = f"uv-{version}.dist-info"
    folder.mkdir()
    with zipfile.ZipFile(folder / f"uv-{version}-py3-none-any.whl", "w") as wheel:
        program = zipfile.ZipInfo(f"uv-{version}.data/scripts/uv")
        program.external_attr = 0o100755 << 16
        wheel.writestr(program, f"#!/bin/sh\n{script}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: uv\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_a_python_that_is_missing_is_fetched_by_uv(bare, capsys):
    home = bare / "python" / "cpython-3.13.9-linux-x86_64-gnu" / "bin"
    mkdir, ln = shutil.which("mkdir", path="/bin:/usr/bin"), shutil.which("ln", path="/bin:/usr/bin")
    wanted = f"python install --no-bin --install-dir {bare}/python 3.13"
    write_uv(
        bare / "wheels",
        f'[ "$*" = "{wanted}" ] || exit 2; {mkdir} -p {home} && {ln} -s {sys.executable} {home}/python3.13',
    )
    assert machine.python("3.13") == home / "python3.13"
    assert "uv fetches it" in capsys.readouterr().err
    shutil.rmtree(bare / "wheels")
    assert machine.python("3.13") == home / "python3.13"  # once


@pytest.mark.parametrize("reach", ["no package index", "no download"])
def test_a_python_that_can_not_be_had_is_one_line_that_says_what_to_type(bare, capsys, monkeypatch, reach):
    if reach == "no download":
        write_uv(bare / "wheels", 'echo "error: Failed to download https://x" >&2; exit 2')
    monkeypatch.setattr(sys, "argv", ["machine", "python", "3.13"])
    assert machine.main() == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert "Python 3.13 is missing" in line
    assert all(each in line for each in ("Ubuntu: sudo", "Fedora: sudo dnf install python3.13", "Debian: pyenv"))
    assert ("Failed to download" in line) == (reach == "no download")


def test_a_python_that_is_there_is_taken_but_no_shim_that_does_not_run(bare):
    write_script(bare / "bin" / "python3.13", "exit 127")
    write_script(bare / "pyenv" / "versions" / "3.13.0" / "bin" / "python3.13", "exit 0")
    assert machine.python("3.13") == bare / "pyenv" / "versions" / "3.13.0" / "bin" / "python3.13"


def test_a_browser_that_can_not_be_had_is_one_line_that_says_what_to_type(bare, capsys, monkeypatch):
    write_script(bare / "bin" / "chromium-browser", "echo It is a snap.; exit 1")
    failing = 'case "$*" in *"playwright install chromium") echo "Error: no network" >&2; exit 1;; esac'
    write_script(bare / "python", failing)  # the real one asks for it five times
    monkeypatch.setattr(sys, "executable", bare / "python")
    monkeypatch.setattr(sys, "argv", ["machine", "browser"])
    assert machine.main() == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert "Chromium is missing, and Playwright's own can't be had (Error: no network)" in line
    assert all(each in line for each in ("Debian: sudo apt", "Fedora: sudo dnf", "Ubuntu: wget"))


def test_a_browser_that_is_there_is_taken(bare):
    write_script(bare / "bin" / "google-chrome", "exit 0")
    assert machine.browser() == bare / "bin" / "google-chrome"
    write_script(bare / "bin" / "chromium-headless-shell", "exit 0")
    assert machine.browser() == bare / "bin" / "chromium-headless-shell"
