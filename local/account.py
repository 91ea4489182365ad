"""The emulated account."""

ACCOUNT = "123456789012"
