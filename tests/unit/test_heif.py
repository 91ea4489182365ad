"""HEIC as telephones and cameras write it, its clean aperture, and what must not reach libheif."""

import io
import re
import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pi_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booth.errors import PhotoError, PhotoTooLarge, PhotoTooNarrow, PhotoTooSmall, UnreadablePhoto, UnsupportedPhoto
from booth.pixels import heif, intake
from booth.pixels.boxes import items_of
from tests.support.heic import (
    ALPHA,
    GAIN_MAP,
    Item,
    aux,
    box,
    boxes,
    clap,
    coded,
    full,
    grid,
    heic,
    imir,
    irot,
    ispe,
    telephone,
)

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 400, 300


def pixels(data):
    return np.asarray(intake.normalise(data, side=1).decoded.convert("RGB"))  # enlarged for nobody


@pytest.fixture(scope="module")
def whole():
    """The picture of `coded()`."""
    return pixels(heic(coded()))


def assert_same(data, wanted):
    got = pixels(data)
    assert got.shape == wanted.shape
    assert np.array_equal(got, wanted)


# The clean aperture


def test_a_photo_is_cropped_to_its_clean_aperture(whole):
    """As a square crop (a telephone's editor), and as what an encoder of whole blocks pads (16 and 64 pixels)."""
    square = clap(240, 1, 240, 1, -60, 1, 0, 1)
    assert_same(heic(coded().with_properties(square)), whole[30:270, 20:260])
    padded = clap(280, 1, 180, 1, -120, 2, -120, 2)
    assert_same(heic(coded().with_properties(padded)), whole[:180, :280])


def test_libheif_still_refuses_a_clean_aperture():
    """The reason why heif.py takes it out.

    libheif allows a decoder 64 pixels more than the aperture on each side, not than the coded image
    (strukturag/libheif#1898). If this fails, pi-heif has a libheif that takes it: then `heif._aperture` can go, and the
    crop in intake.py. What else heif.py does can stay: docs/decisions/0022-heic.md.
    """
    cropped = heic(coded().with_properties(clap(240, 1, 240, 1, -60, 1, 0, 1)))
    with pytest.raises(RuntimeError, match="exceeds the maximum image size"):
        pi_heif.open_heif(io.BytesIO(cropped))[0].load()


def cropped(image, numbers):
    """By the formula of ISO/IEC 14496-12, 12.1.4, in pixels: the centre is offset + (size - 1) / 2."""
    if not all(numbers[1::2]):
        return image
    spans = []
    for length, offset, size in ((0, 4, image.shape[1]), (2, 6, image.shape[0])):
        wide = Fraction(numbers[length], numbers[length + 1])
        centre = Fraction(numbers[offset], numbers[offset + 1]) + Fraction(size - 1, 2)
        first = (centre - (wide - 1) / 2).__floor__()
        spans.append((max(0, first), min(size, first + wide.__floor__())))
    (l, r), (t, b) = spans
    return image[t:b, l:r] if l < r and t < b else image


def apertures(least, most):
    length = st.tuples(st.integers(least, most), st.integers(1, 3)).map(lambda pair: (pair[0] * pair[1], pair[1]))
    uneven = st.tuples(st.integers(3 * least, 3 * most), st.just(3))
    offset = st.tuples(st.integers(-200, 200), st.integers(1, 4))
    parts = st.tuples(length | uneven, length | uneven, offset, offset)
    return parts.map(lambda pairs: tuple(number for pair in pairs for number in pair))


