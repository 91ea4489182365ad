"""Fixtures: the whole application, once for a folder of tests."""

import pytest

from local.app import App
from tests.support.booth import Booth
from tests.support.photos import PHOTOS


@pytest.fixture(scope="package")
def app():
    with App(port=0) as app:
        yield app


@pytest.fixture
def booth(app):
    """The application with its real models. Whatever a test does, no function makes a call that its role may not."""
    booth, before = Booth(app), app.calls("refused")
    yield booth
    refused = app.calls("refused") - before
    app.drop_events = False
    app.fail()
    booth.forget_pace()
    for service in ("rekognition", "sagemaker", "bedrock", "painter"):
        booth.http("DELETE", f"{app.standins_url}/standins/{service}")
    if booth.is_redeployed:
        booth.await_idle()  # or a function at work would be refused what it had been allowed
        app.redeploy()
    assert not refused


@pytest.fixture
def quick(booth):
    """The application with canned answers in place of the models: one face, flat backgrounds."""
    booth.stand_in("rekognition", canned={"faces": 1})
    booth.stand_in("sagemaker", canned={})
    booth.stand_in("bedrock", canned={})
    booth.stand_in("painter", canned={})
    return booth


@pytest.fixture(scope="session")
def portrait():
    return (PHOTOS / "astronaut.jpg").read_bytes()
