"""Invariant 5: every face is kept whole, whatever Segment Anything says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booth.keep import MORE
from booth.pixels import foreground, geometry, masks, morphology
from booth.pixels.geometry import Face
from booth.pixels.seam import SoftSeam, soft_edge

W, H = 160, 120


@st.composite
def face(draw):
    left, top = draw(st.floats(-30, W - 2)), draw(st.floats(-30, H - 2))
    width, height = draw(st.floats(2, 90)), draw(st.floats(2, 90))
    at = st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1))
    marks = {
        name: (left + x * width, top + y * height)
        for name, (x, y) in zip(("eyeLeft", "eyeRight", "nose"), draw(st.tuples(at, at, at)), strict=True)
    }
    return Face((left, top, left + width, top + height), marks)


def inside(a_face):
    l, t, r, b = geometry.clip(a_face.box, W, H)
    return r - l >= 1 and b - t >= 1


KINDS = ("noise", "empty", "full", "missing", "stripes")


def sam_says(kind, shape, seed):
    if kind == "noise":
        return np.random.default_rng(seed).random(shape) < 0.6
    if kind == "stripes":
        return np.broadcast_to(np.arange(shape[1]) % 3 == 0, shape).copy()
    return {"empty": np.zeros(shape, bool), "full": np.ones(shape, bool), "missing": None}[kind]


def kept_of(faces, kind, seed=0):
    crops = geometry.crops_around(faces, W, H)
    found = [sam_says(kind, (c.box[3] - c.box[1], c.box[2] - c.box[0]), seed) for c in crops]
    return masks.keep_mask(W, H, faces, crops, found)


def spread(seed, within):
    """The pixels of `within` that are connected with one of `seed`, one after the other."""
    reached, waiting = np.zeros_like(within), [tuple(spot) for spot in np.argwhere(seed & within)]
    while waiting:
        y, x = waiting.pop()
        if not (0 <= y < within.shape[0] and 0 <= x < within.shape[1]) or reached[y, x] or not within[y, x]:
            continue
        reached[y, x] = True
        waiting += [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
    return reached


def snake(height, width):
    """One line through all rows, to and fro: the longest way there is."""
    line = np.zeros((height, width), bool)
    line[::2], line[1::4, -1], line[3::4, 0] = True, True, True
    return line


@given(st.integers(1, 25), st.integers(1, 25), st.floats(0, 1), st.floats(0, 0.3), st.integers(0, 2**31))
@settings(max_examples=100)
def test_a_flood_reaches_what_hangs_together_and_nothing_else(height, width, share, sown, seed):
    rng = np.random.default_rng(seed)
    for within in (rng.random((height, width)) < share, snake(height, width), snake(width, height).T):
        start = rng.random((height, width)) < sown
        before = within.copy(), start.copy()
        assert np.array_equal(morphology.reconstruct(start, within), spread(start, within))
        assert np.array_equal(within, before[0])
        assert np.array_equal(start, before[1])


@given(st.integers(1, 25), st.integers(1, 25), st.floats(0, 1), st.integers(0, 2**31))
def test_a_hole_is_what_the_border_does_not_reach(height, width, share, seed):
    mask = np.random.default_rng(seed).random((height, width)) < share
    border = np.ones_like(mask)
    border[1:-1, 1:-1] = False
    assert np.array_equal(morphology.fill_holes(mask), ~spread(border, ~mask))


@given(st.lists(face().filter(inside), min_size=1, max_size=12), st.sampled_from(KINDS), st.integers(0, 2**31))
@settings(max_examples=75)
def test_every_face_is_kept(faces, kind, seed):
    keep, by_ellipse = kept_of(faces, kind, seed)
    assert keep.shape == (H, W)
    assert keep.dtype == bool
    for each in faces:
        outline = masks.ellipse((H, W), (0, 0), each.box)
        assert (keep & outline).sum() >= 0.95 * outline.sum()
        window = geometry.whole_pixels(geometry.grow(each.box, masks.MARGIN), W, H)
        for x, y in each.landmarks.values():
            if window[0] <= x < window[2] and window[1] <= y < window[3]:
                assert keep[int(y), int(x)]
    if kind in ("empty", "missing"):
        # A face of which not even a pixel's middle lies in the photo has nothing to keep.
        assert by_ellipse >= sum(masks.ellipse((H, W), (0, 0), each.box).any() for each in faces)


def endpoint_says(kind, seed):
    """The endpoint's alpha of the whole photo, uint8, H x W; None if there is none."""
    if kind == "noise":
        return np.random.default_rng(seed).integers(0, 256, (H, W), np.uint8)
    said = sam_says(kind, (H, W), seed)
    return None if said is None else said * np.uint8(255)


