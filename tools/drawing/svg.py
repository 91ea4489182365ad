"""Shapes and texts of an SVG that is legible in light and dark mode, and how wide a text is."""

from dataclasses import dataclass
from html import escape

FONT = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', Roboto, 'Segoe UI', 'Noto Sans', sans-serif"
TITLE, TEXT, SMALL = 12.5, 11, 10.5  # pixels: a name, what is under it, labels and chips

# Advance widths in thousandths of the font's size: Liberation Sans, which has Arial's and Helvetica's.
_PLAIN = {
    **dict.fromkeys("'", 191), **dict.fromkeys("ijl", 222), **dict.fromkeys("|", 260),
    **dict.fromkeys("ftI!,./:;[\\] ", 278), **dict.fromkeys("r()-`{}", 334), **dict.fromkeys('"*', 389),
    **dict.fromkeys("cksvxyzJ", 500), **dict.fromkeys("0123456789abdeghnopquL#$?_", 556),
    **dict.fromkeys("+<=>~FTZ", 611), **dict.fromkeys("ABEKPSVXY&", 667), **dict.fromkeys("wCDHNRU", 722),
    **dict.fromkeys("GOQ", 778), **dict.fromkeys("mM", 833), **dict.fromkeys("%W", 944), **dict.fromkeys("→@", 1015),
}  # fmt: skip
_BOLD = {
    **dict.fromkeys("ijlI,./\\ |'", 280), **dict.fromkeys("ft!()-:;[]`", 333), **dict.fromkeys('r*{}"', 474),
    **dict.fromkeys("0123456789aceksvxyzJ#$_", 556), **dict.fromkeys("+<=>^~bdghnopquFLTZ?", 611),
    **dict.fromkeys("EPSVXY", 667), **dict.fromkeys("ABCDHKNRU&", 722), **dict.fromkeys("wGOQ", 778),
    **dict.fromkeys("Mm%", 889), **dict.fromkeys("W@", 975),
}  # fmt: skip
_WIDER = 1.08
"""Other sans-serif fonts are up to this much wider."""

# Name of a class: its CSS in light mode, in dark mode.
STYLES = {
    "paper": ("fill:#ffffff;stroke:#d1d9e0", "fill:#0d1117;stroke:#3d444d"),
    "group": ("fill:#f6f8fa;stroke:#d1d9e0", "fill:#151b23;stroke:#3d444d"),
    "card": ("fill:#ffffff;stroke:#c4ccd4", "fill:#212830;stroke:#4d555f"),
    "chip": ("fill:#eef1f4;stroke:none", "fill:#2f3742;stroke:none"),
    "fallback": ("fill:none;stroke:#cf222e;stroke-dasharray:3 2.5", "fill:none;stroke:#f47067;stroke-dasharray:3 2.5"),
    "name": ("fill:#1f2328", "fill:#f0f6fc"),
    "note": ("fill:#59636e", "fill:#aab3bd"),
    "line": ("fill:none;stroke:#6e7781", "fill:none;stroke:#9198a1"),
    "head": ("fill:#6e7781", "fill:#9198a1"),
    "failing": ("fill:none;stroke:#cf222e;stroke-dasharray:4 3", "fill:none;stroke:#f47067;stroke-dasharray:4 3"),
    "failhead": ("fill:#cf222e", "fill:#f47067"),
    "orange": ("fill:#bc4c00", "fill:#db6d28"),
    "green": ("fill:#1a7f37", "fill:#2ea043"),
    "blue": ("fill:#0969da", "fill:#388bfd"),
    "purple": ("fill:#8250df", "fill:#a371f7"),
    "pink": ("fill:#bf3989", "fill:#db61a2"),
    "grey": ("fill:#59636e", "fill:#6e7781"),
}
_FIXED = ".name,.glyph{font-weight:bold}.glyph{fill:#fff}.ink{fill:none;stroke:#fff;stroke-width:1.5}"


def width_of(text: str, size: float, bold: bool = False) -> float:
    """At most so many pixels a text is wide."""
    widths = _BOLD if bold else _PLAIN
    return sum(widths.get(letter, 1015) for letter in text) * size / 1000 * _WIDER


