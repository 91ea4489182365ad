"""The catalogue: what it says, whom its prompts speak of, and how a bad one is refused before it is built."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from decimal import Decimal
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
        ("color", "$", ', "keep": "hair"', "keep", "must be null or one of face, head, person"),
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


@pytest.mark.starts
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
        environment = os.environ | {"PYTHONPATH": "functions"}  # the copy's, before those of this repository
        options = {"cwd": tmp_path, "env": environment, "capture_output": True, "encoding": "utf-8"}
        return subprocess.run(command, check=False, **options)

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


# To the character

ENTRY = {
    "id": "sea",
    "title": {"en": "Sea", "ko": "바다"},
    "prompt": "A photo of {people} at the sea",
    "negative": "text",
    "color": "#0a9f3c",
}


def problems_of(**fields):
    """What is wrong with the fields of a scene that is good but for these."""
    others = [ENTRY | {"id": name} for name in ("a", "b")]
    told = list(scenes.problems([*others, ENTRY | fields]))
    assert all(number == 2 for number, _, _ in told)
    return [(field, sentence) for _, field, sentence in told]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": "x"},
        {"id": "9" + "-" * 31},
        {"id": "z09-az"},
        {"title": {"en": "x" * 40, "ko": "가" * 40}},
        {"prompt": "{people}"},
        {"prompt": "{people}" + "x" * (512 - len("a group of people"))},
        {"negative": ""},
        {"negative": "x" * 512},
        {"color": "#000000"},
        {"color": "#ffffff"},
        {"seed": None},
        {"seed": 0},
        {"seed": 2_147_483_646},
        {"keep": None},
        {"keep": "face"},
        {"keep": "head"},
        {"keep": "person"},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_what_just_fits_is_a_scene(fields):
    assert problems_of(**fields) == []


NO_ID = "must be 1 to 32 small letters, digits or hyphens"
NO_COLOR = "must be #rrggbb in small hexadecimal digits"
NO_TITLE = "must be an object of the languages en, ko"
NO_PROMPT = "must be a text with {people} in it once, where the people are spoken of"
NO_KEEP = "must be null or one of face, head, person"
NO_SEED = "must be null or a whole number from 0 to 2147483646"


@pytest.mark.parametrize(
    "field,value,sentence",
    [
        ("id", "", NO_ID),
        ("id", "-a", NO_ID),
        ("id", "a_b", NO_ID),
        ("id", "x" * 33, NO_ID),
        ("id", "A", NO_ID),
        ("id", "aB", NO_ID),
        ("id", 7, NO_ID),
        ("id", "b", "'b' is taken by an earlier scene"),
        ("title", "Sea", NO_TITLE),
        ("title", {"en": "Sea", "ko": "바다", "de": "Meer"}, NO_TITLE),
        ("title", {"ko": "바다"}, "needs a text of 1 to 40 characters in 'en'"),
        ("title", {"en": "Sea"}, "needs a text of 1 to 40 characters in 'ko'"),
        ("title", {"en": " ", "ko": "바다"}, "needs a text of 1 to 40 characters in 'en'"),
        ("title", {"en": 7, "ko": "바다"}, "needs a text of 1 to 40 characters in 'en'"),
        ("title", {"en": "x" * 41, "ko": "바다"}, "needs a text of 1 to 40 characters in 'en'"),
        ("prompt", 7, NO_PROMPT),
        ("prompt", "people", NO_PROMPT),
        ("prompt", "{people} and {people}", NO_PROMPT),
        ("prompt", "{people} in {place", NO_PROMPT),
        ("prompt", "{people} in place}", NO_PROMPT),
        ("prompt", "{people}" + "x" * 496, "is 513 characters long with the people in it; 512 are allowed"),
        ("negative", None, 'must be a text, or ""'),
        ("negative", "x" * 513, "is 513 characters long; 512 are allowed"),
        ("color", "#0A9f3c", NO_COLOR),
        ("color", "#12345", NO_COLOR),
        ("color", "#1234567", NO_COLOR),
        ("color", "123456", NO_COLOR),
        ("color", "#12345g", NO_COLOR),
        ("color", 0, NO_COLOR),
        ("seed", -1, NO_SEED),
        ("seed", 2_147_483_647, NO_SEED),
        ("seed", True, NO_SEED),
        ("seed", 1.0, NO_SEED),
        ("seed", "1", NO_SEED),
        ("keep", "", NO_KEEP),
        ("keep", "Head", NO_KEEP),
        ("keep", ["head"], NO_KEEP),
        ("keep", 1, NO_KEEP),
    ],
)
def test_what_just_does_not_fit_is_told_as_it_is(field, value, sentence):
    assert problems_of(**{field: value}) == [(field, sentence)]


def test_fields_that_are_missing_or_unknown_are_told_by_name():
    missing = [ENTRY | {"id": "a"}, ENTRY | {"id": "b"}, {"size": 1}]
    assert list(scenes.problems(missing)) == [
        (2, "size", "is not a field of a scene; they are id, title, prompt, negative, color, seed, keep"),
        *((2, field, "is missing") for field in ("id", "title", "prompt", "negative", "color")),
    ]


def test_a_catalogue_that_is_none_is_told_so_and_its_other_scenes_are_looked_at_all_the_same():
    assert list(scenes.problems({})) == [(None, "catalogue", "must be a list of scenes")]
    good = [ENTRY | {"id": name} for name in ("a", "b", "c")]
    assert list(scenes.problems(good)) == []
    assert list(scenes.problems(good[:2])) == [(None, "catalogue", "must hold at least 3 scenes")]
    assert list(scenes.problems([good[0], "sea", good[1], good[0]])) == [
        (1, "scene", "must be an object"),
        (3, "id", "'a' is taken by an earlier scene"),
    ]


# What a picture is painted of


def test_a_picture_is_painted_of_what_its_run_keeps_or_in_an_old_record_of_the_catalogues_scene():
    kept = {"scene": "sky", "prompt": "{people} at sea", "negative": "dark"}
    assert scenes.prompt_of(kept) == scenes.Prompt("{people} at sea", "dark", None)
    assert scenes.prompt_of(kept | {"seed": None}) == scenes.Prompt("{people} at sea", "dark", None)
    assert scenes.prompt_of(kept | {"seed": Decimal(0)}) == scenes.Prompt("{people} at sea", "dark", 0)
    forest = scenes.catalogue()["forest"]
    assert scenes.prompt_of({"scene": "forest"}) == scenes.Prompt(forest.prompt, forest.negative, None)


def test_an_old_record_is_painted_with_the_scenes_own_seed(tmp_path, monkeypatch):
    entries = [ENTRY | {"id": name, "seed": seed} for name, seed in (("a", None), ("b", 7), ("c", 0))]
    (tmp_path / "scenes.json").write_text(json.dumps(entries), "utf-8")
    monkeypatch.setattr(scenes, "CATALOGUE", tmp_path / "scenes.json")
    scenes.catalogue.cache_clear()
    assert [scenes.prompt_of({"scene": name}).seed for name in "abc"] == [None, 7, 0]
    scenes.catalogue.cache_clear()


@pytest.mark.parametrize(
    "faces,people",
    [(0, "a group of people"), (1, "a person"), (2, "two people"), (3, "a group of people"), (9, "a group of people")],
)
def test_a_prompt_names_the_people_of_the_photo(faces, people):
    assert scenes.for_people("A photo of {people} here", faces) == f"A photo of {people} here"


def test_a_scenes_own_seed_counts_up_and_else_each_run_picture_and_attempt_has_its_own():
    own = scenes.Prompt("", "", 0)
    assert [scenes.seed_for(own, "run", 3, attempt) for attempt in range(3)] == [0, 1, 2]
    free = scenes.Prompt("", "")
    seeds = {scenes.seed_for(free, *of) for of in (("a", 1, 0), ("b", 1, 0), ("a", 2, 0), ("a", 1, 1))}
    assert len(seeds) == 4
    # What a run of the version before has begun goes on with the same seeds.
    assert scenes.seed_for(free, "run", 1, 2) == zlib.crc32(b"run/1/2")


def test_the_catalogue_is_read_as_it_is_written():
    assert list(scenes.catalogue()) == [entry["id"] for entry in ENTRIES]
    for entry in ENTRIES:
        scene = scenes.catalogue()[entry["id"]]
        assert {"seed": scene.seed, "keep": scene.keep} | entry == dataclasses.asdict(scene)


def test_another_attempt_has_another_seed_whatever_the_scene():
    for seed in (None, 42):
        prompt = scenes.Prompt("sky", "", seed)
        seeds = [scenes.seed_for(prompt, "run", 1, attempt) for attempt in range(4)]
        assert len(set(seeds)) == 4
        assert seed is None or seeds[0] == 42
