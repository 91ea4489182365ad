"""The whole application, as tests/support/application.py has it."""

import json

import pytest

from tests.support.tokens import NEW, OLD, OTHER, PHRASE, give_tokens


@pytest.fixture
def guarded(quick):
    """Booths need a token: booth 1 has two at the moment, booth 2 has one, and nobody has a pass phrase."""
    quick.redeploy(Access="token", PhotosPerMinute="30")
    give_tokens(quick, json.dumps({"booth-1": [OLD, NEW], "booth-2": OTHER, "nobody": ["", PHRASE], "none": []}))
    return quick