@given(
    st.lists(face().filter(inside), min_size=1, max_size=12),
    st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS), st.sampled_from(KINDS)),
    st.integers(0, 2**31),
)
@settings(max_examples=50)
def test_a_head_keeps_no_less_than_the_face_and_a_person_no_less_than_the_head(faces, kinds, seed):
    """Whatever the endpoint says of any of the three: a head without its face, a person without the head."""
    keep, _ = kept_of(faces, kinds[0], seed)
    said = {more: endpoint_says(kind, seed + n) for n, (more, kind) in enumerate(zip(MORE, kinds[1:], strict=True))}
    found = {more: alpha for more, alpha in reversed(said.items()) if alpha is not None}
    joined = masks.alphas(soft_edge(keep), found)
    assert list(joined) == [more for more in MORE if more in found]
    photo, generated = np.random.default_rng(seed).integers(0, 256, (2, H, W, 3), np.uint8)
    less = soft_edge(keep)
    for more, alpha in joined.items():
        assert (alpha.dtype, alpha.shape) == (np.uint8, (H, W))
        assert (alpha[keep] == 255).all()
        assert (alpha >= less).all()
        assert (alpha >= found[more]).all()
        less = alpha
        composite = SoftSeam(photo, foreground.estimate(photo, alpha), alpha).blend(generated)
        assert np.array_equal(composite[alpha == 255], photo[alpha == 255]), "every face, bit for bit"


@given(face().filter(inside), st.sampled_from(KINDS), st.integers(0, 2**31))
def test_nothing_far_from_a_face_is_kept(a_face, kind, seed):
    keep, _ = kept_of([a_face], kind, seed)
    l, t, r, b = geometry.whole_pixels(geometry.grow(a_face.box, masks.MARGIN), W, H)
    outside = keep.copy()
    outside[t:b, l:r] = False
    assert not outside.any()


def test_a_good_mask_is_taken_but_for_its_rim_and_counts_as_enough():
    a_face = Face((40.0, 30.0, 80.0, 80.0), {"nose": (60.0, 55.0)})
    [crop] = geometry.crops_around([a_face], W, H)
    l, t, r, b = crop.box
    said = masks.ellipse((H, W), (0, 0), (37.0, 27.0, 83.0, 83.0))
    keep, by_ellipse = masks.keep_mask(W, H, [a_face], [crop], [said[t:b, l:r]])
    assert by_ellipse == 0
    assert np.array_equal(keep, morphology.erode(said))
    assert not keep[27].any()
    assert keep[28].any()


def test_holes_are_filled_and_specks_are_dropped():
    a_face = Face((40.0, 30.0, 80.0, 80.0), {})
    [crop] = geometry.crops_around([a_face], W, H)
    l, t, r, b = crop.box
    whole = masks.ellipse((H, W), (0, 0), (37.0, 27.0, 83.0, 83.0))
    said = whole.copy()
    said[50:56, 55:65] = False  # a hole: glasses
    said[t + 1, l + 1] = True  # a speck
    keep, _ = masks.keep_mask(W, H, [a_face], [crop], [said[t:b, l:r]])
    assert np.array_equal(keep, morphology.erode(whole))


def test_the_rim_stays_where_the_face_would_not_be_whole_without_it():
    a_face = Face((40.0, 30.0, 60.0, 54.0), {})
    [crop] = geometry.crops_around([a_face], W, H)
    l, t, r, b = crop.box
    said = masks.ellipse((H, W), (0, 0), a_face.box)
    keep, by_ellipse = masks.keep_mask(W, H, [a_face], [crop], [said[t:b, l:r]])
    assert by_ellipse == 0
    assert np.array_equal(keep, said)


