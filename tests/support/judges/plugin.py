"""Has everything judged that goes over a wire in a test (docs/decisions/0029-judges.md)."""

import pytest

from tests.support.judges.watch import STANDINS_SAID, WATCH


def pytest_configure() -> None:
    WATCH.install()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item):
    WATCH.rests, WATCH.strange = item.get_closest_marker("strange_answers") is not None, False
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown():
    yield
    if said := WATCH.take():
        pytest.fail("AWS has it otherwise:\n" + "\n".join(said), pytrace=False)
    if WATCH.rests and not WATCH.strange:
        pytest.fail("Its services answer as AWS's do: it needs no mark strange_answers.", pytrace=False)


def pytest_unconfigure() -> None:
    STANDINS_SAID.unlink(missing_ok=True)
