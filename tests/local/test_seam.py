"""The seam on real faces: masks of the real detector and Segment Anything."""

import numpy as np
import pytest

from booth.pixels import masks
from booth.pixels.seam import Seam
from tests.support import kept_faces, seam


@pytest.fixture(scope="module")
def cases():
    return kept_faces.read_cases(("astronaut", "hopper"))


def test_the_faces_are_whole(cases):
    for case in cases.values():
        for face in case.faces:
            outline = masks.ellipse(case.keep.shape, (0, 0), face.box)
            assert (case.keep & outline).sum() >= masks.ENOUGH * outline.sum()


@pytest.mark.parametrize("background", seam.FLAT)
def test_no_halo_around_real_faces_and_the_measure_sees_that_of_a_cut_out(cases, background):
    for case in cases.values():
        generated = np.full(case.photo.shape, seam.FLAT[background], np.uint8)
        result = Seam(case.photo, case.keep).blend(generated)
        assert np.array_equal(result[case.keep], case.photo[case.keep])
        assert seam.halo(case.photo, generated, case.keep, result) < 0.5
        assert seam.halo(case.photo, generated, case.keep, seam.feathered(case.photo, generated, case.keep)) > 1
        assert seam.kept_psnr(result, case.keep) >= 42


def test_a_model_that_repaints_faces_and_shifts_colours_does_not_touch_them(cases):
    for case in cases.values():
        shifted = (case.photo[:, ::-1] * [1.1, 0.9, 0.8] + [10, -6, 20]).clip(0, 255).astype(np.uint8)
        result = Seam(case.photo, case.keep).blend(shifted)
        assert np.array_equal(result[case.keep], case.photo[case.keep])
        assert seam.kept_psnr(result, case.keep) >= 42
