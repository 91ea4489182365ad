"""Where everything of the drawing is, and how it looks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tools.drawing import system as of
from tools.drawing.svg import SMALL, TEXT, TITLE, Box, Canvas, width_of, wrapped
from tools.drawing.system import Function, Kept, Step, System

EDGE, GAP, PAD = 14, 14, 9  # pixels: around the picture, between cards, inside a card
LEAST = 860  # pixels: the picture's width, unless its names need more
LOW = 2 * PAD + 27  # pixels: height of a card with a name and one line
LINES = 3  # of a step's caption, at most
CARD = 60  # pixels: height of a function's card
HEADING = 24  # pixels: the name of a group
ICON, BADGE, CHIP = 20, 13, 20  # pixels: height of each
LINE = 13.5  # pixels: from one line of text to the next
FALL = 30  # pixels: between the rows

VISITORS = "Pad and phones"
NAMES = {"rekognition": "Rekognition", "sagemaker": "Segment Anything", "bedrock": "Image models"}
SERVICES = {"rekognition": "", "sagemaker": "SageMaker", "bedrock": "Bedrock"}
LOOKS = {of.BUCKET: ("green", "bucket"), of.TABLE: ("blue", "table"), of.QUEUE: ("grey", "queue")}
LOOKS[of.NESTED] = ("grey", "bell")
STORES = (of.BUCKET, of.TABLE)
GLYPHS = {
    "lambda": "M5.5 4.5H8L14.5 15.5M9.4 7.6L5.5 15.5",
    "bucket": "M4.5 6L6 15.5H14L15.5 6M4.5 6A5.5 1.8 0 0 1 15.5 6A5.5 1.8 0 0 1 4.5 6",
    "table": "M4.5 5H15.5V15.5H4.5ZM4.5 8.5H15.5M4.5 12H15.5M9 8.5V15.5",
    "queue": "M5 5.5V14.5M8.3 5.5V14.5M11.6 5.5V14.5M15 5.5V14.5",
    "bell": "M5 14H15L13.7 12V8.8A3.7 3.7 0 0 0 6.3 8.8V12ZM8.7 16H11.3",
    "machine": "M7 4.5H13V8H7ZM3.8 12H8.6V15.5H3.8ZM11.4 12H16.2V15.5H11.4ZM10 8V10H6.2V12M10 10H13.8V12",
    "brain": "M10 4L11.6 8.4L16 10L11.6 11.6L10 16L8.4 11.6L4 10L8.4 8.4Z",
    "globe": "M10 4A6 6 0 0 1 10 16A6 6 0 0 1 10 4M4 10H16M10 4C6.4 7.5 6.4 12.5 10 16M10 4C13.6 7.5 13.6 12.5 10 16",
    "api": "M7.5 5.5L3.8 10L7.5 14.5M12.5 5.5L16.2 10L12.5 14.5",
    "pad": "M6 3.8H14V16.2H6ZM9.3 14.2H10.7",
}


T = TypeVar("T")


@dataclass(frozen=True)
class Badge:
    """What stands for a resource on the functions that may use it."""

    letter: str
    colour: str


def draw(system: System) -> str:
    """The picture, as SVG."""
    return Picture(system).svg()


class Picture:
    """The rows from above: visitors, CDN, API and upload; the steps; models; what is kept; what looks after it all."""

    def __init__(self, system: System):
        self._system = system
        self.canvas = Canvas()
        self._badges = _badges(system)
        self._widths = [self._step_width(step) for step in system.steps]
        steps = sum(self._widths) + GAP * (len(self._widths) - 1) + 2 * GAP
        self.width = max(LEAST, steps + 2 * EDGE)
        spare = (self.width - 2 * EDGE - steps) / len(self._widths)
        self._widths = [width + spare for width in self._widths]
        self.height = self._rows()

    def svg(self) -> str:
        """The whole picture."""
        names = ", ".join(step.name for step in self._system.steps)
        return self.canvas.svg(self.width, self.height, "Photo Booth on AWS", f"The steps of a photo: {names}.")

    def _rows(self) -> float:
        bottom, entry = self._entries(EDGE)
        bottom, steps = self._machine(bottom + FALL, entry)
        bottom = self._models(bottom + FALL, steps)
        bottom = self._kept(bottom + 2 * GAP)
        bottom = self._looks_after(bottom + GAP)
        return self._legend(bottom + GAP) + EDGE

    # Parts of a card

    def _card(self, box: Box, look: tuple[str, str], name: str, notes: Iterable[str] = (), badge: str = "") -> None:
        """A card with an icon, a name, and lines under it; `badge` is the resource that the card is."""
        self.canvas.rect(box, "card")
        self._icon(box.x + PAD, box.y + PAD, *look)
        left = box.x + PAD + ICON + 7
        self.canvas.text(name, left, box.y + PAD + 9.5, box, "name", TITLE)
        for number, note in enumerate(notes):
            self.canvas.text(note, left, box.y + PAD + 9.5 + LINE * (number + 1), box)
        if badge in self._badges:
            self._badge(box.right - BADGE - 5, box.y + 5, badge)

    def _icon(self, x: float, y: float, colour: str, glyph: str) -> None:
        self.canvas.rect(Box(x, y, ICON, ICON), colour, 4)
        self.canvas.shape(f'<path class="ink" transform="translate({x:.1f} {y:.1f})" d="{GLYPHS[glyph]}"/>')

    def _badge(self, x: float, y: float, resource: str) -> None:
        badge, box = self._badges[resource], Box(x, y, BADGE, BADGE)
        self.canvas.rect(box, badge.colour, 3)
        self.canvas.centred(badge.letter, box, y + BADGE - 3.2, "glyph", 9.5)

    def _uses(self, function: Function, x: float, y: float) -> None:
        """The badges of what a function uses, side by side."""
        for number, resource in enumerate(each for each in self._badges if each in function.uses):
            self._badge(x + number * (BADGE + 2), y, resource)

    def _function(self, box: Box, label: str, function: Function) -> None:
        """A card of a function, with what calls it above its name and what it uses below."""
        self.canvas.rect(box, "card")
        self._icon(box.x + PAD, box.y + PAD, "orange", "lambda")
        left = box.x + PAD + ICON + 7
        self.canvas.text(function.name, left, box.y + PAD + 9.5, box, "name", TITLE)
        self.canvas.text(label, left, box.y + PAD + 9.5 + LINE, box, size=SMALL)
        self._uses(function, left, box.y + PAD + 9.5 + LINE + 6)

    def _group(self, box: Box, look: tuple[str, str], name: str, note: str, badge: str = "") -> None:
        self.canvas.rect(box, "group", 8)
        self._icon(box.x + PAD, box.y + 6, *look)
        self.canvas.text(name, box.x + PAD + ICON + 7, box.y + 20, box, "name", TITLE)
        left = box.x + PAD + ICON + 7 + width_of(name, TITLE, True) + 8
        if badge in self._badges:
            self._badge(left, box.y + 9.5, badge)
            left += BADGE + 8
        self.canvas.text(note, left, box.y + 20, box)

    # The rows

    def _entries(self, top: float) -> tuple[float, list[Box]]:
        """Visitors, CDN, API and upload; returns the row's lower end and the functions that an upload starts."""
        system = self._system
        api = self._api(top)
        uploads = [system.kept[bucket] for _, bucket, _ in system.events]
        width = max(_text_card(VISITORS, ()), *(_text_card(each.name, each.notes, True) for each in uploads))
        visitors = Box(EDGE, top, width, 2 * PAD + 2 * LINE)
        self._card(visitors, ("blue", "pad"), VISITORS, ["the booth's page"])
        lines = [f"{paths} → {'API' if to not in system.kept else to}" for paths, to in system.paths]
        width = max(width_of(line, TEXT) for line in lines) + 2 * PAD + ICON + 7
        cdn = Box((visitors.right + api.x - width) / 2, top, width, 2 * PAD + (len(lines) + 1) * LINE)
        self._card(cdn, ("blue", "globe"), "CDN", lines)
        level = top + visitors.height / 2
        self.canvas.arrow((visitors.right, level), (cdn.x, level))
        self.canvas.arrow((cdn.right, level), (api.x, level))
        return api.bottom, self._uploads(visitors, api.bottom - CARD)

    def _api(self, top: float) -> Box:
        """The API with its functions in two columns, at the right."""
        routes = self._system.routes
        width = max(_function_width(label, each) for label, each in routes)
        columns = 2
        rows = -(-len(routes) // columns)
        whole = columns * width + (columns - 1) * 8 + 2 * PAD
        api = Box(self.width - EDGE - whole, top, whole, HEADING + rows * (8 + CARD) + PAD)
        self._group(api, ("blue", "api"), "API", "API Gateway")
        for number, (label, function) in enumerate(routes):
            row, column = divmod(number, columns)
            x, y = api.x + PAD + column * (width + 8), top + HEADING + 8 + row * (CARD + 8)
            self._function(Box(x, y, width, CARD), label, function)
        return api

    def _uploads(self, visitors: Box, top: float) -> list[Box]:
        """The buckets that are uploaded to, and the functions that this starts, whose boxes are returned."""
        x, started = visitors.x, []
        for label, bucket, function in self._system.events:
            kept = self._system.kept[bucket]
            uploads = Box(x, top, visitors.width, CARD)
            self._card(uploads, LOOKS[kept.type], kept.name, kept.notes, kept.name)
            self.canvas.arrow((visitors.middle, visitors.bottom), (visitors.middle, top))
            beside = Box(visitors.middle, visitors.bottom, 200, top - visitors.bottom)
            self.canvas.text("PUT, presigned URL", beside.x + 8, beside.y + beside.height / 2 + 6, beside, size=SMALL)
            gap = Box(uploads.right, top, width_of(label, SMALL) + 22, CARD)
            box = Box(gap.right, top, _function_width("EventBridge", function) + PAD, CARD)
            self._function(box, "EventBridge", function)
            level = top + CARD / 2
            self.canvas.arrow((gap.x, level), (gap.right, level))
            self.canvas.centred(label, Box(gap.x, top, gap.width - 6, CARD), level - 6, size=SMALL)
            started.append(box)
            x = box.right + FALL
        return started

    def _machine(self, top: float, entry: Sequence[Box]) -> tuple[float, list[Box]]:
        """The state machine; returns its lower end and the steps' boxes."""
        system, steps = self._system, self._system.steps
        heights = [self._step_height(step, width) for step, width in zip(steps, self._widths, strict=True)]
        rail, upper = top + HEADING + 20, top + HEADING + 34
        machine = Box(EDGE, top, self.width - 2 * EDGE, HEADING + 34 + max(heights) + GAP)
        self._group(machine, ("pink", "machine"), system.machine, "Step Functions", system.machine)
        boxes, x = [], machine.x + GAP
        for width, height in zip(self._widths, heights, strict=True):
            boxes.append(Box(x, upper, width, height))
            x += width + GAP
        self._failures(steps, boxes, rail)
        for step, box in zip(steps, boxes, strict=True):
            self._step(step, box)
        level = upper + PAD + 6
        for step, before, after in zip(steps, boxes, boxes[1:], strict=False):
            self.canvas.arrow((before.right + (3 if step.is_map else 0), level), (after.x, level))
        for box in entry:
            self.canvas.arrow((box.middle, box.bottom), (box.middle, top))
        return machine.bottom, boxes

    def _failures(self, steps: Sequence[Step], boxes: Sequence[Box], rail: float) -> None:
        """The dashed way from every step with a Catch to the step that it leads to."""
        by_name = {step.name: box for step, box in zip(steps, boxes, strict=True)}
        for target in {step.fails_to for step in steps if step.fails_to}:
            to = by_name[target]
            failing = [by_name[step.name] for step in steps if step.fails_to == target]
            first = failing[0]
            self.canvas.arrow(
                (first.middle, first.y), (first.middle, rail), (to.middle, rail), (to.middle, to.y), failing=True
            )
            for box in failing[1:]:
                self.canvas.arrow((box.middle, box.y), (box.middle, rail), failing=True, head=False)

    def _step(self, step: Step, box: Box) -> None:
        if step.is_map:
            for shift in (6, 3):
                self.canvas.rect(Box(box.x + shift, box.y + shift, box.width - 3, box.height - 3), "card")
            box = Box(box.x, box.y, box.width - 3, box.height - 3)
        self.canvas.rect(box, "card")
        left, y = box.x + PAD, box.y + PAD + 10
        self.canvas.text(step.name, left, y, box, "name", TITLE)
        for line in self._caption(step, box.width):
            y += LINE
            self.canvas.text(line, left, y, box)
        y += 8
        if step.function:
            self._uses(self._system.functions[step.function], left, y)
            y += BADGE + 7
        for kind, names in (("chip", step.inside), ("chip", step.ends), ("fallback", step.fallbacks)):
            for name in names:
                chip = Box(left, y, box.width - 2 * PAD, CHIP)
                self.canvas.rect(chip, kind, 4)
                self.canvas.centred(name, chip, y + 14, "note", SMALL)
                y += CHIP + 4

    def _caption(self, step: Step, width: float) -> list[str]:
        return wrapped(step.caption, TEXT, width - 2 * PAD)

    def _step_width(self, step: Step) -> float:
        """The least width of a step's card."""
        words = max((width_of(word, TEXT) for word in step.caption.split()), default=0)
        while len(wrapped(step.caption, TEXT, words)) > LINES:
            words += 1
        chips = max((width_of(each, SMALL) + 12 for each in (*step.inside, *step.ends, *step.fallbacks)), default=0)
        return max(width_of(step.name, TITLE, True), words, chips) + 2 * PAD + (3 if step.is_map else 0)

    def _step_height(self, step: Step, width: float) -> float:
        chips = len(step.inside) + len(step.ends) + len(step.fallbacks)
        own = PAD + 10 + len(self._caption(step, width)) * LINE + 8 + (BADGE + 7 if step.function else 0)
        return own + chips * (CHIP + 4) + 3 + (3 if step.is_map else 0)

    def _models(self, top: float, steps: Sequence[Box]) -> float:
        """A card for each service that has a model, under the step that asks it; returns the row's lower end."""
        system, x, bottom = self._system, float(EDGE), top
        for step, box in zip(system.steps, steps, strict=True):
            services = system.functions[step.function].models if step.function else ()
            for service in services:
                names = [*filter(None, [SERVICES[service]]), *system.models[service]]
                width = max(width_of(NAMES[service], TITLE, True), *(width_of(name, TEXT) for name in names))
                width += 2 * PAD + ICON + 7
                left = min(max(x, box.middle - width / 2), self.width - EDGE - width)
                card = Box(left, top, width, 2 * PAD + LINE * (len(names) + 1))
                self._card(card, ("purple", "brain"), NAMES[service], names)
                self.canvas.arrow((box.middle, box.bottom), (box.middle, top))
                x, bottom = card.right + GAP, max(bottom, card.bottom)
        return bottom

    def _kept(self, top: float) -> float:
        """Buckets and table, but for those that are drawn already; returns the row's lower end."""
        drawn = {bucket for _, bucket, _ in self._system.events}
        kept = [each for each in self._system.kept.values() if each.type in STORES and each.name not in drawn]
        notes = [", ".join(each.notes) for each in kept]
        needed = [_text_card(each.name, [note], True) for each, note in zip(kept, notes, strict=True)]
        for (each, box), note in zip(self._row(kept, needed, top, LOW), notes, strict=True):
            self._card(box, LOOKS[each.type], each.name, [note], each.name)
        return top + LOW

    def _looks_after(self, top: float) -> float:
        """Functions on a schedule, queue, alarms; returns the row's lower end."""
        schedules = self._system.schedules
        others = [each for each in self._system.kept.values() if each.type not in STORES]
        needed = [_function_width(*each) for each in schedules]
        needed += [_text_card(each.name, each.notes, True) for each in others]
        boxes = self._row([*schedules, *others], needed, top, CARD)
        for each, box in boxes:
            if isinstance(each, Kept):
                self._card(box, LOOKS[each.type], each.name, each.notes, each.name)
            else:
                self._function(box, *each)
        return top + CARD

    def _row(self, items: Sequence[T], needed: Sequence[float], top: float, height: float) -> list[tuple[T, Box]]:
        """Each item with a box in a row over the whole width; `needed` are the least widths."""
        spare = (self.width - 2 * EDGE - sum(needed) - GAP * (len(items) - 1)) / len(items)
        boxes, x = [], float(EDGE)
        for item, width in zip(items, needed, strict=True):
            boxes.append((item, Box(x, top, width + spare, height)))
            x += width + spare + GAP
        return boxes

    def _legend(self, top: float) -> float:
        """What the signs mean; returns its lower end."""
        box = Box(EDGE, top, self.width - 2 * EDGE, 18)
        x, y = float(EDGE), top + 12
        for resource in self._badges:
            self._badge(x, y - 10.5, resource)
            x += BADGE + 2
        for text in ("what a function has rights on", "stacked: as many at once as fit"):
            self.canvas.text(text, x + 5, y, box, size=SMALL)
            x += width_of(text, SMALL) + 26
        self.canvas.arrow((x, y - 4), (x + 30, y - 4), failing=True)
        self.canvas.text("where an error leads that no retry mends", x + 37, y, box, size=SMALL)
        return box.bottom


def _badges(system: System) -> dict[str, Badge]:
    """By resource: those on which a function has rights, in the order in which they are kept."""
    used = {resource for function in system.functions.values() for resource in function.uses}
    badges: dict[str, Badge] = {}
    for name in (*(each for each in system.kept if each in used), system.machine):
        taken = {badge.letter for badge in badges.values()}
        letter = next(each.upper() for each in name if each.upper() not in taken)
        colour = LOOKS[system.kept[name].type][0] if name in system.kept else "pink"
        badges[name] = Badge(letter, colour)
    return badges


def _function_width(label: str, function: Function) -> float:
    text = max(width_of(function.name, TITLE, True), width_of(label, SMALL), len(function.uses) * (BADGE + 2))
    return text + 2 * PAD + ICON + 7


def _text_card(name: str, notes: Iterable[str], has_badge: bool = False) -> float:
    """The width of a card with a name and lines under it."""
    lines = max((width_of(note, TEXT) for note in notes), default=0)
    return max(width_of(name, TITLE, True) + has_badge * BADGE, lines) + 2 * PAD + ICON + 7
