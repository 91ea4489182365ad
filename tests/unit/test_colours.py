"""Whatever a file tells its colours and its transparency with, the photo has the colours that were meant, on white."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from booth.pixels import intake
from tests.support import colours
from tests.support.colours import ADOBE, BT2020, P3, PATCHES, SRGB, chrm, chunk, cicp, gama, iccp, png

SIDE = 160
D65 = (0.3127, 0.3290)
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3_PROFILE = colours.rgb_profile(P3, 2.2)


def chart(values, bits=8):
    """The patches' numbers (3 x 4, of 0 to 1) as a picture of 160 x 120."""
    whole = np.rint(values * (2**bits - 1)).astype(np.uint16)
    return np.kron(whole, np.ones((40, 40, 1), np.uint16))


def patches(data):
    """The middle of each patch in the photo."""
    photo = intake.normalise(data, SIDE).photo
    assert (photo.mode, photo.size, photo.info) == ("RGB", (160, 120), {})
    return np.asarray(photo).astype(int)[20::40, 20::40]


def assert_patches(data, tolerance, wanted=PATCHES):
    got = patches(data)
    assert np.abs(got - wanted).max() <= tolerance, got.tolist()


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def as_numbers(matrix, transfer, bits=8):
    return chart(colours.numbers(PATCHES, matrix, transfer), bits)


CODED = [
    (9, 16, BT2020, "PQ", 4),
    (9, 18, BT2020, "HLG", 3),
    (12, 16, P3, "PQ", 3),
    (12, 18, P3, "HLG", 3),
    (1, 16, SRGB, "PQ", 3),
    (12, 13, P3, "sRGB", 1),
    (9, 13, BT2020, "sRGB", 2),
    (9, 1, BT2020, "sRGB", 2),
    (9, 14, BT2020, "sRGB", 2),
    (1, 4, SRGB, 2.2, 1),
    (1, 5, SRGB, 2.8, 3),
    (12, 8, P3, 1.0, 20),
    (12, 2, P3, "sRGB", 1),
    (2, 8, SRGB, 1.0, 20),
]
"""Code points of Rec. ITU-T H.273, what they mean, and how far the numbers of 8 bits can be away."""


@pytest.mark.parametrize(("primaries", "transfer", "matrix", "curve", "tolerance"), CODED)
@pytest.mark.parametrize("bits", [8, 16])
def test_a_pngs_code_points_are_obeyed(primaries, transfer, matrix, curve, tolerance, bits):
    assert_patches(png(as_numbers(matrix, curve, bits), cicp(primaries, transfer), depth=bits), tolerance)


def test_numbers_of_a_narrow_range_are_obeyed():
    values = colours.numbers(PATCHES, P3, "sRGB") * 219 / 255 + 16 / 255
    assert_patches(png(chart(values), cicp(12, 13, full_range=0)), 2)


@pytest.mark.parametrize("codes", [(9, 16), (9, 18), (12, 16), (12, 13), (9, 13), (1, 5), (1, 8)])
def test_a_heics_code_points_are_obeyed(codes):
    # The chart has the numbers of BT.2020 and PQ. In another space the same numbers are other colours: those that a
    # PNG of them has.
    stored = as_numbers(BT2020, "PQ")
    wanted = patches(png(stored, cicp(*codes)))
    assert np.abs(wanted - patches(png(stored))).max() > 5
    assert_patches(colours.heic(*codes), 4, wanted)


def test_a_heic_of_hdr_that_only_nclx_tells_is_like_its_sdr_original():
    assert_patches(colours.CHART.read_bytes(), 3)


@pytest.mark.parametrize("codes", [(0, 0), (2, 2), (0, 13), (3, 19), (99, 255), (65_535, 65_535)])
def test_a_heic_with_reserved_code_points_is_srgb(codes):
    assert_patches(colours.heic(*codes), 4, patches(png(as_numbers(BT2020, "PQ"))))


def test_a_heics_profile_wins_over_its_code_points():
    stored = as_numbers(BT2020, "PQ")
    by_profile = patches(png(stored, iccp(P3_PROFILE)))
    assert np.abs(by_profile - patches(png(stored))).max() > 5
    assert_patches(colours.heic(9, 16, P3_PROFILE), 3, by_profile)


