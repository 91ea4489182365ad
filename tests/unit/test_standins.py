"""The stand-ins of Rekognition and SageMaker and their server, over HTTP as boto3 and other clients speak to them."""

import base64
import http.client
import io
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError, ResponseStreamingError
from PIL import Image, ImageOps
from werkzeug.wrappers import Response

from local.standins import rekognition, sagemaker, server
from tests.support.serving import serving
from tests.support.waiting import await_true

pytestmark = pytest.mark.starts

PHOTOS = Path(__file__).resolve().parents[1] / "photos"
ENDPOINT = "booth-sam"
# Number of faces in each test photo, and the middle of the faces in pixels of the upright photo, left to right.
FACES = {
    "astronaut.jpg": [(226, 118)],
    "rotated.jpg": [(226, 118)],
    "hopper.jpg": [(266, 234)],
    "group.jpg": [(166, 246), (322, 250), (530, 146), (754, 218), (922, 194)],
    "no_face.jpg": [],
}


def fake_bedrock(request):
    return Response(json.dumps({"images": [request.path], "error": None}), content_type="application/json")


@pytest.fixture(scope="module")
def address():
    stand_ins = server.StandIns(
        {
            "rekognition": rekognition.Rekognition,
            "sagemaker": lambda: sagemaker.SageMaker(ENDPOINT),
            "bedrock": lambda: fake_bedrock,
        },
        ENDPOINT,
    )
    with serving(stand_ins) as url:
        stand_ins.wait()
        yield url


@pytest.fixture(autouse=True)
def behave_normally(address):
    yield
    for service in ("rekognition", "sagemaker", "bedrock"):
        control(address, service, method="DELETE")


