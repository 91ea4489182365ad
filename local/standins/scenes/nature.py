"""Scenes of nature. Each function paints one on a Canvas and gives float32 HxWx3."""

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
from local.standins.scenes.noise import blur, warp

LEAVES = ((0.16, 0.34, 0.10), (0.28, 0.47, 0.14), (0.42, 0.58, 0.20), (0.10, 0.24, 0.09))
BLOSSOMS = ((1.0, 0.45, 0.62), (1.0, 0.82, 0.30), (0.98, 0.96, 0.94), (0.72, 0.48, 0.93), (1.0, 0.55, 0.38))


def hills(c: Canvas, painting: np.ndarray, base: float, colour, count: int = 3, height: float = 0.06) -> np.ndarray:
    """Rolling hills from the horizon forward, hazier the farther."""
    for i in range(count):
        depth = 1 - i / count
        line = ridge(c, base + 0.06 * i, height, 1.2 + 0.3 * i, 4, 0.4)
        shade = 0.8 + 0.5 * c.fbm(10 + 6 * i, 4, stretch=3)
        tone = c.lit(haze(c, colour, 0.75 * depth)) if i else haze(c, colour, 0.72) * (0.4 if c.light.dark else 1)
        painting = mix(painting, tone * shade[..., None], below(c, line))
    return painting


def foliage(c: Canvas, cells: float, colours, contrast: float = 1.0) -> np.ndarray:
    """Leaf masses: clumps lit from above, HxWx3."""
    clumps = c.folds(cells, 6, 0.04)
    fine = c.fbm(cells * 8, 4, 0.75)
    tone = np.clip(0.5 + contrast * (0.9 * (clumps - 0.5) + 0.9 * (fine - 0.5)), 0, 1)
    dark, mid, bright = c.lit(colours[3]), c.lit(colours[1]), c.lit(colours[2])
    return gradient(tone, (0, dark * 0.6), (0.35, dark), (0.62, mid), (0.85, bright), (1, bright * 1.5))


def grass(c: Canvas, painting: np.ndarray, top: float, colour, blades: int = 700) -> np.ndarray:
    """A lawn from `top` to the bottom, with blades that grow with nearness."""
    depth = np.clip((c.y - top) / (1 - top), 0, 1)
    texture = c.fbm(9, 5, 0.7, stretch=4)
    tone = c.lit(colour) * (0.75 + 0.55 * texture)[..., None]
    tone = mix(haze(c, tone, 0.35), tone * 0.85, np.broadcast_to(depth, texture.shape))
    painting = mix(painting, tone, below(c, ridge(c, top + 0.015, 0.03, 1.5, 5)))
    ink = Ink(c)
    near = np.sort(c.rng.random(blades) ** 0.6)
    for t, x, lean, shade in zip(
        near,
        c.rng.uniform(-c.half, c.half, blades),
        c.rng.normal(0, 0.3, blades),
        c.rng.uniform(0.6, 1.45, blades),
        strict=True,
    ):
        y, tall = top + 0.03 + (1.02 - top) * t, 0.012 + 0.06 * t * t
        w = 0.05 * tall
        ink.polygon([(x - w, y), (x + w, y), (x + lean * tall, y - tall)], c.lit(colour) * shade)
    return over_soft(painting, ink, 0.0015)


def over_soft(painting: np.ndarray, ink: Ink, softness: float) -> np.ndarray:
    """Put drawn shapes over the painting, out of focus by `softness` heights."""
    return over(painting, ink.layer(softness))


def flowers(c: Canvas, painting: np.ndarray, top: float, colours=BLOSSOMS, count: int = 420) -> np.ndarray:
    """Flowers in perspective: dots far away, petals near, the nearest out of focus."""
    layers = ((0.0, 0.45, 0.0), (0.45, 0.8, 0.0012), (0.8, 1.0, 0.007))
    for low, high, softness in layers:
        ink = Ink(c)
        some = int(count * (high - low) * (1 if high < 0.9 else 0.4))
        for t in np.sort(c.rng.uniform(low, high, some)):
            x = c.rng.uniform(-c.half, c.half)
            y = top + (1.03 - top) * t**1.5
            r = 0.0025 + 0.019 * t * t
            colour = c.lit(colours[c.rng.integers(len(colours))]) * c.rng.uniform(0.8, 1.08)
            ink.line([(x, y), (x + c.rng.normal(0, r), y + 3.5 * r)], r * 0.16, c.lit((0.2, 0.42, 0.14)))
            if r < 0.005:
                ink.disc(x, y, r, colour, r * 0.7)
                continue
            turn = c.rng.uniform(0, 6.28)
            for petal in np.linspace(0, 6.28, 6)[:-1] + turn:
                ink.disc(
                    x + 0.62 * r * np.cos(petal),
                    y + 0.42 * r * np.sin(petal),
                    0.52 * r,
                    colour * (0.9 + 0.13 * np.sin(petal - 1.5)),
                    0.42 * r,
                )
            ink.disc(x, y, 0.3 * r, c.lit((1.0, 0.8, 0.25)), 0.24 * r)
        painting = over_soft(painting, ink, softness)
    return painting


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
        puffs = c.folds(6.0 - 3.5 * near, 6, 0.03, 1.9 - 0.7 * near)
        billow = 1 - 2.2 * np.abs(c.folds(15 - 9 * near, 5, 0.02, 1.4) - 0.5)
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


