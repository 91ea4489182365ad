"""Imagined scenes: a floating city, a unicorn."""

import numpy as np

from local.standins.scenes.layers import (
    Canvas,
    Ink,
    bokeh,
    clouds,
    curved,
    focus,
    gradient,
    haze,
    mix,
    over,
    over_soft,
    rgb,
    shafts,
    sky,
    smooth,
    spots,
)
from local.standins.scenes.noise import blur
from local.standins.scenes.palaces import tower
from local.standins.scenes.skies import cloud_sea
from local.standins.scenes.vegetation import flowers, grass, hills

UNICORN = {
    "far": (
        ((76, 60), (79, 73), (74, 84), (75, 97), (70, 97), (69, 84), (72, 74), (68, 62)),
        ((46, 58), (37, 62), (31, 68), (33, 80), (29, 83), (24, 70), (31, 59), (41, 53)),
    ),
    "tail": ((84, 43), (92, 44), (98, 54), (96, 68), (99, 80), (91, 87), (92, 75), (88, 64), (88, 54)),
    "body": (
        (12, 30),
        (13, 26),
        (18, 20),
        (23, 15.5),
        (26, 13),
        (26.5, 7),
        (30, 13),
        (37, 20),
        (43, 29),
        (48, 37),
        (55, 41),
        (64, 42),
        (73, 40),
        (81, 41),
        (86, 46),
        (87, 54),
        (85, 62),
        (86, 69),
        (89, 76),
        (86, 86),
        (87, 93),
        (88, 97),
        (82.5, 97),
        (82.5, 88),
        (83, 79),
        (79, 71),
        (75, 63),
        (66, 61),
        (57, 63),
        (51, 62),
        (50, 73),
        (48.5, 84),
        (50, 97),
        (44.5, 97),
        (44.5, 85),
        (44, 74),
        (42, 63),
        (38, 55),
        (36, 47),
        (33, 39),
        (29, 32),
        (24, 31),
        (18, 33.5),
        (14, 33),
    ),
    "mane": (
        (24, 13),
        (29, 9),
        (35, 14),
        (43, 22),
        (50, 32),
        (54, 44),
        (49, 50),
        (47, 42),
        (44, 46),
        (42, 36),
        (38, 38),
        (37, 29),
        (32, 29),
        (31, 21),
        (27, 20),
    ),
    "forelock": ((24, 12), (28, 12), (25, 20), (21, 25), (20, 20)),
}
RAINBOW = (
    (1.0, 0.36, 0.42),
    (1.0, 0.66, 0.34),
    (1.0, 0.92, 0.44),
    (0.48, 0.88, 0.54),
    (0.42, 0.70, 1.0),
    (0.70, 0.50, 0.95),
)


