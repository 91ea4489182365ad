"""The page's settings: a wrong one is told with file, line and field before it is built."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from local.check_settings import SETTINGS, problems

ROOT = Path(__file__).parents[2]
TEXT = SETTINGS.read_text("utf-8")

WRONG = [
    ("title", "Photo Booth"),
    ("title", {}),
    ("title", {"en": ""}),
    ("languages", []),
    ("languages", "en"),
    ("languages", ["en", "en"]),
    ("languages", ["e!"]),
    ("scenes", "sky"),
    ("scenes", [3]),
    ("mostScenes", 0),
    ("mostScenes", 6),
    ("mostScenes", "3"),
    ("mostScenes", True),
    ("countdownSeconds", -1),
    ("countdownSeconds", 1.5),
    ("countdownSeconds", None),
    ("autoUseSeconds", []),
    ("idleSeconds", 0),
    ("frame", 3),
    ("logo", None),
    ("wall", "yes"),
    ("wallCode", 1),
    ("keep", "hair"),
    ("keep", None),
    ("keep", []),
    ("keepChoice", "no"),
    ("cameraAt", "middle"),
    ("cameraAt", ["top"]),
    ("sound", 1),
    ("file", None),
    ("save", "yes"),
    ("print", 0),
    ("privacy", "none"),
    ("privacy.version", ""),
    ("privacy.version", "x" * 65),
    ("privacy.retentionDays", 91),
    ("privacy.contact", {}),
    ("again", 11),
    ("copies", -1),
    ("countDownSeconds", 3),
    ("privacy.days", 3),
]
"""Values that the page refuses as well (tests/web/test_staffed.py)."""

AGREED = ("2026-11-29", "9a1afa3d0004fa2b")
"""`privacy.version`, and the hash of what a visitor of that version agrees to."""


def changed(name: str, value: object) -> dict:
    """The settings with one more or one other value."""
    settings = json.loads(TEXT)
    *outer, inner = name.split(".")
    (settings[outer[0]] if outer else settings)[inner] = value
    return settings


def told(folder: Path, text: str) -> list[list[str]]:
    """[line, field, sentence] of each problem with the settings `text`; the languages en and ko lie beside it."""
    (folder / "languages").mkdir(exist_ok=True)
    for code in ("en", "ko"):
        (folder / "languages" / f"{code}.json").touch()
    file = folder / "settings.json"
    file.write_text(text, "utf-8")
    return [problem.removeprefix(f"{file}:").split(": ", 2) for problem in problems(file)]


def test_those_that_ship_are_right():
    assert list(problems(SETTINGS)) == []


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_told_with_its_line(tmp_path, name, value):
    text = json.dumps(changed(name, value), indent=1, ensure_ascii=False)
    line = text[: text.rindex(f'"{name.rpartition(".")[2]}":')].count("\n") + 1
    assert [(at, field) for at, field, _ in told(tmp_path, text)] == [(str(line), name)]


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (TEXT.replace('"mostScenes": 3,', '"mostScenes": 3'), 6, "settings"),
        ("[]", 1, "settings"),
        ("[" * 100_000, 1, "settings"),
        (TEXT.replace('"wall": false', '"logo": ""'), 13, "logo"),
    ],
)
def test_a_typo_in_the_file_is_told_with_its_line(tmp_path, text, line, field):
    assert [(at, name) for at, name, _ in told(tmp_path, text)] == [(str(line), field)]


def test_files_and_scenes_that_it_names_must_be_there(tmp_path):
    (tmp_path / "no.png").write_bytes(b"GIF89a")
    Image.new("RGBA", (40, 30)).save(tmp_path / "frame.png")
    (tmp_path / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "no.svg").write_text("<svg>")
    good = [("frame", "frame.png"), ("frame", "/frame.png"), ("logo", "logo.svg"), ("logo", ""), ("scenes", ["sky"])]
    for name, value in good:
        assert told(tmp_path, json.dumps(changed(name, value))) == [], value
    bad = [("frame", each) for each in ("gone.png", "no.png", "no.svg", "../frame.png", "https://example.com/a.png")]
    for name, value in [*bad, ("languages", ["de"]), ("scenes", ["sky", "skies"])]:
        assert [field for _, field, _ in told(tmp_path, json.dumps(changed(name, value)))] == [name], value


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*json.loads(TEXT), "version"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(JSON)
def test_whatever_stands_in_the_file_is_told_as_problems_and_raises_nothing(tmp_path_factory, value):
    assert all(at == "1" for at, _, _ in told(tmp_path_factory.mktemp("any"), json.dumps(value)))


@pytest.mark.starts
@pytest.mark.parametrize("target", ["run", "lint", "build", "deploy"])
def test_each_target_that_needs_the_settings_checks_them_first(target):
    command = ["make", "--dry-run", target, "PYTHON=python3"]
    lines = subprocess.run(command, check=True, capture_output=True, cwd=ROOT, encoding="utf-8").stdout
    steps = ["local.check_scenes", "local.check_settings"]
    assert all(step in lines for step in steps)
    last = {"run": "-m local run", "lint": "ruff check", "build": "-m deploy build", "deploy": "-m deploy page"}[target]
    assert lines.index(steps[1]) < lines.index(last)


@pytest.mark.starts
def test_the_command_fails_where_something_is_wrong(tmp_path):
    program = (
        "import runpy, local.check_scenes as checked, pathlib;"
        f"checked.ROOT = pathlib.Path({str(tmp_path)!r}); import os; os.chdir(checked.ROOT);"
        "runpy.run_module('local.check_settings', run_name='__main__')"
    )
    (tmp_path / "web").mkdir()
    (tmp_path / "web/settings.json").write_text('{\n"wall": 1}')
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, cwd=ROOT, text=True)
    assert (ended.returncode, ended.stderr) == (1, "web/settings.json:2: wall: must be true or false\n")


def test_what_visitors_agree_to_has_a_version_of_its_own():
    """A consent's record names it: by it one can tell years later what was agreed to."""
    texts = {}
    for file in sorted((SETTINGS.parent / "languages").glob("*.json")):
        words = json.loads(file.read_text("utf-8"))
        texts[file.stem] = {key: words[key] for key in words if key.startswith("consent.") or key == "privacy.text"}
    found = hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:16]
    version = json.loads(TEXT)["privacy"]["version"]
    assert (version, found) == AGREED, "other words need another version (settings.json, settings.js); both stand here"
