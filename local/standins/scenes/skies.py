"""Scenes of the sky: clouds, balloons, the aurora, the cosmos."""

import itertools

import numpy as np

from local.standins.scenes.layers import (
    Canvas,
    Ink,
    below,
    clouds,
    focus,
    glow,
    gradient,
    haze,
    mix,
    over_soft,
    rgb,
    ridge,
    sky,
    smooth,
    stars,
)
from local.standins.scenes.mountains import firs
from local.standins.scenes.noise import blur, warp
from local.standins.scenes.vegetation import grass, hills

BALLOONS = (
    ((0.86, 0.20, 0.22), (0.98, 0.80, 0.28)),
    ((0.16, 0.44, 0.78), (0.96, 0.96, 0.94)),
    ((0.93, 0.46, 0.16), (0.52, 0.20, 0.52)),
    ((0.14, 0.58, 0.50), (0.98, 0.86, 0.42)),
    ((0.80, 0.24, 0.52), (0.98, 0.74, 0.72)),
)


def paint_sky(c: Canvas) -> np.ndarray:
    """Wide sky with clouds, over low meadows or, for who is above the clouds, over a sea of them."""
    above = "above" in c.words
    horizon = c.rng.uniform(0.80, 0.86) - 0.12 * above
    painting = sky(c, horizon, disc=c.light.sun_height < 0.3)
    if c.light.dark:
        painting = stars(c, painting, horizon)
    painting = clouds(c, painting, horizon, c.rng.uniform(0.35, 0.7), c.rng.uniform(1.6, 2.6))
    if above:
        return focus(c, cloud_sea(c, painting, horizon), 0.004, 0.0015, horizon)
    painting = hills(c, painting, horizon + 0.01, (0.33, 0.52, 0.20), 3, 0.04)
    return focus(c, painting, 0.004, 0.0018, horizon)


def cloud_sea(c: Canvas, painting: np.ndarray, top: float) -> np.ndarray:
    """Clouds seen from above, bank before bank, from `top` to the bottom."""
    for i, lift in enumerate(np.linspace(0, 0.80 * (1 - top), 5)):
        near = i / 4
        puffs = c.warped_fbm(6.0 - 3.5 * near, 6, 0.03, 1.9 - 0.7 * near)
        billow = 1 - 2.2 * np.abs(c.warped_fbm(15 - 9 * near, 5, 0.02, 1.4) - 0.5)
        rim = (top + lift - (0.05 + 0.16 * near) * (c.curve(2.6 - near, 5, 0.55) + 0.6)).astype(np.float32)
        deep = c.y - rim - (0.03 + 0.06 * near) * (billow - 0.5)
        height = 0.75 * puffs + 0.5 * billow
        step = max(2, int((0.012 + 0.02 * near) * c.height))
        soft = blur(height, 0.003 * c.height)
        lit = 0.62 + (1.1 + 0.5 * near) * (soft - warp(soft, step if c.light.sun_x > 0 else -step, -step))
        lit = np.clip(lit + 0.35 * smooth(0.05, 0.0, deep) - 0.55 * smooth(0.03, 0.20 + 0.1 * near, deep), 0, 1)
        shade = mix(rgb(c.light.middle), rgb(c.light.zenith), 0.30) * 0.55 + 0.45 * rgb(c.light.horizon)
        bright = mix(rgb((1.0, 1.0, 1.0)), rgb(c.light.sun), 0.75 if c.light.sun_height < 0.3 else 0.15)
        tone = mix(np.broadcast_to(shade, painting.shape), bright, lit)
        tone = mix(tone, rgb(c.light.horizon), 0.35 * (1 - near)) * (0.42 if c.light.dark else 1.0)
        painting = mix(painting, tone, smooth(-0.006, 0.012 + 0.02 * near, deep))
    return painting


def balloon(ink: Ink, c: Canvas, x: float, y: float, r: float, colours, tint) -> None:
    """A hot-air balloon with its envelope's middle at (x, y): gores in two colours, lit from the sun's side, a basket.

    `tint` maps a colour to what it looks like so far away.
    """
    t = np.linspace(0, 1, 15)
    width = r * np.where(
        t < 0.42,
        np.sqrt(np.clip(1 - (1 - t / 0.42) ** 2, 0, 1)),
        0.13 + 0.87 * np.cos(np.pi / 2 * np.clip((t - 0.42) / 0.58, 0, 1)) ** 0.9,
    )
    height = y - r + 2.35 * r * t
    edges = np.linspace(-np.pi / 2, np.pi / 2, 11)
    for i, (a, b) in enumerate(itertools.pairwise(edges)):
        towards_sun = np.cos((a + b) / 2 - 1.1 * np.sign(c.light.sun_x))
        shade = 0.62 + 0.46 * max(0.0, towards_sun)
        outline = [*zip(x + width * np.sin(a), height, strict=True)]
        outline += [*zip((x + width * np.sin(b))[::-1], height[::-1], strict=True)]
        ink.polygon(outline, tint(rgb(colours[i % 2]) * shade))
    band = slice(6, 9)
    belt = [
        *zip((x - width)[band], height[band], strict=True),
        *zip((x + width)[band][::-1], height[band][::-1], strict=True),
    ]
    ink.polygon(belt, tint(rgb(colours[1]) * 0.9))
    foot, basket = y + 1.35 * r, 0.15 * r
    for side in (-1, 1):
        ink.line([(x + side * 0.13 * r, foot), (x + side * basket, foot + 0.28 * r)], 0.012 * r, tint((0.2, 0.15, 0.1)))
    corners = [(-1, 0.26), (1, 0.26), (0.8, 0.48), (-0.8, 0.48)]
    ink.polygon([(x + u * basket, foot + v * r) for u, v in corners], tint((0.42, 0.27, 0.14)))


