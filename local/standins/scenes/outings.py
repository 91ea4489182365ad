"""Scenes of trips and nights out: balloons, cherry blossoms, a palace, a library, a neon street.

Each `paint_` function paints one on a Canvas and gives float32 HxWx3.
"""

import itertools

import numpy as np

from local.standins.scenes.layers import (
    Canvas,
    Ink,
    below,
    bokeh,
    clouds,
    focus,
    glow,
    gradient,
    haze,
    mix,
    over,
    rgb,
    ridge,
    shafts,
    sky,
    smooth,
    spots,
    stars,
)
from local.standins.scenes.nature import foliage, grass, over_soft, water
from local.standins.scenes.noise import blur, warp

BALLOONS = (
    ((0.86, 0.20, 0.22), (0.98, 0.80, 0.28)),
    ((0.16, 0.44, 0.78), (0.96, 0.96, 0.94)),
    ((0.93, 0.46, 0.16), (0.52, 0.20, 0.52)),
    ((0.14, 0.58, 0.50), (0.98, 0.86, 0.42)),
    ((0.80, 0.24, 0.52), (0.98, 0.74, 0.72)),
)
PETALS = ((0.92, 0.62, 0.72), (0.98, 0.74, 0.82), (1.0, 0.88, 0.92), (0.84, 0.50, 0.62))
MAPLE = ((0.62, 0.16, 0.08), (0.82, 0.26, 0.10), (0.98, 0.52, 0.18), (0.34, 0.08, 0.05))
GINKGO = ((0.80, 0.56, 0.10), (0.93, 0.70, 0.16), (1.0, 0.86, 0.36), (0.50, 0.30, 0.06))
NEON = ((1.0, 0.16, 0.56), (0.12, 0.86, 1.0), (0.62, 0.30, 1.0), (1.0, 0.56, 0.14), (0.30, 1.0, 0.62))
LEATHER = (
    (0.42, 0.14, 0.10),
    (0.20, 0.24, 0.16),
    (0.16, 0.18, 0.28),
    (0.52, 0.32, 0.14),
    (0.30, 0.16, 0.10),
    (0.60, 0.46, 0.28),
)


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
    fog = smooth(0.25, 0.8, c.folds(2.2, 5, 0.06, 4)) * np.exp(-(((c.y - 0.80) / 0.06) ** 2))
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


