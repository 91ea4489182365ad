"""The template's builds, made once, and the tools that look at it."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.build import ROOT, build

TOOLS = ROOT / ".tools"
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


def built_for(architecture: str, folder: Path) -> Path:
    """The sources as they are but for the processor, built; gives the build's folder."""
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            text = (ROOT / name).read_text(encoding="utf-8")
            (sources / name).write_text(text.replace("arm64", architecture), encoding="utf-8")
    build(sources, folder / "build")
    return folder / "build"


@pytest.fixture(scope="session")
def template():
    return read(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def monitoring():
    return read(ROOT / "monitoring.yaml")


@pytest.fixture(scope="session")
def for_lambda(tmp_path_factory):
    """The build that is deployed."""
    return built_for("arm64", tmp_path_factory.mktemp("arm64"))


@pytest.fixture(scope="session")
def for_here(request, tmp_path_factory):
    """The same for this machine's processor, so that it can be started here."""
    if platform.machine() in ("aarch64", "arm64"):
        return request.getfixturevalue("for_lambda")
    return built_for("x86_64", tmp_path_factory.mktemp("x86_64"))
