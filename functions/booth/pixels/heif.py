"""HEIC before it is decoded: of the whole file only the photo goes on to libheif.

A HEIC holds items: the photo or a grid of its tiles, and beside it gain map, mattes, thumbnails, metadata, and in a
motion photo a film. `still` makes a new file of the primary item, its tiles, its transparency and its Exif, so that
nothing else can stop libheif or attack it. It also takes out the clean aperture (`clap`), with which libheif 1.23.0
refuses a photo: the caller crops. docs/decisions/0022-heic.md has the reasons.

`clap`: ISO/IEC 14496-12, 12.1.4. Grid, transformations, auxiliary images: ISO/IEC 23008-12.
"""

import struct
from dataclasses import dataclass
from fractions import Fraction

from booth.errors import UnsupportedPhoto
from booth.pixels.boxes import Item, References, items_of, meta_of, primary_of, references_of

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels; right and bottom are exclusive."""

_MAX_COPIED = 64 * 1024 * 1024
"""Bytes of the new file: items may share bytes, but the file is not to grow much by that."""
_MAX_TILES = 1_000
"""Of a grid: 60 megapixels in tiles of 256 pixels are 916, and telephones' tiles have 512."""
_KEPT = (b"hvcC", b"ispe", b"pixi", b"colr", b"irot", b"imir", b"auxC")
"""Properties that libheif gets: the decoder's settings, size, depth, colour space, turned, mirrored, alpha."""
_PRIMARIES = frozenset((1, 2, *range(4, 13), 22))
_TRANSFERS = frozenset((1, 2, *range(4, 19)))
"""Code points of `nclx` (Rec. ITU-T H.273) that libheif 1.23.0 knows; of others it refuses the photo."""
_UNSPECIFIED = 2
_NCLX = 11
"""Bytes of such a `colr` box: its type, three code points, and whether the range is full."""


@dataclass(frozen=True)
class Still:
    """A HEIC of one photo."""

    data: bytes
    """The file for libheif."""
    size: tuple[int, int]
    """Width and height that the photo says it has, before it is turned and cropped."""
    aperture: Box | None
    """What is to be cut out of the decoded image; None for nothing."""


def still(heic: bytes) -> Still:
    """The photo alone.

    Raises:
        UnsupportedPhoto: it is not encoded as HEVC, or there is no still image.
        ValueError, KeyError, IndexError, struct.error: the file is damaged, or has too many parts.
    """
    meta = meta_of(heic)
    items, references, photo = items_of(meta), references_of(meta), primary_of(meta)
    if items[photo].kind == b"tmap":  # ISO 21496-1: the photo, and how its gain map makes it brighter
        photo = references[b"dimg", photo][0]
    new = _NewFile(heic, meta.get(b"idat", b""))
    number = new.add_picture(items, references, photo)
    for (kind, source), targets in references.items():
        if photo not in targets or source not in items:
            continue
        if kind == b"auxl" and items[source].is_alpha and not new.has(b"auxl"):
            alpha = new.add_picture(items, references, source)
            new.refer(b"auxl", alpha, [number])
            if source in references.get((b"prem", photo), ()):
                new.refer(b"prem", number, [alpha])
        elif kind == b"cdsc" and items[source].kind == b"Exif" and not new.has(b"cdsc"):
            new.refer(b"cdsc", new.add(items[source]), [number])
    return Still(new.build(), items[photo].size, _aperture(items[photo]))


# The clean aperture


def _aperture(item: Item) -> Box | None:
    """What its transformations leave, in the image that has been turned and mirrored but not cropped."""
    width, height = item.size
    l, t, r, b = 0, 0, width, height
    for kind, content, _ in item.properties:
        if kind == b"clap":
            l, t, r, b = _clean((l, t, r, b), content)
        elif kind == b"irot":
            for _ in range(content[0] & 3):  # by 90 degrees, anticlockwise
                l, t, r, b = t, width - r, b, width - l
                width, height = height, width
        elif kind == b"imir":
            if content[0] & 1:  # left and right change places
                l, r = width - r, width - l
            else:
                t, b = height - b, height - t
    return None if (l, t, r, b) == (0, 0, width, height) else (l, t, r, b)


def _clean(box: Box, clap: bytes) -> Box:
    """The clean aperture of this part of an image. One that is empty, or lies outside, is ignored."""
    wide, of_wide, high, of_high, x, of_x, y, of_y = struct.unpack(">IIIIiIiI", clap[:32])
    if not (of_wide and of_high and of_x and of_y):
        return box
    l, t, r, b = box
    left, right = _span(l, r, Fraction(wide, of_wide), Fraction(x, of_x))
    top, bottom = _span(t, b, Fraction(high, of_high), Fraction(y, of_y))
    return (left, top, right, bottom) if left < right and top < bottom else box


def _span(start: int, end: int, length: Fraction, offset: Fraction) -> tuple[int, int]:
    """Where this length lies whose middle is `offset` off that of start..end; whole pixels as libheif rounds them."""
    first = start + (offset + (end - start - length) / 2).__floor__()
    return max(start, first), min(end, first + length.__floor__())


def _is_colour(colr: bytes) -> bool:
    """Whether a `colr` box is one that libheif can read; for any other it refuses the photo."""
    return colr[:4] in (b"prof", b"rICC") or (colr[:4] == b"nclx" and len(colr) >= _NCLX)


