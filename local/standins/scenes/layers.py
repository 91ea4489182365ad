"""Building blocks of a painting: light, sky, clouds, ridges, drawn shapes, glows, depth of field, postprocessing.

A painting is a float32 HxWx3 array of display-referred colour, about 0..1. Positions are in heights: y is 0 at
the top and 1 at the bottom, x is 0 in the middle and +-aspect/2 at the sides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFilter

from local.standins.scenes.noise import Rng, blur, curve, fbm, resize, warp, warped_fbm

Colour = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Light:
    """Time of day: colours 0..1, the sun's (or moon's) place over the horizon, how dark unlit things are."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    sun: Colour
    ambient: Colour
    sun_x: float
    sun_height: float
    dark: float = 0.0


LIGHTS = {
    "day": Light(
        (0.20, 0.47, 0.83),
        (0.45, 0.69, 0.93),
        (0.84, 0.92, 0.97),
        (1.0, 0.97, 0.88),
        (1.0, 1.0, 1.0),
        0.3,
        0.55,
    ),
    "morning": Light(
        (0.42, 0.60, 0.83),
        (0.80, 0.78, 0.84),
        (1.0, 0.87, 0.74),
        (1.0, 0.88, 0.68),
        (1.0, 0.93, 0.86),
        -0.3,
        0.16,
    ),
    "sunset": Light(
        (0.20, 0.22, 0.47),
        (0.72, 0.40, 0.52),
        (1.0, 0.68, 0.36),
        (1.0, 0.78, 0.46),
        (0.82, 0.60, 0.56),
        0.26,
        0.07,
    ),
    "night": Light(
        (0.02, 0.04, 0.14),
        (0.06, 0.12, 0.30),
        (0.20, 0.28, 0.48),
        (0.85, 0.90, 1.0),
        (0.30, 0.37, 0.58),
        0.3,
        0.5,
        1.0,
    ),
}


@dataclass
class Canvas:
    """What every scene gets: size in pixels, random numbers of its own, the light, the prompt's words."""

    height: int
    width: int
    rng: Rng
    light: Light
    words: frozenset[str]
    x: np.ndarray = field(init=False)
    y: np.ndarray = field(init=False)

    def __post_init__(self):
        self.y = np.linspace(0, 1, self.height, dtype=np.float32)[:, None]
        self.x = (np.arange(self.width, dtype=np.float32)[None, :] + 0.5 - self.width / 2) / self.height

    @property
    def half(self) -> float:
        """x of the right border."""
        return self.width / self.height / 2

    def fbm(self, cells: float, octaves: int = 5, gain: float = 0.5, stretch: float = 1.0) -> np.ndarray:
        """`noise.fbm` in this canvas's size."""
        return fbm(self.rng, self.height, self.width, cells, octaves, gain, stretch)

    def warped_fbm(self, cells: float, octaves: int = 6, amount: float = 0.12, stretch: float = 1.0) -> np.ndarray:
        """`noise.warped_fbm` in this canvas's size."""
        return warped_fbm(self.rng, self.height, self.width, cells, octaves, amount, stretch)

    def curve(self, cells: float, octaves: int = 6, gain: float = 0.5) -> np.ndarray:
        """`noise.curve` over this canvas's width."""
        return curve(self.rng, self.width, cells * self.width / self.height, octaves, gain)

    def lit(self, colour: Colour) -> np.ndarray:
        """A surface's colour under this light."""
        return rgb(colour) * rgb(self.light.ambient)


def rgb(colour: ArrayLike) -> np.ndarray:
    """A colour as float32 array of 3; of several colours, an array of such."""
    return np.asarray(colour, np.float32)


def smooth(low: float | np.ndarray, high: float | np.ndarray, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: np.ndarray, b: np.ndarray, amount) -> np.ndarray:
    """a where amount (scalar or HxW) is 0, b where it is 1."""
    if np.ndim(amount) == 2:
        amount = amount[..., None]
    return a + (b - a) * amount


def over(painting: np.ndarray, premultiplied: np.ndarray) -> np.ndarray:
    """Put an HxWx4 premultiplied layer over the painting."""
    return painting * (1 - premultiplied[..., 3:]) + premultiplied[..., :3]


def gradient(t: np.ndarray, *stops: tuple[float, Colour]) -> np.ndarray:
    """Colour along t: linear between the stops (place, colour)."""
    places = [place for place, _ in stops]
    return np.stack([np.interp(t, places, [c[i] for _, c in stops]) for i in range(3)], -1).astype(np.float32)


def glow(c: Canvas, x: float, y: float, radius: float) -> np.ndarray:
    """Soft light round a point, 1 in its middle, HxW; `radius` in heights."""
    return 1 / (1 + ((c.x - x) ** 2 + (c.y - y) ** 2) / radius**2) ** 1.5


