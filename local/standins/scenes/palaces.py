"""Scenes with a Korean palace and with a castle."""

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
    haze,
    mix,
    over_soft,
    rgb,
    ridge,
    shafts,
    sky,
    smooth,
    spots,
    stars,
)
from local.standins.scenes.noise import blur
from local.standins.scenes.streets import CITY_LIGHTS
from local.standins.scenes.vegetation import flowers, foliage, grass, hills
from local.standins.scenes.waters import water

MAPLE = ((0.62, 0.16, 0.08), (0.82, 0.26, 0.10), (0.98, 0.52, 0.18), (0.34, 0.08, 0.05))
GINKGO = ((0.80, 0.56, 0.10), (0.93, 0.70, 0.16), (1.0, 0.86, 0.36), (0.50, 0.30, 0.06))


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


def tower(ink: Ink, x: float, foot: float, width: float, height: float, wall, roof, glow_colour, rng) -> None:
    """A round tower with a pointed roof, a lit side, windows and a flag's pole."""
    top = foot - height
    ink.polygon([(x - width / 2, foot), (x - width / 2, top), (x + width / 2, top), (x + width / 2, foot)], wall)
    ink.polygon(
        [(x + width * 0.12, foot), (x + width * 0.12, top), (x + width / 2, top), (x + width / 2, foot)],
        wall * 0.80,
    )
    ink.polygon(
        [
            (x - width * 0.62, top + 0.10 * width),
            (x - width * 0.62, top - 0.12 * width),
            (x + width * 0.62, top - 0.12 * width),
            (x + width * 0.62, top + 0.10 * width),
        ],
        wall * 1.06,
    )
    peak = top - width * rng.uniform(1.3, 2.0)
    ink.polygon([(x - width * 0.66, top - 0.12 * width), (x, peak), (x + width * 0.66, top - 0.12 * width)], roof)
    ink.polygon(
        [(x + width * 0.10, top - 0.12 * width), (x, peak), (x + width * 0.66, top - 0.12 * width)],
        roof * 0.74,
    )
    ink.line([(x, peak), (x, peak - 0.3 * width)], 0.0016, roof * 0.5)
    for y in np.arange(top + 0.35 * width, foot - 0.3 * width, 0.75 * width):
        at = x + rng.choice((-0.2, 0.05)) * width
        ink.disc(at, y, 0.075 * width, glow_colour, 0.15 * width)


def paint_castle(c: Canvas) -> np.ndarray:
    """Fairy-tale castle on a hill; fireworks at night."""
    horizon = 0.66
    painting = sky(c, horizon, disc=c.light.sun_height < 0.3)
    if c.light.dark:
        painting = stars(c, painting, horizon)
    painting = clouds(c, painting, horizon, 0.4, 2.2)
    painting = hills(c, painting, 0.60, (0.30, 0.45, 0.32), 2, 0.16)
    x0 = c.rng.choice((-1, 1)) * c.half * c.rng.uniform(0.30, 0.42)
    hill = 0.72 - 0.22 * np.exp(-(((c.x[0] - x0) / 0.30) ** 2)) + 0.02 * c.curve(6, 5)
    evening = c.light.dark or c.light.sun_height < 0.1
    wall = mix(c.lit((0.93, 0.88, 0.82)), rgb(c.light.horizon), 0.12) * (1.5 if c.light.dark else 1.0)
    roof = c.lit(((0.36, 0.42, 0.68), (0.72, 0.30, 0.28), (0.30, 0.52, 0.56))[c.rng.integers(3)]) * (
        1.4 if c.light.dark else 1.0
    )
    window = rgb((1.0, 0.80, 0.42)) if evening else wall * 0.42
    ink = Ink(c)
    for dx, width, height in (
        (-0.10, 0.036, 0.27),
        (0.09, 0.040, 0.24),
        (0.0, 0.062, 0.36),
        (-0.055, 0.034, 0.30),
        (0.05, 0.032, 0.33),
        (-0.17, 0.042, 0.17),
        (0.16, 0.042, 0.18),
    ):
        tower(
            ink,
            x0 + dx,
            0.545 + 0.35 * dx * dx / 0.1,
            width,
            height * c.rng.uniform(0.85, 1.1),
            wall * c.rng.uniform(0.92, 1.05),
            roof,
            window,
            c.rng,
        )
    for left, right, top in ((-0.19, 0.18, 0.47), (-0.12, 0.11, 0.43)):
        ink.polygon([(x0 + left, 0.62), (x0 + left, top), (x0 + right, top), (x0 + right, 0.62)], wall * 0.95)
        for x in np.arange(left, right, 0.022):
            ink.polygon(
                [(x0 + x, top), (x0 + x, top - 0.012), (x0 + x + 0.012, top - 0.012), (x0 + x + 0.012, top)],
                wall * 0.95,
            )
        for x in np.arange(left + 0.03, right - 0.02, 0.036):
            ink.disc(x0 + x, top + 0.028, 0.004, window, 0.009)
    ink.disc(x0, 0.53, 0.024, c.lit((0.25, 0.17, 0.12)), 0.05)
    painting = over_soft(painting, ink, 0.0015)
    wood = foliage(c, 11, ((0.16, 0.34, 0.10), (0.22, 0.40, 0.16), (0.38, 0.54, 0.24), (0.08, 0.20, 0.10)))
    painting = mix(
        painting,
        mix(wood, haze(c, (0.3, 0.4, 0.4), 0.8), 0.28),
        below(c, hill + 0.015 * c.curve(40, 3), 0.003),
    )
    painting = grass(c, painting, 0.78, (0.34, 0.52, 0.22), 400)
    painting = focus(c, painting, 0.003, 0.0022, 0.75)
    if not c.light.dark:
        return flowers(c, painting, 0.80, count=220)
    for _ in range(5):
        x, y = c.rng.uniform(-c.half, c.half), c.rng.uniform(0.06, 0.30)
        colour = CITY_LIGHTS[c.rng.integers(len(CITY_LIGHTS))]
        rays = [(a, r) for a in np.linspace(0, 6.28, 30) for r in np.linspace(0.03, 0.14, 11)]
        sparks = [
            (
                x + r * np.cos(a),
                y + r * np.sin(a) + 1.5 * r * r,
                0.0022 + 0.022 * r,
                rgb(colour) * (0.35 + 5 * r),
            )
            for a, r in rays
        ]
        painting = bokeh(c, painting, [*sparks, (x, y, 0.05, rgb(colour) * 0.25)], 1.0)
        painting = painting + (0.35 * glow(c, x, y, 0.10))[..., None] * rgb(colour)
    return painting
