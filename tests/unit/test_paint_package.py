"""paint_model/package.py over the wire: the hub and its CDN are the fake beside this file. And what is packed."""

import hashlib
import io
import json
import os
import random
import shutil
import sys

import pytest

from deploy import lock
from paint_model import hub, model, package
from tests.support import tiny_wheel
from tests.support.fakes.hub import Hub, sha256
from tests.support.serving import serving

pytestmark = pytest.mark.starts

NAME = "somebody/tiny-inpainting"
COMMIT, NEXT = "1" * 40, "2" * 40
INDEX = {
    "_class_name": "StableDiffusionXLInpaintPipeline",
    "_diffusers_version": "0.42.1",
    "force_zeros_for_empty_prompt": True,
    "image_encoder": [None, None],
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
FILES = {
    "LICENSE.md": b"Apache License, Version 2.0",
    "model_index.json": json.dumps(INDEX).encode(),
    "scheduler/scheduler_config.json": b"{}",
    "unet/config.json": b"{ }",
    WEIGHTS: random.Random(1).randbytes(300_000),
    "vae/config.json": b"",
    "vae/diffusion_pytorch_model-00001-of-00002.safetensors": random.Random(2).randbytes(5000),
    "vae/diffusion_pytorch_model-00002-of-00002.safetensors": random.Random(3).randbytes(5000),
}
NOT_READ = {
    ".gitattributes": b"",
    "README.md": b"a card",
    "sample.png": b"a picture",
    "tiny.safetensors": b"all in one",
    "safety_checker/model.safetensors": b"no part of the pipeline",
    "unet/diffusion_pytorch_model.bin": b"a pickle",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"a variant",
    "vae/model.onnx": b"another format",
}


@pytest.fixture
def world(tmp_path, environment, monkeypatch):
    """The hub with one model; the package's folders are the test's."""
    monkeypatch.setattr(model, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(model, "STORE", tmp_path / "models")
    monkeypatch.setattr(package, "LOCKED", tmp_path)
    monkeypatch.setattr(hub, "PAUSE_SECONDS", 0)
    tiny_wheel.lock(tmp_path, package.PACKAGES)
    for name in ("ACCEPT", "HF_TOKEN"):
        environment.delenv(name, raising=False)
    there = Hub()
    there.models[NAME] = {COMMIT: FILES | NOT_READ}
    with serving(there) as url, serving(there.cdn) as there.cdn_url:
        environment.setenv("HF_ENDPOINT", url)
        yield there


def fetched(name=NAME, *options):
    return package.main(["--model", name, *(options or ["--yes"])])


def kept(tmp_path, commit=COMMIT):
    """What lies in the model's folder: content by path, but for the note that its licence is accepted."""
    folder = tmp_path / "models" / f"tiny-inpainting-{commit[:8]}"
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {path: content for path, content in found.items() if path != model.ACCEPTED}


def locked(tmp_path):
    return json.loads((tmp_path / "locks" / "somebody--tiny-inpainting.json").read_text())


def asked(world, path):
    """The ranges with which a file's content was asked for, by requests to the hub."""
    return [each for name, each in world.requests if name == f"/{NAME}/resolve/{COMMIT}/{path}"]


def test_the_pipelines_files_are_fetched_and_locked(world, tmp_path, capsys):
    assert fetched() == 0
    assert kept(tmp_path) == FILES
    sums = {path: {"size": len(content), "sha256": sha256(content)} for path, content in FILES.items()}
    assert locked(tmp_path) == {"model": NAME, "revision": COMMIT, "license": "apache-2.0", "files": sums}
    assert f"{tmp_path}/models/tiny-inpainting-11111111  " in capsys.readouterr().out


def test_a_locked_model_stays_at_its_commit_and_is_not_asked_for_again(world, tmp_path):
    fetched()
    world.models[NAME][NEXT] = FILES | {WEIGHTS: b"another one"}
    world.requests.clear()
    assert fetched() == 0
    assert (world.requests, locked(tmp_path)["revision"]) == ([], COMMIT)
    shutil.rmtree(tmp_path / "models")
    assert fetched() == 0
    assert kept(tmp_path) == FILES


def test_another_commit_is_taken_by_name(world, tmp_path):
    fetched()
    world.models[NAME][NEXT] = FILES | {"vae/config.json": b"{}"}
    assert fetched(f"{NAME}@{NEXT}") == 0
    assert locked(tmp_path)["revision"] == NEXT
    assert kept(tmp_path, NEXT) == FILES | {"vae/config.json": b"{}"}


def test_a_broken_connection_is_gone_on_from(world, tmp_path):
    world.faults[WEIGHTS] = [100_000, 503, 50_000]
    assert fetched() == 0
    assert kept(tmp_path) == FILES
    assert asked(world, WEIGHTS) == ["", "bytes=100000-", "bytes=100000-", "bytes=150000-"]


def test_a_program_that_ended_in_the_middle_is_gone_on_from(world, tmp_path, capsys):
    world.faults[WEIGHTS] = [100_000, *[500] * hub.ATTEMPTS]
    assert fetched() == 1
    assert "the same command goes on from there" in capsys.readouterr().err
    assert len(kept(tmp_path)[f"{WEIGHTS}.part"]) == 100_000
    world.faults.clear()
    world.requests.clear()
    assert fetched() == 0
    assert asked(world, WEIGHTS) == ["bytes=100000-"]
    assert kept(tmp_path) == FILES


def test_a_server_that_ignores_the_range_is_believed(world, tmp_path):
    world.faults[WEIGHTS] = [100_000, "whole"]
    assert fetched() == 0
    assert kept(tmp_path) == FILES


@pytest.mark.parametrize("path", [WEIGHTS, "scheduler/scheduler_config.json"])
def test_a_file_with_another_hash_is_not_taken(world, tmp_path, capsys, path):
    world.faults[path] = ["wrong"]
    assert fetched() == 1
    assert f"{path} has " in capsys.readouterr().err
    assert not [each for each in kept(tmp_path) if each.startswith(path)]
    assert fetched() == 0
    assert kept(tmp_path) == FILES


def test_a_hub_that_says_other_than_the_lock_is_told_before_anything_is_fetched(world, tmp_path, capsys):
    fetched()
    shutil.rmtree(tmp_path / "models")
    world.models[NAME][COMMIT][WEIGHTS] = FILES[WEIGHTS][::-1]
    assert fetched() == 1
    assert f"{WEIGHTS} is not what somebody--tiny-inpainting.json says" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_a_file_that_changed_on_the_disk_is_told(world, tmp_path, capsys):
    fetched()
    (tmp_path / "models" / "tiny-inpainting-11111111" / WEIGHTS).write_bytes(FILES[WEIGHTS][::-1])
    assert fetched() == 1
    assert f"{WEIGHTS} has SHA-256 " in capsys.readouterr().err


def test_too_small_a_disk_is_told_before_anything_large_is_fetched(world, capsys):
    world.sizes[WEIGHTS] = 10**18
    assert fetched() == 1
    assert "takes 1000000000.0 GB more" in capsys.readouterr().err
    assert asked(world, WEIGHTS) == []


def test_a_disk_that_is_full_in_the_middle_is_told(world, tmp_path, capsys):
    folder = tmp_path / "models" / "tiny-inpainting-11111111" / "unet"
    folder.mkdir(parents=True)
    (folder / "diffusion_pytorch_model.safetensors.part").symlink_to("/dev/full")
    assert fetched() == 1
    assert "can't be written: No space left on device" in capsys.readouterr().err


def test_the_licence_is_shown_and_asked_for_once(world, tmp_path, capsys, environment):
    environment.setattr(sys, "stdin", io.StringIO("no\nyes\n"))
    assert fetched(NAME, "--model", NAME) == 1
    shown = capsys.readouterr()
    assert "Apache License, Version 2.0" in shown.out and "apache-2.0" in shown.out
    assert "Without a yes to its licence" in shown.err
    assert WEIGHTS not in kept(tmp_path)
    assert fetched(NAME, "--model", NAME) == 0
    shutil.rmtree(tmp_path / "models" / "tiny-inpainting-11111111" / "unet")
    capsys.readouterr()
    assert fetched(NAME, "--model", NAME) == 0  # nothing is left to read from standard input
    assert "Apache" not in capsys.readouterr().out


def test_a_script_says_yes_in_the_environment(world, environment):
    environment.setattr(sys, "stdin", io.StringIO(""))
    assert fetched(NAME, "--model", NAME) == 1
    environment.setenv("ACCEPT", "yes")
    assert fetched(NAME, "--model", NAME) == 0


def test_a_model_that_asks_for_an_account_gets_the_token_and_the_cdn_does_not(world, tmp_path, capsys, environment):
    world.gated[NAME] = "auto"
    assert fetched() == 1
    assert "set HF_TOKEN" in capsys.readouterr().err
    environment.setenv("HF_TOKEN", "hf_known")
    assert fetched() == 0
    assert kept(tmp_path) == FILES


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nobody/nothing", "It is not there, or asks for an account"),
        (f"{NAME}@{NEXT}", "check the model's name and revision"),
        ("nowhere", "neither a folder nor an id of the hub"),
    ],
)
def test_a_model_that_is_not_there_is_told(world, capsys, name, reason):
    assert fetched(name) == 1
    assert reason in capsys.readouterr().err


