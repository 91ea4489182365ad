"""The alpha of heads and whole people: sam_model/serving/, with made mattes and answers of a decoder.

What the real weights make of a photo is in test_sam_inference.py.
"""

import base64
import io
import json
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from sam_model import inference
from sam_model.serving import heads, people, persons, protocol, regions
from sam_model.serving.frames import frame_of
from sam_model.serving.keep import MAX_SECONDS, Face, KeepRequest, read_keep
from tests.support import tiny_sam

NAMES = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")


def face_at(x, y, size=40.0, turn=0.0):
    """A frontal face whose box has its middle at x, y, ``size`` wide, turned by ``turn`` radians."""
    marks = np.array([[-0.22, -0.15], [0.22, -0.15], [0, 0.1], [-0.18, 0.35], [0.18, 0.35]]) * size
    turned = marks @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]) + [x, y]
    box = np.array([x - size / 2, y - size * 0.65, x + size / 2, y + size * 0.65], np.float32)
    return Face(box, dict(zip(NAMES, turned.astype(np.float32), strict=True)))


def scene(*people_, width=320, height=240):
    """The matte of people drawn as circles of hair and face on shoulders, and an answer of a decoder for each face:
    all of the matte."""
    y, x = np.mgrid[:height, :width]
    matte = np.zeros((height, width), np.float32)
    for face in people_:
        (left, top, right, bottom), size = face.box, face.box[2] - face.box[0]
        middle, low = (left + right) / 2, bottom
        matte[(x - middle) ** 2 + (y - (top + bottom) / 2 + size * 0.15) ** 2 < (size * 0.85) ** 2] = 1
        matte[(abs(x - middle) < size * 1.2) & (y > low + size * 0.2)] = 1
        matte[(abs(x - middle) < size * 0.3) & (y > low - size * 0.3)] = 1
    return matte


def decoder(matte):
    """A decoder that finds all people, whatever it is asked: float32 (256, 256) over the padded square."""
    side = max(matte.shape)
    square = np.zeros((side, side), np.float32)
    square[: matte.shape[0], : matte.shape[1]] = matte
    logits = np.asarray(Image.fromarray(square * 20 - 10).resize((256, 256), Image.Resampling.BILINEAR))
    return lambda points, labels: logits


