"""A photo in a model's canvas and back: Hypothesis over the sizes that photos and models have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from booth.painting.codecs.own import PAINTER
from booth.painting.models import ENDPOINT, MODELS, codec_of
from booth.pixels.frames import fit
from booth.pixels.sizes import Sizes

ALL_SIZES = [*{id(sizes): sizes for sizes in (codec_of(model).sizes for model in [*MODELS, ENDPOINT])}.values()]
sides = some.sampled_from([768, 1024, 1280, 1408])


@some.composite
def photos(draw):
    """A normalised photo's size: one of PictureSide's values, up to 4:1, upright or not."""
    longer = draw(sides)
    size = longer, draw(some.integers(-(-longer // 4), longer))
    return size if draw(some.booleans()) else size[::-1]


def allowed(sizes, width, height):
    """The models' rules once more, in words of their own."""
    return (
        min(width, height) >= sizes.min_side
        and max(width, height) <= sizes.max_side
        and width * height <= sizes.max_pixels
        and max(width, height) / min(width, height) <= sizes.max_aspect
        and [width % sizes.multiple, height % sizes.multiple] == [0, 0]
    )


@given(photos(), some.sampled_from(ALL_SIZES))
def test_every_photo_gets_a_canvas_that_the_model_takes(photo, sizes):
    frame = fit(photo, sizes)
    assert allowed(sizes, *frame.canvas)
    left, top, right, bottom = frame.box
    assert 0 <= left < right <= frame.canvas[0]
    assert 0 <= top < bottom <= frame.canvas[1]
    assert (right - left) / (bottom - top) == pytest.approx(photo[0] / photo[1], rel=0.01)
    if allowed(sizes, *photo):
        assert frame.canvas == photo
    else:  # no larger than it must be: one side is filled by the photo
        padding = frame.canvas[0] - (right - left), frame.canvas[1] - (bottom - top)
        assert min(padding) < sizes.multiple


@given(
    some.integers(1, 3000),
    some.integers(1, 3000),
    some.integers(1, 100),
    some.integers(500, 2000),
    some.integers(100_000, 1_000_000),
    some.floats(1, 5),
)
def test_any_size_fits_any_rules(width, height, min_side, max_side, max_pixels, max_aspect):
    sizes = Sizes(min_side, max_side, max_pixels, max_aspect)
    assert allowed(sizes, *fit((width, height), sizes).canvas)


@settings(max_examples=30)
@given(photos(), some.sampled_from(ALL_SIZES))
def test_what_the_model_leaves_comes_back_where_it_was(photo, sizes):
    width, height = photo
    frame = fit(photo, sizes)
    across = np.linspace(0, 255, width, dtype=np.uint8)[None].repeat(height, 0)
    down = np.linspace(0, 255, height, dtype=np.uint8)[:, None].repeat(width, 1)
    pixels = np.dstack([across, down, np.full_like(across, 77)])
    canvas = frame.place(pixels)
    assert canvas.shape == (frame.canvas[1], frame.canvas[0], 3)
    back = frame.restore(canvas)
    assert back.shape == pixels.shape
    apart = np.abs(back.astype(int) - pixels)
    assert apart[4:-4, 4:-4].max() <= 3, "at the edge of a photo that is scaled, the padding's grey may show"
    assert apart.max() <= (3 if frame.box == (0, 0, *frame.canvas) else 32)