def paint_blossom(c: Canvas) -> np.ndarray:
    """A path through a tunnel of blooming cherry trees, petals in the air."""
    far, ground = c.rng.uniform(-0.10, 0.10), 0.62
    air = c.lit((1.0, 0.95, 0.95))
    painting = np.broadcast_to(
        gradient(c.y, (0, c.lit((0.78, 0.88, 0.98))), (ground, air), (1, air)), (c.height, c.width, 3)
    )
    painting = mix(painting, blur(foliage(c, 7, PETALS, 0.8), 0.008 * c.height) * 0.45 + 0.55 * air, 0.75)
    painting = painting + (0.25 * glow(c, far, 0.48, 0.16))[..., None] * air
    painting = grass(c, painting, ground, (0.52, 0.62, 0.36), 500)
    spread = 0.035 + 0.55 * np.clip(c.y - ground, 0, 1)
    edge = np.abs(c.x - far * (1.3 - c.y)) - spread + 0.02 * (c.fbm(12, 3) - 0.5)
    path = smooth(0.012, -0.012, edge) * smooth(ground, ground + 0.02, c.y)
    stone = c.lit((0.80, 0.75, 0.74)) * (0.74 + 0.5 * c.fbm(40, 3, stretch=2))[..., None]
    painting = mix(painting, stone, 0.9 * path)
    strewn = smooth(0.48, 0.68, c.fbm(60, 3, 0.8, stretch=2.5) + 0.3 * (c.fbm(3, 4) - 0.5)) * smooth(
        ground, ground + 0.1, c.y
    )
    painting = mix(painting, c.lit((1.0, 0.80, 0.87)), 0.75 * strewn)
    for depth in (0.85, 0.6, 0.32, 0.0):
        near = 1 - depth
        ink = Ink(c)
        bark = mix(c.lit((0.20, 0.13, 0.12)), air, 0.65 * depth)
        for side in (-1, 1):
            foot = ground + 0.03 + 0.36 * near**1.4
            x = far * depth + side * (0.07 + (c.half - 0.04) * near**1.25 * c.rng.uniform(0.85, 1.0))
            thick, tall = 0.012 + 0.06 * near**1.4, 0.22 + 0.62 * near
            t = np.linspace(0, 1, 12)
            bend = side * (0.02 * np.sin(5 * t + c.rng.uniform(0, 6)) - 0.16 * t**2) * (0.3 + near)
            width = thick * (1.25 - 0.65 * t) * np.where(t < 0.1, 1.3, 1)
            outline = [*zip(x + bend - width / 2, foot - tall * t, strict=True)]
            ink.polygon([*outline, *zip((x + bend + width / 2)[::-1], foot - tall * t[::-1], strict=True)], bark)
            for start in (0.45, 0.58, 0.70, 0.82, 0.93):
                i = int(start * 11)
                turn, reach = c.rng.choice((-1, 1)), (0.08 + 0.26 * near) * c.rng.uniform(0.7, 1.2)
                k = np.linspace(0, 1, 8)
                bx = x + bend[i] + turn * reach * k + 0.01 * near * np.sin(9 * k + i)
                by = foot - tall * t[i] - reach * (0.75 * k - 0.35 * k**2) + 0.008 * near * np.cos(8 * k + i)
                w = 0.26 * thick * (1.1 - 0.95 * k)
                ink.polygon([*zip(bx, by - w, strict=True), *zip(bx[::-1], (by + w)[::-1], strict=True)], bark)
        painting = over_soft(painting, ink, 0.001 + 0.004 * depth)
        # The crowns: an arch over the path that opens wider the nearer it is.
        opening = np.hypot((c.x - far * depth) / (0.16 + 0.95 * c.half * near), (c.y - 0.66) / (0.22 + 0.46 * near))
        clumps = c.fbm(3.2 + 3 * depth, 6, 0.62)
        crown = smooth(0.0, 0.10, opening - 1.02 + 0.9 * (clumps - 0.5)) * smooth(0.64 + 0.14 * near, 0.40, c.y)
        flowers = mix(foliage(c, 7 - 2.5 * near, PETALS, 1.25) * 1.06, air, 0.55 * depth)
        painting = mix(painting, flowers, crown * 0.96)
    painting = focus(c, painting, 0.003, 0.0022, 0.7)
    for softness, count, size in ((0.0008, 110, 0.0045), (0.004, 34, 0.011)):
        ink = Ink(c)
        for x, y, r, turn in zip(
            c.rng.uniform(-c.half, c.half, count),
            c.rng.uniform(0.05, 1, count),
            size * c.rng.uniform(0.6, 1.3, count),
            c.rng.uniform(0, 3.14, count),
            strict=True,
        ):
            a = np.linspace(0, 6.28, 10)
            u, v = r * np.cos(a), 0.5 * r * np.sin(a)
            petal = zip(x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn), strict=True)
            ink.polygon([*petal], c.lit((1.0, 0.82, 0.88)) * c.rng.uniform(0.9, 1.05))
        painting = over_soft(painting, ink, softness)
    return bokeh(c, painting, spots(c, 30, (0.05, 0.55), (0.006, 0.022), ((1.0, 0.93, 0.92),)), 0.22)