def test_a_hub_that_cannot_be_reached_is_told(world, capsys, environment):
    environment.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert fetched() == 1
    assert "Is there a network?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"_class_name": "FluxFillPipeline"}, "is a FluxFillPipeline; the painter takes Flux2KleinPipeline"),
        ({"text_encoder": ["transformers", "CLIPTextModel"]}, "has no files of text_encoder"),
        ({"../vae": ["diffusers", "AutoencoderKL"]}, "../vae is no part's name"),
    ],
)
def test_a_model_that_the_painter_does_not_know_is_told_before_its_weights_come(world, capsys, change, reason):
    world.models[NAME][COMMIT] = FILES | {"model_index.json": json.dumps(INDEX | change).encode()}
    assert fetched() == 1
    assert reason in capsys.readouterr().err
    assert asked(world, WEIGHTS) == []


@pytest.fixture
def folder(tmp_path):
    """A model in a folder of this machine."""
    for path, content in (FILES | NOT_READ).items():
        (tmp_path / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / path).write_bytes(content)
    return tmp_path / "mine"


def test_a_folder_is_taken_as_it_is(world, folder):
    made = package.build(str(folder))
    assert world.requests == []
    assert {path for path in made.members if not path.startswith("code/")} == set(FILES)
    assert made.members[WEIGHTS].content == folder / WEIGHTS


