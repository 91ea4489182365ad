"""Settings that are read from SSM and Secrets Manager: remembered for a while, read anew, never half understood."""

import boto3
import pytest
from moto import mock_aws

from booth import settings
from booth.errors import ServiceUnavailable


@pytest.fixture
def aws_account(environment):
    environment.setenv("CDN_PARAMETER", "/booth/cdn")
    environment.setattr(settings, "_known", {})
    with mock_aws():
        yield boto3.client("ssm"), boto3.client("secretsmanager")


def name_cdn(ssm, value):
    ssm.put_parameter(Name="/booth/cdn", Value=value, Type="String", Overwrite=True)


def test_a_parameter_is_believed_for_a_while_and_then_read_anew(aws_account, environment):
    ssm, _ = aws_account
    name_cdn(ssm, "https://first.example")
    assert settings.cdn() == "https://first.example"
    name_cdn(ssm, "https://second.example")
    assert settings.cdn() == "https://first.example"
    environment.setattr(settings, "_known", {name: (0.0, text) for name, (_, text) in settings._known.items()})
    assert settings.cdn() == "https://second.example"


def test_a_setting_that_can_not_be_read_is_a_passing_fault_and_asked_for_again(aws_account):
    ssm, _ = aws_account
    with pytest.raises(ServiceUnavailable):
        settings.cdn()
    name_cdn(ssm, "https://cdn.example")
    assert settings.cdn() == "https://cdn.example"


@pytest.mark.parametrize("text", ["", "no json", "[]", '"a"', '{"pad": 1}', '{"pad": ["a"]}', "null"])
def test_a_secret_that_is_no_tokens_lets_nobody_in_and_is_not_quoted(aws_account, text):
    _, secrets = aws_account
    secrets.create_secret(Name="tokens", SecretString=text or " ")
    with pytest.raises(ServiceUnavailable) as refusal:
        settings.booth_tokens("tokens")
    assert refusal.value.__cause__ is None


def test_tokens_by_booth(aws_account):
    _, secrets = aws_account
    secrets.create_secret(Name="tokens", SecretString='{"pad": "old new"}')
    assert settings.booth_tokens("tokens") == {"pad": "old new"}