@pytest.mark.parametrize(
    ("chunks", "wins"),
    [
        ([cicp(12, 13), iccp(colours.rgb_profile(ADOBE, 1.0)), chunk(b"sRGB", b"\0"), gama(100_000)], cicp(12, 13)),
        ([gama(100_000), chunk(b"sRGB", b"\0"), iccp(P3_PROFILE)], iccp(P3_PROFILE)),
        ([gama(100_000), chrm(D65, (0.7, 0.3), (0.2, 0.7), (0.1, 0.05)), chunk(b"sRGB", b"\0")], b""),
        ([cicp(2, 2), iccp(P3_PROFILE)], iccp(P3_PROFILE)),
        ([cicp(99, 13), iccp(P3_PROFILE)], iccp(P3_PROFILE)),
        ([cicp(12, 13, matrix=1), gama(100_000)], gama(100_000)),
        ([chunk(b"iCCP", b"profile\0\0nonsense"), gama(100_000)], gama(100_000)),
        ([iccp(b"nonsense" * 40), gama(100_000)], gama(100_000)),
        ([iccp(colours.grey_profile(1.0)), cicp(12, 13)], cicp(12, 13)),
        ([cicp(12, 13), cicp(9, 16)], cicp(12, 13)),
        ([cicp(9, 16)[:-1] + b"?", gama(100_000)], gama(100_000)),
    ],
)
def test_of_several_chunks_the_best_that_can_be_used_wins(chunks, wins):
    stored = as_numbers(SRGB, "sRGB")
    wanted = patches(png(stored, wins))
    assert_patches(png(stored, *chunks), 0, wanted)
    bad = b"\0\0\0\1tEXtxoops"
    assert_patches(png(stored, bad, *chunks), 0, wanted)  # Pillow gives up such a file


def test_chunks_behind_the_pixels_tell_nothing():
    whole = png(as_numbers(SRGB, "sRGB"))
    assert_patches(whole[:-12] + cicp(9, 16) + whole[-12:], 0)


def test_gamma_and_primaries_of_a_png_are_obeyed():
    adobe = chrm(D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
    assert_patches(png(as_numbers(ADOBE, 1.8), gama(55_556), adobe), 2)
    assert_patches(png(as_numbers(SRGB, 1.0, 16), gama(100_000), depth=16), 20)
    assert_patches(png(as_numbers(SRGB, 1.4), gama(71_429)), 6)
    assert_patches(png(as_numbers(ADOBE, "sRGB"), adobe), 2)
    greys = PATCHES[[2, 2, 2]]
    assert_patches(png(chart(colours.numbers(greys, SRGB, 1.8))[..., 0], gama(55_556)), 2, greys)


@pytest.mark.parametrize(
    "chunks",
    [
        [gama(0)],
        [gama(1)],
        [gama(2**31)],
        [chunk(b"gAMA", b"\1")],
        [chrm((0, 0), (0, 0), (0, 0), (0, 0))],
        [chrm(D65, (0.3, 0.3), (0.3, 0.3), (0.3, 0.3))],
        [chrm(D65, (0.64, 0.33), (0.5, 0.4), (0.36, 0.47))],
        [chrm((0.8, 0.1), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))],
        [chrm(D65, (0.64, 0.33), (30_000, 0.6), (0.15, 0.06))],
        [chunk(b"cHRM", b"\0" * 31)],
        [chunk(b"cICP", b"\x09\x10\0")],
    ],
)
def test_nonsense_costs_no_colour(chunks):
    assert_patches(png(as_numbers(SRGB, "sRGB"), *chunks), 0)


def test_hdr_that_a_profile_tells_in_its_own_way_is_obeyed():
    stored = as_numbers(BT2020, "PQ")
    coded = b"cicp\0\0\0\0\x09\x10\0\1"
    hdr = colours.rgb_profile(BT2020, 2.2, cicp=coded)
    named = chunk(b"iCCP", b"ITUR_2100_PQ_FULL\0\0nonsense")
    for data in (
        png(stored, iccp(hdr)),
        png(stored, named),
        saved(Image.fromarray(stored.astype(np.uint8)), "WEBP", lossless=True, icc_profile=hdr),
    ):
        assert_patches(data, 3)
    sdr = colours.rgb_profile(P3, 2.2, cicp=b"cicp\0\0\0\0\x01\x0d\0\1")
    assert_patches(png(stored, iccp(sdr)), 0, patches(png(stored, iccp(P3_PROFILE))))


def ramp(cd_m2, colour=(1, 1, 1)):
    """A picture of 16 bits: light of a colour (BT.2020) from 0 to so much, from left to right."""
    values = np.linspace(0, cd_m2, 256)[:, None] * np.array(colour, float)
    return np.rint(np.broadcast_to(colours.pq(values), (80, 256, 3)) * 65_535)


