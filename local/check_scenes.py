"""`make check-scenes`: refuses a bad catalogue before it is built, naming file, line and field.

The rules are the functions' own, `booth.scenes.problems`; here are the lines, and the thumbnails.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from booth import scenes

ROOT = Path(__file__).parent.parent
THUMBNAILS = ROOT / "web" / "thumbnails"
THUMBNAIL_SIZE = (320, 240)
THUMBNAIL_BYTES = 8192
"""A visitor's phone loads all of them at once."""

_value_at = json.JSONDecoder().raw_decode


def problems(file: Path, thumbnails: Path) -> Iterator[str]:
    """Each thing that is wrong with the catalogue `file`, as "file:line: field: sentence".

    `thumbnails` is the folder with a JPEG for each scene.
    """
    try:
        text, entries = read(file, "catalogue")
    except ValueError as error:
        yield str(error)
        return
    places = [at for _, at in children(text, 0)] if isinstance(entries, list) else []

    def where(number: int | None, field: str) -> str:
        at = 0 if number is None else dict(children(text, places[number])).get(field, places[number])
        return f"{file}:{text.count(chr(10), 0, at) + 1}"

    wrong = list(scenes.problems(entries))
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        fields = [field for field, _ in children(text, places[number])] if isinstance(entry, dict) else []
        wrong += [(number, field, "is there twice") for field in set(fields) if fields.count(field) > 1]
        named = "id" in fields and not any(fault[:2] == (number, "id") for fault in wrong)
        if named and (sentence := _wrong_thumbnail(thumbnails / f"{entry['id']}.jpg")):
            wrong.append((number, "id", sentence))
    for number, field, sentence in wrong:
        yield f"{where(number, field)}: {field}: {sentence}"


def read(file: Path, name: str) -> tuple[str, Any]:
    """Text and value of a JSON file. Raises ValueError, "file:line: name: sentence", if it is no JSON."""
    try:
        text = file.read_text("utf-8")
        return text, json.loads(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}:1: {name}: is no UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}:{error.lineno}: {name}: is no JSON: {error.msg}") from error
    except RecursionError as error:
        raise ValueError(f"{file}:1: {name}: is nested too deeply") from error


def children(text: str, start: int) -> Iterator[tuple[str, int]]:
    """(key, position) of each member of the JSON object that begins at `start`, or of each element of the array.

    `text` is valid JSON. An element's key is "", its position that of the value; a member's position is its key's.
    """
    at = _past_space(text, start)
    is_object = text[at] == "{"
    while text[at] in "{[," and text[at := _past_space(text, at + 1)] not in "]}":
        place, key = at, ""
        if is_object:
            key, at = _value_at(text, at)
            at = _past_space(text, _past_space(text, at) + 1)  # the colon
        _, at = _value_at(text, at)
        yield key, place
        at = _past_space(text, at)


def _past_space(text: str, at: int) -> int:
    """The place of the first character from `at` on that is none of JSON's white space."""
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


def _wrong_thumbnail(file: Path) -> str:
    if not file.is_file():
        return f"has no thumbnail {file}; `make thumbnails` paints it"
    try:
        with Image.open(file, formats=["JPEG"]) as image:
            fits = image.size == THUMBNAIL_SIZE and file.stat().st_size <= THUMBNAIL_BYTES
    except OSError:
        fits = False
    width, height = THUMBNAIL_SIZE
    return "" if fits else f"{file} must be a JPEG of {width} x {height}, at most {THUMBNAIL_BYTES} bytes"


if __name__ == "__main__":
    found = list(problems(scenes.CATALOGUE.relative_to(ROOT), THUMBNAILS.relative_to(ROOT)))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))