def control(address, service, settings=None, method="PUT"):
    body = None if settings is None else json.dumps(settings).encode()
    request = urllib.request.Request(f"{address}/standins/{service}", body, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def client(address, service, read_timeout=20):
    return boto3.client(
        service,
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
    )


def png(width, height, colour=(90, 120, 150)):
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def detect(address, image, **more):
    return client(address, "rekognition").detect_faces(Image={"Bytes": image}, **more)["FaceDetails"]


def invoke(address, fields, endpoint=ENDPOINT, content_type="application/json"):
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    answer = client(address, "sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType=content_type, Body=body
    )
    mask = json.load(answer["Body"])["mask_image"]
    return Image.open(io.BytesIO(base64.b64decode(mask)))


def outcome(call, *arguments, **more):
    """The error code, HTTP status and message with which the call fails."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    response = caught.value.response
    return (
        response["Error"]["Code"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Message"],
    )


class TestRekognition:
    @pytest.mark.parametrize("name", FACES)
    def test_finds_exactly_the_faces(self, address, name):
        with Image.open(PHOTOS / name) as photo:
            width, height = ImageOps.exif_transpose(photo).size
        details = detect(address, (PHOTOS / name).read_bytes())
        boxes = [face["BoundingBox"] for face in details]
        middles = sorted(
            ((box["Left"] + box["Width"] / 2) * width, (box["Top"] + box["Height"] / 2) * height) for box in boxes
        )
        assert len(middles) == len(FACES[name])
        for middle, wanted in zip(middles, FACES[name], strict=True):
            assert middle == pytest.approx(wanted, abs=12)
        sizes = [box["Width"] * box["Height"] for box in boxes]
        assert sizes == sorted(sizes, reverse=True)

    def test_a_face_has_what_default_attributes_bring(self, address):
        (face,) = detect(address, (PHOTOS / "astronaut.jpg").read_bytes(), Attributes=["DEFAULT"])
        assert face.keys() == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
        assert 80 < face["Confidence"] <= 100
        assert 0 < face["Quality"]["Brightness"] <= 100 and 0 < face["Quality"]["Sharpness"] <= 100
        assert face["Pose"].keys() == {"Roll", "Yaw", "Pitch"}
        assert abs(face["Pose"]["Roll"]) < 10
        marks = {mark["Type"]: np.array([mark["X"], mark["Y"]]) * 512 for mark in face["Landmarks"]}
        seen = {"eyeLeft": (203, 101), "eyeRight": (247, 104), "nose": (223, 126)}
        seen |= {"mouthLeft": (203, 142), "mouthRight": (241, 145)}
        assert marks.keys() == seen.keys()
        for kind, place in seen.items():
            assert marks[kind] == pytest.approx(np.array(place), abs=7), kind

    def test_a_cut_face_overhangs_the_image(self, address):
        with Image.open(PHOTOS / "astronaut.jpg") as photo:
            file = io.BytesIO()
            photo.crop((205, 0, 461, 256)).save(file, "JPEG", quality=95)
        (face,) = detect(address, file.getvalue())
        assert face["BoundingBox"]["Left"] < 0

    @pytest.mark.parametrize(
        ("image", "wanted"),
        [
            (b"this is no image", ("InvalidImageFormatException", 400, "Request has invalid image format.")),
            (b"\xff\xd8\xff\xe0 broken", ("InvalidImageFormatException", 400, "Request has invalid image format.")),
            (b"\xff" * (5 * 1024 * 1024 + 1), ("ImageTooLargeException", 400, "Image size is too large.")),
            (png(10_001, 90), ("ImageTooLargeException", 400, "Image size is too large.")),
            (png(79, 200), ("InvalidParameterException", 400, "Request has invalid parameters")),
        ],
        ids=["text", "broken", "bytes", "side", "small"],
    )
    def test_limits(self, address, image, wanted):
        assert outcome(detect, address, image) == wanted

    def test_truncated_jpeg(self, address):
        image = (PHOTOS / "astronaut.jpg").read_bytes()[:20_000]
        assert outcome(detect, address, image)[0] == "InvalidImageFormatException"

    def test_webp_is_refused(self, address):
        file = io.BytesIO()
        Image.new("RGB", (200, 200)).save(file, "WEBP")
        assert outcome(detect, address, file.getvalue())[0] == "InvalidImageFormatException"

    def test_s3_objects_are_refused(self, address):
        call = client(address, "rekognition").detect_faces
        code, status, message = outcome(call, Image={"S3Object": {"Bucket": "uploads", "Name": "photo/a.jpg"}})
        assert (code, status) == ("InvalidParameterException", 400)
        assert "Bytes" in message

    def test_unknown_attribute(self, address):
        assert outcome(detect, address, png(99, 99), Attributes=["AURA"])[0] == "InvalidParameterException"

    def test_moderation_finds_what_it_is_told_to(self, address):
        call = client(address, "rekognition").detect_moderation_labels
        assert call(Image={"Bytes": png(99, 99)})["ModerationLabels"] == []
        control(address, "rekognition", {"canned": {"labels": {"Explicit": 60, "Alcohol": 40}}})
        for least, names in ((None, ["Explicit"]), (40, ["Explicit", "Alcohol"]), (61, [])):
            more = {} if least is None else {"MinConfidence": least}
            answer = call(Image={"Bytes": png(99, 99)}, **more)
            assert [label["Name"] for label in answer["ModerationLabels"]] == names
            assert answer["ModerationModelVersion"] == "7.0"

    def test_moderation_has_the_limits_of_the_service(self, address):
        call = client(address, "rekognition").detect_moderation_labels
        assert outcome(call, Image={"Bytes": b"no image"})[0] == "InvalidImageFormatException"
        assert outcome(call, Image={"Bytes": png(99, 99)}, MinConfidence=101.0)[0] == "InvalidParameterException"

    def test_a_fault_of_one_operation_leaves_the_other_alone(self, address):
        fault = {"status": 500, "type": "InternalServerError", "message": "dead", "match": "*:DetectModerationLabels *"}
        control(address, "rekognition", {"canned": {}, "faults": [fault]})
        assert len(detect(address, png(99, 99))) == 1
        moderate = client(address, "rekognition").detect_moderation_labels
        assert outcome(moderate, Image={"Bytes": png(99, 99)})[:2] == ("InternalServerError", 500)

    def test_other_operations_are_named(self, address):
        call = client(address, "rekognition").detect_labels
        code, _, message = outcome(call, Image={"Bytes": png(99, 99)})
        assert code == "UnknownOperationException"
        assert "DetectLabels" in message

    @pytest.mark.parametrize("faces", [0, 1, 3, 10, 100])
    def test_canned_faces(self, address, faces):
        control(address, "rekognition", {"canned": {"faces": faces}})
        details = detect(address, png(99, 99))
        assert len(details) == faces
        covered = np.zeros((2000, 2000), int)
        for face in details:
            box = face["BoundingBox"]
            left, top = box["Left"] * 2000, box["Top"] * 2000
            right, bottom = left + box["Width"] * 2000, top + box["Height"] * 2000
            assert 0 <= left < right <= 2000 and 0 <= top < bottom <= 2000
            covered[round(top) : round(bottom), round(left) : round(right)] += 1
            assert len(face["Landmarks"]) == 5
            for mark in face["Landmarks"]:
                assert left < mark["X"] * 2000 < right and top < mark["Y"] * 2000 < bottom
        assert covered.max(initial=0) <= 1


class TestSageMaker:
    def photo(self):
        return base64.b64encode((PHOTOS / "astronaut.jpg").read_bytes()).decode()

    def test_answers_the_documented_request(self, address):
        mask = invoke(address, {"encode_image": self.photo(), "input_box": [182, 58, 271, 178]})
        assert (mask.format, mask.mode, mask.size) == ("PNG", "RGB", (512, 512))
        values = np.asarray(mask)
        assert set(np.unique(values)) == {0, 255}
        assert (values[120, 225] == 0).all()
        assert (values[20, 20] == 255).all()

    def test_what_the_container_refuses_is_a_model_error(self, address):
        with pytest.raises(ClientError) as caught:
            invoke(address, {"encode_image": self.photo(), "input_box": [600, 0, 700, 9]})
        response = caught.value.response
        assert response["Error"]["Code"] == "ModelError"
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert response["OriginalStatusCode"] == 400
        assert json.loads(response["OriginalMessage"]) == {"code": 400, "message": "Box 0 lies outside the image."}
        assert response["Error"]["Message"].startswith("Received client error (400) from primary with message")
        assert response["LogStreamArn"].endswith(f"/aws/sagemaker/Endpoints/{ENDPOINT}")

    def test_unknown_content_type_is_415_from_the_container(self, address):
        with pytest.raises(ClientError) as caught:
            invoke(address, b"x", content_type="image/jpeg")
        assert caught.value.response["OriginalStatusCode"] == 415

    def test_unknown_endpoint(self, address):
        assert outcome(invoke, address, {}, endpoint="other") == (
            "ValidationError",
            400,
            "Endpoint other of account 123456789012 not found.",
        )

    def test_body_limit(self, address):
        code, status, message = outcome(invoke, address, b" " * 6_291_457)
        assert (code, status) == ("ValidationError", 400)
        assert message.endswith("less than or equal to 6291456")
        assert outcome(invoke, address, b" " * 6_291_456)[0] == "ModelError"  # at the limit: on to the container

    def test_a_failing_model_is_a_500_from_the_container(self):
        class Broken:
            def segment(self, pixels, prompts):
                raise RuntimeError("out of memory at 0x7f")

        request = server.Request.from_values(
            f"/endpoints/{ENDPOINT}/invocations",
            method="POST",
            data=json.dumps({"encode_image": self.photo(), "input_box": [1, 1, 9, 9]}),
            content_type="application/json",
        )
        answer = sagemaker.invoke(request, ENDPOINT, Broken())
        fields = json.loads(answer.get_data())
        assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (424, "ModelError")
        assert fields["OriginalStatusCode"] == 500
        assert json.loads(fields["OriginalMessage"]) == {
            "code": 500,
            "message": "The model failed. The endpoint's log says why.",
        }
        assert fields["Message"].startswith("Received server error (500)")

    def test_canned_masks_are_the_ellipses(self, address):
        control(address, "sagemaker", {"canned": {}})
        image = base64.b64encode(png(200, 100)).decode()
        boxes = [[20, 10, 60, 90], [150, 20, 190, 60]]
        kept = np.asarray(invoke(address, {"encode_image": image, "input_boxes": boxes}))[..., 0] == 0
        assert kept.sum() == pytest.approx(np.pi * (20 * 40 + 20 * 20), rel=0.02)
        for left, top, right, bottom in boxes:
            assert kept[(top + bottom) // 2, left + 1 : right - 1].all()
            assert not kept[top, left]
        with pytest.raises(ClientError):
            invoke(address, {"encode_image": image, "input_boxes": []})


class TestBehaviour:
    def test_faults_strike_their_share_of_the_calls_and_the_same_ones_each_time(self):
        shares = {"reset": 0.1, "malformed": 0.2}
        behaviour, met = server.Behaviour(), []
        for _ in range(2):
            behaviour.set({"faults": [{"kind": kind, "share": share} for kind, share in shares.items()]})
            met.append([(behaviour.next_fault("any") or {}).get("kind") for _ in range(2000)])
        assert met[0] == met[1]
        for kind, share in shares.items():
            assert met[0].count(kind) == pytest.approx(2000 * share, rel=0.2)

    @pytest.mark.parametrize("share", [-0.1, 1.1, "half", None, True])
    def test_a_share_is_a_number_from_0_to_1(self, share):
        with pytest.raises(ValueError, match="share"):
            server.Behaviour().set({"faults": [{"kind": "reset", "share": share}]})


class TestServer:
    def test_health_and_unknown_paths(self, address):
        with urllib.request.urlopen(f"{address}/health") as answer:
            assert json.load(answer) == {"ready": True}
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{address}/nothing")
        assert caught.value.code == 404

    def test_not_healthy_before_the_models_are_loaded(self):
        go = threading.Event()
        stand_ins = server.StandIns({"bedrock": lambda: go.wait() and fake_bedrock}, ENDPOINT)
        ask = server.Request.from_values("/health")
        assert stand_ins.answer(ask).status_code == 503
        go.set()
        stand_ins.wait()
        assert stand_ins.answer(ask).status_code == 200

    def test_a_model_that_cannot_be_loaded_is_told(self, tmp_path):
        stand_ins = server.StandIns({"sagemaker": lambda: sagemaker.SageMaker("e", tmp_path)}, ENDPOINT)
        with pytest.raises(Exception, match=r"encoder\.onnx"):
            stand_ins.wait()
        assert stand_ins.answer(server.Request.from_values("/health")).status_code == 503

    def test_bedrock_is_reached_by_its_path(self, address):
        answer = client(address, "bedrock-runtime").invoke_model(
            modelId="amazon.titan-image-generator-v2:0", body=b"{}"
        )
        assert json.load(answer["body"])["images"] == ["/model/amazon.titan-image-generator-v2:0/invoke"]

    def test_one_connection_serves_many_calls(self, address):
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        connection.connect()
        socket = connection.sock
        for _ in range(3):
            connection.request("POST", "/nothing", b"a body that nobody wants")
            assert connection.getresponse().read()
        assert connection.sock is socket

    def test_canned_pictures_keep_the_black_region(self, address):
        control(address, "bedrock", {"canned": {}})
        mask = Image.new("RGB", (64, 48), "white")
        mask.paste((0, 0, 0), (10, 10, 30, 40))
        file = io.BytesIO()
        mask.save(file, "PNG")
        photo = np.asarray(Image.effect_noise((64, 48), 90).convert("RGB"))
        image = io.BytesIO()
        Image.fromarray(photo).save(image, "PNG")
        body = {
            "taskType": "OUTPAINTING",
            "outPaintingParams": {
                "text": "a sky",
                "image": base64.b64encode(image.getvalue()).decode(),
                "maskImage": base64.b64encode(file.getvalue()).decode(),
            },
            "imageGenerationConfig": {"numberOfImages": 2},
        }
        call = client(address, "bedrock-runtime").invoke_model
        answer = json.load(call(modelId="amazon.titan-image-generator-v2:0", body=json.dumps(body))["body"])
        assert answer["error"] is None and len(answer["images"]) == 2
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["images"][0]))))
        kept = np.asarray(mask)[..., 0] == 0
        assert (picture[kept] == photo[kept]).all()
        assert len(np.unique(picture[~kept], axis=0)) == 1
        code, _, message = outcome(call, modelId="amazon.titan-image-generator-v2:0", body=b"{}")
        assert (code, message.split(":")[0]) == ("ValidationException", "Malformed input request")

    @pytest.mark.parametrize(
        ("service", "status", "kind"),
        [
            ("rekognition", 400, "ProvisionedThroughputExceededException"),
            ("rekognition", 500, "InternalServerError"),
            ("sagemaker", 500, "InternalFailure"),
            ("sagemaker", 424, "ModelError"),
            ("bedrock", 429, "ThrottlingException"),
            ("bedrock", 404, "ResourceNotFoundException"),
        ],
    )
    def test_faults_come_in_each_services_own_format(self, address, service, status, kind):
        fault = {"times": 1, "status": status, "type": kind, "message": "as told"}
        control(address, service, {"canned": {"faces": 1}, "faults": [fault]})
        code, got, message = outcome(call_once, address, service)
        assert (code, got) == (kind, status)
        assert "as told" in message
        told = control(address, service, method="GET")
        assert (told["calls"], told["failures"]) == (1, 1)
        assert told["faults"][0]["times"] == 0

    @pytest.mark.parametrize("service", ["rekognition", "sagemaker", "bedrock"])
    @pytest.mark.parametrize(("kind", "begins"), [("throttled", "Throttl"), ("broken", "Internal"), ("denied", "Acc")])
    def test_the_words_of_the_wire_are_those_of_each_stand_in(self, address, service, kind, begins):
        control(address, service, {"canned": {"faces": 1}, "faults": [{"kind": kind, "match": "Operator *"}]})
        assert outcome(call_once, address, service)[0].startswith(begins)

    def test_a_slow_answer_and_one_that_is_cut(self, address):
        faults = [{"kind": "slow", "seconds": 0.05, "times": 1}, {"kind": "cut", "times": 1}]
        control(address, "bedrock", {"faults": faults})
        assert json.load(call_once(address, "bedrock")["body"])["images"]
        with pytest.raises(ResponseStreamingError):
            call_once(address, "bedrock")["body"].read()

    def test_faults_are_used_up_in_order_and_then_it_answers(self, address):
        faults = [
            {"times": 2, "status": 429, "type": "ThrottlingException", "message": "slow"},
            {"times": 1, "status": 503, "type": "ServiceUnavailableException", "message": "later"},
        ]
        control(address, "bedrock", {"faults": faults})
        codes = [outcome(call_once, address, "bedrock")[1] for _ in range(3)]
        assert codes == [429, 429, 503]
        call_once(address, "bedrock")
        told = control(address, "bedrock", method="GET")
        assert (told["calls"], told["failures"]) == (4, 3)

    def test_a_fault_strikes_only_what_it_matches_and_for_ever(self, address):
        fault = {"status": 404, "type": "ResourceNotFoundException", "message": "end of life", "match": "*titan-v2:0"}
        control(address, "bedrock", {"faults": [fault]})
        for _ in range(3):
            assert outcome(call_once, address, "bedrock", model="amazon.titan-v2:0")[1] == 404
        call_once(address, "bedrock", model="amazon.nova")

    def test_a_fault_of_bedrock_strikes_one_region(self, address):
        fault = {"kind": "throttled", "match": "*:us-east-1:*titan-v2:0"}
        control(address, "bedrock", {"faults": [fault]})
        assert outcome(call_once, address, "bedrock")[0] == "ThrottlingException"
        control(address, "bedrock", {"faults": [fault | {"match": "*:us-west-2:*titan-v2:0"}]})
        call_once(address, "bedrock")

    @pytest.mark.parametrize(
        ("kind", "status", "code", "said"),
        [
            ("retired", 404, "ResourceNotFoundException", "reached the end of its life"),
            ("legacy", 404, "ResourceNotFoundException", "marked by provider as Legacy"),
            ("denied", 403, "AccessDeniedException", "access"),
            ("filtered-prompt", 400, "ValidationException", "adjust your text prompt"),
            ("filtered-input", 400, "ValidationException", "adjust your input image"),
            ("inference-error", 424, "ModelErrorException", "unexpected error"),
        ],
    )
    def test_faults_of_bedrock_by_name(self, address, kind, status, code, said):
        control(address, "bedrock", {"faults": [{"kind": kind, "times": 1}]})
        got = outcome(call_once, address, "bedrock")
        assert got[:2] == (code, status)
        assert said in got[2]
        call_once(address, "bedrock")

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("filtered-prompt", "Filter reason: prompt"),
            ("filtered-input", "Filter reason: input image"),
            ("filtered-output", "Filter reason: output image"),
            ("inference-error", "Inference error"),
        ],
    )
    def test_stability_tells_them_with_http_200(self, address, kind, reason):
        control(address, "bedrock", {"faults": [{"kind": kind}]})
        answer = call_once(address, "bedrock", model="us.stability.stable-image-inpaint-v1:0")
        assert json.load(answer["body"]) == {"seeds": [1], "finish_reasons": [reason], "images": []}

    def test_amazon_tells_a_filtered_result_with_http_200(self, address):
        control(address, "bedrock", {"faults": [{"kind": "filtered-output"}]})
        answer = json.load(call_once(address, "bedrock", model="amazon.nova-canvas-v1:0")["body"])
        assert answer["images"] == []
        assert "blocked by our content filters" in answer["error"]

    def test_a_quota_holds_for_each_model_and_region(self, address):
        control(address, "bedrock", {"quota": 2})
        call_once(address, "bedrock")
        call_once(address, "bedrock")
        assert outcome(call_once, address, "bedrock")[0] == "ThrottlingException"
        call_once(address, "bedrock", model="amazon.nova-canvas-v1:0")
        told = control(address, "bedrock", method="GET")
        assert (told["calls"], told["throttled"], told["failures"]) == (4, 1, 1)

    def test_a_quotas_minute_slides(self):
        now = 0.0
        behaviour = server.Behaviour(clock=lambda: now)
        behaviour.set({"quota": 1})
        met = []
        for now in (1.0, 60.9, 61.0, 120.9, 121.0):  # noqa: B007 (the clock reads it)
            met.append(behaviour.next_fault("a"))
        assert met == [None, {"kind": "throttled"}, None, {"kind": "throttled"}, None]

    def test_other_services_do_not_know_bedrocks_faults(self, address):
        with pytest.raises(urllib.error.HTTPError):
            control(address, "rekognition", {"faults": [{"kind": "retired"}]})

    @pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "hang", "seconds": 0.05}])
    def test_connections_closed_without_an_answer(self, address, fault):
        control(address, "bedrock", {"faults": [{**fault, "times": 1}]})
        with pytest.raises(ConnectionClosedError):
            call_once(address, "bedrock")
        call_once(address, "bedrock")
        assert control(address, "bedrock", method="GET")["failures"] == 1

    def test_malformed_answers(self, address):
        control(address, "bedrock", {"faults": [{"kind": "malformed"}]})
        answer = client(address, "bedrock-runtime").invoke_model(modelId="m", body=b"{}")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        with pytest.raises(ValueError):
            json.load(answer["body"])

    def test_latency_holds_an_answer_back(self, address):
        control(address, "rekognition", {"latency": 5, "canned": {"faces": 1}})
        with pytest.raises(ReadTimeoutError):
            client(address, "rekognition", read_timeout=0.2).detect_faces(Image={"Bytes": png(99, 99)})
        control(address, "rekognition", {"latency": 0.05, "canned": {"faces": 1}})
        assert len(call_once(address, "rekognition")) == 1

    @pytest.mark.parametrize("settings", [{"latency": 3000}, {"faults": [{"kind": "hang", "seconds": 3000}]}])
    def test_new_settings_end_what_a_call_waits_for(self, address, settings):
        control(address, "bedrock", method="DELETE")
        control(address, "bedrock", settings)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(call_once, address, "bedrock")
            await_true(lambda: control(address, "bedrock", method="GET")["calls"])
            control(address, "bedrock", {})
            if "faults" in settings:
                assert isinstance(answer.exception(), ConnectionClosedError)
            else:
                assert answer.result()

    @pytest.mark.parametrize(
        "settings",
        [
            [],
            {"latancy": 1},
            {"latency": -1},
            {"latency": "1"},
            {"latency": {"median": 1, "sigma": 0.3}},
            {"latency": {"median": 0, "sigma": 0.3, "seed": 1}},
            {"latency": {"median": 1, "sigma": 0.3, "seed": "1"}},
            {"canned": 3},
            {"faults": [{"status": 400}]},
            {"faults": [{"kind": "explode"}]},
            {"faults": 3},
            {"quota": 0},
            {"quota": 1.5},
        ],
    )
    def test_wrong_settings_are_refused_and_change_nothing(self, address, settings):
        control(address, "bedrock", {"latency": 0.01})
        with pytest.raises(urllib.error.HTTPError) as caught:
            control(address, "bedrock", settings)
        assert caught.value.code == 400
        assert control(address, "bedrock", method="GET")["latency"] == 0.01

    def test_spread_latencies_are_log_normal_and_the_same_for_the_same_seed(self):
        def drawn(seed, number=2000):
            behaviour = server.Behaviour()
            behaviour.set({"latency": {"median": 8, "sigma": 0.3, "seed": seed}})
            return [behaviour.next_latency() for _ in range(number)]

        times = np.log(drawn(1))
        assert np.exp(np.median(times)) == pytest.approx(8, rel=0.03)
        assert times.std() == pytest.approx(0.3, rel=0.06)
        assert drawn(1, 5) == drawn(1, 5) != drawn(2, 5)

    def test_bytes_of_calls_are_counted(self, address):
        control(address, "bedrock", method="DELETE")
        client(address, "bedrock-runtime").invoke_model(modelId="m", body=b"{}")
        told = control(address, "bedrock", method="GET")
        assert (told["received"], told["calls"]) == (2, 1)
        assert told["sent"] > 0

    def test_labels_have_a_canned_answer_only(self, address):
        control(address, "rekognition", {"canned": {}})
        rekognition = client(address, "rekognition")
        assert rekognition.detect_labels(Image={"Bytes": png(99, 99)})["Labels"] == []
        control(address, "rekognition", method="DELETE")
        with pytest.raises(ClientError, match="UnknownOperation"):
            rekognition.detect_labels(Image={"Bytes": png(99, 99)})

    def test_reset_forgets_settings_and_counts(self, address):
        control(address, "bedrock", {"latency": 0.01, "faults": [{"kind": "reset"}]})
        with pytest.raises(ConnectionClosedError):
            call_once(address, "bedrock")
        told = control(address, "bedrock", method="DELETE")
        counts = {"calls": 0, "failures": 0, "throttled": 0, "received": 0, "sent": 0}
        assert told == {"latency": 0.0, "canned": None, "faults": [], "quota": None} | counts


def call_once(address, service, model="amazon.titan-v2:0"):
    if service == "rekognition":
        return detect(address, png(99, 99))
    if service == "sagemaker":
        image = base64.b64encode(png(99, 99)).decode()
        return invoke(address, {"encode_image": image, "input_box": [9, 9, 90, 90]})
    return client(address, "bedrock-runtime").invoke_model(modelId=model, body=b"{}")