@settings(max_examples=30)
@given(photos(), some.sampled_from(ALL_SIZES))
def test_what_is_kept_lies_where_the_photo_does_and_nothing_of_the_padding_is(photo, sizes):
    width, height = photo
    frame = fit(photo, sizes)
    keep = np.zeros((height, width), bool)
    keep[height // 4 : height // 2, width // 4 : width // 2] = True
    mask = frame.place_mask(keep)
    assert mask.shape == (frame.canvas[1], frame.canvas[0])
    assert mask.dtype == bool
    left, top, right, bottom = frame.box
    inside = np.zeros(mask.shape, bool)
    inside[top:bottom, left:right] = True
    assert not mask[~inside].any()
    assert mask.sum() == pytest.approx(keep.mean() * (right - left) * (bottom - top), rel=0.05)


@pytest.mark.parametrize(
    ("photo", "sizes", "canvas", "box"),
    [
        # Stability: 4:1 is padded to 2.5:1
        ((1024, 256), Sizes(64, 10**6, 9_437_184, 2.5), (1024, 410), (0, 77, 1024, 333)),
        ((256, 1024), Sizes(64, 10**6, 9_437_184, 2.5), (410, 1024), (77, 0, 333, 1024)),
        # Nova: no side under 320
        ((1024, 256), Sizes(320, 4096, 4_194_303, 4.0), (1280, 320), (0, 0, 1280, 320)),
        # One's own: multiples of 16, at most a megapixel
        ((1024, 768), PAINTER.sizes, (1024, 768), (0, 0, 1024, 768)),
        ((1024, 683), PAINTER.sizes, (1024, 688), (0, 2, 1024, 685)),
        ((1408, 1408), PAINTER.sizes, (1024, 1024), (0, 0, 1024, 1024)),
        ((1024, 256), PAINTER.sizes, (1024, 256), (0, 0, 1024, 256)),
        ((768, 192), PAINTER.sizes, (1024, 256), (0, 0, 1024, 256)),
        # Titan: no side over 1408
        ((2816, 1000), Sizes(1, 1408, 1408**2, 4.0), (1408, 500), (0, 0, 1408, 500)),
    ],
)
def test_known_frames(photo, sizes, canvas, box):
    frame = fit(photo, sizes)
    assert (frame.canvas, frame.box) == (canvas, box)


def test_a_picture_of_another_size_than_the_canvas_is_scaled_back():
    frame = fit((1024, 256), Sizes(64, 10**6, 9_437_184, 2.5))
    picture = np.zeros((820, 2048, 3), np.uint8)  # the canvas twice as large; the photo lies in rows 154 to 666
    picture[154:666] = 200
    assert (frame.restore(picture)[4:-4] == 200).all()


@pytest.mark.parametrize(
    ("photo", "sizes", "canvas", "box"),
    [
        # as it is
        ((640, 480), Sizes(64, 1024, 10**6, 4.0), (640, 480), (0, 0, 640, 480)),
        # no more pixels than may be
        ((2000, 1000), Sizes(64, 4096, 500_000, 4.0), (1000, 500), (0, 0, 1000, 500)),
        ((1000, 2000), Sizes(64, 4096, 500_000, 4.0), (500, 1000), (0, 0, 500, 1000)),
        # the padding counts as well: 2000 x 500 is padded to 2000 x 1000
        ((2000, 500), Sizes(64, 4096, 500_000, 2.0), (1000, 500), (0, 125, 1000, 375)),
        ((500, 2000), Sizes(64, 4096, 500_000, 2.0), (500, 1000), (125, 0, 375, 1000)),
        # a side that would be too short is made longer, and no longer than that
        ((100, 200), Sizes(320, 4096, 10**7, 4.0), (320, 640), (0, 0, 320, 640)),
        # a side that can't be is padded: 4000 x 400 would be 1000 x 100
        ((4000, 400), Sizes(200, 1000, 10**7, 5.0), (1000, 200), (0, 50, 1000, 150)),
        # the same, by the shortest side that may be
        ((4000, 400), Sizes(250, 1000, 10**7, 5.0), (1000, 250), (0, 75, 1000, 175)),
        ((400, 4000), Sizes(250, 1000, 10**7, 5.0), (250, 1000), (75, 0, 175, 1000)),
        # whole pixels: 1280 * (320 / 1280) is no 319
        ((5120, 1280), Sizes(320, 1280, 10**7, 4.0), (1280, 320), (0, 0, 1280, 320)),
        # a rest of one pixel lies right and below
        ((1000, 101), Sizes(1, 1000, 10**7, 5.0), (1000, 200), (0, 49, 1000, 150)),
    ],
)
def test_a_frame_is_as_large_as_may_be_and_padded_on_both_sides(photo, sizes, canvas, box):
    frame = fit(photo, sizes)
    assert (frame.photo, frame.canvas, frame.box) == (photo, canvas, box)
    assert frame.is_unchanged is (canvas == photo)


def test_the_padding_is_grey_and_the_photo_is_scaled_by_lanczos():
    frame = fit((1024, 200), Sizes(1, 512, 10**7, 2.0))
    photo = np.random.default_rng(1).integers(0, 256, (200, 1024, 3), np.uint8)
    canvas = frame.place(photo)
    left, top, right, bottom = frame.box
    assert (left, top, right, bottom) == (0, 78, 512, 178)
    scaled = Image.fromarray(photo).resize((512, 100), Image.Resampling.LANCZOS)
    assert np.array_equal(canvas[top:bottom], np.asarray(scaled))
    assert (canvas[:top] == 128).all()
    assert (canvas[bottom:] == 128).all()


def test_a_picture_is_scaled_back_by_lanczos_out_of_its_part_of_the_canvas():
    frame = fit((1024, 200), Sizes(1, 512, 10**7, 2.0))
    picture = np.random.default_rng(1).integers(0, 256, (512, 768, 3), np.uint8)
    scaled = Image.fromarray(picture).resize((1024, 200), Image.Resampling.LANCZOS, box=(0, 156, 768, 356))
    assert np.array_equal(frame.restore(picture), np.asarray(scaled))
    frame = fit((200, 1024), Sizes(1, 512, 10**7, 2.0))
    picture = picture.transpose(1, 0, 2).copy()
    scaled = Image.fromarray(picture).resize((200, 1024), Image.Resampling.LANCZOS, box=(156, 0, 356, 768))
    assert np.array_equal(frame.restore(picture), np.asarray(scaled))


def test_a_picture_of_the_photos_own_size_is_given_as_it_is():
    whole = fit((640, 480), Sizes(64, 1024, 10**6, 4.0))
    picture = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    assert whole.restore(picture) is picture
    assert whole.restore(np.zeros((240, 320, 3), np.uint8)).shape == (480, 640, 3)
    # In a canvas of another shape the photo lies in a part of it, whatever size the model gives.
    padded = fit((1000, 200), Sizes(1, 1000, 10**7, 2.0))
    picture = np.zeros((200, 1000, 3), np.uint8)
    picture[60:140] = 255
    assert (padded.restore(picture)[10:-10] == 255).all()