def shown(pixels, *chunks, depth=16):
    return np.asarray(intake.normalise(png(pixels, *chunks, depth=depth), 256).photo)[40].astype(int)


@pytest.mark.parametrize("codes", [(9, 16), (9, 18), (12, 16), (12, 18)])
def test_hdrs_reference_white_is_white_and_so_is_what_is_brighter(codes):
    for cd_m2 in (203, 400, 1000):
        value = colours.pq(cd_m2) if codes[1] == 16 else colours.hlg(np.full(3, cd_m2), BT2020[1])[0]
        for depth in (8, 16):
            whole = np.full((80, 80, 3), np.rint(value * (2**depth - 1)))
            assert shown(whole, cicp(*codes), depth=depth).min() >= 254


def test_a_colour_brighter_than_white_keeps_its_hue_and_gets_lighter():
    orange = shown(ramp(2000, (1, 0.45, 0.1)), cicp(9, 16))
    assert (orange[:, 0] >= orange[:, 1]).all()
    assert (orange[:, 1] >= orange[:, 2]).all()
    luminance = colours.light(orange) @ SRGB[1]
    assert (np.diff(luminance) > -0.01).all()
    full = int(np.argmax(orange[:, 0] == 255))
    assert (np.diff(orange[full:, 1:], axis=1) < 0).all()  # never yellow, nor white, as by clipping
    assert orange[-1, 2] > orange[full, 2] + 50


def exif(space, index=None):
    found = Image.Exif()
    found[0x8769] = {0xA001: space} | ({0xA005: {1: index}} if index else {})
    return found.tobytes()


@pytest.mark.parametrize("told", [exif(2), exif(0xFFFF, "R03")])
def test_adobe_rgb_that_only_exif_tells_is_obeyed(told):
    stored = as_numbers(ADOBE, 563 / 256)
    picture = Image.fromarray(stored.astype(np.uint8))
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}, "PNG": {}}
    for kind, more in options.items():
        assert_patches(saved(picture, kind, exif=told, **more), 4)
        assert_patches(saved(picture, kind, exif=told, icc_profile=SRGB_PROFILE, **more), 4, patches(png(stored)))


@pytest.mark.parametrize("told", [exif(1), exif(0xFFFF), exif(0xFFFF, "R98"), exif(2)[:40], exif(65_533)])
def test_other_colour_spaces_of_exif_mean_srgb(told):
    stored = as_numbers(SRGB, "sRGB")
    assert_patches(saved(Image.fromarray(stored.astype(np.uint8)), "WEBP", lossless=True, exif=told), 0)


def test_a_grey_photo_is_obeyed_with_a_profile_for_grey_or_for_rgb():
    grey = np.broadcast_to(np.repeat(np.linspace(0, 1, 8), 20)[None], (80, 160))
    stored = np.rint(255 * grey ** (1 / 1.2)).astype(np.uint8)
    wanted = np.rint(255 * colours.written(grey, "sRGB"))
    opaque = np.stack([stored, np.full_like(stored, 255)], axis=2)
    wide = opaque.astype(np.uint16) * 257
    for profile in (colours.grey_profile(1.2), colours.rgb_profile(SRGB, 1.2)):
        for data in (png(stored, iccp(profile)), png(opaque, iccp(profile)), png(wide, iccp(profile), depth=16)):
            got = np.asarray(intake.normalise(data, SIDE).photo)[40, 10::20]
            assert np.abs(got.astype(int) - wanted[40, 10::20, None]).max() <= 3


def test_ink_is_obeyed_with_its_profile_and_other_profiles_are_not_for_it():
    ink = Image.new("CMYK", (160, 120), (0, 204, 0, 0))
    magenta_is_green = colours.ink_profile((100, 0, 0), [(60, -30, -30), (50, -60, 40), (90, 0, 80), (10, 0, 0)])
    photo = patches(saved(ink, "JPEG", quality=100, subsampling=0, icc_profile=magenta_is_green))[0, 0]
    assert photo[1] > photo[0] + 50
    detection = saved(ink, "JPEG", quality=100, subsampling=0, icc_profile=magenta_is_green)
    seen = np.asarray(Image.open(io.BytesIO(intake.normalise(detection, SIDE).detection)))[60, 80].astype(int)
    assert np.abs(seen - photo).max() <= 5
    plain = patches(saved(ink, "JPEG", quality=100, subsampling=0))
    for other in (P3_PROFILE, colours.grey_profile(2.2), SRGB_PROFILE):
        assert_patches(saved(ink, "JPEG", quality=100, subsampling=0, icc_profile=other), 0, plain)