def test_a_folder_without_a_pipeline_is_told(world, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert fetched(str(tmp_path / "empty")) == 1
    assert "model_index.json is missing" in capsys.readouterr().err


def test_the_code_comes_with_its_wheels_and_asks_no_index(world, folder):
    members = package.build(str(folder)).members
    code = package.ROOT / "paint_model"
    served = {f"code/paint_model/serving/{path.name}" for path in (code / "serving").glob("*.py")}
    assert {path for path in members if path.startswith("code/")} == served | {
        "code/inference.py",
        "code/requirements.txt",
        "code/wheels/tiny_gpu-1.2-py3-none-any.whl",
    }
    requirements = members["code/requirements.txt"].content
    assert isinstance(requirements, bytes) and requirements.startswith(
        b"--no-index\n--find-links wheels\ntiny-gpu==1.2"
    )
    for member in members.values():
        content = member.content if isinstance(member.content, bytes) else member.content.read_bytes()
        assert (member.size, member.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_same_files_have_the_same_hash_and_others_another(world, folder):
    first = package.build(str(folder)).digest
    os.utime(folder / WEIGHTS, (1, 1))
    assert package.build(str(folder)).digest == first
    (folder / "unet" / "config.json").write_bytes(b"{  }")
    assert package.build(str(folder)).digest != first


def test_a_wheel_that_cannot_be_had_is_told(world, folder, tmp_path, capsys, environment):
    (tmp_path / "build" / "wheels" / "gpu" / "tiny_gpu-1.2-py3-none-any.whl").unlink()
    environment.setenv("PIP_NO_INDEX", "1")
    assert fetched(str(folder)) == 1
    assert "tiny-gpu" in capsys.readouterr().err


def test_the_default_model_is_pinned_file_by_file():
    known = json.loads((model.LOCKS / f"{model.DEFAULT.replace('/', '--')}.json").read_text())
    assert (known["model"], len(known["revision"])) == (model.DEFAULT, 40)
    assert sum(each["size"] for each in known["files"].values()) == 15_980_141_329
    assert {path.rpartition("/")[0] for path in known["files"]} == {
        *("", "scheduler", "text_encoder", "tokenizer", "transformer", "vae")
    }
    assert all(len(each["sha256"]) == 64 for each in known["files"].values())


def test_the_packages_leave_the_containers_toolkit_alone():
    """PyTorch, transformers and accelerate are the image's; its toolkit needs the pkg_resources of its setuptools."""
    text = (package.ROOT / package.PACKAGES / lock.LOCK).read_text()
    names = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert "diffusers" in names
    assert not names & {"torch", "transformers", "accelerate", "setuptools", "boto3"}