def hanok(ink: Ink, c: Canvas, x: float, eaves: float, foot: float, half: float, lit: bool) -> None:
    """A Korean pavilion: a heavy tiled roof that swings up at its ends, painted eaves, red pillars, a stone base."""
    rise = 0.52 * half

    def line(level: float, reach: float, swing: float) -> list[tuple[float, float]]:
        t = np.linspace(-1, 1, 33)
        return [(x + reach * u, eaves - level - swing * (np.abs(u) ** 2.6) * half) for u in t]

    stone, tile = c.lit((0.74, 0.70, 0.64)), c.lit((0.25, 0.27, 0.32))
    ink.polygon(
        [
            (x - 0.98 * half, foot + 0.05 * half),
            (x - 0.94 * half, foot),
            (x + 0.94 * half, foot),
            (x + 0.98 * half, foot + 0.05 * half),
        ],
        stone,
    )
    ink.polygon(
        [
            (x - 1.04 * half, foot + 0.13 * half),
            (x - 1.04 * half, foot + 0.05 * half),
            (x + 1.04 * half, foot + 0.05 * half),
            (x + 1.04 * half, foot + 0.13 * half),
        ],
        stone * 0.82,
    )
    wall = rgb((1.0, 0.86, 0.56)) if lit else c.lit((0.93, 0.86, 0.70))
    ink.polygon(
        [(x - 0.82 * half, foot), (x - 0.82 * half, eaves), (x + 0.82 * half, eaves), (x + 0.82 * half, foot)], wall
    )
    red, green = c.lit((0.62, 0.16, 0.12)), c.lit((0.16, 0.46, 0.38))
    pillars = np.linspace(-0.82, 0.82, 6)
    top = eaves + 0.16 * half
    for a, b in itertools.pairwise(pillars):
        left, right = x + (a + 0.04) * half, x + (b - 0.04) * half
        for k in np.linspace(0, 1, 8):
            ink.line(
                [(left + (right - left) * k, top), (left + (right - left) * k, foot)],
                0.007 * half,
                c.lit((0.42, 0.26, 0.14)),
            )
        for k in (0.1, 0.35, 0.6, 0.68):
            level = top + (foot - top) * k
            ink.line([(left, level), (right, level)], 0.009 * half, c.lit((0.42, 0.26, 0.14)))
        ink.polygon(
            [(left, foot), (left, top + 0.72 * (foot - top)), (right, top + 0.72 * (foot - top)), (right, foot)],
            c.lit((0.46, 0.24, 0.14)),
        )
    for u in pillars:
        ink.polygon(
            [
                (x + (u - 0.035) * half, foot),
                (x + (u - 0.035) * half, eaves),
                (x + (u + 0.035) * half, eaves),
                (x + (u + 0.035) * half, foot),
            ],
            red,
        )
        ink.polygon(
            [
                (x + (u + 0.010) * half, foot),
                (x + (u + 0.010) * half, eaves),
                (x + (u + 0.035) * half, eaves),
                (x + (u + 0.035) * half, foot),
            ],
            red * 0.7,
        )
    # Painted beams and brackets (dancheong) under the eaves.
    ink.polygon(
        [
            (x - 0.88 * half, eaves + 0.13 * half),
            (x - 0.92 * half, eaves - 0.04 * half),
            (x + 0.92 * half, eaves - 0.04 * half),
            (x + 0.88 * half, eaves + 0.13 * half),
        ],
        green,
    )
    for k, u in enumerate(np.linspace(-0.86, 0.86, 29)):
        ink.disc(
            x + u * half,
            eaves + 0.085 * half,
            0.017 * half,
            c.lit(((0.86, 0.30, 0.20), (0.94, 0.78, 0.30), (0.28, 0.44, 0.78))[k % 3]),
            0.026 * half,
        )
    for u in np.linspace(-1.08, 1.08, 41):
        ink.line(
            [
                (x + 0.9 * u * half, eaves + 0.02 * half),
                (x + u * half, eaves - 0.02 * half - 0.10 * abs(u) ** 2.6 * half),
            ],
            0.022 * half,
            c.lit((0.30, 0.52, 0.42)) * (0.75 + 0.25 * np.cos(60 * u)),
        )
    # The roof: its hem, its slopes in rows of tiles, the ridge with its ends.
    hem, crest = line(0.0, 1.16 * half, 0.15), line(rise, 0.74 * half, 0.06)
    ink.polygon([*hem, *crest[::-1]], tile)
    for k in range(33):
        (hx, hy), (cx, cy) = hem[k], crest[k]
        middle = ((hx + cx) / 2 - 0.05 * (hx - x), (hy + cy) / 2 + 0.09 * half)
        shade = 1.35 if (k % 2) else 0.72
        shade *= 1.08 - 0.22 * np.sign(c.light.sun_x) * (x - hx) / half * 0.5
        ink.line([(hx, hy), middle, (cx, cy)], 0.022 * half, tile * shade)
    ink.line([(px, py + 0.012 * half) for px, py in hem], 0.030 * half, c.lit((0.44, 0.45, 0.48)))
    ink.line([(px, py - 0.02 * half) for px, py in crest], 0.075 * half, c.lit((0.88, 0.86, 0.82)))
    ink.line([(px, py - 0.055 * half) for px, py in crest], 0.028 * half, tile * 0.8)
    for side in (-1, 1):
        gable = [
            crest[-1 if side > 0 else 0],
            (x + side * 0.86 * half, eaves - 0.32 * half),
            (x + side * 1.16 * half, hem[0][1]),
        ]
        ink.line(gable, 0.040 * half, c.lit((0.80, 0.78, 0.75)))