class TestHeads:
    def test_hair_is_kept_and_the_body_is_not(self):
        face = face_at(160, 90)
        matte = scene(face)
        alpha, by_matte = heads.heads([face], matte, decoder(matte))
        assert by_matte == 0
        assert alpha[55:110, 150:170].min() > 0.95  # crown to chin
        assert alpha[200:].max() == 0 and alpha[:, :100].max() == 0

    def test_hair_that_segment_anything_misses_is_kept_up_to_the_background(self):
        face = face_at(160, 90)
        matte = scene(face)
        only_face = np.zeros_like(matte)
        only_face[70:115, 142:178] = 1
        alpha, _ = heads.heads([face], matte, decoder(only_face))
        assert alpha[54:60, 155:165].min() > 0.9  # 30 pixels above what it found

    def test_the_clothes_of_who_stands_behind_are_no_hair(self):
        """Segment Anything takes what it is asked for as hair, and the rest of that with it."""
        front, behind = face_at(160, 150), face_at(150, 40)
        matte = np.ones((240, 320), np.float32)
        y, x = np.mgrid[:240, :320]
        head = np.hypot((x - 160) / 18, (y - 144) / 28) < 1  # short hair: 2 pixels beside the face, 16 above
        body = ~head & (np.hypot(x - 160, y - 144) < 60)
        face = (abs(x - 160) < 16) & (y > 132) & (y < 176)

        def decode(points, labels):
            if 0 not in labels:  # nothing unwanted: it is asked for the face
                return decoder(face.astype(np.float32))(points, labels)
            wanted = [body[int(py), int(px)] for (px, py), kind in zip(points, labels, strict=True) if kind == 1]
            return decoder((head | (body & any(wanted))).astype(np.float32))(points, labels)

        alpha, _ = heads.heads([front, behind], matte, decode)
        assert alpha[125:150, 154:166].min() > 0.95
        assert alpha[(np.hypot((x - 160) / 23, (y - 144) / 33) > 1) & (y > 90) & (y < 160)].max() < 0.1

    @pytest.mark.parametrize(
        ("other", "found", "is_hat"),
        [((230, 150), False, True), ((150, 55), False, False), ((150, 55), True, True)],
        ids=["nobody behind", "somebody's body", "Segment Anything knows"],
    )
    def test_what_stands_high_above_a_head_is_a_hat_unless_it_may_be_a_body(self, other, found, is_hat):
        faces = [face_at(160, 150), face_at(*other)]
        y, x = np.mgrid[:240, :320]
        head = np.hypot(x - 160, y - 144) < 28
        above = (abs(x - 160) < 14) & (y < 144) & (y > 101)  # up to 2.1 units above the eyes, then the background
        matte = (head | above | (np.hypot(x - other[0], y - other[1]) < 34)).astype(np.float32)
        alpha, _ = heads.heads(faces, matte, decoder((head | (above & found)).astype(np.float32)))
        assert alpha[125:150, 150:170].min() > 0.95
        assert (alpha[105:110, 155:165].min() > 0.9) == is_hat
        assert (alpha[105:110, 155:165].max() > 0.1) == is_hat

    def test_a_head_without_time_is_the_matte_near_the_face(self):
        face = face_at(160, 90)
        matte = scene(face)
        alpha, by_matte = heads.heads([face], matte, decoder(matte), deadline=time.monotonic() - 1)
        assert by_matte == 1
        assert alpha[55:110, 150:170].min() > 0.95
        assert alpha[200:].max() == 0

    def test_time_that_runs_out_between_two_heads_counts_the_second(self, monkeypatch):
        faces = [face_at(80, 90, 44), face_at(240, 90)]
        matte, clock = scene(*faces), iter(range(1000))
        monkeypatch.setattr(time, "monotonic", lambda: next(clock))
        # Two decodings of faces, three of the larger head.
        alpha, by_matte = heads.heads(faces, matte, decoder(matte), deadline=5)
        assert by_matte == 1
        assert alpha[85, 240] == 1 and alpha[85, 80] == 1

    def test_without_a_decoder_every_head_is_by_matte(self):
        faces = [face_at(80, 90), face_at(240, 90)]
        assert heads.heads(faces, scene(*faces), None)[1] == 2

    def test_a_face_that_no_model_sees_is_its_ellipse(self):
        face = face_at(160, 90)
        nothing = np.zeros((240, 320), np.float32)
        alpha, _ = heads.heads([face], nothing, decoder(nothing))
        assert alpha[80:100, 150:170].min() > 0.95
        assert alpha.sum() < 1.1 * math.pi / 4 * 40 * 52

    def test_a_turned_head_lies_where_it_lies(self):
        face = face_at(160, 120, turn=math.pi / 2)
        frame = frame_of(face.box, face.landmarks)
        assert abs(frame.up[0]) > 0.99 and abs(frame.up[1]) < 0.01

    @pytest.mark.parametrize("kept", [(), ("eyeLeft", "eyeRight"), ("nose",), ("mouthLeft", "eyeLeft")])
    def test_missing_landmarks_are_made_up_for_by_the_box(self, kept):
        face = face_at(160, 90)
        known = frame_of(face.box, face.landmarks)
        found = frame_of(face.box, {name: face.landmarks[name] for name in kept})
        assert np.hypot(*(found.eyes - known.eyes)) < 0.4 * known.unit
        assert 0.7 < found.unit / known.unit < 1.4

    @pytest.mark.parametrize("place", [(0, 0), (1e8, -1e8), (160, 90)])
    def test_landmarks_in_one_point_or_far_away_are_not_believed(self, place):
        face = face_at(160, 90)
        absurd = dict.fromkeys(NAMES, np.array(place, np.float32))
        assert frame_of(face.box, absurd).unit == frame_of(face.box, {}).unit


