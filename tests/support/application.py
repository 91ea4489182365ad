"""A plugin of pytest: the whole application, once for tests/local and tests/web together."""

import contextlib
import json
from functools import cache

import pytest

from local.app import App
from tests.support.booth import Booth
from tests.support.photos import PHOTOS
from tests.support.tokens import bearer

SIDE = 768
"""The applications' PictureSide, the template's smallest: a visit takes two thirds of the processor time that it takes
with 1024, the default, which the tests of the build and of the LAN's booth have."""
CANNED = {"rekognition": {"faces": 1}, "sagemaker": {}, "bedrock": {}, "painter": {}}

FOLDERS = ("local", "web")
"""Of tests/, those whose tests share one application; they come first (tests/conftest.py)."""

_running = contextlib.ExitStack()


@cache
def _started() -> App:
    return _running.enter_context(App(port=0, parameters={"PictureSide": str(SIDE)}))


def _end() -> None:
    _running.close()
    _started.cache_clear()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ends it before the tests of other folders, which have an environment and an emulator of their own."""
    if item.path.parent.name not in FOLDERS:
        _end()


def pytest_sessionfinish() -> None:
    _end()


@pytest.fixture(scope="package")
def app():
    return _started()


@pytest.fixture
def booth(app):
    """The application with its real models. Whatever a test does, no function makes a call that its role may not."""
    with _played(app) as booth:
        for service in CANNED:
            _use_model(booth, service)
        yield booth


@pytest.fixture
def quick(app):
    """The application with canned answers in place of the models: one face, flat backgrounds."""
    with _played(app) as booth:
        _can(booth)
        yield booth


@contextlib.contextmanager
def _played(app):
    """A test's hand on the application; afterwards the application is as before.

    What the test leaves under way gets canned answers: it would keep the models busy beside the next test.
    """
    booth, before = Booth(app), app.calls("refused")
    yield booth
    refused = app.calls("refused") - before
    app.drop_events = False
    app.fail()
    booth.end_sweeps()
    booth.forget_pace()
    for service in CANNED:
        _use_model(booth, service)  # its counts begin anew
    _can(booth)
    if booth.is_redeployed:
        booth.await_idle()  # or a function at work would be refused what it had been allowed
        app.redeploy()
    assert not refused


def _use_model(booth, service):
    booth.http("DELETE", f"{booth.app.standins_url}/standins/{service}")


def _can(booth):
    for service, canned in CANNED.items():
        booth.stand_in(service, canned=canned)


@pytest.fixture(scope="session")
def portrait():
    return (PHOTOS / "astronaut.jpg").read_bytes()


@pytest.fixture
def steered(quick):
    """Gives what PUTs settings as staff do, and lets /upload know them at once; afterwards nothing is set."""
    bucket = quick.app.stack.buckets["PageBucket"].name

    def steer(**settings):
        status, _, current = quick.http("GET", f"{quick.url}/event.json")
        version = current["version"] if status == 200 else 0
        body = json.dumps({"version": version} | settings).encode()
        answer = quick.http("PUT", f"{quick.url}/staff/settings", body, bearer(quick.app.staff_token))
        quick.app.restart("Upload")  # what it had read is believed for ten seconds
        return answer[0], answer[2]

    yield steer
    quick.s3.delete_object(Bucket=bucket, Key="event.json")
    quick.app.restart("Upload")
