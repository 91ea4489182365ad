"""What ships to Lambda, locked: every package with its version and the hashes of its wheels.

`requirements.in` names what the code imports; `requirements.txt`, which `sam build` reads, names all that comes with
it. pip refuses a wheel whose hash isn't listed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDERS = ("layers/common", "layers/pixels")
ARCHITECTURES = ("aarch64", "x86_64")
"""Lambda's, and that of most machines on which it is built."""

_PYTHON = "3.13"
_HEAD = "# Made by `make lock` from requirements.in: all that ships, for Lambda's Python on arm64 and x86_64.\n"


class LockError(Exception):
    """pip could not find, or did not accept, a package; the text is its own."""


def lock(folder: Path) -> None:
    """Writes `folder`'s requirements.txt from its requirements.in. Raises LockError."""
    packages: dict[str, set[str]] = {}
    for architecture in ARCHITECTURES:
        for name, sha256 in _resolve(folder / "requirements.in", architecture):
            packages.setdefault(name, set()).add(sha256)
    text = _HEAD
    for name, hashes in sorted(packages.items()):
        text += " \\\n    ".join([name, *(f"--hash=sha256:{each}" for each in sorted(hashes))]) + "\n"
    (folder / "requirements.txt").write_text(text, encoding="utf-8")


def fetch(root: Path, out: Path) -> None:
    """Downloads into `out` every locked wheel of the application in `root`; pip checks the hashes. Raises LockError."""
    files = [part for folder in FOLDERS for part in ("-r", str(root / folder / "requirements.txt"))]
    for architecture in ARCHITECTURES:
        _pip("download", "--require-hashes", "--no-deps", "--dest", str(out), *_target(architecture), *files)


def _resolve(requirements: Path, architecture: str) -> list[tuple[str, str]]:
    """("name==version", SHA-256 of its wheel) of everything that these requirements bring to Lambda."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        options = ["--dry-run", "--ignore-installed", "--target", scratch, "--report", str(report)]
        _pip("install", *options, *_target(architecture), "-r", str(requirements))
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [
        (
            f"{each['metadata']['name'].lower().replace('_', '-')}=={each['metadata']['version']}",
            each["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for each in found
    ]


def _target(architecture: str) -> list[str]:
    """pip's options for wheels that run on Lambda: Amazon Linux 2023 has glibc 2.34."""
    platforms = [f"manylinux_2_28_{architecture}", f"manylinux_2_17_{architecture}", f"manylinux2014_{architecture}"]
    options = [part for each in platforms for part in ("--platform", each)]
    return ["--only-binary", ":all:", "--python-version", _PYTHON, *options]


def _pip(*command: str) -> None:
    options = ["--quiet", "--disable-pip-version-check"]
    done = subprocess.run([sys.executable, "-m", "pip", *command, *options], capture_output=True, text=True)
    if done.returncode:
        raise LockError(done.stderr)