@pytest.mark.parametrize("kind", [b"Lab ", b"CMYK", b"GRAY", b"XYZ ", b"HSV ", b"R\x80B ", bytes(4)])
def test_a_profile_that_is_not_for_rgb_costs_an_rgb_photo_nothing(kind):
    profile = colours.icc(kind, {b"kTRC": colours.power(1.0)})
    assert_patches(png(as_numbers(SRGB, "sRGB"), iccp(profile)), 0)


def test_the_copy_for_detection_is_no_hdr():
    stored = as_numbers(BT2020, "HLG")
    taken = intake.normalise(png(stored, cicp(9, 18)), SIDE)
    with Image.open(io.BytesIO(taken.detection)) as copy:
        got = np.asarray(copy).astype(int)[20::40, 20::40]
    assert np.abs(got - PATCHES).max() <= 12  # a JPEG


# Transparency

KEYED = {
    "truecolour": (2, 8, (200, 60, 60), (200, 60, 61)),
    "truecolour of 16 bits": (2, 16, (51_000, 20, 300), (51_000, 21, 300)),
    "grey of 1 bit": (0, 1, (0,), (1,)),
    "grey of 2 bits": (0, 2, (2,), (1,)),
    "grey of 4 bits": (0, 4, (9,), (8,)),
    "grey": (0, 8, (100,), (101,)),
    "grey of 16 bits": (0, 16, (777,), (778,)),
    "palette": (3, 8, (1,), (2,)),
    "palette of 2 bits": (3, 2, (1,), (2,)),
}
"""Colour type, depth, the transparent number, and one that is next to it."""


def keyed(kind, *chunks, beyond=0):
    """A PNG, transparent in its left half; and without its key."""
    colour, depth, key, other = KEYED[kind]
    pixels = np.empty((80, 80, len(key)), np.uint16)
    pixels[:, :40], pixels[:, 40:] = key, other
    palette = [chunk(b"PLTE", bytes([0, 0, 0, 200, 60, 60, 60, 60, 200, 9, 9, 9]))] if colour == 3 else []
    told = bytes([255, 0]) if colour == 3 else b"".join((number | beyond).to_bytes(2) for number in key)
    whole, plain = ([*chunks, *palette, *more] for more in ([chunk(b"tRNS", told)], []))
    return png(pixels, *whole, depth=depth, colour=colour), png(pixels, *plain, depth=depth, colour=colour)


@pytest.mark.parametrize("kind", KEYED)
@pytest.mark.parametrize("told", [[], [cicp(12, 13)], [b"\0\0\0\1tEXtxoops"]])
def test_the_colour_that_a_png_calls_transparent_becomes_white_and_no_other(kind, told):
    with_key, without = (np.asarray(intake.normalise(data, 80).photo) for data in keyed(kind, *told))
    assert without[:, :30].min() < 255
    assert with_key[:, :30].min() >= 254
    assert np.array_equal(with_key[:, 50:], without[:, 50:])


@pytest.mark.parametrize("kind", ["truecolour", "grey", "grey of 4 bits"])
def test_bits_of_the_key_beyond_the_depth_do_not_count(kind):
    whole = np.asarray(intake.normalise(keyed(kind, beyond=0xFF00)[0], 80).photo)
    assert whole[:, :30].min() == 255
    assert np.array_equal(whole, np.asarray(intake.normalise(keyed(kind)[0], 80).photo))


@pytest.mark.parametrize("kind", KEYED)
@pytest.mark.parametrize("content", [b"", b"\1", bytes(7), bytes(300)])
def test_nonsense_about_transparency_costs_no_photo(kind, content):
    colour, depth, _, other = KEYED[kind]
    if colour == 3 and len(content) == 7:
        content = b"\xff" * 7
    pixels = np.full((80, 80, len(other)), other)
    palette = [chunk(b"PLTE", bytes([0, 0, 0, 200, 60, 60, 60, 60, 200, 9, 9, 9]))] if colour == 3 else []
    plain = intake.normalise(png(pixels, *palette, depth=depth, colour=colour), 80).photo
    for nonsense in (chunk(b"tRNS", content), chunk(b"tRNS", content)[:-1] + b"?"):
        photo = intake.normalise(png(pixels, *palette, nonsense, depth=depth, colour=colour), 80).photo
        assert np.array_equal(np.asarray(photo), np.asarray(plain))


