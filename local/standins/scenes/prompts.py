"""From a prompt to a picture: which of its words choose the painter and the time of day."""

import hashlib
import re

import numpy as np

from local.standins.scenes import fantasy, generic, interiors, mountains, palaces, skies, streets, vegetation, waters
from local.standins.scenes.layers import LIGHTS, Canvas, postprocess
from local.standins.scenes.noise import blur

WORKING_SIDE = 640
"""Pictures are painted with this longer side, then enlarged: behind people they are out of focus anyway."""

PAINTERS = (  # (painter, words that choose it, time of day if the prompt names none); the first of equals wins
    (fantasy.paint_unicorn, "unicorn rainbow fairytale magical", "morning"),
    (fantasy.paint_floating_city, "floating flying cloudcity steampunk", "sunset"),
    (skies.paint_aurora, "aurora borealis polar northern arctic", "night"),
    (waters.paint_underwater, "underwater reef coral fish ocean-floor diving mermaid", "day"),
    (palaces.paint_palace, "palace hanok hanbok korean korea seoul pavilion temple pagoda ginkgo maple", "day"),
    (palaces.paint_castle, "castle fairy knight princess prince kingdom fireworks", "day"),
    (skies.paint_balloons, "balloon balloons air hot cappadocia", "morning"),
    (vegetation.paint_blossom, "cherry blossom blossoms blooming petals sakura", "day"),
    (interiors.paint_library, "library books bookshelf shelves study reading school", "day"),
    (streets.paint_neon, "neon signs cyberpunk futuristic alley lanterns pavement tokyo", "night"),
    (interiors.paint_stage, "concert stage spotlight disco club festival party rock", "night"),
    (skies.paint_cosmos, "cosmos cosmic space stars galaxy nebula planet universe astronaut moon", "night"),
    (waters.paint_sea, "sea beach ocean island palm tropical coast shore waves", "day"),
    (mountains.paint_desert, "desert dune dunes sahara sand canyon oasis", "day"),
    (
        mountains.paint_mountains,
        "mountain mountains snow snowy alps alpine winter peak peaks glacier lake ski",
        "day",
    ),
    (vegetation.paint_forest, "forest wood woods woodland jungle trees tree autumn", "day"),
    (vegetation.paint_garden, "garden roses rose park botanical orchard greenhouse", "day"),
    (vegetation.paint_meadow, "meadow flower flowers field grass spring hill hills countryside", "day"),
    (
        streets.paint_city,
        "city building buildings street skyline skyscraper skyscrapers town urban downtown architecture "
        "house houses office",
        "day",
    ),
    (skies.paint_sky, "sky clouds cloud heaven", "day"),
)
TIMES = (
    ("night", "night midnight moonlight moonlit starry dark neon cyberpunk"),
    ("sunset", "sunset dusk evening golden twilight"),
    ("morning", "morning sunrise dawn misty pastel"),
    ("day", "day daylight noon sunny blue"),
)


def render(prompt: str, negative: str, seed: int, width: int, height: int) -> np.ndarray:
    """Paint what the prompt names, as uint8 height x width x 3.

    Known words choose the painter and the time of day (words of the negative prompt don't count), the prompt's
    words and the seed all the rest: equal arguments give equal bytes. A prompt without a known word gets soft folds
    of colour in a palette of its own.
    """
    banned = set(_words(negative))
    words = [word for word in _words(prompt) if word not in banned]
    painter, usual_time = _painter(words)
    named = [time for time, names in TIMES if set(names.split()) & set(words)]
    light = LIGHTS[named[0] if named else usual_time]
    digest = hashlib.sha256(f"{seed}\n{' '.join(words)}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8]))
    scale = min(1.0, WORKING_SIDE / max(width, height))
    canvas = Canvas(max(8, round(height * scale)), max(8, round(width * scale)), rng, light, frozenset(words))
    painting = painter(canvas)
    if {"fog", "foggy", "mist", "misty"} & canvas.words:
        painting = blur(painting, 0.004 * canvas.height) * 0.65 + 0.35 * np.asarray(light.horizon, np.float32)
    return postprocess(painting, rng, height, width)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _painter(words: list[str]):
    """The painter with most of its words in the prompt, and its usual time of day."""
    scores = [len(set(names.split()) & set(words)) for _, names, _ in PAINTERS]
    if not max(scores):
        return generic.paint_generic, "day"
    painter, _, time = PAINTERS[scores.index(max(scores))]
    return painter, time
