"""Scenes of built and imagined places. Each function paints one on a Canvas and gives float32 HxWx3."""

import colorsys

import numpy as np

from local.standins.scenes.layers import (
    Canvas,
    Ink,
    below,
    bokeh,
    clouds,
    curved,
    focus,
    glow,
    gradient,
    haze,
    mix,
    over,
    rgb,
    shafts,
    sky,
    smooth,
    spots,
    stars,
)
from local.standins.scenes.nature import cloud_sea, flowers, foliage, grass, hills, over_soft
from local.standins.scenes.noise import blur

FACADES = (
    (0.72, 0.50, 0.40),
    (0.80, 0.72, 0.60),
    (0.55, 0.60, 0.66),
    (0.62, 0.42, 0.36),
    (0.86, 0.82, 0.76),
    (0.44, 0.50, 0.57),
)
GLASS = (
    (0.62, 0.70, 0.76),
    (0.50, 0.58, 0.66),
    (0.84, 0.84, 0.82),
    (0.40, 0.47, 0.55),
    (0.74, 0.66, 0.58),
)
AWNINGS = ((0.78, 0.26, 0.20), (0.92, 0.80, 0.56), (0.20, 0.42, 0.36), (0.24, 0.34, 0.52), (0.90, 0.58, 0.24))
CITY_LIGHTS = ((1.0, 0.72, 0.35), (1.0, 0.88, 0.62), (0.55, 0.80, 1.0), (1.0, 0.35, 0.40), (0.95, 0.55, 0.95))