TRANSFORMATIONS = st.lists(
    st.tuples(st.just("clap"), apertures(80, 400)) | st.tuples(st.just("irot"), st.integers(0, 3))
    | st.tuples(st.just("imir"), st.integers(0, 1)),
    max_size=4,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(TRANSFORMATIONS)
def test_crops_turns_and_mirrors_are_applied_in_their_order(whole, steps):
    image, properties = whole, []
    for kind, value in steps:
        if kind == "clap":
            image = cropped(image, value)
            properties.append(clap(*value))
        elif kind == "irot":
            image = np.rot90(image, value)
            properties.append(irot(value))
        else:
            image = image[:, ::-1] if value else image[::-1]
            properties.append(imir(value))
    data = heic(coded().with_properties(*properties))
    if min(image.shape[:2]) < intake.MIN_SIDE:
        with pytest.raises(PhotoTooSmall):
            pixels(data)
    elif max(image.shape[:2]) > intake.MAX_ASPECT * min(image.shape[:2]):
        with pytest.raises(PhotoTooNarrow):
            pixels(data)
    else:
        assert_same(data, image)


U32 = st.integers(0, 2**32 - 1) | st.integers(0, 5)
I32 = st.integers(-(2**31), 2**31 - 1) | st.integers(-5, 5)


@settings(max_examples=300, deadline=None)
@given(st.tuples(U32, U32, U32, U32, I32, U32, I32, U32), st.integers(0, 3), st.integers(0, 1))
def test_an_aperture_lies_within_the_image_whatever_its_numbers_say(numbers, turns, axis):
    made = heif.still(heic(coded().with_properties(irot(turns), clap(*numbers), imir(axis))))
    width, height = (WIDTH, HEIGHT) if turns % 2 == 0 else (HEIGHT, WIDTH)
    l, t, r, b = made.aperture or (0, 0, width, height)
    assert 0 <= l < r <= width
    assert 0 <= t < b <= height


@pytest.mark.parametrize(
    "numbers",
    [
        (200, 1, 200, 1, 5000, 1, 0, 1),
        (200, 0, 200, 1, 0, 1, 0, 1),
        (0, 1, 200, 1, 0, 1, 0, 1),
        (1, 2, 200, 1, 0, 1, 0, 1),
    ],
    ids=["outside", "by nothing", "empty", "half a pixel"],
)
def test_an_aperture_that_shows_nothing_is_ignored(numbers, whole):
    assert_same(heic(coded().with_properties(clap(*numbers))), whole)


def test_transparency_is_cropped_with_the_photo(whole):
    """Both have the aperture; the alpha here hides nothing but what is dark in it."""
    hole = clap(240, 1, 240, 1, -60, 1, 0, 1)
    photo = coded().with_properties(hole)
    alpha = coded("depth10").with_properties(aux(ALPHA), hole).with_references((b"auxl", (1,)))
    got = intake.normalise(heic(photo, alpha)).decoded
    assert got.size == (240, 240)
    assert not np.array_equal(np.asarray(got), whole[30:270, 20:260])


# As telephones write it


@pytest.fixture(scope="module")
def tiled(whole):
    return np.tile(whole, (2, 2, 1))[:550, :750]


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"in_idat": (1, 11)},
        {"wide": True},
        {"meta_last": True},
        {"pieces": 3},
        {"primary": 11},
        {"more_meta": full(b"grpl", 0, b"")},
        {"after": b"\0\0\0\x10mpvdfilm...."},
        {"after": b"\0\0\0\x18ftypmp42" + bytes(12) + b"\0\1\0\0mdat" + b"film" * 50},
        {"after": b"SEFH" + bytes(40) + b"SEFT"},
        {"after": bytes(1000)},
    ],
    ids=lambda layout: next((f"{name} {value!r:.20}" for name, value in layout.items()), "usual"),
)
def test_a_telephones_photo_is_taken(layout, tiled):
    """`after`: motion photos of Google's, of Samsung's with its trailer, and zeros."""
    assert_same(telephone(irot(3), **layout), np.rot90(tiled, 3))


def test_a_telephones_photo_is_cropped(tiled):
    assert_same(telephone(clap(550, 1, 550, 1, 0, 1, 0, 1), irot(1)), np.rot90(tiled[:, 100:650]))