def paint_floating_city(c: Canvas) -> np.ndarray:
    """Islands in the air with towers and waterfalls over a sea of clouds."""
    horizon = 0.82
    painting = clouds(c, sky(c, horizon, disc=True), horizon, 0.55, 1.8)
    painting = mix(
        painting,
        rgb(c.light.sun),
        (0.35 * shafts(c, c.light.sun_x, horizon - c.light.sun_height, 22, 1.1)) * (1 - 0.7 * c.light.dark),
    )
    islands = [
        (c.rng.uniform(-0.9, 0.9) * c.half, c.rng.uniform(0.14, 0.42), c.rng.uniform(0.04, 0.07), 0.72)
        for _ in range(5)
    ]
    side = c.rng.choice((-1, 1))
    islands += [(-side * c.half * 0.62, 0.50, 0.15, 0.35), (side * c.half * 0.60, 0.40, 0.24, 0.06)]
    reliefs = [c.fbm(cells, 5, 0.65, stretch=0.45) for cells in (22, 11)]
    mist = 0.6 + 0.5 * c.fbm(30, 3, stretch=0.12)
    for x0, y0, size, depth in islands:

        def tint(colour, depth=depth):
            return haze(c, c.lit(colour) * (1 + 0.4 * rgb(c.light.sun)), depth)

        t = np.linspace(-1, 1, 40)
        bottom = y0 + size * (0.95 * (1 - np.abs(t) ** 1.5) * (1 + 0.45 * c.rng.random(40) * (np.abs(t) < 0.85)))
        rock = Ink(c)
        outline = [
            *zip(x0 + size * t, bottom, strict=True),
            *zip(x0 + size * t[::-1], y0 - 0.05 * size * (1 - t**2), strict=True),
        ]
        rock.polygon(outline, (1, 1, 1))
        mask = rock.layer(0.001)[..., 3]
        relief = reliefs[0 if depth > 0.6 else 1]
        stone = mix(
            tint((0.26, 0.20, 0.20)),
            tint((0.72, 0.56, 0.46)),
            np.clip(
                0.5
                + 2.2 * (relief - 0.5)
                - 0.9 * (c.y - y0 - 0.3 * size) / size
                + 0.5 * np.sign(c.light.sun_x) * (c.x - x0) / size,
                0,
                1,
            ),
        )
        painting = mix(painting, stone, mask)
        ink = Ink(c)
        gold = rgb((1.0, 0.86, 0.48)) if depth < 0.6 else tint((1.0, 0.86, 0.5))
        towers = sorted(c.rng.uniform(-0.78, 0.78, 7 if depth > 0.6 else 15), key=abs, reverse=True)
        roofs = ((0.30, 0.52, 0.58), (0.75, 0.42, 0.30), (0.55, 0.42, 0.66))
        for u in towers:
            width = size * c.rng.uniform(0.09, 0.17)
            tall = size * (0.25 + 1.05 * (1 - abs(u)) * c.rng.uniform(0.5, 1.1))
            tower(
                ink,
                x0 + size * u,
                y0 + 0.02 * size,
                width,
                tall,
                tint((0.95, 0.88, 0.80)) * c.rng.uniform(0.85, 1.05),
                tint(roofs[c.rng.integers(3)]),
                gold,
                c.rng,
            )
        for u in np.linspace(-0.94, 0.94, 26):
            ink.disc(
                x0 + size * u,
                y0 + 0.02 * size,
                size * c.rng.uniform(0.05, 0.10),
                tint((0.30, 0.50, 0.22)) * c.rng.uniform(0.7, 1.15),
                size * 0.06,
            )
        painting = over_soft(painting, ink, 0.0006 + 0.002 * depth)
        fall = x0 + size * c.rng.uniform(-0.5, 0.5)
        along = np.clip((c.y - y0) / (1.9 * size), 0, 1)
        stream = np.exp(-(((c.x - fall) / (size * (0.035 + 0.07 * along))) ** 2)) * (c.y > y0) * (1 - along) ** 0.7
        painting = mix(painting, rgb(c.light.horizon) * 0.4 + 0.55, 0.8 * stream * mist)
    painting = cloud_sea(c, painting, 0.74)
    painting = focus(c, painting, 0.004, 0.0012, 0.85)
    ink = Ink(c)
    for _ in range(12):
        x, y, r = c.rng.uniform(-c.half, c.half), c.rng.uniform(0.08, 0.45), c.rng.uniform(0.006, 0.012)
        ink.line(
            [
                (x - r, y - 0.4 * r),
                (x - 0.3 * r, y - 0.5 * r),
                (x, y),
                (x + 0.3 * r, y - 0.5 * r),
                (x + r, y - 0.4 * r),
            ],
            0.0018,
            (0.18, 0.14, 0.2),
        )
    return over_soft(painting, ink, 0.0006)


