"""The Bedrock stand-in over HTTP, through boto3: schema, limits, error texts, and what the pictures keep."""

import base64
import io
import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image, ImageDraw, ImageFilter
from werkzeug.wrappers import Request

from booth.painting import models
from local.standins import dressing, image_models
from local.standins.bedrock import Bedrock
from local.standins.scenes import prompts
from tests.support.serving import serving

pytestmark = pytest.mark.starts

PHOTOS = Path(__file__).parents[1] / "photos"
FACES = {  # ellipses (x, y, rx, ry), parts of width and height
    "astronaut.jpg": [(0.435, 0.225, 0.085, 0.125)],
    "hopper.jpg": [(0.50, 0.39, 0.15, 0.185)],
    "group.jpg": [
        (0.165, 0.53, 0.075, 0.19),
        (0.317, 0.53, 0.042, 0.12),
        (0.520, 0.34, 0.042, 0.115),
        (0.737, 0.48, 0.065, 0.18),
        (0.903, 0.43, 0.045, 0.125),
    ],
}
TITAN = "amazon.titan-image-generator-v2:0"


@pytest.fixture(autouse=True)
def coarse_scenes(monkeypatch):
    """Of what a scene shows speak test_scene_renderer.py's tests; fine ones take most of the time."""
    monkeypatch.setattr(prompts, "WORKING_SIDE", 160)


@pytest.fixture(scope="module")
def url():
    with serving(Request.application(Bedrock())) as url:
        yield url


