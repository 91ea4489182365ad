"""Each model's codec: requests that the stand-in takes as AWS would, and answers of every kind."""

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from booth.errors import ContentBlocked, OutputBlocked, ServiceUnavailable
from booth.painting.answers import UnknownAnswer
from booth.painting.codecs import nova, stability, titan
from booth.painting.codecs.codec import Style
from booth.painting.models import MODELS
from booth.pixels import encoding
from booth.scenes import Prompt, catalogue
from local.standins import image_models
from local.standins.image_wires import Refused

TITAN = "amazon.titan-image-generator-v2:0"
NOVA = "amazon.nova-canvas-v1:0"
INPAINT = "us.stability.stable-image-inpaint-v1:0"
PROMPT = Prompt("people under a blue sky", "text")
STYLE = Style("premium", 8.0)
SORRY = "This request has been blocked by our content filters. "


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("All of the generated images have been blocked by our content filters.", OutputBlocked),
        (SORRY + "Please adjust your text prompt to submit a new request.", ContentBlocked),
        ("Content in the all of the generated image(s) has been blocked and has been filtered", OutputBlocked),
        ("something else", UnknownAnswer),
    ],
)
@pytest.mark.parametrize("images", [[], None, [""]])
def test_filters_in_the_error_field(text, error, images):
    with pytest.raises(error):
        titan.TITAN.picture({"images": images, "error": text})


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("Filter reason: prompt", ContentBlocked),
        ("Filter reason: input image", ContentBlocked),
        ("Filter reason: something new", UnknownAnswer),
        ("Filter reason: output image", OutputBlocked),
        ("Inference error", ServiceUnavailable),
        ("anything", UnknownAnswer),
        (7, UnknownAnswer),
    ],
)
@pytest.mark.parametrize("images", [[], [None], [""], ["aGFsZg=="]])
def test_filters_in_finish_reasons_come_before_the_images(reason, error, images):
    with pytest.raises(error):
        stability.INPAINT.picture({"seeds": [1], "finish_reasons": [reason], "images": images})


ANSWERS = [
    {},
    {"images": []},
    {"images": [""]},
    {"images": None},
    {"images": ["?"]},
    {"images": [3]},
    {"images": [None]},
    {"images": 7},
]


@pytest.mark.parametrize(
    "codec", {id(model.codec): model.codec for model in MODELS.values()}.values(), ids=lambda c: type(c).__name__
)
@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_an_answer_without_a_picture_is_none_that_is_known(codec, answer):
    with pytest.raises(UnknownAnswer):
        codec.picture(answer)


@given(
    some.dictionaries(
        some.sampled_from(["images", "error", "finish_reasons", "seeds"]),
        some.recursive(
            some.none() | some.booleans() | some.integers() | some.text() | some.just("Inference error"),
            lambda inner: some.lists(inner, max_size=2) | some.dictionaries(some.text(), inner, max_size=1),
        ),
    )
)
def test_no_answer_raises_anything_untyped(answer):
    for codec in (titan.TITAN, stability.INPAINT):
        with contextlib.suppress(ContentBlocked, OutputBlocked, ServiceUnavailable, UnknownAnswer):
            assert isinstance(codec.picture(answer), bytes)


def ordered(model, prompt, seed=7, style=STYLE):
    """What the stand-in reads in a codec's request for a small photo, or its refusal."""
    photo = np.full((400, 400, 3), 90, np.uint8)
    mask = np.where(np.arange(400) < 200, 0, 255).astype(np.uint8)[None].repeat(400, 0)
    body = MODELS[model].codec.request(encoding.encode_for_model(photo), encoding.encode_png(mask), prompt, seed, style)
    return image_models.MODELS[model].read(json.loads(json.dumps(body))), body


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scene", catalogue().values(), ids=lambda scene: scene.id)
def test_every_scene_makes_a_request_that_each_model_takes(model, scene):
    order, _ = ordered(model, Prompt(scene.prompt, scene.negative))
    assert order.text == scene.prompt
    assert order.negative == scene.negative
    assert order.kept[:, :200].all() and not order.kept[:, 200:].any()


@given(
    some.sampled_from(list(MODELS)),
    some.text(min_size=1, max_size=12_000),
    some.text(max_size=12_000),
    some.integers(0, 2**32),
    some.sampled_from(["standard", "premium"]),
    some.floats(1.1, 10),
)
def test_any_scene_seed_and_style_make_a_request_that_each_model_takes(model, prompt, negative, seed, quality, scale):
    try:
        ordered(model, Prompt(prompt, negative), seed, Style(quality, scale))
    except Refused as refusal:
        pytest.fail(str(refusal))
    except image_models.Filtered:
        pass


def test_parameters_reach_the_models_that_know_them():
    _, body = ordered(TITAN, PROMPT, style=Style("standard", 3.5))
    assert body["imageGenerationConfig"] == {"numberOfImages": 1, "quality": "standard", "cfgScale": 3.5, "seed": 7}
    _, body = ordered(NOVA, PROMPT, style=Style("standard", 3.5))
    assert not {"width", "height"} & body["imageGenerationConfig"].keys()
    _, body = ordered(INPAINT, PROMPT, style=Style("standard", 3.5))
    assert not {"quality", "cfgScale", "cfg_scale"} & body.keys()
    assert body["grow_mask"] == 0


def test_stability_never_gets_the_seed_that_means_any():
    assert {ordered(INPAINT, PROMPT, seed)[1]["seed"] for seed in (0, stability.SEEDS)} == {1}


def test_nova_takes_longer_texts_than_titan():
    prompt = Prompt("sky " * 300, "")
    assert [len(ordered(model, prompt)[0].text) for model in (TITAN, NOVA, INPAINT)] == [512, 1024, 1200]
    assert nova.NOVA_CANVAS.max_text == 1024


def test_the_largest_noisy_photo_stays_below_titans_5_mb():
    noise = np.random.default_rng(0).integers(0, 256, (1408, 1408, 3), np.uint8)
    jpeg = encoding.encode_for_model(noise)
    assert len(jpeg) < 5_000_000
    assert Image.open(io.BytesIO(jpeg)).size == (1408, 1408)
