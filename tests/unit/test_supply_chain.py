"""What comes from others: locked, listed with its licence, and no secret of ours among what we give away."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy import lock
from local import weights
from tests.support import tiny_wheel

pytestmark = pytest.mark.starts

ROOT = Path(__file__).parent.parent.parent


def pins(text):
    """The packages of a requirements file: version by name, as PyPI compares names."""
    found = re.findall(r"^([\w.-]+)(?:==|>=)([\w.]+)", text, re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


def hashes(text):
    """The hashes of each line of a lock, by name."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return {line.split("==")[0]: re.findall(r"sha256:([0-9a-f]{64})", line) for line in lines if "==" in line}


@pytest.mark.parametrize("folder", lock.TARGETS)
def test_the_lock_holds_what_the_code_asks_for(folder):
    wanted = pins((ROOT / folder / "requirements.in").read_text())
    text = (ROOT / folder / "requirements.txt").read_text()
    assert wanted.items() <= pins(text).items()
    assert pins(text).keys() == hashes(text).keys()
    assert all(hashes(text).values())


def test_make_audit_reads_every_lock():
    [listed] = re.findall(r"for lock in (.+?); do", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert listed.split() == list(lock.TARGETS)


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A project that needs one package, which is the only one there is; locked once for all tests and each platform."""
    folder = tmp_path_factory.mktemp("locked")
    tiny_wheel.write(folder / "wheels")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PIP_NO_INDEX", "1")
        environment.setenv("PIP_FIND_LINKS", str(folder / "wheels"))
        first: dict[lock.Target, Path] = {}
        for name, platform in lock.TARGETS.items():
            if platform in first:
                shutil.copytree(first[platform], folder / name)
                continue
            first[platform] = folder / name
            first[platform].mkdir(parents=True)
            (first[platform] / "requirements.in").write_text("tiny-thing==1.2\n")
            lock.lock(folder, name)
    return folder


@pytest.fixture
def project(locked, tmp_path, monkeypatch):
    """A copy of that project, which may be changed."""
    shutil.copytree(locked, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path


def test_a_lock_holds_the_hash_of_what_there_is(project):
    wheel = project / "wheels" / "tiny_thing-1.2-py3-none-any.whl"
    for folder in lock.TARGETS:
        text = (project / folder / "requirements.txt").read_text()
        assert hashes(text) == {"tiny-thing": [hashlib.sha256(wheel.read_bytes()).hexdigest()]}
    lock.fetch(project, lock.TARGETS, project / "out")
    assert [each.name for each in (project / "out").iterdir()] == [wheel.name]


def test_another_wheel_than_locked_is_not_built_in(project):
    with zipfile.ZipFile(project / "wheels" / "tiny_thing-1.2-py3-none-any.whl", "a") as archive:
        archive.writestr("stowaway.py", "")
    with pytest.raises(lock.LockError, match=r"(?s)DO NOT MATCH THE HASHES.*tiny.thing==1\.2"):
        lock.fetch(project, lock.TARGETS, project / "out")
    assert not list((project / "out").glob("*"))


def test_a_package_without_a_hash_is_not_built_in(project):
    (project / "layers" / "common" / "requirements.txt").write_text("tiny-thing==1.2\n")
    with pytest.raises(lock.LockError, match=r"(?i)hash"):
        lock.fetch(project, lock.TARGETS, project / "out")


def test_wheels_are_fetched_once_and_only_those_of_the_lock_are_taken(project, monkeypatch):
    store = project / "build" / "wheels" / "cpu"
    other = tiny_wheel.write(store, "stowaway")
    [wheel] = lock.wheels(project, "sam_model/cpu")
    assert (wheel.parent, wheel.name) == (store, "tiny_thing-1.2-py3-none-any.whl")
    monkeypatch.setenv("PIP_FIND_LINKS", str(project / "nowhere"))
    assert lock.wheels(project, "sam_model/cpu") == [wheel]
    assert set(store.iterdir()) == {wheel, other}
    wheel.write_bytes(b"something else")
    with pytest.raises(lock.LockError):
        lock.wheels(project, "sam_model/cpu")


@pytest.mark.parametrize("module", ["sam_model.serving.segment_anything", "local.standins.rekognition"])
def test_onnx_runtime_reports_to_nobody(tmp_path, module):
    """Where it may report, it first writes an identifier of the machine under the home folder."""
    code = f"""
import os, {module}
model = "{ROOT / "models" / "faces" / "centerface.onnx"}"
{module}.onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
"""
    # It is silent where it sees a CI or a test.
    known = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment = known | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_what_imports_onnx_runtime_is_in_that_test():
    names = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    importing = {
        name
        for name in names.split()
        if (ROOT / name).is_file()
        and re.search(r"^(?:import|from) onnxruntime", (ROOT / name).read_text(), re.MULTILINE)
    }
    assert importing == {"sam_model/serving/segment_anything.py", "local/standins/rekognition.py"}


# Licences


def test_everything_that_ships_is_listed_with_its_licence():
    rows = re.findall(
        r"^\| (\S+) \| (\d\S*|-) \| ([^|]+) \|", (ROOT / "docs" / "licences.md").read_text(), re.MULTILINE
    )
    listed = {name: version for name, version, _ in rows}
    assert len(listed) == len(rows), "a row each"
    ships = {}
    for folder in lock.TARGETS:
        ships |= pins((ROOT / folder / "requirements.txt").read_text())
    vendor = ROOT / "web" / "vendor"
    ships |= dict(re.findall(r"^\| `[\w./-]+` \| (\S+) (\S+) \|", (vendor / "README.md").read_text(), re.MULTILINE))
    ships |= {each.package: each.version for each in weights.MODELS}
    assert {name: version for name, version in listed.items() if version != "-"} == ships
    # Files that are nobody's package: every folder of pictures.
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    pictures = {Path(file).parent for file in files if Path(file).suffix in (".jpg", ".png", ".svg", ".heic", ".woff2")}
    assert {Path(name.strip("`")) for name, version in listed.items() if version == "-"} == pictures
    # Everything is in the licence that it came with.
    assert {each.name.partition(".")[0] for each in vendor.glob("*.js")} == {
        each.name.partition(".")[0] for each in vendor.glob("*.LICENSE.txt")
    }
    assert [each for each in vendor.iterdir() if each.is_dir() and not (each / "LICENSE.txt").exists()] == []


# The threat model


def test_the_threat_model_names_tests_that_exist():
    named = re.findall(r"`(\w+)::(test_\w+)`", (ROOT / "docs" / "threats.md").read_text(encoding="utf-8"))
    assert len(named) > 40
    for module, test in named:
        texts = [file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob(f"{module}.py")]
        assert [text for text in texts if f"def {test}(" in text], f"{module}::{test}"


# Secrets

# Keys of the tests and of the local mode say that they are such.
SECRETS = {
    "an access key of AWS": rb"\b(?:AKIA|ASIA)(?!TEST|LOCAL)[A-Z0-9]{16}\b",
    "a secret key of AWS": rb"(?i)aws.{0,20}secret.{0,20}[\"'=:\s][A-Za-z0-9/+]{40}\b",
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a token of a code host or registry": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,}|glpat-[\w-]{20}|"
    rb"npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,}|hf_[A-Za-z0-9]{34}|xox[abprs]-[\w-]{10,}|sk-[A-Za-z0-9]{32,})",
    "a signed token": rb"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "credentials in an address": rb"\bhttps?://[^\s/:@\"'{}<>]+:[^\s/:@\"'{}<>]{3,}@",
    "a value that is called a secret": rb"(?i)(?:secret|token|passw(?:or)?d|api_?key)\w*[\"']?\s*[:=]\s*[\"']"
    rb"(?=[^\"']*\d)[A-Za-z0-9+/=_-]{24,}[\"']",
}


def secrets_in(content):
    return {what for what, pattern in SECRETS.items() if re.search(pattern, content)}


def test_the_repository_holds_no_secret():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    files = [ROOT / name.decode() for name in names if name]
    assert len(files) > 150
    found = {str(file.relative_to(ROOT)): secrets_in(file.read_bytes()) for file in files if file.is_file()}
    assert {name: what for name, what in found.items() if what} == {}
    assert not [file for file in files if file.suffix in (".pem", ".key", ".p12") or file.name.startswith(".env")]


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("an access key of AWS", ["key = AKIA", "IOSFODNN7EXAMPLE"]),
        ("a secret key of AWS", ["aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDEN", "G/bPxRfiCYEXAMPLEKEY"]),
        ("a private key", ["-----BEGIN RSA ", "PRIVATE KEY-----"]),
        ("a token of a code host or registry", ["ghp_", "a1" * 18]),
        ("a signed token", ["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiJib290aCJ9", ".c2lnbmF0dXJlMTIz"]),
        ("credentials in an address", ["https://user", ":pass1234@example.org/x"]),
        ("a value that is called a secret", ['"booth_token": "', "k3" * 16, '"']),
    ],
)
def test_a_secret_would_be_found(kind, parts):
    """In parts, or this file would be one of those that hold secrets."""
    assert kind in secrets_in("".join(parts).encode())
