"""Who calls. A booth proves itself with a token; a visitor's phone needs its unguessable requestId and nothing else."""

import hmac
import os
from typing import Any

from booth import settings
from booth.errors import BoothTokenNeeded

OPEN = "open"
"""The name under which all booths count where none needs a token."""


def booth_of(event: dict[str, Any]) -> str:
    """Name of the booth that makes this call (an API Gateway event). Raises BoothTokenNeeded."""
    secret = os.environ["BOOTH_TOKENS"]
    if not secret:
        return OPEN
    scheme, _, given = event.get("headers", {}).get("authorization", "").partition(" ")
    caller = given.strip().encode(errors="replace")
    found = ""
    # All are compared, each in constant time: how long it takes tells nothing about any of them.
    for booth, tokens in settings.booth_tokens(secret).items():
        for token in tokens:
            if hmac.compare_digest(token.encode(), caller):
                found = booth
    if not found or scheme.lower() != "bearer":
        raise BoothTokenNeeded("This booth is not signed in. Please call somebody.")
    return found
