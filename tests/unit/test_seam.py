"""The kept pixels are the photo's, bit-exact; the seam is narrow and shows no edge; the JPEG is good and silent."""

import contextlib
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from booth.pixels import encoding
from booth.pixels.seam import FADE_WIDTH, MATCH_WIDTH, Seam, _edge_colours
from tests.support import seam
from tests.support.photos import PHOTOS

H, W = 90, 120


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (H, W, 3), np.uint8)


def disc(radius=30):
    y, x = np.ogrid[:H, :W]
    return (x - 60) ** 2 + (y - 45) ** 2 <= radius**2


@st.composite
def region(draw):
    """A mask of any kind: noise, nothing, everything, a pixel, shapes that may touch or leave the border."""
    kind = draw(st.sampled_from(("noise", "empty", "full", "pixel", "shapes", "frame")))
    mask = np.zeros((H, W), bool)
    if kind == "noise":
        mask = np.random.default_rng(draw(st.integers(0, 999))).random((H, W)) < draw(st.floats(0, 1))
    elif kind == "full":
        mask[:] = True
    elif kind == "pixel":
        mask[draw(st.integers(0, H - 1)), draw(st.integers(0, W - 1))] = True
    elif kind == "frame":
        mask[[0, -1]] = mask[:, [0, -1]] = True
    elif kind == "shapes":
        y, x = np.ogrid[:H, :W]
        for _ in range(draw(st.integers(1, 4))):
            cx, cy = draw(st.integers(-10, W + 10)), draw(st.integers(-10, H + 10))
            rx, ry = draw(st.integers(1, 50)), draw(st.integers(1, 50))
            mask |= ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1
    return mask


@given(region(), st.integers(0, 1000), st.floats(0, 1))
def test_kept_pixels_are_bit_exact_and_far_ones_are_generated(keep, seed, likeness):
    photo = picture(seed)
    # From a picture that has nothing to do with the photo to the photo itself.
    generated = np.rint(photo * likeness + picture(seed + 1) * (1 - likeness)).astype(np.uint8)
    result = Seam(photo, keep).blend(generated)
    assert np.array_equal(result[keep], photo[keep])
    far = ~seam.grown(keep, MATCH_WIDTH)
    assert np.array_equal(result[far], generated[far])


