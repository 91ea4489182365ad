"""The template's builds, made once, and the tools that look at it."""

import fcntl
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.build import ROOT, build

TOOLS = ROOT / ".tools"
COMMON, PIXELS = "Common", "Pixels"
"""The layers."""
SOURCES = ("template.yaml", "monitoring.yaml", "functions", "layers", "statemachine")


def tool(*command, **options):
    """Runs a program; gives its exit status and what it wrote to both streams."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, **options)
    return done.returncode, done.stdout + done.stderr


class _Tagged(yaml.SafeLoader):
    """YAML in which `!GetAtt A.B` reads as {"Fn::GetAtt": "A.B"}."""


def _construct(loader, suffix, node):
    construct = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
        yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
    }[type(node)]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": construct(node)}


_Tagged.add_multi_constructor("!", _construct)


def read(path: Path) -> dict:
    """A template with its functions in their long form."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Tagged)


def built_for(architecture: str, folder: Path, resource: str | None = None) -> Path:
    """The sources as they are but for the processor, built, or one resource of them; gives the build's folder."""
    shutil.rmtree(folder, ignore_errors=True)  # another worker's build may have failed
    sources = folder / "sources"
    sources.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            text = (ROOT / name).read_text(encoding="utf-8")
            (sources / name).write_text(text.replace("arm64", architecture), encoding="utf-8")
    build(sources, folder / "build", resource)
    return folder / "build"


@pytest.fixture(scope="session")
def template():
    return read(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def monitoring():
    return read(ROOT / "monitoring.yaml")


@pytest.fixture(scope="session")
def for_lambda(tmp_path_factory):
    """The build that is deployed; made once for all of pytest-xdist's workers."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    with (folder / "arm64.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "arm64" / "build.done").exists():
            return folder / "arm64" / "build"
        built = built_for("arm64", folder / "arm64")
        (folder / "arm64" / "build.done").touch()
        return built


@pytest.fixture(scope="session")
def for_here(for_lambda, tmp_path_factory):
    """The same for this machine's processor, so that it can be started here: only the pixels' layer is compiled."""
    if platform.machine() in ("aarch64", "arm64"):
        return for_lambda
    here = tmp_path_factory.mktemp("here")
    for built in for_lambda.iterdir():
        if built.is_dir() and built.name != PIXELS:
            assert not list(built.rglob("*.so*")), built
            (here / built.name).symlink_to(built)
    (here / PIXELS).symlink_to(built_for("x86_64", tmp_path_factory.mktemp("x86_64"), PIXELS) / PIXELS)
    return here
