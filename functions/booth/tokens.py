"""Parses a secret with tokens, the booths' or staff's: `{"<name>": "<token>"}`, or a list of tokens during a rotation.

A token that is too short or contains spaces is ignored; the others stay valid. Nothing here calls AWS, and no error
quotes the secret.
"""

import json
import re
from typing import Any

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{22,}")
"""The characters of RFC 6750's `Authorization: Bearer`; at least as long as 128 random bits in base64url."""


def read(text: str) -> dict[str, list[str]]:
    """The valid tokens, by name. Raises ValueError if the text is no JSON object of strings and lists of strings."""
    return {name: [token for token in given if _TOKEN.fullmatch(token)] for name, given in _parsed(text).items()}


def problems(text: str) -> list[str]:
    """Problems of the text, one sentence each; empty if there are none.

    Neither tokens nor names are quoted, for an operator may have mixed them up.
    """
    try:
        names = _parsed(text)
    except ValueError as error:
        return [str(error)]
    return [
        f"token {place} of {len(given)} of name {number} of {len(names)} counts for nothing: "
        "one has 22 characters or more, letters, digits and -._~+/=, and no spaces"
        for number, given in enumerate(names.values(), start=1)
        for place, token in enumerate(given, start=1)
        if not _TOKEN.fullmatch(token)
    ]


def _parsed(text: str) -> dict[str, list[str]]:
    try:
        names = json.loads(text)
    except ValueError:
        raise ValueError("the tokens are no JSON text") from None
    found = names.items() if isinstance(names, dict) else [("", None)]
    lists: dict[str, Any] = {name: [value] if isinstance(value, str) else value for name, value in found}
    if not all(isinstance(given, list) and all(isinstance(t, str) for t in given) for given in lists.values()):
        raise ValueError("the tokens are not texts, or lists of texts, by name")
    return lists