def unicorn(c: Canvas, x: float, foot: float, size: float, facing: int) -> np.ndarray:
    """A unicorn, premultiplied HxWx4: white coat, rainbow mane and tail, golden horn. `facing` -1 left, 1 right."""
    ink = Ink(c)

    def put(points):
        return [(x + -facing * (px - 50) / 100 * size, foot + (py - 97) / 100 * size) for px, py in points]

    coat = mix(c.lit((0.98, 0.95, 0.98)), rgb((1, 1, 1)), 0.35)
    for leg in UNICORN["far"]:
        ink.polygon(put(curved(leg)), coat * 0.80)
    locks = ((1.0, 0.55, 0.75), (0.75, 0.55, 0.98), (0.45, 0.75, 1.0), (0.55, 0.95, 0.80))
    tail, mane = np.array(UNICORN["tail"], float), np.array(UNICORN["mane"], float)
    for i, lock in enumerate(locks):
        middle = np.array((87.5, 50.0))
        ink.polygon(put(curved(middle + (tail - middle) * (1 - 0.2 * i) + (0, 0.9 * i))), c.lit(lock) * 0.6 + 0.35)
    ink.polygon(put(curved(UNICORN["body"])), coat)
    shade = coat * rgb((0.86, 0.84, 0.94))
    ink.polygon(put(curved(((52, 61), (60, 58), (70, 57), (78, 60), (74, 63), (66, 61.5), (57, 63)))), shade)
    ink.polygon(
        put(curved(((23, 30.5), (28, 29), (33, 36), (38, 47), (39, 54), (36, 47), (33, 39), (29, 32.5)))),
        shade,
    )
    root = mane.mean(0)
    for i, lock in enumerate(locks):
        strand = root + (mane - root) * (1 - 0.20 * i) + (0.9 * i, 0.5 * i)
        ink.polygon(put(curved(strand)), c.lit(lock) * 0.6 + 0.35)
    ink.polygon(put(curved(UNICORN["forelock"])), c.lit(locks[0]) * 0.6 + 0.35)
    ink.polygon(put(((20.6, 18.2), (24.2, 15.0), (11, 0))), (1.0, 0.82, 0.40))
    for t in (0.2, 0.42, 0.62):
        ink.line(
            put(((20.6 - 9.6 * t, 18.2 - 18.2 * t), (24.2 - 13.2 * t, 15.6 - 15.0 * t))),
            0.008 * size,
            (0.85, 0.60, 0.25),
        )
    ink.disc(*put(((21.5, 23.0),))[0], 0.010 * size, (0.16, 0.10, 0.22), 0.013 * size)
    ink.disc(*put(((14.2, 29.5),))[0], 0.006 * size, (0.75, 0.55, 0.62))
    for hoof in ((82.2, 88.4, 97), (44.2, 50.3, 97), (69.8, 75.2, 97)):
        ink.polygon(
            put(
                (
                    (hoof[0], hoof[2]),
                    (hoof[0] + 0.6, hoof[2] - 4),
                    (hoof[1] - 0.6, hoof[2] - 4),
                    (hoof[1], hoof[2]),
                )
            ),
            (0.85, 0.70, 0.45),
        )
    layer = ink.layer(0.0008)
    lift = 1.04 - 0.22 * np.clip((c.y - foot + 0.62 * size) / (0.6 * size), 0, 1)
    layer[..., :3] *= lift[..., None]
    return layer


def paint_unicorn(c: Canvas) -> np.ndarray:
    """Flower meadow with a rainbow, a unicorn on the grass and one in the air, sparkles."""
    horizon = 0.54
    painting = clouds(c, sky(c, horizon), horizon, 0.5, 2.2)
    if not c.light.dark:
        painting = mix(
            painting,
            gradient(c.y / horizon, (0, (0.62, 0.70, 0.98)), (0.5, (0.88, 0.78, 0.98)), (1, (1.0, 0.86, 0.90))),
            0.42,
        )
    side = int(c.rng.choice((-1, 1)))
    distance = np.hypot(c.x + side * 0.12, (c.y - 0.72) * 1.05)
    for i, colour in enumerate(RAINBOW):
        band = np.exp(-(((distance - (0.62 - 0.021 * i)) / 0.013) ** 2)) * smooth(horizon + 0.04, horizon - 0.25, c.y)
        painting = mix(painting, rgb(colour), 0.5 * band)
    painting = hills(c, painting, horizon, (0.40, 0.60, 0.32), 3, 0.07)
    painting = grass(c, painting, horizon + 0.10, (0.42, 0.66, 0.28))
    painting = focus(c, painting, 0.002, 0.0035, horizon + 0.1)
    painting = flowers(c, painting, horizon + 0.12, count=160)
    size = min(0.36, 0.72 * c.half)
    x = side * (c.half - 0.56 * size)
    layer = unicorn(c, x, 0.735, size, -side)
    halo = blur(layer[..., 3], 0.03 * c.height)
    painting = mix(painting, painting * rgb((0.72, 0.66, 0.88)), 0.7 * halo)
    painting = over(painting, layer)
    painting = flowers(c, painting, 0.70, count=300)
    # Another one gallops through the air, where people in front don't hide it.
    small = 0.55 * size
    painting = over(painting, unicorn(c, -side * (c.half - 0.75 * small), 0.08 + small, small, side))
    dust = spots(c, 90, (0.15, 0.9), (0.0015, 0.010), ((1.0, 0.95, 0.75), (1.0, 0.80, 0.95), (0.80, 0.90, 1.0)))
    return bokeh(c, painting, dust, 0.5)
