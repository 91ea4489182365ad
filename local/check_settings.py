"""`make check-settings`: refuses wrong settings of the page before they are built, naming file, line and field.

The rules are `booth.event`'s; here are the lines, and the files that the settings name. The page has the same rules,
`web/settings.js`: there a wrong field has its default.
"""

import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from booth import event
from local.check_scenes import ROOT, children, read

SETTINGS = ROOT / "web" / "settings.json"
PICTURE_TYPES = ("PNG", "JPEG", "WEBP")
"""Beside SVG: what each browser can show."""


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
    if field not in event.SETTINGS:
        return f"is not a setting; they are {', '.join(event.SETTINGS)}"
    return event.SETTINGS[field](value) or _FILES.get(field, _none)(value, folder)


def _none(value: Any, folder: Path) -> str:
    return ""


def _languages(value: list[str], folder: Path) -> str:
    missing = next((code for code in value if not (folder / "languages" / f"{code}.json").is_file()), None)
    return f"there is no {folder / 'languages' / missing}.json" if missing else ""


def _picture(value: str, folder: Path) -> str:
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


_FILES = {"languages": _languages, "frame": _picture, "logo": _picture}
"""What is wrong with the files that a right value names."""


if __name__ == "__main__":
    found = list(problems(SETTINGS.relative_to(ROOT)))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))
