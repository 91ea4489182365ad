"""Lock files: every package that ships, with its version and the hashes of its wheels.

`requirements.in` names what the code imports; `requirements.txt`, the lock, names these with all their dependencies.
`sam build` reads those of the layers, sam_model/package.py and paint_model/package.py those of the endpoints. pip
refuses a wheel whose hash isn't listed.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """A platform that packages run on: Python version, processor architectures, Linux with glibc 2.28 or later."""

    name: str
    python: str
    architectures: tuple[str, ...]


# Amazon Linux 2023, glibc 2.34; the second architecture is that of most machines on which it is built.
LAMBDA = Target("Lambda's Python", "3.13", ("aarch64", "x86_64"))
# AWS's inference containers (endpoints/sdk.py): Ubuntu 22.04, glibc 2.35.
CONTAINER = Target("the serving container's Python", "3.12", ("x86_64",))

LOCK = "requirements.txt"
LAYERS = ("layers/common", "layers/pixels")
SERVING = ("sam_model/cpu", "sam_model/gpu", "paint_model/gpu")
TARGETS: dict[str, Target] = {**dict.fromkeys(LAYERS, LAMBDA), **dict.fromkeys(SERVING, CONTAINER)}
"""Every folder with a lock, and the platform of its packages."""


class LockError(Exception):
    """pip could not find a package, or refused its hash; the text is pip's."""


def lock(root: Path, folder: str) -> None:
    """Writes the lock of a folder in `root` from its requirements.in. Raises LockError."""
    target = TARGETS[folder]
    packages: dict[str, set[str]] = {}
    for architecture in target.architectures:
        for name, sha256 in _resolve(root / folder / "requirements.in", target, architecture):
            packages.setdefault(name, set()).add(sha256)
    processors = " and ".join(target.architectures).replace("aarch64", "arm64")
    text = f"# Made by `make lock` from requirements.in: all that ships, for {target.name} on {processors}.\n"
    for name, hashes in sorted(packages.items()):
        text += " \\\n    ".join([name, *(f"--hash=sha256:{each}" for each in sorted(hashes))]) + "\n"
    (root / folder / LOCK).write_text(text, encoding="utf-8")


def fetch(root: Path, folders: Iterable[str], out: Path) -> None:
    """Downloads the locked wheels of these folders of `root` into `out`; pip checks the hashes. Raises LockError."""
    for target in {TARGETS[folder] for folder in folders}:
        files = [part for each in folders if TARGETS[each] is target for part in ("-r", str(root / each / LOCK))]
        for architecture in target.architectures:
            options = _pip_options(target, architecture)
            _pip("download", "--require-hashes", "--no-deps", "--dest", str(out), *options, *files)


def wheels(root: Path, folder: str) -> list[Path]:
    """The locked wheels of a folder of `root`, sorted by name, after those missing have been downloaded.

    They are kept in `root`, in `build/wheels/` under the last part of the folder's name. Raises LockError.
    """
    store = root / "build" / "wheels" / Path(folder).name
    wanted = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", (root / folder / LOCK).read_text(encoding="utf-8")))
    store.mkdir(parents=True, exist_ok=True)
    if wanted - _stored(store).keys():
        with tempfile.TemporaryDirectory(dir=store) as fresh:  # moved when complete
            fetch(root, [folder], Path(fresh))
            for wheel in Path(fresh).iterdir():
                wheel.replace(store / wheel.name)
    return sorted(wheel for digest, wheel in _stored(store).items() if digest in wanted)


def _stored(store: Path) -> dict[str, Path]:
    """The wheels in a folder by their SHA-256 in hex."""
    found = {}
    for wheel in store.glob("*.whl"):
        with wheel.open("rb") as file:
            found[hashlib.file_digest(file, "sha256").hexdigest()] = wheel
    return found


def _resolve(requirements: Path, target: Target, architecture: str) -> list[tuple[str, str]]:
    """("name==version", SHA-256 of its wheel) of these requirements and all their dependencies."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        options = ["--dry-run", "--ignore-installed", "--target", scratch, "--report", str(report)]
        _pip("install", *options, *_pip_options(target, architecture), "-r", str(requirements))
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [
        (
            f"{each['metadata']['name'].lower().replace('_', '-')}=={each['metadata']['version']}",
            each["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for each in found
    ]


def _pip_options(target: Target, architecture: str) -> list[str]:
    """pip's options for wheels that run on the platform."""
    platforms = [f"manylinux_2_28_{architecture}", f"manylinux_2_17_{architecture}", f"manylinux2014_{architecture}"]
    options = [part for each in platforms for part in ("--platform", each)]
    return ["--only-binary", ":all:", "--python-version", target.python, *options]


def _pip(*command: str) -> None:
    """Runs a command of pip. Raises LockError."""
    pip = [sys.executable, "-m", "pip", *command, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LockError(done.stderr)
