"""Makes what an endpoint of the painter is deployed from: ``python -m paint_model.package``, or ``make paint-package``.

    model_index.json  scheduler/  text_encoder/  tokenizer/  transformer/  vae/          as diffusers reads them
    code/inference.py  code/paint_model/serving/*.py  code/requirements.txt  code/wheels/*.whl

The container installs the wheels when it starts and downloads nothing. model.py has the model's files.
"""

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy import lock
from paint_model import hub, model

ROOT = Path(__file__).resolve().parent.parent
LOCKED = ROOT
"""The folder that the locks of packages are relative to, and build/wheels/ with the wheels that they name."""
PACKAGES = "paint_model/gpu"
# pip takes the folder relative to requirements.txt, whatever its working directory, and asks no index.
OFFLINE = "--no-index\n--find-links wheels\n"


@dataclass(frozen=True)
class Member:
    """A file of what is deployed."""

    content: Path | bytes
    size: int
    """Bytes."""
    sha256: str
    """In hex."""


@dataclass(frozen=True)
class Package:
    """What is deployed: files by the path that they have in the container, under /opt/ml/model."""

    folder: Path
    """That of the model on this machine."""
    members: dict[str, Member]

    @property
    def digest(self) -> str:
        """A SHA-256 in hex of all names and contents: the same files have the same."""
        lines = [f"{member.sha256}  {path}\n" for path, member in sorted(self.members.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(member.size for member in self.members.values())


def build(name: str, accept: bool = False) -> Package:
    """The package of a model, each file of which is checked.

    Args:
        name: a folder, or an id of the hub, with @<commit> or without.
        accept: says yes to the licence, which is asked on the terminal otherwise.

    Raises:
        ModelError: the model can't be had, isn't one that the serving code paints with, or nobody took its licence.
        LockError: a wheel can't be had.
    """
    folder, files = model.fetch(name, accept)
    print(f"Checking {sum(file.size for file in files) / 1e9:.1f} GB in {folder} ...", flush=True)
    try:
        weights = {
            each.path: Member(folder / each.path, each.size, hub.check(folder / each.path, each)) for each in files
        }
    except hub.HubError as problem:  # of a fetched model: it has changed on this disk
        raise model.ModelError(f"{problem} Delete it in {folder}, and it is fetched again.") from problem
    return Package(folder, weights | {path: _member(content) for path, content in _code().items()})


def _code() -> dict[str, Path | bytes]:
    """The serving code and the packages that it needs. Raises LockError if a wheel can't be had."""
    wheels = lock.wheels(LOCKED, PACKAGES)
    return {
        "code/inference.py": ROOT / "paint_model" / "inference.py",
        **{f"code/{module.relative_to(ROOT)}": module for module in (ROOT / "paint_model" / "serving").glob("*.py")},
        "code/requirements.txt": (OFFLINE + (LOCKED / PACKAGES / lock.LOCK).read_text(encoding="utf-8")).encode(),
        **{f"code/wheels/{wheel.name}": wheel for wheel in wheels},
    }


def _member(content: Path | bytes) -> Member:
    held = content if isinstance(content, bytes) else content.read_bytes()
    return Member(content, len(held), hashlib.sha256(held).hexdigest())


def main(arguments: list[str] | None = None) -> int:
    """Fetches and checks a model, and prints its folder, size and hash; exit status 1 and the reason if that fails."""
    parser = argparse.ArgumentParser(prog="python -m paint_model.package", description="Fetch and check a model.")
    parser.add_argument("--model", default=model.DEFAULT, help="a folder, or an id of the hub: owner/name[@commit]")
    parser.add_argument("--yes", action="store_true", help="accept the model's licence")
    options = parser.parse_args(arguments)
    try:
        package = build(options.model, options.yes or model.accepted())
    except (model.ModelError, lock.LockError, OSError) as problem:  # OSError: a folder can't be written
        print(problem, file=sys.stderr)
        return 1
    print(f"{package.folder}  {package.size / 1e9:.1f} GB with the code, SHA-256 of all {package.digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
