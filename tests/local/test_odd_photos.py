"""A slice of `make odd-photos`: composed photos through the real detector, Segment Anything and the painter."""

import pytest

from tests import odd_photos


@pytest.mark.parametrize("name", ["glasses", "cut by the borders"])
def test_every_face_of_an_odd_photo_is_kept(booth, tmp_path, name):
    row, wrong = odd_photos.Trial(booth.app).send(name, tmp_path)
    assert wrong == []
    assert row["faces"] == {"glasses": 1, "cut by the borders": 5}[name]
