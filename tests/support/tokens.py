"""Booths' and staff's tokens."""

import json

OLD, NEW, OTHER = "the-old-token-of-booth-1", "the-new-token-of-booth-1", "the-token-of-the-booth-2"
PHRASE = "correct horse battery-staple-and-more"
"""No token: nobody gets in with it."""


def give_tokens(booth, value):
    """Writes the secret that holds the booths'."""
    secret = booth.app.stack.secrets["BoothTokens"]
    booth.app.client("secretsmanager").put_secret_value(SecretId=secret.name, SecretString=value)


def made_token(booth):
    """The booths' one that the stack made."""
    secret = booth.app.stack.secrets["BoothTokens"]
    text = booth.app.client("secretsmanager").get_secret_value(SecretId=secret.name)["SecretString"]
    return json.loads(text)["booth"]


def bearer(token):
    """Headers of a JSON request with this token; "": with none."""
    return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