def paint_balloons(c: Canvas) -> np.ndarray:
    """Hot-air balloons, near and far, over a misty valley with rock towers."""
    horizon = 0.70
    painting = clouds(c, sky(c, horizon, disc=c.light.sun_height < 0.3), horizon, 0.25, 2.6)
    if c.light.dark:
        painting = stars(c, painting, horizon)
    light = 0.45 if c.light.dark else 1.0
    painting = mix(painting, haze(c, c.lit((0.45, 0.36, 0.50)), 0.75) * light, below(c, ridge(c, 0.70, 0.10, 1.0, 6)))
    for base, tall, depth, count in ((0.74, 0.09, 0.6, 26), (0.82, 0.13, 0.35, 14)):
        line = ridge(c, base, 0.05, 1.6, 6)
        for x, r, h in zip(
            c.rng.uniform(-c.half, c.half, count),
            c.rng.uniform(0.010, 0.030, count) * (1.6 - depth),
            tall * c.rng.uniform(0.4, 1.0, count),
            strict=True,
        ):
            line = np.minimum(line, base - h * np.clip(1.5 - np.abs(c.x[0] - x) / r, 0, 1) ** 0.6)
        lit = np.clip(0.55 + 5 * (np.roll(line, 2) - np.roll(line, -2)) * np.sign(c.light.sun_x), 0, 1)[None, :]
        rock = mix(c.lit((0.42, 0.26, 0.24)), c.lit((0.98, 0.76, 0.58)), lit * (0.5 + c.fbm(9, 5, stretch=0.5)))
        mist = smooth(base - 0.06, base + 0.06, c.y)
        rock = mix(rock, haze(c, (0.6, 0.5, 0.5), 1.0), np.clip(depth + 0.45 * mist, 0, 1) * np.ones_like(lit))
        painting = mix(painting, rock * light, below(c, line, 0.002))
    fog = smooth(0.25, 0.8, c.warped_fbm(2.2, 5, 0.06, 4)) * np.exp(-(((c.y - 0.80) / 0.06) ** 2))
    painting = mix(painting, rgb(c.light.horizon) * light, 0.75 * fog)
    painting = grass(c, painting, 0.90, (0.46, 0.46, 0.22), 420)
    painting = focus(c, painting, 0.004, 0.0016, 0.85)
    near = (
        [(-0.68, 0.25, 0.135), (0.70, 0.19, 0.165)]
        if c.rng.random() < 0.5
        else [(-0.70, 0.20, 0.165), (0.66, 0.30, 0.12)]
    )
    far = sorted(
        ((c.rng.uniform(-0.95, 0.95), c.rng.uniform(0.10, 0.62), c.rng.uniform(0.012, 0.052)) for _ in range(22)),
        key=lambda each: each[2],
    )
    for u, y, r in [*far, *near]:
        depth = float(np.clip(0.62 - 5.5 * r, 0.0, 0.6))

        def tint(colour, depth=depth):
            return haze(c, mix(c.lit(colour), rgb(colour), 0.5) * 1.12, depth) * light

        ink = Ink(c)
        balloon(ink, c, u * c.half, y, min(r, 0.24 * c.half), BALLOONS[c.rng.integers(len(BALLOONS))], tint)
        painting = over_soft(painting, ink, 0.0008)
        if c.light.dark:
            painting = painting + (0.5 * glow(c, u * c.half, y + r, 1.2 * r))[..., None] * rgb((1.0, 0.6, 0.2))
    return painting


