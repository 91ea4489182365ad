"""Builds the functions and the layers for Lambda: locked wheels, `sam build`, what is loaded, bytecode for it."""

import ast
import http.server
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from deploy import lock

ROOT = Path(__file__).parent.parent
SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
PYTHON = ROOT / ".tools" / "runtime" / "bin" / "python"
"""Lambda's version of it, with pip, which sam calls."""

LIMIT_MB = 250
"""Lambda's limit of a function with its layers, unpacked (Lambda quotas)."""


class BuildError(Exception):
    """The build failed; the text says why."""


def build(source: Path, out: Path) -> None:
    """Builds the template in the folder `source` into the folder `out`: one folder per function and layer.

    Raises:
        BuildError: sam, or Lambda's Python, is not installed, or sam failed.
        lock.LockError: a locked wheel can't be downloaded, or has another hash.
    """
    if not (SAM.exists() and PYTHON.exists()):
        raise BuildError(f"{SAM} or {PYTHON} is missing: run make tools.")
    environment = os.environ | {"PATH": f"{PYTHON.parent}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    command = [SAM, "build", "--template", source / "template.yaml", "--build-dir", out]
    with tempfile.TemporaryDirectory() as wheels, _serve(wheels) as address:
        # For another processor architecture than its own sam has pip download by name and version, without the hash.
        # So the only wheels that pip finds are those whose hashes have been checked.
        for folder in lock.LAYERS:
            for wheel in lock.wheels(source, folder):
                (Path(wheels) / wheel.name).symlink_to(wheel.resolve())
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": address, "PIP_NO_CACHE_DIR": "1"}
        # Without the user's proxy and pip settings, which are for other servers.
        environment |= {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_PROXY": "",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        done = subprocess.run(command, env=environment, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(done.stderr)
    slim(out, services_of(source / "functions"))
    compile_all(PYTHON, out)


@contextmanager
def _serve(folder: str) -> Iterator[str]:
    """Serves a folder over HTTP on loopback; gives the URL. Wheels that it finds in a folder sam would build again."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def services_of(functions: Path) -> set[str]:
    """The AWS services that the functions call: the first argument of each call of `client`.

    Raises BuildError for one that isn't written out there.
    """
    found = set()
    for file in functions.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "client":
                service = node.args[0] if node.args else None
                if not isinstance(service, ast.Constant):
                    raise BuildError(f"{file}:{node.lineno} names no service: its description can't be kept.")
                found.add(service.value)
    return found


def slim(out: Path, services: set[str]) -> None:
    """Takes out of the layers what no function loads, for Lambda brings a layer whole before it starts a function.

    That is botocore's descriptions of all services but these, three quarters of the common layer's ZIP, and tests.
    """
    for data in out.glob("*/python/botocore/data"):
        for service in [each for each in data.iterdir() if each.is_dir() and each.name not in services]:
            shutil.rmtree(service)
    for tests in [each for each in out.glob("*/python/**/tests") if each.is_dir()]:
        shutil.rmtree(tests, ignore_errors=True)  # one may lie in another


def compile_all(python: Path, out: Path) -> None:
    """Adds bytecode to what sam built: Lambda's file system is read-only, so each cold start would compile it again.

    The bytecode is hash-based and unchecked (PEP 552), for the ZIP doesn't keep the files' times. It has the paths that
    the files will have on Lambda, so the same sources give the same packages, which are uploaded once.
    """
    compiled: dict[frozenset, Path] = {}  # functions share their sources: one compilation serves all
    for folder in sorted(folder for folder in out.iterdir() if folder.is_dir()):
        modules = frozenset(file.relative_to(folder) for file in folder.rglob("*.py"))
        if modules in compiled:
            for cache in compiled[modules].rglob("__pycache__"):
                shutil.copytree(cache, folder / cache.relative_to(compiled[modules]), dirs_exist_ok=True)
            continue
        prefix = "/opt" if (folder / "python").is_dir() else "/var/task"
        command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        command += ["-s", folder, "-p", prefix, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(done.stdout)
        compiled[modules] = folder


def sizes(out: Path) -> dict[str, float]:
    """The unpacked size of each built function and layer in MB, by logical id."""
    folders = [folder for folder in sorted(out.iterdir()) if folder.is_dir()]
    return {folder.name: sum(file.stat().st_size for file in folder.rglob("*")) / 1e6 for folder in folders}
