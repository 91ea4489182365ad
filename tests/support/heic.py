"""HEICs made of the coded pictures of tests/photos: any items, properties and references, in any layout."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from tests.support.photos import PHOTOS

Property = tuple[bytes, bytes]
"""Type and content."""

ALPHA = "urn:mpeg:hevc:2015:auxid:1"
GAIN_MAP = "urn:com:apple:photo:2020:aux:hdrgainmap"
MATTE = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"


@dataclass(frozen=True)
class Item:
    kind: bytes
    content: bytes
    properties: tuple[Property, ...] = ()
    refers: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    """Type of each reference, and the numbers of the items that it names."""

    def with_properties(self, *more: Property) -> "Item":
        """The same with these as its last properties, in the order in which they are applied."""
        return replace(self, properties=(*self.properties, *more))

    def of_size(self, width: int, height: int) -> "Item":
        """The same, and it says that it is so large."""
        others = [each for each in self.properties if each[0] != b"ispe"]
        return replace(self, properties=(*others, ispe(width, height)))

    def with_references(self, *more: tuple[bytes, tuple[int, ...]]) -> "Item":
        return replace(self, refers=(*self.refers, *more))


@dataclass(frozen=True)
class Layout:
    """How a file is written. The default is how most programs do it."""

    brand: bytes = b"heic"
    compatible: bytes = b"mif1heic"
    primary: int = 1
    wide: bool = False
    """Ids of 32 bits, indices of 15, sizes of boxes of 64."""
    in_idat: tuple[int, ...] = ()
    """Items whose content lies in `idat`."""
    pieces: int = 1
    """In how many extents each content lies."""
    meta_last: bool = False
    more_meta: bytes = field(default=b"")
    after: bytes = b""
    """What follows the file's boxes."""


@cache
def coded(name: str = "quarters") -> Item:
    """The picture of tests/photos/<name>.heic: without its transformations and its alpha."""
    heic = (PHOTOS / f"{name}.heic").read_bytes()
    top = dict(boxes(heic))
    meta = dict(boxes(top[b"meta"][4:]))
    inner = dict(boxes(meta[b"iprp"]))
    kept = [each for each in boxes(inner[b"ipco"]) if each[0] in (b"hvcC", b"ispe", b"pixi", b"colr")]
    first = dict(reversed(kept))
    start, _, offset, length = struct.unpack_from(">IHII", meta[b"iloc"], 12)  # of the first item: version 0
    offset += start
    return Item(b"hvc1", heic[offset : offset + length], tuple(reversed(first.items())))


def grid(columns: int, rows: int, size: tuple[int, int], first: int) -> Item:
    """A grid of the items from `first` on."""
    made_of = tuple(range(first, first + columns * rows))
    content = struct.pack(">4BII", 0, 1, rows - 1, columns - 1, *size)
    return Item(b"grid", content, (ispe(*size),), ((b"dimg", made_of),))


def ispe(width: int, height: int) -> Property:
    return b"ispe", struct.pack(">III", 0, width, height)


def clap(*numbers: int) -> Property:
    """Width, height, and how far the middle is off to the right and down; numerator and denominator of each."""
    return b"clap", struct.pack(">IIIIiIiI", *numbers)


def irot(quarter_turns: int) -> Property:
    """Anticlockwise."""
    return b"irot", bytes([quarter_turns])


def imir(axis: int) -> Property:
    """0: above and below change places; 1: left and right."""
    return b"imir", bytes([axis])


def aux(kind: str) -> Property:
    return b"auxC", bytes(4) + kind.encode() + b"\0"


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        at += size


