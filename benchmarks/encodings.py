"""What each encoding costs on each hop of a photo: `make bench-encodings`.

For each hop: processor time of encoding and decoding on one core (medians, the encodings in turn), bytes, and whether
the same pixels come back. `write` and `read` add the bytes' way at MEGABYTES_PER_SECOND to that. Prints a table in
Markdown; docs/decisions/0012-encodings.md draws the conclusions.
"""

import argparse
import base64
import io
import os
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks import machine, pixels

MEGABYTES_PER_SECOND = 75
"""Between a function and S3: about 600 Mbit/s is what is commonly measured; AWS publishes no figure."""


class Way(NamedTuple):
    """An encoding under its name."""

    name: str
    encode: Callable[[np.ndarray], bytes]
    decode: Callable[[bytes], np.ndarray]


def way(name: str, kind: str, **options: object) -> Way:
    return Way(name, lambda array: pixels.saved(Image.fromarray(array), kind, **options), _read)


def _read(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _in_json(of: Way) -> Way:
    """As base64, the form in which a picture stands in JSON."""
    return Way(
        f"{of.name}, base64",
        lambda array: base64.b64encode(of.encode(array)),
        lambda text: of.decode(base64.b64decode(text)),
    )


RAW = Way("npy", _npy, lambda data: np.load(io.BytesIO(data)))
PNGS = [way(f"PNG, level {level}", "PNG", compress_level=level) for level in (0, 1, 3, 6)]
JPEG = way("JPEG q95 4:4:4", "JPEG", quality=95, subsampling=0)
PROGRESSIVE = way("JPEG q95 4:4:4, progressive", "JPEG", quality=95, subsampling=0, progressive=True)
OPTIMISED = way("JPEG q95 4:4:4, optimised", "JPEG", quality=95, subsampling=0, optimize=True)
WEBPS = [way(f"WebP lossless, method {m}", "WEBP", lossless=True, quality=0, method=m) for m in (0, 1)]
MASK_WEBP = Way(
    "WebP lossless, method 0", lambda array: WEBPS[0].encode(_grey(array)), lambda data: _read(data)[..., 0] > 0
)


def _grey(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, np.uint8(255), np.uint8(0))


BIT = way("PNG of 1 bit, level 1", "PNG", compress_level=1)
BYTE = Way("PNG of 8 bits, level 1", lambda array: PNGS[1].encode(_grey(array)), lambda data: _read(data) > 0)


def hops() -> dict[str, tuple[np.ndarray, list[Way]]]:
    """What is carried, and how it could be."""
    photo = np.asarray(pixels.picture(pixels.SIDE, pixels.SIDE))
    face = photo[:768, 200:840]
    mask = ~pixels.kept(1)
    return {
        "work/photo, read by each picture": (photo, [*PNGS, *WEBPS, RAW, JPEG]),
        "crop to Segment Anything": (
            face,
            [_in_json(each) for each in (PNGS[1], WEBPS[0], JPEG, PROGRESSIVE, OPTIMISED)],
        ),
        "work/mask": (mask, [BYTE, BIT, MASK_WEBP, RAW]),
        "photo to the image model": (
            photo,
            [_in_json(each) for each in (PNGS[1], WEBPS[0], JPEG, PROGRESSIVE, OPTIMISED)],
        ),
        "picture to visitors": (photo, [JPEG, PROGRESSIVE, OPTIMISED]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encodings", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    print(machine.line())
    print("\n| hop | encoding | encode ms | decode ms | kB | write ms | read ms | exact |")
    print("|---|---|---|---|---|---|---|---|")
    for hop, (array, ways) in hops().items():
        took: dict[str, list[tuple[float, float]]] = {each.name: [] for each in ways}
        for _ in range(rounds):
            for each in ways:
                began = time.process_time()
                data = each.encode(array)
                encoded = time.process_time()
                each.decode(data)
                took[each.name].append((encoded - began, time.process_time() - encoded))
        for each in ways:
            encode, decode = (statistics.median(part) * 1000 for part in zip(*took[each.name], strict=True))
            data = each.encode(array)
            exact = "yes" if np.array_equal(each.decode(data), array) else "no"
            size = len(data) / 1000  # kB
            write, read = encode + size / MEGABYTES_PER_SECOND, decode + size / MEGABYTES_PER_SECOND
            figures = f"{encode:.1f} | {decode:.1f} | {size:.0f} | {write:.0f} | {read:.0f} | {exact}"
            print(f"| {hop} | {each.name} | {figures} |")


if __name__ == "__main__":
    main()