def client_in(url, region):
    return boto3.client(
        "bedrock-runtime",
        region_name=region,
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def client(url):
    return client_in(url, "us-east-1")


def encoded(pixels: np.ndarray, form: str = "PNG") -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return base64.b64encode(buffer.getvalue()).decode()


def decoded(picture: str) -> np.ndarray:
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    assert image.format == "PNG"
    return np.asarray(image)


def photo(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A test photo at half its size and the mask of its faces, both uint8 HxWx3."""
    image = Image.open(PHOTOS / name).convert("RGB").reduce(2)
    mask = Image.new("RGB", image.size, "white")
    for x, y, rx, ry in FACES[name]:
        box = ((x - rx) * image.width, (y - ry) * image.height, (x + rx) * image.width, (y + ry) * image.height)
        ImageDraw.Draw(mask).ellipse(box, fill="black")
    return np.asarray(image), np.asarray(mask)


def order(pixels: np.ndarray | None = None, mask: np.ndarray | None = None, **config) -> dict:
    """A valid request of OUTPAINTING; by default a small grey picture without a kept region."""
    pixels = np.full((48, 64, 3), 120, np.uint8) if pixels is None else pixels
    mask = np.full_like(pixels, 255) if mask is None else mask
    return {
        "taskType": "OUTPAINTING",
        "outPaintingParams": {
            "text": "a human with a sky background",
            "image": encoded(pixels),
            "maskImage": encoded(mask),
            "outPaintingMode": "PRECISE",
        },
        "imageGenerationConfig": {"numberOfImages": 1, "quality": "standard", "cfgScale": 8.0, "seed": 5, **config},
    }


def invoke(client, request: object, model: str = TITAN) -> list[np.ndarray]:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    answer = json.loads(client.invoke_model(modelId=model, body=body)["body"].read())
    assert answer.keys() == {"images", "error"} and answer["error"] is None
    return [decoded(picture) for picture in answer["images"]]


def refused(client, request: object, model: str = TITAN) -> str:
    """The message of the ValidationException a request gets."""
    with pytest.raises(ClientError) as caught:
        invoke(client, request, model)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Message"]


def changed(*path_and_value) -> dict:
    """A valid request with one value set, or removed if it is `...`."""
    *path, key, value = path_and_value
    request = order()
    place = request
    for step in path:
        place = place[step]
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return request


PARAMS, CONFIG = "outPaintingParams", "imageGenerationConfig"


@pytest.mark.parametrize(
    "request_,said",
    [
        (changed(PARAMS, "text", "x" * 536), "#/outPaintingParams/text: expected maxLength: 512, actual: 536"),
        (
            changed(PARAMS, "negativeText", "x" * 513),
            "#/outPaintingParams/negativeText: expected maxLength: 512, actual: 513",
        ),
        (changed(PARAMS, "image", ...), "#/outPaintingParams: required key [image] not found"),
        (changed(PARAMS, "text", ...), "#/outPaintingParams: required key [text] not found"),
        (changed(PARAMS, ...), "#: required key [outPaintingParams] not found"),
        (changed("taskType", ...), "#: required key [taskType] not found"),
        (changed("seed", 1), "#: extraneous key [seed] is not permitted"),
        (changed(PARAMS, "mask", "x"), "#/outPaintingParams: extraneous key [mask] is not permitted"),
        (changed(PARAMS, "text", 7), "#/outPaintingParams/text: expected type: String, found: Integer"),
        (changed(PARAMS, []), "#/outPaintingParams: expected type: JSONObject, found: JSONArray"),
        (changed(CONFIG, "numberOfImages", 6), "#/imageGenerationConfig/numberOfImages: 6 is not less or equal to 5"),
        (
            changed(CONFIG, "numberOfImages", 0),
            "#/imageGenerationConfig/numberOfImages: 0 is not greater or equal to 1",
        ),
        (
            changed(CONFIG, "numberOfImages", True),
            "#/imageGenerationConfig/numberOfImages: expected type: Integer, found: Boolean",
        ),
        (changed(CONFIG, "cfgScale", 1.0), "#/imageGenerationConfig/cfgScale: 1.0 is not greater or equal to 1.1"),
        (changed(CONFIG, "cfgScale", 10.5), "#/imageGenerationConfig/cfgScale: 10.5 is not less or equal to 10.0"),
        (
            changed(CONFIG, "seed", 2_147_483_647),
            "#/imageGenerationConfig/seed: 2147483647 is not less or equal to 2147483646",
        ),
        (changed(CONFIG, "quality", "best"), "#/imageGenerationConfig/quality: best is not a valid enum value"),
        (
            changed(PARAMS, "outPaintingMode", "precise"),
            "#/outPaintingParams/outPaintingMode: precise is not a valid enum value",
        ),
        ({}, "2 schema violations found"),
        ([], "#: expected type: JSONObject, found: JSONArray"),
    ],
)
def test_a_request_against_the_schema_is_refused_in_bedrocks_words(client, request_, said):
    expected = f"Malformed input request: {said}, please reformat your input and try again."
    assert refused(client, request_) == expected


def test_what_is_not_json_is_malformed(client):
    assert refused(client, b"{") == "Malformed input request, please reformat your input and try again."


def test_limits_of_the_schema_are_inclusive(client):
    request = order(numberOfImages=5, cfgScale=10.0, seed=2_147_483_646)
    request[PARAMS]["text"] = ("sky " * 128)[:512]
    assert len(invoke(client, request)) == 5
    assert len(invoke(client, order(cfgScale=1.1, seed=0))) == 1


@pytest.mark.parametrize(
    "request_,said",
    [
        (changed("taskType", "INPAINTING"), "OUTPAINTING only"),
        (changed(PARAMS, "maskImage", ...), "needs maskImage"),
        (changed(PARAMS, "maskPrompt", "person"), "Only one of maskPrompt and maskImage"),
        (changed(PARAMS, "image", "no base64!"), "image could not be decoded"),
        (changed(PARAMS, "image", base64.b64encode(b"text").decode()), "image could not be decoded"),
        (changed(PARAMS, "image", encoded(np.zeros((9, 9, 3), np.uint8))[:60]), "image could not be decoded"),
        (changed(PARAMS, "image", encoded(np.zeros((9, 9, 3), np.uint8), "WEBP")), "image could not be decoded"),
        (changed(PARAMS, "maskImage", encoded(np.zeros((48, 63, 3), np.uint8))), "size"),
        (order(np.zeros((1409, 20, 3), np.uint8)), "1409 pixels; it must be at most 1408"),
    ],
)
def test_a_request_it_cannot_paint_is_refused(client, request_, said):
    assert said in refused(client, request_)


def test_the_largest_side_is_painted(client):
    assert invoke(client, order(np.zeros((1408, 20, 3), np.uint8)))[0].shape == (1408, 20, 3)


GREY = np.full((48, 64, 3), 120, np.uint8)


def test_a_mask_with_grey_is_refused(client):
    assert "neither pure black nor pure white" in refused(client, order(mask=GREY))


def test_a_picture_that_is_transparent_is_refused(client):
    clear = np.dstack([GREY, np.full((48, 64), 200, np.uint8)])
    assert "opaque" in refused(client, changed(PARAMS, "image", encoded(clear)))
    opaque = np.dstack([GREY, np.full((48, 64), 255, np.uint8)])
    assert len(invoke(client, changed(PARAMS, "image", encoded(opaque)))) == 1


def nova(width=400, height=400, **config):
    return order(np.zeros((height, width, 3), np.uint8), **config)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (lambda: nova(319), "319 pixels; it must be at least 320"),
        (lambda: nova(4097), "4097 pixels; it must be at most 4096"),
        (lambda: nova(2048, 2048), "4194304 pixels; it must have at most 4194303"),
        (lambda: nova(1301, 325), "4.00:1; it must be at most 4:1"),
        (lambda: nova() | {CONFIG: {"width": 400}}, "#/imageGenerationConfig: extraneous key [width] is not permitted"),
    ],
)
def test_limits_of_nova_canvas(client, request_, said):
    assert said in refused(client, request_(), "amazon.nova-canvas-v1:0")


def test_nova_canvas_paints_at_its_limits(client):
    request = nova(1280, 320)
    request[PARAMS]["text"] = ("sky " * 256)[:1024]
    assert invoke(client, request, "amazon.nova-canvas-v1:0")[0].shape == (320, 1280, 3)
    assert "maxLength: 512" in refused(client, request)


INPAINT = "us.stability.stable-image-inpaint-v1:0"


def inpainting(pixels=None, mask=None, **fields):
    """A valid request of Stability's inpainting; a field that is `...` is left out."""
    pixels = np.full((100, 120, 3), 120, np.uint8) if pixels is None else pixels
    mask = np.full(pixels.shape, 255, np.uint8) if mask is None else mask
    body = {"prompt": "a sky", "image": encoded(pixels), "mask": encoded(mask), "grow_mask": 0, "seed": 5} | fields
    return {name: value for name, value in body.items() if value is not ...}


def inpaint(client, request):
    answer = json.loads(client.invoke_model(modelId=INPAINT, body=json.dumps(request))["body"].read())
    assert answer.keys() == {"seeds", "finish_reasons", "images"}
    return answer


def test_stability_paints_with_its_own_answer(client):
    answer = inpaint(client, inpainting())
    assert (answer["seeds"], answer["finish_reasons"]) == ([5], [None])
    assert decoded(answer["images"][0]).shape == (100, 120, 3)
    assert inpaint(client, inpainting(seed=0))["seeds"] != [0]


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_stabilitys_output_formats(client, form):
    [picture] = inpaint(client, inpainting(output_format=form))["images"]
    assert Image.open(io.BytesIO(base64.b64decode(picture))).format == form.upper()


AVAILABLE = "image, prompt, mask, grow_mask, negative_prompt, seed, output_format, style_preset"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            inpainting(text_prompts=[]),
            f"Invalid field 'text_prompts' in request. Available fields for inpaint are: {AVAILABLE}",
        ),
        (inpainting(prompt=...), "prompt is required"),
        (inpainting(image=...), "image is required"),
        (
            {"prompt": "a sky", "image": encoded(GREY)},
            "This stand-in needs a mask; it does not look at the image's alpha.",
        ),
        (inpainting(prompt="x" * 10_001), "prompt must have at most 10000 characters"),
        (inpainting(prompt=7), "prompt must be of type str"),
        (inpainting(grow_mask=21), "grow_mask must be from 0 to 20"),
        (inpainting(grow_mask=True), "grow_mask must be of type int"),
        (inpainting(seed=4_294_967_295), "seed must be from 0 to 4294967294"),
        (inpainting(output_format="bmp"), "output_format must be one of jpeg, png, webp"),
    ],
)
def test_what_stability_does_not_take(client, request_, said):
    assert json.loads(refused(client, request_, INPAINT)) == {"detail": said}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((63, 100), "63 pixels; it must be at least 64"),
        ((100, 251), "2.51:1; it must be at most 2.5:1"),
        ((3073, 3072), "9440256 pixels; it must have at most 9437184"),
    ],
)
def test_sizes_that_stability_does_not_take(client, shape, said):
    assert said in refused(client, inpainting(np.zeros((*shape, 3), np.uint8)), INPAINT)


