"""The chain of image models: how it is written, and the order of its Regions."""

import pytest

from booth.painting.chain import Candidate, parse_chain, rotated

TITAN, INPAINT = "amazon.titan-image-generator-v2:0", "us.stability.stable-image-inpaint-v1:0"


def candidates(quota, regions=2, model=TITAN):
    return [Candidate(model, f"region-{number}", quota) for number in range(regions)]


def test_a_quota_is_aws_default_or_the_accounts_own():
    assert [each.slots for each in parse_chain(f"{TITAN}@a, {INPAINT}@a,{INPAINT}@b=7")] == [60, 20, 7]


@pytest.mark.parametrize(
    ("word", "slots", "window"),
    [
        ("endpoint", 1, 5_000),
        ("endpoint=20", 1, 3_000),
        ("endpoint=12x3", 3, 5_000),
        ("endpoint=0.25", 1, 240_000),
        ("endpoint=7.5x2", 2, 8_000),
    ],
)
def test_the_endpoint_has_a_slot_for_each_instance_and_a_window_by_its_pictures_a_minute(word, slots, window):
    chain = [f"{TITAN}@a", f"{INPAINT}@b"]
    for place in range(3):
        parsed = parse_chain(",".join([*chain[:place], word, *chain[place:]]), "ap-northeast-2")
        assert parsed[place] == Candidate("endpoint", "ap-northeast-2", slots, window)
        assert str(parsed[place]) == "endpoint@ap-northeast-2"
        assert [str(each) for each in parsed if each.model != "endpoint"] == chain
    assert parse_chain(word, "b")[0].pictures_a_minute == pytest.approx(slots * 60_000 / window)


@pytest.mark.parametrize(
    "text",
    [
        "endpoints",
        "endpoint@a",
        "endpoint=0",
        "endpoint=0.0",
        "endpoint=x2",
        "endpoint=2x0",
        "endpoint=2x",
        "endpoint=",
    ],
)
def test_a_bad_word_for_the_endpoint_is_refused(text):
    with pytest.raises(ValueError, match="model@region"):
        parse_chain(text, "a")


@pytest.mark.parametrize(
    "text",
    ["", "titan@us-east-1", TITAN, f"{TITAN}@us-east-1,", f"{TITAN}@", f"{TITAN}@a=", f"{TITAN}@a=0", f"{TITAN}@a=x"],
)
def test_a_bad_chain_is_refused(text):
    with pytest.raises(ValueError, match="model@region"):
        parse_chain(text)


def test_stabilitys_bare_id_is_no_candidate():
    with pytest.raises(ValueError, match="model@region"):
        parse_chain("stability.stable-image-inpaint-v1:0@us-east-1")


def test_a_rotation_keeps_the_models_order():
    order = [str(each) for each in rotated(candidates(1, 3) + candidates(1, 2, INPAINT), 4)]
    titan, inpaint = [f"{TITAN}@region-{n}" for n in (1, 2, 0)], [f"{INPAINT}@region-{n}" for n in (0, 1)]
    assert order == titan + inpaint
