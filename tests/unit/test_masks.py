"""Invariant 5: every face is kept whole, whatever Segment Anything says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booth.pixels import geometry, masks, morphology
from booth.pixels.geometry import Face

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
@settings(max_examples=300)
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
