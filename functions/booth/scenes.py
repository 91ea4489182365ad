"""The catalogue of scenes that pictures are painted of: `scenes.json`, in order of preference."""

import json
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DEFAULT_PICTURES = 3


@dataclass(frozen=True)
class Scene:
    id: str
    title: str
    prompt: str
    negative: str
    seed: int | None
    """A number: this seed, and the ones after it for further attempts. None: each run and picture has its own."""


@cache
def catalogue() -> dict[str, Scene]:
    """All scenes by id."""
    entries = json.loads((Path(__file__).parent.parent / "scenes.json").read_text("utf-8"))
    return {entry["id"]: Scene(**entry) for entry in entries}


def chosen(ids: tuple[str, ...]) -> list[Scene]:
    """The scenes of a run, one per picture: the ones asked for, or the catalogue's first three."""
    scenes = catalogue()
    return [scenes[each] for each in ids if each in scenes] or list(scenes.values())[:DEFAULT_PICTURES]


def seed_for(scene: Scene, run: str, picture: int, attempt: int) -> int:
    """Seed of one attempt at a picture: repeatable, and another one for each attempt."""
    return scene.seed + attempt if scene.seed is not None else zlib.crc32(f"{run}/{picture}/{attempt}".encode())