def paint_palace(c: Canvas) -> np.ndarray:
    """An autumn palace garden: a hanok pavilion behind a pond, maples and ginkgos."""
    horizon, shore = 0.60, 0.70
    painting = clouds(c, sky(c, horizon), horizon, 0.35, 2.2)
    lamps = bool(c.light.dark) or c.light.sun_height < 0.1
    painting = mix(
        painting,
        haze(c, c.lit((0.34, 0.40, 0.42)), 0.6) * (0.5 if c.light.dark else 1),
        below(c, ridge(c, 0.50, 0.26, 1.0, 7)),
    )
    for depth, top, leaves in ((0.45, 0.50, MAPLE), (0.25, 0.55, GINKGO)):
        line = ridge(c, top, 0.16, 2.6, 6, 0.62)
        wood = mix(foliage(c, 9, leaves, 1.1), haze(c, (0.7, 0.5, 0.4), 1.0), depth)
        painting = mix(painting, wood, below(c, line, 0.006))
    painting = blur(painting, 0.003 * c.height)
    side = int(c.rng.choice((-1, 1)))
    ink = Ink(c)
    half = min(0.47, 0.72 * c.half)
    hanok(ink, c, side * min(0.16, 0.3 * c.half), 0.37, 0.665, half, lamps)
    painting = over_soft(painting, ink, 0.0012)
    court = c.lit((0.84, 0.76, 0.62)) * (0.8 + 0.35 * c.fbm(14, 5, 0.6, stretch=4))[..., None]
    painting = mix(painting, court, smooth(0.685, 0.690, c.y) * np.ones_like(c.x))
    bed = mix(foliage(c, 14, (*GINKGO[:2], (0.45, 0.52, 0.20), (0.20, 0.26, 0.08))), court, 0.2)
    painting = mix(painting, bed, below(c, ridge(c, shore, 0.03, 5, 5), 0.004))
    painting = water(c, painting, shore + 0.02, (0.18, 0.30, 0.30))
    leaf = spots(c, 150, (shore + 0.03, 1.0), (0.0015, 0.006), (MAPLE[1], MAPLE[2], GINKGO[2]))
    ink = Ink(c)
    for x, y, r, colour in leaf:
        ink.disc(x, y, 1.7 * r, c.lit(colour) * 1.5, 0.6 * r)
    painting = over_soft(painting, ink, 0.0008)
    painting = focus(c, painting, 0.004, 0.0010, 0.75)
    for where, leaves, cells in ((-side, MAPLE, 5.0), (side, GINKGO, 6.0)):
        ink = Ink(c)
        x = where * (c.half - 0.02)
        bark = c.lit((0.20, 0.13, 0.10))
        ink.line([(x, 1.0), (x - 0.02 * where, 0.6), (x - 0.05 * where, 0.1)], 0.055, bark)
        for y, reach in ((0.46, 0.20), (0.32, 0.32), (0.18, 0.36)):
            ink.line([(x, y + 0.06), (x - 0.5 * where * reach, y), (x - where * reach, y - 0.02)], 0.014, bark)
        painting = over_soft(painting, ink, 0.003)
        from_corner = np.hypot((c.x - where * c.half) / (0.62 * min(1.0, c.half / 0.6)), (c.y - 0.06) / 0.42)
        crown = smooth(0.02, 0.12, 0.86 - from_corner + 0.95 * (c.fbm(cells, 6, 0.68) - 0.5))
        painting = mix(painting, foliage(c, 7, leaves, 1.5) * 1.1, crown)
    falling = spots(c, 60, (0.05, 0.95), (0.002, 0.006), (MAPLE[2], GINKGO[2], MAPLE[1]))
    ink = Ink(c)
    for x, y, r, colour in falling:
        ink.disc(x, y, 1.3 * r, c.lit(colour) * 1.4, 0.8 * r)
    painting = over_soft(painting, ink, 0.0015)
    light = 0.22 * shafts(c, c.light.sun_x, -0.2, 18, 1.3) * (0.2 if c.light.dark else 1)
    return painting + light[..., None] * rgb((1.0, 0.82, 0.52))


