"""sam_model/inference.py and sam_model/serving/: with the real weights on the test photos, and with tiny exports."""

import base64
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper
from PIL import Image

from sam_model import inference
from sam_model.serving import protocol, regions, segment_anything
from sam_model.serving.people import People
from tests.support import encodings, tiny_sam

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "tests" / "photos"
# Box and landmarks (eyes, nose, corners of the mouth) of each face, in pixels, as a detector finds them.
FACES = {
    "astronaut.jpg": [([182, 58, 271, 178], [[203, 101], [247, 104], [223, 126], [203, 142], [241, 145]])],
    "hopper.jpg": [([175, 131, 357, 336], [[221, 199], [305, 192], [266, 238], [236, 279], [305, 272]])],
    "group.jpg": [
        ([89, 155, 243, 336], [[132, 217], [206, 213], [171, 251], [140, 287], [200, 283]]),
        ([281, 196, 363, 304], [[302, 231], [343, 231], [321, 252], [303, 271], [339, 271]]),
        ([493, 99, 567, 193], [[512, 133], [548, 131], [531, 151], [516, 166], [546, 165]]),
        ([697, 148, 811, 289], [[726, 194], [785, 199], [752, 224], [725, 247], [774, 251]]),
        ([878, 135, 967, 253], [[901, 182], [944, 178], [923, 203], [904, 221], [941, 219]]),
    ],
}


LANDMARKS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")


