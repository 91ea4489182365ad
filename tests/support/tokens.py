"""Booths' tokens."""

OLD, NEW, OTHER = "the-old-token-of-booth-1", "the-new-token-of-booth-1", "the-token-of-the-booth-2"
PHRASE = "correct horse battery-staple-and-more"
"""No token: nobody gets in with it."""


def give_tokens(booth, value):
    """Writes the secret that holds them."""
    [secret] = booth.app.stack.secrets.values()
    booth.app.client("secretsmanager").put_secret_value(SecretId=secret.name, SecretString=value)
