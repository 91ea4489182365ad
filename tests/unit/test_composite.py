"""The kept pixels are the photo's, bit-exact; the seam is narrow; the JPEG is good and silent."""

import io
from xml.etree import ElementTree

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from booth.pixels import composite

H, W = 90, 120


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (H, W, 3), np.uint8)


def disc(radius=30):
    y, x = np.ogrid[:H, :W]
    return (x - 60) ** 2 + (y - 45) ** 2 <= radius**2


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0, 1))
@settings(deadline=None)
def test_kept_pixels_are_bit_exact(one, two, density):
    photo, generated = picture(one), picture(two)
    keep = np.random.default_rng(one).random((H, W)) < density
    result = composite.composite(photo, generated, keep)
    assert np.array_equal(result[keep], photo[keep])


def test_far_from_the_kept_region_everything_is_generated_and_the_seam_lies_between():
    photo, generated = np.zeros((H, W, 3), np.uint8), np.full((H, W, 3), 200, np.uint8)
    result = composite.composite(photo, generated, disc())
    far = ~disc(30 + 10)
    assert np.array_equal(result[far], generated[far])
    line = result[45, 90:, 0].astype(int)  # outward from the edge of the disc
    assert line[0] == 0
    assert (np.diff(line) >= 0).all()
    assert 3 <= np.count_nonzero((line > 0) & (line < 200)) <= 9


def test_all_kept_and_nothing_kept():
    photo, generated = picture(1), picture(2)
    assert np.array_equal(composite.composite(photo, generated, np.ones((H, W), bool)), photo)
    assert np.array_equal(composite.composite(photo, generated, np.zeros((H, W), bool)), generated)


def test_the_jpeg_keeps_the_face_within_42_db():
    y, x = np.mgrid[:256, :256]
    photo = np.stack([(x + y) / 2, 128 + 100 * np.sin(x / 9), 255 - y], axis=2).astype(np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(composite.encode_jpeg(photo))), float)
    error = np.mean((decoded - photo) ** 2)
    assert 10 * np.log10(255**2 / error) >= 42


def test_the_jpeg_says_that_it_is_generated_and_nothing_else():
    image = Image.open(io.BytesIO(composite.encode_jpeg(picture(3), xmp=composite.AI_MARK)))
    assert image.format == "JPEG"
    assert image.info["progressive"]
    assert image.layer[0][1:3] == image.layer[1][1:3]  # 4:4:4
    kinds = [
        value
        for node in ElementTree.fromstring(image.info["xmp"]).iter()
        for name, value in node.attrib.items()
        if name.endswith("DigitalSourceType")
    ]
    assert kinds == ["http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"]
    assert not image.getexif()


def test_noise_of_the_largest_size_can_be_encoded():
    noise = np.random.default_rng(0).integers(0, 256, (1408, 1408, 3), np.uint8)
    assert np.asarray(Image.open(io.BytesIO(composite.encode_jpeg(noise)))).shape == noise.shape


def test_png_is_lossless():
    photo = picture(4)
    assert np.array_equal(composite.decode(composite.encode_png(photo)), photo)
