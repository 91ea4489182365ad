"""A painter of one's own at home: what is looked at before anything starts, the pace that is measured, the limits."""

import json
import runpy
import signal
import stat
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from local import painter
from local.account import REGION
from local.app import ROOT, StartError
from local.painter import Own
from local.patience import with_patience
from local.standins import painter as standin
from local.template.reader import load
from paint_model.serving import client
from paint_model.serving.protocol import Request, Unavailable
from tests.support.waiting import PATIENCE, await_true

PARTS = {"transformer": ["diffusers", "Flux2Transformer2DModel"], "tokenizer": ["transformers", "Qwen2TokenizerFast"]}
GB = 10**9
ON_A_CARD = {"device": "cuda", "name": "NVIDIA L4", "card": 24 * GB}
ON_THE_PROCESSOR = {"device": "cpu", "name": "", "card": 0}


def write_weights(file, numbers, shape=None):
    """A file of weights as safetensors writes it: bfloat16, without data on the disk (a sparse file)."""
    file.parent.mkdir(exist_ok=True, parents=True)
    tensor = {"dtype": "BF16", "shape": shape or [numbers], "data_offsets": [0, 2 * numbers]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "a": tensor}).encode()
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(header)) + header)
        out.truncate(8 + len(header) + 2 * numbers)
    return file


@pytest.fixture
def model(tmp_path):
    """A model folder with eight thousand million numbers."""
    folder = tmp_path / "model"
    write_weights(folder / "transformer" / "1.safetensors", 5 * GB)
    write_weights(folder / "transformer" / "2.safetensors", 3 * GB)
    index = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}
    (folder / "transformer" / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "tokenizer").mkdir()
    name = {"_class_name": "Flux2KleinPipeline", "_diffusers_version": "0.42.1", "is_distilled": True}
    (folder / "model_index.json").write_text(json.dumps(name | PARTS | {"image_encoder": [None, None]}))
    return folder


