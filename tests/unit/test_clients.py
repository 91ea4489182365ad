"""The clients: an answer that is mangled on its way is no answer."""

import zlib

import pytest
from werkzeug.wrappers import Response

from booth.aws import executions
from booth.errors import ServiceUnavailable
from booth.runs import store

NONSENSE = {
    "garbage": Response(b"<garbage"),
    "half of it": Response(b'{"Item": {"pk"'),
    "none of it": Response(iter([b""]), headers={"Content-Length": "2"}),
    "another checksum": Response(b"{}", headers={"x-amz-crc32": str(zlib.crc32(b'{"Item": {}}'))}),
}


@pytest.mark.strange_answers("mangled on their way")
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_a_record_is_not_missing_because_its_answer_is_mangled(aws, answer):
    aws.answer = lambda request: answer
    with pytest.raises(ServiceUnavailable):
        store.find("run")


def test_a_right_answer_without_a_record(aws):
    headers = {"x-amz-crc32": str(zlib.crc32(b"{}"))}
    aws.answer = lambda request: Response(b"{}", headers=headers, content_type="application/x-amz-json-1.0")
    assert store.find("run") is None


@pytest.mark.strange_answers("mangled on its way")
def test_an_execution_was_not_started_because_of_a_mangled_answer(aws):
    aws.answer = lambda request: NONSENSE["garbage"]
    with pytest.raises(ServiceUnavailable):
        executions.start("run")


@pytest.mark.strange_answers("mangled on their way")
@pytest.mark.parametrize("answer", NONSENSE)
def test_a_refusal_that_is_mangled_is_no_error_of_ours(aws, answer):
    given = NONSENSE[answer]
    aws.answer = lambda request: Response(given.response, status=400, headers=given.headers)
    with pytest.raises(ServiceUnavailable):
        store.find("run")
