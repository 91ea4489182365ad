"""Water, and the scenes at and under it: a beach, a reef."""

import numpy as np

from local.standins.scenes.layers import (
    Canvas,
    Ink,
    below,
    bokeh,
    clouds,
    focus,
    gradient,
    haze,
    mix,
    over_soft,
    rgb,
    ridge,
    shafts,
    sky,
    smooth,
    spots,
)
from local.standins.scenes.noise import blur


def water(c: Canvas, painting: np.ndarray, horizon: float, tint, bottom: float = 1.0) -> np.ndarray:
    """Water from the horizon to `bottom`: mirrored light, waves that grow with nearness, the sun's glitter."""
    depth = np.clip((c.y - horizon) / (1 - horizon), 0, 1)
    far, near = c.fbm(60, 3, 0.7, stretch=9), c.fbm(16, 4, 0.6, stretch=6)
    wave = far + (near - far) * smooth(0.02, 0.5, depth)
    rows = np.clip(2 * horizon - np.arange(c.height) / c.height - 0.02, 0, horizon) * c.height
    mirror = blur(painting, 0.01 * c.height)[rows.astype(int)]
    surface = mix(
        mirror * 0.92,
        np.broadcast_to(c.lit(tint), painting.shape),
        np.broadcast_to(0.25 + 0.6 * depth, wave.shape),
    )
    surface = surface * (0.72 + 0.56 * wave)[..., None]
    track = np.exp(-(((c.x - c.light.sun_x) / (0.05 + 0.22 * depth)) ** 2)) * smooth(0.60, 0.76, wave)
    strength = 0.9 if c.light.sun_height < 0.3 or c.light.dark else 0.35
    surface = surface + (strength * track)[..., None] * rgb(c.light.sun)
    return mix(
        painting,
        surface,
        np.broadcast_to(smooth(horizon - 0.002, horizon + 0.002, c.y) * smooth(bottom + 0.01, bottom, c.y), wave.shape),
    )


def paint_sea(c: Canvas) -> np.ndarray:
    """Beach: sky, sea with glitter, surf, sand, a palm leaning in."""
    horizon, shore = 0.48, 0.74
    painting = clouds(c, sky(c, horizon, disc=c.light.sun_height < 0.3), horizon, c.rng.uniform(0.2, 0.5), 2.6)
    painting = water(c, painting, horizon, (0.04, 0.52, 0.60))
    island = ridge(c, horizon + 0.004, 0.05, 1.0, 6)
    hump = np.exp(-(((c.x[0] - c.rng.uniform(-0.4, 0.1)) / 0.2) ** 2))
    painting = mix(
        painting,
        haze(c, c.lit((0.25, 0.40, 0.35)), 0.45) * (0.3 if c.light.dark else 1),
        below(c, horizon - (horizon - island) * hump) * (c.y < horizon),
    )
    edge = ridge(c, shore, 0.05, 1.4, 4)
    shallow = np.exp(-(((c.y - edge + 0.03) / 0.06) ** 2))
    painting = mix(painting, np.broadcast_to(c.lit((0.45, 0.86, 0.82)), painting.shape), 0.55 * shallow * (c.y < edge))
    sand = c.lit((0.93, 0.82, 0.62)) * (0.82 + 0.30 * c.fbm(6, 6, 0.8, stretch=3))[..., None]
    wet = smooth(0.09, 0.0, c.y - edge)
    sand = mix(sand, sand * rgb((0.70, 0.68, 0.70)), wet)
    painting = mix(painting, sand, below(c, edge))
    for offset, width in ((-0.075, 0.006), (-0.035, 0.008), (0.0, 0.011)):
        line = edge + offset + 0.012 * c.curve(5, 4)
        foam = np.exp(-(((c.y - line) / width) ** 2)) * smooth(0.42, 0.55, c.fbm(30, 4, 0.7, stretch=3))
        painting = mix(painting, np.broadcast_to(c.lit((1, 1, 1)) * 1.05, painting.shape), 0.85 * foam)
    painting = focus(c, painting, 0.004, 0.0025, shore)
    side = int(c.rng.choice((-1, 1)))
    ink = Ink(c)
    x, y, size = -side * c.half * c.rng.uniform(0.25, 0.5), horizon + 0.012, 0.045
    for shape, colour in (
        (((-0.5, 0), (0.5, 0), (0.35, 0.16), (-0.35, 0.16)), (0.55, 0.30, 0.20)),
        (((0.02, -0.06), (0.02, -1.2), (0.5, -0.10)), (1.0, 0.98, 0.94)),
        (((-0.03, -0.06), (-0.03, -1.0), (-0.38, -0.10)), (0.95, 0.40, 0.34)),
    ):
        ink.polygon([(x + u * size, y + v * size) for u, v in shape], c.lit(colour))
    painting = over_soft(painting, ink, 0.0012)
    ink = Ink(c)
    palm(ink, c, side * (c.half - 0.20), 0.16, side * (c.half + 0.02), 0.92, 0.36)
    palm(ink, c, side * (c.half - 0.02), 0.30, side * (c.half + 0.10), 0.90, 0.26)
    return over_soft(painting, ink, 0.0018)