@pytest.fixture(scope="module")
def model():
    """The model, which encodes each photo once for all tests, without the endpoint's warm-up inference."""
    return encodings.remembering(People(ROOT / "models" / "sam"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return inference.model_fn(str(tiny_sam.export(tmp_path_factory.mktemp("tiny"), qualities=[0.5])))


def encode(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def photo(name):
    return base64.b64encode((PHOTOS / name).read_bytes()).decode()


class Context:
    """A serving toolkit's context, as far as the serving code uses it."""

    status = None

    def set_response_status(self, code, phrase):
        self.status = (code, phrase)


def segment(model, **fields):
    """The kept region, bool (height, width), by way of the function that the serving toolkits call."""
    context = Context()
    text = inference.transform_fn(model, json.dumps(fields).encode(), "application/json", "application/json", context)
    assert context.status is None
    answer = json.loads(text)
    assert answer.keys() == {"mask_image"}
    with Image.open(io.BytesIO(base64.b64decode(answer["mask_image"]))) as mask:
        assert (mask.format, mask.mode) == ("PNG", "RGB")
        values = np.asarray(mask)
    assert set(np.unique(values)) <= {0, 255} and (values == values[..., :1]).all()
    return values[..., 0] == 0


def alphas(model, **fields):
    """The alphas of a request's modes, uint8 (height, width)."""
    context = Context()
    answer = json.loads(inference.transform_fn(model, json.dumps(fields), "application/json", "*/*", context))
    assert context.status is None and answer["heads_by_matte"] == 0
    files = [io.BytesIO(base64.b64decode(answer["alpha_images"][mode])) for mode in fields["keep"]]
    return [np.asarray(Image.open(file)) for file in files]


def read(body, content_type):
    """A request for masks, checked and decoded."""
    return protocol.read_request(protocol.read_fields(body, content_type))


def ellipse(box, shape):
    left, top, right, bottom = box
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    return ((2 * x - left - right) / (right - left)) ** 2 + ((2 * y - top - bottom) / (bottom - top)) ** 2 <= 1


@pytest.mark.starts
class TestRealWeights:
    @pytest.mark.parametrize("name", FACES)
    @pytest.mark.parametrize("with_points", [False, True])
    def test_faces_are_kept_whole_and_little_else(self, model, name, with_points):
        boxes = [box for box, _ in FACES[name]]
        more = {"input_points": [points for _, points in FACES[name]]} if with_points else {}
        mask = segment(model, encode_image=photo(name), input_boxes=boxes, **more)
        allowed = np.zeros_like(mask)
        for box, points in FACES[name]:
            face = ellipse(box, mask.shape)
            assert (mask & face).sum() / face.sum() > 0.82  # the rest is hair over the forehead
            assert all(mask[y, x] for x, y in points)
            across, down = 0.25 * (box[2] - box[0]), 0.25 * (box[3] - box[1])
            # A quarter of the box is what a mask may leave it by; one pixel more for rounding outwards.
            rows = slice(max(0, int(box[1] - down) - 1), int(box[3] + down) + 2)
            columns = slice(max(0, int(box[0] - across) - 1), int(box[2] + across) + 2)
            allowed[rows, columns] = True
            assert mask[rows, columns].sum() < 1.45 * face.sum()
        assert not (mask & ~allowed).any()

    @pytest.mark.parametrize(
        ("name", "kept", "not_kept"),
        [
            (
                "hopper.jpg",
                [(240, 40), (200, 110), (290, 110), (190, 200), (262, 330)],
                [(60, 40), (250, 500), (450, 560)],
            ),
            (
                "group.jpg",
                [(165, 80), (322, 170), (530, 70), (755, 90), (922, 100)],
                [(600, 60), (160, 440), (530, 300)],
            ),
        ],
    )
    def test_heads_have_hats_hair_and_glasses_and_people_have_bodies(self, model, name, kept, not_kept):
        faces = [{"box": box, "landmarks": dict(zip(LANDMARKS, points, strict=True))} for box, points in FACES[name]]
        head, person = alphas(model, encode_image=photo(name), keep=["head", "person"], faces=faces)
        assert (head <= person).all()
        assert [head[y, x] for x, y in kept] == [255] * len(kept)
        assert [head[y, x] for x, y in not_kept] == [0] * len(not_kept)
        assert [person[y, x] for x, y in not_kept] == [0, 255, 255]
        for box, points in FACES[name]:
            assert all(head[y, x] == 255 for x, y in points)
            assert (head[ellipse(box, head.shape)] > 127).mean() > 0.95

    def test_glasses_belong_to_the_face(self, model):
        box, points = FACES["hopper.jpg"][0]
        mask = segment(model, encode_image=photo("hopper.jpg"), input_box=box, input_points=[points])
        assert mask[180:222, 190:345].mean() > 0.99  # both rims and what lies between

    def test_a_prompt_alone_gives_what_it_gives_among_others(self, model):
        boxes = [box for box, _ in FACES["group.jpg"]]
        union = segment(model, encode_image=photo("group.jpg"), input_boxes=boxes)
        alone = [segment(model, encode_image=photo("group.jpg"), input_box=box) for box in boxes[:2]]
        for mask in alone:
            assert mask.any() and not (mask & ~union).any()


class TestMask:
    """What becomes of the decoder's masks: with the tiny export, white parts of the image are the object."""

    def white(self, *boxes, size=(400, 200), holes=()):
        image = Image.new("RGB", size)
        for box in boxes:
            image.paste((255, 255, 255), box)
        for box in holes:
            image.paste((0, 0, 0), box)
        return encode(image)

    def test_it_lies_where_the_object_lies(self, tiny):
        # Not square, and the long side is not the encoder's: any slip in scale or padding moves the mask.
        mask = segment(tiny, encode_image=self.white((200, 60, 280, 140)), input_box=[190, 50, 290, 150])
        wanted = np.zeros((200, 400), bool)
        wanted[60:140, 200:280] = True
        assert (mask & wanted).sum() / (mask | wanted).sum() > 0.93

    def test_portrait_format(self, tiny):
        image = self.white((60, 200, 140, 280), size=(200, 400))
        mask = segment(tiny, encode_image=image, input_box=[50, 190, 150, 290])
        assert mask.shape == (400, 200)
        assert mask[205:275, 65:135].all() and not mask[:190].any() and not mask[:, 150:].any()

    def test_holes_are_filled(self, tiny):
        image = self.white((100, 40, 200, 140), holes=[(120, 60, 140, 80), (150, 90, 180, 120)])
        mask = segment(tiny, encode_image=image, input_box=[100, 40, 200, 140])
        assert mask[50:130, 110:190].all()

    def test_small_connected_components_are_dropped(self, tiny):
        image = self.white((100, 40, 170, 140), (190, 50, 200, 60))
        mask = segment(tiny, encode_image=image, input_box=[100, 40, 200, 140])
        assert mask[50:130, 105:165].all() and not mask[:, 180:].any()

    def test_a_connected_component_under_a_point_is_kept(self, tiny):
        image = self.white((100, 40, 200, 75), (100, 95, 200, 180))
        box = [100, 40, 200, 180]
        alone = segment(tiny, encode_image=image, input_box=box)
        assert not alone[45:70, 110:190].any() and alone[100:175, 110:190].all()
        both = segment(tiny, encode_image=image, input_box=box, input_points=[[[150, 60]]])
        assert both[45:70, 110:190].all() and both[100:175, 110:190].all()

    def test_it_ends_a_quarter_outside_its_box(self, tiny):
        everything = encode(Image.new("RGB", (400, 200), "white"))
        mask = segment(tiny, encode_image=everything, input_box=[100, 60, 180, 100])
        wanted = np.zeros((200, 400), bool)
        wanted[50:110, 80:200] = True
        assert (mask == wanted).all()

    def test_it_does_not_extend_into_a_neighbour(self, tiny):
        image = self.white((20, 50, 120, 150), (120, 90, 300, 100), (300, 50, 390, 150))
        mask = segment(tiny, encode_image=image, input_box=[20, 50, 120, 150])
        assert mask[60:140, 30:110].all() and not mask[:, 300:].any()

    def test_nothing_found_is_an_empty_mask(self, tiny):
        mask = segment(tiny, encode_image=self.white(), input_box=[20, 50, 120, 150], input_points=[[[50, 60]]])
        assert mask.shape == (200, 400) and not mask.any()

    def test_masks_unite(self, tiny):
        image = self.white((20, 50, 120, 150), (250, 50, 390, 150))
        mask = segment(tiny, encode_image=image, input_boxes=[[20, 50, 120, 150], [250, 50, 390, 150]])
        assert mask[60:140, 30:110].all() and mask[60:140, 260:380].all() and not mask[:, 140:230].any()

    def test_requests_at_the_same_time_dont_disturb_each_other(self, tiny):
        boxes = [(20, 50, 120, 150), (250, 50, 390, 150), (100, 20, 300, 180), (200, 60, 280, 140)]
        calls = [{"encode_image": self.white(box), "input_box": list(box)} for box in boxes]
        wanted = [segment(tiny, **call) for call in calls]
        assert all(mask.any() for mask in wanted)
        with ThreadPoolExecutor(len(calls)) as pool:
            got = list(pool.map(lambda call: segment(tiny, **call), calls * 10))
        for mask, want in zip(got, wanted * 10, strict=True):
            assert (mask == want).all()

    def test_the_best_of_several_masks_is_taken(self, tmp_path):
        model = inference.model_fn(str(tiny_sam.export(tmp_path, qualities=[0.6, 0.9, 0.7])))
        mask = segment(model, encode_image=self.white((100, 0, 200, 200)), input_box=[200, 0, 400, 200])
        assert mask[:, 210:].all() and not mask[:, 150:190].any()  # the second mask is the dark part

    def test_the_encoders_size_is_the_models(self, tmp_path):
        model = inference.model_fn(str(tiny_sam.export(tmp_path, qualities=[1.0], size=128)))
        mask = segment(model, encode_image=self.white((100, 40, 200, 140)), input_box=[100, 40, 200, 140])
        assert model.sam.size == 128 and mask[50:130, 110:190].all() and not mask[:, 220:].any()

    def test_what_more_the_encoder_gives_reaches_the_decoder(self, tmp_path):
        model = inference.model_fn(str(tiny_sam.export(tmp_path, qualities=[1.0], extra=True)))
        mask = segment(model, encode_image=self.white((100, 40, 200, 140)), input_box=[100, 40, 200, 140])
        assert mask[50:130, 110:190].all() and not mask[:, 220:].any()

    def test_a_frayed_outline_is_smoothed(self, tmp_path):
        # Threads of hair, each one cell of the model's grid wide, on the upper side of a face of 130 cells.
        model = inference.model_fn(str(tiny_sam.export(tmp_path, qualities=[1.0], size=1024)))
        threads = [(x, 20, x + 2, 60) for x in range(104, 360, 8)]
        image = self.white((100, 60, 360, 200), *threads, size=(512, 256))
        mask = segment(model, encode_image=image, input_box=[100, 60, 360, 200])
        assert mask[70:190, 110:350].all()
        assert not mask[:50, 110:350].any()

    def test_a_failing_model_is_a_500_that_tells_nothing(self):
        class Broken:
            def segment(self, pixels, prompts):
                raise RuntimeError("cuDNN failed at 0x7f")

        context = Context()
        body = json.dumps({"encode_image": IMAGE, "input_box": BOX})
        text = inference.transform_fn(Broken(), body, "application/json", "*/*", context)
        assert context.status == (500, "Internal Server Error")
        assert json.loads(text) == {"code": 500, "message": "The model failed. The endpoint's log says why."}

    @pytest.mark.parametrize(("workers", "share"), [(None, 1), ("1", 1), ("2", 2), ("9999", None)])
    def test_workers_share_the_cores(self, monkeypatch, workers, share):
        monkeypatch.delenv("SAGEMAKER_MODEL_SERVER_WORKERS", raising=False)
        monkeypatch.delenv("SAGEMAKER_TS_MAX_WORKERS", raising=False)
        if workers:
            monkeypatch.setenv("SAGEMAKER_MODEL_SERVER_WORKERS", workers)
        cores = len(os.sched_getaffinity(0))
        assert segment_anything._thread_count() == (max(1, cores // share) if share else 1)
        monkeypatch.setenv("SAGEMAKER_TS_MAX_WORKERS", "1")  # TorchServe goes by this one
        assert segment_anything._thread_count() == cores

    @pytest.mark.parametrize(
        ("more", "message"),
        [({"encoder_shape": (1, 256, 256, 3)}, r"encoder\.onnx"), ({"decoder_inputs": 5}, r"decoder\.onnx")],
    )
    def test_foreign_interfaces_are_refused(self, tmp_path, more, message):
        with pytest.raises(ValueError, match=message):
            inference.model_fn(str(broken_export(tmp_path, **more)))

    @given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
    @settings(max_examples=300)
    def test_labels_are_the_connected_components(self, mask):
        labels = regions.label(mask)
        assert ((labels > 0) == mask).all()
        assert set(np.unique(labels[mask])) == set(range(1, labels.max(initial=0) + 1))
        for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
            touching = (a > 0) & (b > 0)
            assert (a[touching] == b[touching]).all()
        for number in range(1, labels.max(initial=0) + 1):
            component = labels == number
            reached = np.zeros_like(component)
            reached.flat[component.argmax()] = True
            for _ in range(component.size):
                dilated = reached.copy()
                dilated[1:] |= reached[:-1]
                dilated[:-1] |= reached[1:]
                dilated[:, 1:] |= reached[:, :-1]
                dilated[:, :-1] |= reached[:, 1:]
                before, reached = reached, dilated & component
                if (reached == before).all():
                    break
            assert (reached == component).all()


def broken_export(folder, encoder_shape=None, decoder_inputs=None):
    """A tiny export, and then one of its files replaced by a model with another interface."""
    tiny_sam.export(folder, qualities=[1.0])
    value = helper.make_tensor_value_info
    if encoder_shape:
        name, inputs = "encoder", [value("image", TensorProto.FLOAT, encoder_shape)]
    else:
        names = sorted(segment_anything.DECODER_INPUTS)[:decoder_inputs]
        name, inputs = "decoder", [value(each, TensorProto.FLOAT, (1,)) for each in names]
    node = helper.make_node("Identity", [inputs[0].name], ["out"])
    graph = helper.make_graph([node], name, inputs, [value("out", TensorProto.FLOAT, None)])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / f"{name}.onnx"
    )
    return folder


IMAGE = encode(Image.new("RGB", (60, 40)))
BOX = [5, 5, 30, 30]


class TestRequests:
    @pytest.mark.parametrize("body", [bytes, str])
    def test_the_documented_request(self, body):
        text = json.dumps({"encode_image": IMAGE, "input_box": [5, 6, 30.5, 31]})
        kind = "application/json; charset=utf-8"
        data = read(text.encode() if body is bytes else text, kind)
        assert data.pixels.shape == (40, 60, 3) and data.pixels.dtype == np.uint8
        (prompt,) = data.prompts
        assert prompt.box.tolist() == [5, 6, 30.5, 31] and prompt.points.shape == (0, 2)

    def test_boxes_are_clamped_and_points_outside_left_out(self):
        fields = {
            "encode_image": IMAGE,
            "input_boxes": [[-9, -4, 20, 99]],
            "input_points": [[[3, 4], [-1, 5], [60, 5]]],
        }
        (prompt,) = read(json.dumps(fields), "application/json").prompts
        assert prompt.box.tolist() == [0, 0, 20, 40]
        assert prompt.points.tolist() == [[3, 4]]

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    @pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK"])
    def test_kinds_of_images(self, kind, mode):
        if mode == "CMYK" and kind != "JPEG":
            mode = "P" if kind == "PNG" else "RGB"
        if mode == "RGBA" and kind == "JPEG":
            mode = "RGB"
        image = encode(Image.new(mode, (60, 40)), kind)
        data = read(json.dumps({"encode_image": image, "input_box": BOX}), "application/json")
        assert data.pixels.shape == (40, 60, 3)

    def test_exif_orientation_is_not_applied(self):
        data = read(json.dumps({"encode_image": photo("rotated.jpg"), "input_box": BOX}), "application/json")
        with Image.open(PHOTOS / "rotated.jpg") as stored:
            assert (data.pixels == np.asarray(stored)).all()

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ([1, 2], "JSON object"),
            ({"input_box": BOX}, "encode_image is missing"),
            ({"encode_image": "", "input_box": BOX}, "encode_image is missing"),
            ({"encode_image": 5, "input_box": BOX}, "encode_image is missing"),
            ({"encode_image": "?" + IMAGE[1:], "input_box": BOX}, "not base64"),
            ({"encode_image": "ümlaut", "input_box": BOX}, "not base64"),
            ({"encode_image": "aGVsbG8=", "input_box": BOX}, "not a whole JPEG, PNG or WebP"),
            ({"encode_image": photo("hopper.jpg")[:8000], "input_box": BOX}, "not a whole JPEG"),
            ({"encode_image": encode(Image.new("L", (9, 9)), "BMP"), "input_box": BOX}, "not a whole JPEG"),
            ({"encode_image": IMAGE}, "either input_box or input_boxes"),
            ({"encode_image": IMAGE, "input_box": BOX, "input_boxes": [BOX]}, "either input_box or input_boxes"),
            ({"encode_image": IMAGE, "input_boxes": []}, "at least one box"),
            ({"encode_image": IMAGE, "input_boxes": {"0": BOX}}, "at least one box"),
            ({"encode_image": IMAGE, "input_boxes": [BOX] * 101}, "at most 100"),
            ({"encode_image": IMAGE, "input_boxes": [BOX, BOX[:3]]}, "Box 1 must be four finite numbers"),
            ({"encode_image": IMAGE, "input_box": "5,5,30,30"}, "four finite numbers"),
            ({"encode_image": IMAGE, "input_box": [5, 5, 30, "30"]}, "four finite numbers"),
            ({"encode_image": IMAGE, "input_box": [5, 5, 30, True]}, "four finite numbers"),
            ({"encode_image": IMAGE, "input_box": [5, 5, 30, float("nan")]}, "four finite numbers"),
            ({"encode_image": IMAGE, "input_box": [5, 5, 30, float("inf")]}, "four finite numbers"),
            ({"encode_image": IMAGE, "input_box": [5, 5, 30, 10**400]}, "four finite numbers"),
            ({"encode_image": IMAGE, "input_box": [30, 5, 5, 30]}, "is empty"),
            ({"encode_image": IMAGE, "input_box": [5, 30, 30, 30]}, "is empty"),
            ({"encode_image": IMAGE, "input_box": [60, 5, 90, 30]}, "outside the image"),
            ({"encode_image": IMAGE, "input_box": [5, -20, 30, 0]}, "outside the image"),
            ({"encode_image": IMAGE, "input_box": BOX, "input_points": []}, "one list for each of the 1 boxes"),
            ({"encode_image": IMAGE, "input_box": BOX, "input_points": [[1, 2]]}, "two finite numbers"),
            ({"encode_image": IMAGE, "input_box": BOX, "input_points": [[[1, None]]]}, "two finite numbers"),
            ({"encode_image": IMAGE, "input_box": BOX, "input_points": [[[1, 1]] * 65]}, "at most 64"),
        ],
    )
    def test_bad_requests_are_refused(self, fields, message):
        with pytest.raises(protocol.BadRequest, match=message) as caught:
            read(json.dumps(fields), "application/json")
        assert caught.value.status_code == 400

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xfa", "nope", b"[" * 1_000_000, b"9" * 9999])
    def test_no_json(self, body):
        with pytest.raises(protocol.BadRequest, match="not JSON"):
            read(body, "application/json")

    @pytest.mark.parametrize("side", [4097, 20_000])
    def test_too_many_pixels(self, side):
        image = encode(Image.new("1", (side, side)))
        with pytest.raises(protocol.BadRequest, match="at most 16777216") as caught:
            read(json.dumps({"encode_image": image, "input_box": BOX}), "application/json")
        assert caught.value.status_code == 413

    @pytest.mark.parametrize("content_type", ["image/jpeg", "text/json", "", None])
    def test_unknown_content_type(self, content_type):
        with pytest.raises(protocol.BadRequest) as caught:
            read(b"{}", content_type)
        assert caught.value.status_code == 415

    def test_accept(self):
        for accept in ("application/json", "*/*", "", "text/html, application/json;q=0.5"):
            protocol.check_accept(accept)
        with pytest.raises(protocol.BadRequest) as caught:
            protocol.check_accept("image/png")
        assert caught.value.status_code == 406

    def test_the_size_of_the_answer(self):
        rng = np.random.default_rng(0)
        mask = np.kron(rng.random((64, 64)) < 0.5, np.ones((32, 32), bool))
        assert len(protocol.write_answer(mask)) < 200_000
