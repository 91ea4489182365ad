"""Scenes of mountains and of the desert."""

import numpy as np

from local.standins.scenes.layers import (
    Canvas,
    Ink,
    below,
    bokeh,
    clouds,
    focus,
    haze,
    mix,
    over_soft,
    rgb,
    ridge,
    sky,
    smooth,
    spots,
    stars,
)
from local.standins.scenes.noise import blur, warp
from local.standins.scenes.waters import water


def paint_mountains(c: Canvas) -> np.ndarray:
    """Snowy peaks behind a lake, firs on the shore."""
    horizon = 0.62
    winter = bool(c.words & {"snow", "snowy", "winter", "ski"})
    painting = clouds(c, sky(c, horizon), horizon, 0.15, 2.2)
    if c.light.dark:
        painting = stars(c, painting, horizon)
    lean = 1.0 if c.light.sun_x > 0 else -1.0
    for base, height, depth in ((0.60, 0.36, 0.50), (0.64, 0.50, 0.10)):
        crest = np.clip(1 - np.abs(c.curve(1.9, 6, 0.45)), 0, 1) ** 1.5
        line = (base - height * (0.12 + 0.88 * crest) - 0.012 * c.curve(24, 4)).astype(np.float32)
        under = c.y - line
        # Each mountain's sides are lit or in shade as its outline falls to the left or right, gullies break them up.
        fall = blur(np.tile(np.gradient(line) * c.height, (9, 1)), 0.010 * c.height)[4]
        bend = ((c.fbm(5, 5, 0.6) - 0.5) * 0.22 * c.height).astype(int)
        flank = warp(np.tile(fall, (c.height, 1)), bend, 0) * lean
        gullies = 1 - 2 * np.abs(c.warped_fbm(5.0, 6, 0.03, 0.55) - 0.5)
        slope = gullies - warp(gullies, 0.010 * c.height * lean, -0.006 * c.height)
        light = np.clip(0.52 - 0.42 * np.tanh(1.1 * flank) + 2.4 * blur(slope, 0.8), 0, 1)
        cover = smooth(0.44, 0.16, under + 0.34 * (c.fbm(9, 5, 0.6) - 0.5) + 0.22 * (gullies - 0.7) - 0.12 * winter)
        rock = mix(c.lit((0.19, 0.21, 0.27)), c.lit((0.52, 0.47, 0.44)), light)
        sunny = mix(rgb((1.0, 0.99, 0.97)), rgb(c.light.sun), 0.7 if c.light.sun_height < 0.3 else 0.1)
        snow = mix(c.lit((0.44, 0.56, 0.80)), sunny * (0.45 if c.light.dark else 1.0), light)
        stone = mix(rock, snow, cover)
        mist = np.clip(depth + 0.4 * smooth(0.12, 0.45, under), 0, 1)
        painting = mix(painting, mix(stone, haze(c, (0.2, 0.25, 0.3), 0.9), mist), below(c, line))
    for i, depth in enumerate((0.55, 0.3)):
        line = ridge(c, 0.62 + 0.015 * i, 0.07, 2, 6) - firs(c, 0.012 + 0.006 * i, 150)
        painting = mix(
            painting,
            haze(c, c.lit((0.10, 0.20, 0.16)), depth) * (0.35 if c.light.dark else 1),
            below(c, line),
        )
    painting = water(c, painting, 0.635, (0.06, 0.30, 0.48))
    shore = ridge(c, 0.86 if winter else 0.97, 0.10, 1.0, 6)
    ground = c.lit((0.90, 0.94, 1.0)) if winter else c.lit((0.30, 0.40, 0.18))
    drifts = c.warped_fbm(3, 5, 0.05, 4) if winter else c.fbm(12, 5, 0.7)
    painting = mix(painting, ground * (0.62 + 0.66 * drifts)[..., None], below(c, shore, 0.003))
    painting = focus(c, painting, 0.005, 0.0015, 0.72)
    ink = Ink(c)
    for side in (-1, 1):
        for tall in np.sort(c.rng.uniform(0.30, 0.66, 5)):
            x = side * c.half * c.rng.uniform(0.74, 1.04)
            fir(
                ink,
                x,
                0.88 + 0.18 * tall,
                tall,
                c.lit((0.09, 0.20, 0.14)),
                c,
                c.lit((0.92, 0.95, 1.0)) if winter else None,
            )
    painting = over_soft(painting, ink, 0.0018)
    return bokeh(c, painting, spots(c, 60, (0.0, 1.0), (0.001, 0.006), ((1, 1, 1),)), 0.4) if winter else painting


