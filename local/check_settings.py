"""`make check-settings`: refuses wrong settings of the page before they are built, naming file, line and field.

The page has the same rules, `web/settings.js`: there a wrong field has its default.
"""

import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from booth import scenes
from booth.keep import Keep
from local.check_scenes import ROOT, children, read

SETTINGS = ROOT / "web" / "settings.json"
PICTURE_TYPES = ("PNG", "JPEG", "WEBP")
"""Beside SVG: what each browser can show."""
MAX_VERSION = 64
"""Characters of a consent's `policy`, see docs/api.md."""


def problems(file: Path) -> Iterator[str]:
    """Each thing that is wrong with the settings `file`, as "file:line: field: sentence".

    Languages, frame and logo are looked for beside it. A field that is missing has its default.
    """
    try:
        text, value = read(file, "settings")
    except ValueError as error:
        yield str(error)
        return
    if not isinstance(value, dict):
        yield f"{file}:1: settings: must be an object"
        return
    seen: set[str] = set()
    for field, at, given in _fields(text, value):
        sentence = "is there twice" if field in seen else _wrong(field, given, file.parent)
        seen.add(field)
        if sentence:
            yield f"{file}:{text.count(chr(10), 0, at) + 1}: {field}: {sentence}"


def _fields(text: str, value: dict[str, Any]) -> Iterator[tuple[str, int, Any]]:
    """(name, position, value) of each field, those of `privacy` as "privacy.<name>"."""
    for key, at in children(text, 0):
        if key == "privacy" and isinstance(value[key], dict):
            start = text.index("{", at + len(json.dumps(key)))
            for inner, place in children(text, start):
                yield f"{key}.{inner}", place, value[key].get(inner)
        else:
            yield key, at, value[key]


def _wrong(field: str, value: Any, folder: Path) -> str:
    if field == "privacy":
        return "must be an object"
    if field not in _RULES:
        return f"is not a setting; they are {', '.join(_RULES)}"
    return _RULES[field](value, folder)


def _whole(least: int, most: int) -> Callable[[Any, Path], str]:
    def rule(value: Any, folder: Path) -> str:
        # As JavaScript has it: 3.0 is a whole number, true is none.
        is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
        return "" if is_whole and least <= value <= most else f"must be a whole number from {least} to {most}"

    return rule


def _text(value: Any, folder: Path) -> str:
    return "" if isinstance(value, str) else 'must be a text; "" is none'


def _name(value: Any, folder: Path) -> str:
    return "" if isinstance(value, str) and value.strip() else "must be a text, and not empty"


def _version(value: Any, folder: Path) -> str:
    if sentence := _name(value, folder):
        return sentence
    return "" if len(value) <= MAX_VERSION else f"must have at most {MAX_VERSION} characters"


def _switch(value: Any, folder: Path) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _one_of(*names: str) -> Callable[[Any, Path], str]:
    def rule(value: Any, folder: Path) -> str:
        return "" if value in names else f"must be one of {', '.join(map(json.dumps, names))}"

    return rule


def _title(value: Any, folder: Path) -> str:
    if not isinstance(value, dict) or not value or any(_name(each, folder) for each in value.values()):
        return 'must be an object with a text for each language, such as {"en": "Photo Booth"}'
    return ""


def _languages(value: Any, folder: Path) -> str:
    if sentence := _list(value):
        return sentence
    if not value:
        return "must name at least one language"
    for code in value:
        if not re.fullmatch("[a-z]{2,3}(-[A-Z]{2})?", code):
            return f"{code!r} is no language's code, such as en"
        if not (folder / "languages" / f"{code}.json").is_file():
            return f"there is no {folder / 'languages' / code}.json"
    return ""


def _scenes(value: Any, folder: Path) -> str:
    if sentence := _list(value):
        return sentence
    unknown = [each for each in value if each not in scenes.catalogue()]
    return f"no scene of functions/scenes.json is {', '.join(map(repr, unknown))}" if unknown else ""


def _list(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
        return "must be a list of texts"
    return "" if len(set(value)) == len(value) else "names one twice"


def _picture(value: Any, folder: Path) -> str:
    if sentence := _text(value, folder):
        return sentence
    file = (folder / value.lstrip("/")).resolve()
    if not value:
        return ""
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return f"there is no file {folder / value.lstrip('/')}; it must lie beside the page"
    try:
        if file.suffix == ".svg":
            is_picture = ET.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        else:
            with Image.open(file, formats=PICTURE_TYPES) as image:
                image.load()
            is_picture = True
    except (OSError, ET.ParseError):
        is_picture = False
    return "" if is_picture else f"{folder / value.lstrip('/')} is no picture: PNG, JPEG, WebP or SVG"


_RULES: dict[str, Callable[[Any, Path], str]] = {
    "title": _title,
    "languages": _languages,
    "scenes": _scenes,
    "mostScenes": _whole(1, 5),
    "countdownSeconds": _whole(0, 60),
    "cameraAt": _one_of("top", "right", "bottom", "left"),
    "sound": _switch,
    "file": _switch,
    "save": _switch,
    "print": _switch,
    "autoUseSeconds": _whole(0, 3600),
    "idleSeconds": _whole(5, 3600),
    "frame": _picture,
    "logo": _picture,
    "wall": _switch,
    "keep": _one_of("", *Keep),
    "keepChoice": _switch,
    "privacy.version": _version,
    "privacy.retentionDays": _whole(1, 90),
    "privacy.contact": _text,
}


if __name__ == "__main__":
    found = list(problems(SETTINGS.relative_to(ROOT)))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))
