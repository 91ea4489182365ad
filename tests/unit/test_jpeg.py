"""JPEGs whose end is missing, and JPEGs with more in them than one picture."""

import io
import struct
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from booth.errors import PhotoError, UnreadablePhoto
from booth.pixels import intake
from tests.support.photos import PHOTOS

KINDS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_rows": 1},
    "restarts and progressive": {"restart_marker_blocks": 5, "progressive": True},
    "whole colour": {"subsampling": 0, "quality": 95},
}
PICTURES = ("photo", "white below", "half black", "noise")


def picture(name, width=200, height=160):
    with Image.open(PHOTOS / "hopper.jpg") as photo:
        image = photo.convert("RGB").resize((width, height))
    if name == "white below":
        image.paste("white", (0, height // 2, width, height))
    elif name == "half black":
        image.paste("black", (width // 2, 0, width, height))
    elif name == "noise":
        image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))
    return image


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 90, "restart_marker_rows": 0} | options)
    return out.getvalue()


def pixels(data):
    return np.asarray(intake.normalise(data, side=1).decoded.convert("RGB"))  # enlarged for nobody


def scans_at(data):
    """Where each scan begins."""
    return [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("end", [b"", b"\xff", b"\xff\xff\xff"])
def test_a_jpeg_is_taken_without_its_end_marker_or_with_half_of_it(kind, name, end):
    whole = jpeg(picture(name), **KINDS[kind])
    assert whole.endswith(b"\xff\xd9")
    assert np.array_equal(pixels(whole[:-2] + end), pixels(whole))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["photo", "noise"])
@pytest.mark.parametrize("end", [bytes(300), b"\xff" + bytes(5000)])
def test_zeros_instead_of_the_end_marker_are_no_pixels(kind, name, end):
    """As a card or a download leaves them, whose file has its size before its content."""
    whole = jpeg(picture(name), **KINDS[kind])
    assert np.array_equal(pixels(whole[:-2] + end), pixels(whole))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_grey_and_an_ink_jpeg_are_taken_without_their_end_marker(mode):
    whole = jpeg(picture("photo").convert(mode))
    assert np.array_equal(pixels(whole[:-2]), pixels(whole))


def test_a_large_jpeg_is_taken_without_its_end_marker():
    whole = jpeg(picture("photo", 4032, 3024))
    assert np.array_equal(pixels(whole[:-2]), pixels(whole))
    with pytest.raises(UnreadablePhoto):
        pixels(whole[:-200])


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_ends_in_its_pixels_is_refused(kind):
    whole = jpeg(picture("photo"), **KINDS[kind])
    start = scans_at(whole)[-1] + 20
    for cut in (
        *range(start, len(whole) - 12, max(1, (len(whole) - start) // 40)),
        *range(len(whole) - 30, len(whole) - 12),
    ):
        for end in (b"", bytes(300)):
            with pytest.raises(UnreadablePhoto):
                pixels(whole[:cut] + end)


@pytest.mark.parametrize("kind", [name for name, options in KINDS.items() if not options.get("progressive")])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_end_marker_behind_a_jpeg_that_is_cut_off_does_not_make_it_whole(kind, orientation, mode):
    exif = Image.Exif()
    exif[0x0112] = orientation
    whole = jpeg(picture("photo").convert(mode), exif=exif, **KINDS[kind])
    start = scans_at(whole)[-1]
    assert pixels(whole).max() > 200
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(UnreadablePhoto):
            pixels(whole[: start + int(share * (len(whole) - start))] + b"\xff\xd9")


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_end_marker_behind_a_jpeg_that_is_cut_off_in_its_last_row_of_blocks_does_not_make_it_whole(mode):
    plain = jpeg(picture("photo").convert(mode))
    rows = jpeg(picture("photo").convert(mode), restart_marker_rows=1)
    last = max(at for at in range(len(rows) - 1) if rows[at] == 0xFF and 0xD0 <= rows[at + 1] <= 0xD7)
    for cut in (plain[:-100], plain[:-200], plain[:-300], rows[:last], rows[: last + 2], rows[: last + 60]):
        with pytest.raises(UnreadablePhoto):
            pixels(cut + b"\xff\xd9")


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_with_a_grey_edge_is_a_photo(kind):
    image = picture("photo")
    image.paste((128, 128, 128), (0, 120, 200, 160))
    whole = jpeg(image, **KINDS[kind])
    assert (pixels(whole)[-1] == 128).all()
    assert np.array_equal(pixels(whole[:-2]), pixels(whole))


@cache
def file_of(kind, name):
    """A JPEG, and its pixels."""
    whole = jpeg(picture(name), **KINDS[kind])
    return whole, pixels(whole)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(KINDS)), st.sampled_from(PICTURES), st.integers(1, 40) | st.integers(1, 20_000))
def test_what_is_taken_of_a_jpeg_that_is_cut_off_is_the_whole_picture(kind, name, missing):
    whole, wanted = file_of(kind, name)
    assume(missing < len(whole) - 4)
    try:
        taken = pixels(whole[:-missing])
    except PhotoError:
        assert missing > 2
        return
    assert np.array_equal(taken, wanted)