def wrapped(text: str, size: float, width: float) -> list[str]:
    """The text in lines of at most `width` pixels; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


@dataclass(frozen=True)
class Box:
    """A rectangle; pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


class Canvas:
    """Collects shapes and texts. `placed` has each text with its box, and the box that it must lie in."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.placed: list[tuple[str, Box, Box]] = []

    def rect(self, box: Box, kind: str, radius: float = 6) -> None:
        """A rectangle of the class `kind`."""
        self._parts.append(
            f'<rect class="{kind}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
            f'rx="{radius}"/>'
        )

    def text(self, text: str, x: float, y: float, inside: Box, kind: str = "note", size: float = TEXT) -> None:
        """A text that begins at `x`, its baseline at `y`, in the box `inside`."""
        bold = kind in ("name", "glyph")
        self.placed.append((text, Box(x, y - size, width_of(text, size, bold), size * 1.25), inside))
        self._parts.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{size}">{escape(text)}</text>')

    def centred(self, text: str, box: Box, y: float, kind: str = "note", size: float = TEXT) -> None:
        """A text in the middle of a box, its baseline at `y`."""
        width = width_of(text, size, kind in ("name", "glyph"))
        self.placed.append((text, Box(box.middle - width / 2, y - size, width, size * 1.25), box))
        self._parts.append(
            f'<text class="{kind}" x="{box.middle:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="middle">'
            f"{escape(text)}</text>"
        )

    def arrow(self, *points: tuple[float, float], failing: bool = False, head: bool = True) -> None:
        """A line through the points, with rounded corners, that ends in a head."""
        kind = "failing" if failing else "line"
        self._parts.append(f'<path class="{kind}" d="{_rounded(points)}"/>')
        if head:
            (x0, y0), (x, y) = points[-2:]
            across = abs(x - x0) > abs(y - y0)
            back = 7 if (x < x0 if across else y < y0) else -7
            sides = (
                f"{x + back:.1f} {y - 4:.1f} {x + back:.1f} {y + 4:.1f}"
                if across
                else f"{x - 4:.1f} {y + back:.1f} {x + 4:.1f} {y + back:.1f}"
            )
            self._parts.append(
                f'<polygon class="{"failhead" if failing else "head"}" points="{x:.1f} {y:.1f} {sides}"/>'
            )

    def shape(self, svg: str) -> None:
        """Any other element."""
        self._parts.append(svg)

    def svg(self, width: float, height: float, title: str, description: str) -> str:
        """The whole picture."""
        light = "".join(f".{name}{{{css}}}" for name, (css, _) in STYLES.items())
        dark = "".join(f".{name}{{{css}}}" for name, (_, css) in STYLES.items())
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
                f'font-family="{FONT}">',
                f"<title>{escape(title)}</title>",
                f"<desc>{escape(description)}</desc>",
                f"<style>{light}{_FIXED}@media(prefers-color-scheme:dark){{{dark}}}</style>",
                f'<rect class="paper" x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="10"/>',
                *self._parts,
                "</svg>",
                "",
            ]
        )


def _rounded(points: tuple[tuple[float, float], ...], radius: float = 6) -> str:
    """Path data through points on horizontal and vertical lines; corners are arcs."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x, y), (x1, y1) in zip(points, points[1:], points[2:], strict=False):
        before, after = _towards(x, y, x0, y0, radius), _towards(x, y, x1, y1, radius)
        path += f"L{before[0]:.1f} {before[1]:.1f}Q{x:.1f} {y:.1f} {after[0]:.1f} {after[1]:.1f}"
    return path + f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"


def _towards(x: float, y: float, to_x: float, to_y: float, radius: float) -> tuple[float, float]:
    """The point `radius` from (x, y) towards another one, at most half of the way."""
    length = abs(to_x - x) + abs(to_y - y)
    part = min(radius, length / 2) / length if length else 0
    return x + (to_x - x) * part, y + (to_y - y) * part