def test_a_photo_that_lies_in_a_long_idat_is_taken(whole):
    assert_same(heic(coded(), Item(b"mime", bytes(5_000_000)), in_idat=(1, 2)), whole)


@pytest.mark.parametrize("colr", [b"", b"nclx", b"nclx\0\1\0\x0d\0\6", b"nclc\0\1\0\1\0\1", b"oops1234"])
def test_colours_that_libheif_can_not_read_cost_colours_not_the_photo(colr, whole):
    plain = coded()
    others = tuple(each for each in plain.properties if each[0] != b"colr")
    assert_same(heic(Item(plain.kind, plain.content, (*others, (b"colr", colr)))), whole)


@pytest.mark.parametrize("number", [6, 7, 8, 10, 11])
def test_what_is_beside_the_photo_can_not_spoil_it(number, tiled):
    """Gain map, matte, thumbnail, XMP and HDR version of a type or content that no reader knows."""
    parts = telephone(irot(3))
    named = re.compile(b"infe\2\0\0\0" + struct.pack(">H", number) + b"\0\0....", re.DOTALL)
    damaged = named.sub(lambda found: found[0][:-4] + b"oops", parts)
    assert damaged != parts
    assert_same(damaged, np.rot90(tiled, 3))


def test_only_the_photo_reaches_libheif():
    bomb = Item(b"mime", b"application/rdf+xml\0deflate\0" + zlib.compress(bytes(10**6)), (), ((b"cdsc", (1,)),))
    chain = Item(b"iden", b"x", (ispe(400, 300),), ((b"dimg", (1,)), (b"auxl", (1,)))).with_properties(aux(GAIN_MAP))
    plain = Item(b"unci", bytes(100), (ispe(400, 300),))
    made = heif.still(heic(coded(), bomb, chain, plain, more_meta=full(b"grpl", 0, b""), after=b"\0\0\0\x0cmoovabcd"))
    top = list(boxes(made.data))
    assert [kind for kind, _ in top] == [b"ftyp", b"meta", b"mdat"]
    assert re.findall(b"infe.{8}(.{4})", made.data, re.DOTALL) == [b"hvc1"]
    assert top[2][1] == coded().content


def test_transparency_is_a_coded_picture_not_a_chain_of_items():
    chain = Item(b"iden", b"x", (ispe(400, 300),), ((b"dimg", (1,)), (b"auxl", (1,)))).with_properties(aux(ALPHA))
    with pytest.raises(UnsupportedPhoto):
        heif.still(heic(coded(), chain))


