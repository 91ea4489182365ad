"""Scenes indoors: a library, a stage."""

import colorsys

import numpy as np

from local.standins.scenes.layers import (
    Canvas,
    Ink,
    bokeh,
    focus,
    glow,
    gradient,
    mix,
    over_soft,
    rgb,
    shafts,
    smooth,
    spots,
)
from local.standins.scenes.noise import blur

LEATHER = (
    (0.42, 0.14, 0.10),
    (0.20, 0.24, 0.16),
    (0.16, 0.18, 0.28),
    (0.52, 0.32, 0.14),
    (0.30, 0.16, 0.10),
    (0.60, 0.46, 0.28),
)


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
    smoke = 0.45 + 1.1 * np.clip(c.warped_fbm(2.4, 6, 0.14, 1.6) - 0.25, 0, 1)
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
    picture = gradient(c.warped_fbm(3, 4, 0.2), (0.2, rgb(hues[2]) * 0.2), (0.5, rgb(hues[0])), (0.8, rgb(hues[1])))
    painting += (smooth(0.42, 0.18, grid) * wall * 0.55)[..., None] * picture
    painting += (0.5 * glow(c, 0, 0.66, 0.28) * smoke)[..., None] * rgb(hues[0])
    floor = 0.72
    mirror = painting[np.clip((2 * floor - c.y[:, 0]) * c.height, 0, c.height - 1).astype(int)]
    shine = blur(mirror, 0.015 * c.height) * 0.55 * (0.6 + 0.6 * c.fbm(16, 4, stretch=6))[..., None]
    painting = mix(painting, shine, np.broadcast_to(smooth(floor - 0.004, floor + 0.004, c.y), smoke.shape))
    painting = blur(painting, 0.004 * c.height)
    ink = Ink(c)
    for x, y, r, colour in spots(c, 170, (0.02, 0.95), (0.003, 0.010), hues):
        angle, tilt = c.rng.uniform(0, 3.14), c.rng.uniform(0.2, 0.8)
        along = np.array((np.cos(angle), np.sin(angle))) * r
        across = np.array((-along[1], along[0])) * tilt
        corners = [along + across, along - across, -along - across, -along + across]
        ink.polygon([(x + dx, y + dy) for dx, dy in corners], colour * 0.8 + 0.3)
    crowd = spots(c, 46, (0.66, 0.95), (0.010, 0.035), hues)
    return over_soft(bokeh(c, bokeh(c, painting, crowd, 0.22), lamps, 0.85), ink, 0.0012)