def paint_forest(c: Canvas) -> np.ndarray:
    """Sunlit wood: trunks behind trunks in mist, leaves above, light through them."""
    autumn = bool(c.words & {"autumn", "fall", "october"})
    colours = ((0.50, 0.24, 0.06), (0.75, 0.40, 0.10), (0.93, 0.62, 0.18), (0.30, 0.14, 0.05)) if autumn else LEAVES
    gap = c.rng.uniform(-0.2, 0.2)
    mist = c.lit((0.97, 0.80, 0.55) if autumn else (0.80, 0.90, 0.58))
    painting = foliage(c, 5, colours, 0.9)
    painting = mix(
        painting, np.broadcast_to(mist, painting.shape), np.clip(0.25 + 0.75 * glow(c, gap, 0.42, 0.45), 0, 1)
    )
    painting = blur(painting, 0.012 * c.height)
    ground = 0.70
    for depth, count in ((0.75, 26), (0.5, 15), (0.22, 8), (0.0, 4)):
        ink = Ink(c)
        bark = mix(c.lit((0.20, 0.14, 0.09)), mist, depth * 0.85)
        thick = 0.010 + 0.05 * (1 - depth) ** 1.6
        for _ in range(count):
            x = c.rng.uniform(-c.half, c.half) * 1.05
            if depth < 0.3 and abs(x - gap) < 0.55 * c.half:
                continue
            w = thick * c.rng.uniform(0.6, 1.3)
            lean, foot = c.rng.normal(0, 0.02), ground + 0.25 * (1 - depth) * c.rng.uniform(0.75, 1.05)
            steps = np.linspace(-0.05, foot, 9)
            sway = lean * steps + c.rng.normal(0, 0.003, 9)
            width = w * (0.75 + 0.25 * steps / foot) * np.where(steps > foot - 0.05, 1.35, 1)
            ink.polygon(
                [
                    *zip(x + sway - width / 2, steps, strict=True),
                    *zip((x + sway + width / 2)[::-1], steps[::-1], strict=True),
                ],
                bark,
            )
            lit = bark + 0.3 * (1 - depth) * mist * np.array((0.9, 0.8, 0.5))
            side = 0.5 if x < gap else -0.5
            ink.polygon(
                [
                    *zip(x + sway + side * width * 0.6, steps, strict=True),
                    *zip((x + sway + side * width)[::-1], steps[::-1], strict=True),
                ],
                lit,
            )
            for _ in range(3 if depth < 0.6 else 0):
                y0, reach = c.rng.uniform(0, 0.4), c.rng.uniform(0.05, 0.14) * c.rng.choice((-1, 1))
                ink.line([(x, y0), (x + reach * 0.5, y0 - 0.03), (x + reach, y0 - 0.09)], w * 0.16, bark)
        painting = over_soft(painting, ink, 0.0015 + 0.006 * depth)
        floor = ridge(c, ground + 0.24 * (1 - depth) ** 1.3, 0.05, 3, 6, 0.6)
        moss = mix(
            foliage(c, 9, colours, 0.8) * (0.9 if autumn else 1.0),
            np.broadcast_to(mist, painting.shape),
            0.75 * depth,
        )
        painting = mix(painting, moss, below(c, floor, 0.006))
        crown = smooth(0.02, 0.22, c.fbm(4 + 3 * depth, 5, 0.6) - 0.42 - (c.y - 0.02) * (1.6 + 1.5 * (1 - depth)))
        leaves = mix(foliage(c, 8, colours, 1.2) * 1.15, np.broadcast_to(mist, painting.shape), 0.7 * depth)
        painting = mix(painting, leaves, blur(crown, 2) * 0.92)
    painting += (0.60 * shafts(c, gap - 0.25, -0.25, 26, 1.3) * (0.2 if c.light.dark else 1))[..., None] * mist
    lights = spots(c, 55, (0.02, 0.5), (0.006, 0.026), ((0.95, 1.0, 0.65), (1.0, 0.92, 0.6)))
    painting = bokeh(c, painting, lights, 0.20)
    return focus(c, painting, 0.003, 0.0035, 0.7)


def paint_meadow(c: Canvas) -> np.ndarray:
    """Flower meadow under a friendly sky."""
    horizon = c.rng.uniform(0.5, 0.56)
    painting = clouds(c, sky(c, horizon), horizon, 0.5, 2.4)
    painting = hills(c, painting, horizon, (0.34, 0.55, 0.24), 3, 0.07)
    painting = grass(c, painting, horizon + 0.12, (0.36, 0.60, 0.20))
    painting = focus(c, painting, 0.002, 0.004, horizon + 0.1)
    return flowers(c, painting, horizon + 0.14)