@pytest.mark.starts
def test_a_photo_of_48_megapixels_stays_within_half_of_the_functions_memory():
    code = (
        "import re; from pathlib import Path; from benchmarks.pixels import tiled_heic\n"
        "from booth.pixels import intake; data = tiled_heic(20, 20)\n"
        "assert intake.normalise(data).photo.size == (1024, 768)\n"
        # Not getrusage: what it tells begins with the memory of the process that this one was forked from.
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1769 // 2


# What can't be taken


@pytest.mark.parametrize("kind", [b"av01", b"jpeg", b"avc1", b"j2k1", b"unci", b"iden", b"iovl", b"mski", b"oops"])
def test_a_photo_that_is_not_hevc_is_told_to_be_none_of_ours(kind):
    other = Item(kind, coded().content, coded().properties, ((b"dimg", (2,)),))
    with pytest.raises(UnsupportedPhoto):
        intake.normalise(heic(other, coded()))
    with pytest.raises(UnsupportedPhoto):
        intake.normalise(heic(grid(1, 1, (400, 300), 2), other))


def test_a_grid_that_lacks_tiles_is_not_shown_as_its_first_tile():
    part = struct.pack(">4BII", 0, 1, 1, 1, 750, 550)
    with pytest.raises(UnreadablePhoto):
        intake.normalise(heic(Item(b"grid", part, (ispe(750, 550),), ((b"dimg", (2,)),)), coded()))


def test_a_film_is_no_photo():
    for brands in (b"heic", b"msf1", b"hevc"):
        film = struct.pack(">I4s", 20, b"ftyp") + brands + bytes(4) + b"msf1" + b"\0\0\0\x10moovabcdefgh"
        with pytest.raises(UnsupportedPhoto):
            intake.normalise(film)


def test_what_would_keep_the_decoder_busy_is_refused():
    many = struct.pack(">HHHHH", 1, 0, 0, 0, 60_000) + struct.pack(">II", 0, 1) * 60_000
    usual = heic(coded())
    for data in (
        heic(grid(10, 10, (400, 300), 2), *[coded()] * 100),  # 100 times the pixels that are shown
        heic(coded().of_size(65_000, 65_000)),
        heic(coded(), *[Item(b"mime", b"x")] * 30_000),
        usual.replace(b"iloc\1", b"iloc\0") + many,
        usual[:60],
    ):
        with pytest.raises((UnreadablePhoto, PhotoTooLarge)):
            intake.normalise(data)


def test_items_that_are_read_again_and_again_are_refused():
    """One tile 60,000 times, with 250 properties or, as `ipma` may name it often, with any number."""
    tile = coded().of_size(1, 1).with_properties(*[(b"free", bytes([each])) for each in range(250)])
    mosaic = Item(b"grid", bytes(12), (ispe(400, 300),), ((b"dimg", (2,) * 60_000),))
    with pytest.raises(ValueError, match="too many tiles"):
        heif.still(heic(mosaic, tile))
    once = struct.pack(">HB", 1, 100) + b"\1" * 100
    again = full(b"ipma", 0, struct.pack(">I", 3) + once * 3)
    tables = {b"iinf": bytes(6), b"iloc": bytes(8), b"iprp": box(b"ipco", box(b"free", b"")) + again}
    with pytest.raises(ValueError, match="too many properties"):
        items_of(tables)


def test_a_large_photo_is_measured_before_it_is_cropped():
    large = coded().of_size(20_000, 20_000).with_properties(clap(400, 1, 300, 1, 0, 1, 0, 1))
    with pytest.raises(PhotoTooLarge):
        intake.normalise(heic(large))


def test_a_file_that_is_cut_off_behind_the_photo_is_taken_and_one_in_it_is_not(whole):
    exif = Item(b"mime", bytes(500), (), ((b"cdsc", (1,)),))
    data = heic(coded(), exif, after=b"\0\0\1\0mpvd" + bytes(248))
    end = data.index(coded().content) + len(coded().content)
    for cut in [*range(end, len(data), 50), end + 1]:
        assert_same(data[:cut], whole)
    for cut in [*range(12, end - 1, 97), *range(end - 20, end)]:
        with pytest.raises(PhotoError):
            intake.normalise(data[:cut])


@pytest.mark.parametrize(
    ("brand", "compatible"),
    [(b"heic", b"mif1"), (b"heix", b"mif1"), (b"mif1", b"heic"), (b"msf1", b"heic"), (b"mif1", b"miaf"), (b"hevm", b""),
     (b"hevc", b"heic"), (b"MiHE", b"mif1heic"), (b"tmap", b"mif1heic"), (b"miaf", b"avifheic"), (b"mif2", b"")],
)  # fmt: skip
def test_every_brand_of_a_heic_is_known(brand, compatible, whole):
    assert_same(heic(coded(), brand=brand, compatible=compatible), whole)


@pytest.mark.parametrize(
    ("brand", "compatible"),
    [(b"avif", b"mif1miaf"), (b"mif1", b"avifmiaf"), (b"avis", b"msf1"), (b"qt  ", b"qt  "), (b"mp42", b"isom"),
     (b"crx ", b"isom")],
)  # fmt: skip
def test_what_only_looks_like_a_heic_is_told_to_be_none(brand, compatible):
    with pytest.raises(UnsupportedPhoto):
        intake.normalise(heic(coded(), brand=brand, compatible=compatible))