def paint_library(c: Canvas) -> np.ndarray:
    """A tall old library: shelves to both sides, a bright arched window at the end, lamps, dust in the light."""
    floor, vanish = 0.62, c.rng.uniform(-0.08, 0.08)
    night = 0.30 if c.light.dark else 1.0
    wood = rgb((0.34, 0.19, 0.10))
    painting = np.broadcast_to(
        gradient(c.y, (0, wood * 0.35), (0.5, wood * 0.7), (1, wood * 0.5)), (c.height, c.width, 3)
    ).copy()
    # The far wall and its window.
    u, v = (c.x - vanish) / 0.23, (c.y - 0.30) / 0.26
    painting = mix(
        painting, wood * 0.9 * (0.8 + 0.4 * c.fbm(8, 4))[..., None], np.clip(0.9 - 0.4 * np.hypot(u, v), 0, 1)
    )
    arch = smooth(
        0.02, -0.02, np.where(c.y < 0.26, np.hypot(c.x - vanish, c.y - 0.26) - 0.13, np.abs(c.x - vanish) - 0.13)
    ) * smooth(0.50, 0.49, c.y)
    outside = gradient(c.y, (0.1, (1.0, 0.95, 0.80)), (0.5, (1.0, 0.80, 0.52))) * (0.75 + 0.35 * c.fbm(7, 4))[..., None]
    if c.light.dark:
        outside = outside * rgb((0.25, 0.34, 0.62))
    bars = np.maximum(
        smooth(0.0035, 0.0015, np.abs((c.x - vanish + 0.0325) % 0.065 - 0.0325)),
        smooth(0.0035, 0.0015, np.abs(c.y % 0.08 - 0.04)),
    )
    painting = mix(painting, mix(outside * 1.08, wood * 0.5, 0.85 * bars), arch)
    # The shelves, in one-point perspective as far as the far wall.
    for side in (-1, 1):
        wall = 0.58
        across = np.maximum(side * (c.x - vanish), 1e-4)
        z = wall / across
        height = -(c.y - 0.50) * z
        along = (z + c.rng.uniform(0, 1)) * 1.6
        bay = along % 1
        post = smooth(0.07, 0.05, np.minimum(bay, 1 - bay))
        level = height * 3.4 + 40
        shelf = level % 1
        board = smooth(0.10, 0.06, np.minimum(shelf, 1 - shelf))
        row, slot = np.floor(level).astype(int), np.floor(along * 15).astype(int)
        key = (row * 7919 + slot * 104729 + 31 * side) % 997
        spine = (along * 15) % 1
        tall = 0.72 + 0.20 * ((key * 13) % 29) / 29
        book = (shelf < tall) * (key % 23 > 1)
        leather = rgb(LEATHER)[key % len(LEATHER)] * (0.75 + 0.6 * ((key * 7) % 31) / 31)[..., None]
        leather = leather * (0.55 + 0.65 * np.sin(np.pi * spine))[..., None]
        gilt = book * ((np.abs(shelf - 0.20) < 0.025) | (np.abs(shelf - 0.56) < 0.02)) * (key % 3 == 0)
        face = mix(np.broadcast_to(wood * 0.22, leather.shape), leather, book.astype(np.float32))
        face = mix(face, rgb((0.86, 0.66, 0.30)), 0.7 * gilt)
        face = mix(
            face,
            wood * 1.25 * (0.8 + 0.3 * c.fbm(20, 3, stretch=0.4))[..., None],
            np.maximum(board, post * np.ones_like(board)),
        )
        near_lamp = 0.55 + 0.6 * np.exp(-(((bay - 0.5) / 0.35) ** 2)) * np.ones_like(height)
        light = (0.42 + 0.95 * np.exp(-np.abs(z - 3.2) / 2.2)) * near_lamp * (0.55 + 0.45 * night)
        face = face * light[..., None] * rgb((1.25, 1.05, 0.82))
        seen = (side * (c.x - vanish) > 0.150) * (height > -0.62) * (height < 1.6)
        painting = mix(painting, face, blur(seen.astype(np.float32), 0.7))
    # A gallery's rail along both walls, and the polished floor.
    depth = np.clip((c.y - floor) / (1 - floor), 0, 1)
    ground = (c.y - 0.50) > 0.62 / 0.58 * np.abs(c.x - vanish)
    ground = smooth(0.4, 0.6, blur((ground & (c.y > 0.655)).astype(np.float32), 0.8))
    z = 0.62 / np.maximum(c.y - 0.50, 1e-3)
    planks = np.abs(((c.x - vanish) * z * 7) % 1 - 0.5)
    parquet = (
        rgb((0.44, 0.25, 0.13)) * (0.75 + 0.4 * c.fbm(16, 4, stretch=0.5) - 0.25 * smooth(0.46, 0.5, planks))[..., None]
    )
    mirror = blur(painting[np.clip((2 * 0.655 - c.y[:, 0]) * c.height, 0, c.height - 1).astype(int)], 0.012 * c.height)
    painting = mix(painting, mix(parquet, mirror, np.broadcast_to(0.5 - 0.25 * depth, planks.shape)), ground)
    carpet = smooth(0.30, 0.28, np.abs((c.x - vanish) * z)) * ground
    weave = rgb((0.50, 0.09, 0.10)) * (0.7 + 0.5 * c.fbm(30, 3))[..., None]
    weave = mix(
        weave,
        rgb((0.82, 0.62, 0.30)),
        smooth(0.24, 0.25, np.abs((c.x - vanish) * z)) * smooth(0.275, 0.265, np.abs((c.x - vanish) * z)),
    )
    painting = mix(painting, weave, 0.85 * carpet)
    # A rolling ladder against one wall.
    side, ink = int(c.rng.choice((-1, 1))), Ink(c)
    x = vanish + side * 0.43 * min(1.0, c.half / 0.55)
    for dx in (0.0, 0.075):
        ink.line([(x - side * (0.10 + dx), 0.93), (x + side * (0.03 - dx), 0.06)], 0.012, wood * 1.5)
    for t in np.linspace(0.06, 0.96, 13):
        at, y = x - side * (0.10 - 0.13 * t), 0.93 - 0.87 * t
        ink.line([(at, y), (at - side * 0.075, y)], 0.008, wood * 1.8)
    painting = over_soft(painting, ink, 0.002)
    painting = painting + (0.55 * night * glow(c, vanish, 0.30, 0.24))[..., None] * rgb((1.0, 0.78, 0.46))
    rays = shafts(c, vanish + 0.05, 0.05, 16, 1.1) * smooth(0.15, 0.4, c.y)
    painting = painting + (0.30 * night * rays)[..., None] * rgb((1.0, 0.84, 0.56))
    painting = focus(c, painting, 0.003, 0.0016, 0.8)
    lamps = []
    for z_ in (1.25, 1.9, 2.9, 4.2):
        for side in (-1, 1):
            x, y = vanish + side * 0.52 / z_, 0.50 - 0.30 / z_
            painting = painting + (0.45 * glow(c, x, y, 0.09 / z_ + 0.02))[..., None] * rgb((1.0, 0.66, 0.28))
            lamps += [(x, y, 0.036 / z_, rgb((1.0, 0.80, 0.45))), (x, y, 0.018 / z_, rgb((1.0, 0.95, 0.8)))]
    dust = spots(c, 90, (0.08, 0.85), (0.001, 0.005), ((1.0, 0.86, 0.58),))
    return bokeh(c, bokeh(c, painting, lamps, 0.9), dust, 0.45)


