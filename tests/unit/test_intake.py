"""What comes in: formats, modes, orientations, broken and hostile files."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from booth.errors import PhotoTooLarge, PhotoTooNarrow, PhotoTooSmall, UnreadablePhoto, UnsupportedPhoto
from booth.pixels import intake
from tests.support.photos import PHOTOS, named_files


def quarters(width=400, height=300):
    """Red, green / blue, white: shows which way is up."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    image.paste((0, 255, 0), (width // 2, 0, width, height // 2))
    image.paste((0, 0, 255), (0, height // 2, width // 2, height))
    return image


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def corners(image):
    pixels = np.asarray(image.convert("RGB")).astype(int)
    h, w = pixels.shape[:2]
    return [tuple(pixels[y, x]) for y in (h // 8, h - h // 8) for x in (w // 8, w - w // 8)]


def assert_upright(photo, tolerance=30):
    wanted = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    for got, want in zip(corners(photo), wanted, strict=True):
        assert np.abs(np.subtract(got, want)).max() <= tolerance


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_formats(kind, options):
    taken = intake.normalise(saved(quarters(), kind, **options))
    assert taken.photo.mode == "RGB"
    assert taken.photo.size == (1024, 768)
    assert_upright(taken.photo)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientations(kind, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that makes this orientation upright again
    image = quarters()
    if orientation in undo:
        image = image.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    taken = intake.normalise(saved(image, kind, exif=exif))
    assert taken.photo.size == (1024, 768)
    assert_upright(taken.photo)


def test_a_large_photo_is_reduced_and_a_small_one_enlarged():
    taken = intake.normalise(saved(quarters(6000, 4000), "JPEG"))
    assert taken.photo.size == (1024, 683)
    assert Image.open(io.BytesIO(taken.detection)).size == (1920, 1280)
    assert_upright(taken.photo)
    taken = intake.normalise(saved(quarters(80, 80), "PNG"))
    assert taken.photo.size == (1024, 1024)
    assert Image.open(io.BytesIO(taken.detection)).size == (1024, 1024)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "I;16", "PA"])
def test_modes(mode):
    source = quarters()
    if mode == "I;16":
        grey = np.asarray(source.convert("L"), np.uint16) * 257
        data = saved(Image.fromarray(grey), "PNG")
    elif mode in ("CMYK", "YCbCr"):
        data = saved(source.convert(mode), "JPEG", quality=95)
    elif mode == "PA":
        data = saved(source.convert("P"), "PNG", transparency=3)
    else:
        data = saved(source.convert(mode), "PNG")
    taken = intake.normalise(data)
    assert taken.photo.mode == "RGB"
    got = [sum(pixel) for pixel in corners(taken.photo)]
    assert got[3] >= 3 * 240
    assert min(got[:3]) < 3 * 200


def test_transparent_parts_become_white():
    image = Image.new("RGBA", (200, 200), (255, 0, 0, 0))
    taken = intake.normalise(saved(image, "PNG"))
    assert np.asarray(taken.photo).min() == 255


def test_the_first_frame_of_an_animation_is_taken():
    data = saved(quarters(), "WEBP", save_all=True, append_images=[Image.new("RGB", (400, 300))], lossless=True)
    assert_upright(intake.normalise(data).photo)


def test_colours_of_a_profile_are_turned_into_srgb():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for profile in (lab, b"not a profile"):
        taken = intake.normalise(saved(quarters(), "PNG", icc_profile=profile))
        assert_upright(taken.photo, tolerance=255)  # an unusable profile costs colour, not the photo
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert_upright(intake.normalise(saved(quarters(), "PNG", icc_profile=srgb)).photo)


def profile(red, green, blue, gamma):
    """An ICC profile of an RGB colour space (ICC.1:2001-04), from its primaries in XYZ under D50."""

    def number(value):
        return round(value * 65536).to_bytes(4, signed=True)

    def place(x, y, z):
        return b"XYZ \0\0\0\0" + number(x) + number(y) + number(z)

    curve = b"curv\0\0\0\0\0\0\0\1" + round(gamma * 256).to_bytes(2) + b"\0\0"
    text = b"desc\0\0\0\0\0\0\0\2x\0" + bytes(78 + 12)
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0x\0\0\0", b"wtpt": place(0.9642, 1, 0.8249)}
    tags |= {b"rXYZ": place(*red), b"gXYZ": place(*green), b"bXYZ": place(*blue)}
    tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    table, body, at = len(tags).to_bytes(4), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + (at + len(body)).to_bytes(4) + len(data).to_bytes(4)
        body += data
    head = (at + len(body)).to_bytes(4) + bytes(4) + b"\2\x20\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    return head + number(0.9642) + number(1) + number(0.8249) + bytes(48) + table + body


SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139))  # IEC 61966-2-1, under D50
ADOBE = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))  # Adobe RGB (1998), under D50