def sky(c: Canvas, horizon: float, disc: bool = False) -> np.ndarray:
    """Gradient sky down to `horizon` with the sun's glow, and its disc if wanted."""
    light = c.light
    painting = gradient(c.y / max(horizon, 0.05), (0, light.zenith), (0.55, light.middle), (1, light.horizon))
    painting = np.broadcast_to(painting, (c.height, c.width, 3)).copy()
    sun_y = horizon - light.sun_height
    strength = 0.18 if light.dark else 0.5
    painting += (strength * glow(c, light.sun_x, sun_y, 0.22))[..., None] * rgb(light.sun)
    if disc:
        r = 0.035
        distance = np.hypot(c.x - light.sun_x, c.y - sun_y)
        painting += (0.5 * smooth(r + 0.004, r - 0.004, distance))[..., None] * rgb(light.sun)
    return painting


def clouds(c: Canvas, painting: np.ndarray, horizon: float, cover: float = 0.5, cells: float = 2.2) -> np.ndarray:
    """Cumulus lit from above and from the sun's side, smaller and denser towards the horizon."""
    light = c.light
    for size, seen, fade in ((cells * 2.4, 0.5, 0.75), (cells, 1.0, 0.95)):
        billow = 1 - 2.4 * np.abs(c.warped_fbm(size * 2.2, 5, 0.02, 1.5) - 0.5)
        mass = c.fbm(size, 3, 0.5, 2.0)
        shape = mass + 0.24 * billow + 0.16 * (c.fbm(size * 7, 4, 0.6, 1.3) - 0.5)
        place = 1.25 * (c.y / horizon - (0.75 if seen < 1 else 0.38)) ** 2
        low = 0.86 - 0.30 * cover + place
        alpha = smooth(low, low + 0.11, shape)
        soft = blur(shape, c.height / 180)
        step = max(2, int(0.02 * c.height))
        rise = soft - warp(soft, step if light.sun_x > 0 else -step, -step)
        shade = np.clip(0.72 + 2.6 * rise - 0.9 * np.clip(shape - low - 0.12, 0, 1), 0, 1)
        bright = mix(rgb((1, 1, 1)), rgb(light.sun), 0.6 if light.sun_height < 0.3 else 0.1) * (
            0.34 if light.dark else 1.0
        )
        dim = mix(rgb(light.middle), rgb(light.horizon), 0.35) * (0.5 if light.dark else 0.86)
        colour = mix(np.broadcast_to(dim, painting.shape), bright, shade)
        colour = mix(colour, rgb(light.horizon), np.broadcast_to(0.45 * smooth(0.4, 1.0, c.y / horizon), shape.shape))
        painting = mix(painting, colour, alpha * smooth(1.0, 0.86, c.y / horizon) * fade)
    return painting


def stars(c: Canvas, painting: np.ndarray, horizon: float, count: int = 500) -> np.ndarray:
    """Stars of many magnitudes above `horizon`, a few with a halo."""
    field_ = np.zeros((c.height, c.width), np.float32)
    rows = (c.rng.random(count) ** 1.2 * horizon * (c.height - 1)).astype(int)
    columns = c.rng.integers(0, c.width, count)
    np.maximum.at(field_, (rows, columns), c.rng.random(count).astype(np.float32) ** 4 * 1.2 + 0.12)
    big = np.where(field_ > 0.8, field_, 0)
    light = blur(field_, 0.6) * 2.2 + blur(big, 2.5) * 14
    return painting + light[..., None] * rgb((0.92, 0.95, 1.0))


def ridge(c: Canvas, base: float, height: float, cells: float, octaves: int = 7, gain: float = 0.5) -> np.ndarray:
    """A skyline: y for each column, around `base`, rising about `height` above it. Shape (W,)."""
    return (base - height * (0.5 + 0.5 * c.curve(cells, octaves, gain))).astype(np.float32)


def below(c: Canvas, line: np.ndarray, softness: float = 0.0015) -> np.ndarray:
    """HxW mask of what lies under a skyline."""
    return smooth(-softness, softness, c.y - line[None, :])


def haze(c: Canvas, colour: Colour, depth: float) -> np.ndarray:
    """Aerial perspective: the colour of something `depth` (0 near, 1 at the horizon) away."""
    return mix(rgb(colour), mix(rgb(c.light.horizon), rgb(c.light.middle), 0.35), depth)


def shafts(c: Canvas, x: float, y: float, count: float, reach: float = 1.2) -> np.ndarray:
    """Rays of light from a point, HxW 0..1."""
    angle = np.arctan2(c.x - x, c.y - y)
    profile = curve(c.rng, 2048, count, 3, 0.6)
    index = ((angle + np.pi) / (2 * np.pi) * 2047).astype(int)
    distance = np.hypot(c.x - x, c.y - y)
    return np.clip(profile[index] * 0.9 + 0.1, 0, 1) * np.clip(1 - distance / reach, 0, 1)