def interpreter(tmp_path, says, status=0):
    """In place of the painter's Python: a program that says where it would paint, or why it can't."""
    file = tmp_path / "python"
    stream = 1 if status == 0 else 2
    file.write_text(f"#!/bin/sh\ncat >&{stream} <<'END'\n{says}\nEND\nexit {status}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def refusal(folder, python):
    with pytest.raises(StartError) as caught:
        painter.check(folder, python)
    said = str(caught.value)
    assert "\n" not in said
    return said


def of_memory(environment, size):
    environment.setattr(painter, "_memory", lambda: size)


@pytest.mark.starts
def test_a_whole_model_that_fits_is_taken(model, tmp_path, monkeypatch):
    of_memory(monkeypatch, 32 * GB)
    found = painter.check(model, interpreter(tmp_path, json.dumps(ON_A_CARD)))
    assert (found.folder, found.machine.device, str(found.machine)) == (model, "cuda", "the GPU (NVIDIA L4)")
    assert found.size == sum(file.stat().st_size for file in model.glob("*/*.safetensors"))


def test_what_is_no_whole_model_is_told_before_anything_starts(model, tmp_path):
    nothing = tmp_path / "nothing"
    assert f"There is no folder {nothing}" in refusal(nothing, nothing)
    (tmp_path / "empty").mkdir()
    assert "no model folder of diffusers: it has no model_index.json" in refusal(tmp_path / "empty", nothing)
    index = model / "model_index.json"
    right = index.read_text()
    index.write_text("[1]")
    assert "no model folder of diffusers" in refusal(model, nothing)
    index.write_text(right.replace("Flux2KleinPipeline", "FluxFillPipeline"))
    assert "holds a FluxFillPipeline" in refusal(model, nothing)
    index.write_text(right)
    (model / "tokenizer").rmdir()
    assert "tokenizer/ is missing" in refusal(model, nothing)
    (model / "tokenizer").mkdir()
    shard = model / "transformer" / "2.safetensors"
    with shard.open("r+b") as file:
        file.truncate(GB)
    assert f"{shard} is missing or not whole" in refusal(model, nothing)
    shard.unlink()
    assert f"{shard} is missing or not whole" in refusal(model, nothing)
    (model / "transformer" / "model.safetensors.index.json").write_text("{}")
    assert "can't be read" in refusal(model, nothing)
    (model / "transformer" / "model.safetensors.index.json").unlink()
    (model / "transformer" / "1.safetensors").unlink()
    assert "has no weights" in refusal(model, nothing)


@pytest.mark.starts
def test_packages_that_are_missing_or_broken_are_told_with_what_to_type(model, tmp_path):
    assert refusal(model, tmp_path / "nowhere").startswith("Install the painter's packages: make painter")
    broken = interpreter(tmp_path, "Traceback ...\nModuleNotFoundError: No module named 'torch'", status=1)
    said = refusal(model, broken)
    assert "make painter" in said and said.endswith("ModuleNotFoundError: No module named 'torch'")


@pytest.mark.starts
@pytest.mark.parametrize(
    ("found", "memory", "said"),
    [
        (
            ON_THE_PROCESSOR,
            16 * GB,
            "Painting on the processor takes 40.0 GB of memory for the 32.0 GB of weights in {}; "
            "this machine has 16.0 GB.",
        ),
        (
            {"device": "mps", "name": "", "card": 0},
            16 * GB,
            "takes 20.0 GB of memory for the 16.0 GB of weights in {}; this machine has 16.0 GB.",
        ),
        (
            ON_A_CARD | {"card": 12 * GB},
            64 * GB,
            "Painting takes 12.8 GB of GPU memory for the 16.0 GB of weights in {}; the GPU (NVIDIA L4) has 12.0 GB. "
            "PAINT_DEVICE=cpu paints on the processor, slowly.",
        ),
        (ON_A_CARD | {"card": 16 * GB}, 8 * GB, "takes 16.0 GB of memory for the 16.0 GB of weights in {}"),
    ],
    ids=["processor", "Apple", "card", "beside the card"],
)
def test_too_little_memory_is_told_with_figures(model, tmp_path, monkeypatch, found, memory, said):
    of_memory(monkeypatch, memory)
    assert said.format(model) in refusal(model, interpreter(tmp_path, json.dumps(found)))


@pytest.mark.parametrize(
    ("loading", "seconds", "pace", "more"),
    [(9, 1.0, "54", 0), (15, 4.0, "13", 0), (40, 15.0, "3.6", 40), (60, 42.0, "1.2", 114), (90, 390, "0.13", 840)],
)
def test_the_pace_is_what_was_measured_and_a_picture_may_wait_until_a_painter_that_died_is_loaded(
    loading, seconds, pace, more
):
    own = Own(Path("model"), loading, seconds, None)
    assert (own.pace, own.more_seconds) == (pace, more)
    assert 60 / float(own.pace) > seconds
    assert own.limit > loading + 2 * seconds


def test_a_slow_painter_lengthens_what_bounds_its_call_and_nothing_else(monkeypatch):
    attributes = {"Cdn": "E1", "Cdn.DomainName": "booth"}
    stack = load(ROOT / "template.yaml", stack="booth", region=REGION, parameters={}, attributes=attributes)
    slow, usual = with_patience(stack, 200), with_patience(stack, 0)
    assert usual is stack
    longer = {name: slow.functions[name].timeout - stack.functions[name].timeout for name in stack.functions}
    assert {name: more for name, more in longer.items() if more} == {"GenerateImage": 200}
    assert {function.environment["SLOW_PAINTER_SECONDS"] for function in slow.functions.values()} == {"200"}
    [before], [after] = stack.state_machines.values(), slow.state_machines.values()
    assert after.timeout == before.timeout + 200
    seconds = lambda machine: json.dumps(machine.definition).count('"TimeoutSeconds": 265')
    assert (seconds(before), seconds(after)) == (0, 1)

    limits = ROOT / "functions" / "booth" / "limits.py"
    before = runpy.run_path(str(limits))
    monkeypatch.setenv("SLOW_PAINTER_SECONDS", "200")
    after = runpy.run_path(str(limits))
    changed = {name for name in before if name.isupper() and after[name] != before[name]}
    assert changed == {*("SLOW_PAINTER_SECONDS", "RUN_SECONDS", "STOP_SECONDS", "MODEL_CALL_SECONDS", "CLEAN_SECONDS")}
    function = slow.functions["GenerateImage"]
    assert after["MODEL_CALL_SECONDS"] < function.timeout < after["CLEAN_SECONDS"]
    assert after["LATEST_PAINTING_SECONDS"] + after["MODEL_CALL_SECONDS"] < after["STOP_SECONDS"]


class MadePainter(client.Painter):
    """One whose process paints without a model."""

    module = "tests.support.made_painting"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A function that gives the stand-ins' painter of a folder of this name; all of them are ended after the test."""
    monkeypatch.setattr(client, "AGAIN_SECONDS", 0)
    monkeypatch.setattr(client.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(standin, "Painter", MadePainter)
    monkeypatch.setattr(standin, "PAINTER_PYTHON", sys.executable)
    monkeypatch.setattr(standin, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(standin.sys, "stdout", None)  # pytest's has no file
    monkeypatch.setenv("PAINT_SECONDS", "")
    painters = []

    def own(name, seconds=PATIENCE):
        (tmp_path / name).mkdir(exist_ok=True)
        painters.append(standin.OwnPainter(tmp_path / name, seconds))
        return painters[-1]

    yield own
    for each in painters:
        each.end()


A_PICTURE = Request(np.zeros((256, 256, 3), np.uint8), np.ones((256, 256), bool), "a beach", 7)


@pytest.mark.starts
def test_a_picture_waits_while_the_painter_is_started_but_not_longer_than_it_may(own, tmp_path):
    with pytest.raises(Unavailable, match="being started"):
        own("slow", 0.2).paint(A_PICTURE)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(own("slow").paint, A_PICTURE)
        (tmp_path / "slow" / "go").touch()
        pixels, _ = asked.result(PATIENCE)
    assert (pixels == 7).all()


@pytest.mark.starts
def test_a_painter_that_dies_between_two_visits_is_started_at_once(own):
    painter = own("model")
    painter.paint(A_PICTURE)
    before = painter._painter._process
    before.send_signal(signal.SIGKILL)
    await_true(lambda: painter._painter._process is not before)
    assert (painter.paint(A_PICTURE)[0] == 7).all()