def paint_aurora(c: Canvas) -> np.ndarray:
    """Northern lights over firs and a frozen lake."""
    horizon = 0.66
    painting = stars(c, sky(c, horizon), horizon, 700)
    tint = 0 if "green" in c.words else c.rng.choice(3)
    low, high = (
        ((0.20, 1.0, 0.55), (0.55, 0.25, 0.95)),
        ((0.15, 0.95, 0.80), (0.95, 0.30, 0.65)),
        ((0.45, 1.0, 0.35), (0.20, 0.50, 1.0)),
    )[tint]
    for _ in range(3):
        foot = 0.36 + 0.16 * c.curve(0.8, 3, 0.5) + c.rng.uniform(-0.08, 0.10)
        strands = np.clip(0.55 + 0.6 * c.curve(14, 4, 0.7), 0, 1) * np.clip(0.6 + 0.7 * c.curve(1.2, 2), 0, 1)
        rise = foot[None, :] - c.y
        reach = 0.20 + 0.12 * strands[None, :]
        curtain = strands[None, :] * np.where(rise > 0, np.exp(-rise / reach * 1.6), np.exp(rise / 0.018))
        tone = gradient(np.clip(rise / 0.38, 0, 1), (0, low), (0.35, low), (1, high))
        painting = painting + 1.2 * blur(curtain.astype(np.float32), 1.5)[..., None] * tone
    line = ridge(c, horizon + 0.02, 0.16, 1.5, 7)
    painting = mix(
        painting,
        mix(rgb((0.10, 0.16, 0.26)), rgb((0.45, 0.60, 0.70)), smooth(0.10, 0.0, c.y - line) * c.fbm(12, 5)),
        below(c, line),
    )
    wood = horizon - firs(c, 0.10, 90)
    painting = mix(painting, np.broadcast_to(rgb((0.015, 0.035, 0.05)), painting.shape), below(c, wood))
    mirror = painting[np.clip(2 * int(horizon * c.height) - np.arange(c.height), 0, c.height - 1)]
    ice = blur(mirror, 0.006 * c.height) * 0.65 * (0.7 + 0.6 * c.fbm(20, 4, stretch=8))[..., None] + 0.02
    painting = mix(painting, ice, np.broadcast_to(smooth(horizon, horizon + 0.004, c.y), ice.shape[:2]))
    bank = ridge(c, 0.95, 0.07, 1.2, 5)
    snow = rgb((0.30, 0.42, 0.55)) * (0.7 + 0.5 * c.fbm(8, 5))[..., None] + 0.08 * rgb(low)
    return focus(c, mix(painting, snow, below(c, bank, 0.004)), 0.004, 0.0012, 0.7)


def paint_cosmos(c: Canvas) -> np.ndarray:
    """Nebula, stars and a ringed planet."""
    hue = c.rng.permutation(
        np.array(((0.90, 0.25, 0.60), (0.20, 0.45, 1.0), (0.15, 0.80, 0.85), (1.0, 0.55, 0.25), (0.55, 0.25, 0.95)))
    )
    painting = np.zeros((c.height, c.width, 3), np.float32) + rgb((0.012, 0.012, 0.035))
    tilt = c.rng.uniform(-0.6, 0.6)
    band = np.exp(-(((c.y - 0.45 - tilt * c.x) / 0.34) ** 2))
    for colour, cells in zip(hue[:3], (1.0, 1.5, 2.2), strict=True):
        cloud = c.warped_fbm(cells, 7, 0.05)
        wisps = 1 - np.clip(4 * np.abs(c.warped_fbm(cells * 2.5, 6, 0.04) - 0.5), 0, 1)
        density = smooth(0.36, 0.92, cloud) * (0.55 + 0.6 * wisps**2) * (0.15 + band)
        painting += density[..., None] * rgb(colour) * 0.85
    core = smooth(0.45, 0.95, c.warped_fbm(2.0, 6, 0.04)) * band**2
    painting += (0.55 * core)[..., None] * rgb((1.0, 0.86, 0.78))
    painting *= (1 - 0.7 * smooth(0.55, 0.85, c.warped_fbm(2.6, 7, 0.05)) * band)[..., None]
    painting = stars(c, painting, 1.0, 1500)
    px, py = c.rng.choice((-1, 1)) * c.half * c.rng.uniform(0.45, 0.62), c.rng.uniform(0.16, 0.28)
    radius = c.rng.uniform(0.09, 0.13)
    dx, dy = (c.x - px) / radius, (c.y - py) / radius
    distance = np.hypot(dx, dy)
    depth = np.sqrt(np.clip(1 - distance**2, 0, 1))
    shine = np.clip(-0.55 * dx - 0.5 * dy + 0.66 * depth, 0, 1)
    stripes = 0.5 + 0.5 * np.sin(9 * (dy + 0.25 * dx) + 5 * (c.fbm(5, 4, stretch=4) - 0.5))
    body = mix(rgb(hue[3]) * 0.75, rgb(hue[4]) * 0.5 + 0.42, stripes) * (0.04 + 1.15 * shine)[..., None]
    painting = mix(painting, body, smooth(1.01, 0.99, distance))
    painting += (0.30 * np.exp(-np.clip(distance - 1, 0, None) * 9) * (distance > 1))[..., None] * rgb(hue[3])
    along, across = dx * 0.94 - dy * 0.34, dx * 0.34 + dy * 0.94
    ring = np.hypot(along, across * 4.2)
    bands = smooth(1.35, 1.42, ring) * smooth(2.2, 2.1, ring) * (0.45 + 0.4 * np.sin(ring * 26))
    behind = (across < 0) & (distance < 1)
    return mix(painting, np.broadcast_to(rgb((0.95, 0.88, 0.76)), painting.shape), np.clip(bands, 0, 1) * ~behind)