class Ink:
    """Shapes drawn twice as large and reduced: an antialiased premultiplied layer. Points in canvas units."""

    SCALE = 2

    def __init__(self, c: Canvas):
        self._c = c
        self._image = Image.new("RGBA", (c.width * self.SCALE, c.height * self.SCALE))
        self._draw = ImageDraw.Draw(self._image)

    def _at(self, points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        k = self._c.height * self.SCALE
        return [((x + self._c.half) * k, y * k) for x, y in points]

    @staticmethod
    def _fill(colour: Colour) -> tuple[int, int, int, int]:
        red, green, blue = (int(255 * min(max(v, 0), 1)) for v in colour)
        return red, green, blue, 255

    def polygon(self, points, colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon(self._at(points), fill=self._fill(colour))

    def disc(self, x: float, y: float, rx: float, colour: Colour, ry: float | None = None) -> None:
        """A filled ellipse."""
        ry = rx if ry is None else ry
        (left, top), (right, bottom) = self._at([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.ellipse((left, top, right, bottom), fill=self._fill(colour))

    def line(self, points, thickness: float, colour: Colour) -> None:
        """A line, thickness in heights."""
        self._draw.line(
            self._at(points),
            fill=self._fill(colour),
            joint="curve",
            width=max(1, round(thickness * self._c.height * self.SCALE)),
        )

    def layer(self, out_of_focus: float = 0.0) -> np.ndarray:
        """The premultiplied float32 HxWx4 layer, blurred by `out_of_focus` heights."""
        reduced = self._image.convert("RGBa").reduce(self.SCALE)
        reduced = reduced.filter(ImageFilter.GaussianBlur(out_of_focus * self._c.height))
        return np.asarray(reduced, np.float32) / 255


def over_soft(painting: np.ndarray, ink: Ink, softness: float) -> np.ndarray:
    """Put drawn shapes over the painting, out of focus by `softness` heights."""
    return over(painting, ink.layer(softness))


def curved(points, steps: int = 6) -> list[tuple[float, float]]:
    """A closed Catmull-Rom curve through the points."""
    p = np.asarray(points, float)
    before, after, after2 = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    b, p, a, a2 = before[:, None], p[:, None], after[:, None], after2[:, None]
    path = 0.5 * (2 * p + (a - b) * t + (2 * b - 5 * p + 4 * a - a2) * t**2 + (3 * p - b - 3 * a + a2) * t**3)
    return [tuple(q) for q in path.reshape(-1, 2)]


def bokeh(c: Canvas, painting: np.ndarray, spots, strength: float = 0.5) -> np.ndarray:
    """Lights out of focus, added: discs with a slightly brighter rim. `spots` yields (x, y, radius, colour)."""
    layer = np.zeros_like(painting)
    for x, y, radius, colour in spots:
        r = max(1.5, radius * c.height)
        spread = min(1.0, radius * c.height / r) ** 2  # a light smaller than a pixel is dimmer, not larger
        px, py = (x + c.half) * c.height, y * c.height
        top, bottom = max(0, int(py - r - 2)), min(c.height, int(py + r + 3))
        left, right = max(0, int(px - r - 2)), min(c.width, int(px + r + 3))
        if top >= bottom or left >= right:
            continue
        distance = np.hypot(np.arange(top, bottom)[:, None] - py, np.arange(left, right)[None, :] - px) / r
        edge = 1.2 / r
        disc = smooth(1 + edge, 1 - edge, distance) * (0.65 + 0.35 * distance**4)
        layer[top:bottom, left:right] += (strength * spread * disc)[..., None].astype(np.float32) * rgb(colour)
    return 1 - (1 - np.clip(painting, 0, 1)) * (1 - np.clip(layer, 0, 1))


def spots(c: Canvas, count: int, region: tuple[float, float], size: tuple[float, float], colours) -> list:
    """Random lights for `bokeh`: y within `region`, radius within `size`, colours drawn from the list."""
    y = c.rng.uniform(*region, count)
    x = c.rng.uniform(-c.half, c.half, count)
    radius = size[0] + (size[1] - size[0]) * c.rng.random(count) ** 2
    shade = c.rng.uniform(0.35, 1, count)
    pick = c.rng.integers(0, len(colours), count)
    return [(x[i], y[i], radius[i], rgb(colours[pick[i]]) * shade[i]) for i in range(count)]


def focus(c: Canvas, painting: np.ndarray, near: float, far: float, line: float) -> np.ndarray:
    """Depth of field: blur `far` heights at and above `line` (y), `near` at the bottom."""
    soft_far = blur(painting, far * c.height)
    soft_near = blur(painting, near * c.height)
    return mix(soft_far, soft_near, np.broadcast_to(smooth(line, 1.0, c.y), painting.shape[:2]))


def postprocess(painting: np.ndarray, rng: Rng, height: int, width: int) -> np.ndarray:
    """Enlarge, then add bloom, a vignette, a tone curve and film grain. Gives uint8 height x width x 3."""
    bright = np.clip(painting - 0.75, 0, 1)
    painting = painting + 0.45 * blur(bright, painting.shape[0] / 45)
    painting = np.clip(resize(painting, height, width, Image.Resampling.BICUBIC), 0, None)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    painting = painting * (1 - 0.10 * (x * x + y * y))[..., None]
    painting = np.where(painting < 0.8, painting, 1 - 0.2 * np.exp(-(painting - 0.8) / 0.2))
    grain = rng.standard_normal((height, width), dtype=np.float32)
    return (np.clip(painting + 0.009 * grain[..., None], 0, 1) * 255 + 0.5).astype(np.uint8)
