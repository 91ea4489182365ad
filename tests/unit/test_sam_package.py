"""sam_model/package.py: what is in the archive, and that the same files give the same bytes."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile

import pytest

from deploy import lock
from sam_model import package
from tests.support import tiny_sam, tiny_wheel


@pytest.fixture
def export(tmp_path):
    """The folder of another model, with the sums of its files."""
    folder = tmp_path / "other"
    folder.mkdir()
    tiny_sam.export(folder, qualities=[1.0], size=64)
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in package.WEIGHTS]
    (folder / package.SUMS).write_text("".join(sums))
    return folder


@pytest.mark.starts
def test_the_default_weights(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(package, "LEVEL", 0)  # 80 MB take seconds to compress, and what is packed is the same
    out = tmp_path / "new folder" / "model.tar.gz"
    assert package.main(["--out", str(out)]) == 0
    assert hashlib.sha256(out.read_bytes()).hexdigest() in capsys.readouterr().out
    with tarfile.open(out) as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive}
    code = package.ROOT / "sam_model"
    wheels = {name: content for name, content in found.items() if name.startswith("code/wheels/")}
    locked = (code / "cpu" / "requirements.txt").read_text()
    digests = {hashlib.sha256(content).hexdigest() for content in wheels.values()}
    assert digests == {part.removeprefix("--hash=sha256:") for part in locked.split() if part.startswith("--hash")}
    assert any("onnxruntime-" in name and "-cp312-" in name and "x86_64" in name for name in wheels)
    assert found == wheels | {
        "code/inference.py": (code / "inference.py").read_bytes(),
        **{
            f"code/sam_model/serving/{path.name}": path.read_bytes()
            for path in (code / "serving").iterdir()
            if path.suffix == ".py"
        },
        "code/requirements.txt": f"--no-index\n--find-links wheels\n{locked}".encode(),
        "decoder.onnx": (package.DEFAULT_MODEL / "decoder.onnx").read_bytes(),
        "matte.onnx": (package.DEFAULT_MODEL / "matte.onnx").read_bytes(),
        "encoder.onnx": (package.DEFAULT_MODEL / "encoder.onnx").read_bytes(),
    }


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """Small locks in place of the real ones: the wheels by folder."""
    monkeypatch.setattr(package, "LOCKED", tmp_path)
    return {folder: tiny_wheel.lock(tmp_path, folder) for folder in lock.SERVING}


def test_the_same_files_give_the_same_bytes(tmp_path, export, locked):
    first = package.build(export, tmp_path / "a.tar.gz")
    copy = tmp_path / "copy"
    shutil.copytree(export, copy)
    for path in copy.iterdir():
        path.chmod(0o600)
        os.utime(path, (1, 1))
    assert package.build(copy, tmp_path / "b.tar.gz") == first
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in archive} == {(0, 0, 0, "", "", 0o644)}


def test_for_a_gpu(tmp_path, export, locked):
    package.build(export, tmp_path / "gpu.tar.gz", gpu=True)
    with tarfile.open(tmp_path / "gpu.tar.gz") as archive:
        assert "tiny-gpu==1.2" in archive.extractfile("code/requirements.txt").read().decode()
        assert [name for name in archive.getnames() if "/wheels/" in name] == [
            "code/wheels/tiny_gpu-1.2-py3-none-any.whl"
        ]
    wanted = {folder: (package.ROOT / folder / lock.LOCK).read_text() for folder in lock.SERVING}
    assert "onnxruntime-gpu==" in wanted["sam_model/gpu"] and "onnxruntime==" not in wanted["sam_model/gpu"]
    assert "onnxruntime==" in wanted["sam_model/cpu"]


@pytest.mark.starts
def test_pip_installs_the_archives_requirements_from_anywhere_without_a_network(tmp_path, export, locked, monkeypatch):
    package.build(export, tmp_path / "model.tar.gz")
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        archive.extractall(tmp_path / "model", filter="data")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    command = [sys.executable, "-m", "pip", "install", "--target", tmp_path / "site"]
    requirements = tmp_path / "model" / "code" / "requirements.txt"
    done = subprocess.run([*command, "-r", requirements], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "tiny_cpu.py").exists()


@pytest.mark.starts
def test_the_serving_code_runs_out_of_the_archive_alone(tmp_path, export, locked):
    package.build(export, tmp_path / "model.tar.gz")
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        archive.extractall(tmp_path / "model", filter="data")
    code = tmp_path / "model" / "code"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = f"import inference; inference.model_fn({str(tmp_path / 'model')!r}); print(inference.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(code)},  # as the serving toolkits set it
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (f"{code / 'inference.py'}\n", 0), done.stderr


@pytest.mark.starts
def test_a_wheel_that_cannot_be_had_is_told(tmp_path, export, locked, capsys, monkeypatch):
    locked["sam_model/cpu"].unlink()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert package.main(["--model", str(export), "--out", str(tmp_path / "model.tar.gz")]) == 1
    assert "wheels of sam_model/cpu can't be had" in capsys.readouterr().err


def test_weights_beside_the_graph(tmp_path, export, locked):
    (export / "encoder.data").write_bytes(b"2 GB")
    with (export / package.SUMS).open("a") as sums:
        sums.write(f"{hashlib.sha256(b'2 GB').hexdigest()} *encoder.data\n")
    package.build(export, tmp_path / "model.tar.gz")
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert archive.extractfile("encoder.data").read() == b"2 GB"


def change(folder):
    with (folder / "encoder.onnx").open("ab") as file:
        file.write(b"\0")


def forget_the_sums(folder):
    (folder / package.SUMS).unlink()


def name_one_only(folder):
    path = folder / package.SUMS
    path.write_text(path.read_text().splitlines(keepends=True)[0])


def lose_the_decoder(folder):
    (folder / "decoder.onnx").unlink()


def pass_off_a_text(folder):
    (folder / "decoder.onnx").write_text("no model")
    digest = hashlib.sha256(b"no model").hexdigest()
    path = folder / package.SUMS
    path.write_text(path.read_text().splitlines(keepends=True)[0] + f"{digest}  decoder.onnx\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change, "encoder.onnx has SHA-256"),
        (forget_the_sums, "SHA256SUMS is missing"),
        (name_one_only, "says nothing about decoder.onnx"),
        (lose_the_decoder, "decoder.onnx is missing"),
        (pass_off_a_text, "can't load"),
    ],
)
def test_what_is_not_meant_is_not_packed(tmp_path, export, capsys, spoil, message):
    spoil(export)
    assert package.main(["--model", str(export), "--out", str(tmp_path / "model.tar.gz")]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("model.tar.gz*"))
