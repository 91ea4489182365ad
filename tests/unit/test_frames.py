"""A photo in a model's canvas and back: Hypothesis over the sizes that photos and models have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from booth.painting.models import MODELS
from booth.pixels.frames import fit
from booth.pixels.sizes import Sizes

ALL_SIZES = list({id(model.codec.sizes): model.codec.sizes for model in MODELS.values()}.values())
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
        assert (left, right) == (0, frame.canvas[0]) or (top, bottom) == (0, frame.canvas[1])


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
    assert np.abs(back.astype(int) - pixels).max() <= 3


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