def test_no_line_is_left_between_faces_that_touch():
    faces = [Face((20.0, 30.0, 60.0, 80.0), {}), Face((60.0, 30.0, 100.0, 80.0), {})]
    [crop] = geometry.crops_around(faces, W, H)
    l, t, r, b = crop.box
    said = masks.ellipse((H, W), (0, 0), (17.0, 27.0, 63.0, 83.0)) | masks.ellipse(
        (H, W), (0, 0), (57.0, 27.0, 103.0, 83.0)
    )
    keep, _ = masks.keep_mask(W, H, faces, [crop], [said[t:b, l:r]])
    assert np.array_equal(keep, morphology.erode(said))
    assert keep[55, 20:100].all()


@given(st.integers(0, 999), st.floats(0.5, 1))
def test_shave_takes_what_touches_the_outside(seed, density):
    mask = np.random.default_rng(seed).random((12, 15)) < density
    slim = morphology.erode(mask)
    for y, x in np.ndindex(mask.shape):
        assert slim[y, x] == mask[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].all()


def test_glasses_beyond_the_face_are_kept():
    a_face = Face((40.0, 30.0, 80.0, 80.0), {"eyeLeft": (52.0, 50.0), "eyeRight": (68.0, 50.0)})
    [crop] = geometry.crops_around([a_face], W, H)
    l, t, r, b = crop.box
    said = masks.ellipse((H, W), (0, 0), (46.0, 30.0, 74.0, 80.0))
    keep, _ = masks.keep_mask(W, H, [a_face], [crop], [said[t:b, l:r]])
    assert not said[50, 45]
    assert keep[50, 45]
    assert keep[50, 75]


def test_a_neighbour_is_not_swallowed():
    """SAM's mask runs over into the next face: what is kept ends near the box."""
    faces = [Face((10.0, 30.0, 50.0, 80.0), {})]
    [crop] = geometry.crops_around(faces, W, H)
    l, t, r, b = crop.box
    keep, _ = masks.keep_mask(W, H, faces, [crop], [np.ones((b - t, r - l), bool)])
    assert not keep[:, 61:].any()


@given(st.integers(0, 2**31), st.floats(0.2, 0.8))
def test_flood_is_what_a_queue_would_find(seed, density):
    within = np.random.default_rng(seed).random((14, 17)) < density
    seeds = np.zeros_like(within)
    seeds[7, 8] = True
    reached, todo = set(), [(7, 8)] if within[7, 8] else []
    while todo:
        y, x = todo.pop()
        if (y, x) in reached or not (0 <= y < 14 and 0 <= x < 17) or not within[y, x]:
            continue
        reached.add((y, x))
        todo += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    assert set(zip(*np.nonzero(morphology.reconstruct(seeds, within)), strict=True)) == reached


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_fill_holes_of_thin_masks(shape):
    mask = np.ones(shape, bool)
    assert np.array_equal(morphology.fill_holes(mask), mask)
    assert not morphology.fill_holes(~mask).any()


# To the pixel


def drawn(shape, holds):
    """The mask of the pixels whose middle (x, y) holds something."""
    return np.array([[holds(x + 0.5, y + 0.5) for x in range(shape[1])] for y in range(shape[0])], bool)


def oval(box, shape=(H, W)):
    l, t, r, b = box
    return drawn(shape, lambda x, y: ((2 * x - l - r) / (r - l)) ** 2 + ((2 * y - t - b) / (b - t)) ** 2 <= 1)


def scaled(box, share):
    return geometry.grow(box, (share - 1) / 2)


@pytest.mark.parametrize("box", [(20, 30, 60, 90), (20.3, 30.6, 61.1, 89.9), (-9.0, -20.0, 31.0, 30.0)])
def test_an_ellipse_is_the_pixels_whose_middles_lie_in_it_in_any_window(box):
    whole = oval(box)
    assert np.array_equal(masks.ellipse((H, W), (0, 0), box), whole)
    assert np.array_equal(masks.ellipse((50, 40), (10, 20), box), whole[20:70, 10:50])


def test_a_pixel_whose_middle_lies_on_the_ellipse_belongs_to_it():
    assert np.argwhere(masks.ellipse((9, 9), (0, 0), (3.5, 3.5, 5.5, 5.5))).tolist() == [
        [3, 4],
        [4, 3],
        [4, 4],
        [4, 5],
        [5, 4],
    ]


