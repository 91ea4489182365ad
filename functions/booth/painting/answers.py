"""Judges what an image model answered in place of a picture, by what is known (`booth.painting.known_answers`).

What is not known is an `UnknownAnswer`: it never takes the candidate from other pictures, and never fails the picture
while another candidate is left. docs/decisions/0023-unknown-answers.md says why.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from booth.aws.errors import code_of, status_of, typed
from booth.errors import ContentBlocked, OutputBlocked, ServiceUnavailable, Throttled
from booth.painting.endpoint_answers import KNOWN_OF_ENDPOINT
from booth.painting.known_answers import KNOWN, Answer, Meaning

_WORD = re.compile(r"[A-Za-z][A-Za-z_'-]*")
_LONGEST = 200
"""Characters of an answer's known words in the log."""


class CandidateGone(Exception):
    """The model is unavailable in this Region: retired, denied or unknown there. Only known answers say so."""


class RequestRefused(Exception):
    """The model rejects the request as invalid, at once: a defect of ours. Another model may accept it."""


class UnknownAnswer(Exception):
    """The candidate gave neither a picture nor an answer that is known. Its text is what the log may show."""


def find(code: str, text: str, known: Sequence[Answer] = KNOWN, status: int = 0) -> Answer | None:
    """The known answer that an error is; None if there is none.

    Args:
        code: the error's code; empty for a sentence in an answer with HTTP 200.
        text: the sentence.
        status: what the endpoint's container answered, of a ModelError.
    """
    text = text.lower()
    fits = (each for each in known if (not each.codes or code in each.codes) and status in each.statuses)
    return next((each for each in fits if each.part in text), None)


def of_error(error: ClientError) -> Exception:
    """The exception to raise for an error that InvokeModel answered. Its text is for the log.

    ContentBlocked, OutputBlocked, CandidateGone, RequestRefused, Throttled, ServiceUnavailable, UnknownAnswer.
    """
    return _of(error, KNOWN)


def of_endpoint(error: ClientError) -> Exception:
    """The same for an error that InvokeEndpoint answered. It has no filters: neither blocked nor output blocked."""
    return _of(error, KNOWN_OF_ENDPOINT)


def _of(error: ClientError, known: Sequence[Answer]) -> Exception:
    code, text = code_of(error), str(error.response["Error"].get("Message") or "")
    status = error.response.get("OriginalStatusCode")
    if answer := find(code, text, known, status if isinstance(status, int) else 0):
        return _RAISED[answer.meaning](told(code, text))
    passing = typed(error)
    if isinstance(passing, (Throttled, ServiceUnavailable)):
        return passing
    return UnknownAnswer(told(code or str(status_of(error)), text))


def of_sentence(text: object) -> Exception:
    """The same for a sentence of an answer with HTTP 200 that has no picture. CandidateGone is none of them."""
    if not isinstance(text, str) or not text:
        return UnknownAnswer("200: no picture")
    answer = find("", text)
    return (_RAISED[answer.meaning] if answer else UnknownAnswer)(told("200", text))


def parsed(raw: bytes) -> dict[str, Any]:
    """The JSON object that an answer with HTTP 200 is.

    Raises:
        UnknownAnswer: it is JSON, but no object.
        ServiceUnavailable: it is no JSON, which may have happened on its way.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ServiceUnavailable("the model's answer is not JSON") from error
    if not isinstance(value, dict):
        raise UnknownAnswer("200: JSON, but no object")
    return value


_RAISED: dict[Meaning, Callable[[str], Exception]] = {
    Meaning.BLOCKED: ContentBlocked,
    Meaning.RESULT_BLOCKED: OutputBlocked,
    Meaning.RETIRED: CandidateGone,
    Meaning.DENIED: CandidateGone,
    Meaning.REFUSED: RequestRefused,
    Meaning.THROTTLED: Throttled,
    Meaning.BROKEN: ServiceUnavailable,
}


def told(code: str, text: str) -> str:
    """What the log may show of an answer: its code, its words, and a hash by which the same sentence is known again.

    A sentence that nobody knows may quote the prompt or the photo. So only words are shown that known sentences have,
    "..." stands for all others, and numbers count as equal in the hash.
    """
    words = " ".join(word if word.lower() in _VOCABULARY else "..." for word in _WORD.findall(text[:10_000]))
    words = re.sub(r"\.\.\.( \.\.\.)+", "...", words)[:_LONGEST]
    alike = hashlib.sha256(re.sub(r"\d+", "0", text).encode("utf-8", "replace")).hexdigest()[:12]
    return f"{_code(code)}: {words} ({alike})"


def _code(code: str) -> str:
    """A code, unless it is none: then only that it is another one."""
    return code if re.fullmatch(r"[A-Za-z_]{1,60}|\d{1,3}", code) else "another code"


_VOCABULARY = {word.lower() for each in (*KNOWN, *KNOWN_OF_ENDPOINT) for word in _WORD.findall(each.sentence)}