def palm(ink: Ink, c: Canvas, x: float, y: float, foot_x: float, foot: float, reach: float) -> None:
    """A palm with its crown at (x, y), leaning from its foot: a ringed trunk, feathered leaves hanging in arcs."""
    t = np.linspace(0, 1, 26)
    trunk_x, trunk_y = x + (foot_x - x) * t**1.7, y + (foot - y) * t
    width = 0.045 * reach * (0.9 + 0.9 * t)
    for i in range(25):
        shade = 0.85 if i % 2 else 1.1
        left, right = trunk_x - width, trunk_x + width
        for u, v, tone in ((left, right, 1.0), ((left + 3 * right) / 4, right, 0.72)):
            corners = [
                (u[i], trunk_y[i]),
                (v[i], trunk_y[i]),
                (v[i + 1], trunk_y[i + 1] + 0.004),
                (u[i + 1], trunk_y[i + 1] + 0.004),
            ]
            ink.polygon(corners, c.lit((0.50, 0.38, 0.26)) * shade * tone)
    k = np.linspace(0, 1, 34)
    for angle in c.rng.permutation(np.linspace(-3.6, 0.46, 13)) + c.rng.normal(0, 0.08, 13):
        length = reach * c.rng.uniform(0.8, 1.1)
        sx = x + length * k * np.cos(angle)
        sy = y + 0.75 * length * k * np.sin(angle) + 0.62 * length * k**2.3
        along = np.stack([np.gradient(sx), np.gradient(sy)], 1)
        along /= np.hypot(*along.T)[:, None]
        light = c.rng.uniform(0.75, 1.2) * (1.15 - 0.35 * np.sin(angle))
        for i in range(2, 34):
            blade = 0.30 * length * np.sin(np.pi * (0.10 + 0.88 * k[i])) ** 0.8
            for across in (-1, 1):
                dx = 0.55 * along[i, 0] - across * 0.75 * along[i, 1]
                dy = 0.55 * along[i, 1] + across * 0.75 * along[i, 0] + 0.35
                tip = (sx[i] + blade * dx, sy[i] + blade * dy)
                w = 0.016 * length
                tone = c.lit((0.20, 0.46, 0.16)) * light * (1.12 if across < 0 else 0.78) * c.rng.uniform(0.85, 1.15)
                ink.polygon(
                    [
                        (sx[i] - w * along[i, 0], sy[i] - w * along[i, 1]),
                        (sx[i] + w * along[i, 0], sy[i] + w * along[i, 1]),
                        tip,
                    ],
                    tone,
                )
        ink.line(list(zip(sx, sy, strict=True)), 0.010 * length, c.lit((0.42, 0.52, 0.22)) * light)


