"""What image models answer in place of a picture: each known answer, and any other under every code of InvokeModel."""

import re

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as some

from booth.errors import ContentBlocked, OutputBlocked, ServiceUnavailable, Throttled
from booth.painting import answers
from booth.painting.endpoint_answers import KNOWN_OF_ENDPOINT
from booth.painting.known_answers import GONE, KNOWN, REFUSALS, Meaning

MODEL = boto3.Session().client("bedrock-runtime", "us-east-1").meta.service_model
CODES = {
    shape.name: shape.metadata["error"]["httpStatusCode"] for shape in MODEL.operation_model("InvokeModel").error_shapes
}
STATUSES = CODES | {"MPAgreementBeingCreated": 403, "InternalFailure": 500, "overloaded_error": 529}
PASSING = (Throttled, ServiceUnavailable)
FINAL = (ContentBlocked, OutputBlocked)
ELSEWHERE = (answers.CandidateGone, answers.RequestRefused, answers.UnknownAnswer)


def error(code, text, status=None):
    answer = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status or CODES[code]}}
    return ClientError(answer, "InvokeModel")


def test_the_table_names_each_code_of_botocores_model():
    by_code = {code for each in KNOWN if not each.part for code in each.codes}
    assert CODES.keys() <= by_code | set(REFUSALS)
    assert not by_code & set(REFUSALS), "their sentences must be known"


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.sentence[:60])
def test_each_known_answer_is_found_by_its_sentence_and_has_a_source(known):
    assert known.part in known.sentence.lower()
    for code in known.codes or ("", *CODES):
        found = answers.find(code, known.sentence)
        assert found.meaning == known.meaning
    assert known.source
    assert bool(known.todo) == (known.meaning in GONE), "what the operator can do about a candidate that is gone"


@pytest.mark.parametrize("known", [each for each in KNOWN if each.codes], ids=lambda known: known.sentence[:60])
def test_each_known_error_is_raised_as_what_it_means(known):
    kinds = {
        Meaning.RETIRED: answers.CandidateGone,
        Meaning.DENIED: answers.CandidateGone,
        Meaning.REFUSED: answers.RequestRefused,
        Meaning.THROTTLED: Throttled,
        Meaning.BROKEN: ServiceUnavailable,
    }
    for code in known.codes:
        status = STATUSES.get(code, 503)
        assert type(answers.of_error(error(code, known.sentence, status))) is kinds[known.meaning]


