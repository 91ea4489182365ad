"""An alpha's composite: the photo where it is 255, the painter's picture where it is 0, and no wall between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFilter

from booth.painting.models import MODELS
from booth.pixels import foreground, masks
from booth.pixels.seam import FADE_WIDTH, SoftSeam, soft_edge
from tests.support import answers
from tests.support.photos import PHOTOS
from tests.support.seam import FLAT, grown

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


@given(cases(), st.sampled_from((4, 8, 20)), st.integers(1, 5))
def test_the_foreground_is_the_same_in_whatever_tiles_it_is_made(case, tile, at_once):
    photo, _, alpha = case
    people = foreground.estimate(photo, alpha)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(foreground, "_TILE", tile)
        patched.setattr(foreground, "_AT_ONCE", at_once)
        assert np.array_equal(foreground.estimate(photo, alpha), people)


def divided(photo, alpha, found, radius):
    """One pass of Forte's estimation over the whole photo, which `foreground.estimate` makes in tiles."""

    def mean(colours, weights):
        image = Image.fromarray(np.dstack([colours, np.full_like(weights, 255)]))
        weighted = ImageChops.multiply(image, Image.fromarray(np.dstack([weights] * 4)))
        sums = np.asarray(weighted.filter(ImageFilter.BoxBlur(radius))).astype(np.float32)
        return sums[..., :3] * (np.float32(255) / np.maximum(sums[..., 3:], 1))

    share = alpha[..., None] * np.float32(1 / 255)
    near, behind = mean(found[0], alpha), mean(found[1], 255 - alpha)
    lacking = photo - share * near - (1 - share) * behind
    colours = near + share * lacking, behind + (1 - share) * lacking
    band = ((alpha > 0) & (alpha < 255))[..., None]
    return [np.where(band, np.rint(each.clip(0, 255)), photo).astype(np.uint8) for each in colours]


@pytest.mark.parametrize(("side", "radii"), [(1024, (11, 4, 5, 2)), (768, (8, 3, 4, 2))])
def test_the_tiles_give_what_the_whole_photo_gives(side, radii):
    rng = np.random.default_rng(side)
    photo = rng.integers(0, 256, (96, side, 3), np.uint8)
    y, x = np.mgrid[:96, :side]
    alpha = (255 * np.clip((np.abs(y - 48) - 20) / 12 + 0.5, 0, 1)).astype(np.uint8) * (x % 300 > 40)
    photo[alpha > 64] |= 192  # white hair before a dark wall: what is lacking goes beyond 255
    cells, share = (np.asarray(Image.fromarray(each).reduce(4)) for each in (photo, alpha))
    found = [cells, cells]
    for radius in radii[:2]:
        found = divided(cells, share, found, radius)
    found = [np.asarray(Image.fromarray(each).resize((side, 96), Image.Resampling.BILINEAR)) for each in found]
    found = [np.where(((alpha > 0) & (alpha < 255))[..., None], each, photo) for each in found]
    for radius in radii[2:]:
        found = divided(photo, alpha, found, radius)
    inside = (
        slice(16, 80),
        slice(16, -16),
    )  # beyond the border the tiles repeat the photo, the filters their own results
    assert np.array_equal(foreground.estimate(photo, alpha)[inside], found[0][inside])


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


@pytest.fixture(scope="module")
def portrait():
    """A photo of a person, a soft alpha around head and shoulders, and the seam."""
    photo = np.asarray(Image.open(PHOTOS / "hopper.jpg").convert("RGB").resize((436, 512)))
    y, x = np.mgrid[:512, :436]
    away = np.minimum(np.hypot((x - 218) / 125, (y - 190) / 170), np.hypot((x - 218) / 215, (y - 540) / 250))
    alpha = (255 * np.clip((1 - away) * 12 + 0.5, 0, 1)).astype(np.uint8)
    return photo, alpha, SoftSeam(photo, photo, alpha)


@pytest.mark.parametrize("name", answers.NAMES)
def test_what_a_model_does_to_the_whole_picture_leaves_no_step_at_the_edge(portrait, name):
    """Where the answer is not clipped: what is 0 or 255 has lost its shift. Blur, noise and grain are no step."""
    photo, alpha, seam = portrait
    generated = answers.answers(photo, masks.for_model(alpha, 192))[name]
    ring = answers.ring_of(alpha) & ((generated > 0) & (generated < 255)).all(axis=2)
    pasted, result = answers.pasted(photo, generated, alpha), seam.blend(generated)
    raw, left = (answers.colour_step(each, photo, ring) for each in (pasted, result))
    if name in ("shift of colour and contrast", "half of the kept repainted, shift"):
        assert raw > 3
        assert left < 0.2 * raw
        assert answers.gradient_jump(result, photo, alpha) < 0.8 * answers.gradient_jump(pasted, photo, alpha)
    elif name == "shift, blur, noise and JPEG":
        assert left < 0.5 * raw
    else:
        assert left < raw + 0.3
    assert np.array_equal(result[alpha == 255], photo[alpha == 255])


def test_a_picture_that_shows_something_else_is_left_as_it_is(portrait):
    photo, _, seam = portrait
    for unlike in (255 - photo, photo[:, ::-1], np.roll(photo, 40, axis=0), np.full_like(photo, 30), photo // 64 * 9):
        assert np.array_equal(seam.fitted(unlike), unlike)


def test_what_gets_lighter_than_white_is_white(portrait):
    photo, alpha, seam = portrait
    darker = np.rint(photo * 0.6).astype(np.uint8)
    darker[:12] = 250  # nothing of the person is there
    assert not alpha[:12].any()
    fitted = seam.fitted(darker)
    assert (fitted[:12] == 255).all()
    assert np.abs(fitted[alpha == 255].astype(int) - photo[alpha == 255]).mean() < 3


@pytest.mark.parametrize("scene", FLAT)
def test_most_of_the_wall_that_a_paste_leaves_in_the_hair_is_gone(portrait, scene):
    real, alpha, _ = portrait
    share, wall = alpha[..., None] / 255, np.array([60, 160, 70])  # a green wall: nothing of the person is green
    photo = np.rint(real * share + wall * (1 - share)).astype(np.uint8)
    generated = np.full(photo.shape, FLAT[scene], np.uint8)
    result = SoftSeam(photo, foreground.estimate(photo, alpha), alpha).blend(generated)
    raw = answers.spill(photo, answers.pasted(photo, generated, alpha), alpha, generated)
    assert raw > 10
    assert abs(answers.spill(photo, result, alpha, generated)) < raw / 2


# Sharma, Wu, Dalal, "The CIEDE2000 Color-Difference Formula" (2005), table 1.
CIEDE2000 = [
    (50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425),
    (50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0),
    (50, 0, 0, 50, -1, 2, 2.3669),
    (50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792),
    (50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195),
    (50, -0.001, 2.49, 50, 0.0011, -2.49, 4.7461),
    (50, 2.5, 0, 50, 0, -2.5, 4.3065),
    (50, 2.5, 0, 73, 25, -18, 27.1492),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (2.0776, 0.0795, -1.135, 0.9033, -0.0636, -0.5514, 0.9082),
]


@pytest.mark.parametrize("pair", CIEDE2000)
def test_the_measure_of_colour_differences_is_ciede2000(pair):
    assert float(answers.ciede2000(np.array(pair[:3]), np.array(pair[3:6]))) == pytest.approx(pair[6], abs=1e-4)


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