def paint_underwater(c: Canvas) -> np.ndarray:
    """Below the surface: rays, caustics, a reef with corals, fishes, bubbles."""
    painting = np.broadcast_to(
        gradient(c.y, (0, (0.42, 0.88, 0.92)), (0.35, (0.10, 0.58, 0.76)), (1, (0.02, 0.20, 0.42))),
        (c.height, c.width, 3),
    ).copy()
    painting += (0.55 * shafts(c, c.rng.uniform(-0.3, 0.3), -0.35, 34, 1.35))[..., None] * rgb((0.75, 1.0, 0.95))
    ripple = 1 - np.abs(c.warped_fbm(7, 3, 0.08, 2.5) - 0.5) * 7
    painting += (np.clip(ripple, 0, 1) ** 3 * smooth(0.22, 0, c.y) * 0.5)[..., None]
    corals = (
        (0.95, 0.42, 0.40),
        (0.98, 0.65, 0.30),
        (0.72, 0.42, 0.80),
        (0.95, 0.55, 0.72),
        (0.40, 0.72, 0.55),
    )
    for depth in (0.75, 0.45, 0.1):
        bed = ridge(c, 0.86 + 0.10 * (1 - depth), 0.16, 2.2, 6, 0.6)
        # The reef rises to both sides, so that it is seen beside people too.
        bed = bed - (0.50 * (1 - depth) * np.abs(c.x[0] / c.half) ** 3).astype(np.float32)
        water_tone = rgb((0.05, 0.36, 0.55))
        rock = mix(rgb((0.20, 0.24, 0.30)), water_tone, depth) * (0.6 + 0.8 * c.fbm(14, 5, 0.7))[..., None]
        painting = mix(painting, rock, below(c, bed, 0.004))
        ink = Ink(c)
        for _ in range(34):
            x = c.half * np.sign(u := c.rng.uniform(-1, 1)) * abs(u) ** 0.6
            foot = bed[min(c.width - 1, max(0, int((x + c.half) * c.height)))] + 0.015 + c.rng.exponential(0.07)
            colour = mix(rgb(corals[c.rng.integers(5)]), water_tone, depth * 0.85)
            size = (0.03 + 0.07 * (1 - depth)) * c.rng.uniform(0.6, 1.2)
            if c.rng.random() < 0.5:
                for a in np.linspace(-0.9, 0.9, 9):
                    mid = (x + 0.5 * size * np.sin(a), foot - 0.6 * size * np.cos(a))
                    for b in (-0.25, 0.2):
                        tip = (x + size * np.sin(a + b), foot - size * np.cos(a + b) * 1.2)
                        ink.line([(x, foot), mid, tip], size * 0.10, colour * c.rng.uniform(0.8, 1.1))
            else:
                for _ in range(16):
                    dx, dy = c.rng.normal(0, 0.35 * size), -abs(c.rng.normal(0, 0.35 * size))
                    ink.disc(x + dx, foot + dy, size * 0.22, colour * (0.8 - 0.5 * dy / size))
        painting = over_soft(painting, ink, 0.001 + 0.005 * depth)
    for depth, count in ((0.6, 22), (0.1, 8)):
        ink = Ink(c)
        heading = c.rng.choice((-1, 1))
        school = (c.rng.choice((-1, 1)) * c.half * c.rng.uniform(0.5, 0.8), c.rng.uniform(0.12, 0.32))
        for i in range(count):
            x, y = school[0] + c.rng.normal(0, 0.2), school[1] + c.rng.normal(0, 0.09)
            r = (0.010 + 0.036 * (1 - depth)) * c.rng.uniform(0.8, 1.2)
            colour = mix(
                rgb(((1.0, 0.62, 0.12), (1.0, 0.85, 0.25), (0.35, 0.60, 0.98))[i % 3]),
                rgb((0.1, 0.5, 0.7)),
                depth,
            )
            tail = x - heading * 0.9 * r
            ink.polygon(
                [
                    (tail, y),
                    (tail - heading * 0.8 * r, y - 0.55 * r),
                    (tail - heading * 0.55 * r, y),
                    (tail - heading * 0.8 * r, y + 0.55 * r),
                ],
                colour * 0.9,
            )
            ink.polygon(
                [(x - 0.3 * r, y - 0.4 * r), (x + 0.2 * r, y - 0.85 * r), (x + 0.4 * r, y - 0.4 * r)],
                colour * 0.8,
            )
            ink.disc(x, y, r, colour, 0.55 * r)
            ink.disc(x + heading * 0.15 * r, y, 0.13 * r, colour * 0.3 + 0.7, 0.52 * r)
            ink.disc(x + heading * 0.62 * r, y - 0.12 * r, 0.11 * r, (0.05, 0.05, 0.1))
        painting = over_soft(painting, ink, 0.001 + 0.003 * depth)
    bubbles = spots(c, 70, (0.05, 0.95), (0.002, 0.012), ((0.75, 1.0, 1.0),))
    return bokeh(c, focus(c, painting, 0.002, 0.002, 0.7), bubbles, 0.35)
