"""paint_model/inference.py and the wire format: what is refused, and that nothing but an answer comes out."""

import base64
import io
import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from paint_model import inference
from paint_model.serving import masks
from paint_model.serving.protocol import Busy, Unavailable, read_request

JSON = "application/json"


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


PHOTO = encode(Image.new("RGB", (256, 320), "peru"))
MASK = encode(Image.new("L", (256, 320), 255))
GOOD = {"image": PHOTO, "mask": MASK, "prompt": "a beach", "seed": 7}


class Context:
    """The toolkit's, of which only the status is used."""

    def __init__(self):
        self.status = 200

    def set_response_status(self, code=200, phrase="", idx=0):
        self.status = code


class Painter:
    """Paints grey, or raises what it is given."""

    def __init__(self, problem=None):
        self.problem = problem

    def paint(self, request):
        if self.problem:
            raise self.problem
        return np.full((*request.mask.shape, 3), 128, np.uint8), 1.25


def ask(body, content_type=JSON, accept=JSON, painter=None):
    context = Context()
    body = json.dumps(body) if isinstance(body, dict) else body
    text = inference.transform_fn(painter or Painter(), body, content_type, accept, context)
    return context.status, json.loads(text)


def test_an_answer_has_the_requests_size_and_the_seconds():
    status, answer = ask(GOOD)
    with Image.open(io.BytesIO(base64.b64decode(answer["image"]))) as image:
        assert (status, image.size, image.mode, image.format, answer["seconds"]) == (
            200,
            (256, 320),
            "RGB",
            "PNG",
            1.25,
        )
    assert answer.keys() == {"image", "seconds"}


def test_an_answer_of_the_worst_picture_stays_below_5_mb():
    noise = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    assert len(inference.write_answer(noise, 1.0)) < 5_000_000


def test_the_masks_polarity_and_the_photo_are_read_as_they_are():
    pixels, mask = (
        np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8),
        np.zeros((256, 256), np.uint8),
    )
    mask[10:20, 30:50] = 255
    read = read_request(
        json.dumps(GOOD | {"image": encode(Image.fromarray(pixels)), "mask": encode(Image.fromarray(mask))}), JSON
    )
    assert (read.pixels == pixels).all() and (read.mask == (mask == 255)).all()


def sized(width, height):
    return {"image": encode(Image.new("RGB", (width, height))), "mask": encode(Image.new("L", (width, height), 255))}


def broken_png():
    """Right until its last row."""
    data = base64.b64decode(PHOTO)
    return base64.b64encode(data[:-30]).decode()


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def bomb(side):
    """A whole RGB PNG, black. Its rows are the same compressed block again and again: nobody compresses a gigabyte."""
    row = bytes(1 + 3 * side)
    deflate = zlib.compressobj(9, wbits=-15)
    rows = (deflate.compress(row) + deflate.flush(zlib.Z_FULL_FLUSH)) * side + deflate.flush()
    adler = (side * len(row) % 65521 << 16 | 1).to_bytes(4, "big")  # of that many zeros
    head = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    body = chunk(b"IHDR", head) + chunk(b"IDAT", b"\x78\xda" + rows + adler) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"seed": -1}, 400, "seed must be a whole number from 0 to 4294967295."),
        ({"seed": 2**32}, 400, "seed must be a whole number from 0 to 4294967295."),
        ({"seed": 1.0}, 400, "seed must be a whole number from 0 to 4294967295."),
        ({"seed": True}, 400, "seed must be a whole number from 0 to 4294967295."),
        ({"prompt": ""}, 400, "prompt must be a text of 1 to 2000 characters."),
        ({"prompt": "x" * 2001}, 400, "prompt must be a text of 1 to 2000 characters."),
        ({"prompt": None}, 400, "prompt must be a text of 1 to 2000 characters."),
        ({"prompt": "\ud83d"}, 400, "prompt is not valid Unicode."),
        ({"image": 7}, 400, "image must be a picture as base64 text."),
        ({"image": "*"}, 400, "image is not base64."),
        ({"image": "é"}, 400, "image is not base64."),
        ({"image": ""}, 400, "image is not a whole JPEG or PNG picture."),
        ({"image": PHOTO[:40]}, 400, "image is not a whole JPEG or PNG picture."),
        ({"image": broken_png()}, 400, "image is not a whole JPEG or PNG picture."),
        ({"image": encode(Image.new("RGB", (256, 320)), "WEBP")}, 400, "image is not a whole JPEG or PNG picture."),
        ({"image": encode(Image.new("L", (256, 320)))}, 400, "image must be RGB with 8 bits."),
        ({"image": encode(Image.new("RGBA", (256, 320)))}, 400, "image must be RGB with 8 bits."),
        ({"mask": encode(Image.new("1", (256, 320), 1))}, 400, "mask must be grey with 8 bits."),
        ({"mask": encode(Image.new("I;16", (256, 320), 65535))}, 400, "mask must be grey with 8 bits."),
        ({"mask": encode(Image.new("L", (256, 320), 255), "JPEG")}, 400, "mask is not a whole PNG picture."),
        ({"mask": encode(Image.new("L", (320, 256), 255))}, 400, "image and mask must be of one size."),
        (
            {"mask": encode(Image.new("L", (256, 320)))},
            400,
            "mask has nothing to paint: at least one pixel must be 255.",
        ),
        (sized(240, 256), 400, "image has 240x256 pixels; sides must be multiples of 16 from 256 to 2048."),
        (sized(257, 256), 400, "image has 257x256 pixels; sides must be multiples of 16 from 256 to 2048."),
        (sized(2064, 256), 400, "image has 2064x256 pixels; sides must be multiples of 16 from 256 to 2048."),
        (sized(1040, 1024), 413, "image has 1040x1024 pixels; at most 1048576 are accepted."),
        ({"more": 1}, 400, "The body must be a JSON object of image, mask, prompt and seed."),
    ],
)
def test_a_bad_request_is_told_so(change, status, error):
    assert ask(GOOD | change) == (status, {"error": error})