SAID = some.sampled_from([each.sentence for each in KNOWN])
TEXTS = some.one_of(
    some.text(),
    SAID,
    some.builds(lambda said, cut: said[: len(said) * cut // 100], SAID, some.integers(0, 99)),
    some.builds(lambda said, cut: said[len(said) * cut // 100 :], SAID, some.integers(1, 99)),
    some.builds(lambda *said: " ".join(said), some.text(), SAID, some.text()),
    some.builds(str.upper, SAID),
)


@given(some.sampled_from(sorted(CODES)), TEXTS)
def test_no_sentence_under_any_code_takes_a_candidate_out_unless_it_is_known_to_mean_that(code, text):
    raised = answers.of_error(error(code, text))
    assert isinstance(raised, PASSING + FINAL + ELSEWHERE), "typed"
    parts = [each.part for each in KNOWN if each.meaning in GONE and code in each.codes]
    if isinstance(raised, answers.CandidateGone):
        assert code in REFUSALS
        assert any(part in text.lower() for part in parts)


@given(some.text(), some.text(), some.integers(300, 599))
def test_no_code_at_all_takes_a_candidate_out_or_fails_a_picture(code, text, status):
    raised = answers.of_error(error(code, text, status))
    assert isinstance(raised, (*PASSING, answers.UnknownAnswer)) or answers.find(code, text)


@pytest.mark.parametrize(("status", "kind"), [(429, Throttled), (408, ServiceUnavailable), (503, ServiceUnavailable)])
def test_a_code_that_is_not_known_passes_if_its_status_says_so(status, kind):
    assert type(answers.of_error(error("ANewException", "x", status))) is kind


def test_an_error_without_a_sentence_is_told_by_its_code():
    for nothing in (None, ""):
        assert str(answers.of_error(error("ValidationException", nothing))).startswith("ValidationException:  (")
    assert str(answers.of_error(error("", "", 418))).startswith("418:  (")


@given(TEXTS | some.none() | some.integers() | some.lists(some.text()))
def test_no_sentence_of_an_answer_with_200_takes_a_candidate_out(text):
    assert isinstance(answers.of_sentence(text), (*FINAL, ServiceUnavailable, answers.UnknownAnswer))


@given(some.sampled_from(sorted(CODES)), some.text() | some.text("abc XYZ-", max_size=300))
def test_the_log_shows_no_word_that_is_not_of_a_known_sentence(code, text):
    told = answers.told(code, text)
    words = re.fullmatch(rf"{code}: (.*) \([0-9a-f]{{12}}\)", told)[1].replace("...", "").split()
    known = {
        word.lower() for each in (*KNOWN, *KNOWN_OF_ENDPOINT) for word in re.findall(r"[A-Za-z_'-]+", each.sentence)
    }
    assert {word.lower() for word in words[:-1]} <= known, "the last one may be cut"
    assert len(told) < 350


def test_the_same_sentence_has_the_same_hash_whatever_its_numbers():
    first, same, other = (
        answers.told("X", text)[-14:] for text in ("at most 512, not 536", "at most 512, not 7", "no")
    )
    assert first == same != other


# InvokeEndpoint's

ENDPOINT = boto3.Session().client("sagemaker-runtime", "us-east-1").meta.service_model.operation_model("InvokeEndpoint")
OF_ENDPOINT = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in ENDPOINT.error_shapes}


def endpoints_error(code, text="", status=None, original=None):
    answer = {"Error": {"Code": code, "Message": text}}
    answer["ResponseMetadata"] = {"HTTPStatusCode": status or OF_ENDPOINT[code]}
    return ClientError(answer | ({} if original is None else {"OriginalStatusCode": original}), "InvokeEndpoint")


def test_the_endpoints_table_names_each_code_of_botocores_model():
    assert OF_ENDPOINT.keys() <= {code for each in KNOWN_OF_ENDPOINT for code in each.codes}
    for each in KNOWN_OF_ENDPOINT:
        assert each.part in each.sentence.lower() and each.source
        assert bool(each.todo) == (each.meaning in GONE)
        assert each.part or each.meaning not in GONE, "no code alone takes the endpoint from everybody"


@pytest.mark.parametrize(
    ("code", "text", "original", "kind"),
    [
        ("ModelError", "", 429, Throttled),
        ("ModelError", "", 503, ServiceUnavailable),
        ("ModelError", "", 500, ServiceUnavailable),
        ("ModelError", "", 408, ServiceUnavailable),
        ("ModelError", "", 0, ServiceUnavailable),
        ("ModelError", "", None, ServiceUnavailable),
        ("ModelError", "", "x", ServiceUnavailable),
        ("ModelError", "", 400, answers.RequestRefused),
        ("ModelError", "", 413, answers.RequestRefused),
        ("ModelError", "Endpoint a of account 1 not found.", 404, answers.RequestRefused),
        ("ValidationError", "Endpoint a of account 1 not found.", None, answers.CandidateGone),
        ("ValidationException", "Endpoint a of account 1 not found.", None, answers.CandidateGone),
        ("ValidationError", "1 validation error detected: Value at 'body'", None, answers.RequestRefused),
        ("ValidationError", "In words that nobody knows.", None, answers.UnknownAnswer),
        (
            "AccessDeniedException",
            "User: a is not authorized to perform: sagemaker:InvokeEndpoint on resource: b",
            None,
            answers.CandidateGone,
        ),
        ("AccessDeniedException", "In words that nobody knows.", None, answers.UnknownAnswer),
        ("ANewException", "", None, answers.UnknownAnswer),
        ("ModelNotReadyException", "", None, Throttled),
        ("ThrottlingException", "Rate exceeded", None, Throttled),
        ("ServiceUnavailable", "", None, ServiceUnavailable),
        ("InternalFailure", "", None, ServiceUnavailable),
        ("InternalDependencyException", "", None, ServiceUnavailable),
    ],
)
def test_each_error_of_the_endpoint_is_raised_as_what_it_means(code, text, original, kind):
    status = OF_ENDPOINT.get(code, 403 if "Denied" in code else 400)
    assert type(answers.of_endpoint(endpoints_error(code, text, status, original))) is kind


@given(
    some.sampled_from([*OF_ENDPOINT, "AccessDeniedException", "ANewException"]),
    some.text() | some.sampled_from([each.sentence for each in KNOWN_OF_ENDPOINT]),
    some.none() | some.integers(-1, 999),
)
def test_no_sentence_of_the_container_takes_the_endpoint_out(code, text, original):
    raised = answers.of_endpoint(endpoints_error(code, text, OF_ENDPOINT.get(code, 400), original))
    assert isinstance(raised, PASSING + ELSEWHERE), "typed"
    if isinstance(raised, answers.CandidateGone):
        assert code != "ModelError"
        assert "not found" in text.lower() or "is not authorized to perform: sagemaker:" in text.lower()
