"""The booths' tokens as the secret holds them: `{"<booth>": "<token>"}`, or a list of tokens while one is rotated.

A token that is too short, or has spaces in it as a pass phrase has, counts for nothing; the other ones still do.
Nothing here calls AWS, and no error quotes the secret.
"""

import json
import re

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{22,}")
"""What fits into the header `Authorization: Bearer` (RFC 6750), and is as long as 128 random bits in base64url."""


def read(text: str) -> dict[str, list[str]]:
    """The tokens that count, by booth. Raises ValueError: the text is no JSON object of texts and lists of texts."""
    return {booth: [token for token in given if _TOKEN.fullmatch(token)] for booth, given in _all(text).items()}


def problems(text: str) -> list[str]:
    """What is wrong with the text, sentence by sentence.

    Neither a token nor a booth is named, for an operator may have mixed the two up.
    """
    try:
        booths = _all(text)
    except ValueError as error:
        return [str(error)]
    return [
        f"token {place} of {len(given)} of booth {number} of {len(booths)} counts for nothing: "
        "one has 22 characters or more, letters, digits and -._~+/=, and no spaces"
        for number, given in enumerate(booths.values(), start=1)
        for place, token in enumerate(given, start=1)
        if not _TOKEN.fullmatch(token)
    ]


def _all(text: str) -> dict[str, list[str]]:
    try:
        booths = json.loads(text)
    except ValueError:
        raise ValueError("the booths' tokens are no JSON text") from None
    found = booths.items() if isinstance(booths, dict) else [("", None)]
    lists = {name: [value] if isinstance(value, str) else value for name, value in found}
    if not all(isinstance(given, list) and all(isinstance(t, str) for t in given) for given in lists.values()):
        raise ValueError("the booths' tokens are not texts, or lists of texts, by booth")
    return lists
