"""docs/images/system.svg is what template.yaml and the state machine have today, and can be read in both modes."""

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools.drawing import svg
from tools.drawing.__main__ import PICTURE, ROOT
from tools.drawing.picture import Picture, draw
from tools.drawing.system import CanNotDraw, read


@pytest.fixture
def copy(tmp_path):
    """A copy of what is drawn, to be changed."""
    for name in ("template.yaml", "monitoring.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "statemachine", tmp_path / "statemachine")
    return tmp_path


def add_resource(folder: Path, text: str) -> None:
    template = folder / "template.yaml"
    template.write_text(template.read_text("utf-8").replace("\nOutputs:", f"\n{text}\nOutputs:"), "utf-8")


def change_machine(folder: Path, change) -> None:
    path = folder / "statemachine/photo.asl.json"
    definition = json.loads(path.read_text("utf-8"))
    change(definition["States"])
    path.write_text(json.dumps(definition), "utf-8")


def words_of(picture: str) -> set[str]:
    return {each.text or "" for each in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")}


def test_the_picture_in_the_documents_is_the_one_of_today():
    assert PICTURE.read_text("utf-8") == draw(read(ROOT)), "make drawing"


def test_every_function_store_model_and_state_is_in_it():
    system = read(ROOT)
    states = {name for step in system.steps for name in (step.name, *step.inside, *step.ends, *step.fallbacks)}
    called = {each.name for _, each in system.routes + system.schedules} | {each.name for *_, each in system.events}
    others = {name for step in system.steps for name in step.other_functions}
    assert called | {step.function for step in system.steps} | others == set(system.functions)
    assert others == {"Admit", "ModeratePicture"}
    assert called | states | set(system.kept) <= words_of(draw(system))
    assert set(system.models) == {"rekognition", "sagemaker", "bedrock"}


def test_the_steps_are_in_the_state_machines_order():
    names = [step.name for step in read(ROOT).steps]
    assert names == [
        "DetectFaces", "CropFaces", "SegmentCrops", "MergeMasks", "GenerateImages", "Finish"
    ]  # fmt: skip


def test_every_text_lies_in_its_card():
    placed = Picture(read(ROOT)).canvas.placed
    assert len(placed) > 80
    for text, own, box in placed:
        assert box.x <= own.x and own.right <= box.right, text
        assert box.y <= own.y and own.bottom <= box.bottom + 1, text


def test_longer_names_make_a_wider_picture_not_a_clipped_one(copy):
    def rename(states):
        states["MergeMasks"]["Next"] = "GenerateImagesOfEveryoneInAllTheScenes"
        states["GenerateImagesOfEveryoneInAllTheScenes"] = states.pop("GenerateImages")

    change_machine(copy, rename)
    picture = Picture(read(copy))
    assert picture.width > Picture(read(ROOT)).width
    assert all(own.right <= box.right for _, own, box in picture.canvas.placed)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 defines it."""

    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(mode):
    colours = {name: re.search("fill:(#[0-9a-f]{6})", css[mode]) for name, css in svg.STYLES.items()}
    for ground in ("paper", "group", "card", "chip"):
        for text in ("name", "note"):
            assert contrast(colours[text][1], colours[ground][1]) >= 4.5, (text, ground)


def test_a_new_step_is_drawn(copy):
    def add(states):
        states["MergeMasks"]["Next"] = "Bless"
        states["Bless"] = {"Type": "Pass", "Next": "GenerateImages"}

    change_machine(copy, add)
    assert "Bless" in words_of(draw(read(copy)))


@pytest.mark.parametrize(
    "resource",
    [
        "  Archive: {Type: AWS::S3::Bucket}",
        "  Hello:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: hello.handler\n      Events:\n"
        "        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /hello}}",
    ],
    ids=["bucket", "function"],
)
def test_a_new_resource_is_drawn(copy, resource):
    add_resource(copy, resource)
    assert resource.split(":")[0].strip() in words_of(draw(read(copy)))


def test_a_right_that_goes_goes_from_the_picture_too(copy):
    template = copy / "template.yaml"
    before = template.read_text("utf-8")
    template.write_text(before.replace("rekognition:DetectFaces, rekognition:DetectModerationLabels", "s3:GetObject"))
    assert "Rekognition" not in words_of(draw(read(copy)))


@pytest.mark.parametrize(
    "resource",
    [
        "  Video: {Type: AWS::MediaConvert::Queue}",
        "  Idle:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: idle.handler",
    ],
    ids=["a type without a place", "a function that nothing calls"],
)
def test_what_has_no_place_is_refused(copy, resource):
    add_resource(copy, resource)
    with pytest.raises((CanNotDraw, ValueError)):
        read(copy)


@pytest.mark.parametrize(
    "state", [{"Type": "Parallel", "Branches": [], "Next": "Finish"}, {"Type": "Pass", "Next": "Finish"}]
)
def test_a_state_that_can_not_be_drawn_is_refused(copy, state):
    def add(states):
        states["Other"] = state
        if state["Type"] == "Parallel":
            states["MergeMasks"]["Next"] = "Other"

    change_machine(copy, add)
    with pytest.raises(CanNotDraw):
        read(copy)
