"""The catalogue: what it says, whom its prompts speak of, and how a bad one is refused before it is built."""

import json
import re
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from booth import scenes
from local.check_scenes import THUMBNAILS, problems
from local.standins.scenes import render

ROOT = Path(__file__).parents[2]
TEXT = scenes.CATALOGUE.read_text("utf-8")
LINES = TEXT.splitlines()
ENTRIES = json.loads(TEXT)
SCENES = list(scenes.catalogue().values())


# What it says


def test_the_first_three_are_the_default_ones_and_there_are_enough_to_choose_from():
    assert [scene.id for scene in scenes.defaults()] == ["sky", "building", "forest"]
    assert {"unicorn", "floating-city", "cosmos"} <= scenes.catalogue().keys()
    assert len(SCENES) >= 12
    for language in scenes.LANGUAGES:
        assert len({scene.title[language] for scene in SCENES}) == len(SCENES)
    assert all(re.search("[가-힣]", scene.title["ko"]) for scene in SCENES)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.id)
@pytest.mark.parametrize(
    "faces,people", [(1, "a person"), (2, "two people"), (3, "a group of people"), (40, "a group")]
)
def test_prompts_speak_of_as_many_people_as_there_are(scene, faces, people):
    prompt = scenes.for_people(scene.prompt, faces)
    assert len(re.findall(f"(?i)(of|with) {people} ", prompt)) == 1
    assert not set("{}") & set(prompt)
    assert len(prompt) <= 512 and len(scene.negative) <= 512, "Titan takes no more"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.id)
def test_what_stands_around_the_people_fits_one_of_them_as_well_as_several(scene):
    assert not re.search(
        r"(?i)\b(people|persons?|faces?|friends|they|them|their|as (a|stars))\b", scene.prompt.replace("{people}", "")
    )


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.id)
def test_prompts_describe_and_leave_what_is_unwanted_to_the_negative_prompt(scene):
    assert not re.search(r"(?i)\b(no|not|without|never|don't)\b", f"{scene.prompt} {scene.negative}")


def test_a_scene_that_has_left_the_catalogue_leaves_the_other_pictures_in_their_places():
    assert [scene.id for scene in scenes.chosen(("cosmos", "gone", "snow"))] == ["cosmos", "sky", "snow"]
    assert scenes.chosen(()) == scenes.defaults()


# What is refused, with its line


def found(tmp_path, text, thumbnails=THUMBNAILS):
    """The checker's sentences about a catalogue, as (line, field, sentence)."""
    file = tmp_path / "scenes.json"
    file.write_text(text, "utf-8")
    parts = [problem.removeprefix(f"{file}:").split(": ", 2) for problem in problems(file, thumbnails)]
    return [(int(line), field, sentence) for line, field, sentence in parts]


def test_the_catalogue_as_it_is_has_no_problem(tmp_path):
    assert found(tmp_path, TEXT) == []


def line_of(key, entry):
    """The number of the line on which an entry (from 0) has this key."""
    return [number for number, line in enumerate(LINES, 1) if f'"{key}": ' in line][entry]


FIRST = {key: LINES[line_of(key, 1) - 1] for key in ("id", "title", "prompt", "negative", "color")}


@pytest.mark.parametrize(
    "key,was,now,field,says",
    [
        ("id", '"building"', '"sky"', "id", "taken"),
        ("id", '"building"', '"Big City"', "id", "small letters"),
        ("id", '"building"', '"../up"', "id", "small letters"),
        ("id", '"building"', "7", "id", "small letters"),
        ("id", '"id"', '"name"', "name", "not a field"),
        ("color", '"color"', '"colour"', "colour", "not a field"),
        ("title", r', "ko": "[^"]*"', "", "title", "'ko'"),
        ("title", r'"ko": "[^"]*"', '"ko": " "', "title", "'ko'"),
        ("title", r'"ko": "[^"]*"', '"ko": "' + "가" * 41 + '"', "title", "40 characters"),
        ("title", r'"ko":', '"ja": "x", "ko":', "title", "languages"),
        ("title", r"\{.*\}", '"In the city"', "title", "languages"),
        ("prompt", r"\{people\} ", "people ", "prompt", "{people}"),
        ("prompt", "street", "{place} street", "prompt", "{people}"),
        ("prompt", "street", "street " + "x" * 400, "prompt", "512 are allowed"),
        ("prompt", '": ".*"', '": null', "prompt", "{people}"),
        ("negative", "text", "text " + "x" * 500, "negative", "512 are allowed"),
        ("negative", '": ".*"', '": 5', "negative", "must be a text"),
        ("color", '#[0-9a-f]*"', 'blue"', "color", "#rrggbb"),
        ("color", '#[0-9a-f]*"', '#ABC"', "color", "#rrggbb"),
        ("color", "$", ', "seed": -1', "seed", "whole number"),
        ("color", "$", ', "seed": true', "seed", "whole number"),
        ("color", "$", ', "seed": 2147483647', "seed", "whole number"),
        ("color", "$", ', "color": "#000000"', "color", "twice"),
    ],
)
def test_a_problem_is_told_with_its_line_and_field(tmp_path, key, was, now, field, says):
    line = line_of(key, 1)
    changed, count = re.subn(was, lambda _: now, LINES[line - 1], count=1)
    assert count
    told = found(tmp_path, "\n".join([*LINES[: line - 1], changed, *LINES[line:]]))
    assert any((at, name) == (line, field) and says in sentence for at, name, sentence in told), told


@pytest.mark.parametrize("key", ["id", "title", "prompt", "negative"])
def test_a_missing_field_is_told_with_the_line_on_which_its_scene_begins(tmp_path, key):
    line = line_of(key, 1)
    told = found(tmp_path, "\n".join([*LINES[: line - 1], *LINES[line:]]))
    assert (line_of("id", 1) - 1, key, "is missing") in told


