"""The booths' tokens as the secret holds them: `{"<booth>": "<token>"}`, or a list of tokens while one is rotated.

Nothing here calls AWS.
"""

import json
import re

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{22,}")
"""What fits into the header `Authorization: Bearer` (RFC 6750), and is as long as 128 random bits in base64url."""


def read(text: str) -> tuple[dict[str, list[str]], list[str]]:
    """The tokens that count, by booth, and what is wrong with the others.

    A token that is too short, or has spaces in it as a pass phrase has, counts for nothing: the other ones still do.
    What is said of it names neither the token nor the booth, for the two may have been mixed up.

    Raises:
        ValueError: the text is no JSON object of texts and lists of texts. It is not quoted.
    """
    try:
        booths = json.loads(text)
    except ValueError:
        raise ValueError("the booths' tokens are no JSON text") from None
    found = booths.items() if isinstance(booths, dict) else [("", None)]
    lists = {name: [value] if isinstance(value, str) else value for name, value in found}
    if not all(isinstance(tokens, list) and all(isinstance(t, str) for t in tokens) for tokens in lists.values()):
        raise ValueError("the booths' tokens are not texts, or lists of texts, by booth")
    problems = [
        f"token {place} of {len(tokens)} of booth {number} of {len(lists)} counts for nothing: "
        "one has 22 characters or more, letters, digits and -._~+/=, and no spaces"
        for number, tokens in enumerate(lists.values(), start=1)
        for place, token in enumerate(tokens, start=1)
        if not _TOKEN.fullmatch(token)
    ]
    return {name: [token for token in tokens if _TOKEN.fullmatch(token)] for name, tokens in lists.items()}, problems
