"""The scene for a prompt without a known word."""

import colorsys

import numpy as np

from local.standins.scenes.layers import Canvas, bokeh, glow, gradient, rgb, spots
from local.standins.scenes.noise import blur


def paint_generic(c: Canvas) -> np.ndarray:
    """No known word: silk-like folds of colour and lights, in a palette that the prompt's words decide."""
    base, spread = c.rng.random(), c.rng.uniform(0.08, 0.2)
    tones = [
        rgb(colorsys.hsv_to_rgb((base + d * spread) % 1, s, v))
        for d, s, v in ((0, 0.65, 0.22), (1, 0.55, 0.60), (2, 0.42, 0.92), (3, 0.16, 1.0))
    ]
    sweep = blur(c.warped_fbm(0.8, 2, 0.10), 0.02 * c.height)
    ribbons = np.zeros_like(sweep)
    for frequency in (1.0, 1.7, 2.6):
        fold = np.sin(6.28 * (frequency * sweep + 0.5 * frequency * c.x + 0.4 * c.y) + c.rng.uniform(0, 6.28))
        ribbons += (0.5 + 0.5 * fold) / frequency
    light = ribbons / 2 * 0.55 + 0.55 * glow(c, c.rng.uniform(-0.3, 0.3), 0.30, 0.5) + 0.12 * (0.5 - c.y)
    painting = gradient(np.clip(light, 0, 1), (0, tones[0]), (0.40, tones[1]), (0.78, tones[2]), (1, tones[3]))
    slope = ribbons - np.roll(ribbons, max(1, int(0.008 * c.height)), 0)
    painting = (painting + np.clip(slope * 0.7, -0.04, 0.10)[..., None]) * (1 - 0.45 * c.light.dark)
    lights = spots(c, 60, (0.0, 0.9), (0.006, 0.045), [tones[2], tones[3], (1.0, 0.92, 0.75)])
    return bokeh(c, blur(painting, 0.004 * c.height), lights, 0.26)