def test_stability_scales_the_mask_and_grows_what_it_paints(client):
    pixels = np.random.default_rng(3).integers(0, 256, (100, 100, 3), np.uint8)
    mask = np.full((50, 50), 255, np.uint8)
    mask[10:40, 10:40] = 0  # rows and columns 20 to 80 of the photo
    for grow, edge in ((0, 22), (10, 32)):
        [picture] = inpaint(client, inpainting(pixels, mask, grow_mask=grow))["images"]
        same = (decoded(picture) == pixels).all(2)
        assert same[edge : 100 - edge, edge : 100 - edge].all()
    # By default what is painted grows by 5 pixels: its shrunken border keeps no exact pixels.
    [picture] = inpaint(client, inpainting(pixels, mask, grow_mask=...))["images"]
    assert not (decoded(picture) == pixels).all(2)[20:24, 20:80].all()


def test_a_blocked_word_in_stabilitys_prompt_is_told_with_http_200(client):
    answer = inpaint(client, inpainting(prompt="a bloody mess"))
    assert (answer["finish_reasons"], answer["images"]) == (["Filter reason: prompt"], [])


@pytest.mark.parametrize(
    ("model", "region"), [(TITAN, "eu-west-1"), ("amazon.nova-canvas-v1:0", "us-west-2"), (INPAINT, "eu-west-1")]
)
def test_a_model_is_unknown_in_other_regions(url, model, region):
    assert refused(client_in(url, region), order(), model) == "The provided model identifier is invalid."