def sign(ink: Ink, c: Canvas, x: float, y: float, width: float, height: float, colour) -> None:
    """A neon sign: a frame with strokes in it that look like writing and say nothing."""
    ink.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], rgb(colour) * 0.12)
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    thin = max(0.0025, 0.05 * min(width, height))
    ink.line(corners, thin, colour)
    cell = min(width, height)
    columns, rows = max(1, round(width / cell)), max(1, round(height / cell))
    bright = rgb(colour) * 0.35 + 0.65
    for i in range(columns):
        for j in range(rows):
            left, top = x + (i + 0.22) * width / columns, y + (j + 0.22) * height / rows
            w, h = 0.56 * width / columns, 0.56 * height / rows
            kind = int(c.rng.integers(4))
            if kind == 0:
                ink.disc(left + w / 2, top + h / 2, 0.40 * w, bright, 0.40 * h)
                ink.disc(left + w / 2, top + h / 2, 0.22 * w, rgb(colour) * 0.12, 0.22 * h)
            strokes = (
                [],
                [(0, 0, 1, 0), (1, 0, 1, 1)],
                [(0, 0, 0, 1), (0, 1, 1, 1), (0.5, 0.4, 1, 0.4)],
                [(0.5, 0, 0, 1), (0.5, 0, 1, 1)],
            )
            for x0, y0, x1, y1 in strokes[kind]:
                ink.line([(left + x0 * w, top + y0 * h), (left + x1 * w, top + y1 * h)], 1.6 * thin, bright)


