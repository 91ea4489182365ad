"""Which words call which scene, and the way from a prompt to a picture."""

import hashlib
import re

import numpy as np

from local.standins.scenes import nature, outings, places
from local.standins.scenes.layers import LIGHTS, Canvas, develop
from local.standins.scenes.noise import blur

WORKING_SIDE = 640
"""Scenes are painted with this longer side, then enlarged: behind people they are out of focus anyway."""

SCENES = (  # (painter, words that call it, time of day if the prompt names none); the first of equals wins
    (places.paint_unicorn, "unicorn rainbow fairytale magical", "morning"),
    (places.paint_floating_city, "floating flying cloudcity steampunk", "sunset"),
    (nature.paint_aurora, "aurora borealis polar northern arctic", "night"),
    (nature.paint_underwater, "underwater reef coral fish ocean-floor diving mermaid", "day"),
    (outings.paint_palace, "palace hanok hanbok korean korea seoul pavilion temple pagoda ginkgo maple", "day"),
    (places.paint_castle, "castle fairy knight princess prince kingdom fireworks", "day"),
    (outings.paint_balloons, "balloon balloons air hot cappadocia", "morning"),
    (outings.paint_blossom, "cherry blossom blossoms blooming petals sakura", "day"),
    (outings.paint_library, "library books bookshelf shelves study reading school", "day"),
    (outings.paint_neon, "neon signs cyberpunk futuristic alley lanterns pavement tokyo", "night"),
    (places.paint_stage, "concert stage spotlight disco club festival party rock", "night"),
    (nature.paint_cosmos, "cosmos cosmic space stars galaxy nebula planet universe astronaut moon", "night"),
    (nature.paint_sea, "sea beach ocean island palm tropical coast shore waves", "day"),
    (nature.paint_desert, "desert dune dunes sahara sand canyon oasis", "day"),
    (
        nature.paint_mountains,
        "mountain mountains snow snowy alps alpine winter peak peaks glacier lake ski",
        "day",
    ),
    (nature.paint_forest, "forest wood woods woodland jungle trees tree autumn", "day"),
    (nature.paint_garden, "garden roses rose park botanical orchard greenhouse", "day"),
    (nature.paint_meadow, "meadow flower flowers field grass spring hill hills countryside", "day"),
    (
        places.paint_city,
        "city building buildings street skyline skyscraper skyscrapers town urban downtown architecture "
        "house houses office",
        "day",
    ),
    (nature.paint_sky, "sky clouds cloud heaven", "day"),
)
TIMES = (
    ("night", "night midnight moonlight moonlit starry dark neon cyberpunk"),
    ("sunset", "sunset dusk evening golden twilight"),
    ("morning", "morning sunrise dawn misty pastel"),
    ("day", "day daylight noon sunny blue"),
)


def render(prompt: str, negative: str, seed: int, width: int, height: int) -> np.ndarray:
    """Paint the prompt's scene as uint8 height x width x 3.

    Known words choose scene and time of day (words of the negative prompt don't count), the prompt's words and
    the seed all the rest: equal arguments give equal bytes. A prompt without a known word gets soft folds of colour
    in a palette of its own.
    """
    banned = set(_words(negative))
    words = [word for word in _words(prompt) if word not in banned]
    painter, usual_time = _scene(words)
    named = [time for time, names in TIMES if set(names.split()) & set(words)]
    light = LIGHTS[named[0] if named else usual_time]
    digest = hashlib.sha256(f"{seed}\n{' '.join(words)}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8]))
    scale = min(1.0, WORKING_SIDE / max(width, height))
    canvas = Canvas(max(8, round(height * scale)), max(8, round(width * scale)), rng, light, frozenset(words))
    painting = painter(canvas)
    if {"fog", "foggy", "mist", "misty"} & canvas.words:
        painting = blur(painting, 0.004 * canvas.height) * 0.65 + 0.35 * np.asarray(light.horizon, np.float32)
    return develop(painting, rng, height, width)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _scene(words: list[str]):
    """The painter with most of its words in the prompt, and its usual time of day."""
    scores = [len(set(names.split()) & set(words)) for _, names, _ in SCENES]
    if not max(scores):
        return places.paint_generic, "day"
    painter, _, time = SCENES[scores.index(max(scores))]
    return painter, time