@pytest.mark.parametrize("region", ["us-east-1", "us-east-2", "us-west-2"])
def test_stabilitys_profile_can_be_called_in_three_regions(url, region):
    assert inpaint(client_in(url, region), inpainting())["finish_reasons"] == [None]


def test_stabilitys_bare_id_wants_its_profile(client):
    said = refused(client, inpainting(), "stability.stable-image-inpaint-v1:0")
    assert "on-demand throughput" in said and "inference profile" in said


def test_an_unknown_model_is_refused(client):
    assert refused(client, order(), "amazon.titan-image-generator-v9") == "The provided model identifier is invalid."


def test_a_body_over_the_limit_is_refused(client):
    assert "25000000" in refused(client, b" " * 25_000_001)


@pytest.mark.parametrize("text", ["a scene with blood", "Gore, everywhere", "NUDE people"])
def test_a_blocked_word_meets_the_content_filter(client, text):
    assert "blocked by our content filters" in refused(client, changed(PARAMS, "text", text))


def test_part_of_a_harmless_word_does_not(client):
    assert len(invoke(client, changed(PARAMS, "text", "a bloodhound in Goreme by the sky"))) == 1


def test_other_operations_are_unknown(url):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{url}/model/{TITAN}/converse", data=b"{}")
    assert caught.value.code == 404
    assert caught.value.headers["x-amzn-ErrorType"].startswith("UnknownOperationException")