def test_a_box_narrower_than_a_pixel_has_the_ellipse_of_one():
    assert np.argwhere(masks.ellipse((9, 9), (0, 0), (4.5, 2.0, 4.5, 5.0))).tolist() == [[2, 4], [3, 4], [4, 4]]
    assert np.argwhere(masks.ellipse((9, 9), (0, 0), (2.0, 4.5, 5.0, 4.5))).tolist() == [[4, 2], [4, 3], [4, 4]]
    assert not masks.ellipse((9, 9), (0, 0), (4.0, 4.0, 4.0, 4.0)).any()


@pytest.mark.parametrize(
    ("left", "right"),
    [((50, 40), (80, 40)), ((60.5, 30.2), (84.5, 48.2)), ((70, 70), (70, 50))],
)
def test_the_band_of_glasses_lies_along_the_eyes(left, right):
    """As far as an eye distance to both sides of the middle, and 0.36 of it above and below."""
    a_face = Face((0, 0, 1, 1), {"eyeLeft": left, "eyeRight": right})
    length = np.hypot(right[0] - left[0], right[1] - left[1])
    along = np.subtract(right, left) / length

    def holds(x, y):
        px, py = x - (left[0] + right[0]) / 2, y - (left[1] + right[1]) / 2
        across = py * along[0] - px * along[1]
        return ((px * along[0] + py * along[1]) / length) ** 2 + (across / (0.36 * length)) ** 2 <= 1

    whole = drawn((H, W), holds)
    assert np.array_equal(masks.eye_band((H, W), (0, 0), a_face), whole)
    assert np.array_equal(masks.eye_band((50, 40), (30, 20), a_face), whole[20:70, 30:70])


@pytest.mark.parametrize("apart", [0.0, 1e-9, 0.01, 0.5])
def test_eyes_that_are_told_at_one_point_make_a_band_of_a_few_pixels(apart):
    marks = {"eyeLeft": (20.5, 20.5), "eyeRight": (20.5 + apart, 20.5)}
    band = masks.eye_band((40, 40), (0, 0), Face((10, 10, 30, 30), marks))
    assert 1 <= band.sum() <= 4


@pytest.mark.parametrize("known", ["eyeLeft", "eyeRight", "nose"])
def test_without_both_eyes_there_is_no_band(known):
    band = masks.eye_band((8, 9), (0, 0), Face((0, 0, 9, 8), {known: (4, 4)}))
    assert (band.shape, band.dtype, band.any()) == ((8, 9), bool, False)


TILTED = {"eyeLeft": (50.0, 40.0), "eyeRight": (70.0, 50.0), "mouthLeft": (42.0, 62.0), "mouthRight": (58.0, 74.0)}


def test_the_forehead_lies_beyond_the_eyes_as_seen_from_the_mouth():
    whole = drawn((H, W), lambda x, y: (x - 60) * (50 - 60) + (y - 45) * (68 - 45) < 0)
    a_face = Face((30, 20, 90, 90), TILTED)
    assert np.array_equal(masks.forehead((H, W), (0, 0), a_face), whole)
    assert np.array_equal(masks.forehead((50, 40), (30, 20), a_face), whole[20:70, 30:70])


@pytest.mark.parametrize("missing", TILTED)
def test_where_a_landmark_is_missing_the_forehead_is_the_upper_45_percent_of_the_box(missing):
    marks = {name: at for name, at in TILTED.items() if name != missing}
    upper = masks.forehead((50, 40), (30, 20), Face((30, 30, 90, 90), marks))
    assert upper[: 57 - 20].all()
    assert not upper[57 - 20 :].any()
    assert upper.shape == (50, 40)


def test_landmarks_are_the_pixels_of_the_window_in_which_they_lie():
    points = [(10.9, 20.9), (49.9, 69.9), (50, 30), (20, 70), (9.9, 30), (20, 19.9), (-0.5, 30), (20, -0.5)]
    a_face = Face((0, 0, 9, 9), {str(number): at for number, at in enumerate(points)})
    assert masks.landmark_pixels((50, 40), (10, 20), a_face) == [(0, 0), (39, 49)]
    # What lies outside the photo by less than a pixel does not lie in its first one.
    assert masks.landmark_pixels((50, 40), (0, 0), Face((0, 0, 9, 9), {"nose": (-0.5, 3), "mouth": (3, -0.5)})) == []
    assert masks.landmark_pixels((50, 40), (0, 0), Face((0, 0, 9, 9), {"nose": (0.0, 0.0)})) == [(0, 0)]


BOX = (40.0, 20.0, 100.0, 100.0)


