"""The visits of `make prove`, against the application here in the place of two stacks on AWS."""

import json
from dataclasses import replace

import boto3
import pytest

from prove import money, page, visits
from prove import step as prove_step
from prove.state import State
from prove.step import Context, Deployed, Failure
from tests.support.application import SIDE
from tests.support.booth import HOLD
from tests.support.tokens import NEW, give_tokens


@pytest.fixture
def context(quick, tmp_path, monkeypatch):
    """What a step is given; both stacks are this application. Its words are in `said`."""
    here = Deployed(
        name="photo-booth",
        url=quick.url,
        token="",
        table=quick.table_name,
        machine=quick.machine,
        uploads=quick.app.uploads_bucket,
        results=quick.app.results_bucket,
    )
    monkeypatch.setattr(prove_step, "deployed", lambda name: here)
    monkeypatch.setattr(visits, "PAUSE_SECONDS", 0.5)
    monkeypatch.setenv("AWS_ENDPOINT_URL", quick.app.aws_url)
    # The operator's: a default session keeps the credentials that another test had.
    operator = boto3.Session(quick.app._key, quick.app._secret, region_name="us-east-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", operator)
    monkeypatch.setenv("TABLE", quick.table_name)
    state = State(tmp_path / "state.json", "", stated=1.0)
    return Context("us-east-1", tmp_path, state, print, money.prices(), pictures_left=5)


def test_each_visit_comes_as_expected_and_costs_what_its_history_tells(quick, context):
    assert visits.documented(context).startswith(f"a JPEG of {SIDE} x {SIDE} pixels")
    assert visits.unpolled(context).startswith("started ")
    quick.stand_in("rekognition", canned={"faces": 10})
    assert visits.ten_faces(context).startswith("10 faces are kept")
    quick.stand_in("rekognition", canned={"faces": 9})
    with pytest.raises(Failure, match="9 faces were kept"):
        visits.ten_faces(context)
    quick.stand_in("rekognition", canned={"faces": 1})
    with pytest.raises(Failure, match="it ended SUCCEEDED"):
        visits.no_face(context, "dev")
    quick.stand_in("rekognition", canned={"faces": 0})
    assert visits.no_face(context, "dev").startswith("FAILED, NoFaceFound: ")
    assert context.pictures_left == 1

    histories = [
        quick.steps.get_execution_history(executionArn=each["executionArn"], maxResults=1000)["events"]
        for each in quick.steps.list_executions(stateMachineArn=quick.machine)["executions"][:6]
    ]
    assert sorted(money.used(events)["pictures"] for events in histories) == [0, 1, 1, 1, 1, 1]


def test_a_visit_that_is_deleted_while_it_runs_leaves_nothing(quick, context):
    quick.stand_in("bedrock", canned={}, latency=HOLD)
    assert visits.deleted_meanwhile(context).startswith("deleted at step ")


def test_strangers_are_let_in_by_nobody_in_prod(quick, context, monkeypatch):
    with pytest.raises(Failure, match="answered HTTP 200 with an upload URL, not BoothTokenNeeded"):
        visits.strangers(context)
    quick.redeploy(Access="token", RequireConsent="true")
    give_tokens(quick, json.dumps({"booth-1": [NEW]}))
    here = replace(prove_step.deployed(""), token=NEW)
    monkeypatch.setattr(prove_step, "deployed", lambda name: here)
    assert visits.strangers(context) == "401 BoothTokenNeeded, 400 ConsentNeeded"
    assert visits.unpolled(context).startswith("started ")


def test_ten_faces_are_found_in_the_photo_of_ten(quick, context):
    quick.http("DELETE", f"{quick.app.standins_url}/standins/rekognition")  # the face detector itself
    assert visits.ten_faces(context).startswith("10 faces are kept")


def test_a_visit_on_the_page(quick, context, browser):
    before = browser.contexts
    said = page.walk(context, browser)
    for device in set(browser.contexts) - set(before):  # they would go on beside the tests to come
        device.close()
    assert said.endswith("camera, upload, 1 picture, QR code, the same on the phone, deleted from there")
    assert context.pictures_left == 4