@pytest.mark.parametrize("colour", [(200, 60, 60), (60, 160, 90), (128, 128, 128), (30, 60, 180)])
def test_colours_of_another_space_come_out_as_they_were_meant(colour):
    linear = np.array([(c / 255 + 0.055) ** 2.4 / 1.055**2.4 if c > 10 else c / 255 / 12.92 for c in colour])
    there = np.linalg.solve(np.array(ADOBE).T, np.array(SRGB).T @ linear)
    assert there.min() > 0
    stored = tuple(np.rint(255 * there ** (1 / 2.2)).astype(int).tolist())
    image = Image.new("RGB", (200, 100), stored)
    for kind, options in ("PNG", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 100, "subsampling": 0}):
        taken = intake.normalise(saved(image, kind, icc_profile=profile(*ADOBE, gamma=2.2), **options))
        got = np.asarray(taken.photo)[50, 50].astype(int)
        assert np.abs(got - colour).max() <= 4, (kind, got)
    plain = np.asarray(intake.normalise(saved(image, "PNG")).photo)[50, 50]
    assert tuple(plain) == stored


def test_ink_and_sixteen_bits_come_out_as_they_were_meant():
    # Without a profile, ink is what it leaves of white: (1 - c) (1 - k).
    ink = Image.new("CMYK", (200, 100), (51, 204, 102, 51))
    got = np.asarray(intake.normalise(saved(ink, "JPEG", quality=100, subsampling=0)).photo)[50, 50].astype(int)
    assert np.abs(got - [round((255 - c) * 204 / 255) for c in (51, 204, 102)]).max() <= 3
    for value in (0, 1000, 32_768, 65_535):
        grey = Image.fromarray(np.full((100, 200), value, np.uint16))
        assert abs(int(np.asarray(intake.normalise(saved(grey, "PNG")).photo)[50, 50, 0]) - value / 257) <= 1


@pytest.mark.parametrize("name", ["quarters", "alpha", "depth10", "turned"])
def test_heics_of_all_kinds(name):
    """`alpha` is black below its transparent corner; `turned` lies, with an orientation and a profile."""
    taken = intake.normalise((PHOTOS / f"{name}.heic").read_bytes())
    assert taken.photo.size == (1024, 768)
    assert_upright(taken.photo)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"exif": b"Exif\0\0nonsense"}),
        ("JPEG", {"exif": b"Exif\0\0II*\0\xff\xff\xff\xff"}),
        ("PNG", {"exif": b"nonsense"}),
        ("PNG", {"exif": b"II*\0\x08"}),
        ("WEBP", {"exif": b"nonsense"}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0"}),
        ("JPEG", {"icc_profile": b"acsp" * 40}),
        ("WEBP", {"icc_profile": b"acsp" * 40, "xmp": b"<x:xmpmeta"}),
    ],
)
def test_metadata_that_can_not_be_read_costs_the_metadata_not_the_photo(kind, options):
    assert_upright(intake.normalise(saved(quarters(), kind, quality=95, **options)).photo)


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP", b"pHYs", b"cHRM", b"eXIf", b"tIME"])
@pytest.mark.parametrize("content", [b"", b"x", b"x\0\x4d\xff" * 9])
def test_a_png_is_its_pixels(name, content):
    png = saved(quarters(), "PNG")
    whole = len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)
    broken = whole[:-4] + b"oops"
    for chunk in (whole, broken):
        assert_upright(intake.normalise(png[:33] + chunk + png[33:]).photo)
        assert_upright(intake.normalise(png[:-12] + chunk + png[-12:]).photo)


