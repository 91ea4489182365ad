"""Build the archive that a SageMaker model is made of: ``python -m sam_model.package``, or ``make sam-package``.

    encoder.onnx  decoder.onnx  code/inference.py  code/sam_model/serving/*.py  code/requirements.txt  code/wheels/*.whl

and what else the model's SHA256SUMS names, such as the external data of an encoder over 2 GB. The container installs
the wheels when it starts and downloads nothing. They are those of the lock in cpu/ or gpu/, for the container's Python.

The build is reproducible: the same files give the same bytes, so the archive's SHA-256, which is printed, says what an
endpoint runs. (Another release of zlib may compress differently; the members are then still the same.)
"""

import argparse
import gzip
import hashlib
import io
import re
import sys
import tarfile
from pathlib import Path

from deploy import lock
from local.weights import MODELS
from sam_model import inference

ROOT = Path(__file__).resolve().parent.parent
LOCKED = ROOT
"""The folder that the locks' paths are relative to, and build/wheels/ with the wheels that they name."""
WEIGHTS = ("encoder.onnx", "decoder.onnx")
DEFAULT_MODEL = ROOT / "models" / "sam"
DEFAULT_ARCHIVE = ROOT / "build" / "model.tar.gz"
SUMS = "SHA256SUMS"
LEVEL = 1
"""gzip's: weights hardly shrink, and the higher ones save 1 % more."""
# pip takes the folder relative to requirements.txt, whatever its working directory, and asks no index.
OFFLINE = "--no-index\n--find-links wheels\n"


class PackageError(RuntimeError):
    """The archive can't be built; the message says why and what to do."""


def build(model_dir: Path, archive: Path, gpu: bool = False) -> str:
    """Write ``archive`` from the export in ``model_dir`` and the serving code; return its SHA-256 in hex.

    With ``gpu`` the container gets onnxruntime-gpu instead of onnxruntime. Raises `PackageError` if a weights file is
    missing, has another SHA-256, or isn't an export that the serving code can load, and if a wheel can't be downloaded.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    expected = _expected_sha256(model_dir)
    for name, digest in expected.items():
        if not (model_dir / name).is_file():
            raise PackageError(f"{model_dir / name} is missing. `make setup` fetches the default weights.")
        found = _sha256(model_dir / name)
        if found != digest:
            raise PackageError(f"{model_dir / name} has SHA-256 {found}, not {digest}.")
    try:
        inference.model_fn(str(model_dir))
    except Exception as problem:  # ONNX Runtime has a class of its own for each way a file can be wrong
        raise PackageError(f"The serving code can't load {model_dir}: {problem}") from problem
    folder = "sam_model/gpu" if gpu else "sam_model/cpu"
    try:
        wheels = lock.wheels(LOCKED, folder)
    except lock.LockError as problem:
        raise PackageError(f"The wheels of {folder} can't be had: {problem}") from problem
    members = {
        "code/inference.py": ROOT / "sam_model" / "inference.py",
        **{f"code/{module.relative_to(ROOT)}": module for module in (ROOT / "sam_model" / "serving").glob("*.py")},
        "code/requirements.txt": (OFFLINE + (LOCKED / folder / lock.LOCK).read_text(encoding="utf-8")).encode(),
        **{f"code/wheels/{wheel.name}": wheel for wheel in wheels},
        **{name: model_dir / name for name in expected},
    }
    draft = archive.with_name(archive.name + ".part")  # renamed when it is complete
    with (
        draft.open("wb") as file,
        # No name and no time in gzip's header.
        gzip.GzipFile("", "wb", compresslevel=LEVEL, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name in sorted(members):
            _add(tar, name, members[name])
    draft.replace(archive)
    return _sha256(archive)


def _expected_sha256(model_dir: Path) -> dict[str, str]:
    """Return each file's SHA-256 by its name: local.weights' for the default model, else the folder's SHA256SUMS'."""
    if model_dir.resolve() == DEFAULT_MODEL.resolve():
        return {Path(model.target).name: model.sha256 for model in MODELS if model.target.startswith("sam/")}
    try:
        lines = (model_dir / SUMS).read_text().splitlines()
    except FileNotFoundError:
        raise PackageError(
            f"{model_dir / SUMS} is missing. It says which weights are meant; "
            f"make it where you trust them: sha256sum {' '.join(WEIGHTS)} > {SUMS}"
        ) from None
    sums = {match[2]: match[1] for line in lines if (match := re.fullmatch(r"([0-9a-f]{64}) [ *]([\w.-]+)", line))}
    missing = [name for name in WEIGHTS if name not in sums]
    if missing:
        raise PackageError(f"{model_dir / SUMS} says nothing about {' and '.join(missing)}.")
    return sums


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    """Add a file, or bytes as one, with a header that is the same everywhere: no owner, time 0, mode 644."""
    member = tarfile.TarInfo(name)
    member.mode = 0o644
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
        member.size = source.seek(0, io.SEEK_END)
        source.seek(0)
        tar.addfile(member, source)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Build the archive and print its name, size and SHA-256; exit status 1 and the reason if that fails."""
    parser = argparse.ArgumentParser(prog="python -m sam_model.package", description="Build model.tar.gz.")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="folder with encoder.onnx, decoder.onnx")
    parser.add_argument("--out", type=Path, default=DEFAULT_ARCHIVE, help="the archive to write")
    parser.add_argument("--gpu", action="store_true", help="for an endpoint with a GPU")
    options = parser.parse_args(arguments)
    try:
        digest = build(options.model, options.out, options.gpu)
    except (PackageError, OSError) as problem:  # OSError: the disk is full, or a folder can't be written
        print(problem, file=sys.stderr)
        return 1
    print(f"{options.out}  {options.out.stat().st_size / 1e6:.1f} MB  SHA-256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
