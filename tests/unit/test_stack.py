"""What `make deploy` finds out about the stack."""

import json

import boto3
import numpy as np
import pytest
import zxingcpp
from moto import mock_aws

from deploy import stack

TEMPLATE = {
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}},
    "Outputs": {"BoothTokensSecret": {"Value": "tokens"}, "BoothUrl": {"Value": "https://d1.cloudfront.net"}},
}
OLD, NEW = "the-old-token-of-the-pad", "the-new-token-of-the-pad"


@pytest.fixture
def deployed(environment):
    """A stack with a secret; gives what sets the secret's text."""
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="booth", TemplateBody=json.dumps(TEMPLATE))
        yield lambda text: boto3.client("secretsmanager").create_secret(Name="tokens", SecretString=text)


@pytest.mark.parametrize("tokens", [{"pad": OLD}, {"pad": [OLD, NEW]}, {"none": [], "pad": OLD}])
def test_the_first_token_is_for_the_first_photo(deployed, tokens):
    deployed(json.dumps(tokens))
    assert stack.booth_token("booth") == OLD


@pytest.mark.parametrize(
    "text", [json.dumps({"pad": f"{OLD} {NEW}"}), json.dumps({"pad": [OLD, "hunter2"]}), "{}", "-"]
)
def test_a_secret_that_an_operator_has_to_mend_stops_the_deployment_and_is_not_quoted(deployed, text):
    deployed(text)
    with pytest.raises(stack.StackError) as stopped:
        stack.booth_token("booth")
    assert not [each for each in (OLD, NEW, "hunter2") if each in str(stopped.value)]


def test_make_pair_shows_each_booths_newest_token_as_a_code(deployed):
    deployed(json.dumps({"pad": [OLD, NEW], "none": [], "lobby": OLD}))
    codes = stack.pairing_codes("booth")
    assert {name: scan(code) for name, code in codes.items()} == {
        "pad": f"https://d1.cloudfront.net/#pair={NEW}",
        "lobby": f"https://d1.cloudfront.net/#pair={OLD}",
    }


@pytest.mark.parametrize(("page", "output"), [("staff", "StaffTokenSecret"), ("wall", "WallTokenSecret")])
def test_make_staff_and_make_wall_show_the_pages_link_with_the_newest_token(environment, page, output):
    with mock_aws():
        outputs = {output: {"Value": "secret"}, "BoothUrl": {"Value": "https://d1.cloudfront.net"}}
        for name, given in (("booth", outputs), ("old", {"BoothUrl": outputs["BoothUrl"]})):
            template = json.dumps(TEMPLATE | {"Outputs": given})
            boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=template)
        boto3.client("secretsmanager").create_secret(Name="secret", SecretString=json.dumps({page: [OLD, NEW]}))
        [(link, code)] = stack.page_codes("booth", page).values()
        assert link == scan(code) == f"https://d1.cloudfront.net/{page}#token={NEW}"
        with pytest.raises(stack.StackError, match="make deploy"):
            stack.page_codes("old", page)


def test_make_pair_where_no_token_is_needed(environment):
    with mock_aws():
        template = TEMPLATE | {"Outputs": {"BoothUrl": {"Value": "https://d1.cloudfront.net"}}}
        boto3.client("cloudformation").create_stack(StackName="open", TemplateBody=json.dumps(template))
        with pytest.raises(stack.StackError, match="without a token"):
            stack.pairing_codes("open")


def scan(code):
    """What a camera reads of the lines on a terminal, where a character is twice as high as wide."""
    halves = {" ": (255, 255), "▀": (0, 255), "▄": (255, 0), "█": (0, 0)}
    rows = []
    for line in code.splitlines():
        cells = [halves[each] for each in line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m")]
        rows += [[above for above, _ in cells], [below for _, below in cells]]
    [found] = zxingcpp.read_barcodes(np.kron(np.array(rows, np.uint8), np.ones((4, 4), np.uint8)))
    return found.text