PERSON = {  # the outlines of head and body, in parts of width and height
    "astronaut.jpg": {
        "head": [(0.44, 0.20, 0.155, 0.185)],
        "body": [(0.42, 0.36), (0.50, 0.36), (0.62, 0.50), (0.76, 0.80), (0.76, 1.0), (0.05, 1.0), (0.14, 0.6)],
    },
    "hopper.jpg": {
        "head": [(0.50, 0.33, 0.25, 0.31)],
        "body": [(0.40, 0.58), (0.62, 0.56), (0.90, 0.70), (1.0, 1.0), (0.0, 1.0), (0.04, 0.68)],
    },
}


def kept_of(name: str, keep: str) -> np.ndarray:
    """The mask, uint8 HxWx3, black where a photo's face, head or person is kept."""
    _, mask = photo(name)
    image = Image.fromarray(mask)
    draw, (width, height) = ImageDraw.Draw(image), image.size
    if keep != "face":
        [(x, y, rx, ry)] = PERSON[name]["head"]
        draw.ellipse(((x - rx) * width, (y - ry) * height, (x + rx) * width, (y + ry) * height), fill="black")
    if keep == "person":
        draw.polygon([(x * width, y * height) for x, y in PERSON[name]["body"]], fill="black")
    return np.asarray(image)


