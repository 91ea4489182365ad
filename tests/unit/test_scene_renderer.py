"""The procedural scenes: what a prompt, a negative prompt and a seed decide."""

import numpy as np
import pytest

from local.standins.scenes import prompts, render
from local.standins.scenes.prompts import PAINTERS

SIZE = 64  # pixels: small, for these tests look at colours and differences, not at detail


def paint(prompt: str, seed: int = 1, negative: str = "", width: int = SIZE, height: int = SIZE) -> np.ndarray:
    return render(prompt, negative, seed, width, height).astype(float)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference in grey levels of two pictures, of their 8 x 8 blocks: grain does not count."""
    blocks = [p[: SIZE // 8 * 8, : SIZE // 8 * 8].reshape(SIZE // 8, 8, SIZE // 8, 8, 3).mean((1, 3)) for p in (a, b)]
    return float(np.abs(blocks[0] - blocks[1]).mean())


PROMPTS = [names.split()[0] for _, names, _ in PAINTERS] + ["nothing known here"]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_scene_is_a_picture_that_seed_and_prompt_decide(prompt):
    first = render(prompt, "", 7, SIZE, SIZE)
    assert first.shape == (SIZE, SIZE, 3) and first.dtype == np.uint8
    assert first.std() > 12, "a flat picture"
    assert first.tobytes() == render(prompt, "", 7, SIZE, SIZE).tobytes()
    assert difference(first, paint(prompt, 8)) > 2.5, "another seed must look different"


@pytest.mark.parametrize("width,height", [(704, 320), (64, 300), (320, 1), (1, 320), (173, 97)])
@pytest.mark.parametrize(
    "prompt", ["city at night", "forest", "unicorn meadow", "neon", "palace", "balloons", "library"]
)
def test_any_size_is_painted(prompt, width, height, monkeypatch):
    monkeypatch.setattr(prompts, "WORKING_SIDE", 200)  # which some of these exceed: they are enlarged
    assert render(prompt, "", 0, width, height).shape == (height, width, 3)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_scene_in_a_portrait_and_a_landscape_format(prompt):
    assert paint(prompt, width=60, height=107).std() > 12
    assert paint(prompt, width=107, height=60).std() > 12


def test_different_words_paint_different_scenes():
    pictures = [paint(prompt) for prompt in PROMPTS]
    for i, one in enumerate(pictures):
        for other in pictures[i + 1 :]:
            assert difference(one, other) > 5


@pytest.mark.parametrize(
    "prompt",
    ["a human with a sky background", "people standing under a wide blue sky with soft white clouds, natural daylight"],
)
def test_sky_is_blue_above(prompt):
    for seed in range(5):
        red, _, blue = paint(prompt, seed)[: SIZE // 2].mean((0, 1))
        assert blue > red + 20


@pytest.mark.parametrize(
    "prompt",
    ["a human with a forest background", "people in a sunlit green forest with tall trees, depth of field"],
)
def test_forest_is_green(prompt):
    for seed in range(5):
        red, green, blue = paint(prompt, seed).mean((0, 1))
        assert green > red and green > blue + 15


@pytest.mark.parametrize("prompt", ["a human with a building background", "a city street", "modern buildings"])
def test_buildings_leave_a_strip_of_sky_between_dull_walls(prompt):
    for seed in range(5):
        picture = paint(prompt, seed)
        saturation = picture.max(2) - picture.min(2)
        assert saturation.mean() < 75
        edges = np.abs(np.diff(picture.mean(2), axis=1))
        assert edges[:, : SIZE // 3].mean() > 1.0, "fronts have windows and edges"


@pytest.mark.parametrize("scene", ["sky", "city street", "beach", "castle", "mountains", "desert", "meadow"])
def test_time_of_day_changes_the_light(scene):
    size = {"width": 96, "height": 96}  # at SIZE a castle's night is not as dark
    day, night = paint(scene, **size), paint(f"{scene} at night", **size)
    assert night.mean() < 0.6 * day.mean()
    warmth = [p[..., 0].mean() - p[..., 2].mean() for p in (paint(f"{scene} at sunset", **size), day)]
    assert warmth[0] > warmth[1] + 10


def test_a_word_in_the_negative_prompt_does_not_count():
    green = paint("forest by the sea", negative="sea, blurry")
    blue = paint("forest by the sea", negative="forest, trees")
    assert green[..., 1].mean() > green[..., 2].mean() + 10
    assert blue[..., 2].mean() > green[..., 2].mean() + 10


def test_unknown_words_choose_a_palette():
    pictures = [paint(words) for words in ("jubilee", "quiet brass", "seventeen otters", "velvet")]
    hues = {tuple((p.mean((0, 1)) / p.mean() * 5).round()) for p in pictures}
    assert len(hues) > 1
