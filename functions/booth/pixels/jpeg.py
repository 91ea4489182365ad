"""A JPEG's segments, before it is decoded: bombs are refused, and an end that is missing is put in place.

Markers and headers: ITU-T T.81, annex B.
"""

import random
import re
import struct
from dataclasses import dataclass, field

from booth.errors import UnreadablePhoto

MAX_SCANS = 100
"""Progressive JPEGs have about ten; each costs a pass over all pixels, even if it has few bytes."""
MAX_SCANNED_PIXELS = 1_000_000_000
"""Scans times pixels, over all that is decoded: 16 scans of the largest photo, 80 of one of 12 megapixels. The slowest
kind, arithmetic coding, takes about 3 ms a megapixel and scan."""
MAX_SEGMENTS = 50_000
"""Pillow reads them one by one."""
MAX_EXIF = 1024 * 1024
"""Bytes. Pillow makes an object of each number; Exif fits in one segment, and longer Exif in a few."""
MAX_GAP = 65_536
"""Bytes between two segments before the first scan, where there should be none: Pillow skips them one by one."""

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)
"""A marker of a segment; none occurs within the scans' entropy-coded data. (TEM, 0x01, and RST stand alone.)"""
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Frame header markers, SOF0 to SOF15: their segment has the size (table B.1)."""
_BASELINE = frozenset((0xC0, 0xC1))
_APP, _COM, _EOI, _SOS = range(0xE0, 0xF0), 0xFE, 0xD9, 0xDA
_TABLES = frozenset((0xC4, 0xDB, 0xDD))  # DHT, DQT, DRI
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_UNSEEN = 14
"""More bits than a coefficient can lack."""
_FILL = bytes(64)
"""So many zeros at the end are not pixels but what a card or a download puts where the rest should be."""
_NOISE = bytes(random.Random(0).choices(range(1, 255), k=256))
_NOISES = (_NOISE, bytes(255 - each for each in _NOISE))
"""Bytes as pixels may have, and the opposite of each bit; without 0xFF, which begins a marker."""
_VERSIONS = 4
"""Of a file without an end marker. It counts so many times its scans."""


@dataclass
class _Layout:
    """What the segments tell."""

    has_end: bool = False
    end: int = 0
    """Where the end marker is, or belongs: behind the last whole segment or scan."""
    pixels: int = 0
    scans: int = 0
    scan: int = 0
    """Where the last scan's pixels begin."""
    is_baseline: bool = False
    is_progressive: bool = False
    restarts: bool = False
    exif: int = 0
    """Bytes of Exif."""
    lacking: dict[int, list[int]] = field(default_factory=dict)
    """By component: of each of its 64 coefficients, how many bits no scan has had."""

    @property
    def has_all_scans(self) -> bool:
        return bool(self.scans) and not any(any(bits) for bits in self.lacking.values())


def versions(jpeg: bytes, max_pixels: int, is_end_doubted: bool = False) -> list[bytes]:
    """The file. If its end marker is missing: the file with several ends, which are one picture if no pixel is missing.

    A decoder fills in what is missing, and each end has other bytes for that: none, the first ones of the last scan,
    noise, and its opposite. Data after the first image are not read.

    Args:
        max_pixels: of one picture; a larger one is refused by its header, and does not count as many scans.
        is_end_doubted: a baseline file's end marker counts for nothing: programs put one behind a file that is cut off.

    Raises:
        UnreadablePhoto: decoding it would take minutes, or it ends before its last scan.
    """
    layout = _layout(jpeg, max_pixels)
    has_end = layout.has_end and not (is_end_doubted and layout.is_baseline)
    if has_end or not layout.scans:  # Pillow tells what a file without scans lacks
        _check_scans(layout, 1)
        return [jpeg]
    _check_scans(layout, _VERSIONS)
    if not layout.has_all_scans:
        raise UnreadablePhoto("scans are missing")
    data = jpeg[: layout.end]
    if data.endswith(_FILL):
        data = data.rstrip(b"\0")
        data += b"\0" * data.endswith(b"\xff")  # which follows 0xFF among pixels
    data = data.rstrip(b"\xff")  # the first half of a marker
    first = _RESTART.split(data[layout.scan : layout.scan + 2048])[0].rstrip(b"\xff")
    more = [first, *_NOISES]
    if layout.restarts:  # the next part may be missing as a whole: the same after the marker that is due
        found = _RESTART.findall(data, layout.scan)
        due = bytes((0xFF, 0xD0 + (found[-1][1] - 0xD0 + 1) % 8 if found else 0xD0))
        more = [each + due + each for each in more]
    return [data + end + b"\xff\xd9" for end in (b"", *more)]