def fir(ink: Ink, x: float, foot: float, tall: float, tone, c: Canvas, snow=None) -> None:
    """A fir tree: tiers of branches, lighter on top, with a `snow` colour on them if one is given."""
    ink.line([(x, foot), (x, foot - 0.3 * tall)], 0.04 * tall, tone * 0.6)
    for t in np.linspace(0.02, 0.98, 17):
        y, reach = foot - tall * (1 - t), 0.20 * tall * t**0.9
        drop = 0.10 * tall
        left, right = reach * c.rng.uniform(0.8, 1.15), reach * c.rng.uniform(0.8, 1.15)
        tier = [
            (x, y - 0.07 * tall),
            (x + right, y + drop * 0.7),
            (x + 0.45 * right, y + drop * 0.45),
            (x, y + drop * 0.65),
            (x - 0.45 * left, y + drop * 0.45),
            (x - left, y + drop * 0.7),
        ]
        ink.polygon(tier, tone * c.rng.uniform(0.8, 1.35))
        if snow is not None and c.rng.random() < 0.8:
            a, b = c.rng.uniform(0.35, 0.9, 2)
            sheet = [
                tier[0],
                (x + a * right, y + 0.4 * drop),
                (x + 0.3 * right, y),
                (x - 0.2 * left, y + 0.1 * drop),
                (x - b * left, y + 0.4 * drop),
            ]
            ink.polygon(sheet, snow * c.rng.uniform(0.78, 1.0))


def firs(c: Canvas, height: float, count: int) -> np.ndarray:
    """A row of fir tops: how far each column rises, shape (W,), in heights."""
    rise = np.zeros(c.width, np.float32)
    for x, tall in zip(c.rng.uniform(-c.half, c.half, count), c.rng.uniform(0.5, 1, count) * height, strict=True):
        from_tip = np.abs(c.x[0] - x) / (tall * 0.24)
        ragged = 1 + 0.22 * np.abs((from_tip * 7) % 1 - 0.5)
        rise = np.maximum(rise, tall * np.clip(1 - from_tip * ragged, 0, 1))
    return rise


def paint_desert(c: Canvas) -> np.ndarray:
    """Dunes with a lit and a shaded side each, ripples in front."""
    horizon = 0.5
    painting = clouds(c, sky(c, horizon, disc=c.light.sun_height < 0.3), horizon, 0.15, 3)
    if c.light.dark:
        painting = stars(c, painting, horizon)
    mesa = np.round(ridge(c, 0, 0.12, 2.0, 3) * 22) / 22
    painting = mix(
        painting,
        haze(c, c.lit((0.62, 0.34, 0.24)), 0.55),
        below(c, horizon + 0.02 + blur(np.tile(mesa, (9, 1)), 2)[4], 0.003),
    )
    for i in range(5):
        depth = 1 - i / 5
        line = ridge(c, horizon + 0.05 + 0.10 * i, 0.11 + 0.03 * i, 0.9, 2, 0.35)
        spine = c.x - (0.9 * c.curve(0.8, 2) * c.half)[None, :] - 0.9 * (c.y - line) * c.rng.choice((-1, 1))
        facing = smooth(-0.75, 0.85, np.sin(spine * (5 - 0.6 * i) + c.rng.uniform(0, 6)))
        ripple = c.fbm(26 - 3 * i, 3, stretch=5) - 0.5
        lit, shade = c.lit((0.98, 0.74, 0.44)), c.lit((0.62, 0.36, 0.24))
        lit = lit * (1 + 0.15 * rgb(c.light.sun))
        sand = mix(shade, lit, np.clip(0.15 + 0.75 * facing + 0.35 * ripple, 0, 1))
        sand = mix(sand, haze(c, sand, 1.0) * (0.4 if c.light.dark else 1.0), 0.55 * depth**2)
        rim = np.exp(-(((c.y - line) / 0.006) ** 2))
        sand = sand * rgb((1.3, 1.6, 1.9)) if c.light.dark else sand
        painting = mix(
            painting,
            sand + 0.12 * rim[..., None] * rgb(c.light.sun) * (1 - 0.8 * c.light.dark),
            below(c, line),
        )
    return focus(c, painting, 0.005, 0.002, 0.7)