def test_transparency_belongs_to_the_pixels_of_a_broken_png():
    picture = quarters().quantize(8)
    png = saved(picture, "PNG", transparency=picture.getpixel((0, 0)))
    bad = b"\0\0\0\1zTXtxoops"
    taken = intake.normalise(png[:33] + bad + png[33:])
    assert corners(taken.photo)[0] == (255, 255, 255)
    assert corners(taken.photo)[1] != (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_broken_png_stays_upright(orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = quarters()
    png = saved(image.transpose(Image.Transpose(undo[orientation])) if orientation in undo else image, "PNG", exif=exif)
    assert_upright(intake.normalise(png[:33] + b"\0\0\0\1zTXtxoops" + png[33:]).photo)


def scan_bomb(scans):
    """A progressive JPEG whose last scan comes so many times."""
    jpeg = saved(Image.new("RGB", (200, 150), "teal"), "JPEG", progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * scans + jpeg[-2:]


def segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def scans_of(side, scans, frame):
    """A grey JPEG of some hundred bytes a pass. `frame`: 0xC2, progressive; 0xCA, arithmetic-coded as well."""
    head = segment(0xDB, b"\0" + bytes([1] * 64))
    head += segment(frame, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    if frame == 0xC2:
        head += segment(0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\0") + segment(0xC4, b"\x10\1" + bytes(15) + b"\0")
    first = segment(0xDA, b"\1\1\0\0\0\0") + bytes(100)
    more = segment(0xDA, b"\1\1\0\1\x3f\0") + bytes(100)
    return b"\xff\xd8" + head + first + more * (scans - 1) + b"\xff\xd9"


@pytest.mark.parametrize("frame", [0xC2, 0xCA], ids=["Huffman", "arithmetic"])
@pytest.mark.parametrize(("side", "scans"), [(7700, 17), (5000, 41), (3200, 98)])
def test_a_jpeg_of_many_passes_over_many_pixels_is_refused_by_its_header(side, scans, frame):
    with pytest.raises(UnreadablePhoto, match="too many scans"):
        intake.normalise(scans_of(side, scans, frame))


@pytest.mark.parametrize("frame", [0xC2, 0xCA], ids=["Huffman", "arithmetic"])
def test_a_small_jpeg_of_many_passes_is_taken(frame):
    assert intake.normalise(scans_of(400, 100, frame)).photo.size == (1024, 1024)


def test_a_jpeg_that_is_too_large_is_told_so_however_many_passes_it_has():
    with pytest.raises(PhotoTooLarge):
        intake.normalise(scans_of(60_000, 10, 0xC2))


def test_a_heic_whose_pictures_are_larger_than_it_says_is_refused_and_not_decoded():
    heic = bytearray((PHOTOS / "quarters.heic").read_bytes())
    for found in list(re.finditer(b"ispe", heic)):
        heic[found.end() + 4 : found.end() + 12] = struct.pack(">II", 100, 90)
    with pytest.raises(UnreadablePhoto):
        intake.normalise(bytes(heic))


def hidden_scans():
    """A progressive JPEG with scans behind a marker that has no length (TEM), though the next bytes look like one."""
    hidden = (segment(0xDA, b"\1\1\0\1\x3f\0") + bytes(2)) * 1000
    return scans_of(400, 2, 0xC2)[:-2] + b"\xff\x01" + hidden.ljust(0xFFDA, b"\0") + b"\xff\xd9"


def exif_of(length):
    """Exif with an orientation, 6, and so many bytes behind it."""
    return b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, 6, 0) + bytes(length)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_very_long_exif_is_not_read(kind):
    """Pillow makes an object of each number: 32 MB took 7 s and 570 MB."""
    for length, size in ((1000, (300, 400)), (1_100_000, (400, 300))):
        assert intake.normalise(saved(quarters(), kind, exif=exif_of(length))).decoded.size == size


def test_bombs_of_parts_are_refused_before_they_are_read():
    jpeg, png = saved(quarters(), "JPEG"), saved(quarters(), "PNG")
    for data in (
        scan_bomb(100),
        hidden_scans(),
        jpeg[:2] + segment(0xE1, exif_of(65_000)) * 20 + jpeg[2:],
        jpeg[:2] + b"\xff\xe0\0\2" * 60_000 + jpeg[2:],
        jpeg[:20] + bytes(100_000) + jpeg[20:],
        jpeg[:2] + b"\xff" * 100_000 + jpeg[2:],
        jpeg[:20] + bytes(100_000),
        png[:33] + b"\0\0\0\0tEXt\0\0\0\0" * 60_000 + png[33:],
    ):
        with pytest.raises(UnreadablePhoto):
            intake.normalise(data)


def test_what_is_no_bomb_is_taken():
    jpeg, png = saved(quarters(), "JPEG", progressive=True, quality=95), saved(quarters(), "PNG")
    film = np.random.default_rng(0).bytes(3_000_000)  # a moving photo of a phone: dozens of markers by chance
    assert film.count(b"\xff\xda") > 20
    scans = jpeg[jpeg.index(b"\xff\xda") :]
    for data in (
        jpeg + film * 5,
        scan_bomb(50),
        jpeg[:2] + (b"\xff\xe2\xff\xff" + b"\xff\xda" * 32_766 + b"x") * 20 + jpeg[2:],
        jpeg[: -len(scans)] + b"\xff\xff\xff" + scans,
        png[:33] + b"\0\0\0\1tEXtx" + zlib.crc32(b"tEXtx").to_bytes(4) + png[33:],
    ):
        assert intake.normalise(data).photo.size == (1024, 768)


def test_metadata_is_dropped():
    exif = Image.Exif()
    exif[0x010E] = "somebody's name"
    taken = intake.normalise(saved(quarters(), "JPEG", exif=exif, comment=b"secret", icc_profile=b"p"))
    assert taken.photo.info == {}
    assert b"somebody" not in taken.detection
    assert b"secret" not in taken.detection


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", UnsupportedPhoto),
        (b"hello", UnsupportedPhoto),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedPhoto),
        (b"GIF89a" + bytes(100), UnsupportedPhoto),
        (b"\xff\xd8\xff", UnreadablePhoto),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), UnreadablePhoto),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", UnreadablePhoto),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), UnreadablePhoto),
    ],
)
def test_files_that_are_no_photos(data, error):
    with pytest.raises(error):
        intake.normalise(data)


