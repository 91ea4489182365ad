"""The catalogue of scenes, `scenes.json`, in the order in which visitors see it; prompts and seeds of pictures."""

import dataclasses
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from booth.keep import Keep

CATALOGUE = Path(__file__).parent.parent / "scenes.json"
DEFAULT_PICTURES = 3
LANGUAGES = ("en", "ko")
PEOPLE = "{people}"
MAX_TITLE = 40
"""Characters that fit under a thumbnail."""
MAX_TEXT = 512
"""Characters of a prompt or negative prompt: Titan's limit, the smallest of the models'."""
MAX_SEED = 2_147_483_646
"""Titan's largest seed, the smallest of the models'."""


@dataclass(frozen=True)
class Scene:
    """One entry of the catalogue."""

    id: str
    title: dict[str, str]
    """By language: "en", "ko"."""
    prompt: str
    """The prompt; `{people}` is replaced by `for_people`."""
    negative: str
    """The negative prompt; may be empty."""
    color: str
    """"#rrggbb", shown until the thumbnail is loaded."""
    seed: int | None = None
    """Seed of the first attempt; further attempts add 1 each. None: derived from run and picture, see `seed_for`."""
    keep: str | None = None
    """What the scene's pictures keep unless the visitor chooses, a value of `Keep`. None: what the stack says."""


@dataclass(frozen=True)
class Prompt:
    """Prompt of one picture. A run's record has it from the first step on, so a later catalogue doesn't change it."""

    text: str
    """Contains `{people}`, see `for_people`."""
    negative: str
    """May be empty."""
    seed: int | None = None
    """As `Scene.seed`."""


@cache
def catalogue() -> dict[str, Scene]:
    """All scenes by id, read once per process. Raises ValueError if `problems` finds one in `scenes.json`."""
    entries = json.loads(CATALOGUE.read_text("utf-8"))
    for _, field, sentence in problems(entries):
        raise ValueError(f"scenes.json: {field}: {sentence}")
    return {entry["id"]: Scene(**entry) for entry in entries}


def defaults() -> list[Scene]:
    """The scenes of a visitor who has chosen none: the catalogue's first DEFAULT_PICTURES."""
    return list(catalogue().values())[:DEFAULT_PICTURES]


def chosen(ids: tuple[str, ...]) -> list[Scene]:
    """The scenes of these ids, one per picture; without ids the default ones.

    An id that was removed from the catalogue since /upload gives the first scene, so that pictures keep their numbers.
    """
    first, *_ = default = defaults()
    return [catalogue().get(each, first) for each in ids] or default


def prompt_of(picture: dict[str, Any]) -> Prompt:
    """The prompt of one entry of `Run.pictures`; of a record without prompts (an older release's) the catalogue's."""
    if "prompt" not in picture:
        scene = chosen((picture["scene"],))[0]
        return Prompt(scene.prompt, scene.negative, scene.seed)
    seed = picture.get("seed")
    return Prompt(picture["prompt"], picture["negative"], None if seed is None else int(seed))


def for_people(text: str, faces: int) -> str:
    """The text with `{people}` replaced: "a person", "two people" or "a group of people", by the number of faces."""
    people = {1: "a person", 2: "two people"}.get(faces, "a group of people")
    return text.replace(PEOPLE, people)


def seed_for(prompt: Prompt, run_id: str, picture: int, attempt: int) -> int:
    """Seed of one attempt (from 0) at a picture (from 1): deterministic, and different for each attempt."""
    return prompt.seed + attempt if prompt.seed is not None else zlib.crc32(f"{run_id}/{picture}/{attempt}".encode())


def problems(entries: Any) -> Iterator[tuple[int | None, str, str]]:
    """Validates a catalogue. Yields a problem's entry (from 0; None: the whole catalogue), field, and sentence.

    Args:
        entries: the parsed JSON of `scenes.json`, of any type.
    """
    if not isinstance(entries, list):
        yield None, "catalogue", "must be a list of scenes"
        return
    if len(entries) < DEFAULT_PICTURES:
        yield None, "catalogue", f"must hold at least {DEFAULT_PICTURES} scenes"
    seen = set()
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            yield number, "scene", "must be an object"
            continue
        for field, sentence in _entry_problems(entry):
            yield number, field, sentence
        if (name := str(entry.get("id"))) in seen:
            yield number, "id", f"{name!r} is taken by an earlier scene"
        seen.add(name)


def _entry_problems(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    fields = {field.name: field for field in dataclasses.fields(Scene)}
    for field in entry.keys() - fields:
        yield field, f"is not a field of a scene; they are {', '.join(fields)}"
    for name, field in fields.items():
        if name not in entry and field.default is dataclasses.MISSING:
            yield name, "is missing"
        elif name in entry and (sentence := _RULES[name](entry[name])):
            yield name, sentence


def _wrong_id(value: Any) -> str:
    fits = isinstance(value, str) and re.fullmatch("[a-z0-9][a-z0-9-]{0,31}", value)
    return "" if fits else "must be 1 to 32 small letters, digits or hyphens"


def _wrong_title(value: Any) -> str:
    if not isinstance(value, dict) or value.keys() - set(LANGUAGES):
        return f"must be an object of the languages {', '.join(LANGUAGES)}"
    for language in LANGUAGES:
        text = value.get(language)
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_TITLE:
            return f"needs a text of 1 to {MAX_TITLE} characters in {language!r}"
    return ""


def _wrong_prompt(value: Any) -> str:
    if not isinstance(value, str) or value.count(PEOPLE) != 1 or set("{}") & set(value.replace(PEOPLE, "")):
        return f"must be a text with {PEOPLE} in it once, where the people are spoken of"
    longest = len(value.replace(PEOPLE, "a group of people"))
    return f"is {longest} characters long with the people in it; {MAX_TEXT} are allowed" if longest > MAX_TEXT else ""


def _wrong_negative(value: Any) -> str:
    if not isinstance(value, str):
        return 'must be a text, or ""'
    return f"is {len(value)} characters long; {MAX_TEXT} are allowed" if len(value) > MAX_TEXT else ""


def _wrong_color(value: Any) -> str:
    fits = isinstance(value, str) and re.fullmatch("#[0-9a-f]{6}", value)
    return "" if fits else "must be #rrggbb in small hexadecimal digits"


def _wrong_seed(value: Any) -> str:
    fits = value is None or (type(value) is int and 0 <= value <= MAX_SEED)
    return "" if fits else f"must be null or a whole number from 0 to {MAX_SEED}"


def _wrong_keep(value: Any) -> str:
    fits = value is None or value in list(Keep)
    return "" if fits else f"must be null or one of {', '.join(Keep)}"


_RULES = {
    "id": _wrong_id,
    "title": _wrong_title,
    "prompt": _wrong_prompt,
    "negative": _wrong_negative,
    "color": _wrong_color,
    "seed": _wrong_seed,
    "keep": _wrong_keep,
}
