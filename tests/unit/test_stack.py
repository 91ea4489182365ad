"""What `make deploy` finds out about the stack."""

import json

import boto3
import pytest
from moto import mock_aws

from deploy import stack

TEMPLATE = {
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}},
    "Outputs": {"BoothTokensSecret": {"Value": "tokens"}},
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