@pytest.mark.parametrize(
    "text,line,says",
    [
        (TEXT.replace('"#7d93a6"', '"#7d93a6",'), line_of("color", 1) + 1, "no JSON"),
        ("", 1, "no JSON"),
        ("[" * 200_000, 1, "nested too deeply"),
        ("{}", 1, "must be a list"),
        (json.dumps(ENTRIES[:2]), 1, "at least 3"),
        (json.dumps([*ENTRIES, "sky"], indent=1), None, "must be an object"),
    ],
)
def test_what_is_no_catalogue_at_all_is_refused(tmp_path, text, line, says):
    told = found(tmp_path, text)
    assert any(says in sentence and line in (at, None) for at, _, sentence in told), told


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "scenes.json"
    file.write_bytes(TEXT.encode("utf-16"))
    assert ["no UTF-8" in problem for problem in problems(file, THUMBNAILS)] == [True]


def test_a_scene_without_a_good_thumbnail_is_refused(tmp_path):
    folder = tmp_path / "thumbnails"
    shutil.copytree(THUMBNAILS, folder)
    (folder / "sky.jpg").unlink()
    (folder / "forest.jpg").write_bytes(b"GIF89a")
    Image.new("RGB", (640, 480)).save(folder / "cosmos.jpg")
    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)
    Image.fromarray(noise).save(folder / "stage.jpg")
    told = {line for line, field, sentence in found(tmp_path, TEXT, folder) if field == "id" and ".jpg" in sentence}
    assert told == {
        line_of("id", [scene.id for scene in SCENES].index(name)) for name in ("sky", "forest", "cosmos", "stage")
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "title", "prompt", "color", "seed", "x"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_stands_in_the_file_is_told_as_problems_and_raises_nothing(tmp_path_factory, value):
    text = json.dumps(value)
    for line, _, _ in found(tmp_path_factory.mktemp("any"), text):
        assert line == 1


@given(st.integers(0, len(ENTRIES) - 1), st.sampled_from(["id", "title", "prompt", "negative", "color"]), st.data())
def test_the_line_is_the_fields_own_however_the_file_is_laid_out(tmp_path_factory, number, field, data):
    space = st.text(" \t\r\n", max_size=3)
    parts = json.dumps([entry | ({field: 0} if i == number else {}) for i, entry in enumerate(ENTRIES)])
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[][{}:,]|[^][{}:,"\s]+', parts)
    text = "".join(
        token + data.draw(space) if i % 7 == 0 else token + "\n" * (i % 3 == 0) for i, token in enumerate(tokens)
    )
    text = text.replace("\r", " ")
    at = [match.start() for match in re.finditer(rf'"{field}"\s*:', text)][number]
    told = found(tmp_path_factory.mktemp("laid-out"), text)
    assert (text.count("\n", 0, at) + 1, field) in [(line, name) for line, name, _ in told]


def test_the_build_stops_at_a_bad_catalogue(tmp_path):
    """The command that `make build`, `make run` and `make lint` begin with, in a copy of what it reads."""
    shutil.copytree(ROOT / "functions/booth", tmp_path / "functions/booth")
    shutil.copytree(THUMBNAILS, tmp_path / "web/thumbnails")
    (tmp_path / "local").mkdir()
    shutil.copy(ROOT / "local/check_scenes.py", tmp_path / "local")
    catalogue = tmp_path / "functions/scenes.json"

    def check(text):
        catalogue.write_text(text, "utf-8")
        command = [sys.executable, "-m", "local.check_scenes"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")

    assert (check(TEXT).returncode, check(TEXT).stderr) == (0, "")
    bad = check(TEXT.replace('"#7d93a6"', '"grey"'))
    assert bad.returncode == 1
    assert bad.stderr.startswith(f"functions/scenes.json:{line_of('color', 1)}: color: ")


def test_a_function_refuses_a_bad_catalogue_too(tmp_path, monkeypatch):
    (tmp_path / "scenes.json").write_text(TEXT.replace('"#7d93a6"', '"grey"'), "utf-8")
    monkeypatch.setattr(scenes, "CATALOGUE", tmp_path / "scenes.json")
    scenes.catalogue.cache_clear()
    with pytest.raises(ValueError, match="color"):
        scenes.catalogue()
    scenes.catalogue.cache_clear()


# What the local painter makes of it


def blocks(picture):
    """Mean colours of the picture's 8 x 6 blocks."""
    return np.asarray(picture, float).reshape(6, 20, 8, 20, 3).mean((1, 3))


@pytest.fixture(scope="module")
def painted():
    """Blocks of each scene as painted for one person and for five."""
    return {
        scene.id: [
            blocks(render(scenes.for_people(scene.prompt, faces), scene.negative, 3, 160, 120)) for faces in (1, 5)
        ]
        for scene in SCENES
    }


def distance(some, others):
    return min(np.abs(one - other).mean() for one in some for other in others)


def test_every_scene_is_painted_as_something_of_its_own(painted):
    for some, others in combinations(painted.values(), 2):
        assert distance(some, others) > 8


def test_a_painted_thumbnail_is_one_that_the_check_takes(tmp_path):
    from local.standins.scenes.__main__ import thumbnail

    folder = tmp_path / "thumbnails"
    shutil.copytree(THUMBNAILS, folder)
    (folder / "blossom.jpg").write_bytes(thumbnail(scenes.catalogue()["blossom"]))
    assert found(tmp_path, TEXT, folder) == []
    assert np.asarray(Image.open(folder / "blossom.jpg")).std() > 20
