"""sam_model/package.py: what is in the archive, and that the same files give the same bytes."""

import hashlib
import os
import shutil
import tarfile

import pytest

from sam_model import package
from tests import tiny_sam


@pytest.fixture
def export(tmp_path):
    """The folder of another model, with the sums of its files."""
    folder = tmp_path / "other"
    folder.mkdir()
    tiny_sam.export(folder, qualities=[1.0], size=64)
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in package.WEIGHTS]
    (folder / package.SUMS).write_text("".join(sums))
    return folder


def test_the_default_weights(tmp_path, capsys):
    out = tmp_path / "new folder" / "model.tar.gz"
    assert package.main(["--out", str(out)]) == 0
    assert hashlib.sha256(out.read_bytes()).hexdigest() in capsys.readouterr().out
    with tarfile.open(out) as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive}
    code = package.ROOT / "sam_model"
    assert found == {
        "code/inference.py": (code / "inference.py").read_bytes(),
        "code/requirements.txt": (code / "requirements.txt").read_bytes(),
        "decoder.onnx": (package.DEFAULT_MODEL / "decoder.onnx").read_bytes(),
        "encoder.onnx": (package.DEFAULT_MODEL / "encoder.onnx").read_bytes(),
    }


def test_the_same_files_give_the_same_bytes(tmp_path, export):
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


def test_for_a_gpu(tmp_path, export):
    package.build(export, tmp_path / "gpu.tar.gz", gpu=True)
    with tarfile.open(tmp_path / "gpu.tar.gz") as archive:
        wanted = archive.extractfile("code/requirements.txt").read().decode()
    assert "onnxruntime-gpu==" in wanted and "onnxruntime==" not in wanted


def test_weights_beside_the_graph(tmp_path, export):
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