@pytest.mark.parametrize("kind", ["truecolour of 16 bits", "grey of 16 bits"])
def test_a_large_photo_with_a_key_is_whole(kind):
    colour, depth, key, other = KEYED[kind]
    pixels = np.empty((2000, 4100, len(key)), np.uint16)
    pixels[:, :2050], pixels[:, 2050:] = key, other
    key_chunk = chunk(b"tRNS", b"".join(number.to_bytes(2) for number in key))
    photo = np.asarray(intake.normalise(png(pixels, key_chunk, depth=depth, colour=colour)).photo)
    assert photo[:, :500].min() == 255
    assert photo[:, 524:, 2].max() <= 10


def test_half_transparent_hdr_is_mixed_with_hdrs_white():
    for codes, transfer in ((9, 16), "PQ"), ((9, 18), "HLG"):
        white = int(np.rint(255 * colours.numbers(np.array([[255, 255, 255]]), BT2020, transfer)[0, 0]))
        pixels = np.dstack([np.full((80, 80, 3), white), np.tile(np.arange(80) * 3, (80, 1))])
        assert np.asarray(intake.normalise(png(pixels, cicp(*codes)), 80).photo).min() >= 253


# What holds for all

TAGS = {
    "sRGB": [chunk(b"sRGB", b"\0")],
    "sRGB beside nonsense": [chunk(b"sRGB", b"\1"), gama(100_000), chrm(D65, (0.7, 0.3), (0.2, 0.7), (0.1, 0.05))],
    "cICP": [cicp(1, 13)],
    "cICP of television": [cicp(1, 1)],
    "gAMA": [gama(45_455)],
    "gAMA and cHRM": [gama(45_455), chrm(D65, (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))],
    "gAMA and cHRM, rounded": [gama(45_450), chrm((0.313, 0.329), (0.64, 0.331), (0.3, 0.6), (0.15, 0.06))],
    "eXIf": [chunk(b"eXIf", exif(1)[6:])],
}
pictures = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 256, (80, 80, 3)))


@settings(max_examples=30, deadline=None)
@given(pictures, st.sampled_from(sorted(TAGS)), st.sampled_from([8, 16]))
def test_what_is_told_to_be_srgb_is_as_if_nothing_were_told(pixels, name, depth):
    pixels = pixels * (257 if depth == 16 else 1)
    told, plain = (intake.normalise(png(pixels, *tags, depth=depth), 80) for tags in (TAGS[name], []))
    assert np.array_equal(np.asarray(told.photo), np.asarray(plain.photo))
    assert told.detection == plain.detection


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 22]),
    st.sampled_from([1, 4, 5, 6, 8, 13, 14, 15, 16, 18]),
    st.booleans(),
)
def test_grey_stays_grey_black_black_white_white_and_brighter_is_never_darker(primaries, transfer, full_range):
    pixels = np.broadcast_to(np.arange(256)[None, :, None], (80, 256, 3))
    photo = shown(pixels, cicp(primaries, transfer, full_range=full_range), depth=8)
    assert (photo == photo[:, :1]).all()
    assert (np.diff(photo[:, 0]) >= 0).all()
    assert (photo[0, 0], photo[255, 0]) == (0, 255)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["RGBA", "LA", "RGBA of 16 bits", "LA of 16 bits", *KEYED]),
    st.sampled_from([[], [cicp(9, 16)], [cicp(9, 18)], [cicp(12, 13)], [gama(100_000)], [iccp(P3_PROFILE)]]),
    st.integers(0, 65_535),
)
def test_what_is_transparent_is_white_in_every_mode_and_space(mode, told, number):
    if mode in KEYED:
        photo = np.asarray(intake.normalise(keyed(mode, *told)[0], 80).photo)[:, :30]
    else:
        depth = 16 if "16" in mode else 8
        pixels = np.full((80, 80, 4 if "RGBA" in mode else 2), number % 2**depth)
        pixels[..., -1] = 0
        photo = np.asarray(intake.normalise(png(pixels, *told, depth=depth), 80).photo)
    assert photo.min() >= 254


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=9, max_size=9), st.booleans())
def test_any_gamma_and_primaries_leave_white_white_and_grey_grey(figures, are_likely):
    if are_likely:
        figures = [figures[0] % 200_000, *(figure % 100_000 for figure in figures[1:])]
    chunks = [gama(figures[0]), chunk(b"cHRM", struct.pack(">8I", *figures[1:]))]
    photo = shown(np.broadcast_to(np.arange(256)[None, :, None], (80, 256, 3)), *chunks, depth=8)
    assert (photo == photo[:, :1]).all()
    assert (np.diff(photo[:, 0]) >= 0).all()
    assert (photo[0, 0], photo[255, 0]) == (0, 255)
