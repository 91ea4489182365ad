"""Warming, with all of the application: what /upload calls goes through its own rights, and beside runs under way."""

import re
from collections import Counter

import pytest

from tests.support.photos import photo
from tests.support.waiting import await_true

INVOKE = "lambda:InvokeFunction"
STEPS = ("DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "Admit", "GenerateImage", "Finish")
RUN = Counter({**dict.fromkeys(STEPS, 1), "GenerateImage": 3}) - Counter(["Admit"])
"""How often a photo with one face and three pictures invokes each step; Admit is for turns that are lost or late."""
ROUND = Counter(dict.fromkeys(STEPS, 1) | {"GenerateImage": 3, "SegmentCrop": 3})
"""How many environments are asked for."""


@pytest.fixture
def booth(quick):
    quick.redeploy(WarmAhead="true")
    names = {function.name: name for name, function in quick.app.stack.functions.items()}

    def invoked():
        """How often each step has been invoked since the last look, refused ones included."""
        lines = quick.app.log_path.read_text("utf-8").splitlines()
        told = [re.match(r"\[(\S+)\] REPORT ", line) for line in lines[quick.seen :]]
        return Counter(names[match[1]] for match in told if match and names[match[1]] in STEPS)

    def look():
        quick.seen = len(quick.app.log_path.read_text("utf-8").splitlines())

    look()
    quick.invoked, quick.look = invoked, look
    return quick


def test_a_photo_that_its_functions_are_warmed_for_ends_as_any_other(booth):
    uploaded, result = booth.process(photo())
    assert result["status"] == "SUCCEEDED"
    assert len(booth.executions(booth.record(uploaded)["run"])) == 1
    await_true(lambda: booth.invoked() == RUN + ROUND)
    calls = {call for function, call in booth.app.calls("made") if (function, call.action) == ("Upload", INVOKE)}
    [allowed] = [each["Resource"] for each in booth.app.stack.policies["Upload"] if each["Action"] == INVOKE]
    assert {call.resource for call in calls} == set(allowed)

    booth.look()
    _, again = booth.process(photo())
    assert again["status"] == "SUCCEEDED"
    await_true(lambda: booth.invoked() == RUN)  # not so soon again


def test_a_call_that_uploads_nothing_warms_too_and_counts_as_no_photo(booth):
    booth.redeploy(WarmAhead="true", PhotosPerMinute="1")
    booth.look()
    status, _, answer = booth.post("/upload", {})
    assert (status, answer["statusCode"]) == (400, 400)
    await_true(lambda: booth.invoked() == ROUND)
    _, result = booth.process(photo())
    assert result["status"] == "SUCCEEDED"
    await_true(lambda: booth.invoked() == RUN + ROUND)
