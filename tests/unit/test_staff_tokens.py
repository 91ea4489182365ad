"""Whose token opens what: the booths' and staff's are of two secrets."""

import json

import boto3
import pytest
from moto import mock_aws

from booth.aws import settings
from booth.errors import BoothTokenNeeded, ServiceUnavailable, StaffTokenNeeded
from booth.http import access
from tests.support.tokens import NEW, OLD, OTHER, PHRASE

BOOTHS = {"booth-1": OTHER}
STAFF = {"staff": [OLD, NEW], "night": PHRASE}


def event(header):
    return {"headers": {} if header is None else {"authorization": header}}


@pytest.fixture(params=["token", "open"])
def secrets(environment, request):
    """Both secrets, or where access is open, staff's alone; gives what sets the text of staff's."""
    environment.setattr(settings, "_cache", {})
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="booths", SecretString=json.dumps(BOOTHS))
        client.create_secret(Name="staff", SecretString=json.dumps(STAFF))
        environment.setenv("BOOTH_TOKENS", "booths" if request.param == "token" else "")
        environment.setenv("STAFF_TOKENS", "staff")
        yield lambda text: client.put_secret_value(SecretId="staff", SecretString=text)


@pytest.mark.parametrize("token", [OLD, NEW])
def test_each_token_of_staff_opens_what_is_staffs(secrets, token):
    assert access.staff_of(event(f"Bearer {token}")) == "staff"
    assert access.staff_of(event(f"bearer  {token} ")) == "staff"


NOBODY = [None, "", "Bearer", "Bearer ", f"Basic {OLD}", OLD, f"Bearer {OLD} {NEW}", f"Bearer {OLD[:-1]}", "Bearer é😀"]


@pytest.mark.parametrize("header", [*NOBODY, f"Bearer {OTHER}", f"Bearer {PHRASE}"])
def test_nothing_else_does_and_no_booths_token(secrets, header):
    with pytest.raises(StaffTokenNeeded) as refusal:
        access.staff_of(event(header))
    assert refusal.value.status == 401


def test_a_token_of_staff_is_no_booths(secrets, environment):
    environment.setenv("BOOTH_TOKENS", "booths")
    assert access.booth_of(event(f"Bearer {OTHER}")) == "booth-1"
    with pytest.raises(BoothTokenNeeded):
        access.booth_of(event(f"Bearer {OLD}"))


@pytest.mark.parametrize("text", ["no JSON", '["a"]', '{"staff": 7}'])
def test_tokens_that_can_not_be_read_let_nobody_in(secrets, text):
    secrets(text)
    with pytest.raises(ServiceUnavailable):
        access.staff_of(event(f"Bearer {OLD}"))