def _colours(colr: bytes) -> bytes:
    """Content of a `colr` box for libheif: primaries and transfer that it doesn't know are unspecified."""
    if colr[:4] != b"nclx":
        return colr
    primaries, transfer = struct.unpack_from(">HH", colr, 4)
    primaries = primaries if primaries in _PRIMARIES else _UNSPECIFIED
    transfer = transfer if transfer in _TRANSFERS else _UNSPECIFIED
    return colr[:4] + struct.pack(">HH", primaries, transfer) + colr[8:]


# The new file


class _NewFile:
    """A HEIC in the making. Items are numbered from 1; the first one is the photo."""

    def __init__(self, old: bytes, idat: bytes):
        self._sources = (old, idat)
        self._kinds: list[bytes] = []
        self._places: list[tuple[int, int]] = []
        self._links: list[list[int]] = []
        self._known: dict[tuple[bytes, int], tuple[int, bytes]] = {}
        """By type and identity of a property's content, which items share, for comparing long ones takes time: its
        number and its box."""
        self._references: list[tuple[bytes, int, list[int]]] = []
        self._contents: list[bytes] = []
        self._copied: dict[tuple[tuple[int, int, int], ...], tuple[int, int]] = {}
        self._length = 0

    def add_picture(self, items: dict[int, Item], references: References, source: int) -> int:
        """Adds an image, with its tiles; gives its number. Raises UnsupportedPhoto if it isn't encoded as HEVC."""
        item = items[source]
        tiles = [items[each] for each in references[b"dimg", source]] if item.kind == b"grid" else []
        if any(each.kind != b"hvc1" for each in tiles or [item]):
            raise UnsupportedPhoto("not encoded as HEVC")
        if len(tiles) > _MAX_TILES:
            raise ValueError("too many tiles")
        if tiles and sum(_area(each.size) for each in tiles) > _area(item.size, tiles[0].size):
            raise ValueError("too many tiles")  # they may reach over the right and lower edge, by less than one
        number = self.add(item)
        if tiles:
            self.refer(b"dimg", number, [self.add(each) for each in tiles])
        return number

    def add(self, item: Item) -> int:
        """Adds an item; gives its number."""
        links = []
        for kind, content, essential in item.properties:
            if kind in _KEPT and (kind != b"colr" or _is_colour(content)):
                key = kind, id(content)
                if key not in self._known:
                    box = _box(kind, _colours(content) if kind == b"colr" else content)
                    self._known[key] = len(self._known) + 1, box
                links.append(self._known[key][0] | essential << 15)
        self._kinds.append(item.kind)
        self._links.append(links)
        self._places.append(self._copy(tuple(item.extents)))
        return len(self._kinds)

    def refer(self, kind: bytes, source: int, targets: list[int]) -> None:
        self._references.append((kind, source, targets))

    def has(self, kind: bytes) -> bool:
        """Whether there is a reference of this type."""
        return any(each == kind for each, _, _ in self._references)

    def build(self) -> bytes:
        head = _box(b"ftyp", b"heic\0\0\0\0mif1heic")
        start = len(head) + len(self._meta(0)) + 8
        return head + self._meta(start) + _box(b"mdat", *self._contents)

    def _copy(self, extents: tuple[tuple[int, int, int], ...]) -> tuple[int, int]:
        """Copies the content once; gives its place and length."""
        if extents not in self._copied:
            length = sum(each[2] for each in extents)
            if self._length + length > _MAX_COPIED:
                raise ValueError("too many bytes")
            self._contents += [self._read(*each) for each in extents]
            self._copied[extents] = self._length, length
            self._length += length
        return self._copied[extents]

    def _read(self, source: int, offset: int, length: int) -> bytes:
        content = self._sources[source][offset : offset + length]
        if not length or len(content) < length:
            raise ValueError("the file is cut off")
        return content

    def _meta(self, start: int) -> bytes:
        """The `meta` box; `start`: where the content of `mdat` begins."""
        count = len(self._kinds)
        numbers = range(1, count + 1)
        handler = bytes(4) + b"pict" + bytes(13)
        listed = [
            _full(b"infe", 2, 0, struct.pack(">HH4sB", number, 0, kind, 0))
            for number, kind in zip(numbers, self._kinds, strict=True)
        ]
        places = [
            struct.pack(">HHHII", number, 0, 1, start + offset, length)
            for number, (offset, length) in zip(numbers, self._places, strict=True)
        ]
        associated = [
            struct.pack(f">HB{len(links)}H", number, len(links), *links)
            for number, links in zip(numbers, self._links, strict=True)
        ]
        referred = [
            _box(kind, struct.pack(f">HH{len(targets)}H", source, len(targets), *targets))
            for kind, source, targets in self._references
        ]
        return _full(
            b"meta",
            0,
            0,
            _full(b"hdlr", 0, 0, handler),
            _full(b"pitm", 0, 0, struct.pack(">H", 1)),
            _full(b"iloc", 0, 0, struct.pack(">HH", 0x4400, count), *places),
            _full(b"iinf", 0, 0, struct.pack(">H", count), *listed),
            _full(b"iref", 0, 0, *referred) if referred else b"",
            _box(
                b"iprp",
                _box(b"ipco", *(each for _, each in self._known.values())),
                _full(b"ipma", 0, 1, struct.pack(">I", count), *associated),
            ),
        )


def _area(size: tuple[int, int], more: tuple[int, int] = (0, 0)) -> int:
    return (size[0] + more[0]) * (size[1] + more[1])


def _box(kind: bytes, *content: bytes) -> bytes:
    return b"".join((struct.pack(">I4s", 8 + sum(map(len, content)), kind), *content))


def _full(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)
