"""What `sam build` makes: that it holds what Lambda needs, is small, and works as Lambda starts it."""

import json
import re

import pytest

from deploy.build import LIMIT_MB, ROOT, BuildError, services_of, sizes
from local.app import App
from tests.support.booth import Booth
from tests.support.photos import PHOTOS
from tests.support.templates import COMMON, PIXELS, TOOLS

# What is answered here to the sample events: the photo's bucket is another one, nothing is known of the requestId,
# and the token is neither staff's nor the wall's.
API = {"upload": 200, "paint_again": 404, "list_scenes": 200, "photo": 403, "delete_photo": 404}
API |= {"steer": 401, "staff": 401, "hide_photo": 401, "staff_wall": 401, "decide_picture": 401}
API |= {"wall": 401, "leave_wall": 404}
STEPS = {"detect_faces", "crop_faces", "segment_crop", "merge_masks", "admit", "generate_image", "moderate_picture"}
STEPS |= {"finish"}


def functions_of(template):
    resources = template["Resources"].items()
    return {name: each["Properties"] for name, each in resources if each["Type"] == "AWS::Serverless::Function"}


def test_every_package_fits(for_lambda, template, capsys):
    found = sizes(for_lambda)
    with capsys.disabled():
        print("\n" + "\n".join(f"{name:16} {size:6.1f} MB unpacked" for name, size in found.items()))
    for name in functions_of(template):
        assert found[name] < 2
        assert found[name] + found[COMMON] + found[PIXELS] < LIMIT_MB / 1.5


def test_packages_are_in_layers_alone(for_lambda, template):
    """So that the entry points get none for pixels, and a change of code uploads nothing else."""
    for name in functions_of(template):
        assert not list((for_lambda / name).rglob("*.dist-info"))
    pixels = ("numpy", "PIL", "pi_heif")
    assert all((for_lambda / PIXELS / "python" / each).is_dir() for each in pixels)
    assert not [each for each in pixels if (for_lambda / COMMON / "python" / each).exists()]


def test_the_layers_have_no_service_that_is_not_called_and_no_tests(for_lambda):
    data = for_lambda / COMMON / "python" / "botocore" / "data"
    assert {each.name for each in data.iterdir() if each.is_dir()} == services_of(ROOT / "functions")
    assert not [each for each in for_lambda.rglob("tests") if each.is_dir()]


def test_a_service_that_is_not_written_out_can_not_be_kept(tmp_path):
    (tmp_path / "a.py").write_text("client('s3'); clients.client(name)")
    assert services_of(tmp_path) == {"s3"}
    (tmp_path / "b.py").write_text("def connect(name):\n    return client(name)")
    with pytest.raises(BuildError, match=r"b\.py:2 names no service"):
        services_of(tmp_path)


def test_compiled_modules_are_for_lambdas_processor_and_python(for_lambda):
    wheels = [file.read_text() for file in for_lambda.rglob("*.dist-info/WHEEL")]
    tags = {tag for text in wheels for tag in re.findall(r"^Tag: (.+)$", text, re.MULTILINE)}
    compiled = {tag for tag in tags if not tag.endswith("-any")}

    assert {"cp313-cp313"} == {
        tag.rsplit("-", 1)[0] for tag in compiled if not tag.startswith("cp3") or "abi3" not in tag
    }
    for tag in compiled:
        # Amazon Linux 2023 has glibc 2.34.
        [minor] = re.findall(r"manylinux_2_(\d+)_aarch64|(?<=manylinux)2014(?=_aarch64)", tag) or ["?"]
        assert minor == "" or int(minor) <= 34
    binaries = list(for_lambda.rglob("*.so*"))
    assert binaries
    for file in binaries:
        # The ELF header's machine: 183 is AArch64.
        assert int.from_bytes(file.read_bytes()[18:20], "little") == 183, file


@pytest.mark.parametrize("layer", [COMMON, PIXELS])
def test_every_package_of_the_build_is_locked_and_every_locked_one_is_there(for_lambda, layer):
    text = (ROOT / "layers" / layer.lower() / "requirements.txt").read_text()
    locked = set(re.findall(r"^([\w.-]+==[\w.]+)", text, re.MULTILINE))
    found = [file.parent.stem.rsplit("-", 1) for file in for_lambda.glob(f"{layer}/python/*.dist-info/METADATA")]
    assert {f"{name.lower().replace('_', '-')}=={version}" for name, version in found} == locked


def test_every_module_has_bytecode(for_lambda):
    for file in for_lambda.rglob("*.py"):
        assert list((file.parent / "__pycache__").glob(f"{file.stem}.cpython-313.pyc")), file


@pytest.fixture(scope="module")
def booth(for_here):
    """The whole application out of the packages, under Lambda's Python with Lambda's runtime client beside them."""
    with App(port=0, build=for_here, python=str(TOOLS / "runtime" / "bin" / "python")) as app:
        booth = Booth(app)
        for service, answers in {"rekognition": {"faces": 1}, "sagemaker": {}, "bedrock": {}}.items():
            booth.stand_in(service, canned=answers)
        yield booth


@pytest.mark.parametrize("event", sorted((ROOT / "events").glob("*.json")), ids=lambda event: event.stem)
def test_each_function_answers_its_sample_event(booth, event):
    """Before any photo: with one about, sweep would wait for it for minutes."""
    [name] = [name for name, each in booth.app.stack.functions.items() if each.handler == f"{event.stem}.handler"]
    result = booth.app.lambdas.invoke(booth.app.stack.functions[name].name, event.read_bytes())
    answer = json.loads(result.body)

    if event.stem in API:
        assert answer["statusCode"] == API[event.stem], answer
    elif event.stem in STEPS:
        assert answer["errorType"] == "RunEnded", answer  # nothing is known here of the sample's run
    else:
        assert answer is None


def test_a_photo_goes_through_the_packages(booth):
    _, result = booth.process((PHOTOS / "astronaut.jpg").read_bytes())

    assert (result["status"], result["error"]) == ("SUCCEEDED", None)
    assert len(json.loads(result["url_generated"])) == 3


def test_a_photo_of_a_telephone_goes_through_the_packages(booth):
    _, result = booth.process((PHOTOS / "quarters.heic").read_bytes(), "quarters.heic", "image/heic")

    assert result["status"] == "SUCCEEDED"


def test_each_function_has_a_sample_event(template):
    handlers = {function["Handler"].removesuffix(".handler") for function in functions_of(template).values()}

    assert handlers == {event.stem for event in (ROOT / "events").glob("*.json")}