def paint_neon(c: Canvas) -> np.ndarray:
    """A narrow street at night: neon signs on both sides, lanterns across, all of it again in the wet pavement."""
    horizon, vanish = 0.60, c.rng.uniform(-0.10, 0.10)
    painting = np.broadcast_to(
        gradient(c.y, (0, (0.03, 0.03, 0.10)), (0.45, (0.20, 0.08, 0.30)), (0.62, (0.62, 0.22, 0.52))),
        (c.height, c.width, 3),
    ).copy()
    painting = painting + (0.5 * glow(c, vanish, horizon - 0.04, 0.14))[..., None] * rgb((1.0, 0.45, 0.70))
    for side in (-1, 1):
        across = np.maximum(side * (c.x - vanish), 1e-4)
        z = 0.50 / across
        height = -(c.y - horizon) * z
        lots = np.cumsum(c.rng.uniform(0.7, 1.3, 40))
        lot = np.minimum(np.searchsorted(lots, z[0]), 39)
        roof = c.rng.uniform(1.2, 2.6, 40)[lot]
        row, column = height / 0.30, z * 5.0
        u, v = column % 1, row % 1
        window = (
            (smooth(0.2, 0.26, u) * smooth(0.8, 0.74, u))
            * smooth(0.22, 0.3, v)
            * smooth(0.82, 0.74, v)
            * (height > 0.30)
        )
        key = (np.floor(row).astype(int) * 73 + np.floor(column).astype(int) * 151 + 7 * side) % 97
        lit = (
            rgb(((1.0, 0.72, 0.36), (0.45, 0.70, 1.0), (1.0, 0.48, 0.75)))[key % 3]
            * (0.25 + 0.6 * (key % 7) / 7)[..., None]
        )
        front = (
            np.broadcast_to(rgb((0.085, 0.065, 0.125)), (c.height, c.width, 3)) * (0.7 + 0.7 * c.fbm(12, 4))[..., None]
        )
        front = mix(front, lit, window * (key % 5 < 3))
        shop = rgb(((1.0, 0.56, 0.24), (1.0, 0.30, 0.52), (0.34, 0.50, 1.0)))[np.floor(column / 3).astype(int) % 3]
        board, door = np.floor(height * 7), column / 3 % 1
        goods = smooth(0.40, 0.60, (height * 7) % 1) * smooth(0.3, 0.5, (column * 4 + 0.5 * board) % 1)
        warmth = ((0.10 + 0.80 * smooth(-0.62, 0.10, height) ** 1.6) * (1 - 0.35 * goods))[..., None]
        inside = smooth(-0.60, -0.56, height) * smooth(0.10, 0.06, height)
        inside = inside * smooth(0.06, 0.10, np.minimum(door, 1 - door))
        front = mix(front, shop * warmth, inside)
        front = mix(front, rgb((0.60, 0.24, 0.52)), np.broadcast_to(0.75 * (1 - np.exp(-z / 9)), height.shape))
        seen = (across > 0.002) * (height < roof[None, :]) * (height > -0.62)
        painting = mix(painting, front, blur(seen.astype(np.float32), 0.7))
    lights = np.zeros_like(painting)
    for z in (7.0, 5.0, 3.7, 2.8, 2.1, 1.6, 1.2, 0.92, 0.72, 0.58):
        ink = Ink(c)
        for side in (-1, 1):
            colour = NEON[c.rng.integers(len(NEON))]
            if c.rng.random() < 0.6:
                width, height = 0.17 / z, c.rng.uniform(0.5, 0.8) / z
            else:
                width, height = 0.34 / z, 0.17 / z
            x = vanish + side * 0.50 / z - (width if side > 0 else 0)
            sign(ink, c, x, horizon - c.rng.uniform(0.62, 1.05) / z, width, height, colour)
        layer = ink.layer(0.0006 + 0.002 / z**2)
        painting = over(painting, layer)
        lights += np.clip(layer[..., :3] - 0.13 * layer[..., 3:], 0, 1)
    ink, bulbs = Ink(c), []
    for z in (3.4, 2.2, 1.5):
        t = np.linspace(-1, 1, 25)
        y = horizon - (0.98 - 0.20 * (1 - t**2)) / z
        x = vanish + 0.5 / z * t
        ink.line([*zip(x, y, strict=True)], 0.002, (0.04, 0.03, 0.06))
        for k in range(2, 24, 4):
            ink.disc(x[k], y[k] + 0.05 / z, 0.036 / z, (1.0, 0.42, 0.20), 0.045 / z)
            ink.disc(x[k], y[k] + 0.05 / z, 0.018 / z, (1.0, 0.78, 0.45), 0.036 / z)
            bulbs.append((x[k], y[k] + 0.05 / z, 0.10 / z))
    layer = ink.layer(0.0012)
    painting = over(painting, layer)
    lights += np.clip(layer[..., :3] - 0.1 * layer[..., 3:], 0, 1)
    painting = painting + 1.5 * blur(lights, 0.012 * c.height) + 2.2 * blur(lights, 0.06 * c.height)
    ground = smooth(-0.008, 0.008, (c.y - horizon) - 0.62 / 0.50 * np.abs(c.x - vanish)) * (c.y > horizon)
    flip = np.clip((2 * horizon - c.y[:, 0]) * c.height, 0, c.height - 1).astype(int)
    mirror = painting[flip]
    sway = ((c.fbm(40, 3, stretch=6) - 0.5) * 0.05 * c.height * np.clip((c.y - horizon) * 3, 0, 1)).astype(int)
    mirror = np.dstack([warp(mirror[..., i], sway, 0) for i in range(3)])
    streaks = mirror.copy()
    for shift in (1, 2, 3, 4):
        streaks += np.roll(mirror, -int(shift * 0.02 * c.height), 0)
    streaks /= 5
    puddles = 0.40 + 0.5 * smooth(0.40, 0.62, c.fbm(7, 5, 0.6, stretch=3))
    asphalt = rgb((0.055, 0.05, 0.085)) * (0.6 + 0.8 * c.fbm(50, 3, 0.7, stretch=2))[..., None]
    painting = mix(painting, asphalt + streaks * puddles[..., None], ground)
    steam = smooth(0.45, 0.9, c.folds(2.0, 6, 0.10)) * np.exp(-(((c.y - 0.58) / 0.14) ** 2))
    painting = painting + (0.30 * steam)[..., None] * rgb((0.85, 0.45, 0.80))
    painting = focus(c, painting, 0.004, 0.0014, 0.85)
    return bokeh(c, painting, spots(c, 36, (0.40, 0.72), (0.006, 0.026), NEON), 0.32)