@pytest.mark.parametrize(("name", "_", "data", "content_type"), named_files())
def test_the_first_bytes_tell_what_a_file_is(name, _, data, content_type):
    if content_type is None:
        with pytest.raises(UnsupportedPhoto):
            intake.normalise(data)
    else:
        assert {"HEIF": "HEIC"}.get(intake.sniff(data), intake.sniff(data)).lower() == content_type.removeprefix(
            "image/"
        )
        assert intake.normalise(data).photo.size == (1024, 768)


@pytest.mark.parametrize(
    ("size", "error"),
    [((10_000, 10_000), PhotoTooLarge), ((79, 200), PhotoTooSmall), ((500, 100), PhotoTooNarrow)],
)
def test_sizes_that_can_not_be_used(size, error):
    with pytest.raises(error):
        intake.normalise(saved(Image.new("1", size), "PNG"))


def test_four_to_one_is_just_taken():
    assert intake.normalise(saved(Image.new("RGB", (800, 200)), "PNG")).photo.size == (1024, 256)


@pytest.mark.parametrize("more", [[], [Image.new("RGB", (400, 300))]], ids=["one frame", "animated"])
def test_a_webp_that_is_cut_off_in_its_metadata_is_taken(more):
    exif = Image.Exif()
    exif[0x010E] = "somebody's name" * 20
    options = {"save_all": True, "append_images": more} if more else {}
    whole = saved(quarters(), "WEBP", lossless=True, exif=exif, xmp=b"<x:xmpmeta/>" * 20, **options)
    for cut in range(whole.rindex(b"EXIF"), len(whole), 20):
        assert_upright(intake.normalise(whole[:cut]).photo)
    with pytest.raises(UnreadablePhoto):
        intake.normalise(whole[: whole.index(b"VP8L") + 40])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_truncation_is_taken_or_refused_in_words(kind):
    data = saved(quarters(), kind)
    refused = 0
    for end in range(12, len(data), max(1, len(data) // 60)):
        try:
            # What is whole but for its last marks is a photo all the same.
            assert_upright(intake.normalise(data[:end]).photo)
        except (UnreadablePhoto, UnsupportedPhoto, PhotoTooSmall):
            refused += 1
    assert refused > 40


def test_a_pages_jpeg_goes_to_rekognition_as_it_lies_but_for_its_metadata():
    image = quarters().resize((1600, 1200))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(image, "JPEG", quality=92, comment=b"somebody", icc_profile=profile)
    sent = intake.as_it_lies(data + b"another picture behind it")
    assert sent and b"somebody" not in sent and b"another" not in sent and profile[:64] not in sent
    assert len(sent) < len(data)
    shown = Image.open(io.BytesIO(sent))
    assert np.array_equal(np.asarray(shown), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((1600, 1200), {"progressive": True}),
        ((1600, 1200), {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
        ((1600, 1200), {"xmp": b"<x:xmpmeta/>"}),
        ((1600, 400 - 1), {}),
        ((2052, 1200), {}),
        ((1000, 800), {}),
    ],
    ids=["progressive", "Exif", "XMP", "narrow", "large", "small"],
)
def test_a_jpeg_that_rekognition_would_see_otherwise_is_decoded_first(size, options):
    assert intake.as_it_lies(saved(quarters().resize(size), "JPEG", **options)) is None


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_jpeg_in_other_colours_is_decoded_first(mode):
    assert intake.as_it_lies(saved(quarters().resize((1600, 1200)).convert(mode), "JPEG")) is None


def test_a_file_that_is_no_whole_jpeg_is_decoded_first():
    data = saved(quarters().resize((1600, 1200)), "JPEG")
    for cut in (0, 1, 3, 5, 20, 170, 400, len(data) // 2, len(data) - 2):
        assert intake.as_it_lies(data[:cut]) is None
    assert intake.as_it_lies(saved(quarters().resize((1600, 1200)), "PNG")) is None
    padded = data[:2] + (b"\xff\xfe\xff\xff" + bytes(0xFFFD)) * 81 + data[2:]
    assert intake.as_it_lies(padded) is None, "more than Rekognition takes, though not of pixels"


def test_the_detection_copy_stays_below_rekognitions_limit():
    side = intake.DETECTION_LIMIT
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 2, (side, side, 3), np.uint8) * np.uint8(255))
    detection = intake.normalise(saved(noise, "PNG", compress_level=0)).detection
    assert Image.open(io.BytesIO(detection)).size == noise.size
    assert len(detection) < 5 * 1024 * 1024


@pytest.mark.parametrize("side", [768, 1280, 1408])
@pytest.mark.parametrize("size", [(640, 480), (3000, 4000)])
def test_the_photo_gets_the_side_that_is_asked_for(side, size):
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, "JPEG")
    taken = intake.normalise(file.getvalue(), side)
    assert taken.photo.size == ((side, side * 3 // 4) if size[0] > size[1] else (side * 3 // 4, side))
    detection = max(Image.open(io.BytesIO(taken.detection)).size)
    assert detection == (max(side, 640) if max(size) == 640 else 2000)  # 4000 pixels are decoded at the half


def test_a_large_photo_of_any_format_gives_nearly_the_same_pictures():
    source = Image.open(PHOTOS / "hopper.jpg").convert("RGB").resize((3840, 1000), Image.Resampling.BICUBIC)
    wanted = np.asarray(source.resize((1024, 267), Image.Resampling.LANCZOS), float)
    for kind, options in {
        "JPEG": {"quality": 95},
        "PNG": {"compress_level": 1},
        "WEBP": {"quality": 95, "method": 0},
    }.items():
        taken = intake.normalise(saved(source, kind, **options))
        assert taken.size == taken.photo.size == (1024, 267)
        error = np.mean((np.asarray(taken.photo, float) - wanted) ** 2)
        assert 10 * np.log10(255**2 / error) > 40
        shown = Image.open(io.BytesIO(taken.detection))
        assert shown.size == (1920, 500)
        error = np.mean((np.asarray(shown.resize((1024, 267), Image.Resampling.LANCZOS), float) - wanted) ** 2)
        assert 10 * np.log10(255**2 / error) > 36


def test_sixteen_bits_are_reduced_to_eight_as_they_are():
    ramp = np.broadcast_to(np.arange(0, 65536, 64, dtype=np.uint16), (300, 1024))
    taken = intake.normalise(saved(Image.fromarray(np.ascontiguousarray(ramp)), "PNG"))
    assert np.array_equal(np.asarray(taken.photo)[..., 0], np.rint(ramp / 257))


def test_the_photo_is_srgb_whatever_its_profile_and_the_copy_for_detection_is_not_held_up_by_it():
    wide = wide_gamut()
    source = Image.new("RGB", (1024, 768), (200, 60, 60))
    taken = intake.normalise(saved(source, "PNG", icc_profile=wide))
    red, green, _ = np.asarray(taken.photo)[400, 500].astype(int)
    assert red > 205  # the same red needs a larger number in sRGB
    assert green < 57
    assert "icc_profile" not in Image.open(io.BytesIO(taken.detection)).info
    assert taken.photo.info == {}


def wide_gamut():
    """Display P3, which telephones use: sRGB's profile with P3's primaries (Apple's profile, D50)."""
    primaries = {
        b"rXYZ": (0.51512, 0.2412, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.1571, 0.06657, 0.78407),
    }
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(int.from_bytes(profile[128:132], "big")):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if name in primaries:
            struct.pack_into(">3i", profile, offset + 8, *(round(value * 65536) for value in primaries[name]))
    return bytes(profile)