def test_a_bomb_is_refused_by_its_size():
    error = "image has 20000x20000 pixels; at most 1048576 are accepted."
    assert ask(GOOD | {"image": bomb(20_000)}) == (413, {"error": error})


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("", 400, "The body is not JSON."),
        (b"\xff\xfe\xfa", 400, "The body is not JSON."),
        ("[" * 1_000_000, 400, "The body is not JSON."),
        ('{"seed": ' + "9" * 5000 + "}", 400, "The body is not JSON."),
        ("[]", 400, "The body must be a JSON object of image, mask, prompt and seed."),
        ("{}", 400, "The body must be a JSON object of image, mask, prompt and seed."),
        (" " * 6_500_001, 413, "The request has 6500001 bytes; at most 6500000 are accepted."),
    ],
)
def test_a_body_of_another_kind_is_told_so(body, status, error):
    assert ask(body) == (status, {"error": error})


def test_other_types_are_refused():
    assert ask(GOOD, content_type="image/png") == (415, {"error": "Send the request as application/json."})
    assert ask(GOOD, content_type=None)[0] == 415
    assert ask(GOOD, accept="image/png") == (406, {"error": "The answer can be had as application/json only."})
    assert ask(GOOD, content_type="Application/JSON; charset=utf-8", accept="*/*")[0] == 200


@pytest.mark.parametrize(
    ("problem", "status", "error"),
    [
        (Busy("The painter is busy."), 429, "The painter is busy."),
        (Unavailable("The painter is being started."), 503, "The painter is being started."),
        (ValueError("a beach"), 500, "The painter failed. The endpoint's log says why."),
    ],
)
def test_what_the_painter_says_is_an_answer_and_no_prompt_is_logged(caplog, problem, status, error):
    assert ask(GOOD, painter=Painter(problem)) == (status, {"error": error})
    assert "beach" not in caplog.text


PIECES = st.binary(max_size=200) | st.builds(
    lambda data, cut: base64.b64decode(PHOTO)[:cut] + data, st.binary(max_size=60), st.integers(0, 900)
)
FILES = PIECES | st.builds(
    lambda kind, data: b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", data) + chunk(kind, data),
    st.sampled_from([b"IDAT", b"zTXt", b"iCCP", b"acTL"]),
    st.binary(max_size=40),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    st.fixed_dictionaries(
        {
            "image": st.just(PHOTO) | FILES.map(lambda data: base64.b64encode(data).decode()) | VALUES,
            "mask": st.just(MASK) | FILES.map(lambda data: base64.b64encode(data).decode()) | VALUES,
            "prompt": st.text(max_size=2100) | VALUES,
            "seed": st.integers(-5, 2**32 + 5) | VALUES,
        }
    )
    | VALUES
)
def test_whatever_is_sent_is_answered(body):
    status, answer = ask(json.dumps(body))
    assert status in (200, 400, 413)
    assert status == 200 or answer["error"].endswith(".")


@given(st.binary(max_size=300))
def test_whatever_bytes_are_sent_are_answered(body):
    assert ask(body)[0] == 400


def test_a_block_is_painted_if_any_pixel_of_it_is():
    mask = np.zeros((64, 48), bool)
    mask[14:16, 30:32] = True  # the corner of one block
    mask[40, 40] = True
    painted = masks.blocks(mask)
    assert painted[:16, 16:32].all() and painted[32:48, 32:48].all() and painted.sum() == 2 * 256


def test_what_is_painted_is_not_seen_and_what_is_kept_is_seen_to_the_pixel():
    pixels, mask = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8), np.zeros((64, 48), bool)
    mask[5:9, 7:40] = True
    seen = masks.without_painted(pixels, mask)
    assert (seen[mask] == 128).all() and (seen[~mask] == pixels[~mask]).all()
