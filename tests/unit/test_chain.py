"""The chain of image models: how it is written, and the order of its Regions."""

import pytest

from booth.painting.chain import Candidate, parse_chain, rotated

TITAN, INPAINT = "amazon.titan-image-generator-v2:0", "us.stability.stable-image-inpaint-v1:0"


def candidates(quota, regions=2, model=TITAN):
    return [Candidate(model, f"region-{number}", quota) for number in range(regions)]


def test_a_quota_is_aws_default_or_the_accounts_own():
    assert [each.slots for each in parse_chain(f"{TITAN}@a, {INPAINT}@a,{INPAINT}@b=7")] == [60, 20, 7]


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