def heic(*items: Item, **layout: object) -> bytes:
    """The file. Items are numbered from 1. `layout`: fields of Layout."""
    how = Layout(**layout)  # pyright: ignore[reportArgumentType]  each is of its field's type
    head = box(b"ftyp", how.brand + bytes(4) + how.compatible)
    idat, places = b"", []
    for number, item in enumerate(items, 1):
        if number in how.in_idat:
            places.append((1, len(idat)))
            idat += item.content
        else:
            places.append((0, 0))
    data = b"".join(item.content for number, item in enumerate(items, 1) if number not in how.in_idat)
    mdat = box(b"mdat", data, wide=how.wide)
    before = len(head) + (0 if how.meta_last else len(_meta(items, how, places, idat)))
    start = before + len(mdat) - len(data)
    for index, item in enumerate(items):
        if not places[index][0]:
            places[index] = 0, start
            start += len(item.content)
    meta = _meta(items, how, places, idat)
    return head + (mdat + meta if how.meta_last else meta + mdat) + how.after


def telephone(*transformations: Property, **layout: object) -> bytes:
    """Tiles, turned, with a gain map, a matte, a thumbnail, Exif, XMP, and the HDR version derived from both."""
    size = (750, 550)
    xmp = b"application/rdf+xml\0"
    items = [
        grid(2, 2, size, 2).with_properties(*transformations),
        *[coded()] * 4,
        coded("depth10").with_properties(aux(GAIN_MAP)).with_references((b"auxl", (1,))),
        coded("depth10").with_properties(aux(MATTE)).with_references((b"auxl", (1,))),
        coded().with_references((b"thmb", (1,))),
        Item(b"Exif", bytes(4) + b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", (), ((b"cdsc", (1,)),)),
        Item(b"mime", xmp + b"<x:xmpmeta/>", (), ((b"cdsc", (1,)),)),
        Item(b"tmap", bytes(62), (ispe(*size),), ((b"dimg", (1, 6)),)),
    ]
    return heic(*items, compatible=b"mif1MiHEmiaftmapheic", **layout)


def _meta(items: tuple[Item, ...], how: Layout, places: list[tuple[int, int]], idat: bytes) -> bytes:
    version, one = (1, ">I") if how.wide else (0, ">H")
    number_of = {number: struct.pack(one, number) for number in range(len(items) + 1)}
    known: dict[Property, int] = {}
    located, listed, linked, referred = bytearray(), bytearray(), bytearray(), bytearray()
    for number, (item, (method, offset)) in enumerate(zip(items, places, strict=True), 1):
        identity = number_of[number]
        listed += full(b"infe", 3 if how.wide else 2, identity + bytes(2) + item.kind + b"\0")
        step = -(-len(item.content) // how.pieces) or 1
        extents = [(at, min(step, len(item.content) - at)) for at in range(0, len(item.content), step)]
        located += identity + struct.pack(">HHIH", method, 0, offset, len(extents))
        located += b"".join(struct.pack(">II", *each) for each in extents)
        links = [known.setdefault(each, len(known) + 1) for each in item.properties]
        must = [each[0] in (b"hvcC", b"clap", b"irot", b"imir") for each in item.properties]
        linked += identity + bytes([len(links)])
        bits = 15 if how.wide else 7
        linked += b"".join(
            (link | essential << bits).to_bytes(2 if how.wide else 1)
            for link, essential in zip(links, must, strict=True)
        )
        for kind, targets in item.refers:
            named = b"".join(number_of[each] for each in targets)
            referred += box(kind, identity + struct.pack(">H", len(targets)) + named)
    known_boxes = b"".join(box(kind, content) for kind, content in known)
    return full(
        b"meta",
        0,
        full(b"hdlr", 0, bytes(4) + b"pict" + bytes(13))
        + full(b"pitm", version, number_of[how.primary])
        + full(b"iloc", version + 1, struct.pack(">H", 0x4440) + struct.pack(one, len(items)) + located)
        + full(b"iinf", version, struct.pack(one, len(items)) + listed)
        + (full(b"iref", version, bytes(referred)) if referred else b"")
        + box(
            b"iprp",
            box(b"ipco", known_boxes) + full(b"ipma", version, struct.pack(">I", len(items)) + linked, how.wide),
        )
        + (box(b"idat", idat) if idat else b"")
        + how.more_meta,
        wide=how.wide,
    )


def box(kind: bytes, content: bytes, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


def full(kind: bytes, version: int, content: bytes, flags: int = 0, wide: bool = False) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | int(flags)) + content, wide)