def test_a_progressive_jpeg_needs_all_its_scans():
    whole = jpeg(picture("photo"), progressive=True)
    tables = whole.rindex(b"\xff\xc4")  # before the last scan
    for cut in (*scans_at(whole)[1:], tables):
        for end in (b"", b"\xff"):
            with pytest.raises(UnreadablePhoto):
                pixels(whole[:cut] + end)


def test_a_jpeg_of_one_scan_for_each_colour_needs_all_of_them():
    grey = jpeg(picture("photo").convert("L"))
    frame, tables, scan = grey.index(b"\xff\xc0"), grey.index(b"\xff\xc4"), scans_at(grey)[0]
    size = grey[frame + 5 : frame + 9]
    components = b"".join(bytes([number, 0x11, 0]) for number in b"RGB")
    head = grey[2:frame] + b"\xff\xc0\0\x11\x08" + size + b"\3" + components + grey[tables:scan]
    scans = [b"\xff\xda\0\x08\1" + bytes([number]) + grey[scan + 6 : -2] for number in b"RGB"]
    whole = b"\xff\xd8" + head + b"".join(scans)
    assert np.array_equal(pixels(whole), pixels(whole + b"\xff\xd9"))
    with pytest.raises(UnreadablePhoto):
        pixels(whole[: -len(scans[-1])])


def test_a_jpeg_that_ends_in_its_headers_is_refused_even_if_it_has_a_thumbnail():
    """Exif holds a whole JPEG of its own: it is not the photo."""
    thumbnail = jpeg(picture("photo", 160, 120))
    entries = [(0x0103, 3, 6), (0x0201, 4, 8 + 6 + 2 + 3 * 12 + 4), (0x0202, 4, len(thumbnail))]
    directory = struct.pack("<H", 3) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    exif = b"Exif\0\0II*\0" + struct.pack("<IHI", 8, 0, 14) + directory + bytes(4) + thumbnail
    whole = jpeg(picture("photo"), exif=exif)
    assert pixels(whole).shape == (160, 200, 3)
    assert np.array_equal(pixels(whole[:-2]), pixels(whole))
    for cut in (
        whole.index(thumbnail) + len(thumbnail),
        whole.index(b"\xff\xc0"),
        scans_at(whole)[-1],
        scans_at(whole)[-1] + 6,
    ):
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(UnreadablePhoto):
                pixels(whole[:cut] + end)


# More in them than one picture


def second_picture():
    return jpeg(picture("noise", 90, 80))


def with_segment(data, content, marker=0xE1):
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + data[2:]


def multi_picture(first, second):
    """Both in one file, with the index that CIPA DC-007 asks for: type, size and place of each."""
    head = b"MPF\0MM\0*" + struct.pack(">IH", 8, 3)
    entries = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    entries += struct.pack(">HHII", 0xB002, 7, 32, 8 + 2 + 3 * 12 + 4)
    length = len(head) + len(entries) + 4 + 32 + 4
    place = len(first) + length - 2 - 8  # counts from "MM"
    index = struct.pack(">IIIHH", 0x030000, len(first) + length, 0, 0, 0)
    index += struct.pack(">IIIHH", 0x020002, len(second), place, 0, 0)
    return with_segment(first, head + entries + bytes(4) + index, 0xE2) + second


XMP = b"http://ns.adobe.com/xap/1.0/\0"
HDR = XMP + b"<x:xmpmeta xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' hdrgm:Version='1.0'/>"
MOTION = XMP + b"<x:xmpmeta GCamera:MotionPhoto='1' GCamera:MotionPhotoVersion='1'/>"
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + np.random.default_rng(0).bytes(50_000)


@pytest.mark.parametrize("kind", ["baseline", "progressive"])
@pytest.mark.parametrize(
    "made",
    [
        lambda photo: multi_picture(photo, second_picture()),
        lambda photo: multi_picture(with_segment(photo, HDR), second_picture()),
        lambda photo: with_segment(photo, HDR) + second_picture(),
        lambda photo: multi_picture(photo, second_picture())[:-3000],
        lambda photo: multi_picture(with_segment(photo, HDR), second_picture())[: -len(second_picture())],
        lambda photo: with_segment(photo, MOTION) + FILM,
        lambda photo: photo + FILM + b"SEFH" + bytes(60) + b"SEFT",
        lambda photo: multi_picture(with_segment(photo, HDR), second_picture()) + FILM,
        lambda photo: photo + FILM[:777],
        lambda photo: photo + bytes(5000),
        lambda photo: photo + b"\r\n--boundary--\r\n",
    ],
    ids=["MPO", "Ultra HDR", "Ultra HDR without an index", "MPO cut off in its second picture",
         "Ultra HDR without its gain map", "motion photo", "motion photo with a trailer", "all of them",
         "motion photo cut off in its film", "zeros", "text"],
)  # fmt: skip
def test_the_first_picture_is_the_photo(kind, made):
    photo = jpeg(picture("photo"), **KINDS[kind])
    assert np.array_equal(pixels(made(photo)), pixels(photo))


def test_an_mpo_of_pillows_is_its_first_picture():
    out = io.BytesIO()
    picture("photo").save(out, "MPO", save_all=True, append_images=[picture("noise")], quality=90)
    assert np.array_equal(pixels(out.getvalue()), pixels(jpeg(picture("photo"))))
