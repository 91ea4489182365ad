"""Hills, grass, leaves and flowers, and the scenes made of them: forest, meadow, garden, cherry blossoms."""

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
    over_soft,
    ridge,
    shafts,
    sky,
    smooth,
    spots,
)
from local.standins.scenes.noise import blur

LEAVES = ((0.16, 0.34, 0.10), (0.28, 0.47, 0.14), (0.42, 0.58, 0.20), (0.10, 0.24, 0.09))
BLOSSOMS = ((1.0, 0.45, 0.62), (1.0, 0.82, 0.30), (0.98, 0.96, 0.94), (0.72, 0.48, 0.93), (1.0, 0.55, 0.38))
PETALS = ((0.92, 0.62, 0.72), (0.98, 0.74, 0.82), (1.0, 0.88, 0.92), (0.84, 0.50, 0.62))


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
    clumps = c.warped_fbm(cells, 6, 0.04)
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
            angle = c.rng.uniform(0, 6.28)
            for petal in np.linspace(0, 6.28, 6)[:-1] + angle:
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
    angle = c.rng.uniform(0, 6.28)
    for ring, count in ((1.0, 6), (0.66, 5), (0.34, 3)):
        for a in np.linspace(0, 6.28, count, endpoint=False) + angle + ring:
            shade = (0.62 + 0.40 * ring) * (0.94 - 0.10 * np.sin(a))
            ink.disc(
                x + 0.55 * r * ring * np.cos(a),
                y + 0.55 * r * ring * np.sin(a),
                0.52 * r * ring,
                colour * shade,
            )
    ink.disc(x, y, 0.14 * r, colour * 0.55)


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
                direction, reach = c.rng.choice((-1, 1)), (0.08 + 0.26 * near) * c.rng.uniform(0.7, 1.2)
                k = np.linspace(0, 1, 8)
                bx = x + bend[i] + direction * reach * k + 0.01 * near * np.sin(9 * k + i)
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
        for x, y, r, angle in zip(
            c.rng.uniform(-c.half, c.half, count),
            c.rng.uniform(0.05, 1, count),
            size * c.rng.uniform(0.6, 1.3, count),
            c.rng.uniform(0, 3.14, count),
            strict=True,
        ):
            a = np.linspace(0, 6.28, 10)
            u, v = r * np.cos(a), 0.5 * r * np.sin(a)
            cos, sin = np.cos(angle), np.sin(angle)
            petal = zip(x + u * cos - v * sin, y + u * sin + v * cos, strict=True)
            ink.polygon([*petal], c.lit((1.0, 0.82, 0.88)) * c.rng.uniform(0.9, 1.05))
        painting = over_soft(painting, ink, softness)
    return bokeh(c, painting, spots(c, 30, (0.05, 0.55), (0.006, 0.022), ((1.0, 0.93, 0.92),)), 0.22)
