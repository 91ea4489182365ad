"""What a picture keeps: who says it, and the steps that make it, against an emulated table, bucket and endpoint."""

import base64
import json

import numpy as np
import pytest
from werkzeug.wrappers import Request, Response

from booth import clock, keep, keys, limits, scenes, work
from booth.aws import clients, objects, sam, table
from booth.errors import AccessDenied, NoMatte, QueueFull, RunEnded, ServiceUnavailable
from booth.keep import Keep
from booth.lifecycle import ending
from booth.painting import kept, records
from booth.painting.models import MODELS
from booth.painting.pacing import Pace
from booth.pixels import encoding
from booth.pixels.geometry import Face
from booth.run import Run, Status, Step
from booth.runs import store, uploads
from local.standins import sagemaker
from tests.support.painting import context
from tests.support.serving import serving

W, H = 160, 120
PIXELS = np.random.default_rng(1).integers(0, 256, (H, W, 3), np.uint8)
MARKS = {"eyeLeft": (52.0, 42.0), "eyeRight": (68.0, 42.0), "nose": (60.0, 50.0), "leftPupil": (52.0, 42.0)}
FACES = [Face((40.0, 20.0, 80.0, 75.0), MARKS), Face((140.0, 80.0, 170.0, 110.0), {})]
PNG = {"head": np.zeros((H, W), np.uint8), "person": np.zeros((H, W), np.uint8)}
PNG["head"][10:90, 30:90] = np.linspace(0, 255, 60).astype(np.uint8)
PNG["person"][5:, 20:100] = 255
PNG["person"][5:, 100:110] = 128


# Who says it


@pytest.mark.parametrize(
    ("chosen", "of_scene", "of_stack", "wanted"),
    [
        ("", None, None, "face"),
        ("", None, "person", "person"),
        ("", "head", "person", "head"),
        ("face", "head", "person", "face"),
        ("person", None, None, "person"),
    ],
)
def test_the_visitors_choice_comes_before_the_scenes_before_the_stacks(environment, chosen, of_scene, of_stack, wanted):
    environment.delenv("KEEP", raising=False)
    if of_stack:
        environment.setenv("KEEP", of_stack)
    assert keep.wanted(chosen, of_scene) == wanted


def test_a_picture_of_which_the_endpoint_gave_no_alpha_keeps_the_face():
    pictures = {"p1": {"keep": "person"}, "p2": {}, "p3": {"keep": "head"}, "p4": {"keep": "person"}}
    run = Run("r", Status.RUNNING, Step.MERGE, 1, pictures=pictures)
    assert run.more == ["head", "person"]
    assert [run.kept_in(number) for number in (1, 2, 3, 4)] == ["person", "face", "head", "person"]
    run = Run("r", Status.RUNNING, Step.GENERATE, 1, pictures=pictures, not_kept=("person",))
    assert [run.kept_in(number) for number in (1, 2, 3, 4)] == ["face", "face", "head", "face"]


# The steps


class Endpoint:
    """Answers each request by `answer`; keeps them."""

    def __init__(self):
        self.requests, self.answer = [], alphas()

    @Request.application
    def __call__(self, request):
        body = request.get_data()
        if b'"keep"' not in body:
            return sagemaker.canned(request, "sam")
        self.requests.append(json.loads(body))
        return self.answer


def alphas(**changed):
    images = {name: base64.b64encode(encoding.encode_png(png)).decode() for name, png in PNG.items()}
    return Response(json.dumps({"alpha_images": images, "heads_by_matte": 1} | changed))