def paint_city(c: Canvas) -> np.ndarray:
    """A street between house fronts in one-point perspective, lights out of focus."""
    horizon, vanish = 0.60, c.rng.uniform(-0.16, 0.16)
    evening = max(c.light.dark, 0.75 if c.light.sun_height < 0.1 else 0.0)
    facades = GLASS if c.words & {"modern", "glass", "skyscraper", "skyscrapers", "office"} else FACADES
    painting = clouds(c, sky(c, horizon), horizon, 0.35, 2)
    painting = painting + (0.55 * (1 - c.light.dark) * glow(c, vanish, horizon - 0.10, 0.20))[..., None] * rgb(
        c.light.sun
    )
    for depth in (0.85, 0.6):
        steps = np.round(c.curve(7, 2) * 4 + 5) / 10
        blocks = np.repeat(c.rng.uniform(0.05, 0.30, c.width // 24 + 1), 24)[: c.width].astype(np.float32)
        line = horizon - 0.04 - blocks * (1.2 - depth) * 1.4 - 0.03 * steps
        painting = mix(
            painting,
            haze(c, c.lit((0.36, 0.40, 0.48)), depth) * (1 - 0.6 * c.light.dark),
            below(c, line, 0.003),
        )
    for side in (-1, 1):
        wall = 0.62 + c.rng.uniform(-0.05, 0.10)
        across = np.maximum(side * (c.x - vanish), 1e-4)
        z = wall / across  # distance, where the wall meets this column
        height = -(c.y - horizon) * z  # height over the eye
        lots = np.cumsum(c.rng.uniform(1.0, 1.9, 40))
        lot = np.minimum(np.searchsorted(lots, z[0]), 39)
        roof = c.rng.uniform(1.1, 3.4, 40)[lot]
        hues = np.array(facades)[c.rng.integers(0, len(facades), 40)] * c.rng.uniform(0.85, 1.1, (40, 1))
        start = np.concatenate(([0], lots))[lot]
        place = (z[0] - start) / (lots[lot] - start)
        fine = 0.45 if facades is GLASS else 1.0
        bays, floors = c.rng.integers(3, 6, 40)[lot] / fine // 1, c.rng.uniform(0.34, 0.46, 40)[lot] * fine
        column = place * bays
        u = column % 1
        row = height / floors[None, :]
        v = row % 1
        gap = 0.05 if facades is GLASS else 0.16
        window = smooth(gap, gap + 0.04, u) * smooth(1 - gap, 0.96 - gap, u)
        window = window[None, :] * smooth(gap, gap + 0.06, v) * smooth(0.96 - gap, 0.90 - gap, v)
        window = window * (height > 0.30) * (height < roof - 0.12)
        frame = np.clip(1.0 - 0.16 * smooth(0.86, 0.98, v), 0, 1) * (1 - 0.14 * (place < 0.03))[None, :]
        front = c.lit((1, 1, 1)) * hues[lot][None, :, :] * frame[..., None]
        front = (
            front
            * (0.88 + 0.24 * c.fbm(14, 3, 0.6))[..., None]
            * (rgb((0.84, 0.87, 0.95)) if side * c.light.sun_x > 0 else rgb((1.34, 1.20, 0.98)))
        )
        cell = (
            (np.floor(row).astype(int) * 73 + np.floor(column).astype(int)[None, :] * 151 + lot[None, :] * 311) % 97
        ) / 97
        glass = mix(
            # Panes mirror the sky of the other side, a little differently each.
            mix(
                c.lit((0.10, 0.20, 0.32)),
                mix(rgb(c.light.middle), rgb(c.light.horizon), cell[..., None]),
                smooth(0.25, 0.75, c.fbm(4, 4, stretch=0.6) + 0.25 * (cell - 0.5)),
            ),
            rgb((1.0, 0.76, 0.40)),
            (cell < 0.20 + 0.25 * evening) * (0.15 + 0.75 * evening),
        )
        front = mix(front * (1 - 0.25 * evening), glass, window)
        # Shop fronts: panes between slim posts, in them warm light from above and goods on tables.
        door = (column / 2) % 1
        pane = smooth(0.02, 0.04, door) * smooth(0.98, 0.96, door)
        shop = (height < 0.12) * (height > -0.62) * pane[None, :]
        inside = rgb([colorsys.hsv_to_rgb(h, 0.38, 1) for h in 0.06 + 0.07 * c.rng.random(40)])[lot][None]
        lamps = smooth(-0.62, 0.10, height) ** 1.5 * (0.35 + 0.65 * np.exp(-(((door - 0.5) / 0.3) ** 2)))[None, :]
        goods = smooth(0.45, 0.60, c.fbm(26, 4, 0.6, stretch=0.8)) * smooth(-0.22, -0.26, height)
        room = mix(inside * (0.16 + (0.55 + 0.35 * evening) * lamps)[..., None], c.lit((0.42, 0.30, 0.24)), 0.6 * goods)
        mirrored = mix(room, rgb(c.light.middle), 0.30 * (1 - evening) * smooth(0.35, 0.65, c.fbm(4, 4, stretch=0.6)))
        front = mix(front, mirrored, shop * 0.95)
        awning = (height < 0.24) * (height > 0.08 - 0.03 * (np.sin(column * 40) > 0)) * (lot % 3 == 0)[None, :]
        cloth = np.array(AWNINGS, np.float32)[c.rng.integers(0, len(AWNINGS), 40)]
        front = mix(
            front,
            c.lit((1, 1, 1)) * cloth[lot][None, :, :] * (0.8 + 0.2 * (np.sin(column * 40) > 0))[None, :, None],
            awning * 0.9,
        )
        front = front * (0.72 + 0.28 * smooth(-0.8, 0.6, height))[..., None]
        distance = 1 - np.exp(-z / 16)
        front = mix(front, haze(c, (0.5, 0.5, 0.5), 1.0), np.broadcast_to(0.8 * distance, height.shape))
        seen = (c.x * side > vanish * side) * (height < roof[None, :]) * (height > -0.72) * (z < 14)
        painting = mix(painting, front, blur(seen.astype(np.float32), 0.7))
    depth = np.clip((c.y - horizon) / (1 - horizon), 1e-3, 1)
    z = 0.72 / np.maximum(c.y - horizon, 1e-3)
    across = (c.x - vanish) * z
    tone = 0.62 + 0.10 * smooth(0.40, 0.42, np.abs(across)) + 0.22 * (c.fbm(12, 5, 0.7, 3) - 0.5)
    street = c.lit((0.80, 0.77, 0.73)) * tone[..., None]
    mirror = blur(painting[np.clip((2 * horizon - c.y[:, 0]) * c.height, 0, c.height - 1).astype(int)], 0.02 * c.height)
    street = mix(street, mirror, 0.25 + 0.35 * evening)
    street = mix(street, haze(c, (0.6, 0.6, 0.6), 0.9), np.broadcast_to(smooth(0.15, 0.0, depth), across.shape))
    painting = mix(
        painting,
        street,
        smooth(-0.01, 0.01, (c.y - horizon) - 0.72 * np.abs(c.x - vanish) / 0.68) * (c.y > horizon),
    )
    for z_ in (4.2, 2.4, 1.35):
        ink = Ink(c)
        for s in (-1, 1):
            street_tree(
                ink,
                vanish + s * 0.52 / z_,
                horizon + 0.70 / z_,
                horizon - 0.22 / z_,
                0.26 / z_,
                z_,
                1 - 0.45 * evening,
                c,
            )
        painting = over_soft(painting, ink, 0.002 + 0.002 / z_)
    painting = focus(c, painting, 0.003, 0.0022, 0.9)
    warm = CITY_LIGHTS if evening else ((1.0, 0.92, 0.75), (0.9, 0.95, 1.0))
    lamps = (
        [
            (vanish + s * 0.42 / z_, horizon - 0.45 / z_, 0.006 + 0.045 / z_, rgb(warm[i % 2]))
            for i, z_ in enumerate(np.linspace(1.2, 7, 8))
            for s in (-1, 1)
        ]
        if evening
        else []
    )
    lights = spots(c, int(20 + 50 * evening), (0.45, 0.80), (0.006, 0.030), warm)
    return bokeh(c, painting, lights + lamps, 0.14 + 0.5 * evening)


def street_tree(
    ink: Ink, x: float, foot: float, crown: float, size: float, distance: float, light: float, c: Canvas
) -> None:
    """A tree with a round crown of many leaves, lit from above and from the sun's side."""
    ink.line([(x, foot), (x, crown)], 0.07 * size, c.lit((0.25, 0.19, 0.15)) * light)
    angle, out = c.rng.uniform(0, 6.28, 420), np.sqrt(c.rng.random(420)) * c.rng.uniform(0.8, 1.08, 420)
    dx, dy = out * np.cos(angle), out * np.sin(angle) * 0.85
    tone = mix(c.lit((0.27, 0.46, 0.17)), haze(c, (0.5, 0.5, 0.5), 1.0), 0.09 * distance) * light
    brightness = 0.85 - 0.35 * dy + 0.18 * dx * np.sign(c.light.sun_x) + c.rng.normal(0, 0.12, 420)
    for i in np.argsort(brightness):
        r = size * c.rng.uniform(0.06, 0.13)
        ink.disc(x + dx[i] * size, crown + dy[i] * size, r, tone * brightness[i], 0.8 * r)


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


def paint_stage(c: Canvas) -> np.ndarray:
    """Concert: beams from the rig, haze, screens of light, hands of the crowd."""
    painting = np.broadcast_to(
        gradient(c.y, (0, (0.03, 0.02, 0.07)), (0.6, (0.12, 0.05, 0.20)), (1, (0.03, 0.02, 0.06))),
        (c.height, c.width, 3),
    ).copy()
    base = c.rng.random()
    hues = [
        colorsys.hsv_to_rgb((base + d) % 1, s, 1)
        for d, s in ((0, 0.75), (0.12, 0.8), (0.5, 0.65), (0.88, 0.8), (0.06, 0.25))
    ]
    smoke = 0.45 + 1.1 * np.clip(c.folds(2.4, 6, 0.14, 1.6) - 0.25, 0, 1)
    ends = np.linspace(-c.half, c.half, 9)
    lamps = []
    for i, x0 in enumerate(ends):
        colour, y0 = rgb(hues[i % 5]), 0.07 + 0.02 * (i % 2)
        aim = -0.55 * x0 / c.half + c.rng.normal(0, 0.22)
        off = (c.x - x0) - aim * (c.y - y0)
        reach = np.clip(c.y - y0, 0, None)
        width = 0.012 + 0.13 * reach
        beam = np.exp(-((off / width) ** 2)) * (c.y > y0) * np.exp(-1.5 * reach) * 0.05 / width**0.75
        painting += np.clip(beam * smoke * 2.4, 0, 1.2)[..., None] * colour
        lamps += [(x0, y0, 0.022, colour * 1.0), (x0, y0, 0.010, rgb((1, 1, 1)))]
    wall = smooth(0.30, 0.33, c.y) * smooth(0.66, 0.63, c.y)
    cells = 46
    grid = np.hypot((c.x * cells) % 1 - 0.5, (c.y * cells) % 1 - 0.5)
    picture = gradient(c.folds(3, 4, 0.2), (0.2, rgb(hues[2]) * 0.2), (0.5, rgb(hues[0])), (0.8, rgb(hues[1])))
    painting += (smooth(0.42, 0.18, grid) * wall * 0.55)[..., None] * picture
    painting += (0.5 * glow(c, 0, 0.66, 0.28) * smoke)[..., None] * rgb(hues[0])
    floor = 0.72
    mirror = painting[np.clip((2 * floor - c.y[:, 0]) * c.height, 0, c.height - 1).astype(int)]
    shine = blur(mirror, 0.015 * c.height) * 0.55 * (0.6 + 0.6 * c.fbm(16, 4, stretch=6))[..., None]
    painting = mix(painting, shine, np.broadcast_to(smooth(floor - 0.004, floor + 0.004, c.y), smoke.shape))
    painting = blur(painting, 0.004 * c.height)
    ink = Ink(c)
    for x, y, r, colour in spots(c, 170, (0.02, 0.95), (0.003, 0.010), hues):
        turn, tilt = c.rng.uniform(0, 3.14), c.rng.uniform(0.2, 0.8)
        along = np.array((np.cos(turn), np.sin(turn))) * r
        across = np.array((-along[1], along[0])) * tilt
        corners = [along + across, along - across, -along - across, -along + across]
        ink.polygon([(x + dx, y + dy) for dx, dy in corners], colour * 0.8 + 0.3)
    crowd = spots(c, 46, (0.66, 0.95), (0.010, 0.035), hues)
    return over_soft(bokeh(c, bokeh(c, painting, crowd, 0.22), lamps, 0.85), ink, 0.0012)


def paint_generic(c: Canvas) -> np.ndarray:
    """No known word: silk-like folds of colour and lights, in a palette that the prompt's words decide."""
    base, spread = c.rng.random(), c.rng.uniform(0.08, 0.2)
    tones = [
        rgb(colorsys.hsv_to_rgb((base + d * spread) % 1, s, v))
        for d, s, v in ((0, 0.65, 0.22), (1, 0.55, 0.60), (2, 0.42, 0.92), (3, 0.16, 1.0))
    ]
    sweep = blur(c.folds(0.8, 2, 0.10), 0.02 * c.height)
    ribbons = np.zeros_like(sweep)
    for turn in (1.0, 1.7, 2.6):
        fold = np.sin(6.28 * (turn * sweep + 0.5 * turn * c.x + 0.4 * c.y) + c.rng.uniform(0, 6.28))
        ribbons += (0.5 + 0.5 * fold) / turn
    light = ribbons / 2 * 0.55 + 0.55 * glow(c, c.rng.uniform(-0.3, 0.3), 0.30, 0.5) + 0.12 * (0.5 - c.y)
    painting = gradient(np.clip(light, 0, 1), (0, tones[0]), (0.40, tones[1]), (0.78, tones[2]), (1, tones[3]))
    slope = ribbons - np.roll(ribbons, max(1, int(0.008 * c.height)), 0)
    painting = (painting + np.clip(slope * 0.7, -0.04, 0.10)[..., None]) * (1 - 0.45 * c.light.dark)
    lights = spots(c, 60, (0.0, 0.9), (0.006, 0.045), [tones[2], tones[3], (1.0, 0.92, 0.75)])
    return bokeh(c, blur(painting, 0.004 * c.height), lights, 0.26)
