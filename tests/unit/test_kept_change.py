"""How much a model has changed of what it was to keep: measured in its own answer, counted by model."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from booth.pixels.seam import INSIDE, Seam, SoftSeam
from tests.support import painting

PHOTO = np.random.default_rng(3).integers(40, 200, (180, 240, 3), np.uint8)
KEEP = np.zeros((180, 240), bool)
KEEP[30:150, 50:190] = True


def hard(keep, photo=PHOTO):
    return Seam(photo, keep)


def soft(keep, photo=PHOTO):
    return SoftSeam(photo, photo, np.where(keep, 255, 200).astype(np.uint8))


@pytest.fixture(params=[hard, soft])
def seam_of(request):
    return request.param


def painted(keep, inside):
    """An answer that has `inside` where the photo is kept, and something else around it."""
    return np.where(keep[..., None], inside, 255 - PHOTO).astype(np.uint8)


def test_an_answer_that_keeps_all_has_changed_nothing(seam_of):
    assert seam_of(KEEP).change_of_kept(painted(KEEP, PHOTO)) == 0


@given(some.tuples(*[some.integers(-40, 40)] * 3), some.sampled_from([hard, soft]))
def test_a_shift_of_colours_is_told_as_the_mean_shift_of_a_channel(shift, seam_of):
    shifted = PHOTO + np.array(shift)
    assert seam_of(KEEP).change_of_kept(painted(KEEP, shifted)) == pytest.approx(np.abs(shift).mean())


def test_a_half_that_is_painted_anew_counts_as_much_as_it_is(seam_of):
    anew = PHOTO.astype(int)
    anew[:90] += 30
    assert seam_of(KEEP).change_of_kept(painted(KEEP, anew)) == pytest.approx(15, abs=1)


def test_what_a_model_does_beside_the_edge_does_not_count(seam_of):
    inner = np.zeros_like(KEEP)
    inner[30 + INSIDE : 150 - INSIDE, 50 + INSIDE : 190 - INSIDE] = True
    assert seam_of(KEEP).change_of_kept(painted(inner, PHOTO)) == 0


@pytest.mark.parametrize("keep", [np.zeros_like(KEEP), KEEP & (np.arange(240) < 50 + 2 * INSIDE)], ids=["none", "few"])
def test_where_nothing_is_kept_or_only_a_few_pixels_nothing_is_told(seam_of, keep):
    assert seam_of(keep).change_of_kept(255 - PHOTO) is None


@pytest.mark.parametrize("size", [(3, 3), (181, 243)])
def test_any_size_will_do(seam_of, size):
    photo = np.full((*size, 3), 90, np.uint8)
    assert seam_of(np.ones(size, bool), photo).change_of_kept(photo + 2) in (None, 2)


def measured(told):
    lines = [json.loads(line) for line in told.splitlines() if "KeptChange" in line]
    for line in lines:
        [embedded] = line["_aws"]["CloudWatchMetrics"]
        assert set(embedded["Dimensions"][0]) == {"model", "service"}
        assert embedded["Metrics"] == [{"Name": "KeptChange", "Unit": "None"}]
    return [(line["model"], line["KeptChange"]) for line in lines]


def test_each_picture_is_measured_by_the_model_that_painted_it(models, dynamodb, environment, capsys):
    environment.setenv("PAINT_ENDPOINT", "paint")
    environment.setenv("PAINT_REGION", "us-east-1")
    environment.setenv("POWERTOOLS_SERVICE_NAME", "booth")
    painting.admit_run(environment, "endpoint")
    painting.paint()
    [(model, [change])] = measured(capsys.readouterr().out)
    assert model == "endpoint"
    assert 0 < change < 60, "noise that was scaled for the model and back, and went as a JPEG"