@pytest.fixture
def endpoint(dynamodb, environment):
    """The endpoint; a run `r` at its second step, and its files. `keeps` are its three pictures'."""
    import os

    environment.setenv("AWS_ENDPOINT_URL_S3", os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
    environment.setenv("RESULTS_BUCKET", "results")
    environment.setenv("SAM_ENDPOINT", "sam")
    environment.setenv("SAM_PROTOCOL", "extended")
    clients.client("s3").create_bucket(Bucket="results")
    with serving(endpoint := Endpoint()) as url:
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        yield endpoint


def begin(*keeps):
    """The run `r` behind detect_faces: its pictures keep these; None: as a record of the release before has it."""
    given = {"scenes": [], "content_type": "image/jpeg", "consent": None}
    assert uploads.issue("r", "photo/a.jpg", picture_id="id", **given)
    store.claim("r", "1")
    store.enter("r", "detect")
    chosen = [vars(scene) | {"keep": of} for scene, of in zip(scenes.defaults(), keeps, strict=False)]
    store.publish_copy("r", "photo/a.jpg", [scenes.Scene(**scene) for scene in chosen])
    work.write_photo("r", PIXELS)
    work.write_faces("r", FACES)


def called(function, **event):
    """What a step returns."""
    module = __import__(function)
    return module.handler({"run": "r"} | event, context())


def segmented():
    """Crops, segments and merges; gives the numbers of the crops, and by crop the error that the Map caught."""
    numbers, caught = called("crop_faces")["crops"], {}
    for number in numbers:
        try:
            called("segment_crop", crop=number)
        except (NoMatte, ServiceUnavailable, AccessDenied) as error:
            caught[number] = type(error).__name__
    assert called("merge_masks", crops=numbers) == {"pictures": [1, 2, 3]}
    return numbers, caught


def told(counts):
    """What was counted, but for the canned ellipses that are not enough."""
    return {name: times for name, times in counts().items() if name != "FacesKeptByEllipse"}


def files():
    listed = clients.client("s3").list_objects_v2(Bucket="results", Prefix="work/r/")["Contents"]
    return {each["Key"].removeprefix("work/r/") for each in listed}


OF_FACES = {"photo.jpg", "photo.webp", "faces.json", "crops.json", "mask.png"}


def test_one_run_holds_three_pictures_of_which_each_keeps_something_else(endpoint, counts):
    begin("face", "head", "person")
    numbers, caught = segmented()
    run = store.get("r")
    assert (numbers, caught, run.not_kept) == ([0, 1, 2], {}, ())
    [request] = endpoint.requests
    assert {name: value for name, value in request.items() if name != "encode_image"} == {
        "keep": ["head", "person"],
        "faces": [
            {
                "box": [40.0, 20.0, 80.0, 75.0],
                "landmarks": {"eyeLeft": [52.0, 42.0], "eyeRight": [68.0, 42.0], "nose": [60.0, 50.0]},
            },
            {"box": [140.0, 80.0, 160, 110.0], "landmarks": {}},
        ],
        "seconds": 9.0,
    }
    assert base64.b64decode(request["encode_image"]) == work.read_jpeg("r")
    assert told(counts) == {"HeadsByMatte": 1}
    face, head, person = (kept.read_more("r", run.kept_in(number), kept.read_faces("r")) for number in (1, 2, 3))
    mask = encoding.decode_mask(face.mask)
    for cutout, found in ((head, PNG["head"]), (person, np.maximum(PNG["person"], head.alpha))):
        assert (cutout.alpha[mask] == 255).all(), "the faces are kept"
        assert (cutout.alpha >= found).all()
    assert (person.alpha >= head.alpha).all()
    generated = np.zeros_like(PIXELS)
    for each, whole in ((face, mask), (head, head.alpha == 255), (person, person.alpha == 255)):
        assert np.array_equal(each.seam().blend(generated)[whole], PIXELS[whole])


def test_a_model_gets_the_mask_that_suits_it(endpoint):
    begin("face", "person")
    work.write_mask("r", np.ones((H, W), bool))
    alpha = np.arange(H * W).reshape(H, W).astype(np.uint8)
    work.write_cutout("r", Keep.PERSON, alpha, PIXELS)
    for model in MODELS.values():
        mask = encoding.decode_mask(kept.read_more("r", Keep.PERSON, kept.read_faces("r")).mask_for(model.codec))
        assert np.array_equal(mask, alpha >= model.codec.least_alpha)
        assert kept.read_faces("r").mask_for(model.codec) == work.read_mask("r")


def test_of_the_peoples_own_colours_only_those_are_kept_that_the_photo_does_not_show(endpoint):
    alpha = np.arange(H * W).reshape(H, W).astype(np.uint8)
    work.write_cutout("r", Keep.HEAD, alpha, PIXELS)
    mixed = (alpha > 0) & (alpha < 255)
    read = encoding.decode(work.read_foreground("r", Keep.HEAD))
    assert np.array_equal(read[mixed], PIXELS[mixed])
    assert not read[~mixed].any()


@pytest.mark.parametrize("keeps", [(None, None, None), ("face", "face", "face")])
def test_a_run_that_wants_the_face_alone_does_what_it_did_before(endpoint, keeps, counts):
    begin(*keeps)
    before = set(store.get("r").pictures["p1"])
    numbers, caught = segmented()
    assert (numbers, caught, endpoint.requests) == ([0, 1], {}, [])
    crops = {f"crop_{number}{end}" for number in numbers for end in (".json", "_mask.png")}
    assert files() == OF_FACES | crops
    record = table.get(table.key_of("run", "r"))
    assert before == {"scene", "state", "prompt", "negative", "seed"}
    assert not record.keys() & {"keep", "not_kept"}
    assert told(counts) == {}


@pytest.mark.parametrize(("keeps", "asked"), [(["head"] * 3, ["head"]), (["person", "face", "person"], ["person"])])
def test_nothing_is_asked_for_that_no_picture_keeps(endpoint, keeps, asked):
    begin(*keeps)
    segmented()
    assert endpoint.requests[0]["keep"] == asked
    assert {name for name in files() if name.startswith(("found", "alpha", "foreground"))} == {
        f"found_{asked[0]}.png",
        f"alpha_{asked[0]}.png",
        f"foreground_{asked[0]}.webp",
    }


def wrong_size(name):
    images = {each: base64.b64encode(encoding.encode_png(PNG[each])).decode() for each in PNG}
    images[name] = base64.b64encode(encoding.encode_png(PNG[name][1:])).decode()
    return alphas(alpha_images=images)


@pytest.mark.parametrize(
    ("answer", "error", "not_kept"),
    [
        (sagemaker.model_error("sam", 422, "This endpoint has no matte."), "NoMatte", ["head", "person"]),
        (sagemaker.model_error("sam", 400, "Send either input_box or input_boxes."), "NoMatte", ["head", "person"]),
        (sagemaker.model_error("sam", 500, "The model failed."), "ServiceUnavailable", ["head", "person"]),
        (sagemaker.model_error("sam", 429, "busy"), "ServiceUnavailable", ["head", "person"]),
        (sagemaker.error(403, "AccessDeniedException", "no"), "AccessDenied", ["head", "person"]),
        (Response(b"no JSON"), "ServiceUnavailable", ["head", "person"]),
        (alphas(alpha_images={"head": "AAAA"}), "ServiceUnavailable", ["head", "person"]),
        (wrong_size("head"), None, ["head"]),
        (wrong_size("person"), None, ["person"]),
    ],
    ids=["no matte", "the release before", "failed", "busy", "denied", "garbage", "no PNG", "another head", "another"],
)
def test_without_an_alpha_the_faces_are_kept_recorded_and_counted_once(endpoint, counts, answer, error, not_kept):
    begin("face", "head", "person")
    endpoint.answer = answer
    numbers, caught = segmented()
    run = store.get("r")
    assert (numbers, caught) == ([0, 1, 2], {0: error} if error else {})
    assert list(run.not_kept) == not_kept
    assert [run.kept_in(number) for number in (1, 2, 3)] == [
        "face" if wanted in not_kept else wanted for wanted in ("face", "head", "person")
    ]
    assert told(counts) == {"KeptLess": 1} | ({} if error else {"HeadsByMatte": 1})
    assert len(endpoint.requests) == 1
    assert {name for name in files() if name.startswith(("alpha", "foreground"))} == {
        f"{name}_{each}.{end}"
        for each in {"head", "person"} - set(not_kept)
        for name, end in (("alpha", "png"), ("foreground", "webp"))
    }
    [kept_in] = {picture.get("keep") for picture in ending.end(run, "TimedOut").pictures.values()} - {None, "head"}
    assert kept_in == "person", "what was asked for stays in the record"
    assert store.get("r").kept_in(3) == ("face" if "person" in not_kept else "person")


@pytest.fixture
def paced(endpoint, environment):
    """The same, where the masks' step knows the image models; the run's crops are segmented. Gives their numbers."""
    environment.setenv("IMAGE_MODELS", "amazon.titan-image-generator-v2:0@us-east-1=2")
    begin("face", "face", "face")
    numbers = called("crop_faces")["crops"]
    for number in numbers:
        called("segment_crop", crop=number)
    return numbers


def test_pictures_get_their_turns_while_the_masks_are_merged(paced):
    answer = called("merge_masks", crops=paced)
    run = store.get("r")
    assert [turn["picture"] for turn in answer["turns"]] == [1, 2, 3]
    assert [turn["wait"] > 0 for turn in answer["turns"]] == [False, False, True]
    assert answer["at_once"] == 3, "they wait all at once"
    assert (set(run.turns), run.step, run.faces) == ({1, 2, 3}, Step.WAIT, 2)
    assert called("merge_masks", crops=paced)["turns"] == answer["turns"], "a retry takes no other turns"
    assert (store.get("r").turns, store.get("r").step) == (run.turns, Step.WAIT)


def test_masks_are_confirmed_though_the_pictures_get_no_turns(paced):
    later = clock.now_ms() + limits.QUEUE_SECONDS * 1000
    assert records.write_pace(Pace({"amazon.titan-image-generator-v2:0@us-east-1": [later] * 2}, {}, 0))
    with pytest.raises(QueueFull):
        called("merge_masks", crops=paced)
    assert store.get("r").faces == 2, "the last write of the step that merges"
    assert store.get("r").turns == {}


def test_nothing_is_left_of_a_run_that_is_deleted_while_its_masks_are_merged(paced, environment):
    write = work.write_mask
    environment.setattr(work, "write_mask", lambda *given: (store.mark_deleted("r", due=0), write(*given)))
    with pytest.raises(RunEnded):
        called("merge_masks", crops=paced)
    listed = clients.client("s3").list_objects_v2(Bucket="results", Prefix="work/r/")
    assert "Contents" not in listed


def test_an_endpoint_of_the_customers_own_protocol_is_not_asked(endpoint, environment, counts):
    environment.setenv("SAM_PROTOCOL", "classic")
    begin("face", "head", "person")
    _, caught = segmented()
    assert (caught, endpoint.requests) == ({0: "NoMatte"}, [])
    assert told(counts) == {"KeptLess": 1}


def test_a_step_that_is_tried_again_gives_the_same(endpoint):
    begin("face", "head", "person")
    segmented()
    before = {
        name: clients.client("s3").head_object(Bucket="results", Key=f"work/r/{name}")["ETag"] for name in files()
    }
    endpoint.answer = alphas()
    segmented()
    after = {name: clients.client("s3").head_object(Bucket="results", Key=f"work/r/{name}")["ETag"] for name in files()}
    assert after == before


def test_the_whole_photo_is_the_first_of_at_most_eleven_requests(endpoint):
    begin("person", "face", "face")
    work.write_faces("r", [Face((10.0 * n, 9.0 * n, 10.0 * n + 3, 9.0 * n + 3), {}) for n in range(12)])
    assert called("crop_faces")["crops"] == list(range(11))
    (_, crops) = work.read_crops("r")
    assert crops[0].box == (0, 0, W, H)
    assert crops[0].faces == ()
    assert sorted(index for crop in crops for index in crop.faces) == list(range(12))


def test_everything_of_it_goes_with_the_run(endpoint):
    begin("face", "head", "person")
    segmented()
    objects.delete_work("r")
    assert "Contents" not in clients.client("s3").list_objects_v2(Bucket="results", Prefix=keys.work_key("r", ""))


def test_the_largest_requests_fit_into_a_call(endpoint):
    """A photo of noise at the largest PictureSide, of which a hundred faces fill one crop."""
    begin("head", "person", "face")
    work.write_photo("r", np.random.default_rng(1).integers(0, 256, (1408, 1408, 3), np.uint8))
    boxes = [(140.0 * (n % 10), 140.0 * (n // 10)) for n in range(100)]
    marks = dict.fromkeys(sam.LANDMARKS, (1000.1, 1000.1))
    work.write_faces("r", [Face((x, y, x + 100.1, y + 120.1), marks) for x, y in boxes])
    assert called("crop_faces")["crops"] == [0, 1]
    sizes = [len(work.read_crop_request("r", number)) for number in (0, 1)]
    assert max(sizes) < sagemaker.MAX_BODY
    assert min(sizes) > 0.8 * sagemaker.MAX_BODY, "a larger photo there is not"
