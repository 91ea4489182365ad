"""A wheel of one empty module, and a lock that names it: for tests that need some package, not a certain one."""

import hashlib
import zipfile
from pathlib import Path


def write(folder: Path, name: str = "tiny_thing") -> Path:
    """The wheel of version 1.2 in the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        info = f"{name}-1.2.dist-info"
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def lock(root: Path, folder: str) -> Path:
    """`folder`'s lock in `root` with one wheel, called after the folder, which is where deploy/lock.py keeps it."""
    name = f"tiny_{Path(folder).name}"
    wheel = write(root / "build" / "wheels" / Path(folder).name, name)
    (root / folder).mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    text = f"{name.replace('_', '-')}==1.2 \\\n    --hash=sha256:{digest}\n"
    (root / folder / "requirements.txt").write_text(text)
    return wheel
