"""The interpreter, shared by the tests of a module."""

import pytest

from tests.support.engine import Engine


@pytest.fixture(scope="module")
def engine():
    """The photo machine in the interpreter."""
    with Engine() as engine:
        yield engine
