"""Scenes of streets: a city by day and night, an alley of neon signs."""

import colorsys

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
    over_soft,
    rgb,
    sky,
    smooth,
    spots,
)
from local.standins.scenes.noise import blur, warp

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
NEON = ((1.0, 0.16, 0.56), (0.12, 0.86, 1.0), (0.62, 0.30, 1.0), (1.0, 0.56, 0.14), (0.30, 1.0, 0.62))


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
        ink.disc(float(x + dx[i] * size), float(crown + dy[i] * size), r, tone * brightness[i], 0.8 * r)


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
    steam = smooth(0.45, 0.9, c.warped_fbm(2.0, 6, 0.10)) * np.exp(-(((c.y - 0.58) / 0.14) ** 2))
    painting = painting + (0.30 * steam)[..., None] * rgb((0.85, 0.45, 0.80))
    painting = focus(c, painting, 0.004, 0.0014, 0.85)
    return bokeh(c, painting, spots(c, 36, (0.40, 0.72), (0.006, 0.026), NEON), 0.32)
