"""What the tests need of a machine beside packages: Python 3.13 and 3.12, under which AWS runs parts of it; a browser.

    python -m tools.machine python 3.13    prints its path
    python -m tools.machine browser

What is not on this machine is fetched: a Python by uv, Chromium by Playwright. Where that fails, too, one line says
what to type. pip must be there for the Python that runs this.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".tools" / "uv"
PYTHONS = ROOT / ".tools" / "python"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is Chromium without windows, as Playwright's own is: four fifths of the time for the tests of the page."""
FETCH_SECONDS = 300
"""Timeout of a download: a browser has 180 MB."""


class MissingError(Exception):
    """Something is neither here nor to be had; the text is one line that says what to type."""


def find_python(version: str) -> Path | None:
    """The interpreter of a version such as 3.13: on PATH, pyenv's, or one that was fetched before."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [shutil.which(name)]
    found += sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True)
    found += sorted(PYTHONS.glob(f"cpython-{version}.*/bin/{name}"), reverse=True)
    # One of pyenv's shims may be on PATH for a version that isn't selected.
    return next((Path(each) for each in found if each and _run(each, "-c", "import venv") is None), None)


def find_browser() -> Path | None:
    """Chromium or Chrome: on PATH, or Playwright's own."""
    found = [shutil.which(name) for name in BROWSERS]
    # On Ubuntu there may be a script that only says that the browser is a snap.
    return next((Path(each) for each in [*found, _playwrights_own()] if each and _run(each, "--version") is None), None)


def python(version: str) -> Path:
    """`find_python`; fetches it if it is missing. Raises MissingError."""
    if found := find_python(version):
        return found
    _say(f"Python {version} is missing; uv fetches it ...")
    reason = _install("--target", UV, "-r", ROOT / "tools" / "uv.txt")
    reason = reason or _run(UV / "bin" / "uv", "python", "install", "--no-bin", "--install-dir", PYTHONS, version)
    if found := find_python(version):
        return found
    raise MissingError(
        f"Python {version} is missing, and uv could not fetch it ({reason}). "
        f"Ubuntu: sudo add-apt-repository ppa:deadsnakes/ppa && sudo apt install python{version}; "
        f"Fedora: sudo dnf install python{version}; Debian: pyenv install {version} (https://github.com/pyenv/pyenv)."
    )


def browser() -> Path:
    """`find_browser`; fetches Playwright's if there is none. Raises MissingError."""
    if found := find_browser():
        return found
    _say("Chromium is missing; Playwright fetches its own ...")
    [pin] = re.findall("^playwright==.*", (ROOT / "requirements-dev.txt").read_text(encoding="utf-8"), re.MULTILINE)
    reason = _install(pin) or _run(sys.executable, "-m", "playwright", "install", "chromium")
    if found := find_browser():
        return found
    own = _playwrights_own()
    reason = reason or (own and _run(own, "--version"))
    raise MissingError(
        f"Chromium is missing, and Playwright's own can't be had ({reason}). "
        "Debian: sudo apt install chromium-headless-shell; Fedora: sudo dnf install chromium; Ubuntu: "
        "wget https://dl.google.com/linux/direct/google-chrome-stable_current_amd64.deb && "
        "sudo apt install ./google-chrome-stable_current_amd64.deb."
    )


def _playwrights_own() -> Path | None:
    """Where Playwright puts its Chromium, if it is there."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:  # not installed yet
        return None
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def _install(*what: str | Path) -> str | None:
    return _run(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what)


def _run(*command: str | Path) -> str | None:
    """None if the command succeeds, else the line in which it says why not."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=FETCH_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if not done.returncode:
        return None
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else f"exit {done.returncode}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.machine", description=__doc__)
    parser.add_argument("what", choices=["python", "browser"])
    parser.add_argument("versions", nargs="*", help="of Python")
    given = parser.parse_args()
    try:
        for path in [browser()] if given.what == "browser" else [python(each) for each in given.versions]:
            print(path)
    except MissingError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