def changed_by(picture: np.ndarray, pixels: np.ndarray, name: str) -> tuple[float, float, float]:
    """How much hair or hat, clothes and a corner of the photo changed, 0..255."""
    height, width = pixels.shape[:2]
    change = np.abs(picture.astype(int) - pixels).mean(2)
    x, y, _, ry = FACES[name][0]
    hair = change[int((y - ry - 0.06) * height) : int((y - ry - 0.03) * height)]
    chest = change[int(0.8 * height) : int(0.9 * height), int((x - 0.08) * width) : int((x + 0.08) * width)]
    corner = change[: height // 8, -width // 8 :]
    return hair[:, int((x - 0.04) * width) : int((x + 0.04) * width)].mean(), chest.mean(), corner.mean()


@pytest.mark.parametrize("name", ["astronaut.jpg", "hopper.jpg"])
def test_what_is_not_kept_of_a_person_is_painted_in_other_colours(client, name):
    """As with an image model the modes differ: of a face hair and clothes are others, of a head the clothes alone."""
    pixels, _ = photo(name)
    changes = {}
    for keep in ("face", "head", "person"):
        mask = kept_of(name, keep)
        (picture,) = invoke(client, order(pixels, mask))
        assert picture.shape == pixels.shape
        assert (picture[mask[..., 0] == 0] == pixels[mask[..., 0] == 0]).all()
        changes[keep] = changed_by(picture, pixels, name)
    hair, clothes, corner = (dict(zip(changes, part, strict=True)) for part in zip(*changes.values(), strict=True))
    assert hair["face"] > 15 and hair["head"] == hair["person"] == 0
    assert min(clothes["face"], clothes["head"]) > 25 and clothes["person"] == 0
    assert min(corner.values()) > 15


def test_the_body_of_a_person_who_is_kept_stays_beside_the_mask_too(client):
    """The mask of a model ends before the soft edge, where the people's outline still is the photo's."""
    pixels, _ = photo("astronaut.jpg")
    mask = Image.fromarray(kept_of("astronaut.jpg", "person")).filter(ImageFilter.MaxFilter(9))
    (person,) = invoke(client, order(pixels, np.asarray(mask)))
    (head,) = invoke(client, order(pixels, kept_of("astronaut.jpg", "head")))
    inner = (
        np.asarray(Image.fromarray(kept_of("astronaut.jpg", "person")).filter(ImageFilter.MaxFilter(5)))[..., 0] == 0
    )
    rim = inner & (np.asarray(mask)[..., 0] > 0)
    rim[: int(0.5 * len(rim))] = False
    assert np.abs(person.astype(int) - pixels)[rim].mean() < 25 < np.abs(head.astype(int) - pixels)[rim].mean()


def test_a_group_keeps_every_face_and_has_a_body_under_each(client):
    pixels, mask = photo("group.jpg")
    (picture,) = invoke(client, order(pixels, mask))
    (empty,) = invoke(client, order(pixels, np.full_like(mask, 255)))
    kept = mask[..., 0] == 0
    assert (picture[kept] == pixels[kept]).all()
    apart, change = (np.abs(picture.astype(int) - other).mean(2) for other in (empty, pixels))
    for x, y, rx, ry in FACES["group.jpg"]:
        rows = slice(int((y + 1.15 * ry) * 228), int((y + 1.5 * ry) * 228))
        columns = slice(int((x - 0.5 * rx) * 512), int((x + 0.5 * rx) * 512))
        assert apart[rows, columns].mean() > 25, "no scene under a face"
    assert change[:30].mean() > 25, "new sky above"


def test_clothes_end_at_their_own_edges_and_not_half_way_to_the_next_face():
    colours = np.full((300, 400, 3), 0.9, np.float32)
    body = np.zeros((2, 300, 400), bool)
    body[0, 120:, 40:224] = True  # half way is 195
    body[1, 120:, 224:390] = True
    heads = [(100, 60, 160, 130), (230, 60, 290, 130)]
    for wide, tone in zip(body, ((0.8, 0.35, 0.1), (0.1, 0.3, 0.7)), strict=True):
        colours[wide] = tone
    kept = np.zeros((300, 400), bool)
    for left, top, right, bottom in heads:
        colours[top:bottom, left:right], kept[top:bottom, left:right] = (0.75, 0.55, 0.45), True
    alpha = (body.any(axis=0) | kept).astype(np.float32)
    found = dressing.zones(colours, alpha, kept, [dressing.Face.in_box(box) for box in heads])
    clothes = [zone.weight[150:].sum(axis=0) for zone in found if zone.weight[150:].sum() > 1000]
    assert len(clothes) == 2
    left, right = clothes
    assert left[60:216].min() > 100 > 20 > right[60:216].max()
    assert right[232:370].min() > 100 > 20 > left[232:370].max()


def test_a_face_without_a_person_gets_head_and_shoulders(client):
    rng = np.random.default_rng(1)
    pixels = rng.integers(90, 110, (400, 400, 3)).astype(np.uint8)
    mask = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(mask).ellipse((165, 80, 235, 170), fill="black")
    (picture,) = invoke(client, order(pixels, np.asarray(mask)))
    (empty,) = invoke(client, order(pixels, np.full_like(pixels, 255)))
    apart = np.abs(picture.astype(int) - empty).mean(2)
    assert apart[300:390, 180:220].mean() > 25, "shoulders under the head"
    assert apart[:60, :100].mean() < 25, "the scene's sky in the corner"


def test_masks_all_white_and_all_black(client):
    pixels, _ = photo("astronaut.jpg")
    (scene,) = invoke(client, order(pixels, np.full_like(pixels, 255)))
    assert np.abs(scene.astype(int) - pixels).mean() > 30
    (same,) = invoke(client, order(pixels, np.zeros_like(pixels)))
    assert (same == pixels).all()


def test_the_seed_decides_and_further_images_count_up(client):
    three = invoke(client, order(numberOfImages=3, seed=5))
    assert (three[0] == invoke(client, order(seed=5))[0]).all()
    assert (three[2] == invoke(client, order(seed=7))[0]).all()
    assert np.abs(three[0].astype(int) - three[1]).mean() > 5


def test_both_titan_models_and_calls_at_once_answer_alike(client):
    pixels, mask = photo("astronaut.jpg")
    request, answers = order(pixels, mask), []
    threads = [
        threading.Thread(target=lambda model=model: answers.append(invoke(client, request, model)[0]))
        for model in (TITAN, "amazon.titan-image-generator-v1") * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and all((answer == answers[0]).all() for answer in answers)


def test_every_model_that_the_functions_may_be_told_to_call_is_played():
    assert image_models.MODELS.keys() == models.MODELS.keys()
