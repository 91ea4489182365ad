"""A slice of `make odd-photos`: a composed photo through the real detector, Segment Anything and the painter."""

from tests.odd_photos.trial import Trial


def test_the_face_behind_glasses_is_kept(booth, tmp_path):
    booth.redeploy(PictureSide="1024")  # as a trial expects it
    row, wrong = Trial(booth.app).send("glasses", tmp_path)
    assert wrong == []
    assert row["faces"] == 1
