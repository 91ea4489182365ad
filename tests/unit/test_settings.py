"""Settings from the table, SSM and Secrets Manager: remembered for a while, read anew, never half understood, and
believed a while longer where they can't be read."""

import json
from dataclasses import replace

import boto3
import pytest

from booth.aws import clients, settings, table
from booth.errors import ServiceUnavailable
from local.emulator.services import Emulator, forget_all
from local.faults import Faults, Gate
from tests.support.account import template
from tests.support.credentials import FAKE_CREDENTIALS
from tests.support.serving import serving

OLD, NEW = "the-old-token-of-the-pad", "the-new-token-of-the-pad"


class Account:
    """The operator's clients, and faults on the functions' way."""

    def __init__(self, url, faults):
        operator = {
            "aws_access_key_id": "AKIATESTOPERATOR0000",
            "aws_secret_access_key": "secret",
            "endpoint_url": url,
        }
        self.ssm, self.secrets = (boto3.client(name, **operator) for name in ("ssm", "secretsmanager"))
        self.faults = faults

    def name_cdn(self, value):
        for name, each in (("cdn", value), ("distribution", "E1EXAMPLE")):
            self.ssm.put_parameter(Name=f"/booth/{name}", Value=each, Type="String", Overwrite=True)

    def fail(self, kind):
        self.faults.set([{"kind": kind, "match": f"Photo {service}:*"} for service in ("ssm", "secretsmanager")])

    def heal(self):
        self.faults.set([])


@pytest.fixture
def account(environment):
    made = template().tables["Table"]
    environment.setenv("TABLE", made.name)
    environment.setenv("CDN_PARAMETER", "/booth/cdn")
    environment.setenv("DISTRIBUTION_PARAMETER", "/booth/distribution")
    environment.setattr(settings, "_cache", {})
    table.table_name.cache_clear()
    faults = Faults({FAKE_CREDENTIALS["AWS_ACCESS_KEY_ID"]: "Photo"})
    with serving(Gate(Emulator({}), faults)) as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        clients.client("dynamodb").create_table(**made.create)
        yield Account(url, faults)
    forget_all()
    table.table_name.cache_clear()


def pass_by(environment, seconds):
    """So much later, for what is remembered."""
    known = {
        name: replace(each, read=each.read - seconds, again=each.again - seconds)
        for name, each in settings._cache.items()
    }
    environment.setattr(settings, "_cache", known)


def start_cold(environment):
    environment.setattr(settings, "_cache", {})


def test_a_parameter_is_believed_for_a_while_and_then_read_anew(account, environment):
    account.name_cdn("https://first.example")
    assert settings.cdn() == "https://first.example"
    account.name_cdn("https://second.example")
    assert settings.cdn() == "https://first.example"
    pass_by(environment, 300)
    assert settings.cdn() == "https://second.example"


def test_a_setting_that_can_not_be_read_is_a_passing_fault_and_asked_for_again(account):
    with pytest.raises(ServiceUnavailable):
        settings.cdn()
    account.name_cdn("https://cdn.example")
    assert settings.cdn() == "https://cdn.example"


@pytest.mark.parametrize("kind", ["throttled", "broken", "denied"])
def test_a_function_that_starts_while_ssm_fails_has_what_sweep_copied(account, environment, kind):
    account.name_cdn("https://cdn.example")
    settings.copy_to_table()
    account.fail(kind)
    assert (settings.cdn(), settings.distribution()) == ("https://cdn.example", "E1EXAMPLE")
    settings.copy_to_table()  # it fails, and what is there stays
    start_cold(environment)
    assert settings.cdn() == "https://cdn.example"


def test_sweep_copies_what_has_changed(account, environment):
    for host in ("https://first.example", "https://second.example"):
        account.heal()
        account.name_cdn(host)
        settings.copy_to_table()
        start_cold(environment)
        account.fail("throttled")
        assert settings.cdn() == host


def test_a_parameter_that_can_not_be_read_anew_is_believed_longer(account, environment):
    account.name_cdn("https://first.example")
    assert settings.cdn() == "https://first.example"
    account.fail("throttled")
    pass_by(environment, 3600)
    assert settings.cdn() == "https://first.example"
    account.name_cdn("https://second.example")
    account.heal()
    assert settings.cdn() == "https://first.example"  # it was asked for a moment ago
    pass_by(environment, 10)
    assert settings.cdn() == "https://second.example"


@pytest.mark.parametrize("text", ["", "no json", "[]", '"a"', '{"pad": 1}', '{"pad": [["a"]]}', "null"])
def test_a_secret_that_is_no_tokens_lets_nobody_in_and_is_not_quoted(account, text):
    account.secrets.create_secret(Name="tokens", SecretString=text or " ")
    with pytest.raises(ServiceUnavailable) as refusal:
        settings.tokens_in("tokens")
    assert refusal.value.__cause__ is None


def test_tokens_by_booth(account):
    tokens = {"pad": [OLD, NEW], "phone": "the-token-of-the-phone"}
    account.secrets.create_secret(Name="tokens", SecretString=json.dumps(tokens | {"none": []}))
    assert settings.tokens_in("tokens") == tokens | {"phone": ["the-token-of-the-phone"], "none": []}


@pytest.mark.parametrize("bad", ["", "correct horse battery staple", "grüße-an-den-photo-stand", "a" * 21])
def test_what_is_no_token_opens_nothing_and_is_told_to_the_log_without_being_quoted(account, caplog, bad):
    good = NEW
    account.secrets.create_secret(Name="tokens", SecretString=json.dumps({"mixed-up": [bad, good], "pad": good}))
    assert [settings.tokens_in("tokens") for _ in range(3)] == [{"mixed-up": [good], "pad": [good]}] * 3
    [record] = caplog.records
    assert "token 1 of 2 of name 1 of 2" in record.problem
    assert not bad or bad not in record.problem
    assert "mixed-up" not in record.problem and good not in record.problem


def test_tokens_that_can_not_be_read_anew_are_believed_for_ten_minutes(account, environment):
    account.secrets.create_secret(Name="tokens", SecretString=json.dumps({"pad": OLD}))
    assert settings.tokens_in("tokens") == {"pad": [OLD]}
    account.fail("throttled")
    pass_by(environment, 300)
    assert settings.tokens_in("tokens") == {"pad": [OLD]}
    pass_by(environment, 300)
    with pytest.raises(ServiceUnavailable):
        settings.tokens_in("tokens")


def test_a_rotation_takes_effect_when_secrets_manager_answers_again(account, environment):
    account.secrets.create_secret(Name="tokens", SecretString=json.dumps({"pad": OLD}))
    settings.tokens_in("tokens")
    account.secrets.put_secret_value(SecretId="tokens", SecretString=json.dumps({"pad": NEW}))
    account.fail("throttled")
    pass_by(environment, 60)
    assert settings.tokens_in("tokens") == {"pad": [OLD]}
    account.heal()
    pass_by(environment, 10)
    assert settings.tokens_in("tokens") == {"pad": [NEW]}


def test_tokens_that_were_taken_away_are_not_believed(account, environment):
    """The secret is gone: that is an answer."""
    account.secrets.create_secret(Name="tokens", SecretString=json.dumps({"pad": OLD}))
    settings.tokens_in("tokens")
    account.secrets.delete_secret(SecretId="tokens", ForceDeleteWithoutRecovery=True)
    pass_by(environment, 60)
    with pytest.raises(ServiceUnavailable):
        settings.tokens_in("tokens")