def paint_garden(c: Canvas) -> np.ndarray:
    """Garden in bloom: a path between rose bushes to an arch, fairy lights."""
    far = c.rng.uniform(-0.1, 0.1)
    ground = 0.62
    glade = np.broadcast_to(c.lit((0.95, 0.97, 0.78)), (c.height, c.width, 3))
    painting = mix(foliage(c, 6, LEAVES), glade, np.clip(0.18 + 0.75 * glow(c, far, 0.40, 0.20), 0, 1))
    painting = blur(painting, 0.006 * c.height)
    painting = grass(c, painting, ground, (0.36, 0.56, 0.20), 500)
    spread = 0.03 + 0.42 * np.clip(c.y - ground, 0, 1)
    path = smooth(0.015, -0.015, np.abs(c.x - far * (1.3 - c.y)) - spread + 0.02 * (c.fbm(12, 3) - 0.5)) * smooth(
        ground, ground + 0.02, c.y
    )
    stone = c.lit((0.86, 0.79, 0.68)) * (0.72 + 0.5 * c.fbm(50, 3, stretch=2))[..., None]
    painting = mix(painting, stone, path * 0.92)
    for depth in (1.0, 0.7, 0.4, 0.1):
        near = 1 - depth
        inner = c.half * (0.22 + 0.55 * near**1.2) + 0.03
        top = 0.42 - 0.22 * near
        edge = np.minimum(np.abs(c.x - far * depth) - inner, c.y - top) + 0.30 * (0.25 + near) * (
            c.fbm(6 - 2 * near, 5, 0.6) - 0.5
        )
        bush = smooth(0.0, 0.02, edge) * smooth(
            ground + 0.06 + 0.45 * near**1.3 + 0.02, ground + 0.04 + 0.45 * near**1.3, c.y
        )
        leaves = mix(foliage(c, 11 - 4 * near, LEAVES, 1.25), glade, 0.45 * depth)
        painting = mix(painting, leaves, bush)
        ink = Ink(c)
        for x, y, pick, r in zip(
            c.rng.uniform(-c.half, c.half, 260),
            c.rng.uniform(top, 1, 260),
            c.rng.integers(0, len(BLOSSOMS), 260),
            (0.007 + 0.020 * near) * c.rng.uniform(0.55, 1.0, 260),
            strict=True,
        ):
            if bush[min(c.height - 1, int(y * c.height)), min(c.width - 1, int((x + c.half) * c.height))] > 0.9:
                rose(ink, x, y, r, mix(c.lit(BLOSSOMS[pick]), glade[0, 0], 0.3 * depth), c)
        painting = over_soft(painting, ink, 0.001 + 0.002 * near)
    lights = spots(c, 45, (0.05, 0.6), (0.006, 0.022), ((1.0, 0.95, 0.7), (1.0, 0.85, 0.8)))
    return bokeh(c, focus(c, painting, 0.003, 0.0022, 0.6), lights, 0.22 + 0.3 * c.light.dark)


def rose(ink: Ink, x: float, y: float, r: float, colour, c: Canvas) -> None:
    """A rose seen from the front: petals round petals, darker inside."""
    turn = c.rng.uniform(0, 6.28)
    for ring, count in ((1.0, 6), (0.66, 5), (0.34, 3)):
        for a in np.linspace(0, 6.28, count, endpoint=False) + turn + ring:
            shade = (0.62 + 0.40 * ring) * (0.94 - 0.10 * np.sin(a))
            ink.disc(
                x + 0.55 * r * ring * np.cos(a),
                y + 0.55 * r * ring * np.sin(a),
                0.52 * r * ring,
                colour * shade,
            )
    ink.disc(x, y, 0.14 * r, colour * 0.55)


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
    ripple = 1 - np.abs(c.folds(7, 3, 0.08, 2.5) - 0.5) * 7
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
        gullies = 1 - 2 * np.abs(c.folds(5.0, 6, 0.03, 0.55) - 0.5)
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
    drifts = c.folds(3, 5, 0.05, 4) if winter else c.fbm(12, 5, 0.7)
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
        cloud = c.folds(cells, 7, 0.05)
        wisps = 1 - np.clip(4 * np.abs(c.folds(cells * 2.5, 6, 0.04) - 0.5), 0, 1)
        density = smooth(0.36, 0.92, cloud) * (0.55 + 0.6 * wisps**2) * (0.15 + band)
        painting += density[..., None] * rgb(colour) * 0.85
    core = smooth(0.45, 0.95, c.folds(2.0, 6, 0.04)) * band**2
    painting += (0.55 * core)[..., None] * rgb((1.0, 0.86, 0.78))
    painting *= (1 - 0.7 * smooth(0.55, 0.85, c.folds(2.6, 7, 0.05)) * band)[..., None]
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