class TestPersons:
    def test_whose_face_was_found_is_kept_and_nobody_else(self):
        found, bystander = face_at(80, 90), face_at(260, 90)
        alpha = persons.persons(scene(found, bystander, width=340), [found])
        assert alpha[200, 80] == 1 and alpha[85, 80] == 1
        assert alpha[:, 215:].max() == 0

    def test_a_small_hole_is_filled_and_a_large_one_is_not(self):
        face = face_at(160, 90)
        matte = scene(face)
        matte[180:186, 150:156] = 0
        assert persons.persons(matte, [face])[183, 153] > 0.99
        matte[160:200, 140:180] = 0
        assert persons.persons(matte, [face])[180, 160] == 0

    def test_a_lock_of_hair_that_the_matte_has_apart_from_the_head_stays(self):
        face = face_at(160, 90)
        y, x = np.mgrid[:240, :320]
        matte = np.maximum(scene(face), 0.4 * (np.hypot(x - 160, y - 84) < 50)).astype(np.float32)
        matte[40:43, 155:165] = 0.8
        alpha = persons.persons(matte, [face])
        assert alpha[41, 157:163].min() > 0.75 and alpha[46, 157:163].min() > 0.35

    @pytest.mark.parametrize("top", [180, 228], ids=["inside", "at the photo's bottom"])
    def test_a_hole_of_a_wrists_size_is_filled(self, top):
        face = face_at(160, 90)  # its unit is 20 pixels
        matte = scene(face)
        matte[top : top + 12, 150:163] = 0.2
        assert persons.persons(matte, [face])[top + 2 : top + 10, 152:161].min() > 0.99

    def test_a_face_that_the_matte_misses_is_looked_at_from_nearer_and_else_is_its_ellipse(self):
        face = face_at(160, 90)
        seen = []

        def model(pixels, short_side=512):
            seen.append((pixels.shape, short_side))
            return np.zeros(pixels.shape[:2], np.float32)

        matte = persons.complete(model, np.zeros((240, 320, 3), np.uint8), [face])
        assert len(seen) == 2 and seen[1][1] < 512 and seen[1][0][0] < 240
        alpha = persons.persons(matte, [face])
        assert alpha[80:100, 150:170].min() > 0.95 and alpha[:, :130].max() == 0


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Both models at once: Segment Anything sees red, the matte blue."""
    return inference.model_fn(str(tiny_sam.export(tmp_path_factory.mktemp("tiny"), qualities=[0.5], matte=True)))


@pytest.fixture(scope="module")
def without_matte(tmp_path_factory):
    return inference.model_fn(str(tiny_sam.export(tmp_path_factory.mktemp("sam"), qualities=[0.5])))


class Context:
    status = 200

    def set_response_status(self, code, phrase):
        self.status = code


def ask(model, body):
    context = Context()
    body = json.dumps(body) if isinstance(body, dict) else body
    return context.status, json.loads(inference.transform_fn(model, body, "application/json", "*/*", context)), context


def encode(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def photo(faces, shape=(240, 320)):
    """People in white on black: what both tiny models see."""
    matte = scene(*faces, width=shape[1], height=shape[0])
    return np.repeat((matte * 255).astype(np.uint8)[..., None], 3, axis=-1)


def sent(face):
    return {"box": face.box.tolist(), "landmarks": {name: mark.tolist() for name, mark in face.landmarks.items()}}


class TestProtocol:
    def test_the_documented_answer(self, tiny):
        faces = [face_at(80, 90), face_at(240, 90)]
        body = {
            "encode_image": encode(photo(faces)),
            "keep": ["head", "person"],
            "faces": [sent(face) for face in faces],
        }
        _, answer, context = ask(tiny, body | {"seconds": 9.0})
        assert context.status == 200 and answer.keys() == {"alpha_images", "heads_by_matte"}
        assert answer["heads_by_matte"] == 0 and list(answer["alpha_images"]) == ["head", "person"]
        alphas = []
        for text in answer["alpha_images"].values():
            with Image.open(io.BytesIO(base64.b64decode(text))) as alpha:
                assert (alpha.format, alpha.mode, alpha.size) == ("PNG", "L", (320, 240))
                alphas.append(np.asarray(alpha))
        head, person = alphas
        assert (head <= person).all()
        assert head[85, 80] == 255 and head[85, 240] == 255 and head[220].max() == 0 and person[220, 80] == 255

    def test_one_mode_alone(self, tiny):
        face = face_at(160, 90)
        body = {"encode_image": encode(photo([face])), "keep": ["person"], "faces": [sent(face)]}
        assert ask(tiny, body)[1]["alpha_images"].keys() == {"person"}

    def test_no_time_is_told(self, tiny):
        faces = [face_at(80, 90), face_at(240, 90)]
        body = {"encode_image": encode(photo(faces)), "keep": ["head"], "faces": [sent(face) for face in faces]}
        assert ask(tiny, body | {"seconds": 0})[1]["heads_by_matte"] == 2

    def test_without_a_matte_it_is_422_and_masks_go_on(self, without_matte):
        image = encode(photo([face_at(160, 90)]))
        _, answer, context = ask(
            without_matte, {"encode_image": image, "keep": ["head"], "faces": [{"box": [1, 1, 9, 9]}]}
        )
        assert (context.status, answer) == (422, {"code": 422, "message": "This endpoint has no matte."})
        assert "mask_image" in ask(without_matte, {"encode_image": image, "input_box": [140, 60, 180, 110]})[1]

    def test_seconds_are_at_most_thirty(self):
        fields = {
            "encode_image": encode(np.zeros((9, 9, 3), np.uint8)),
            "keep": ["head"],
            "faces": [{"box": [1, 1, 9, 9]}],
        }
        assert read_keep(fields).seconds == MAX_SECONDS == read_keep(fields | {"seconds": 1e6}).seconds

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"keep": "head"}, "keep must be a list"),
            ({"keep": []}, "keep must be a list"),
            ({"keep": ["face"]}, "keep must be a list"),
            ({"keep": ["head", "head"]}, "each once"),
            ({"keep": [["head"]]}, "keep must be a list"),
            ({"faces": []}, "at least one face"),
            ({"faces": {"box": [1, 1, 9, 9]}}, "at least one face"),
            ({"faces": [{"box": [1, 1, 9, 9]}] * 101}, "at most 100"),
            ({"faces": [[1, 1, 9, 9]]}, "Face 0 must be an object"),
            ({"faces": [{}]}, "Box 0 must be four finite numbers"),
            ({"faces": [{"box": [9, 1, 1, 9]}]}, "Box 0 is empty"),
            ({"faces": [{"box": [1, 1, 9, 9], "landmarks": []}]}, "landmarks of face 0 must be an object"),
            ({"faces": [{"box": [1, 1, 9, 9], "landmarks": {"nose": [1]}}]}, "two finite numbers"),
            ({"faces": [{"box": [1, 1, 9, 9], "landmarks": {"nose": [1, 1e999]}}]}, "two finite numbers"),
            ({"seconds": -1}, "0 or more"),
            ({"seconds": float("nan")}, "0 or more"),
            ({"seconds": True}, "0 or more"),
            ({"encode_image": "x"}, "not base64"),
        ],
    )
    def test_bad_requests_are_refused(self, fields, message):
        image = encode(np.zeros((20, 30, 3), np.uint8))
        good = {"encode_image": image, "keep": ["head"], "faces": [{"box": [1, 1, 9, 9], "landmarks": {}}]}
        with pytest.raises(protocol.BadRequest, match=message) as caught:
            read_keep(protocol.read_fields(json.dumps(good | fields), "application/json"))
        assert caught.value.status_code == 400


boxes = st.tuples(st.floats(-0.3, 1.1), st.floats(-0.3, 1.1), st.floats(0.01, 1.2), st.floats(0.01, 1.2))
points = st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))


@st.composite
def crowds(draw):
    """A photo of any small size with any faces that a request may have: at borders, over each other, with landmarks in
    their boxes, anywhere, in one point, or none."""
    width, height = draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    faces = []
    for l, t, w, h in draw(st.lists(boxes, min_size=1, max_size=5)):
        edges = np.clip(np.array([l, t, l + w, t + h]) * [width, height, width, height], 0, [width, height] * 2)
        box = edges.astype(np.float32)
        if not (box[0] < box[2] and box[1] < box[3]):
            continue
        kind = draw(st.sampled_from(["frontal", "any", "one point", "none"]))
        names = draw(st.sets(st.sampled_from(NAMES)))
        spots = {name: np.array(draw(points), np.float32) * [width, height] for name in names}
        if kind == "frontal":
            spots = face_at(*(box[:2] + box[2:]) / 2, size=float(box[2] - box[0])).landmarks
        elif kind == "one point":
            spots = dict.fromkeys(NAMES, (box[:2] + box[2:]) / 2)
        faces.append(Face(box, {} if kind == "none" else {n: p.astype(np.float32) for n, p in spots.items()}))
    levels = st.sampled_from([0.0, 0.3, 0.7, 1.0])
    matte = draw(arrays.arrays(np.float32, (draw(st.integers(1, 8)), draw(st.integers(1, 8))), elements=levels))
    matte = np.asarray(Image.fromarray(matte).resize((width, height), Image.Resampling.NEAREST)).copy()
    logits = draw(arrays.arrays(np.float32, (16, 16), elements=st.sampled_from([-20.0, -1.0, 0.5, 20.0])))
    return faces or [Face(np.array([0, 0, width, height], np.float32), {})], matte, logits


class Canned:
    """Segment Anything and a matte that answer what a test wants."""

    def __init__(self, matte, logits):
        self.found, self.logits = matte, logits

    def __call__(self, pixels, short_side=512):
        size = pixels.shape[1::-1]
        return np.asarray(Image.fromarray(self.found).resize(size, Image.Resampling.NEAREST)).copy()

    def encode(self, pixels):
        return None

    def decode(self, encoded, points, labels):
        assert len(points) == len(labels) and np.isfinite(points).all()
        return self.logits


class TestProperties:
    @given(crowds(), st.sampled_from([0.0, 30.0]))
    @settings(max_examples=75, deadline=None)
    def test_every_face_is_within_its_head_and_every_head_within_people(self, crowd, seconds):
        faces, matte, logits = crowd
        model = people.People.__new__(people.People)
        model.sam = model.matte = Canned(matte, logits)
        pixels = np.zeros((*matte.shape, 3), np.uint8)
        found = model.alphas(KeepRequest(pixels, ("head", "person"), faces, seconds))
        head, person = found.images["head"], found.images["person"]
        assert head.shape == person.shape == matte.shape and head.dtype == person.dtype == np.uint8
        assert (head <= person).all()
        assert found.heads_by_matte == (0 if seconds else len(faces))
        y, x = np.mgrid[: matte.shape[0], : matte.shape[1]] + 0.5
        for face in faces:
            left, top, right, bottom = face.box
            across, down = (x - (left + right) / 2) / (right - left), (y - (top + bottom) / 2) / (bottom - top)
            if min(face.box[2:] - face.box[:2]) >= 6:
                assert (head[across**2 + down**2 < 0.2] > 250).mean() > 0.5, "whatever the models say, whoever is near"

    @given(arrays.arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))))
    @settings(max_examples=200)
    def test_a_convex_hull_holds_every_point_between_two(self, mask):
        hull = regions.convex_hull(mask)
        assert (hull | ~mask).all()
        cells = np.argwhere(mask)
        for one in cells[:: max(1, len(cells) // 5)]:
            for other in cells[:: max(1, len(cells) // 5)]:
                middle = (one + other) // 2
                assert hull[max(0, middle[0] - 1) : middle[0] + 2, max(0, middle[1] - 1) : middle[1] + 2].any()
        assert hull.any(axis=1).sum() <= (np.ptp(cells[:, 0]) + 1 if len(cells) else 0)

    @given(
        arrays.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 1, width=32)),
        st.integers(1, 4),
    )
    @settings(max_examples=100)
    def test_box_means_are_means(self, values, radius):
        padded = np.pad(values, radius)
        for y, x in np.ndindex(values.shape):
            window = padded[y : y + 2 * radius + 1, x : x + 2 * radius + 1]
            assert math.isclose(regions.box_mean(values, radius)[y, x], window.mean(dtype=float), abs_tol=1e-6)
