"""The page's settings and their rules: settings.json, as it is built, and event.json, by which staff steer an event.

Both have the same fields by the same rules. event.json has fewer, each of them optional: what it doesn't have is as
deployed. web/settings.js is the page's copy of the rules. Nothing here calls AWS or reads a file but the catalogue.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from booth import scenes
from booth.keep import Keep

MAX_TEXT = 120
"""Characters of a title or a pause's reason that staff write."""
MAX_PICTURE = 300_000
"""Characters of a frame or logo that lies in event.json as a data: URL."""
MAX_BYTES = 1_000_000
"""Of event.json as it is sent."""
MAX_LANGUAGES = 20
MAX_VERSION = 64
"""Characters of a consent's `policy`, see docs/api.md."""
MOST_AGAIN = 10
USUAL_AGAIN = 2

Rule = Callable[[Any], str]
"""What is wrong with a value, as a sentence without its subject; "" if nothing is."""
Rules = Callable[[str, Any], Iterator[tuple[str, str]]]
"""(field, sentence) of each thing that is wrong with the value of a field, which may have fields of its own."""


def whole(least: int, most: int) -> Rule:
    """A whole number within these limits."""

    def rule(value: Any) -> str:
        # As JavaScript has it: 3.0 is a whole number, true is none.
        is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
        return "" if is_whole and least <= value <= most else f"must be a whole number from {least} to {most}"

    return rule


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else 'must be a text; "" is none'