@given(region(), st.integers(0, 1000), st.sampled_from([(0, 0, 0), (255, 255, 255), (255, 0, 255)]))
def test_the_photo_fades_within_the_seam_and_between_its_two_sides(keep, seed, colour):
    """A model that has painted something else over the face: no shift is known, so only the seam differs."""
    photo, generated = 100 + picture(seed) // 5, np.full((H, W, 3), colour, np.uint8)
    result = Seam(photo, keep).blend(generated)
    beyond = ~seam.grown(keep, FADE_WIDTH)
    assert np.array_equal(result[beyond], generated[beyond])
    for y, x in np.argwhere(~beyond & ~keep)[:: max(1, (~beyond & ~keep).sum() // 40)]:
        rows, columns = slice(max(0, y - 3), y + 4), slice(max(0, x - 3), x + 4)
        sides = np.vstack([photo[rows, columns][keep[rows, columns]], generated[y, x]])
        assert (sides.min(axis=0) <= result[y, x]).all()
        assert (result[y, x] <= sides.max(axis=0)).all()


def test_the_edge_is_smooth():
    photo, generated = np.zeros((H, W, 3), np.uint8), np.full((H, W, 3), 200, np.uint8)
    line = Seam(photo, disc()).blend(generated)[45, 90:, 0].astype(int)  # outward from the edge of the disc
    assert line[0] == 0
    assert 40 < line[1] < line[2] < 200
    assert (line[3:] == 200).all()


@pytest.mark.parametrize("wall", [(235, 235, 240), (15, 15, 15)], ids=["light wall", "dark wall"])
@pytest.mark.parametrize("background", seam.FLAT)
def test_the_wall_behind_a_person_leaves_no_halo(wall, background):
    texture = np.random.default_rng(0).normal(0, 6, (H, W, 1))
    photo = np.where(disc()[..., None], np.array([200, 160, 130]) + texture, wall).clip(0, 255).astype(np.uint8)
    generated = np.full((H, W, 3), seam.FLAT[background], np.uint8)
    result = Seam(photo, disc()).blend(generated)
    assert seam.halo(photo, generated, disc(), result) < 0.5
    # The measure sees what a feathered cut-out leaves of a wall that is lighter or darker than both sides.
    behind = np.clip(wall, *sorted([(200, 160, 130), seam.FLAT[background]]))
    if np.abs(behind - wall).max() > 60:
        assert seam.halo(photo, generated, disc(), seam.feathered(photo, generated, disc())) > 3


def test_a_models_colour_shift_does_not_show_at_the_edge():
    """Hair goes on beyond the kept region, and the model has made the whole picture redder."""
    strands = 60 * np.sin(np.arange(W) / 2)[None, :, None] + np.zeros((H, 1, 1))
    photo = (np.array([120, 90, 60]) + strands).clip(0, 255).astype(np.uint8)
    shift = np.array([16, -10, 7])
    generated = (photo + shift).clip(0, 255).astype(np.uint8)
    result = Seam(photo, disc()).blend(generated).astype(int)
    apart = np.abs(result - photo).max(axis=2)
    assert apart[seam.grown(disc(), 2) & ~disc()].max() <= 6  # of 16
    steps = [apart[seam.grown(disc(), d + 1) & ~seam.grown(disc(), d)].mean() for d in range(0, MATCH_WIDTH, 4)]
    assert steps == sorted(steps)
    assert max(np.diff(steps)) < 7


def test_a_model_that_repaints_the_face_in_other_colours_changes_no_kept_pixel():
    photo = np.asarray(Image.open(PHOTOS / "hopper.jpg").convert("RGB"))
    y, x = np.ogrid[: photo.shape[0], : photo.shape[1]]
    keep = ((x / photo.shape[1] - 0.5) / 0.2) ** 2 + ((y / photo.shape[0] - 0.4) / 0.2) ** 2 <= 1
    for nasty in (255 - photo, photo[:, ::-1], np.roll(photo, 9, axis=0), photo // 2 + 60):
        result = Seam(photo, keep).blend(nasty)
        assert np.array_equal(result[keep], photo[keep])
        assert seam.kept_psnr(result, keep) >= 42


def test_all_kept_and_nothing_kept():
    photo, generated = picture(1), picture(2)
    assert np.array_equal(Seam(photo, np.ones((H, W), bool)).blend(generated), photo)
    assert np.array_equal(Seam(photo, np.zeros((H, W), bool)).blend(generated), generated)


def test_the_jpeg_keeps_the_face_within_42_db():
    y, x = np.mgrid[:256, :256]
    photo = np.stack([(x + y) / 2, 128 + 100 * np.sin(x / 9), 255 - y], axis=2).astype(np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(encoding.encode_jpeg(photo))), float)
    error = np.mean((decoded - photo) ** 2)
    assert 10 * np.log10(255**2 / error) >= 42


def test_the_jpeg_says_that_it_is_generated_and_nothing_else():
    image = Image.open(io.BytesIO(encoding.encode_jpeg(picture(3), xmp=encoding.AI_MARK)))
    assert image.format == "JPEG"
    assert image.info["progressive"]
    assert image.layer[0][1:3] == image.layer[1][1:3]  # 4:4:4
    kinds = [
        value
        for node in ElementTree.fromstring(image.info["xmp"]).iter()
        for name, value in node.attrib.items()
        if name.endswith("DigitalSourceType")
    ]
    assert kinds == ["http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"]
    assert not image.getexif()


def test_noise_of_the_largest_size_can_be_encoded():
    noise = np.random.default_rng(0).integers(0, 256, (1408, 1408, 3), np.uint8)
    assert np.asarray(Image.open(io.BytesIO(encoding.encode_jpeg(noise)))).shape == noise.shape


@pytest.mark.parametrize("encode", [encoding.encode_exact, encoding.encode_png])
@pytest.mark.parametrize("shape", [(H, W), (1, 1), (7, 300), (256, 1023)])
def test_nothing_is_lost_on_the_way_from_step_to_step(encode, shape):
    rng = np.random.default_rng(4)
    noise = rng.integers(0, 256, (*shape, 3), np.uint8)
    for photo in (noise, noise // 64, np.zeros_like(noise), np.full_like(noise, 255), np.sort(noise, axis=1)):
        assert np.array_equal(encoding.decode(encode(photo)), photo)


@given(region(), st.sampled_from([(encoding.encode_mask, "1"), (encoding.encode_mask_for_model, "L")]))
def test_a_mask_is_black_where_it_is_kept_and_comes_back_as_it_was(keep, encoded):
    encode, mode = encoded
    png = encode(keep)
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == mode
        assert {value for _, value in image.getcolors()} <= {0, 255}  # pure: some models refuse grey
    assert np.array_equal(encoding.decode(png)[..., 0] == 0, keep)
    assert np.array_equal(encoding.decode_mask(png), keep)


def test_a_model_sees_the_same_pixels_as_visitors():
    photo = picture(6)
    seen = encoding.decode(encoding.encode_for_model(photo))
    assert np.array_equal(seen, encoding.decode(encoding.encode_jpeg(photo)))


@given(region(), st.integers(0, 1000))
def test_edge_colours_are_the_mean_of_the_kept_pixels_around(keep, seed):
    photo, reach = picture(seed), FADE_WIDTH + 1
    spots = np.flatnonzero(seam.grown(keep, FADE_WIDTH) & ~keep)
    found = _edge_colours(photo, keep, spots)
    assert len(found) == len(spots)
    for spot, colour in list(zip(spots, found, strict=True))[:: max(1, len(spots) // 30)]:
        y, x = divmod(spot, W)
        around = (slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1))
        assert np.allclose(colour, photo[around][keep[around]].mean(axis=0), atol=1e-3)


PNG = encoding.encode_png(picture(5)[:20, :30])


@given(st.integers(0, len(PNG) - 1), st.binary(min_size=1, max_size=8))
@example(11, b"\x05")  # a header that is too short
@example(33, b"\0\0\0\4")  # pixels that seem to end early, and garbage where the next chunk should begin
def test_a_broken_picture_is_an_oserror_whatever_pillow_calls_it(place, damage):
    with contextlib.suppress(OSError):
        encoding.decode(PNG[:place] + damage + PNG[place + len(damage) :])


@pytest.mark.parametrize("data", [b"", b"no image", PNG[:11] + b"\x05" + PNG[12:], PNG[:33] + b"\0\0\0\4" + PNG[37:]])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(OSError, match=r"."):
        encoding.decode(data)


def blurred(mask, reach):
    """A mask as uint8, blurred twice by a box of `reach` pixels to each side."""
    soft = Image.fromarray(np.where(mask, 255, 0).astype(np.uint8))
    return soft.filter(ImageFilter.BoxBlur(reach)).filter(ImageFilter.BoxBlur(reach))


def windows(values, reach):
    """The windows of so many values to each side around each value; beyond the border there is 0."""
    padded = np.pad(values, [(reach, reach), (reach, reach)] + [(0, 0)] * (values.ndim - 2))
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1), axis=(0, 1))


def plainly_blended(photo, generated, keep):
    """What `Seam` says that it does, worked out for every pixel of a picture whose sides are multiples of 4."""
    # The colour shift of the kept region, of every fourth pixel, blurred twice over 5 x 5 of them.
    share = keep[::4, ::4, None].astype(float)
    apart = (photo[::4, ::4].astype(float) - generated[::4, ::4]) * share
    means = np.dstack([share, apart, (apart**2).sum(2)])
    for _ in range(2):
        means = windows(means, 2).mean((-1, -2))
    means[..., 1:] /= np.maximum(means[..., :1], 0.01)
    # It is taken back on the edge wholly, at 24 pixels from it not at all, and nowhere if it is no shift but a picture.
    soft = blurred(keep, 12)
    reached = np.asarray(soft).reshape(len(keep) // 4, 4, -1, 4).min((1, 3)) > 0
    outer = np.pad(reached, 1, mode="edge")
    reached = np.lib.stride_tricks.sliding_window_view(outer, (3, 3)).all((-1, -2))
    weight = np.asarray(soft.reduce(4)) * (2 / 255) * reached * np.exp(-((means[..., 4] / 1600) ** 2))
    shift = np.rint(means[..., 1:4] * weight[..., None] + 128).clip(0, 255).astype(np.uint8)
    shift = np.asarray(Image.fromarray(shift).resize(keep.shape[::-1], Image.Resampling.BILINEAR)).astype(int) - 128
    matched = (generated + shift).clip(0, 255).astype(float)
    # Within 2 pixels the photo fades out, between the colours of the kept pixels in 7 x 7 and those generated.
    alpha = np.minimum(np.asarray(blurred(keep, 1)) * (2 / 255), 1)[..., None]
    counts = windows(keep.astype(float), 3).sum((-1, -2))[..., None]
    edge = windows(photo * keep[..., None].astype(float), 3).sum((-1, -2)) / np.maximum(counts, 1)
    fading = np.clip(photo, np.minimum(edge, matched), np.maximum(edge, matched))
    blended = np.rint(np.where(alpha > 0, matched + alpha * (fading - matched), matched))
    return np.where(keep[..., None], photo, blended).astype(int)


@pytest.mark.parametrize("likeness", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("colour", [(0, 0, 0), (30, -20, 10)])
def test_every_pixel_is_as_it_is_said_to_be(likeness, colour):
    """The kept regions lie so that the work is done on the whole picture; at one side they touch its border."""
    size = 64, 80
    y, x = np.ogrid[:64, :80]
    rng = np.random.default_rng(3)
    photo, other = (rng.integers(40, 216, (*size, 3)) for _ in range(2))
    generated = (photo * likeness + other * (1 - likeness) + colour).clip(0, 255).astype(np.uint8)
    photo = photo.astype(np.uint8)
    for shape in ((x - 40) ** 2 + (y - 32) ** 2 <= 20**2, (x < 58) & (y > 22) & (y < 45)):
        keep = np.broadcast_to(shape, size).copy()
        result = Seam(photo, keep).blend(generated).astype(int)
        expected = plainly_blended(photo, generated, keep)
        assert np.abs(result - expected).max() <= 1
        assert (result == expected).mean() > 0.999


def test_only_the_surroundings_of_the_kept_region_are_worked_on_and_they_lie_where_they_did():
    photo, other = (np.random.default_rng(seed).integers(0, 256, (200, 240, 3), np.uint8) for seed in (1, 2))
    generated = (photo // 8 * 7 + other // 8).astype(np.uint8)
    keep = np.zeros((200, 240), bool)
    keep[84:116, 104:148] = True
    before = generated.copy()
    result = Seam(photo, keep).blend(generated)
    assert np.array_equal(generated, before)
    top, bottom, left, right = 84 - 24, 116 + 24, 104 - 24, 148 + 24
    part = np.s_[top:bottom, left:right]
    expected = generated.astype(int)
    expected[part] = plainly_blended(photo[part], generated[part], keep[part])
    assert np.abs(result.astype(int) - expected).max() <= 1
    assert (result != generated).any(axis=2)[84 - 10 : 116 + 10, 104 - 10 : 148 + 10].mean() > 0.9
