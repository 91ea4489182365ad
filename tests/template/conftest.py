"""The template's builds, made once."""

import fcntl
import os
import platform
import zipfile
from pathlib import Path

import pytest

from deploy import lock
from deploy.build import PYTHON, compile_all, slim
from tests.support.templates import PIXELS, ROOT, SAM, build_in, read, tool

# What `sam deploy` has CloudFormation do, done here: circles show only afterwards.
TRANSFORM = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class NoManagedPolicies:
    def load(self):
        return {}

source = yaml_parse(open(sys.argv[1]).read())
for resource in source["Resources"].values():  # as `sam package` leaves them
    for name in ("CodeUri", "ContentUri", "DefinitionUri"):
        if name in resource.get("Properties", {}):
            resource["Properties"][name] = "s3://packages/" + resource["Properties"][name].replace("/", "-")
source["Resources"]["Monitoring"]["Properties"]["TemplateURL"] = "https://packages.s3.amazonaws.com/monitoring.yaml"
source["Globals"]["Function"]["CodeUri"] = "s3://packages/functions"
print(json.dumps(transform(source, {}, NoManagedPolicies()), default=str))
"""


@pytest.fixture(scope="session")
def template():
    return read(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def monitoring():
    return read(ROOT / "monitoring.yaml")


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once(name, make)` gives what `make` makes in the folder it is given; once for all of pytest-xdist's workers."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent

    def once(name, make):
        with (folder / f"{name}.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            if made := lock.read():
                return Path(made)
            made = make(folder / name)
            lock.write(str(made))
            return made

    return once


@pytest.fixture(scope="session")
def for_lambda(once):
    """The build that is deployed."""
    return once("arm64", build_in)


@pytest.fixture(scope="session")
def for_here(for_lambda, tmp_path_factory):
    """The same for this machine's processor, so that it can be started here: only the pixels' layer is compiled.

    Its wheels are unpacked; `sam build` would take five times as long. Functions of the same files are one folder, so
    that what they import is imported once.
    """
    if platform.machine() in ("aarch64", "arm64"):
        return for_lambda
    layer = tmp_path_factory.mktemp("x86_64")
    for wheel in lock.wheels(ROOT, "layers/pixels"):
        if "aarch64" not in wheel.name:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(layer / PIXELS / "python")
    slim(layer, set())
    compile_all(PYTHON, layer)
    here = tmp_path_factory.mktemp("here")
    (here / PIXELS).symlink_to(layer / PIXELS)
    folders = {}
    for built in for_lambda.iterdir():
        if built.is_dir() and built.name != PIXELS:
            assert not list(built.rglob("*.so*")), built
            files = frozenset(
                (file.relative_to(built), file.read_bytes()) for file in built.rglob("*") if file.is_file()
            )
            (here / built.name).symlink_to(folders.setdefault(files, built))
    return here


@pytest.fixture(scope="session")
def transformed(once):
    """template.yaml as SAM hands it to CloudFormation; a file of JSON."""

    def transform(folder):
        status, text = tool(
            SAM / "python", "-c", TRANSFORM, ROOT / "template.yaml", env={"AWS_DEFAULT_REGION": "us-east-1"}
        )
        assert status == 0, text
        folder.mkdir()
        (folder / "template.json").write_text(text[text.index("{") :])
        return folder / "template.json"

    return once("transformed", transform)