def _name(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else "must be a text, and not empty"


def _version(value: Any) -> str:
    if sentence := _name(value):
        return sentence
    return "" if len(value) <= MAX_VERSION else f"must have at most {MAX_VERSION} characters"


def _switch(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _one_of(*names: str) -> Rule:
    def rule(value: Any) -> str:
        return "" if value in names else f"must be one of {', '.join(map(json.dumps, names))}"

    return rule


def _title(value: Any) -> str:
    if not isinstance(value, dict) or not value or any(_name(each) for each in value.values()):
        return 'must be an object with a text for each language, such as {"en": "Photo Booth"}'
    return ""


def is_language(code: str) -> bool:
    """Whether it has the form of a code such as en or pt-BR."""
    return re.fullmatch("[a-z]{2,3}(-[A-Z]{2})?", code) is not None


def _languages(value: Any) -> str:
    if sentence := _list(value):
        return sentence
    if not value:
        return "must name at least one language"
    wrong = next((code for code in value if not is_language(code)), None)
    return f"{wrong!r} is no language's code, such as en" if wrong else ""


def _scenes(value: Any) -> str:
    if sentence := _list(value):
        return sentence
    unknown = [each for each in value if each not in scenes.catalogue()]
    return f"no scene of functions/scenes.json is {', '.join(map(repr, unknown))}" if unknown else ""


def _list(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
        return "must be a list of texts"
    return "" if len(set(value)) == len(value) else "names one twice"


SETTINGS: dict[str, Rule] = {
    "title": _title,
    "languages": _languages,
    "scenes": _scenes,
    "mostScenes": whole(1, 5),
    "countdownSeconds": whole(0, 60),
    "cameraAt": _one_of("top", "right", "bottom", "left"),
    "sound": _switch,
    "file": _switch,
    "save": _switch,
    "print": _switch,
    "copies": whole(0, 20),
    "again": whole(0, MOST_AGAIN),
    "autoUseSeconds": whole(0, 3600),
    "idleSeconds": whole(5, 3600),
    "frame": _text,
    "logo": _text,
    "wall": _switch,
    "wallCode": _switch,
    "keep": _one_of("", *Keep),
    "keepChoice": _switch,
    "privacy.version": _version,
    "privacy.retentionDays": whole(1, 90),
    "privacy.contact": _text,
}
"""The rules of settings.json; whether the files that it names exist is for `local.check_settings` to see."""


# event.json


def _plain(rule: Rule) -> Rules:
    def check(field: str, value: Any) -> Iterator[tuple[str, str]]:
        if sentence := rule(value):
            yield field, sentence

    return check


def _line(value: Any) -> str:
    """One line of text, for a screen: no control characters, and nothing that UTF-8 doesn't have."""
    fits = isinstance(value, str) and value.strip() and len(value) <= MAX_TEXT
    is_line = fits and not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", value)
    return "" if is_line else f"must be one line of 1 to {MAX_TEXT} characters"


def _lines(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_LANGUAGES or not all(map(is_language, value)):
        yield field, 'must be an object with a text for each language, such as {"en": "Photo Booth"}'
        return
    for code, text in value.items():
        if sentence := _line(text):
            yield f"{field}.{code}", sentence


def _pause(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if not isinstance(value, dict) or value.keys() != {"until", "reason"}:
        yield field, "must be null, or have exactly until and reason"
        return
    yield from _plain(whole(0, 2**40))(f"{field}.until", value["until"])
    yield from _lines(f"{field}.reason", value["reason"])
    if isinstance(value["reason"], dict) and "en" not in value["reason"]:
        yield f"{field}.reason.en", "is missing"


_DATA = re.compile("data:image/(png|webp);base64,([A-Za-z0-9+/]+={0,2})")
_FILE = re.compile(r"/?[A-Za-z0-9_-][A-Za-z0-9_./-]{0,199}")


def _picture(value: Any) -> str:
    if not isinstance(value, str):
        return 'must be a text; "" is none'
    if value.startswith("data:"):
        return "" if _is_picture(value) else f"must be a PNG or WebP picture, {MAX_PICTURE} characters at most"
    # A path can't lead away from the page: the browser resolves "..", and "//" would name another host.
    is_file = _FILE.fullmatch(value) and ".." not in value and "//" not in value
    return "" if is_file or not value else "must be a file of the page's, a picture as a data: URL, or empty"


def _is_picture(url: str) -> bool:
    """Whether it is a data: URL of a PNG or WebP file, by the file's first bytes."""
    found = _DATA.fullmatch(url) if len(url) <= MAX_PICTURE else None
    try:
        data = base64.b64decode(found[2], validate=True) if found else b""
    except ValueError:
        return False
    return data.startswith(b"\x89PNG\r\n\x1a\n") or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


_EVENT: dict[str, Rules] = {
    "version": _plain(whole(0, 10**9)),
    "paused": _pause,
    "title": _lines,
    "frame": _plain(_picture),
    "logo": _plain(_picture),
    "photosPerDay": _plain(whole(1, 10**9)),
} | {name: _plain(SETTINGS[name]) for name in ("languages", "scenes", "mostScenes", "again", "copies")}


def problems(value: Any, photos_per_day: int = 0) -> Iterator[tuple[str, str]]:
    """(field, sentence) of each thing that is wrong with event.json, such as ("title.ko", "must be ...").

    Args:
        value: the parsed JSON, of any type.
        photos_per_day: the deployment's budget, above which staff can't go; 0 for none.
    """
    if not isinstance(value, dict):
        yield "event", "must be an object"
        return
    if "version" not in value:
        yield "version", "is missing"
    for field, each in value.items():
        if field not in _EVENT:
            yield field[:40], f"is not a setting; they are {', '.join(_EVENT)}"
            continue
        wrong = list(_EVENT[field](field, each))
        if field == "photosPerDay" and photos_per_day and not wrong:
            wrong = list(_plain(whole(1, photos_per_day))(field, each))
        yield from wrong


@dataclass(frozen=True)
class Pause:
    """Staff have closed the booth for visitors."""

    until: int
    """Epoch seconds; 0 until further notice."""
    reason: dict[str, str]
    """By language; always in "en"."""


@dataclass(frozen=True)
class Event:
    """What staff have set, as far as the back end needs it. Nothing set: as deployed."""

    version: int = 0
    pause: Pause | None = None
    scenes: tuple[str, ...] = ()
    """Ids of the scenes that are offered; empty: all."""
    photos_per_day: int = 0
    """The day's budget; 0: the deployment's alone."""
    again: int = USUAL_AGAIN
    """Further runs of one photo a visit."""

    @property
    def paused(self) -> Pause | None:
        """The pause, unless it is over."""
        return self.pause if self.pause and (not self.pause.until or time.time() < self.pause.until) else None

    def wanted(self, ids: list[str]) -> list[str]:
        """Those of the scenes a visitor asks for that are offered; if none is, the first offered ones.

        Not an error: a pad learns within a minute what is offered, and its visitor has chosen before. Empty, for the
        catalogue's own default, if neither visitor nor staff have chosen.
        """
        if not self.scenes:
            return ids
        return [each for each in ids if each in self.scenes] or list(self.scenes[: scenes.DEFAULT_PICTURES])


@lru_cache(maxsize=1)
def read(text: str) -> Event:
    """event.json as it is stored; "" for none. A field that is wrong, such as a scene that the catalogue no longer
    has, counts for nothing, as in the page. Raises ValueError if the text is no JSON object."""
    try:
        value = json.loads(text or "{}")
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("is no object")
    offered = value.get("scenes")
    if isinstance(offered, list):
        value["scenes"] = [each for each in offered if isinstance(each, str) and each in scenes.catalogue()]
    wrong = {field.partition(".")[0] for field, _ in problems(value)}
    given = {name: each for name, each in value.items() if name not in wrong}
    paused = given.get("paused")
    return Event(
        version=int(given.get("version", 0)),
        pause=Pause(int(paused["until"]), paused["reason"]) if paused else None,
        scenes=tuple(given.get("scenes", ())),
        photos_per_day=int(given.get("photosPerDay", 0)),
        again=int(given.get("again", USUAL_AGAIN)),
    )