def without_metadata(jpeg: bytes) -> tuple[bytes, tuple[int, int]] | None:
    """A baseline JPEG of one scan in YCbCr, without its APP and COM segments, up to its end marker; width and height.

    None for every other file, and where a segment may say that the pixels are meant otherwise: Exif and XMP (APP1) have
    an orientation, Adobe's (APP14) has a colour transform.
    """
    parts, size, at = [jpeg[:2]], (0, 0), 2
    for _ in range(MAX_SEGMENTS):
        if jpeg[at : at + 1] != b"\xff" or at + 4 > len(jpeg):
            return None
        marker, end = jpeg[at + 1], at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        if marker in _BASELINE and end <= len(jpeg) and jpeg[at + 4] == 8 and jpeg[at + 9] == 3:
            height, width = struct.unpack_from(">HH", jpeg, at + 5)
            size = width, height
        elif marker == _SOS:
            found = _MARKER.search(jpeg, end)
            is_whole = found and found[1][0] == _EOI and all(size)
            return (b"".join([*parts, jpeg[at : found.end()]]), size) if found and is_whole else None
        elif marker in (0xE1, 0xEE) or not (marker in _TABLES or marker in _APP or marker == _COM):
            return None
        if marker not in _APP and marker != _COM:
            parts.append(jpeg[at:end])
        at = end
    return None


def _check_scans(layout: _Layout, times: int) -> None:
    if layout.scans > MAX_SCANS or layout.scans * layout.pixels * times > MAX_SCANNED_PIXELS:
        raise UnreadablePhoto("too many scans")


def _layout(jpeg: bytes, max_pixels: int) -> _Layout:
    layout, at = _Layout(), 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(jpeg, at)
        if not layout.scans and (found.start() if found else len(jpeg)) - at > MAX_GAP:
            raise UnreadablePhoto("no segments")
        layout.end = found.start() if found else len(jpeg)
        layout.has_end = bool(found) and found[1] == b"\xd9"
        if not found or layout.has_end:
            return layout
        start = found.end() + 2
        at = start - 2 + int.from_bytes(jpeg[start - 2 : start])  # the segment's end
        if at > len(jpeg) or start > len(jpeg):
            return layout
        _read(layout, found[1][0], jpeg[start:at], at, max_pixels)
        if layout.exif > MAX_EXIF:
            raise UnreadablePhoto("too much Exif")
        if layout.scans > MAX_SCANS:
            return layout
    raise UnreadablePhoto("too many segments")


def _read(layout: _Layout, marker: int, segment: bytes, end: int, max_pixels: int) -> None:
    """Notes what a segment tells, which ends at `end`."""
    if marker in _FRAME:
        height, width, components = struct.unpack_from(">xHHB", segment)
        layout.pixels = max(layout.pixels, min(width * height, max_pixels))
        layout.is_baseline = marker in _BASELINE
        layout.is_progressive = marker in _PROGRESSIVE
        layout.lacking = {segment[6 + 3 * number]: [_UNSEEN] * 64 for number in range(components)}
    elif marker == 0xDD:  # DRI
        layout.restarts = any(segment)
    elif marker == 0xE1 and segment.startswith(b"Exif\0\0"):
        layout.exif += len(segment)
    elif marker == 0xDA:  # SOS
        layout.scans += 1
        layout.scan = end
        count = segment[0]
        first, last, bits = segment[1 + 2 * count : 4 + 2 * count] if layout.is_progressive else (0, 63, 0)
        for number in range(count):
            coefficients = layout.lacking.get(segment[1 + 2 * number], [])
            coefficients[first : last + 1] = [bits & 15] * len(coefficients[first : last + 1])