def kept_with(said, marks=None, box=BOX):
    """What is kept of one face where SAM said this of the whole photo; and whether that was enough."""
    a_face = Face(box, marks or {})
    [crop] = geometry.crops_around([a_face], W, H)
    l, t, r, b = crop.box
    keep, by_ellipse = masks.keep_mask(W, H, [a_face], [crop], [None if said is None else said[t:b, l:r]])
    return keep, by_ellipse == 0


def test_where_nothing_was_said_the_ellipse_is_kept_and_no_more_of_its_rim_than_is_promised():
    keep, enough = kept_with(None)
    assert np.array_equal(keep, oval(scaled(BOX, 0.98)))
    assert not enough
    # Of a small one so many pixels lie in the rim that all of it is kept.
    small = (40.0, 20.0, 49.0, 29.0)
    assert np.array_equal(kept_with(None, box=small)[0], oval(small))


def square(x, y, radius):
    mask = np.zeros((H, W), bool)
    mask[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = True
    return mask


@pytest.mark.parametrize(
    ("box", "point", "radius"), [(BOX, (41.5, 21.5), 2), ((20.0, 10.0, 120.0, 110.0), (22.5, 12.5), 4)]
)
def test_around_a_landmark_outside_the_ellipse_a_square_is_kept(box, point, radius):
    keep, enough = kept_with(None, {"nose": point}, box)
    assert np.array_equal(keep, oval(scaled(box, 0.98)) | square(int(point[0]), int(point[1]), radius))
    assert not enough


def test_a_landmark_at_the_photos_border_has_its_square_as_far_as_there_is_photo():
    box = (-20.0, -20.0, 40.0, 60.0)
    keep, _ = kept_with(None, {"nose": (0.5, 0.5)}, box)
    assert np.array_equal(keep, oval(scaled(box, 0.98)) | square(0, 0, 2))


def test_what_is_missing_is_the_forehead_first():
    marks = {"eyeLeft": (58.0, 52.0), "eyeRight": (82.0, 52.0), "mouthLeft": (60.0, 80.0), "mouthRight": (80.0, 80.0)}
    said = oval(BOX)
    said[:35] = False
    keep, enough = kept_with(said, marks)
    band = masks.eye_band((H, W), (0, 0), Face(BOX, marks))
    assert np.array_equal(keep, oval(BOX) | band)
    assert not enough


def test_only_what_is_connected_with_the_middle_of_the_face_is_kept():
    """The middle: the ellipse of half the box's size."""
    said = oval(BOX)
    said[:, 112:116] = True  # a wall beside the head, in reach
    apart = oval(scaled(BOX, 1.04))
    assert np.array_equal(kept_with(apart | said)[0], morphology.erode(apart))
    # What was said of the rim alone has nothing to do with the face: as if nothing was said.
    ring = oval(scaled(BOX, 1.2)) & ~oval(scaled(BOX, 0.52))
    assert np.array_equal(kept_with(ring)[0], kept_with(None)[0])
    ring = oval(scaled(BOX, 1.2)) & ~oval(scaled(BOX, 0.46))
    assert np.array_equal(kept_with(ring)[0], morphology.erode(oval(scaled(BOX, 1.2))))


def test_what_is_kept_reaches_a_quarter_of_the_box_beyond_it():
    keep, enough = kept_with(np.ones((H, W), bool), box=(40.0, 40.0, 80.0, 80.0))
    assert np.argwhere(keep).min(0).tolist() == [31, 31]
    assert np.argwhere(keep).max(0).tolist() == [88, 88]
    assert enough


def test_faces_of_one_photo_are_kept_each_and_counted_each():
    boxes = [(10.0, 20.0, 40.0, 60.0), (60.0, 20.0, 90.0, 60.0), (120.0, 30.0, 150.0, 70.0)]
    faces = [Face(box, {}) for box in boxes]
    crops = geometry.crops_around(faces, W, H)
    said = oval(scaled(boxes[2], 1.2))
    found = [
        None if 2 not in crop.faces else said[crop.box[1] : crop.box[3], crop.box[0] : crop.box[2]] for crop in crops
    ]
    keep, by_ellipse = masks.keep_mask(W, H, faces, crops, found)
    parts = [oval(scaled(box, 0.98)) for box in boxes[:2]]
    assert np.array_equal(keep, parts[0] | parts[1] | morphology.erode(said))
    assert by_ellipse == 2
