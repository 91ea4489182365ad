"""A slice of `make odd-photos`: a composed photo through the real detector, Segment Anything and the painter."""

from tests.odd_photos.trial import Trial
from tests.support.application import SIDE


def test_the_face_behind_glasses_is_kept(booth, tmp_path):
    row, wrong = Trial(booth.app, SIDE).send("glasses", tmp_path, scenes=["sky"])
    assert wrong == []
    assert row["faces"] == 1
