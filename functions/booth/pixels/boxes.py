"""Reads the boxes of a HEIC: its items, where each lies, its properties, and which item refers to which.

Boxes: ISO/IEC 14496-12, items in 8.11. Properties: ISO/IEC 23008-12. Everything raises ValueError, KeyError,
IndexError or struct.error for boxes that are damaged, or so many that reading them would take long.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from booth.errors import UnsupportedPhoto

Property = tuple[bytes, bytes, bool]
"""Type, content, and whether a reader must know it."""
References = dict[tuple[bytes, int], list[int]]
"""By type and the id of the item that refers: the ids that it refers to."""

_MAX_META = 4 * 1024 * 1024
"""Bytes of a box in `meta`, but `idat`, which may hold the photo. Telephones' have some 10 kB, and a colour profile."""
_MAX_NUMBERS = 100_000
"""Read of one table. The tables of a photo of 200 tiles have about 2,000."""
_MAX_BOXES = 20_000
"""In one box."""
_MAX_PROPERTIES = 255
"""Of an item: `ipma` counts them in 8 bits."""
_ALPHA = (b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
"""Types of an auxiliary image that is the photo's transparency."""


@dataclass
class Item:
    """An image, or metadata."""

    kind: bytes = b""
    extents: list[tuple[int, int, int]] = field(default_factory=list)
    """Where the content lies: construction method (0: in the file, 1: in `idat`), offset, length."""
    properties: list[Property] = field(default_factory=list)
    """In the order in which transformations are applied."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height before any transformation."""
        width, height = struct.unpack(">II", self.first(b"ispe")[4:12])
        return width, height

    @property
    def is_alpha(self) -> bool:
        return self.first(b"auxC")[4:].split(b"\0")[0] in _ALPHA

    def first(self, kind: bytes) -> bytes:
        """The first one of this type; empty if it has none."""
        return next((content for name, content, _ in self.properties if name == kind), b"")


class _Table:
    """Reads numbers, one after the other. Raises ValueError at the end, and when it has been too many."""

    def __init__(self, content: bytes | memoryview):
        self._content, self._at, self._left = content, 0, _MAX_NUMBERS

    def number(self, size: int) -> int:
        """The next `size` bytes; 0 if that is 0."""
        start, self._at, self._left = self._at, self._at + size, self._left - 1
        if self._at > len(self._content) or not self._left:
            raise ValueError("a table is too short, or too long")
        return int.from_bytes(self._content[start : self._at])

    def numbers(self, size: int, count: int) -> list[int]:
        return [self.number(size) for _ in range(count)]


def _boxes(content: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Type and content of each box; what follows the last whole one is left out."""
    data, at, count = memoryview(content), 0, 0
    while at + 8 <= len(data):
        size, head = int.from_bytes(data[at : at + 4]), 8
        if size == 1:  # 64 bits, after the type
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        end = at + size if size else len(data)
        count += 1
        if end > len(data) or end < at + head or count > _MAX_BOXES:
            return
        yield bytes(data[at + 4 : at + 8]), data[at + head : end]
        at = end


def primary_of(meta: dict[bytes, bytes]) -> int:
    """The id of the item that is the photo."""
    table = _Table(meta[b"pitm"])
    return table.number(4 if table.number(4) >> 24 else 2)


def meta_of(heic: bytes) -> dict[bytes, bytes]:
    """The boxes in the file's `meta`. Raises UnsupportedPhoto for a film."""
    found = dict(reversed([*_boxes(heic)]))  # the first one of each type counts
    if b"meta" not in found and b"moov" in found:
        raise UnsupportedPhoto("a film without a still image")
    inner = reversed([*_boxes(found[b"meta"][4:])])
    return {kind: bytes(content if kind == b"idat" else content[:_MAX_META]) for kind, content in inner}


def items_of(meta: dict[bytes, bytes]) -> dict[int, Item]:
    """Every item by its id, with what `iinf`, `iloc` and `iprp` say of it."""
    items: dict[int, Item] = {}
    entries = meta[b"iinf"]
    for kind, content in _boxes(entries[8 if entries[0] else 6 :]):
        if kind == b"infe" and content[0] >= 2:  # before that version, items had no type
            at = 8 if content[0] == 2 else 10
            items[int.from_bytes(content[4 : at - 2])] = Item(bytes(content[at : at + 4]))
    for number, extents in _locations(meta[b"iloc"]):
        items.setdefault(number, Item()).extents = extents
    inner = dict(reversed([*_boxes(meta[b"iprp"])]))
    known = [(kind, bytes(content)) for kind, content in _boxes(inner[b"ipco"])]
    for number, links in _associations(bytes(inner[b"ipma"])):
        found = [(*known[index - 1], essential) for index, essential in links if index]
        properties = items.setdefault(number, Item()).properties
        properties += found
        if len(properties) > _MAX_PROPERTIES:
            raise ValueError("too many properties")
    return items


def _locations(iloc: bytes) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
    table = _Table(iloc)
    version = table.number(4) >> 24
    sizes = table.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(table.number(4 if version == 2 else 2)):
        number = table.number(4 if version == 2 else 2)
        method = table.number(2) & 15 if version else 0
        elsewhere, start = table.number(2), table.number(base)
        extents = []
        for _ in range(table.number(2)):
            table.number(index if version else 0)
            # A source that isn't known is refused where the content is read.
            extents.append((2 if elsewhere else method, start + table.number(offset), table.number(length)))
        yield number, extents


def _associations(ipma: bytes) -> Iterator[tuple[int, list[tuple[int, bool]]]]:
    """Item ids, and of each the properties by their place in `ipco`, counted from 1, and whether it is essential."""
    table = _Table(ipma)
    head = table.number(4)
    size = 2 if head & 1 else 1
    for _ in range(table.number(4)):
        number = table.number(4 if head >> 24 else 2)
        links = table.numbers(size, table.number(1))
        flag = 1 << (8 * size - 1)
        yield number, [(link & (flag - 1), bool(link & flag)) for link in links]


def references_of(meta: dict[bytes, bytes]) -> References:
    """What `iref` says."""
    iref = meta.get(b"iref", b"")
    size = 4 if iref[:1] == b"\1" else 2
    found = {}
    for kind, content in _boxes(iref[4:]):
        table = _Table(content)
        source = table.number(size)
        found[kind, source] = table.numbers(size, table.number(2))
    return found
