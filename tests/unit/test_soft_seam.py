"""An alpha's composite: the photo where it is 255, the painter's picture where it is 0, and no wall between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booth.painting.models import MODELS
from booth.pixels import foreground, masks
from booth.pixels.seam import FADE_WIDTH, SoftSeam, soft_edge
from tests.support.seam import grown

PEOPLE, WALL, SCENE = (90, 60, 40), (235, 235, 240), (20, 40, 60)


@st.composite
def size(draw):
    """Height and width from 1 pixel; most are small, some have no side that is a multiple of 4."""
    return draw(st.integers(1, 70)), draw(st.integers(1, 70))


@st.composite
def alphas(draw, shape):
    """An alpha of any kind: all 0, all 255, one value, noise, only hard edges, a ramp, a soft disc."""
    height, width = shape
    kind = draw(st.sampled_from(("nothing", "all", "flat", "noise", "hard", "ramp", "disc")))
    if kind in ("nothing", "all", "flat"):
        return np.full(shape, {"nothing": 0, "all": 255}.get(kind, draw(st.integers(1, 254))), np.uint8)
    noise = np.random.default_rng(draw(st.integers(0, 999))).integers(0, 256, shape, np.uint8)
    if kind == "noise":
        return noise
    if kind == "hard":
        return np.where(noise > 128, np.uint8(255), np.uint8(0))
    y, x = np.mgrid[:height, :width]
    if kind == "ramp":
        return (x * 255 // max(1, width - 1)).astype(np.uint8)
    away = np.hypot((x - width / 2) / max(1, width / 3), (y - height / 2) / max(1, height / 3))
    return (255 * np.clip(2 * (1.2 - away), 0, 1)).astype(np.uint8)


@st.composite
def cases(draw):
    """Photo, generated picture and alpha of one size."""
    shape = draw(size())
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    photo, other = rng.integers(0, 256, (2, *shape, 3), np.uint8)
    likeness = draw(st.sampled_from((0.0, 0.5, 0.9, 1.0)))
    generated = np.rint(photo * likeness + other * (1 - likeness)).astype(np.uint8)
    return photo, generated, draw(alphas(shape))


@given(cases())
def test_the_photo_is_bit_exact_where_alpha_is_255_and_the_painters_picture_where_it_is_0(case):
    photo, generated, alpha = case
    before = photo.copy(), generated.copy(), alpha.copy()
    seam = SoftSeam(photo, foreground.estimate(photo, alpha), alpha)
    result = seam.blend(generated)
    assert (result.shape, result.dtype) == (photo.shape, np.uint8)
    assert np.array_equal(result[alpha == 255], photo[alpha == 255])
    assert np.array_equal(result[alpha == 0], seam.fitted(generated)[alpha == 0])
    assert all(np.array_equal(*pair) for pair in zip(before, (photo, generated, alpha), strict=True))


@given(cases())
def test_between_them_it_lies_between_the_peoples_colour_and_the_painters_by_alpha(case):
    photo, generated, alpha = case
    people = foreground.estimate(photo, alpha)
    seam = SoftSeam(photo, people, alpha)
    share = alpha[..., None] / 255
    mixed = people * share + seam.fitted(generated) * (1 - share)
    assert np.abs(seam.blend(generated) - mixed).max() <= 0.5 + 1e-6


@given(cases())
def test_the_foreground_is_the_photo_where_nothing_is_mixed(case):
    photo, _, alpha = case
    people = foreground.estimate(photo, alpha)
    whole = (alpha == 0) | (alpha == 255)
    assert (people.shape, people.dtype) == (photo.shape, np.uint8)
    assert np.array_equal(people[whole], photo[whole])


@given(size(), st.data())
def test_face_within_head_within_person_keeps_more_pixels_exactly(shape, data):
    photo, generated = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    modes = [soft_edge(data.draw(alphas(shape)) > 127), data.draw(alphas(shape)), data.draw(alphas(shape))]
    exact = np.zeros(shape, bool)
    for alpha in np.maximum.accumulate(modes):
        result = SoftSeam(photo, foreground.estimate(photo, alpha), alpha).blend(generated)
        assert np.array_equal(result[exact], photo[exact])
        assert (alpha[exact] == 255).all()
        exact = alpha == 255


def mixed_photo(side=400):
    """A person with soft hair before a light wall: the photo, and the alpha with which it was mixed."""
    y, x = np.mgrid[:side, :side]
    alpha = (255 * np.clip((0.35 * side - np.hypot(x - side / 2, y - side / 2)) / 12 + 0.5, 0, 1)).astype(np.uint8)
    grain = np.random.default_rng(0).normal(0, 4, (side, side, 1))
    share = alpha[..., None] / 255
    return (np.array(PEOPLE) * share + np.array(WALL) * (1 - share) + grain).clip(0, 255).astype(np.uint8), alpha


def test_no_wall_shines_through_the_hair():
    photo, alpha = mixed_photo()
    share, band = alpha[..., None] / 255, (alpha > 0) & (alpha < 255)
    right = np.array(PEOPLE) * share + np.array(SCENE) * (1 - share)
    generated = np.where(alpha[..., None] == 255, photo, np.uint8(SCENE))

    def spill(people):
        return np.abs(SoftSeam(photo, people, alpha).blend(generated) - right)[band].mean()

    raw, estimated = spill(photo), spill(foreground.estimate(photo, alpha))
    assert raw > 20
    assert estimated < raw / 3


@pytest.mark.parametrize("gain", [0.8, 1.0, 1.2])
def test_a_models_shift_of_colour_and_contrast_is_taken_back(gain):
    photo = np.random.default_rng(1).integers(60, 190, (80, 80, 3), np.uint8)
    alpha = np.zeros((80, 80), np.uint8)
    alpha[20:60, 20:60] = 255
    generated = np.rint((photo.astype(float) - 120) * gain + 120 + [14, -9, 6]).clip(0, 255).astype(np.uint8)
    assert np.abs(SoftSeam(photo, photo, alpha).fitted(generated).astype(int) - photo).max() <= 3


def test_a_picture_that_shows_something_else_is_left_as_it_is():
    photo, generated = np.random.default_rng(2).integers(0, 256, (2, 80, 80, 3), np.uint8)
    for unlike in (generated, 255 - photo, np.full_like(photo, 30)):
        seam = SoftSeam(photo, photo, np.full((80, 80), 255, np.uint8))
        assert np.array_equal(seam.fitted(unlike), unlike)


@given(size(), st.data())
def test_a_hard_masks_alpha_keeps_what_the_mask_keeps_and_fades_within_the_seam(shape, data):
    keep = data.draw(alphas(shape)) > 127
    alpha = soft_edge(keep)
    assert np.array_equal(alpha == 255, keep)
    assert not alpha[~grown(keep, FADE_WIDTH)].any()


@given(size(), st.data())
def test_every_models_mask_has_all_pixels_that_are_the_photos_and_none_that_is_the_painters(shape, data):
    alpha = data.draw(alphas(shape))
    for model in MODELS.values():
        mask = masks.for_model(alpha, model.codec.least_alpha)
        assert (mask.shape, mask.dtype) == (alpha.shape, bool)
        assert mask[alpha == 255].all()
        assert not mask[alpha == 0].any()
