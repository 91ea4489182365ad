"""The emulated account, and the Region that the booth is in."""

import base64
import hashlib

ACCOUNT = "123456789012"  # moto's default
REGION = "us-east-1"


def access_key(function: str) -> str:
    """An access key id in the form of a role's, made from the function's name."""
    return "ASIA" + hashlib.sha256(function.encode()).hexdigest()[:16].upper()


def session_token(access_key: str) -> str:
    """A role's session token, as long as AWS's, with what has to be percent-encoded in a presigned URL: + / =."""
    return base64.b64encode(hashlib.shake_256(access_key.encode()).digest(751)).decode()
